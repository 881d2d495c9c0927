//! `tidings test`: a config's own tests.

use crate::support::Scene;

const CONFIG: &str = "
route:
  routes:
  - {drop: [{type: Normal}], match: [{receiver: archive}]}
  - match: [{labels: {team: shop}, receiver: team}]
receivers:
- {name: archive, file: {path: archive.ndjson}}
- {name: team, webhook: {endpoint: $TEAM_URL, layout: {text: '{{ .Reason }} {{ now | date \"2006\" }}', count: !int '{{ .Count }}'}}}
";

const HEAD: &str = "config: config.yaml\nenv: {TEAM_URL: 'http://127.0.0.1:1/'}\ntests:\n";

const EVENT: &str = "event: {metadata: {name: a}, type: Warning, reason: BackOff, count: 3, lastTimestamp: 2026-01-02T03:04:05Z, \
                     involvedObject: {kind: Pod, labels: {team: shop}}}";

#[tokio::test]
async fn tests_that_hold_are_ok() {
    let scene = Scene::new(CONFIG);
    scene.write(
        "a.yaml",
        format!(
            "{HEAD}- name: one\n  {EVENT}\n  expect: {{receivers: [team, archive], payloads: {{team: {{text: BackOff 2026, count: 3}}}}}}\n\
             - name: two\n  event: {{type: Normal}}\n  expect: {{dropped: true}}\n\
             - name: three\n  now: 2027-01-01T00:00:00Z\n  {EVENT}\n  expect: {{payloads: {{team: '{{\"count\":3,\"text\":\"BackOff 2027\"}}'}}}}\n"
        ),
    );
    let ended = scene.run("test a.yaml").await;
    assert_eq!((ended.code, &*ended.log), (Some(0), ""));
    assert_eq!(ended.out, "ok      one\nok      two\nok      three\n3 tests: 3 ok, 0 failed\n");
}

#[tokio::test]
async fn a_test_that_fails_shows_what_differs_and_why() {
    let scene = Scene::new(CONFIG);
    scene.write(
        "a.yaml",
        format!(
            "{HEAD}- name: one\n  {EVENT}\n  expect: {{receivers: [team], payloads: {{team: {{text: BackOff, count: 3}}}}}}\n\
             - name: two\n  event: {{type: Normal, involvedObject: {{kind: Pod}}}}\n  expect: {{receivers: [archive, team]}}\n\
             - name: three\n  {EVENT}\n  expect: {{payloads: {{team: no}}}}\n"
        ),
    );
    let ended = scene.run("test a.yaml").await;
    assert_eq!((ended.code, &*ended.log), (Some(1), ""));
    assert_eq!(
        ended.out,
        r#"FAILED  one (a.yaml:4)
    --- receivers, expected
    +++ receivers, found
    @@ -1 +1,2 @@
    +archive
     team
    archive by route.routes[0].match[0]
    --- payload of team, expected
    +++ payload of team, found
    @@ -1,4 +1,4 @@
     {
       "count": 3,
    -  "text": "BackOff"
    +  "text": "BackOff 2026"
     }
FAILED  two (a.yaml:7)
    --- receivers, expected
    +++ receivers, found
    @@ -1,2 +0,0 @@
    -archive
    -team
    dropped by route.routes[0].drop[0]
    not matched: route.routes[1].match[0].labels["team"]
    the event tells nothing of what is asked by route.routes[1].match[0].labels["team"]
FAILED  three (a.yaml:10)
    --- payload of team, expected
    +++ payload of team, found
    @@ -1 +1 @@
    -no
    +{"count":3,"text":"BackOff 2026"}
3 tests: 0 ok, 3 failed
"#
    );
}

#[tokio::test]
async fn every_mistake_in_a_file_is_told_with_its_place() {
    let scene = Scene::new(CONFIG);
    scene.write(
        "a.yaml",
        "config: config.yaml\nenv: {TEAM_URL: 'http://127.0.0.1:1/'}\ntest: []\nnow: soon\ntests:\n- event: {mesage: x, involvedObject: {label: y}}\n  expect: {}\n\
         - name: b\n  eventFile: b.json\n  event: {}\n  expect: {dropped: true, receivers: [a]}\n- name: c\n  expct: {}\n",
    );
    let ended = scene.run("test a.yaml").await;
    assert_eq!((ended.code, &*ended.out), (Some(3), "0 tests: 0 ok, 0 failed\n"));
    crate::support::assert_text(&ended.log, "test-mistakes.txt");
}

#[tokio::test]
async fn names_that_the_config_does_not_have_are_mistakes() {
    let scene = Scene::new(CONFIG);
    scene.write(
        "a.yaml",
        format!(
            "{HEAD}- name: a\n  event: {{involvedObject: {{labels: {{version: 1}}}}}}\n  expect: {{dropped: true}}\n\
             - name: b\n  eventFile: nowhere.json\n  expect: {{dropped: true}}\n\
             - name: c\n  {EVENT}\n  expect: {{receivers: [tema], payloads: {{x: y}}}}\n"
        ),
    );
    let ended = scene.run("test a.yaml").await;
    assert_eq!(ended.code, Some(3));
    crate::support::assert_text(&ended.log, "test-names.txt");
}

#[tokio::test]
async fn a_config_with_a_mistake_is_told_and_other_files_are_tried() {
    let scene = Scene::new(CONFIG);
    scene.write("broken.yaml", "receivers:\n- {name: a, pigeon: {}}\n");
    scene.write(
        "a.yaml",
        "config: broken.yaml\ntests:\n- {name: a, event: {}, expect: {dropped: true}}\n",
    );
    scene.write(
        "b.yaml",
        format!("{HEAD}- {{name: b, event: {{type: Normal}}, expect: {{dropped: true}}}}\n"),
    );
    let ended = scene.run("test a.yaml b.yaml nowhere.yaml").await;
    assert_eq!(ended.code, Some(3));
    assert_eq!(ended.out, "ok      b\n1 test: 1 ok, 0 failed\n");
    assert_eq!(
        ended.log,
        "broken.yaml:2:3: mistake: receivers[0]: `a` has no kind that is known\n \
         2 | - {name: a, pigeon: {}}\n   |   ^^^^^^^^^^^^^^^^^^^\n   \
         hint: docs/reference/receivers.md has the kinds of this version\n\
         nowhere.yaml: mistake: it cannot be read: No such file or directory (os error 2)\n"
    );
}

#[tokio::test]
async fn a_receiver_that_can_never_work_is_told_where_a_payload_is_expected() {
    let scene = Scene::new(CONFIG);
    scene.write(
        "a.yaml",
        format!("config: config.yaml\ntests:\n- name: a\n  {EVENT}\n  expect: {{payloads: {{team: x}}}}\n"),
    );
    let ended = scene.run("test a.yaml").await;
    assert_eq!(ended.code, Some(3), "{}", ended.out);
    assert!(ended.log.contains("receiver `team`: `webhook.endpoint`"), "{}", ended.log);
}
