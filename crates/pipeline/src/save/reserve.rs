//! Space that is held back, so that a journal on a full disk can still remove rows.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};

use super::{folder::space, sqlite::beside};

/// How long to wait before trying to hold space back again.
const PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// A file of no use but its size.
#[derive(Debug)]
pub(super) struct Reserve {
    journal: PathBuf,
    bytes: u64,
    held: bool,
    /// It was needed, and there was no room for it since.
    given_up: bool,
    tried: Timestamp,
}

impl Reserve {
    /// Holds `bytes` back beside the file `path`; where that cannot be, the journal goes without until
    /// there is room.
    pub(super) fn open(path: &Path, bytes: u64, now: Timestamp) -> Self {
        let mut reserve =
            Self { journal: path.to_owned(), bytes, held: false, given_up: false, tried: now };
        reserve.held = reserve.fill();
        reserve
    }

    /// Gives the space to whoever needs it now.
    pub(super) fn give_up(&mut self) {
        self.given_up |= self.bytes > 0;
        self.held = false;
        remove(&self.journal);
    }

    /// Whether the space was given up and is not held again.
    pub(super) fn is_given_up(&self) -> bool {
        self.given_up
    }

    /// Holds the space back again if there is room, once a minute at most.
    pub(super) fn restore(&mut self, now: Timestamp) {
        if !self.held && now.duration_since(self.tried) >= PAUSE {
            self.tried = now;
            self.held = self.fill();
            self.given_up &= !self.held;
        }
    }

    /// Real bytes: neither a hole nor zeros take space everywhere.
    fn fill(&self) -> bool {
        let path = beside(&self.journal, ".reserve");
        if self.bytes == 0 || fs::metadata(&path).is_ok_and(|file| file.len() == self.bytes) {
            return true;
        }
        let folder = self.journal.parent().filter(|it| !it.as_os_str().is_empty());
        let space = space(folder.unwrap_or(Path::new(".")));
        if space.is_ok_and(|(_, free)| free < self.bytes * 2) {
            return false;
        }
        let written = File::create(&path).and_then(|mut file| {
            let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
            let mut left = self.bytes;
            let mut block = Vec::with_capacity(1 << 16);
            while left > 0 {
                block.clear();
                while block.len() < 1 << 16 {
                    noise ^= noise << 13;
                    noise ^= noise >> 7;
                    noise ^= noise << 17;
                    block.extend(noise.to_le_bytes());
                }
                let length = left.min(1 << 16);
                file.write_all(&block[..usize::try_from(length).unwrap_or(block.len())])?;
                left -= length;
            }
            file.sync_all()
        });
        if written.is_err() {
            remove(&self.journal);
        }
        written.is_ok()
    }
}

/// Gives up what is held back beside the file `path`.
pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(beside(path, ".reserve"))
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "the space held back for the journal cannot be given up");
    }
}
