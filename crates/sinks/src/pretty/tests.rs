use super::*;

fn now() -> Timestamp {
    "2024-06-01T10:05:00Z".parse().unwrap()
}

fn event() -> Event {
    let mut event = Event {
        kind: "Warning".into(),
        reason: "BackOff".into(),
        message: "Back-off restarting failed container".into(),
        count: 14,
        last_timestamp: "2024-06-01T10:00:30Z".parse().ok(),
        ..Event::default()
    };
    event.involved.reference.kind = "Pod".into();
    event.involved.reference.name = "api-7".into();
    event.involved.reference.namespace = "prod".into();
    event
}

fn plain(event: &Event) -> String {
    line(event, now(), Style::default())
}

fn wide(event: &Event, width: usize) -> String {
    let style = Style { color: false, width: Some(width) };
    line(event, now(), style)
}

#[test]
fn a_line_says_when_what_to_whom_why_and_how_often() {
    assert_eq!(
        plain(&event()),
        " 4m30s Warning BackOff            Pod/api-7 in prod: Back-off restarting failed container ×14"
    );
}

#[test]
fn an_object_of_the_cluster_has_no_namespace_and_a_single_event_no_number() {
    let mut event = event();
    event.count = 1;
    event.kind = "Normal".into();
    event.reason = "NodeReady".into();
    event.message = "".into();
    event.involved.reference.kind = "Node".into();
    event.involved.reference.name = "node-a".into();
    event.involved.reference.namespace = "".into();
    assert_eq!(plain(&event), " 4m30s Normal  NodeReady          Node/node-a");
}

#[test]
fn an_empty_event_is_a_line_too() {
    assert_eq!(plain(&Event::default()), "     -                            -");
}

#[test]
fn colours_stand_around_the_parts() {
    let style = Style { color: true, width: None };
    assert_eq!(
        line(&event(), now(), style),
        "\x1b[2m 4m30s \x1b[0m\x1b[33mWarning \x1b[0m\x1b[1mBackOff            \x1b[0m\
         \x1b[36mPod/api-7 in prod\x1b[0m: Back-off restarting failed container\x1b[35m ×14\x1b[0m"
    );
}

#[test]
fn a_narrow_terminal_cuts_the_message_and_keeps_the_number() {
    assert_eq!(wide(&event(), 60), " 4m30s Warning BackOff            Pod/api-7 in prod: Ba… ×14");
    for width in 0..120 {
        assert!(columns(&wide(&event(), width)) <= width.max(4), "{width}");
    }
}

#[test]
fn wide_characters_count_as_two_columns() {
    let mut event = event();
    event.message = "容器重启失败容器重启失败".into();
    event.count = 1;
    let shown = wide(&event, 60);
    assert_eq!(shown, " 4m30s Warning BackOff            Pod/api-7 in prod: 容器重…");
    assert_eq!(columns(&shown), 60);
}

#[test]
fn a_message_of_many_lines_is_folded_into_one() {
    let mut event = event();
    event.count = 1;
    event.message = "probe failed:\n\n  exit 1\r\n\ttwo\tthree \n".into();
    assert!(plain(&event).ends_with(": probe failed: ⏎ exit 1 ⏎ two three"), "{}", plain(&event));
}

#[test]
fn hostile_characters_are_shown_instead_of_obeyed() {
    let mut event = event();
    event.count = 1;
    event.message = "\x1b[2Jgone\x07\x7f\u{9b}31m\u{202e}txt.exe\u{2028}x".into();
    event.reason = "Ba\x1bd".into();
    assert_eq!(
        plain(&event),
        " 4m30s Warning Ba␛d               Pod/api-7 in prod: ␛[2Jgone␇␡\\u{9b}31m\\u{202e}txt.exe\\u{2028}x"
    );
}

#[test]
fn ages_read_as_kubectl_prints_them() {
    #[track_caller]
    fn check(seconds: i64, expected: &str) {
        let event = Event {
            last_timestamp: Timestamp::from_second(now().as_second() - seconds).ok(),
            ..Event::default()
        };
        assert_eq!(age(&event, now()), expected);
    }
    check(-5, "0s");
    check(119, "119s");
    check(120, "2m");
    check(599, "9m59s");
    check(600, "10m");
    check(10_800 + 300, "3h5m");
    check(8 * 3600, "8h");
    check(2 * 86_400 + 3600, "2d1h");
    check(8 * 86_400, "8d");
    check(800 * 86_400, "2y70d");
}

#[test]
fn a_file_gets_neither_colours_nor_a_width() {
    let file = tempfile::tempfile().unwrap();
    let style = Style::of(&file, None, Some(OsStr::new("xterm")));
    assert_eq!(style, Style::default());
}
