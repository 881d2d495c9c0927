//! The state folder: one process owns it, and it is on a disk of this machine.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use event::{Clock, Stop};
use thiserror::Error;

use super::{mounts::Mount, sqlite::Limits};

/// How often a second process looks whether the folder is free.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The folder, locked until this is dropped.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    storage: Storage,
    _lock: File,
}

/// What is known of the file system that a folder is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// Its type, for example `ext4`; empty when nobody can tell.
    pub kind: String,
    /// What is written there outlives the container and a reboot.
    pub durable: bool,
    /// Bytes of the file system.
    pub total_bytes: u64,
    /// Bytes that are free for us.
    pub free_bytes: u64,
}

/// Why a folder cannot hold the state. Without one Tidings works, but forgets at every stop.
#[derive(Debug, Error)]
pub enum FolderError {
    /// Other machines may write there too.
    #[error(
        "the state folder `{path}` is on a network file system ({kind}), where locks and fsync do not \
         hold what the journal needs: use a volume of this machine, or a block device"
    )]
    Network {
        /// The folder.
        path: PathBuf,
        /// For example `nfs4`.
        kind: String,
    },
    /// It cannot be made or written.
    #[error("the state folder `{path}` cannot be written: {source}; mount a writable volume there")]
    NotWritable {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is none.
    #[error("the state folder `{path}` cannot be read: {source}")]
    NotReadable {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Asked to stop while another process held the folder.
    #[error("stopped while waiting for the state folder")]
    Stopped,
}

/// A folder that is looked at. While nobody else has it, nobody takes it before this is dropped.
#[derive(Debug)]
pub struct FolderLook {
    /// The folder.
    pub path: PathBuf,
    /// What it is on.
    pub storage: Storage,
    /// Who has it, in the words of that process.
    pub holder: Option<String>,
    _lock: Option<File>,
}

impl FolderLook {
    /// Looks at the folder `path`, which must be there; makes nothing.
    pub fn at(path: &Path) -> Result<Self, FolderError> {
        let missing = |source| FolderError::NotReadable { path: path.to_owned(), source };
        let real = path.canonicalize().map_err(missing)?;
        let lock = File::open(real.join("lock")).ok();
        let taken = lock.as_ref().map(File::try_lock);
        let holder =
            matches!(taken, Some(Err(TryLockError::WouldBlock))).then(|| owner(&real.join("lock")));
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let storage = Storage::of(&real, Mount::of(&real, &mounts)).map_err(missing)?;
        Ok(Self { path: real, storage, holder, _lock: lock })
    }
}

/// Who has the lock, as it wrote itself.
fn owner(lock: &Path) -> String {
    let owner = fs::read_to_string(lock).unwrap_or_default();
    if owner.is_empty() { "another process".into() } else { owner.trim().into() }
}

impl StateFolder {
    /// Makes the folder if need be and takes it. While another process has it, says once who that is,
    /// and waits.
    pub async fn open(path: &Path, clock: &dyn Clock, stop: &Stop) -> Result<Self, FolderError> {
        let not_writable = |source| FolderError::NotWritable { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(not_writable)?;
        let real = path.canonicalize().map_err(not_writable)?;
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let mount = Mount::of(&real, &mounts);
        if let Some(mount) = mount.as_ref().filter(|mount| mount.is_network()) {
            let kind = mount.kind.clone();
            return Err(FolderError::Network { path: path.to_owned(), kind });
        }
        let lock_path = real.join("lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(not_writable)?;
        take(&lock, &lock_path, stop).await?.map_err(not_writable)?;
        let owner =
            format!("process {} on {}, since {}\n", std::process::id(), host(), clock.now());
        lock.set_len(0).and_then(|()| lock.write_all(owner.as_bytes())).map_err(not_writable)?;
        let storage = Storage::of(&real, mount).map_err(not_writable)?;
        Ok(Self { path: real, storage, _lock: lock })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of the journal.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.db")
    }

    /// What it is on.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Bytes that are free now.
    pub fn free_bytes(&self) -> io::Result<u64> {
        space(&self.path).map(|(_, free)| free)
    }
}

impl Storage {
    fn of(path: &Path, mount: Option<Mount>) -> io::Result<Self> {
        let (total_bytes, free_bytes) = space(path)?;
        Ok(Self {
            durable: mount.as_ref().is_none_or(Mount::is_durable),
            kind: mount.map(|mount| mount.kind).unwrap_or_default(),
            total_bytes,
            free_bytes,
        })
    }

    /// Limits that suit it: on a small volume, or in memory, there is nothing to hold back, and
    /// snapshots come sooner, so that rows can go.
    pub fn limits(&self) -> Limits {
        let usual = Limits::default();
        let small = self.total_bytes < usual.reserve_bytes * 20;
        Limits {
            reserve_bytes: if small || !self.durable { 0 } else { usual.reserve_bytes },
            snapshot_bytes: usual.snapshot_bytes.min((self.total_bytes / 16).max(1 << 20)),
            ..usual
        }
    }
}

/// Waits for the lock; the inner error is the system's.
async fn take(lock: &File, path: &Path, stop: &Stop) -> Result<io::Result<()>, FolderError> {
    let mut told = false;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(Ok(())),
            Err(TryLockError::Error(error)) => return Ok(Err(error)),
            Err(TryLockError::WouldBlock) => {}
        }
        if !told {
            let owner = owner(path);
            tracing::warn!("the state folder is in use by {owner}; waiting until it is released");
            told = true;
        }
        tokio::select! {
            () = stop.fired() => return Err(FolderError::Stopped),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.is_empty() { "this machine".into() } else { name.trim().into() }
}

/// All bytes of the file system and those that are free for us.
pub(super) fn space(path: &Path) -> io::Result<(u64, u64)> {
    let space = rustix::fs::statvfs(path)?;
    Ok((space.f_blocks * space.f_frsize, space.f_bavail * space.f_frsize))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use event::ManualClock;

    use super::*;
    use crate::save::battery::at;

    async fn open(path: &Path, stop: &Stop) -> Result<StateFolder, FolderError> {
        StateFolder::open(path, &ManualClock::new(at(0)), stop).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_process_waits_and_takes_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let stop = Stop::new();
        let first = open(&path, &stop).await.unwrap();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let owner = fs::read_to_string(path.join("lock")).unwrap();
        assert!(owner.starts_with(&format!("process {} on ", std::process::id())), "{owner}");
        assert!(owner.ends_with("since 2027-01-15T08:00:00Z\n"), "{owner}");

        let second = open(&path, &stop);
        tokio::pin!(second);
        let waited = tokio::time::timeout(Duration::from_secs(10), &mut second).await;
        assert!(waited.is_err(), "the folder is taken");
        drop(first);
        assert_eq!(second.await.unwrap().journal().file_name().unwrap(), "journal.db");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let stop = Stop::new();
        let _first = open(dir.path(), &stop).await.unwrap();
        stop.fire();
        let error = open(dir.path(), &stop).await.unwrap_err();
        assert_eq!(error.to_string(), "stopped while waiting for the state folder");
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_said_clearly() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = open(&file.join("state"), &Stop::new()).await.unwrap_err().to_string();
        assert!(error.contains("cannot be written: Not a directory"), "{error}");
        assert!(error.ends_with("mount a writable volume there"), "{error}");
    }

    #[tokio::test]
    async fn a_folder_tells_what_it_is_on() {
        let dir = tempfile::tempdir().unwrap();
        let folder = open(dir.path(), &Stop::new()).await.unwrap();
        assert!(folder.free_bytes().unwrap() > 0);
        assert!(folder.storage().total_bytes >= folder.storage().free_bytes);
        let network = FolderError::Network { path: "/state".into(), kind: "nfs4".into() };
        assert_eq!(
            network.to_string(),
            "the state folder `/state` is on a network file system (nfs4), where locks and fsync do \
             not hold what the journal needs: use a volume of this machine, or a block device"
        );
    }

    #[tokio::test]
    async fn a_look_says_who_has_the_folder_and_makes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let error = FolderLook::at(&path).unwrap_err().to_string();
        assert!(
            error.ends_with("cannot be read: No such file or directory (os error 2)"),
            "{error}"
        );
        let folder = open(&path, &Stop::new()).await.unwrap();
        let look = FolderLook::at(&path).unwrap();
        assert!(look.holder.unwrap().starts_with(&format!("process {} on ", std::process::id())));
        drop(folder);
        assert_eq!(FolderLook::at(&path).unwrap().holder, None);
    }

    #[test]
    fn a_small_volume_has_nothing_to_hold_back() {
        let limits = |total_bytes, durable| {
            let storage = Storage { kind: "ext4".into(), durable, total_bytes, free_bytes: 0 };
            let limits = storage.limits();
            (limits.reserve_bytes >> 20, limits.snapshot_bytes >> 20)
        };
        assert_eq!(limits(100 << 30, true), (64, 64));
        assert_eq!(limits(100 << 30, false), (0, 64));
        assert_eq!(limits(256 << 20, true), (0, 16));
        assert_eq!(limits(1 << 20, true), (0, 1));
    }
}
