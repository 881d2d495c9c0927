//! What the system says of a process, and what its folder takes.

use std::{fs, path::Path};

use anyhow::Context;

/// At one moment, or the least of several moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Vitals {
    /// `VmRSS`, in bytes.
    pub(crate) memory: u64,
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
    /// Of all files in the state folder, in bytes.
    pub(crate) folder: u64,
}

impl Vitals {
    pub(crate) fn of(process: u32, folder: &Path) -> anyhow::Result<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let number = |key: &str| -> anyhow::Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let text = line.and_then(|line| line.split_whitespace().next());
            Ok(text.with_context(|| format!("no {key}"))?.parse()?)
        };
        Ok(Self {
            memory: number("VmRSS:")? * 1024,
            descriptors: fs::read_dir(format!("/proc/{process}/fd"))?.count() as u64,
            threads: number("Threads:")?,
            folder: bytes(folder)?,
        })
    }

    /// The lower of each.
    pub(crate) fn least(self, other: Self) -> Self {
        Self {
            memory: self.memory.min(other.memory),
            descriptors: self.descriptors.min(other.descriptors),
            threads: self.threads.min(other.threads),
            folder: self.folder.min(other.folder),
        }
    }
}

fn bytes(folder: &Path) -> anyhow::Result<u64> {
    let entries = fs::read_dir(folder)?;
    // A file may go while one looks.
    let sizes = entries.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len()));
    Ok(sizes.sum())
}
