//! The command line: help, wrong usage, wrong config, no cluster.

use std::{net::TcpListener, time::Duration};

use tokio::time::Instant;

use crate::support::{Scene, TO_A_FILE, assert_like, assert_text, until};

fn kubeconfig(server: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         clusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n\
         contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
         users: [{{name: u, user: {{token: t}}}}]\n"
    )
}

#[tokio::test]
async fn help_is_the_text_that_is_documented() {
    let scene = Scene::new("");
    for (arguments, name) in [
        ("--help", "help.txt"),
        ("run --help", "run-help.txt"),
        ("route --help", "route-help.txt"),
        ("render --help", "render-help.txt"),
        ("test --help", "test-help.txt"),
        ("send-test --help", "send-test-help.txt"),
        ("diff --help", "diff-help.txt"),
        ("lanes --help", "lanes-help.txt"),
        ("parked --help", "parked-help.txt"),
        ("replay --help", "replay-help.txt"),
    ] {
        let ended = scene.run(arguments).await;
        assert_eq!((ended.code, &*ended.log), (Some(0), ""));
        assert_text(&ended.out, name);
    }
}

#[tokio::test]
async fn without_arguments_there_is_help_and_a_mistake() {
    let ended = Scene::new("").run("").await;
    assert_eq!(ended.code, Some(2));
    assert_text(&ended.log, "help.txt");
}

