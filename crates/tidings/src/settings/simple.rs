//! The keys of the file with one value, and what each must be.

use std::time::Duration;

use event::Text;

use super::{
    Age, CanarySettings, JournalSettings, LeaderElection, LogFormat, ParkedSettings, Size, amount,
    file::{self, File},
    level,
    load::CACHE_SIZE,
    remark::Remark,
};

/// Canaries in a shorter time than this are noise.
const SHORTEST: Duration = Duration::from_secs(1);

/// A journal needs room for its log and two snapshots, in bytes.
const SMALLEST_JOURNAL: u64 = 16 << 20;

/// The keys with one value.
pub(super) struct Simple {
    pub(super) log_level: String,
    pub(super) log_format: LogFormat,
    pub(super) max_age: Option<u32>,
    pub(super) namespaces: Vec<Text>,
    pub(super) cache_size: usize,
    pub(super) journal: JournalSettings,
    pub(super) canary: CanarySettings,
    pub(super) leader_election: LeaderElection,
}

impl Simple {
    pub(super) fn read(file: &File, remarks: &mut Vec<Remark>) -> Self {
        let mut mistake = |path: &str, message: String, hint: &str| {
            remarks.push(Remark::mistake(path, message).hint(hint));
        };
        let log_level = level::of(&file.log_level).unwrap_or_else(|| {
            let message = format!("`{}` is no level", file.log_level);
            mistake("logLevel", message, "write `trace`, `debug`, `info`, `warn` or `error`");
            "info"
        });
        let log_format = match &*file.log_format {
            "" | "pretty" => LogFormat::Pretty,
            "json" => LogFormat::Json,
            other => {
                let message = format!("`{other}` is neither `json` nor `pretty`");
                mistake("logFormat", message, "write one of the two");
                LogFormat::Pretty
            }
        };
        if file.throttle_period != 0 && file.max_event_age_seconds != 0 {
            let message = "`maxEventAgeSeconds` says the same, and both are set".into();
            mistake("throttlePeriod", message, "remove this one, which is the older name");
        }
        let age = [file.max_event_age_seconds, file.throttle_period];
        let max_age = age.into_iter().find(|age| *age != 0);
        if !file.metrics_name_prefix.is_empty() && !is_prefix(&file.metrics_name_prefix) {
            let message = "a letter first, then letters, digits, `_` and `:`, and `_` last".into();
            mistake("metricsNamePrefix", message, "write for example `event_exporter_`");
        }
        if file.cache_size < 0 {
            mistake("cacheSize", "0 or more is expected".into(), "remove it for 1024");
        }
        if file.kube_burst < 0 && file.kube_qps >= 0.0 {
            mistake("kubeBurst", "0 or more is expected".into(), "remove it for 10");
        }
        if !file.namespace.is_empty() && !file.namespaces.include.is_empty() {
            let message = "`namespaces` says which to watch, and both are set".into();
            mistake("namespace", message, "keep one of them");
        }
        let journal = journal(&file.journal, &mut mistake);
        let canary = canary(&file.canary, &mut mistake);
        let leader_election = LeaderElection::of(&file.leader_election, &mut mistake);
        let mut namespaces = file.namespaces.include.clone();
        namespaces.extend(Some(file.namespace.clone()));
        namespaces.retain(|namespace| !namespace.is_empty());
        Self {
            log_level: log_level.into(),
            log_format,
            max_age: max_age.map(|age| u32::try_from(age.max(0)).unwrap_or(u32::MAX)),
            namespaces,
            journal,
            canary,
            leader_election,
            cache_size: match usize::try_from(file.cache_size) {
                Ok(0) | Err(_) => CACHE_SIZE,
                Ok(size) => size,
            },
        }
    }
}

/// What the journal may take.
fn journal(file: &file::Journal, mistake: &mut impl FnMut(&str, String, &str)) -> JournalSettings {
    let mut size = |value, path: &str, smallest: u64| {
        let size =
            amount::read(value, Size::parse, "a size is expected").and_then(|size| match size {
                Some(size) if size.0 < smallest => {
                    Err(format!("at least `{}` is needed", Size(smallest)))
                }
                size => Ok(size),
            });
        size.unwrap_or_else(|message| {
            mistake(path, message, "write for example `10Gi`, `500Mi` or `10GB`");
            None
        })
    };
    let max_bytes = size(&file.max_bytes, "journal.maxBytes", SMALLEST_JOURNAL);
    let parked_bytes = size(&file.parked.max_bytes, "journal.parked.maxBytes", 0);
    let age = amount::read(&file.parked.max_age, Age::parse, "a time is expected");
    let max_age = age.unwrap_or_else(|message| {
        mistake("journal.parked.maxAge", message, "write for example `12h` or `30d`");
        None
    });
    JournalSettings { max_bytes, parked: ParkedSettings { max_bytes: parked_bytes, max_age } }
}

/// Who is asked whether events arrive.
fn canary(file: &file::Canary, mistake: &mut impl FnMut(&str, String, &str)) -> CanarySettings {
    let every =
        amount::read(&file.every, Age::parse, "a time is expected").and_then(|age| match age {
            Some(age) if age.0 < SHORTEST => Err(format!("at least `{}` is needed", Age(SHORTEST))),
            age => Ok(age),
        });
    let every = every.unwrap_or_else(|message| {
        mistake("canary.every", message, "write for example `5m`");
        None
    });
    CanarySettings { every, receivers: file.receivers.clone() }
}

/// `^[a-zA-Z][a-zA-Z0-9_:]*_$`
fn is_prefix(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    text.len() >= 2
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(word)
        && text.ends_with('_')
}
