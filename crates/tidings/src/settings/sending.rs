//! How a receiver is sent to: keys beside its kind, which the original does not have.

use std::time::Duration;

use event::{SinkKind, Text};
use jiff::SignedDuration;
use pipeline::send::{BatchSettings, LaneSettings, RateLimit};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    amount::{Age, Size},
    receiver::part,
    remark::Remark,
};

/// The keys of it.
pub(super) const KEYS: [&str; 7] =
    ["batch", "concurrency", "rateLimit", "maxDeliveryAge", "probe", "renamedFrom", "backfill"];

/// Events that wait for a fuller request are late; nobody means more than this.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// What people read within this time is worth reading.
const AGE_FOR_PEOPLE: Duration = Duration::from_secs(15 * 60);

/// A receiver that refuses us is asked again once in this time at the least, and at the most.
const PROBES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(24 * 3600)];

/// More requests at once would be an attack.
const MOST_AT_ONCE: usize = 64;

/// How a receiver is sent to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sending {
    /// What one request may hold, and how long it is waited until it does.
    batch: BatchSettings,
    /// The most requests at once; nothing is one.
    concurrency: Option<usize>,
    /// The most requests.
    rate_limit: Option<Rate>,
    /// Older events are not sent; nothing is what suits the kind.
    max_age: Option<MaxAge>,
    /// How often it is asked again when it refuses us.
    probe: Option<Duration>,
    /// What it was called before.
    renamed_from: Vec<Text>,
    /// How much of what came before it a new receiver is given.
    backfill: Option<Age>,
}

/// `maxDeliveryAge`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MaxAge {
    Unlimited,
    Of(Age),
}

/// `batch` as it is written.
#[derive(Default, Deserialize)]
#[serde(default)]
struct WrittenBatch {
    events: Option<u32>,
    bytes: Option<Text>,
    wait: Option<Text>,
}

/// `rateLimit`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rate {
    per_second: f64,
    burst: u32,
    limit: RateLimit,
}

/// `rateLimit` as it is written.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WrittenRate {
    per_second: Option<f64>,
    burst: Option<u32>,
}

impl Sending {
    /// Reads the keys of the receiver at `path`.
    pub(super) fn read(
        written: &Map<String, Value>,
        path: &str,
        remarks: &mut Vec<Remark>,
    ) -> Self {
        let batch = part::<WrittenBatch>(written, "batch", path, remarks);
        let batch = batch.read(&format!("{path}.batch"), remarks);
        let concurrency = part::<Option<u32>>(written, "concurrency", path, remarks);
        let concurrency = concurrency.and_then(|it| at_once(it, path, remarks));
        let rate = part::<Option<WrittenRate>>(written, "rateLimit", path, remarks);
        let at = format!("{path}.rateLimit");
        let rate = rate.filter(|_| written["rateLimit"].is_object());
        let rate_limit = rate.and_then(|rate| rate.read(&at, remarks));
        let max_age = part::<Option<Text>>(written, "maxDeliveryAge", path, remarks);
        let max_age = max_age.and_then(|text| age(&text, path, remarks));
        let probe = part::<Option<Text>>(written, "probe", path, remarks);
        let probe = probe.and_then(|text| probes(&text, path, remarks));
        let renamed_from = part::<Vec<Text>>(written, "renamedFrom", path, remarks);
        let backfill = part::<Option<Text>>(written, "backfill", path, remarks);
        let backfill = backfill.and_then(|text| filled(&text, path, remarks));
        Self { batch, concurrency, rate_limit, max_age, probe, renamed_from, backfill }
    }

    /// What the lane is told.
    pub(crate) fn lane(&self, kind: &SinkKind) -> LaneSettings {
        let usual = LaneSettings::default();
        LaneSettings {
            batch: self.batch,
            concurrency: self.concurrency.unwrap_or(1),
            rate_limit: self.rate_limit.map(|rate| rate.limit),
            max_age: match self.max_age {
                Some(MaxAge::Of(Age(age))) => Some(age),
                Some(MaxAge::Unlimited) => None,
                None => kind.for_people.then_some(AGE_FOR_PEOPLE),
            },
            probe_every: self.probe.unwrap_or(usual.probe_every),
            ..usual
        }
    }

    /// What it was called before: the lane of the first of these that there is becomes its own.
    pub(crate) fn renamed_from(&self) -> &[Text] {
        &self.renamed_from
    }

    /// How much of what came before it a new receiver is given.
    pub(crate) fn backfill(&self) -> Option<Duration> {
        self.backfill.map(|Age(age)| age)
    }

    /// Whether requests are to hold several events.
    pub(crate) fn wants_batches(&self) -> bool {
        self.batch != BatchSettings::default() && self.batch.events > 1
    }

    /// As it would be written, without what is not set.
    pub(crate) fn shown(&self) -> Vec<(&'static str, Value)> {
        let rate = |rate: Rate| json!({"perSecond": rate.per_second, "burst": rate.burst});
        let mut shown = Vec::new();
        if self.batch != BatchSettings::default() {
            shown.push(("batch", shown_batch(self.batch)));
        }
        shown.extend(self.concurrency.map(|it| ("concurrency", it.into())));
        shown.extend(self.rate_limit.map(|it| ("rateLimit", rate(it))));
        let age = |age| match age {
            MaxAge::Unlimited => UNLIMITED.into(),
            MaxAge::Of(age) => age.to_string().into(),
        };
        shown.extend(self.max_age.map(|it| ("maxDeliveryAge", age(it))));
        if !self.renamed_from.is_empty() {
            let names: Vec<&str> = self.renamed_from.iter().map(|name| &**name).collect();
            shown.push(("renamedFrom", names.into()));
        }
        shown.extend(self.backfill.map(|it| ("backfill", it.to_string().into())));
        shown.extend(self.probe.map(|it| ("probe", format!("{it:?}").into())));
        shown
    }
}

