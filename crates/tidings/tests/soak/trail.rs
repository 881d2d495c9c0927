//! Reads what the sink `file` leaves behind as it grows, and removes what was rotated and read.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::PathBuf,
};

use anyhow::Context;

use super::account::{Account, Document, Receiver};

/// The name under which the sink writes.
const CURRENT: &str = "events.jsonl";

/// The files of one folder. Rotation renames a file, so each is known by its inode.
pub(crate) struct Trail {
    folder: PathBuf,
    /// How far each was read; always to the end of a line.
    read: HashMap<u64, u64>,
}

impl Trail {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, read: HashMap::new() }
    }

    /// Reads on.
    pub(crate) fn scan(&mut self, account: &mut Account) -> anyhow::Result<()> {
        let names: Vec<_> = fs::read_dir(&self.folder)?.collect::<Result<_, _>>()?;
        for name in names {
            let path = name.path();
            // Looked up again: what was current when the folder was read may be rotated by now, and is read as such next
            // time.
            let Ok(mut file) = File::open(&path) else { continue };
            let inode = file.metadata()?.ino();
            let offset = self.read.entry(inode).or_default();
            file.seek(SeekFrom::Start(*offset))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
            *offset += end as u64;
            for line in bytes[..end].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let document: Document = serde_json::from_slice(line)
                    .with_context(|| format!("`{}`", String::from_utf8_lossy(line)))?;
                account.take(Receiver::File, &document);
            }
            // A rotated file is written no more.
            if name.file_name() != CURRENT && end == bytes.len() {
                fs::remove_file(&path)?;
                self.read.remove(&inode);
            }
        }
        Ok(())
    }
}
