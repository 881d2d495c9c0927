//! `tidings route`: whom events reach, and why.

use std::{io::Write, process::Stdio};

use crate::support::{Scene, core, document, newer, until};

/// Warnings of the shop to its team; everything but what is normal to the archive.
const CONFIG: &str = "
route:
  routes:
  - {drop: [{type: Normal}], match: [{receiver: archive}]}
  - match: [{labels: {team: shop}, receiver: team}]
receivers:
- {name: archive, file: {path: archive.ndjson}}
- {name: team, webhook: {endpoint: 'http://127.0.0.1:1/'}}
";

const UNKNOWN: &str = r#""receivers":["archive"],"path":["route.routes[0].match[0]"],"labels":"unknown","dependsOn":["route.routes[1].match[0].labels[\"team\"]"],"ifMatch":["archive","team"],"ifNot":["archive"]}"#;

fn unknown(name: &str) -> String {
    format!("{{\"uid\":\"uid-{name}\",\"name\":\"{name}\",{UNKNOWN}\n")
}

#[tokio::test]
async fn every_form_of_events_is_read() {
    let (a, b) = (core("a", 5, 1), newer("b", 6, 3));
    let yaml = "apiVersion: v1\nitems:\n- metadata: {name: a, uid: uid-a}\n  involvedObject: {kind: Pod}\n  type: Warning\n- metadata: {name: b, uid: uid-b}\n  involvedObject: {kind: Pod}\n  type: Warning\nkind: List\n";
    for input in [
        format!("{{\"items\":[{a},{b}],\"kind\":\"List\"}}"),
        format!("{a}\n{b}\n"),
        format!("{a}{b}"),
        format!("{{\"type\":\"ADDED\",\"object\":{a}}}\n{{\"type\":\"MODIFIED\",\"object\":{b}}}\n{{\"type\":\"DELETED\",\"object\":{a}}}\n"),
        yaml.to_owned(),
        "# two\n---\nmetadata: {name: a, uid: uid-a}\ninvolvedObject: {kind: Pod}\ntype: Warning\n---\n\
         metadata: {name: b, uid: uid-b}\nregarding: {kind: Pod}\ntype: Warning\n"
            .to_owned(),
    ] {
        let scene = Scene::new(CONFIG);
        scene.write("input", &input);
        let ended = scene.run("route --config config.yaml input").await;
        assert_eq!((ended.code, &*ended.log), (Some(0), ""), "{input}");
        assert_eq!(&ended.out, &format!("{}{}", unknown("a"), unknown("b")));
    }
}

#[tokio::test]
async fn without_a_file_events_come_from_a_pipe_and_go_on_at_once() {
    let scene = Scene::new(CONFIG);
    for arguments in ["route --config config.yaml", "route --config config.yaml -"] {
        let mut life = scene.start_with(arguments, Stdio::piped());
        let out = if arguments.ends_with('-') { "out.2" } else { "out.1" };
        let mut input = life.child().stdin.take().unwrap();
        writeln!(input, "{}", core("a", 5, 1)).unwrap();
        until(|| scene.lines(out).len() == 1, || life.log()).await;
        writeln!(input, "{}", core("b", 6, 1)).unwrap();
        drop(input);
        let ended = life.ends().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert_eq!(ended.out, format!("{}{}", unknown("a"), unknown("b")));
    }
}

#[tokio::test]
async fn what_a_receiver_was_given_tells_what_is_known() {
    let scene = Scene::new(CONFIG);
    let with = |object: &str| document("a", 5, 1).replace("\"deleted\":false", object);
    let input = [
        with("\"labels\":{\"team\":\"shop\"},\"deleted\":false"),
        with("\"deleted\":false").replace("Warning", "Normal"),
    ];
    scene.write("input", input.join("\n"));
    let ended = scene.run("route --config config.yaml input").await;
    assert_eq!((ended.code, &*ended.log), (Some(0), ""));
    assert_eq!(
        &ended.out,
        r#"{"uid":"uid-a","name":"a","receivers":["archive","team"],"path":["route.routes[0].match[0]","route.routes[1].match[0]"]}
{"uid":"uid-a","name":"a","receivers":[],"path":[],"dropped":["route.routes[0].drop[0]"],"unmatched":["route.routes[1].match[0].labels[\"team\"]"]}
"#,
    );
}

#[tokio::test]
async fn where_nothing_is_looked_up_nothing_is_unknown() {
    let scene = Scene::new(&format!("omitLookup: true{CONFIG}"));
    scene.write("input", core("a", 5, 1));
    let ended = scene.run("route --config config.yaml input").await;
    assert_eq!(
        &ended.out,
        "{\"uid\":\"uid-a\",\"name\":\"a\",\"receivers\":[\"archive\"],\"path\":[\"route.routes[0].match[0]\"]}\n",
    );
}

#[tokio::test]
async fn people_read_a_few_lines_an_event() {
    let scene = Scene::new(CONFIG);
    let normal = document("b", 6, 1).replace("Warning", "Normal").replace("a \\u003c b", "x");
    scene.write("input", format!("{}\n{normal}\n", core("a", 5, 1)));
    let ended = scene.run("route --config config.yaml --format text input").await;
    assert_eq!(
        &ended.out,
        "shop/a Warning BackOff Pod/web-0
  archive  route.routes[0].match[0]
  unknown: route.routes[1].match[0].labels[\"team\"]
    if it matches: archive, team
    if it does not: archive
shop/b Normal BackOff Pod/web-0
  nobody
  dropped by route.routes[0].drop[0]
  not matched: route.routes[1].match[0].labels[\"team\"]
",
    );
}

#[tokio::test]
async fn what_is_no_event_is_told_and_the_others_follow() {
    let scene = Scene::new(CONFIG);
    scene.write("input", format!("{{\"kind\":\"Pod\"}}\nhello\n{}\n", core("a", 5, 1)));
    let ended = scene.run("route --config config.yaml input").await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.out, unknown("a"));
    assert_eq!(
        ended.log,
        "warning: a piece of the input is no event; skipped: an object of kind Pod: {\"kind\":\"Pod\"}\n\
         warning: a piece of the input is no event; skipped: expected value at line 1 column 1: hello\n\
         error: 2 pieces of the input were no events; they were skipped\n"
    );
    scene.write("input", &core("a", 5, 1)[..200]);
    let ended = scene.run("route --config config.yaml input").await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.log, "error: the input ends in the middle of an object\n");
    scene.write("input", "items:\n- [\n");
    let ended = scene.run("route --config config.yaml input").await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.log.starts_with("error: the events cannot be read as YAML: "), "{}", ended.log);
}

#[tokio::test]
async fn a_config_or_a_file_that_is_not_there_is_told() {
    let scene = Scene::new(CONFIG);
    let ended = scene.run("route --config nowhere.yaml input").await;
    assert_eq!(ended.code, Some(3));
    let ended = scene.run("route --config config.yaml input").await;
    assert_eq!(ended.code, Some(4));
    assert_eq!(
        ended.log,
        "error: the events in `input` cannot be read\n  because: No such file or directory (os error 2)\n"
    );
}
