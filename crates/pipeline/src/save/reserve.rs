//! Space that is held back, so that a journal on a full disk can still remove rows.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};

use super::sqlite::beside;

/// How long to wait before trying to hold space back again.
const PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// A file of no use but its size.
#[derive(Debug)]
pub(super) struct Reserve {
    journal: PathBuf,
    bytes: u64,
    given_up: bool,
    tried: Option<Timestamp>,
}

impl Reserve {
    /// Holds `bytes` back beside the file `path`; where that cannot be, the journal goes without.
    pub(super) fn open(path: &Path, bytes: u64) -> Self {
        let reserve = Self { journal: path.to_owned(), bytes, given_up: false, tried: None };
        if !reserve.fill() {
            tracing::debug!(bytes, "no space to hold back beside the journal");
        }
        reserve
    }

    /// Gives the space to whoever needs it now.
    pub(super) fn give_up(&mut self) {
        self.given_up = true;
        remove(&self.journal);
    }

    /// Whether the space was given up and is not held again.
    pub(super) fn is_given_up(&self) -> bool {
        self.given_up
    }

    /// Holds the space back again if there is room, once a minute at most.
    pub(super) fn restore(&mut self, now: Timestamp) {
        let paused = |tried: Timestamp| now.duration_since(tried) < PAUSE;
        if self.given_up && !self.tried.is_some_and(paused) {
            self.tried = Some(now);
            self.given_up = !self.fill();
        }
    }

    /// Real bytes: neither a hole nor zeros take space everywhere.
    fn fill(&self) -> bool {
        let path = beside(&self.journal, ".reserve");
        if self.bytes == 0 || fs::metadata(&path).is_ok_and(|file| file.len() == self.bytes) {
            return true;
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
