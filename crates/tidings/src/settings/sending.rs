//! How a receiver is sent to: keys beside its kind, which the original does not have.

use pipeline::send::{LaneSettings, RateLimit};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{receiver::part, remark::Remark};

/// The keys of it.
pub(super) const KEYS: [&str; 1] = ["rateLimit"];

/// How a receiver is sent to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sending {
    /// The most requests.
    rate_limit: Option<Rate>,
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
        let rate = part::<Option<WrittenRate>>(written, "rateLimit", path, remarks);
        let at = format!("{path}.rateLimit");
        Self { rate_limit: rate.and_then(|rate| rate.read(&at, remarks)) }
    }

    /// What the lane is told.
    pub(crate) fn lane(&self) -> LaneSettings {
        LaneSettings {
            rate_limit: self.rate_limit.map(|rate| rate.limit),
            ..LaneSettings::default()
        }
    }

    /// As it would be written, without what is not set.
    pub(crate) fn shown(&self) -> Vec<(&'static str, Value)> {
        let rate = |rate: Rate| json!({"perSecond": rate.per_second, "burst": rate.burst});
        self.rate_limit.map(|it| ("rateLimit", rate(it))).into_iter().collect()
    }
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
