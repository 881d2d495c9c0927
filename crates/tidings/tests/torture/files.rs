//! Reads what the `file` sink leaves behind, as it grows and rotates.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::PathBuf,
};

use super::receipts::Receipts;

/// The files of one folder. Rotation renames a file, so each is known by its inode.
pub(crate) struct Files {
    folder: PathBuf,
    read: HashMap<u64, Progress>,
    /// Lines that a kill broke off; what they began to say must come again, whole.
    pub(crate) torn: Vec<String>,
}

#[derive(Default)]
struct Progress {
    offset: u64,
    /// A line without its end.
    begun: Vec<u8>,
}

impl Files {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, read: HashMap::new(), torn: Vec::new() }
    }

    /// How many files there are.
    pub(crate) fn number(&self) -> usize {
        self.read.len()
    }

    /// Reads on.
    pub(crate) fn scan(&mut self, receipts: &mut Receipts) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let mut file = File::open(entry?.path())?;
            let progress = self.read.entry(file.metadata()?.ino()).or_default();
            file.seek(SeekFrom::Start(progress.offset))?;
            let mut bytes = std::mem::take(&mut progress.begun);
            progress.offset += file.read_to_end(&mut bytes)? as u64;
            let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
            progress.begun = bytes.split_off(end);
            for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                match serde_json::from_slice(line) {
                    Ok(document) => receipts.take(&document),
                    Err(_) => self.torn.push(String::from_utf8_lossy(line).into_owned()),
                }
            }
        }
        Ok(())
    }

    /// Lines that have begun and not ended. After an orderly stop there must be none.
    pub(crate) fn open_ends(&self) -> usize {
        self.read.values().filter(|progress| !progress.begun.is_empty()).count()
    }
}
