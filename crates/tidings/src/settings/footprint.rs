//! Which files a config was read from, and what stood in them: by this it is seen whether another config would
//! be read now.
//!
//! Contents are compared, not times: a `ConfigMap` is changed by another link to the same names, and a
//! file may be written twice within a second.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footprint {
    files: BTreeMap<PathBuf, Print>,
    /// What each pattern of `include` has found.
    patterns: BTreeMap<String, Vec<PathBuf>>,
}

/// What stood in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Print {
    /// Nothing when it cannot be read.
    content: Option<u64>,
    is_secret: bool,
}

impl Footprint {
    /// A part of the config was read from `path`, or could not be.
    pub(super) fn file(&mut self, path: &Path, bytes: Option<&[u8]>) {
        let print = Print { content: bytes.map(xxh3_64), is_secret: false };
        self.files.insert(path.to_owned(), print);
    }

    /// A value was read from `path`, or could not be.
    pub(super) fn secret(&mut self, path: &Path, bytes: Option<&[u8]>) {
        let print = Print { content: bytes.map(xxh3_64), is_secret: true };
        self.files.entry(path.to_owned()).or_insert(print);
    }

    /// Such a pattern has found these files.
    pub(super) fn pattern(&mut self, pattern: &str, found: &[PathBuf]) {
        self.patterns.insert(pattern.to_owned(), found.to_vec());
    }

    /// How the same places look now. Reads files: not for a thread that others wait for.
    pub(crate) fn again(&self) -> Self {
        let mut now = Self::default();
        for pattern in self.patterns.keys() {
            let found = matching(pattern).unwrap_or_default();
            now.pattern(pattern, &found);
            for path in found {
                now.file(&path, fs::read(&path).ok().as_deref());
            }
        }
        for (path, print) in &self.files {
            // What a pattern no longer finds does not count.
            let was_found = self.patterns.values().any(|found| found.contains(path));
            if print.is_secret {
                now.secret(path, fs::read(path).ok().as_deref());
            } else if !was_found {
                now.file(path, fs::read(path).ok().as_deref());
            }
        }
        now
    }

    /// A number for the config: equal for equal files, whatever the secrets are.
    pub(crate) fn hash(&self) -> u32 {
        let mut hash = Xxh3::new();
        for (path, print) in self.files.iter().filter(|(_, print)| !print.is_secret) {
            hash.update(path.as_os_str().as_encoded_bytes());
            hash.update(&print.content.unwrap_or_default().to_le_bytes());
        }
        u32::try_from(hash.digest() >> 32).unwrap_or_default()
    }
}

/// The files that a pattern of paths finds, in the order of their names.
pub(super) fn matching(pattern: &str) -> Result<Vec<PathBuf>, glob::PatternError> {
    let paths = glob::glob(pattern)?;
    Ok(paths.filter_map(Result::ok).filter(|path| path.is_file()).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::settings::{Loaded, Reading};

    fn read(folder: &Path) -> Footprint {
        let reading = Reading { strict: false, environment: &|_| None };
        Loaded::from_file(&folder.join("config.yaml"), reading).footprint
    }

    #[test]
    fn a_change_of_the_file_of_what_it_includes_or_of_a_secret_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        write("token", "one");
        let token = folder.join("token").display().to_string();
        let config = format!(
            "include: 'parts/*.yaml'\nreceivers: [{{name: a, webhook: {{endpoint: 'http://h/${{file:{token}}}'}}}}]\n"
        );
        write("config.yaml", &config);
        let first = read(folder);
        assert_eq!(first, first.again());

        write("token", "two");
        let second = read(folder);
        assert_eq!(first.again(), second);
        assert_ne!(first, second);
        assert_eq!(first.hash(), second.hash());

        fs::create_dir(folder.join("parts")).unwrap();
        write("parts/b.yaml", "receivers: []");
        let third = read(folder);
        assert_eq!(second.again(), third);
        assert_ne!(second.hash(), third.hash());
        write("parts/b.yaml", "receivers: [");
        assert_eq!(third.again(), read(folder));
        assert_ne!(third.again(), third);
        write("parts/other.txt", "");
        fs::remove_dir_all(folder.join("parts")).unwrap();
        assert_eq!(third.again(), second);

        fs::remove_file(folder.join("config.yaml")).unwrap();
        let gone = read(folder);
        assert_eq!(gone, gone.again());
        write("config.yaml", &config);
        assert_ne!(gone, gone.again());
    }

    #[test]
    fn a_config_map_is_changed_by_another_link() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for (version, text) in [("..1", "clusterName: a"), ("..2", "clusterName: b")] {
            fs::create_dir(folder.join(version)).unwrap();
            fs::write(folder.join(version).join("config.yaml"), text).unwrap();
        }
        symlink("..1", folder.join("..data")).unwrap();
        symlink("..data/config.yaml", folder.join("config.yaml")).unwrap();
        let first = read(folder);
        assert_eq!(first, first.again());
        symlink("..2", folder.join("..new")).unwrap();
        fs::rename(folder.join("..new"), folder.join("..data")).unwrap();
        assert_ne!(first, first.again());
    }
}