#[tokio::test]
async fn the_version_is_told() {
    let ended = Scene::new("").run("--version").await;
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.out, format!("tidings {}\n", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn a_source_and_a_cluster_exclude_each_other() {
    for other in ["--kubeconfig k", "--context c"] {
        let ended = Scene::new("").run(&format!("run --source x {other}")).await;
        assert_eq!(ended.code, Some(2));
        assert_like(
            &ended.log,
            "error: the argument '--source <FILE|->' cannot be used with '*'\n\n\
             Usage: tidings run --source <FILE|->*\n\n\
             For more information, try '--help'.\n",
        );
    }
}

#[tokio::test]
async fn every_mistake_in_a_config_is_told_and_nothing_starts() {
    let scene = Scene::new(
        "logFormat: yaml\nreceivers:\n- stdout: {}\n- name: b\n  pigeon: {}\n- name: c\n  repeats: often\n  stdout: {}\n",
    );
    let ended = scene.run("run --config config.yaml --source x").await;
    assert_eq!(ended.code, Some(3));
    assert_eq!(
        ended.log,
        "error: the config is wrong\n\
         config.yaml:1:12: mistake: logFormat: `yaml` is neither `json` nor `pretty`\n \
         1 | logFormat: yaml\n   \
           |            ^^^^\n   \
           hint: write one of the two\n\
         config.yaml:4:3: mistake: receivers[1]: `b` has no kind that is known\n \
         4 | - name: b\n   \
           |   ^^^^^^^\n   \
           hint: docs/reference/receivers.md has the kinds of this version\n\
         config.yaml:7:12: mistake: receivers[2].repeats: `often` is not one of `first`, `every`, `exponential`, `{every: 5m}` or `{factor: 10}`\n \
         7 |   repeats: often\n   \
           |            ^^^^^\n"
    );
}

#[tokio::test]
async fn a_config_that_is_no_yaml_is_told_with_its_place() {
    let ended = Scene::new("route:\n  - [\n").run("run --config config.yaml --source x").await;
    assert_eq!(ended.code, Some(3));
    assert_eq!(
        ended.log,
        "error: the config is wrong\n\
         config.yaml:2:5: mistake: this is no YAML: unclosed bracket '['\n \
         2 |   - [\n   \
           |     ^\n"
    );
}

#[tokio::test]
async fn settings_that_a_receiver_can_never_use_are_a_wrong_config() {
    let scene = Scene::new("receivers:\n- {name: hook, webhook: {endpoint: 'ftp://x/'}}\n");
    scene.write("input", "");
    let ended = scene.run("run --config config.yaml --source input").await;
    assert_eq!(ended.code, Some(3));
    assert_eq!(
        ended.log,
        "error: the config is wrong\n\
         config.yaml:2:36: mistake: receivers[0].webhook.endpoint: must begin with `http://` or `https://`\n \
         2 | - {name: hook, webhook: {endpoint: ***}}\n   \
           |                                    ^^^\n"
    );
}

#[tokio::test]
async fn a_config_that_is_not_there_is_a_wrong_config() {
    let ended = Scene::new("").run("run --config nowhere.yaml").await;
    assert_eq!(ended.code, Some(3));
    assert_eq!(
        ended.log,
        "error: the config is wrong\n\
         nowhere.yaml: mistake: the config cannot be read: No such file or directory (os error 2)\n   \
           hint: give the path of a config with --config\n"
    );
}

#[tokio::test]
async fn without_any_cluster_it_says_what_it_tried_and_shows_the_demo() {
    let ended = Scene::new("").run("run").await;
    assert_eq!(ended.code, Some(4));
    assert_like(
        &ended.log,
        "INFO tidings *, config none (everything goes to the terminal)\n\
         error: no cluster is configured: not in a cluster (no service account), and the kubeconfig cannot be used: failed to read kubeconfig from '\"FOLDER/home/.kube/config\"': No such file or directory (os error 2)\n\
         hint: give one with --kubeconfig or --context; `tidings demo` shows a pretend cluster meanwhile\n",
    );
}

#[tokio::test]
async fn a_context_that_is_not_there_is_named() {
    let scene = Scene::new("");
    scene.write("kubeconfig", kubeconfig("http://127.0.0.1:1"));
    let ended = scene.run("run --kubeconfig kubeconfig --context prod").await;
    assert_eq!(ended.code, Some(4));
    assert!(ended.log.contains("prod"), "{}", ended.log);
    assert!(ended.log.contains("`tidings demo`"), "{}", ended.log);
}

/// At a terminal: over within this time, with everything that a person needs to go on.
async fn check_unreachable(server: &str) {
    let scene = Scene::new("");
    scene.write("kubeconfig", kubeconfig(server));
    let began = Instant::now();
    let ended = scene.run("run --kubeconfig kubeconfig").await;
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    assert_eq!(ended.code, Some(4));
    let error = &ended.log[ended.log.find("\nerror:").unwrap() + 1..];
    assert_like(
        error,
        &format!(
            "error: the API server at {server}/ does not answer\n  \
             because: *\n\
             hint: check the kubeconfig and the network; `tidings demo` shows a pretend cluster meanwhile\n"
        ),
    );
}

#[tokio::test]
async fn a_cluster_that_refuses_connections_is_given_up_at_a_terminal() {
    check_unreachable("http://127.0.0.1:1").await;
}

#[tokio::test]
async fn a_cluster_that_accepts_and_never_answers_is_given_up_at_a_terminal() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    check_unreachable(&format!("http://{}", silent.local_addr().unwrap())).await;
}

#[tokio::test]
async fn a_service_waits_for_its_cluster_until_it_is_stopped() {
    let scene = Scene::new(TO_A_FILE);
    scene.write("kubeconfig", kubeconfig("http://127.0.0.1:1"));
    let life = scene.start("run --config config.yaml --kubeconfig kubeconfig");
    let began = Instant::now();
    let waits = || life.log().matches("waiting for the API server at http://127.0.0.1:1/").count();
    // Longer than a person waits at a terminal.
    until(|| waits() >= 4 && began.elapsed() > Duration::from_secs(12), || life.log()).await;
    life.terminate();
    let ended = life.ends().await;
    assert_eq!(ended.code, Some(4));
    assert!(
        ended.log.ends_with("error: stopped while waiting for the API server\n"),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn a_service_whose_cluster_never_answers_stops_when_asked() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", silent.local_addr().unwrap());
    let scene = Scene::new(TO_A_FILE);
    scene.write("kubeconfig", kubeconfig(&server));
    let life = scene.start("run --config config.yaml --kubeconfig kubeconfig");
    // It has connected.
    let (_connection, _) =
        tokio::task::spawn_blocking(move || silent.accept().unwrap()).await.unwrap();
    let began = Instant::now();
    life.terminate();
    let ended = life.ends().await;
    assert_eq!(ended.code, Some(4), "{}", ended.log);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}
