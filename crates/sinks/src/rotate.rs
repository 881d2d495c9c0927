//! A file that is rotated by size, and its old parts removed by age and number.
//!
//! Names, limits and modes are those of lumberjack (`gopkg.in/natefinch/lumberjack.v2`). Unlike there, a
//! device, a pipe or a socket is never rotated, an old part is never overwritten, a file that somebody
//! moved away is opened anew, and a line is never left torn.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io::{self, Write},
    os::{
        fd::AsFd,
        unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use event::Clock;
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use rustix::{fs::OFlags, io::Errno};

use crate::{
    lines::{self, Cut},
    stdout::standard_output,
};

const MEGABYTE: u64 = 1024 * 1024;
const TIME_IN_NAME: &str = "%Y-%m-%dT%H-%M-%S%.3f";

/// When to rotate and what to keep.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rotation {
    /// Bytes a file may hold.
    size: u64,
    /// Older parts go.
    age: Option<SignedDuration>,
    /// More parts than this go.
    backups: Option<usize>,
}

impl Rotation {
    /// One file, however long.
    pub(crate) const NEVER: Self = Self { size: u64::MAX, age: None, backups: None };

    /// From the settings, where 0 means 100 MB, every age and every number.
    pub(crate) fn new(megabytes: u64, days: u32, backups: usize) -> Self {
        let megabytes = if megabytes == 0 { 100 } else { megabytes };
        Self {
            size: megabytes.saturating_mul(MEGABYTE),
            age: (days > 0).then(|| SignedDuration::from_hours(i64::from(days) * 24)),
            backups: (backups > 0).then_some(backups),
        }
    }
}

/// The file under a path, whichever file that is at the moment.
#[derive(Debug)]
pub(crate) struct RotatingFile {
    path: PathBuf,
    rotation: Rotation,
    clock: Arc<dyn Clock>,
    open: Option<File>,
    /// A device or pipe ended inside a line.
    torn: bool,
}

impl RotatingFile {
    pub(crate) fn new(path: PathBuf, rotation: Rotation, clock: Arc<dyn Clock>) -> Self {
        Self { path, rotation, clock, open: None, torn: false }
    }

    /// Appends `body`, which is whole lines; rotates before the line that would exceed the size.
    pub(crate) fn write(&mut self, body: &[u8]) -> Result<(), Cut> {
        let _whole = is_stream(&self.path).then(|| io::stdout().lock());
        let mut done = 0;
        while done < body.len() {
            let end = self.write_some(&body[done..]).map_err(|cut| Cut {
                lines: lines::count(&body[..done]) + cut.lines,
                error: cut.error,
            })?;
            done += end;
        }
        Ok(())
    }

    /// Appends as many lines as the file may take, and says how many bytes that were.
    fn write_some(&mut self, body: &[u8]) -> Result<usize, Cut> {
        let at_start = |error| Cut { lines: 0, error };
        let (file, part) = self.make_room(body).map_err(at_start)?;
        let written = lines::append(&mut &file, &body[..part], &mut self.torn);
        if written.is_ok() || !is_regular(&file) {
            self.open = Some(file);
        } else {
            // Opened anew by the next try: the disk below may have been exchanged.
            self.torn = false;
        }
        written.map(|()| part)
    }

    /// The file to write to, rotated where nothing of `body` fits into it as it is now, and how much of `body` does.
    fn make_room(&mut self, body: &[u8]) -> io::Result<(File, usize)> {
        let (file, metadata) = self.opened()?;
        if !metadata.is_file() || is_stream(&self.path) {
            return Ok((file, body.len()));
        }
        let room = self.rotation.size.saturating_sub(metadata.len());
        let fits = whole_lines(body, room);
        if fits > 0 {
            return Ok((file, fits));
        }
        let empty = metadata.len() == 0;
        let file = if empty { file } else { self.rotate(&file, metadata.mode())? };
        let part = match whole_lines(body, self.rotation.size) {
            0 => first_line(body),
            fits => fits,
        };
        Ok((file, part))
    }

    /// Takes the open file, if it is still the one under the path; else opens that one.
    fn opened(&mut self) -> io::Result<(File, Metadata)> {
        if let Some(file) = self.open.take()
            && let Ok(metadata) = file.metadata()
            && (is_stream(&self.path) || is_under(&metadata, &self.path))
        {
            return Ok((file, metadata));
        }
        let file = self.open_anew(0o644)?;
        let metadata = file.metadata()?;
        Ok((file, metadata))
    }

    fn open_anew(&self, mode: u32) -> io::Result<File> {
        let mut file = open(&self.path, mode)?;
        if is_regular(&file) && !is_stream(&self.path) {
            end_torn_line(&mut file, &self.path)?;
            self.remove_old();
        }
        Ok(file)
    }

    /// Moves the file away; gives a new one.
    fn rotate(&self, file: &File, mode: u32) -> io::Result<File> {
        file.sync_all()?;
        // The file itself moves, not a link to it.
        let path = fs::canonicalize(&self.path)?;
        fs::rename(&path, self.backup(&path))?;
        self.open_anew(mode & 0o777)
    }

