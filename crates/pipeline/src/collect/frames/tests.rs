//! The four decoders, fed in every cut.

use event::{document, protobuf::Writer};
use proptest::prelude::*;

use super::*;

fn event(name: &str, revision: u64) -> Event {
    let mut event = Event::default();
    event.metadata.name = name.into();
    event.metadata.namespace = "prod".into();
    event.metadata.uid = format!("uid-of-{name}").into();
    event.metadata.resource_version = revision.to_string().into();
    event.message = "x".repeat(300).into();
    event
}

fn bookmark_event(revision: u64) -> Event {
    let mut event = Event::default();
    event.metadata.resource_version = revision.to_string().into();
    event.metadata.annotations.insert("k8s.io/initial-events-end".into(), "true".into());
    event
}

fn json(event: &Event) -> String {
    let mut out = Vec::new();
    document::write(&mut out, event);
    String::from_utf8(out).unwrap()
}

/// An answer in protobuf: the magic bytes and `runtime.Unknown` around the object.
fn answer(object: &[u8]) -> Vec<u8> {
    let mut out = Writer(MAGIC.to_vec());
    out.message(1, |out| {
        out.text(1, "v1");
        out.text(2, "EventList");
    });
    out.bytes(2, object);
    out.text(4, "");
    out.0
}

fn protobuf_list(events: &[Event], revision: &str, next: &str) -> Vec<u8> {
    let mut list = Writer::default();
    list.message(1, |out| {
        out.text(2, revision);
        out.text(3, next);
    });
    for event in events {
        list.bytes(2, &protobuf::encode(event));
    }
    answer(&list.0)
}

fn protobuf_frame(kind: &str, object: &[u8]) -> Vec<u8> {
    let mut frame = Writer::default();
    frame.text(1, kind);
    frame.message(2, |out| out.bytes(1, &answer(object)));
    let length = u32::try_from(frame.0.len()).unwrap();
    [length.to_be_bytes().to_vec(), frame.0].concat()
}

fn status_in_protobuf(code: i64, message: &str, next: &str, seconds: i64) -> Vec<u8> {
    let mut status = Writer::default();
    status.message(1, |out| out.text(3, next));
    status.text(3, message);
    status.message(5, |out| out.number(5, seconds));
    status.number(6, code);
    status.0
}

fn decode(mut decoder: Decoder, bytes: &[u8], step: usize) -> Result<Vec<Frame>, Garbled> {
    let mut frames = Vec::new();
    for chunk in bytes.chunks(step) {
        decoder.push(chunk, &mut frames)?;
    }
    Ok(frames)
}

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf;stream=watch";

#[track_caller]
fn check(decoder: fn(&str) -> Decoder, content_type: &str, bytes: &[u8], expected: &[Frame]) {
    for step in [1, 2, 7, 64, bytes.len()] {
        let frames = decode(decoder(content_type), bytes, step).unwrap();
        assert_eq!(frames, expected, "in steps of {step}");
    }
}

#[test]
fn a_list_comes_item_by_item_in_both_forms() {
    let events = [event("a", 7), event("b", 9)];
    let expected = [
        Frame::Item(Box::new(events[0].clone())),
        Frame::Item(Box::new(events[1].clone())),
        Frame::PageEnd { revision: Some(12), next: Some("token".into()) },
    ];
    let items = events.iter().map(json).collect::<Vec<_>>().join(",");
    let list = format!(
        r#"{{"kind":"EventList","apiVersion":"v1","metadata":{{"resourceVersion":"12","continue":"token"}},"items":[{items}]}}"#
    );
    check(Decoder::list, "application/json", list.as_bytes(), &expected);
    check(Decoder::list, PROTOBUF, &protobuf_list(&events, "12", "token"), &expected);
}

#[test]
fn an_empty_list_still_has_an_end() {
    let expected = [Frame::PageEnd { revision: Some(12), next: None }];
    let list = br#"{"metadata":{"resourceVersion":"12"},"items":[]}"#;
    check(Decoder::list, "application/json", list, &expected);
    check(Decoder::list, PROTOBUF, &protobuf_list(&[], "12", ""), &expected);
}

