//! Teams: the original's odd text, cards, and what answers mean. The double answers as Microsoft's documentation of connectors
//! and of Workflows' webhooks says.

use event::{AnySink, SendError};
use serde_json::{Value, json};

use crate::{
    samples::{connect, deliver, events, refusal, run},
    server::{Answer, Server},
};

fn sink(server: &Server, more: Value) -> AnySink {
    let mut settings = more;
    settings["endpoint"] = json!(format!("http://{}/hook/secret-1", server.address));
    connect("teams", settings).unwrap()
}

/// What is posted about a plain event with these settings.
fn body(settings: Value) -> String {
    let server = Server::start();
    run(deliver(&sink(&server, settings), &events()[1..2])).unwrap();
    String::from_utf8(server.request().body).unwrap()
}

/// What an answer of this status and body means.
fn outcome(status: u16, body: &str) -> Result<(), SendError> {
    let server = Server::start();
    server.answer(Answer::Status(status, String::new(), body.to_owned()));
    run(deliver(&sink(&server, json!({})), &events()[1..2]))
}

fn word(outcome: &Result<(), SendError>) -> &'static str {
    match outcome {
        Ok(()) => "ok",
        Err(SendError::Unavailable { .. }) => "unavailable",
        Err(SendError::Blocked { .. }) => "blocked",
        Err(SendError::Rejected { .. }) => "rejected",
        Err(SendError::Partial { .. }) => "partial",
    }
}

#[test]
fn the_text_of_the_original_is_posted_byte_for_byte() {
    assert_eq!(
        body(json!({})),
        r#"{"summary":"event","text":"Event: Node node-a status is now: NodeReady \nStatus: NodeReady \nMetadata: map[creationTimestamp:2024-06-01T10:09:00Z name:node-a.17d1 namespace:default resourceVersion:902 uid:uid-2]"}"#
    );
}

#[test]
fn a_layout_counts_only_where_its_keys_are_those_of_the_text() {
    let layout =
        json!({"message": "<{{ .Reason }}>", "metadata": {"b": 2.5, "a": [true, null, "x"]}});
    assert_eq!(
        body(json!({"layout": layout})),
        r#"{"summary":"event","text":"Event: \u003cNodeReady\u003e \nStatus: %!s(\u003cnil\u003e) \nMetadata: map[a:[%!s(bool=true) \u003cnil\u003e x] b:%!s(float64=2.5)]"}"#
    );
    let nothing = r#"{"summary":"event","text":"Event: %!s(\u003cnil\u003e) \nStatus: %!s(\u003cnil\u003e) \nMetadata: %!s(\u003cnil\u003e)"}"#;
    assert_eq!(body(json!({"layout": {"a": "b"}})), nothing);
}

#[test]
fn a_body_of_the_users_own_is_posted_as_it_is() {
    assert_eq!(body(json!({"rawBody": r#"{"text":"{{ .Reason }}"}"#})), r#"{"text":"NodeReady"}"#);
}

#[test]
fn a_card_shows_our_message_and_obeys_no_markdown_in_it() {
    let card: Value = serde_json::from_str(&body(json!({"format": "card"}))).unwrap();
    let attachment = &card["attachments"][0];
    assert_eq!(card["type"], "message");
    assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
    let content = &attachment["content"];
    assert_eq!(content["type"], "AdaptiveCard");
    assert_eq!(content["fallbackText"], "Node node-a: NodeReady once");
    let lines: Vec<_> = content["body"].as_array().unwrap().iter().collect();
    assert!(lines.iter().all(|line| line["type"] == "RichTextBlock"));
    let texts: Vec<_> = lines.iter().map(|line| &line["inlines"][0]["text"]).collect();
    assert_eq!(
        texts,
        [
            "Node node-a: NodeReady once",
            "Node node-a status is now: NodeReady",
            "at 2024-06-01 10:09:00 UTC",
            "Normal from kubelet on node-a",
        ]
    );
}

#[test]
fn an_error_inside_of_a_200_is_an_error() {
    let failed = |status: &str| {
        format!(
            "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error {status} \
             with ContextId tcid=0"
        )
    };
    for (body, expected) in [
        ("1", "ok"),
        ("", "ok"),
        (&failed("429"), "unavailable"),
        (&failed("413"), "rejected"),
        (&failed("403"), "blocked"),
        (&failed("500"), "unavailable"),
        (&failed("?"), "unavailable"),
    ] {
        assert_eq!(word(&outcome(200, body)), expected, "{body}");
    }
    let text = outcome(200, &failed("429")).unwrap_err().to_string();
    assert!(text.contains("answered 200 OK: Webhook message delivery failed"), "{text}");
}

#[test]
fn a_workflow_takes_with_202_and_blocks_where_it_is_turned_off() {
    assert_eq!(outcome(202, ""), Ok(()));
    let off = r#"{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"state 'Disabled'"}}"#;
    let outcome = outcome(400, off);
    assert_eq!(word(&outcome), "blocked");
    assert!(outcome.unwrap_err().to_string().ends_with("; turn the workflow on"));
}

#[test]
fn headers_are_added_and_may_be_templates() {
    let server = Server::start();
    let headers = json!({"X-Team": "a", "X-Reason": "{{ .Reason }}"});
    run(deliver(&sink(&server, json!({"headers": headers})), &events()[1..2])).unwrap();
    assert_eq!(server.request().header("x-team"), ["a"]);
    assert_eq!(server.request().header("x-reason"), ["NodeReady"]);
    assert_eq!(server.request().header("idempotency-key"), ["uid-2/902"]);
}

#[test]
fn settings_that_can_never_work_are_refused() {
    assert_eq!(
        refusal("teams", json!({})),
        "`teams.endpoint`: is missing; give the address to post to"
    );
    let settings = json!({"endpoint": "https://x.example", "format": "card", "layout": {"a": "b"}});
    assert_eq!(
        refusal("teams", settings),
        "`teams`: `format: card` has a text of its own; remove it, or `layout`"
    );
}
