//! `tidings check`, and the command line of kubernetes-event-exporter.

use crate::support::{Cluster, Hook, Scene, TO_A_FILE, nowhere};

const USABLE: &str =
    "route: {match: [{receiver: a}]}\nreceivers: [{name: a, stdout: {}}]\nclusterNam: x\n";

#[tokio::test]
async fn a_usable_config_is_told_as_such_with_its_warnings() {
    let scene = Scene::new(USABLE);
    let ended = scene.run("check").await;
    assert_eq!((ended.code, &*ended.log), (Some(0), ""));
    assert_eq!(
        ended.out,
        "config.yaml:3:1: warning: clusterNam: this key is not known, so it is ignored\n \
         3 | clusterNam: x\n   \
           | ^^^^^^^^^^\n   \
           hint: did you mean `clusterName`?\n\
         config.yaml: 1 warning\n"
    );
    let ended = scene.run("check config.yaml --strict").await;
    assert_eq!(ended.code, Some(3));
    assert!(ended.out.ends_with("\nconfig.yaml: 1 mistake\n"), "{}", ended.out);
    let ended = scene.run("run --config config.yaml --strict --source -").await;
    assert_eq!(ended.code, Some(3));
    scene.write("good.yaml", "");
    let ended = scene.run("check good.yaml").await;
    assert_eq!((ended.code, &*ended.out), (Some(0), "good.yaml: nothing to complain of\n"));
}

#[tokio::test]
async fn a_run_logs_the_same_warnings() {
    let scene = Scene::new(USABLE);
    scene.write("input", "");
    let ended = scene.run("run --config config.yaml --source input").await;
    assert_eq!(ended.code, Some(0));
    assert_eq!(
        ended.lines_with("WARN"),
        [
            "WARN config.yaml:3:1: clusterNam: this key is not known, so it is ignored; did you mean `clusterName`?"
        ]
    );
}

#[tokio::test]
async fn what_only_a_kind_knows_is_told_with_its_line() {
    let scene = Scene::new(
        "logLevel: loud\nreceivers:\n- name: hook\n  webhook:\n    endpoint: ftp://x/\nroute: {match: [{receiver: hook}]}\n",
    );
    let ended = scene.run("check").await;
    assert_eq!(ended.code, Some(3));
    assert_eq!(
        ended.out,
        "config.yaml:1:11: mistake: logLevel: `loud` is no level\n \
         1 | logLevel: loud\n   \
           |           ^^^^\n   \
           hint: write `trace`, `debug`, `info`, `warn` or `error`\n\
         config.yaml:5:15: mistake: receivers[0].webhook.endpoint: must begin with `http://` or `https://`\n \
         5 |     endpoint: ***\n   \
           |               ^^^\n\
         config.yaml: 2 mistakes\n"
    );
}

#[tokio::test]
async fn a_program_reads_one_document() {
    let ended = Scene::new("logLevel: loud\n").run("check --format json").await;
    assert_eq!(ended.code, Some(3));
    assert_eq!(
        ended.out,
        r#"{
  "file": "config.yaml",
  "usable": false,
  "mistakes": 1,
  "warnings": 0,
  "findings": [
    {
      "severity": "mistake",
      "file": "config.yaml",
      "line": 1,
      "column": 11,
      "path": "logLevel",
      "message": "`loud` is no level",
      "hint": "write `trace`, `debug`, `info`, `warn` or `error`"
    }
  ]
}
"#
    );
    let ended = Scene::new("").run("check nowhere.yaml --format json").await;
    assert_eq!(ended.code, Some(3));
    assert!(ended.out.contains("\"line\": null"), "{}", ended.out);
}

#[tokio::test]
async fn the_effective_config_is_printed_without_secrets_and_can_be_read_again() {
    let scene = Scene::new(
        "clusterName: 1.0\nnamespace: shop\nroute:\n  drop: []\n  match:\n  - {labels: {app: ''}, receiver: hook}\nreceivers:\n- name: hook\n  webhook:\n    endpoint: https://ann:s3cret@example.com/T0/s3cret\n    headers: {X: s3cret, Y: $HOME}\n    timeout: 5s\n",
    );
    let ended = scene.run("check --print-config").await;
    assert_eq!((ended.code, &*ended.log), (Some(0), ""));
    let expected = "logLevel: info
logFormat: pretty
maxEventAgeSeconds: 5
clusterName: \"1\"
namespaces:
  include:
  - shop
";
    assert!(ended.out.starts_with(expected), "{}", ended.out);
    assert!(!ended.out.contains("s3cret"), "{}", ended.out);
    assert!(ended.out.contains("endpoint: https://example.com/***"), "{}", ended.out);
    assert!(ended.out.contains("timeout: 5s"), "{}", ended.out);
    scene.write("config.yaml", &ended.out);
    let again = scene.run("check --print-config").await;
    assert_eq!((again.code, again.log), (Some(0), String::new()));
    assert_eq!(again.out, ended.out);
}

#[tokio::test]
async fn receivers_are_asked_and_sent_nothing() {
    let hook = Hook::start(|_| 200).await;
    let config = |url: &str| {
        format!(
            "route: {{match: [{{receiver: a}}, {{receiver: hook}}]}}\nreceivers:\n- {{name: a, stdout: {{}}}}\n- {{name: hook, webhook: {{endpoint: '{url}'}}}}\n"
        )
    };
    let scene = Scene::new(&config(&hook.url()));
    let ended = scene.run("check --probe").await;
    assert_eq!(ended.code, Some(0), "{}", ended.out);
    let url = hook.url();
    let place = url.trim_end_matches('/');
    assert_eq!(
        ended.out,
        format!(
            "receiver a (stdout): cannot be asked without sending an event\n\
             receiver hook (webhook): {place} answered 200 OK to HEAD\n\
             config.yaml: nothing to complain of\n"
        )
    );
    // One request without a body.
    assert_eq!(hook.taken(), [""]);
    scene.write("config.yaml", config(&format!("http://{}/", nowhere())));
    let ended = scene.run("check --probe").await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("receiver hook (webhook): unavailable: "), "{}", ended.out);
}

#[tokio::test]
async fn the_command_line_of_the_original_starts_a_run() {
    let cluster = Cluster::start().await;
    let scene = Scene::with_cluster(TO_A_FILE, &cluster);
    for arguments in [
        "-conf=config.yaml -kubeconfig kubeconfig --state=state",
        "--kubeconfig=kubeconfig -metrics-address=127.0.0.1:0 --state state",
    ] {
        let life = scene.start(arguments);
        life.says("INFO watching").await;
        life.stops().await;
    }
    let ended = scene.run("-conf nowhere.yaml").await;
    assert_eq!(ended.code, Some(3));
    let ended = scene.run("-conf config.yaml -unknown").await;
    assert_eq!(ended.code, Some(2));
}