fn shown_batch(batch: BatchSettings) -> Value {
    let mut shown = Map::new();
    let limits = [("events", batch.events), ("bytes", batch.bytes)];
    for (key, limit) in limits.into_iter().filter(|(_, limit)| *limit < usize::MAX) {
        shown.insert(key.into(), limit.into());
    }
    if !batch.wait.is_zero() {
        shown.insert("wait".into(), format!("{:?}", batch.wait).into());
    }
    shown.into()
}

/// The word for an age that nothing reaches.
const UNLIMITED: &str = "unlimited";

fn age(text: &str, path: &str, remarks: &mut Vec<Remark>) -> Option<MaxAge> {
    if text == UNLIMITED {
        return Some(MaxAge::Unlimited);
    }
    let age = Age::parse(text).filter(|age| !age.0.is_zero());
    if age.is_none() {
        let message = format!("`{text}` is neither a time nor `{UNLIMITED}`");
        let hint = "write for example `15m`: what is older is not sent, but told of in one digest";
        remarks.push(Remark::mistake(format!("{path}.maxDeliveryAge"), message).hint(hint));
    }
    age.map(MaxAge::Of)
}

fn filled(text: &str, path: &str, remarks: &mut Vec<Remark>) -> Option<Age> {
    let age = Age::parse(text).filter(|age| !age.0.is_zero());
    if age.is_none() {
        let message = format!("`{text}` is no time");
        let hint = "write for example `2h`: a new receiver is given what came in since then";
        remarks.push(Remark::mistake(format!("{path}.backfill"), message).hint(hint));
    }
    age
}

fn probes(text: &str, path: &str, remarks: &mut Vec<Remark>) -> Option<Duration> {
    let [least, most] = PROBES;
    let probe = Age::parse(text).map(|age| age.0);
    let probe = probe.filter(|probe| (least..=most).contains(probe));
    if probe.is_none() {
        let message = format!("`{text}` is no time from a second to a day");
        let hint = "write for example `1m`: so often a receiver that refuses us is asked again";
        remarks.push(Remark::mistake(format!("{path}.probe"), message).hint(hint));
    }
    probe
}

fn at_once(requests: u32, path: &str, remarks: &mut Vec<Remark>) -> Option<usize> {
    let requests = usize::try_from(requests).ok();
    let possible = requests.filter(|requests| (1..=MOST_AT_ONCE).contains(requests));
    if possible.is_none() {
        let message = format!("a number from 1 to {MOST_AT_ONCE} is expected");
        let hint = "remove it for one request after the other";
        remarks.push(Remark::mistake(format!("{path}.concurrency"), message).hint(hint));
    }
    possible
}

impl WrittenBatch {
    fn read(self, at: &str, remarks: &mut Vec<Remark>) -> BatchSettings {
        let mut batch = BatchSettings::default();
        let mut mistake = |key: &str, message: String, hint: &str| {
            remarks.push(Remark::mistake(format!("{at}.{key}"), message).hint(hint));
        };
        match self.events.map(usize::try_from) {
            Some(Ok(events @ 1..)) => batch.events = events,
            Some(_) => mistake(
                "events",
                "1 or more is expected".into(),
                "remove it for as many as the receiver takes",
            ),
            None => {}
        }
        if let Some(text) = self.bytes {
            match bytes(&text) {
                Some(bytes) => batch.bytes = bytes,
                None => mistake(
                    "bytes",
                    format!("`{text}` is no size above 0"),
                    "write for example `65536`, `64KiB` or `1MiB`",
                ),
            }
        }
        if let Some(text) = self.wait {
            match wait(&text) {
                Some(wait) => batch.wait = wait,
                None => mistake(
                    "wait",
                    format!("`{text}` is no duration up to an hour"),
                    "write for example `2s`",
                ),
            }
        }
        batch
    }
}

fn bytes(text: &str) -> Option<usize> {
    let Size(bytes) = Size::parse(text)?;
    usize::try_from(bytes).ok().filter(|bytes| *bytes > 0)
}

fn wait(text: &str) -> Option<Duration> {
    let wait = text.parse::<SignedDuration>().ok()?;
    Duration::try_from(wait).ok().filter(|wait| *wait <= LONGEST_WAIT)
}

impl WrittenRate {
    fn read(self, at: &str, remarks: &mut Vec<Remark>) -> Option<Rate> {
        let Some(per_second) = self.per_second else {
            let message = "`perSecond` is missing: the most requests in a second";
            let hint = "write for example `{perSecond: 1, burst: 5}`";
            remarks.push(Remark::mistake(at, message).hint(hint));
            return None;
        };
        if self.burst == Some(0) {
            let message = "1 or more is expected: so many requests at once after a quiet time";
            remarks.push(Remark::mistake(format!("{at}.burst"), message));
            return None;
        }
        // What a second allows may come at once, unless something else is said.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast of a fraction ends at the bounds, which is meant"
        )]
        let burst = self.burst.unwrap_or(per_second.ceil() as u32).max(1);
        let limit = RateLimit::new(per_second, burst);
        if limit.is_none() {
            let message =
                "a number from 0.00001, which is about one request a day, to 1000000 is expected";
            remarks.push(
                Remark::mistake(format!("{at}.perSecond"), message)
                    .hint("remove `rateLimit` to send without a limit"),
            );
        }
        limit.map(|limit| Rate { per_second, burst, limit })
    }
}
