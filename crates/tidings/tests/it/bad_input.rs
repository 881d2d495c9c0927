//! What no sane recorder writes and every long-lived cluster has: each becomes a sane document.

use event::{Event, Series, Source, document};
use jiff::SignedDuration;

use crate::support::{Cluster, Ended, Scene, TO_A_FILE, happening};

/// `input` as a file through the binary.
async fn read(input: &[u8]) -> (Vec<String>, Ended) {
    let scene = Scene::new(TO_A_FILE);
    scene.write("input", input);
    let ended = scene.run("run --config config.yaml --source input").await;
    (scene.events(), ended)
}

/// One object becomes one document, and all is well.
async fn check(object: impl AsRef<[u8]>, expected: &str) {
    let (delivered, ended) = read(object.as_ref()).await;
    assert_eq!(delivered, [expected], "{}", ended.log);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    serde_json::from_str::<serde_json::Value>(&delivered[0]).unwrap();
}

/// An object with these fields after its metadata.
fn object(fields: &str) -> String {
    format!(
        r#"{{"kind":"Event","metadata":{{"name":"a","namespace":"shop","uid":"u","resourceVersion":"5"}},{fields}}}"#
    )
}

/// The document of an object with a name and a message only.
fn plain(message: &str) -> String {
    rest(&format!(r#""message":"{message}","source":{{}}"#), "")
}

/// A document from what stands between metadata and times, and between times and reporter.
fn rest(before: &str, after: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"a","namespace":"shop","uid":"u","resourceVersion":"5","creationTimestamp":null}},{before},"firstTimestamp":null,"lastTimestamp":null,{after}"eventTime":null,"reportingComponent":"","reportingInstance":"","clusterName":"","involvedObject":{{"deleted":false}}}}"#
    )
}

