//! `EventBridge`: `PutEvents`, one entry an event, with the time at which it happened.

use std::sync::Arc;

use event::{
    Clock, ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, written::Decoded,
};
use serde::Deserialize;
use serde_json::Value;
use sinks::{
    batch::Limits,
    shape::{Shape, Shaped},
};

use crate::{
    account::{self, Account, Service},
    entries::{self, Frame, quoted},
    kinesis, refusal,
    regional::Regional,
};

const SERVICE: Service = Service {
    kind: "eventbridge",
    name: "events",
    content_type: account::JSON,
    target: "AWSEvents",
};

/// What every bus takes at once.
const LIMITS: Limits = Limits { events: 10, bytes: 256 * 1000 };

/// What stands under `eventbridge`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    detail_type: String,
    source: String,
    event_bus_name: String,
}

/// Puts entries on a bus.
#[derive(Debug)]
pub struct EventBridge {
    account: Account,
    shape: Shape,
    clock: Arc<dyn Clock>,
    /// `"Source":…,"DetailType":…,"EventBusName":…`
    addressed: String,
    place: String,
}

impl Sink for EventBridge {
    const KIND: &'static str = "eventbridge";
    type Settings = Regional<Shaped<Settings>>;

    fn read(settings: &Value, at: &str) -> Decoded<Self::Settings> {
        let mut settings = settings.clone();
        // The original's word for the layout of this one kind.
        if let Some(object) = settings.as_object_mut()
            && !object.contains_key("layout")
            && let Some(details) = object.remove("details")
        {
            object.insert("layout".to_owned(), details);
        }
        Regional::read_shaped(&settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (own, shape) = settings.own.compile(Self::KIND, &ctx)?;
        for (key, value) in [("detailType", &own.detail_type), ("source", &own.source)] {
            if value.is_empty() {
                return Err(ConnectError::new(format!("`eventbridge`: `{key}` is missing")));
            }
        }
        let account = Account::new(SERVICE, &settings.account, "", &ctx).await?;
        let (source, kind) = (quoted(&own.source), quoted(&own.detail_type));
        let (place, bus) = match own.event_bus_name.as_str() {
            "" => ("bus `default`".to_owned(), String::new()),
            bus => (format!("bus `{bus}`"), format!(r#","EventBusName":{}"#, quoted(bus))),
        };
        let addressed = format!(r#""Source":{source},"DetailType":{kind}{bus}"#);
        Ok(Self { account, shape, clock: ctx.clock, addressed, place })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        let entry = |(index, event): (usize, &Arc<Event>)| {
            let mut detail = Vec::with_capacity(1536);
            self.shape.write(&mut detail, event, now, index)?;
            let time = event.timestamp().unwrap_or_else(|| self.clock.now()).as_second();
            let (addressed, detail) = (&self.addressed, entries::text(&detail));
            Ok(format!(r#""Time":{time},{addressed},"Detail":{detail}}}"#).into_bytes())
        };
        let entries: Result<Vec<_>, Rejected> = events.iter().enumerate().map(entry).collect();
        let frame = Frame { head: r#"{"Entries":["#.into(), tail: "]}", numbered: false };
        Ok(frame.payloads(LIMITS, &entries?))
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let answer = self.account.call("PutEvents", payload.body.clone()).await?;
        let failed = kinesis::results(&answer, "Entries", "ErrorCode", "ErrorMessage");
        refusal::partial(&failed, payload.events, &self.place)
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
