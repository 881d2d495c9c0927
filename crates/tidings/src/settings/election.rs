//! `leaderElection`: which lock, and its times.

use std::time::Duration;

use pipeline::lease::Timing;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::amount::{self, Age};

/// `leaderElection`, as it is obeyed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaderElection {
    /// Only the leader watches.
    pub enabled: bool,
    /// The name of the lock.
    #[serde(rename = "leaderElectionID")]
    pub id: String,
    /// Others wait so long for a leader that does not renew.
    pub lease_duration: Age,
    /// A leader that could not renew for so long leads no more.
    pub renew_deadline: Age,
    /// Between two renewals.
    pub retry_period: Age,
}

/// `leaderElection`, as it is written.
#[derive(Debug, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Written {
    enabled: bool,
    #[serde(rename = "leaderElectionID")]
    id: String,
    lease_duration: Value,
    renew_deadline: Value,
    retry_period: Value,
}

impl Default for LeaderElection {
    /// What kubernetes-event-exporter has.
    fn default() -> Self {
        let Timing { lease, renew, retry } = Timing::default();
        Self {
            enabled: false,
            id: "kubernetes-event-exporter".into(),
            lease_duration: Age(lease),
            renew_deadline: Age(renew),
            retry_period: Age(retry),
        }
    }
}

impl Default for Written {
    fn default() -> Self {
        let [lease_duration, renew_deadline, retry_period] = [const { Value::Null }; 3];
        let LeaderElection { enabled, id, .. } = LeaderElection::default();
        Self { enabled, id, lease_duration, renew_deadline, retry_period }
    }
}

impl LeaderElection {
    /// Reads it; times that do not fit together are as good as none.
    pub(super) fn of(written: &Written, mistake: &mut impl FnMut(&str, String, &str)) -> Self {
        let usual = Self::default();
        let mut time = |value, key: &str, usual| {
            let age = amount::read(value, Age::parse, "a time is expected");
            let age = age.unwrap_or_else(|message| {
                let path = format!("leaderElection.{key}");
                mistake(
                    &path,
                    message,
                    "write for example `15s`, or remove it for that of client-go",
                );
                None
            });
            age.unwrap_or(usual)
        };
        let read = Self {
            enabled: written.enabled,
            id: written.id.clone(),
            lease_duration: time(&written.lease_duration, "leaseDuration", usual.lease_duration),
            renew_deadline: time(&written.renew_deadline, "renewDeadline", usual.renew_deadline),
            retry_period: time(&written.retry_period, "retryPeriod", usual.retry_period),
        };
        let Timing { lease, renew, retry } = read.timing();
        if lease <= renew || renew < retry * 3 / 2 || retry < Duration::from_secs(1) {
            let message = format!(
                "`leaseDuration` {}, `renewDeadline` {} and `retryPeriod` {} do not fit together",
                read.lease_duration, read.renew_deadline, read.retry_period
            );
            let hint = "each must be longer than the next, the second half as long again as the third, \
                        and that at least `1s`";
            mistake("leaderElection", message, hint);
        }
        read
    }

    /// The times.
    pub fn timing(&self) -> Timing {
        let (lease, renew) = (self.lease_duration.0, self.renew_deadline.0);
        Timing { lease, renew, retry: self.retry_period.0 }
    }
}