#[test]
fn a_watch_says_the_same_in_both_forms() {
    let events = [event("a", 7), event("b", 9)];
    let expired =
        ApiError::Expired { message: "too old".into(), inconsistent: Some("go-on".into()) };
    let busy = ApiError::Busy {
        status: 429,
        message: "slow down".into(),
        retry_after: Some(std::time::Duration::from_secs(3)),
    };
    let expected = [
        Frame::Added(Box::new(events[0].clone())),
        Frame::Modified(Box::new(events[1].clone())),
        Frame::Deleted(Box::new(events[0].clone())),
        Frame::Bookmark { revision: 12, initial_end: true },
        Frame::Error(expired),
        Frame::Error(busy),
    ];
    let end = bookmark_event(12);
    let lines = [
        format!(r#"{{"type":"ADDED","object":{}}}"#, json(&events[0])),
        format!(r#"{{"object":{},"type":"MODIFIED"}}"#, json(&events[1])),
        format!(r#"{{"type":"DELETED","object":{}}}"#, json(&events[0])),
        format!(r#"{{"type":"BOOKMARK","object":{}}}"#, json(&end)),
        r#"{"type":"ERROR","object":{"code":410,"message":"too old","metadata":{"continue":"go-on"}}}"#.into(),
        r#"{"type":"ERROR","object":{"code":429,"message":"slow down","details":{"retryAfterSeconds":3}}}"#.into(),
    ];
    check(Decoder::watch, "application/json", (lines.join("\n") + "\n").as_bytes(), &expected);
    let frames = [
        protobuf_frame("ADDED", &protobuf::encode(&events[0])),
        protobuf_frame("MODIFIED", &protobuf::encode(&events[1])),
        protobuf_frame("DELETED", &protobuf::encode(&events[0])),
        protobuf_frame("BOOKMARK", &protobuf::encode(&end)),
        protobuf_frame("ERROR", &status_in_protobuf(410, "too old", "go-on", 0)),
        protobuf_frame("ERROR", &status_in_protobuf(429, "slow down", "", 3)),
    ];
    check(Decoder::watch, PROTOBUF, &frames.concat(), &expected);
}

#[test]
fn one_object_that_cannot_be_read_does_not_end_the_stream() {
    let good = event("a", 7);
    let lines = format!(
        "{{\"type\":\"ADDED\",\"object\":{{\"count\":\"many\"}}}}\n{{\"type\":\"ADDED\",\"object\":{}}}\n",
        json(&good)
    );
    let frames = decode(Decoder::watch("application/json"), lines.as_bytes(), 16).unwrap();
    assert!(matches!(&frames[..], [Frame::Unreadable(_), Frame::Added(added)] if **added == good));
    let frames = [
        protobuf_frame("ADDED", &[0x0a, 0x7f, 0x00]),
        protobuf_frame("ADDED", &protobuf::encode(&good)),
    ];
    let frames = decode(Decoder::watch(PROTOBUF), &frames.concat(), 16).unwrap();
    assert!(matches!(&frames[..], [Frame::Unreadable(_), Frame::Added(added)] if **added == good));
}

#[test]
fn a_frame_that_claims_to_be_endless_ends_the_stream_at_once() {
    assert!(decode(Decoder::watch(PROTOBUF), &[0xff; 8], 8).is_err());
    assert!(decode(Decoder::list(PROTOBUF), b"nonsense", 8).is_err());
}

proptest! {
    #[test]
    fn damaged_bytes_never_panic(
        at in 0usize..2000, byte in any::<u8>(), step in 1usize..50, list in any::<bool>(),
    ) {
        let events = [event("a", 7), event("b", 9)];
        let (decoder, mut bytes) = if list {
            (Decoder::list(PROTOBUF), protobuf_list(&events, "12", "token"))
        } else {
            (Decoder::watch(PROTOBUF), protobuf_frame("ADDED", &protobuf::encode(&events[0])))
        };
        let at = at % bytes.len();
        bytes[at] = byte;
        drop(decode(decoder, &bytes, step));
    }
}
