//! SNS: `PublishBatch`, one notification an event.

use std::{fmt::Write as _, sync::Arc};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, written::Decoded,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;
use sinks::{
    batch::Limits,
    ids,
    shape::{Shape, Shaped},
};

use crate::{
    account::{self, Account, Service},
    fifo,
    refusal::{self, Failed},
    regional::Regional,
    sqs,
};

const SERVICE: Service =
    Service { kind: "sns", name: "sns", content_type: account::FORM, target: "" };

/// 256 KiB, of which percent-encoding makes up to three times as many bytes.
const LIMITS: Limits = Limits { events: 10, bytes: 256 * 1000 };

/// What stays as it is in a form.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What stands under `sns`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    #[serde(rename = "topicARN")]
    topic_arn: String,
}

/// Publishes to a topic.
#[derive(Debug)]
pub struct Sns {
    account: Account,
    shape: Shape,
    topic: String,
}

impl Sink for Sns {
    const KIND: &'static str = "sns";
    type Settings = Regional<Shaped<Settings>>;

    fn read(settings: &Value, at: &str) -> Decoded<Self::Settings> {
        Regional::read_shaped(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (own, shape) = settings.own.compile(Self::KIND, &ctx)?;
        let topic = own.topic_arn;
        if !topic.starts_with("arn:") {
            let wrong = if topic.is_empty() { "is missing" } else { "is no ARN" };
            let hint = "write `topicARN: arn:aws:sns:REGION:ACCOUNT:NAME`";
            return Err(ConnectError::new(format!("`sns`: `topicARN` {wrong}; {hint}")));
        }
        let account = Account::new(SERVICE, &settings.account, &topic, &ctx).await?;
        Ok(Self { account, shape, topic })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        let document = |(index, event): (usize, &Arc<Event>)| {
            let mut document = Vec::with_capacity(1536);
            self.shape.write(&mut document, event, now, index)?;
            Ok(String::from_utf8_lossy(&document).into_owned())
        };
        let documents: Result<Vec<_>, Rejected> = events.iter().enumerate().map(document).collect();
        let documents = documents?;
        let groups = LIMITS.groups(&documents, String::len, |_, _| true);
        let payload = |group: std::ops::Range<usize>| {
            let body = self.form(&events[group.clone()], &documents[group.clone()]);
            Payload { events: group.len(), headers: Vec::new(), body: body.into() }
        };
        Ok(groups.into_iter().map(payload).collect())
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let answer = self.account.call("PublishBatch", payload.body.clone()).await?;
        let failed = failed(&String::from_utf8_lossy(&answer));
        refusal::partial(&failed, payload.events, &format!("topic `{}`", self.topic))
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        self.account.who().await
    }

    fn batch_limit(&self) -> usize {
        LIMITS.events
    }

    fn needs_lookup(&self) -> bool {
        self.shape.needs_lookup()
    }

    fn names(&self, fields: &[&str]) -> bool {
        self.shape.names(fields)
    }
}

impl Sns {
    fn form(&self, events: &[Arc<Event>], documents: &[String]) -> String {
        let mut form = "Action=PublishBatch&Version=2010-03-31".to_owned();
        let mut add = |key: &str, value: &str| {
            let value = utf8_percent_encode(value, FORM);
            // Writing to a text cannot fail.
            write!(form, "&{key}={value}").ok();
        };
        add("TopicArn", &self.topic);
        for (index, (event, document)) in events.iter().zip(documents).enumerate() {
            let entry = format!("PublishBatchRequestEntries.member.{}", index + 1);
            add(&format!("{entry}.Id"), &index.to_string());
            add(&format!("{entry}.Message"), document);
            let attribute = format!("{entry}.MessageAttributes.entry.1");
            add(&format!("{attribute}.Name"), "Idempotency-Key");
            add(&format!("{attribute}.Value.DataType"), "String");
            add(&format!("{attribute}.Value.StringValue"), &ids::key(event));
            if fifo::is(&self.topic) {
                add(&format!("{entry}.MessageGroupId"), &fifo::group(event));
                add(&format!("{entry}.MessageDeduplicationId"), &fifo::id(event));
            }
        }
        form
    }
}

/// The entries that SNS says it did not take.
fn failed(answer: &str) -> Vec<Failed> {
    let Ok(document) = roxmltree::Document::parse(answer) else { return Vec::new() };
    let failed = document.descendants().filter(|node| node.tag_name().name() == "Failed");
    let members = failed.flat_map(|node| node.children().filter(roxmltree::Node::is_element));
    let failed = members.filter_map(|member| {
        let text = |name: &str| {
            let child = member.children().find(|node| node.tag_name().name() == name);
            child.and_then(|node| node.text()).unwrap_or_default().to_owned()
        };
        let index = text("Id").parse().ok()?;
        Some(sqs::blamed(index, text("SenderFault") == "true", text("Code"), text("Message")))
    });
    failed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_published_stands_in_the_answer() {
        let answer = r#"<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">
            <PublishBatchResult><Failed><member><Id>1</Id><Code>InternalError</Code>
            <Message>later</Message><SenderFault>false</SenderFault></member></Failed>
            <Successful><member><Id>0</Id><MessageId>x</MessageId></member></Successful>
            </PublishBatchResult></PublishBatchResponse>"#;
        let failed = failed(answer);
        assert_eq!(failed.len(), 1);
        assert_eq!((failed[0].index, failed[0].code.as_str()), (1, "InternalError"));
    }
}