    /// A free name `stem-2006-01-02T15-04-05.000.ext` beside `path`.
    fn backup(&self, path: &Path) -> PathBuf {
        let (prefix, suffix) = around_time(path);
        let mut time = self.clock.now();
        loop {
            let name = format!("{prefix}{}{suffix}", time.strftime(TIME_IN_NAME));
            let backup = path.with_file_name(name);
            if fs::symlink_metadata(&backup).is_err() {
                return backup;
            }
            time += SignedDuration::from_millis(1);
        }
    }

    /// Removes old parts. One that cannot be removed now is met again at the next rotation.
    fn remove_old(&self) {
        let Rotation { age, backups: kept, .. } = self.rotation;
        if age.is_none() && kept.is_none() {
            return;
        }
        let Ok(path) = fs::canonicalize(&self.path) else {
            return;
        };
        let oldest = age.map(|age| self.clock.now() - age);
        for (index, (time, backup)) in backups(&path).into_iter().enumerate() {
            let too_many = kept.is_some_and(|kept| index >= kept);
            if too_many || oldest.is_some_and(|oldest| time < oldest) {
                drop(fs::remove_file(backup));
            }
        }
    }

    /// Forces everything to the disk and lets go of the file; a later write opens it again.
    pub(crate) fn close(&mut self) {
        if let Some(file) = self.open.take() {
            // Devices refuse it, and nobody is left to be told.
            drop(file.sync_all());
        }
    }
}

/// A path of the process's own streams: what is there is not ours to move, even if it is a file.
pub(crate) fn is_stream(path: &Path) -> bool {
    ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"].iter().any(|stream| path.starts_with(stream))
}

fn is_regular(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file())
}

/// Whether the file of `metadata` is what a reader of `path` finds.
pub(crate) fn is_under(metadata: &Metadata, path: &Path) -> bool {
    let theirs = fs::metadata(path);
    theirs.is_ok_and(|it| (metadata.dev(), metadata.ino()) == (it.dev(), it.ino()))
}

/// Opens what is under `path`, for appending; makes a file with this mode where nothing is.
pub(crate) fn open(path: &Path, mode: u32) -> io::Result<File> {
    // Opening these by path fails in a container that does not run as root, or when they are sockets.
    match path.to_str() {
        Some("/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => return standard_output(),
        Some("/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2") => {
            return Ok(io::stderr().as_fd().try_clone_to_owned()?.into());
        }
        _ => {}
    }
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o744).create(folder)?;
    }
    // Without NONBLOCK, opening a pipe would wait for its reader; with it, that is an error now.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(mode)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(name_missing_reader)?;
    let flags = rustix::fs::fcntl_getfl(&file)?;
    rustix::fs::fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(file)
}

/// Says what the system's `No such device or address` means here.
fn name_missing_reader(error: io::Error) -> io::Error {
    if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) {
        return no_reader();
    }
    error
}

/// Why a pipe takes nothing.
pub(crate) fn no_reader() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "nobody reads from this pipe")
}

/// Ends the last line, if a crash left it without its end.
fn end_torn_line(file: &mut File, path: &Path) -> io::Result<()> {
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(());
    }
    let mut last = [b'\n'];
    // A file that we may write but not read is taken as it is.
    if let Ok(reader) = File::open(path) {
        reader.read_exact_at(&mut last, length - 1)?;
    }
    if last == *b"\n" {
        return Ok(());
    }
    file.write_all(b"\n")
}

/// Length of the whole lines among the first `room` bytes.
fn whole_lines(body: &[u8], room: u64) -> usize {
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    if body.len() <= room {
        return body.len();
    }
    body[..room].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

fn first_line(body: &[u8]) -> usize {
    body.iter().position(|byte| *byte == b'\n').map_or(body.len(), |end| end + 1)
}

/// What stands before and behind the time in the name of an old part.
fn around_time(path: &Path) -> (String, String) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match name.rfind('.') {
        Some(dot) => (format!("{}-", &name[..dot]), name[dot..].to_owned()),
        None => (format!("{name}-"), String::new()),
    }
}

/// The old parts of the file at `path`, newest first.
fn backups(path: &Path) -> Vec<(Timestamp, PathBuf)> {
    let (prefix, suffix) = around_time(path);
    let Some(Ok(entries)) = path.parent().map(fs::read_dir) else {
        return Vec::new();
    };
    let mut backups: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name();
            let time = name.to_str()?.strip_prefix(&prefix)?.strip_suffix(&suffix)?;
            let time = DateTime::strptime(TIME_IN_NAME, time).ok()?;
            let time = time.to_zoned(TimeZone::UTC).ok()?.timestamp();
            Some((time, entry.path()))
        })
        .collect();
    backups.sort_by(|one, other| other.cmp(one));
    backups
}
