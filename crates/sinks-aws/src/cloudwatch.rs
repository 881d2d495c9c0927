//! `CloudWatch` Logs: `PutLogEvents`, one line an event, at the time at which it happened. Group and stream are made when they
//! are not there.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use event::{
    Clock, ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, Text,
    written::Decoded,
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
    refusal::Refused,
    regional::Regional,
};

const SERVICE: Service = Service {
    kind: "cloudwatch",
    name: "logs",
    content_type: account::JSON,
    target: "Logs_20140328",
};

/// 1 MiB, of which every line takes 26 bytes beside its own; as JSON a line is longer than it counts.
const LIMITS: Limits = Limits { events: 1000, bytes: 1_000_000 };

/// The lines of one request are no further apart than a day.
const SPAN: i64 = 24 * 60 * 60 * 1000;

/// Says which event of the payload each line is, where they stand in another order: lines go by time.
const ORDER: Text = Text::const_new("Order");

/// What stands under `cloudwatch`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    log_group: String,
    log_stream: String,
}

/// Writes lines to a log stream.
pub struct CloudWatch {
    account: Account,
    shape: Shape,
    clock: Arc<dyn Clock>,
    group: String,
    stream: String,
}

impl Sink for CloudWatch {
    const KIND: &'static str = "cloudwatch";
    type Settings = Regional<Shaped<Settings>>;

