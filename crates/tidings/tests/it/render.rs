//! `tidings render`: exactly what a receiver would be given.

use crate::support::{Hook, Scene, core, document};

#[tokio::test]
async fn lines_of_a_file_are_rendered_with_their_ends_and_bodies_of_a_webhook_without() {
    let scene = Scene::new(
        "route: {match: [{receiver: file}]}\nreceivers:\n- {name: file, file: {path: never.ndjson}}\n\
         - {name: hook, webhook: {endpoint: 'http://127.0.0.1:1/', layout: {name: '{{ .Name }}'}}}\n",
    );
    scene.write("input", format!("{}\n{}\n", core("a", 5, 1), core("b", 6, 3)));
    let ended = scene.run("render --config config.yaml --receiver file input").await;
    assert_eq!((ended.code, &*ended.log), (Some(0), ""));
    assert_eq!(ended.out, format!("{}\n{}\n", document("a", 5, 1), document("b", 6, 3)));
    let ended = scene.run("render --config config.yaml -r hook input").await;
    assert_eq!((ended.code, &*ended.log), (Some(0), ""));
    assert_eq!(ended.out, "{\"name\":\"a\"}\n{\"name\":\"b\"}");
    assert!(!scene.path("never.ndjson").exists());
}

#[tokio::test]
async fn what_is_rendered_is_what_a_run_sends() {
    let hook = Hook::start(|_| 200).await;
    let scene = Scene::new(&format!(
        "clusterName: prod\nomitLookup: true\nroute: {{match: [{{receiver: file}}, {{receiver: hook}}]}}\nreceivers:\n\
         - {{name: file, repeats: every, file: {{path: events.jsonl, layout: {{a: '{{{{ toJson . }}}}', n: !int '{{{{ .Occurrences.After }}}}'}}}}}}\n\
         - {{name: hook, repeats: every, webhook: {{endpoint: '{}', deDot: true}}}}\n",
        hook.url()
    ));
    scene.write("input", format!("{}\n{}\n", core("a", 5, 1), core("a", 6, 3)));
    let ended = scene.run("run --config config.yaml --source input").await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let file = scene.run("render --config config.yaml -r file input").await;
    assert_eq!(file.out, std::fs::read_to_string(scene.path("events.jsonl")).unwrap());
    assert!(file.out.contains("\"n\":3"), "{}", file.out);
    let posted = scene.run("render --config config.yaml -r hook input").await;
    assert_eq!(posted.out, hook.taken().join("\n"));
}

#[tokio::test]
async fn a_template_that_fails_is_told_in_the_words_of_go_and_the_next_event_follows() {
    let scene = Scene::new(
        "receivers:\n- {name: file, file: {path: f, layout: {a: '{{ if eq .Name \"a\" }}{{ fail \"no\" }}{{ end }}{{ .Name }}'}}}\n",
    );
    scene.write("input", format!("{}\n{}\n", core("a", 5, 1), core("b", 6, 3)));
    let ended = scene.run("render --config config.yaml --receiver file input").await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.out, "{\"a\":\"b\"}\n");
    assert_eq!(
        ended.log,
        "error: a: layout.a: template: template:1:24: executing \"template\" at <fail \"no\">: error calling fail: no\n"
    );
}

#[tokio::test]
async fn headers_are_shown_without_secrets() {
    let scene = Scene::new(
        "receivers:\n- name: hook\n  webhook:\n    endpoint: https://ann:s3cret@example.com/T0/s3cret\n    \
         headers: {Authorization: Bearer s3cret, X-Reason: '{{ .Reason }} s3cret', Content-Type: text/plain}\n    rawBody: '{{ .Reason }}'\n",
    );
    scene.write("input", core("a", 5, 1));
    let ended = scene.run("render --config config.yaml -r hook --headers input").await;
    assert_eq!((ended.code, &*ended.out), (Some(0), "BackOff"));
    assert_eq!(
        ended.log,
        "a: POST https://example.com (webhook)\n  Authorization: ***\n  Content-Type: text/plain\n  \
         Idempotency-Key: uid-a/5\n  X-Reason: ***\n"
    );
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_wrong_usage() {
    let scene = Scene::new("receivers:\n- {name: a, stdout: {}}\n- {name: b, stdout: {}}\n");
    let ended = scene.run("render --config config.yaml -r c").await;
    assert_eq!(ended.code, Some(2));
    assert_eq!(
        ended.log,
        "error: there is no receiver `c` in the config\nhint: the receivers are `a`, `b`\n"
    );
}
