//! Systems Manager's `OpsCenter`: `CreateOpsItem`, one item an event.
//!
//! An item with the event's id as its `/aws/dedup` is made only once, however often it is asked for.

use std::{collections::BTreeMap, sync::Arc};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, written::Decoded,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sinks::{
    ids,
    phrase::{Phrase, Speaker, Speech},
};

use crate::{
    account::{self, Account, Service},
    regional::Regional,
};

const SERVICE: Service =
    Service { kind: "opscenter", name: "ssm", content_type: account::JSON, target: "AmazonSSM" };

/// By this AWS knows items that were made before.
const DEDUP: &str = "/aws/dedup";

/// What stands under `opscenter`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    title: String,
    description: String,
    source: String,
    category: String,
    severity: String,
    priority: String,
    notifications: Vec<String>,
    operational_data: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
    related_ops_items: Vec<String>,
}

/// Makes operational work items.
#[derive(Debug)]
pub struct OpsCenter {
    account: Account,
    speaker: Speaker,
    /// Those that are texts, by what the API calls them.
    texts: Vec<(&'static str, Phrase)>,
    priority: Option<Phrase>,
    notifications: Vec<Phrase>,
    operational_data: Vec<(String, Phrase)>,
    tags: Vec<(String, Phrase)>,
    related: Vec<String>,
}

impl Sink for OpsCenter {
    const KIND: &'static str = "opscenter";
    type Settings = Regional<Settings>;

    fn read(settings: &Value, at: &str) -> Decoded<Self::Settings> {
        Regional::read(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let own = settings.own;
        let needed =
            [("title", &own.title), ("description", &own.description), ("source", &own.source)];
        if let Some((key, _)) = needed.into_iter().find(|(_, text)| text.is_empty()) {
            let text = format!("`opscenter`: `{key}` is missing, and AWS takes no item without it");
            return Err(ConnectError::new(text));
        }
        let parse = |key: String, text: &str| Phrase::parse(Self::KIND, key, text);
        let written = [
            ("Title", "title", &own.title),
            ("Description", "description", &own.description),
            ("Source", "source", &own.source),
            ("Category", "category", &own.category),
            ("Severity", "severity", &own.severity),
        ];
        let mut texts = Vec::new();
        for (name, key, text) in written.into_iter().filter(|(_, _, text)| !text.is_empty()) {
            texts.push((name, parse(key.to_owned(), text)?));
        }
        let map = |name: &str, map: BTreeMap<String, String>| -> Result<Vec<_>, ConnectError> {
            let parse = |(key, text): (String, String)| {
                Ok((key.clone(), parse(format!("{name}.{key}"), &text)?))
            };
            map.into_iter().map(parse).collect()
        };
        let notifications = own.notifications.iter().enumerate();
        let notifications = notifications
            .map(|(index, text)| parse(format!("notifications[{index}]"), text))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            account: Account::new(SERVICE, &settings.account, "", &ctx).await?,
            texts,
            priority: Phrase::unless_empty(Self::KIND, "priority", &own.priority)?,
            notifications,
            operational_data: map("operationalData", own.operational_data)?,
            tags: map("tags", own.tags)?,
            related: own.related_ops_items,
            speaker: Speaker::new(ctx.clock),
        })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let speech = self.speaker.begin();
        let item = |(index, event): (usize, &Arc<Event>)| {
            let body = self.item(&speech, event, index)?;
            let body = Value::Object(body).to_string().into();
            Ok(Payload { events: 1, headers: Vec::new(), body })
        };
        events.iter().enumerate().map(item).collect()
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        match self.account.call("CreateOpsItem", payload.body.clone()).await {
            // It was made when we did not hear of it.
            Err(refused) if refused.code == "OpsItemAlreadyExistsException" => Ok(()),
            outcome => Ok(outcome.map(drop)?),
        }
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        self.account.who().await
    }

    fn needs_lookup(&self) -> bool {
        self.phrases().any(Phrase::needs_lookup)
    }

    fn names(&self, fields: &[&str]) -> bool {
        self.phrases().any(|phrase| phrase.names(fields))
    }
}

impl OpsCenter {
    fn phrases(&self) -> impl Iterator<Item = &Phrase> {
        let texts = self.texts.iter().map(|(_, phrase)| phrase);
        let pairs = self.operational_data.iter().chain(&self.tags).map(|(_, phrase)| phrase);
        texts.chain(&self.priority).chain(&self.notifications).chain(pairs)
    }

    fn item(
        &self,
        speech: &Speech<'_>,
        event: &Event,
        index: usize,
    ) -> Result<Map<String, Value>, Rejected> {
        let say = |phrase: &Phrase| speech.say(phrase, event, index);
        let mut item = Map::new();
        for (name, phrase) in &self.texts {
            item.insert((*name).to_owned(), say(phrase)?.into());
        }
        if let Some(priority) = &self.priority {
            let said = say(priority)?;
            let number: i64 = said.trim().parse().map_err(|_| Rejected {
                index,
                reason: format!("priority: `{said}` is no whole number"),
            })?;
            item.insert("Priority".to_owned(), number.into());
        }
        if !self.notifications.is_empty() {
            let arns = self.notifications.iter().map(|it| Ok(json!({"Arn": say(it)?})));
            item.insert("Notifications".to_owned(), arns.collect::<Result<Value, Rejected>>()?);
        }
        let mut data = Map::new();
        let dedup = json!({"dedupString": ids::key(event)}).to_string();
        data.insert(DEDUP.to_owned(), json!({"Type": "SearchableString", "Value": dedup}));
        for (key, phrase) in &self.operational_data {
            let value = json!({"Type": "SearchableString", "Value": say(phrase)?});
            data.insert(key.clone(), value);
        }
        item.insert("OperationalData".to_owned(), data.into());
        if !self.tags.is_empty() {
            let tags = self.tags.iter();
            let tags = tags.map(|(key, it)| Ok(json!({"Key": key, "Value": say(it)?})));
            item.insert("Tags".to_owned(), tags.collect::<Result<Value, Rejected>>()?);
        }
        if !self.related.is_empty() {
            let related = self.related.iter().map(|id| json!({"OpsItemId": id}));
            item.insert("RelatedOpsItems".to_owned(), related.collect());
        }
        Ok(item)
    }
}
