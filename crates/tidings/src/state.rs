//! Where the journal lives: a folder that this process owns, or memory when there is none.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use event::{
    Clock, Journal, LaneSet, Stop, Text,
    journal::{Lane, Loaded, Restored},
};
use pipeline::save::{
    FolderError, MemoryJournal, Saver, SaverSettings, SqliteJournal, StateFolder, live::Live,
};

use crate::exit::Failure;

/// The state of one start.
pub(crate) struct State {
    /// Where events are saved.
    pub(crate) saver: Saver,
    /// The lanes, in the order of the receivers.
    pub(crate) lanes: Vec<Lane>,
    /// What is remembered of live Events.
    pub(crate) live: Live,
    /// The position, and what was wrong with the file.
    pub(crate) loaded: Loaded,
    /// The folder, ours until this is dropped; nothing when the state is in memory.
    pub(crate) folder: Option<Arc<StateFolder>>,
}

/// The most that a journal takes, in bytes, when the volume is large.
const LARGEST: u64 = 10 << 30;
/// What an event takes, in bytes, for estimates.
const EVENT: u64 = 1024;

impl State {
    /// Opens the folder at `path`, or falls back to memory with a warning.
    pub(crate) async fn open(
        path: Option<&Path>,
        receivers: &[Text],
        clock: Arc<dyn Clock>,
        stop: &Stop,
    ) -> Result<Self, Failure> {
        let folder = match path {
            Some(path) => folder(path, &*clock, stop).await?,
            None => None,
        };
        let mut journal: Box<dyn Journal> = match &folder {
            Some(folder) => {
                let path = folder.journal();
                let limits = folder.storage().limits();
                let journal = SqliteJournal::open_with(&path, clock.now(), limits)
                    .map_err(|error| open_failed(&path, error))?;
                Box::new(journal)
            }
            None => Box::new(MemoryJournal::volatile()),
        };
        let mut live = Live::new();
        let mut damaged_parts = 0;
        let loaded = journal
            .load(&mut |restored| match restored {
                Restored::Part(part) => damaged_parts += u32::from(!live.restore(part)),
                Restored::Change(change, lanes) => live.apply(&change, &lanes),
            })
            .map_err(Failure::start)?;
        if damaged_parts > 0 {
            tracing::warn!(damaged_parts, "parts of the remembered state cannot be read");
        }
        let settings = SaverSettings::default();
        let (saver, lanes) =
            Saver::open(journal, receivers, clock, settings).map_err(Failure::start)?;
        live.keep_lanes(&lanes.iter().map(|lane| lane.id).collect::<LaneSet>());
        Ok(Self { saver, lanes, live, loaded, folder: folder.map(Arc::new) })
    }

    /// One line about it, for the log.
    pub(crate) fn describe(&self) -> String {
        let Some(folder) = &self.folder else {
            return "state in memory: what is not delivered when this process ends is lost".into();
        };
        let storage = folder.storage();
        let durable = if storage.durable { "durable" } else { "not durable" };
        let kind = if storage.kind.is_empty() { "unknown file system" } else { &storage.kind };
        format!(
            "state folder {} ({kind}, {durable}, {:.1} GiB free): room for {} h of outage at 100 events/s",
            folder.path().display(),
            gibibytes(storage.free_bytes),
            room(storage.free_bytes, 100.0),
        )
    }
}

/// How many hours of outage fit at so many events a second, with so many bytes free.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate, and not negative"
)]
pub(crate) fn room(free_bytes: u64, per_second: f64) -> u64 {
    let events = LARGEST.min(free_bytes / 2) / EVENT;
    (events as f64 / per_second / 3600.0) as u64
}

#[expect(clippy::cast_precision_loss, reason = "one decimal is printed")]
fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

async fn folder(
    path: &Path,
    clock: &dyn Clock,
    stop: &Stop,
) -> Result<Option<StateFolder>, Failure> {
    match StateFolder::open(path, clock, stop).await {
        Ok(folder) => Ok(Some(folder)),
        Err(error @ FolderError::NotWritable { .. }) => {
            tracing::warn!("{error}; going on in memory");
            Ok(None)
        }
        Err(error) => Err(Failure::start(error)),
    }
}

fn open_failed(path: &Path, error: event::journal::JournalError) -> Failure {
    let failure =
        Failure::start(anyhow::Error::new(error).context(format!("journal `{}`", path.display())));
    failure.hint("give another folder with --state, or move this file away to begin anew")
}

/// The folder where the user names none: of the system in a container, of the user elsewhere.
pub(crate) fn default_path(cluster: &str) -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if set("KUBERNETES_SERVICE_HOST").is_some() {
        return PathBuf::from("/var/lib/tidings");
    }
    let base = set("XDG_STATE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(|| PathBuf::from("/var/lib"));
    let cluster: String =
        cluster.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    base.join("tidings").join(cluster)
}
