//! Where the journal lives: a folder that this process owns, or memory when there is none.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use event::{
    Clock, Journal, LaneSet, Stop, Text,
    journal::{Lane, Loaded, Restored, Usage},
};
use pipeline::save::{
    Budget, FolderError, MemoryJournal, Saver, SaverSettings, SqliteJournal, StateFolder, Storage,
    live::Live,
};

use crate::{
    backfill,
    exit::Failure,
    forecast::{self, Room},
    settings::{JournalSettings, Overflow, Settings},
};

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
    /// What the journal took at the start.
    usage: Usage,
}

/// The most that a journal in memory takes, in bytes.
const IN_MEMORY: u64 = 256 << 20;

/// The largest part of a limit that is appended between two snapshots (four times that where they are large): rows
/// behind a snapshot cannot go.
const SNAPSHOT_PART: u64 = 16;

/// The largest part of a limit that is held back for trimming.
const RESERVE_PART: u64 = 8;

impl State {
    /// Opens the folder at `path`, or falls back to memory with a warning.
    pub(crate) async fn open(
        path: Option<&Path>,
        settings: &Settings,
        clock: Arc<dyn Clock>,
        stop: &Stop,
    ) -> Result<Self, Failure> {
        let receivers: Vec<Text> = settings.receivers.iter().map(|it| it.name.clone()).collect();
        let folder = match path {
            Some(path) => folder(path, &*clock, stop).await?,
            None => None,
        };
        let budget = budget(&settings.journal, folder.as_ref().map(StateFolder::storage));
        let mut journal: Box<dyn Journal> = match &folder {
            Some(folder) => {
                let path = folder.journal();
                let mut limits = folder.storage().limits();
                limits.snapshot_bytes = limits.snapshot_bytes.min(budget.bytes / SNAPSHOT_PART);
                limits.reserve_bytes = limits.reserve_bytes.min(budget.bytes / RESERVE_PART);
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
        backfill::rename(settings, journal.as_mut()).map_err(Failure::start)?;
        let known: Vec<_> = journal.tallies().lanes.iter().map(|(lane, _)| lane.id).collect();
        let usage = journal.usage().map_err(Failure::start)?;
        let mut saving = SaverSettings { budget, ..SaverSettings::default() };
        // What is in memory is not dropped.
        let most = usize::try_from(budget.bytes / RESERVE_PART).unwrap_or(usize::MAX);
        saving.tail_bytes = saving.tail_bytes.min(most);
        let (saver, mut lanes) =
            Saver::open(journal, &receivers, clock, saving).map_err(Failure::start)?;
        let noted = backfill::note(settings, (&saver, &mut lanes), &known).await;
        noted.map_err(Failure::start)?;
        let patient = settings.receivers.iter().filter(|it| it.overflow == Overflow::Wait);
        saver.spare(patient.map(|it| it.name.clone()).collect());
        live.keep_lanes(&lanes.iter().map(|lane| lane.id).collect::<LaneSet>());
        Ok(Self { saver, lanes, live, loaded, folder: folder.map(Arc::new), usage })
    }

    /// One line about it, for the log.
    pub(crate) fn describe(&self) -> String {
        let Some(folder) = &self.folder else {
            return "state in memory: what is not delivered when this process ends is lost".into();
        };
        let storage = folder.storage();
        let durable = if storage.durable { "durable" } else { "not durable" };
        let kind = if storage.kind.is_empty() { "unknown file system" } else { &storage.kind };
        let room = Room::new(self.saver.limit(), &self.usage, Some(storage.free_bytes));
        format!(
            "state folder {} ({kind}, {durable}, {} free): the journal may take {}, room for {} of outage \
             at 100 events/s",
            folder.path().display(),
            forecast::bytes(storage.free_bytes),
            forecast::bytes(room.limit),
            forecast::hours(room.hours(100.0)),
        )
    }
}

/// What the journal may take: what the config says, else the smaller of 10 GiB and half the volume.
pub(crate) fn budget(settings: &JournalSettings, storage: Option<&Storage>) -> Budget {
    let usual = Budget::usual();
    let default = match storage {
        Some(storage) => usual.bytes.min(storage.total_bytes / 2),
        None => IN_MEMORY,
    };
    let bytes = settings.max_bytes.map_or(default, |size| size.0);
    let bytes = if storage.is_some() { bytes } else { bytes.min(IN_MEMORY) };
    if let Some(storage) = storage.filter(|storage| bytes > storage.total_bytes) {
        let (limit, total) = (forecast::bytes(bytes), forecast::bytes(storage.total_bytes));
        tracing::warn!(
            "journal.maxBytes is {limit}, and the volume of the state folder has {total}"
        );
    }
    let parked_bytes = settings.parked.max_bytes.map(|size| size.0);
    Budget {
        bytes,
        parked_bytes: parked_bytes.unwrap_or(usual.parked_bytes.min(bytes / 10)),
        parked_age: settings.parked.max_age.map_or(usual.parked_age, |age| age.0),
    }
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
    let Some(base) = base() else { return PathBuf::from(SYSTEM) };
    let cluster: String =
        cluster.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    base.join(cluster)
}

/// The folder that [`default_path`] has made, where there is only one.
pub(crate) fn only_path() -> anyhow::Result<PathBuf> {
    let Some(base) = base() else { return Ok(PathBuf::from(SYSTEM)) };
    let folders = std::fs::read_dir(&base).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = folders.map(|it| it.path()).filter(|it| it.is_dir()).collect();
    folders.sort();
    match folders.as_slice() {
        [only] => Ok(only.clone()),
        [] => anyhow::bail!("there is no state folder in `{}`", base.display()),
        several => {
            let names: Vec<_> = several.iter().map(|it| format!("`{}`", it.display())).collect();
            anyhow::bail!("there are several state folders: {}", names.join(", "))
        }
    }
}

const SYSTEM: &str = "/var/lib/tidings";

/// Where the folders of several clusters are; nothing in a container, which has one.
fn base() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if set("KUBERNETES_SERVICE_HOST").is_some() {
        return None;
    }
    let base = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
    Some(base.unwrap_or_else(|| PathBuf::from("/var/lib")).join("tidings"))
}
