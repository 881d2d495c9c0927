use event::SendError;
use reqwest::{StatusCode, header::HeaderMap};
use serde_json::json;

use super::{answer::Answer, *};
use crate::secrets::Secrets;

fn outcome(said: &Value, one_channel: bool) -> String {
    let answer = crate::answer::Answer {
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: said.to_string().into(),
        wait: None,
        reason: "it answered 200".to_owned(),
        place: String::new(),
        secrets: Secrets::default(),
    };
    match Answer::read(&answer).and_then(|answer| answer.judge(one_channel)) {
        Ok(()) => "ok".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_answer_has_its_consequence() {
    for (error, one_channel, channels) in [
        ("invalid_auth", "blocked", "blocked"),
        ("token_revoked", "blocked", "blocked"),
        ("missing_scope", "blocked", "blocked"),
        ("channel_not_found", "blocked", "rejected"),
        ("not_in_channel", "blocked", "rejected"),
        ("is_archived", "blocked", "rejected"),
        ("msg_too_long", "rejected", "rejected"),
        ("no_text", "rejected", "rejected"),
        ("ratelimited", "unavailable", "unavailable"),
        ("internal_error", "unavailable", "unavailable"),
        ("error_of_tomorrow", "unavailable", "unavailable"),
    ] {
        let answer = json!({"ok": false, "error": error});
        let expected = |word| format!("{word}: slack answered `{error}`");
        assert_eq!(outcome(&answer, true), expected(one_channel));
        assert_eq!(outcome(&answer, false), expected(channels));
    }
    assert_eq!(outcome(&json!({"ok": true, "ts": "1.2"}), true), "ok");
    assert_eq!(
        outcome(&json!({"ok": false, "error": "missing_scope", "needed": "chat:write"}), true),
        "blocked: slack answered `missing_scope`; the token needs the scope chat:write"
    );
    for odd in [json!("yes"), json!({"status": "ok"}), json!([])] {
        let expected = "unavailable: it answered 200, which is no answer of Slack's";
        assert_eq!(outcome(&odd, true), expected);
    }
}

#[test]
fn threads_are_kept_for_the_objects_heard_of_last() {
    let threads = Threads::default();
    for object in 0..5000 {
        threads.begin(object.to_string(), format!("{object}.0"));
    }
    assert_eq!(threads.begun_by("0"), None);
    assert_eq!(threads.begun_by("4999").as_deref(), Some("4999.0"));
    threads.forget("4999");
    assert_eq!(threads.begun_by("4999"), None);
    threads.begin("none".to_owned(), String::new());
    assert_eq!(threads.begun_by("none"), None);
}

#[test]
fn the_thread_of_an_object_goes_by_channel_cluster_and_name() {
    let mut event = Event::default();
    event.involved.reference.name = "a".into();
    let one = threads::of("#x", &event);
    assert_eq!(one, threads::of("#x", &event));
    assert_ne!(one, threads::of("#y", &event));
    event.cluster_name = "a".into();
    assert_ne!(one, threads::of("#x", &event));
}

#[tokio::test]
async fn neither_settings_nor_slack_show_the_token() {
    let written = json!({"token": "xoxb-secret", "channel": "#x"});
    let settings = Slack::read(&written, "").strictly().unwrap();
    let ctx = SinkContext {
        receiver: "test".into(),
        user_agent: "test".into(),
        clock: Arc::new(event::SystemClock),
    };
    let texts = format!("{settings:?}");
    let slack = Slack::connect(settings, ctx).await.unwrap();
    let texts = format!("{texts} {slack:?} {:?}", SendError::Blocked { reason: String::new() });
    assert!(!texts.contains("secret"), "{texts}");
}
