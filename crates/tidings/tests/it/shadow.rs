//! `tidings run --shadow` and `tidings diff`: beside an exporter that runs, sending nothing.

use serde_json::Value;

use crate::support::{Cluster, Hook, Scene, core, document, nowhere};

fn config(url: &str) -> String {
    format!(
        "omitLookup: true\nroute: {{match: [{{receiver: hook}}, {{type: Warning, receiver: file}}]}}\nreceivers:\n\
         - {{name: hook, webhook: {{endpoint: '{url}', layout: {{name: '{{{{ .Name }}}}', n: 7}}}}}}\n\
         - {{name: file, repeats: every, file: {{path: events.jsonl}}}}\n"
    )
}

fn line(receiver: &str, name: &str, revision: u64, body: &str) -> String {
    let body = Value::from(body);
    format!(
        r#"{{"receiver":"{receiver}","id":"uid-{name}/{revision}","uid":"uid-{name}","resourceVersion":"{revision}","name":"{name}","body":{body}}}"#
    )
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

#[tokio::test]
async fn a_shadow_writes_what_would_be_sent_and_sends_nothing() {
    let scene = Scene::new(&config(&format!("http://{}/", nowhere())));
    scene.write("input", format!("{}\n{}\n", core("a", 5, 1), core("a", 6, 3)));
    let lines = [
        line("file", "a", 5, &format!("{}\n", document("a", 5, 1))),
        line("file", "a", 6, &format!("{}\n", document("a", 6, 3))),
        line("hook", "a", 5, "{\"n\":7,\"name\":\"a\"}"),
    ];
    let ended = scene.run("run --config config.yaml --source input --shadow").await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(sorted(ended.out.lines().map(str::to_owned).collect()), lines);
    assert!(
        ended.log.starts_with(
            "INFO shadow: nothing is sent to any receiver; what would be is written to standard output\n"
        ),
        "{}",
        ended.log
    );
    assert!(!scene.path("events.jsonl").exists());
    let ended = scene
        .run("run --config config.yaml --source input --shadow --shadow-out shadow.ndjson --state state")
        .await;
    assert_eq!((ended.code, &*ended.out), (Some(0), ""), "{}", ended.log);
    assert_eq!(sorted(scene.lines("shadow.ndjson")), lines);
    // Not where a real run keeps its state.
    assert!(scene.path("state/shadow/journal.db").exists());
    assert!(!scene.path("state/journal.db").exists());
}

#[tokio::test]
async fn a_file_to_write_to_needs_a_shadow_and_must_be_writable() {
    let scene = Scene::new(&config("http://127.0.0.1:1/"));
    let ended = scene.run("run --config config.yaml --shadow-out x").await;
    assert_eq!(ended.code, Some(2));
    let ended = scene.run("run --config config.yaml --source x --shadow --shadow-out no/x").await;
    assert_eq!(ended.code, Some(4));
    assert_eq!(
        ended.log,
        "error: no/x cannot be written\n  because: No such file or directory (os error 2)\n"
    );
}

#[tokio::test]
async fn a_shadow_of_a_cluster_and_what_a_run_sent_are_equal() {
    let (cluster, hook) = (Cluster::start().await, Hook::start(|_| 200).await);
    let scene = Scene::with_cluster(&config(&hook.url()), &cluster);
    let shadow = scene.start(
        "run --config config.yaml --kubeconfig kubeconfig --state state --shadow --shadow-out shadow.ndjson",
    );
    let real = scene.start("run --config config.yaml --kubeconfig kubeconfig --state state");
    shadow.says("INFO watching").await;
    real.says("INFO watching").await;
    for name in ["a", "b", "c"] {
        cluster.create(name);
    }
    cluster.repeat("a");
    scene.has(4).await;
    crate::support::until(|| scene.lines("shadow.ndjson").len() == 7, || shadow.log()).await;
    shadow.stops().await;
    real.stops().await;
    let diff = "diff --theirs events.jsonl --ours shadow.ndjson";
    let ended = scene.run(&format!("{diff} --receiver file")).await;
    assert_eq!((ended.code, &*ended.log), (Some(0), ""), "{}", ended.out);
    assert_eq!(ended.out, "4 equal, 0 different, 0 only theirs, 0 only ours\n");
    let ended = scene.run(diff).await;
    assert_eq!(ended.code, Some(2));
    assert_eq!(
        ended.log,
        "error: `shadow.ndjson` holds several receivers: `file`, `hook`\nhint: choose one with --receiver\n"
    );
    let ended = scene.run(&format!("{diff} --receiver x")).await;
    assert_eq!(ended.code, Some(2));
    scene.write("hook.ndjson", hook.taken().join("\n"));
    let ended = scene.run("diff --theirs hook.ndjson --ours shadow.ndjson -r hook").await;
    assert_eq!(ended.code, Some(0), "{}", ended.out);
}

#[tokio::test]
async fn what_the_exporter_wrote_is_compared_with_what_a_config_makes_of_the_events() {
    let scene = Scene::new(&config("http://127.0.0.1:1/"));
    scene.write(
        "events",
        format!("{}\n{}\n{}\n", core("a", 5, 1), core("a", 6, 3), core("b", 7, 1)),
    );
    scene.write(
        "old",
        format!(
            "INFO a line of its log\n{{\"level\":\"info\",\"caller\":\"main.go:1\",\"message\":\"x\"}}\n{}\n{}\n{}\n",
            document("a", 5, 1),
            document("a", 5, 1),
            document("b", 7, 1).replace("\"deleted\":false", "\"labels\":{\"app\":\"web\"},\"deleted\":false")
        ),
    );
    let diff = "diff --theirs old --config config.yaml --receiver file";
    let ended = scene.run(&format!("{diff} events")).await;
    assert_eq!((ended.code, &*ended.log), (Some(1), ""));
    crate::support::assert_text(&ended.out, "diff.txt");
    let ended = scene.run(&format!("{diff} --show 0 events")).await;
    assert_eq!(
        ended.out,
        "only theirs: 1 more (--show 1)\nonly ours: 1 more (--show 1)\ndifferent: 1 more (--show 1)\n\
         1 equal, 1 different, 1 only theirs, 1 only ours\n\
         reasons: D20 1, D22 1, D23 1 (docs/reference/differences.md)\nlines of theirs that are no payloads: 2\n"
    );
    let ended = scene.run(&format!("{diff} --format json events")).await;
    assert_eq!(ended.code, Some(1));
    crate::support::assert_text(&ended.out, "diff.json");
}

#[tokio::test]
async fn a_file_that_is_not_there_cannot_be_compared() {
    let scene = Scene::new("");
    let ended = scene.run("diff --theirs nowhere --ours nothing").await;
    assert_eq!(ended.code, Some(4));
    assert_eq!(
        ended.log,
        "error: `nowhere` cannot be read\n  because: No such file or directory (os error 2)\n"
    );
    assert_eq!(scene.run("diff --theirs nowhere").await.code, Some(2));
}
