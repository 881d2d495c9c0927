//! `tidings run --source`: every form of input, and what comes out of it.

use std::{io::Write, process::Stdio};

use event::{Clock, SystemClock};
use serde_json::Value;

use crate::support::{
    Ended, Hook, Scene, TO_A_FILE, assert_like, core, document, names, newer, nowhere,
};

/// `input` as a file through the binary; what it delivered, and how it ended.
async fn read(input: impl AsRef<[u8]>) -> (Vec<String>, Ended) {
    let scene = Scene::new(TO_A_FILE);
    scene.write("input", input);
    let ended = scene.run("run --config config.yaml --source input").await;
    (scene.events(), ended)
}

/// Two Events in this form of input are delivered as two documents.
async fn check(input: &str) {
    let (delivered, ended) = read(input).await;
    assert_eq!(delivered, [document("a", 5, 1), document("b", 6, 3)], "{}", ended.log);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("INFO the input has ended events=2 deleted=0 unreadable=0\n"));
}

fn pretty(json: &str) -> String {
    serde_json::to_string_pretty(&serde_json::from_str::<Value>(json).unwrap()).unwrap()
}

fn message(kind: &str, object: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}

#[tokio::test]
async fn a_list_is_delivered_item_by_item() {
    let (a, b) = (core("a", 5, 1), core("b", 6, 3));
    check(&format!(r#"{{"apiVersion":"v1","items":[{a},{b}],"kind":"List","metadata":{{"resourceVersion":""}}}}"#)).await;
}

#[tokio::test]
async fn a_pretty_printed_list_of_kubectl_is_read() {
    let (a, b) = (core("a", 5, 1), core("b", 6, 3));
    check(&pretty(&format!(r#"{{"items":[{a},{b}],"kind":"List"}}"#))).await;
}

#[tokio::test]
async fn one_object_a_line_is_read_and_the_last_line_needs_no_end() {
    check(&format!("{}\r\n\n{}", core("a", 5, 1), core("b", 6, 3))).await;
}

#[tokio::test]
async fn objects_one_after_the_other_are_read() {
    check(&format!("{}{}", core("a", 5, 1), core("b", 6, 3))).await;
}

#[tokio::test]
async fn pretty_printed_objects_one_after_the_other_are_read() {
    check(&format!("{}\n{}\n", pretty(&core("a", 5, 1)), pretty(&core("b", 6, 3)))).await;
}

#[tokio::test]
async fn a_bare_array_is_read() {
    check(&format!("[{},\n {}]", core("a", 5, 1), core("b", 6, 3))).await;
}

#[tokio::test]
async fn the_newer_api_gives_the_same_documents() {
    check(&format!("{}\n{}\n", newer("a", 5, 1), newer("b", 6, 3))).await;
}

#[tokio::test]
async fn messages_of_a_watch_are_opened() {
    let bookmark = r#"{"kind":"Event","apiVersion":"v1","metadata":{"resourceVersion":"9"}}"#;
    let messages = [
        message("ADDED", &core("a", 5, 1)),
        message("BOOKMARK", bookmark),
        message("MODIFIED", &newer("b", 6, 3)),
    ];
    check(&messages.concat()).await;
}

#[tokio::test]
async fn a_deletion_is_never_delivered() {
    let input = [
        message("ADDED", &core("a", 5, 1)),
        message("DELETED", &core("a", 6, 1)),
        message("DELETED", &core("never-seen", 7, 4)),
    ];
    let (delivered, ended) = read(input.concat()).await;
    assert_eq!(delivered, [document("a", 5, 1)]);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("INFO the input has ended events=1 deleted=2 unreadable=0\n"));
}

#[tokio::test]
async fn an_error_of_a_watch_is_reported() {
    let status = r#"{"kind":"Status","code":410,"message":"too old resource version: 1 (2)"}"#;
    let (delivered, ended) = read(message("ERROR", status) + &core("a", 5, 1)).await;
    assert_eq!(delivered, [document("a", 5, 1)]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.lines_with("WARN"),
        [format!("WARN a piece of the input is no event; skipped why={status}")]
    );
}

#[tokio::test]
async fn the_same_revision_is_delivered_once() {
    let again = [core("a", 5, 1), newer("a", 5, 1), message("ADDED", &core("a", 5, 1))];
    let (delivered, ended) = read(again.concat()).await;
    assert_eq!(delivered, [document("a", 5, 1)]);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
}

/// An Event that happens five times, with something in between that only touches its metadata.
fn bumps() -> String {
    [core("a", 5, 1), core("a", 6, 2), core("a", 7, 2), core("a", 8, 5)].join("\n")
}

#[tokio::test]
async fn a_receiver_of_every_repeat_gets_each_count_that_grows() {
    let (delivered, _) = read(bumps()).await;
    assert_eq!(delivered, [document("a", 5, 1), document("a", 6, 2), document("a", 8, 5)]);
}

#[tokio::test]
async fn a_receiver_gets_an_event_once_unless_it_wants_repeats() {
    let scene = Scene::new(&TO_A_FILE.replace("repeats: every, ", ""));
    scene.write("input", bumps());
    let ended = scene.run("run --config config.yaml --source input").await;
    assert_eq!(scene.events(), [document("a", 5, 1)], "{}", ended.log);
    assert_eq!(ended.code, Some(0));
}

#[tokio::test]
async fn events_older_than_the_age_limit_are_not_sent_when_one_is_set() {
    let scene = Scene::new(&format!("maxEventAgeSeconds: 3600\n{TO_A_FILE}"));
    let now = SystemClock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let fresh = core("fresh", 6, 1).replace("2026-01-02T03:05:06Z", &now);
    scene.write("input", core("old", 5, 1) + &fresh);
    let ended = scene.run("run --config config.yaml --source input").await;
    assert_eq!(names(&scene.events()), ["fresh"], "{}", ended.log);
}

#[tokio::test]
async fn without_a_config_events_become_readable_lines_on_standard_output() {
    let scene = Scene::new("");
    scene.write("input", core("a", 5, 3));
    let ended = scene.run("run --source input").await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_like(&ended.out, "*BackOff*a < b*");
    assert_like(
        &ended.log,
        &format!(
            "INFO tidings {}, config none (everything goes to the terminal)\n\
             INFO state in memory: what is not delivered when this process ends is lost\n\
             INFO receiver terminal (stdout) ok waiting=0\n\
             INFO the input has ended events=1 deleted=0 unreadable=0\n",
            env!("CARGO_PKG_VERSION")
        ),
    );
}

#[tokio::test]
async fn noise_is_skipped_and_reported() {
    let noise = [
        "Flag --foo has been deprecated",
        &core("a", 5, 1),
        "E0102 a lone { bracket, [ another and a lone \" quote",
        r#"{"kind":"Pod","metadata":{"name":"web-0"}}"#,
        r#"{"level":"info","msg":"a line of somebody's log"}"#,
        &message("ADDED", r#"{"kind":"Pod","metadata":{"name":"web-0"}}"#),
        "\u{1b}[31mred\u{7}",
        "null",
        &core("b", 6, 3),
    ];
    let (delivered, ended) = read(noise.join("\n")).await;
    assert_eq!(delivered, [document("a", 5, 1), document("b", 6, 3)], "{}", ended.log);
    assert_eq!(ended.code, Some(1));
    assert!(!ended.log.contains('\u{1b}'), "{:?}", ended.log);
    let why = "WARN a piece of the input is no event; skipped why=";
    let reasons: Vec<_> =
        ended.lines_with(why).iter().map(|line| line.replacen(why, "", 1)).collect();
    assert_like(
        &reasons.join("\n"),
        r#"expected value at line 1 column 1: Flag --foo has been deprecated
expected value at line 1 column 1: E0102 a lone { bracket, [ another and a lone " quote
an object of kind Pod: {"kind":"Pod","metadata":{"name":"web-0"}}
neither an Event nor a message of a watch: {"level":"info","msg":"a line of somebody's log"}
an object of kind Pod: {"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"web-0"}}}
expected value at line 1 column 1: �[31mred�
invalid type: null, expected an object at line 1 column 4: null"#,
    );
    let end = ended.log.lines().rev().take(2).collect::<Vec<_>>();
    assert_eq!(
        end,
        [
            "error: 7 pieces of the input were no events; they were skipped",
            "INFO the input has ended events=2 deleted=0 unreadable=7",
        ]
    );
}

#[tokio::test]
async fn much_noise_does_not_fill_the_log() {
    let (delivered, ended) = read("noise\n".repeat(5000) + &core("a", 5, 1)).await;
    assert_eq!(delivered, [document("a", 5, 1)]);
    assert_eq!(ended.lines_with("a piece of the input is no event").len(), 10, "{}", ended.log);
    assert_eq!(ended.lines_with("WARN more pieces are no events; they are only counted").len(), 1);
    assert!(
        ended.log.ends_with("error: 5000 pieces of the input were no events; they were skipped\n")
    );
}

#[tokio::test]
async fn an_input_that_ends_within_an_object_is_an_error_after_the_rest_was_delivered() {
    for whole in ["", "[", r#"{"kind":"List","items":["#] {
        let comma = if whole.is_empty() { "\n" } else { "," };
        let torn = &core("b", 6, 3)[..100];
        let (delivered, ended) = read(format!("{whole}{}{comma}{torn}", core("a", 5, 1))).await;
        assert_eq!(delivered, [document("a", 5, 1)], "{}", ended.log);
        assert_eq!(ended.code, Some(1));
        assert_eq!(
            ended.lines_with("error:"),
            ["error: the input ends in the middle of an object"]
        );
    }
}

#[tokio::test]
async fn an_empty_input_is_fine() {
    let (delivered, ended) = read("").await;
    assert_eq!((delivered.len(), ended.code), (0, Some(0)), "{}", ended.log);
}

#[tokio::test]
async fn a_source_that_is_not_there_cannot_start() {
    let scene = Scene::new(TO_A_FILE);
    let ended = scene.run("run --config config.yaml --source nowhere.json").await;
    assert_eq!(ended.code, Some(4));
    assert!(
        ended.log.ends_with(
            "error: the source `nowhere.json` cannot be read\n  \
             because: No such file or directory (os error 2)\n"
        ),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn a_pipe_is_followed_while_it_is_open() {
    let scene = Scene::new(TO_A_FILE);
    let mut life = scene.start_with("run --config config.yaml --source -", Stdio::piped());
    let mut pipe = life.child().stdin.take().unwrap();
    let (whole, torn) = (core("a", 5, 1), core("b", 6, 3));
    write!(pipe, "{whole}\n{}", &torn[..50]).unwrap();
    scene.has(1).await;
    write!(pipe, "{}", &torn[50..]).unwrap();
    scene.has(2).await;
    drop(pipe);
    let ended = life.ends().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(scene.events(), [document("a", 5, 1), document("b", 6, 3)]);
}

#[tokio::test]
async fn a_pipe_that_stays_open_does_not_keep_the_process_from_stopping() {
    let scene = Scene::new(TO_A_FILE);
    let mut life = scene.start_with("run --config config.yaml --source -", Stdio::piped());
    let mut pipe = life.child().stdin.take().unwrap();
    writeln!(pipe, "{}", core("a", 5, 1)).unwrap();
    scene.has(1).await;
    let ended = life.stops().await;
    assert!(ended.log.contains("INFO stopping; a second signal ends at once\n"), "{}", ended.log);
    drop(pipe);
}

#[tokio::test]
async fn what_a_dead_webhook_did_not_get_is_counted_and_the_others_have_theirs() {
    let scene = Scene::new(&format!(
        "
route: {{match: [{{receiver: file}}, {{receiver: hook}}]}}
receivers:
- {{name: file, file: {{path: events.jsonl}}}}
- {{name: hook, webhook: {{endpoint: 'http://{}/'}}}}
",
        nowhere()
    ));
    scene.write("input", core("a", 5, 1) + &core("b", 6, 3));
    let ended = scene.run("run --config config.yaml --source input --drain-timeout 1").await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert_eq!(scene.events(), [document("a", 5, 1), document("b", 6, 3)]);
    assert!(
        ended.log.ends_with(
            "error: not everything was sent in time; waiting: hook 2\n\
             hint: give --state to keep what waits, or a longer --drain-timeout\n"
        ),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn the_end_waits_for_a_slow_webhook() {
    let failures = std::sync::atomic::AtomicU32::new(3);
    let hook = Hook::start(move |_| {
        use std::sync::atomic::Ordering::SeqCst;
        let fails = failures.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        if fails { 503 } else { 200 }
    })
    .await;
    let scene = Scene::new(&format!(
        "
route: {{match: [{{receiver: hook}}]}}
receivers:
- {{name: hook, webhook: {{endpoint: '{}'}}}}
",
        hook.url()
    ));
    scene.write("input", core("a", 5, 1) + &core("b", 6, 3));
    let ended = scene.run("run --config config.yaml --source input").await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    // What fails again and again lets others pass.
    let mut taken = hook.taken();
    taken.sort();
    assert_eq!(taken, [document("a", 5, 1), document("b", 6, 3)]);
}

#[tokio::test]
async fn a_byte_order_mark_is_stepped_over() {
    check(&format!("\u{feff}{}\n{}\n", core("a", 5, 1), core("b", 6, 3))).await;
}