#[tokio::test]
async fn a_message_of_76_kilobytes_is_whole() {
    let message = "0123456789 <ä>".repeat(76 * 1024 / 14);
    let escaped = message.replace('<', "\\u003c").replace('>', "\\u003e");
    check(object(&format!(r#""message":"{message}""#)), &plain(&escaped)).await;
}

#[tokio::test]
async fn invalid_utf8_becomes_replacement_characters() {
    let mut bytes = object(r#""message":"caf# au lait#""#).into_bytes();
    for byte in bytes.iter_mut().filter(|byte| **byte == b'#') {
        *byte = 0xe9;
    }
    check(&bytes, &plain("caf\u{fffd} au lait\u{fffd}")).await;
    let bytes = [&b"{\"type\":\"ADDED\",\"object\":"[..], &bytes, b"}"].concat();
    check(&bytes, &plain("caf\u{fffd} au lait\u{fffd}")).await;
}

#[tokio::test]
async fn times_that_are_null_empty_or_nonsense_are_no_times() {
    for time in
        ["null", "\"\"", "\"0001-01-01T00:00:00Z\"", "\"yesterday\"", "\"2026-13-45T00:00:00Z\""]
    {
        let times = r#""message":"m","firstTimestamp":@,"lastTimestamp":@,"eventTime":@,"series":{"count":2,"lastObservedTime":@}"#;
        check(
            object(&times.replace('@', time)),
            r#"{"metadata":{"name":"a","namespace":"shop","uid":"u","resourceVersion":"5","creationTimestamp":null},"message":"m","source":{},"firstTimestamp":null,"lastTimestamp":null,"eventTime":null,"series":{"count":2,"lastObservedTime":null},"reportingComponent":"","reportingInstance":"","clusterName":"","involvedObject":{"deleted":false}}"#,
        )
        .await;
    }
}

#[tokio::test]
async fn times_of_the_future_are_kept() {
    check(
        object(r#""message":"m","firstTimestamp":"2099-01-01T00:00:00Z","lastTimestamp":"9000-06-05T04:03:02Z","eventTime":"2500-01-01T00:00:00.000001Z""#),
        r#"{"metadata":{"name":"a","namespace":"shop","uid":"u","resourceVersion":"5","creationTimestamp":null},"message":"m","source":{},"firstTimestamp":"2099-01-01T00:00:00Z","lastTimestamp":"9000-06-05T04:03:02Z","eventTime":"2500-01-01T00:00:00.000001Z","reportingComponent":"","reportingInstance":"","clusterName":"","involvedObject":{"deleted":false}}"#,
    )
    .await;
}

#[tokio::test]
async fn an_event_about_nothing_is_delivered() {
    check(object(r#""message":"m""#), &plain("m")).await;
    check(object(r#""message":"m","involvedObject":null"#), &plain("m")).await;
    check(object(r#""message":"m","involvedObject":{}"#), &plain("m")).await;
}

#[tokio::test]
async fn an_event_with_nothing_at_all_is_delivered() {
    let nothing = r#"{"metadata":{"creationTimestamp":null},"source":{},"firstTimestamp":null,"lastTimestamp":null,"eventTime":null,"reportingComponent":"","reportingInstance":"","clusterName":"","involvedObject":{"deleted":false}}"#;
    check(r#"{"kind":"Event"}"#, nothing).await;
    check(r#"{"kind":"Event","metadata":null,"source":null,"count":null}"#, nothing).await;
}

#[tokio::test]
async fn events_without_uid_or_revision_are_told_apart_by_name_and_time() {
    let event = |name: &str, first: u32, count: u32| {
        format!(
            r#"{{"kind":"Event","metadata":{{"name":"{name}"}},"firstTimestamp":"2026-01-02T03:04:0{first}Z","count":{count}}}"#
        )
    };
    let document = |name: &str, first: u32, count: u32| {
        format!(
            r#"{{"metadata":{{"name":"{name}","creationTimestamp":null}},"source":{{}},"firstTimestamp":"2026-01-02T03:04:0{first}Z","lastTimestamp":null,"count":{count},"eventTime":null,"reportingComponent":"","reportingInstance":"","clusterName":"","involvedObject":{{"deleted":false}}}}"#
        )
    };
    let all = [("a", 1, 1), ("b", 1, 1), ("a", 2, 1), ("a", 1, 1), ("a", 1, 3)];
    let input: Vec<_> = all.iter().map(|(n, f, c)| event(n, *f, *c)).collect();
    let (delivered, ended) = read(input.join("\n").as_bytes()).await;
    let fresh = [("a", 1, 1), ("b", 1, 1), ("a", 2, 1), ("a", 1, 3)];
    assert_eq!(delivered, fresh.map(|(n, f, c)| document(n, f, c)), "{}", ended.log);
    assert_eq!(ended.code, Some(0));
}

#[tokio::test]
async fn a_resource_version_that_is_no_number_is_kept_as_it_is() {
    let object = object(r#""message":"m""#).replace("\"5\"", "\"abc-1\"");
    check(object, &plain("m").replace("\"5\"", "\"abc-1\"")).await;
}

#[tokio::test]
async fn counts_beyond_all_bounds_are_kept_within_them() {
    for (count, expected) in [
        ("2147483647", "2147483647"),
        ("99999999999", "2147483647"),
        ("9223372036854775807", "2147483647"),
        ("-5", "-5"),
        ("-99999999999", "-2147483648"),
    ] {
        let expected = rest(r#""message":"m","source":{}"#, &format!(r#""count":{expected},"#));
        check(object(&format!(r#""message":"m","count":{count}"#)), &expected).await;
    }
}

#[tokio::test]
async fn control_characters_are_escaped_as_go_escapes_them() {
    check(
        object(r#""reason":"\u0000\u0007\u001b[31m","message":"\b\f\n\r\t\u007f\u0085\u2028\u2029\\\"</script>&","type":"\u202eevil""#),
        &rest(
            "\"reason\":\"\\u0000\\u0007\\u001b[31m\",\"message\":\"\\u0008\\u000c\\n\\r\\t\u{7f}\u{85}\\u2028\\u2029\\\\\\\"\\u003c/script\\u003e\\u0026\",\"source\":{}",
            "\"type\":\"\u{202e}evil\",",
        ),
    )
    .await;
}

#[tokio::test]
async fn names_of_64_kilobytes_are_whole() {
    let name = "n".repeat(64 * 1024);
    check(
        format!(r#"{{"kind":"Event","metadata":{{"name":"{name}","namespace":"{name}","uid":"{name}"}},"reason":"{name}"}}"#),
        &format!(
            r#"{{"metadata":{{"name":"{name}","namespace":"{name}","uid":"{name}","creationTimestamp":null}},"reason":"{name}","source":{{}},"firstTimestamp":null,"lastTimestamp":null,"eventTime":null,"reportingComponent":"","reportingInstance":"","clusterName":"","involvedObject":{{"deleted":false}}}}"#
        ),
    )
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_costs_nobody_else_an_event() {
    let input = [
        object(r#""message":5"#),
        object(r#""count":"many""#),
        "{\"kind\":\"Event\",}".into(),
        "[".repeat(500) + &"]".repeat(500),
        object(r#""message":"m""#),
    ];
    let (delivered, ended) = read(input.join("\n").as_bytes()).await;
    assert_eq!(delivered, [plain("m")], "{}", ended.log);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.log.ends_with("error: 4 pieces of the input were no events; they were skipped\n"),
        "{}",
        ended.log
    );
}

/// What a store takes; an API server of today would refuse some of it, one of yesterday did not.
fn strange_events() -> Vec<Event> {
    let change = |name: &str, change: &dyn Fn(&mut Event)| {
        let mut event = happening(name, SignedDuration::ZERO);
        change(&mut event);
        event
    };
    let far = "9000-06-05T04:03:02Z".parse().unwrap();
    vec![
        change("long-message", &|event| event.message = "0123456789 <ä>".repeat(5562).into()),
        change("no-times", &|event| {
            event.first_timestamp = None;
            event.last_timestamp = None;
        }),
        change("about-nothing", &|event| event.involved = event::Event::default().involved),
        change("future", &|event| {
            event.first_timestamp = Some(far);
            event.last_timestamp = Some(far);
            event.event_time = Some(far);
        }),
        change("huge-count", &|event| event.count = i32::MAX),
        change("negative-count", &|event| event.count = i32::MIN),
        change("series", &|event| {
            event.series = Some(Series { count: i32::MAX, last_observed_time: None });
        }),
        change("control", &|event| {
            event.reason = "\0\u{7}\u{1b}[31m".into();
            event.message =
                "\u{8}\u{c}\n\r\t\u{7f}\u{2028}\u{2029}\\\"</script>&\u{fffd}\u{10ffff}".into();
        }),
        change(&"n".repeat(64 * 1024), &|event| {
            event.source = Source { component: "c".repeat(65_536).into(), host: "\u{feff}".into() };
        }),
        change("nothing", &|event| {
            *event = Event { metadata: event.metadata.clone(), ..Event::default() };
        }),
    ]
}

#[tokio::test]
async fn a_cluster_with_strange_events_delivers_the_same_bytes_in_json_and_in_protobuf() {
    let cluster = Cluster::start().await;
    let scenes = ["json", "protobuf"].map(|encoding| {
        let scene = Scene::with_cluster(TO_A_FILE, &cluster);
        let life = scene.start(&format!(
            "run --config config.yaml --kubeconfig kubeconfig --state state --api-encoding {encoding}"
        ));
        (scene, life)
    });
    for (_, life) in &scenes {
        life.says("INFO watching").await;
    }
    let written: Vec<_> = strange_events()
        .into_iter()
        .map(|event| {
            let mut bytes = Vec::new();
            document::write(&mut bytes, &cluster.store(event));
            String::from_utf8(bytes).unwrap()
        })
        .collect();
    for (scene, life) in scenes {
        scene.has(written.len()).await;
        let ended = life.stops().await;
        assert!(!ended.log.contains("ERROR"), "{}", ended.log);
        assert_eq!(scene.events(), written);
    }
}