    fn read(settings: &Value, at: &str) -> Decoded<Self::Settings> {
        Regional::read_shaped(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (own, shape) = settings.own.compile(Self::KIND, &ctx)?;
        if own.log_group.is_empty() {
            return Err(ConnectError::new("`cloudwatch`: `logGroup` is missing"));
        }
        let stream =
            if own.log_stream.is_empty() { ctx.receiver.to_string() } else { own.log_stream };
        let account = Account::new(SERVICE, &settings.account, "", &ctx).await?;
        Ok(Self { account, shape, clock: ctx.clock, group: own.log_group, stream })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        let line = |(index, event): (usize, &Arc<Event>)| {
            let mut document = Vec::with_capacity(1536);
            self.shape.write(&mut document, event, now, index)?;
            let time = event.timestamp().unwrap_or_else(|| self.clock.now()).as_millisecond();
            let message = entries::text(&document);
            let entry = format!(r#""timestamp":{time},"message":{message}}}"#).into_bytes();
            Ok(Line { time, entry })
        };
        let lines: Result<Vec<_>, Rejected> = events.iter().enumerate().map(line).collect();
        let lines = lines?;
        let size = |line: &Line| line.entry.len() + 26;
        let groups = LIMITS.groups(&lines, size, |_, _| true);
        let within_a_day = groups.into_iter().flat_map(|group| {
            let lines = &lines[group];
            days(lines).into_iter().map(move |day| &lines[day])
        });
        Ok(within_a_day.map(|lines| self.payload(lines)).collect())
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let put = || self.account.call("PutLogEvents", payload.body.clone());
        let answer = match put().await {
            Err(refused) if refused.code == "ResourceNotFoundException" => {
                self.create().await?;
                put().await
            }
            answer => answer,
        };
        match answer {
            Ok(answer) => self.judge(&answer, payload),
            // It came before, and we did not hear of it.
            Err(refused) if refused.code == "DataAlreadyAcceptedException" => Ok(()),
            Err(refused) => Err(refused.error),
        }
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

/// A line, and when it happened, in milliseconds.
#[derive(Clone)]
struct Line {
    time: i64,
    entry: Vec<u8>,
}

/// Where lines are to be parted so that each part is within a day.
fn days(lines: &[Line]) -> Vec<std::ops::Range<usize>> {
    let mut days: Vec<std::ops::Range<usize>> = Vec::new();
    let (mut first, mut last) = (0, 0);
    for (index, line) in lines.iter().enumerate() {
        let (earlier, later) = (line.time.min(first), line.time.max(last));
        match days.last_mut() {
            Some(day) if later.saturating_sub(earlier) < SPAN => {
                day.end = index + 1;
                (first, last) = (earlier, later);
            }
            _ => {
                days.push(index..index + 1);
                (first, last) = (line.time, line.time);
            }
        }
    }
    days
}

impl CloudWatch {
    /// The lines by time, as the API wants them.
    fn payload(&self, lines: &[Line]) -> Payload {
        let mut order: Vec<usize> = (0..lines.len()).collect();
        order.sort_by_key(|index| lines[*index].time);
        let (group, stream) = (quoted(&self.group), quoted(&self.stream));
        let head = format!(r#"{{"logGroupName":{group},"logStreamName":{stream},"logEvents":["#);
        let frame = Frame { head, tail: "]}", numbered: false };
        let sorted: Vec<_> = order.iter().map(|index| lines[*index].entry.clone()).collect();
        let mut payload = frame.payload(&sorted);
        if !order.is_sorted() {
            let order: Vec<_> = order.iter().map(usize::to_string).collect();
            payload.headers.push((ORDER, order.join(",")));
        }
        payload
    }

    /// Makes the group and the stream, unless somebody else does.
    async fn create(&self) -> Result<(), SendError> {
        let (group, stream) = (quoted(&self.group), quoted(&self.stream));
        let calls = [
            ("CreateLogGroup", format!(r#"{{"logGroupName":{group}}}"#)),
            ("CreateLogStream", format!(r#"{{"logGroupName":{group},"logStreamName":{stream}}}"#)),
        ];
        for (action, body) in calls {
            match self.account.call(action, Bytes::from(body)).await {
                Err(Refused { code, error }) if code != "ResourceAlreadyExistsException" => {
                    return Err(error);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The lines that were too old or too new are told by where they begin and end.
    fn judge(&self, answer: &[u8], payload: &Payload) -> Result<(), SendError> {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let rejected = &answer["rejectedLogEventsInfo"];
        let number = |key: &str| rejected[key].as_u64().and_then(|it| usize::try_from(it).ok());
        let old = number("tooOldLogEventEndIndex").max(number("expiredLogEventEndIndex"));
        let (old, new) = (old.unwrap_or(0), number("tooNewLogEventStartIndex"));
        let new = new.unwrap_or(payload.events).min(payload.events);
        let order = order(payload);
        let why = |what: &str| Some(format!("log group `{}`: {what}", self.group));
        let of = |line: usize| order.get(line).copied().unwrap_or(line);
        let too_old = (0..old.min(payload.events))
            .map(|line| (of(line), why("older than 14 days, or than the group keeps")));
        let too_new =
            (new..payload.events).map(|line| (of(line), why("more than two hours ahead of now")));
        let failed: Vec<_> = too_old.chain(too_new).collect();
        if failed.is_empty() { Ok(()) } else { Err(SendError::Partial { failed }) }
    }
}

/// Which event of the payload each line is; empty where they stand in its order.
fn order(payload: &Payload) -> Vec<usize> {
    let order = payload.headers.iter().find(|(name, _)| *name == ORDER);
    let order = order.map(|(_, order)| order.split(',').filter_map(|index| index.parse().ok()));
    order.map(Iterator::collect).unwrap_or_default()
}

impl fmt::Debug for CloudWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudWatch")
            .field("account", &self.account)
            .field("shape", &self.shape)
            .field("group", &self.group)
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_spans_less_than_a_day() {
        let parts = |times: &[i64]| -> Vec<(usize, usize)> {
            let line = |time: &i64| Line { time: *time, entry: Vec::new() };
            let lines: Vec<_> = times.iter().map(line).collect();
            days(&lines).into_iter().map(|day| (day.start, day.end)).collect()
        };
        assert_eq!(parts(&[]), []);
        assert_eq!(parts(&[5, 3, SPAN]), [(0, 3)]);
        assert_eq!(parts(&[5, SPAN + 5, 7]), [(0, 1), (1, 3)]);
        assert_eq!(parts(&[5, SPAN + 5, 5]), [(0, 1), (1, 2), (2, 3)]);
    }
}
