//! Writing whole lines to something that can fail midway, so that a retry never yields a broken line.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    sync::Arc,
};

use event::{Event, Payload, Rejected, SendError};

/// Most lines in a payload.
pub(crate) const EVENTS: usize = 1000;

/// What lines are appended to. A trait, because a test cannot fill a disk.
pub(crate) trait Target {
    /// Writes some of `bytes` and says how many.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Its length, if it can be cut back to an earlier one.
    fn length(&self) -> Option<u64>;

    /// Cuts it back.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Target for &File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn length(&self) -> Option<u64> {
        let metadata = self.metadata().ok()?;
        metadata.is_file().then_some(metadata.len())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        // A file that was not opened for appending would go on behind a hole.
        self.seek(SeekFrom::Start(length)).map(drop)
    }
}

/// A write that did not get to its end.
#[derive(Debug)]
pub(crate) struct Cut {
    /// So many lines are there, and stay there.
    pub(crate) lines: usize,
    /// What stopped it.
    pub(crate) error: io::Error,
}

/// Appends `body`, which is whole lines, with one write where the system takes it in one.
///
/// When it stops midway, what was written is taken back if `target` allows that. Else the whole lines
/// stay, and `torn` remembers a broken last one: the next call ends that line first, so that the retry
/// starts on a line of its own.
pub(crate) fn append(target: &mut impl Target, body: &[u8], torn: &mut bool) -> Result<(), Cut> {
    if *torn {
        write_all(target, b"\n").map_err(|(_, error)| Cut { lines: 0, error })?;
        *torn = false;
    }
    let before = target.length();
    let Err((written, error)) = write_all(target, body) else {
        return Ok(());
    };
    if written > 0 && !taken_back(target, before, written) {
        let written = &body[..written];
        *torn = !written.ends_with(b"\n");
        return Err(Cut { lines: count(written), error });
    }
    Err(Cut { lines: 0, error })
}

/// Writes everything, or says how far it came and why not farther.
fn write_all(target: &mut impl Target, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while written < bytes.len() {
        match target.write(&bytes[written..]) {
            Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}

/// Takes the last `written` bytes back, unless somebody else wrote behind them.
fn taken_back(target: &mut impl Target, before: Option<u64>, written: usize) -> bool {
    let Some(before) = before else { return false };
    target.length() == Some(before + written as u64) && target.cut(before).is_ok()
}

/// How many lines end in `bytes`.
pub(crate) fn count(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}

/// As few payloads as the limit allows, each with the lines that `write` makes of its events: it is given the buffer, the
/// place of the event among all, and the event.
pub(crate) fn payloads(
    events: &[Arc<Event>],
    write: impl Fn(&mut Vec<u8>, usize, &Event) -> Result<(), Rejected>,
) -> Result<Vec<Payload>, Rejected> {
    let mut payloads = Vec::with_capacity(events.len().div_ceil(EVENTS));
    for (number, chunk) in events.chunks(EVENTS).enumerate() {
        // Most documents are shorter; a longer one grows the buffer.
        let mut body = Vec::with_capacity(chunk.len() * 1536);
        for (place, event) in chunk.iter().enumerate() {
            write(&mut body, number * EVENTS + place, event)?;
            body.push(b'\n');
        }
        payloads.push(Payload { events: chunk.len(), headers: Vec::new(), body: body.into() });
    }
    Ok(payloads)
}

/// Runs `write` where it may block, and names its failure for the lane.
pub(crate) async fn write_blocking(
    events: usize,
    name: String,
    write: impl FnOnce() -> Result<(), Cut> + Send + 'static,
) -> Result<(), SendError> {
    match tokio::task::spawn_blocking(write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(cut)) => Err(failure(&name, events, &cut)),
        Err(error) => Err(SendError::Unavailable {
            reason: format!("{name}: the write was abandoned: {error}"),
            retry_after: None,
        }),
    }
}

/// What a cut means to the lane, for a payload of so many events.
pub(crate) fn failure(name: &str, events: usize, cut: &Cut) -> SendError {
    let reason = format!("{name}: {}", cut.error);
    if cut.lines > 0 {
        return SendError::Partial {
            failed: (cut.lines..events).map(|index| (index, None)).collect(),
        };
    }
    match cut.error.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::NotADirectory => SendError::Blocked { reason },
        _ => SendError::Unavailable { reason, retry_after: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk (or, without `regular`, a pipe) with so much room left.
    struct Small {
        bytes: Vec<u8>,
        room: usize,
        regular: bool,
    }

    impl Target for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let taken = bytes.len().min(self.room);
            self.room -= taken;
            self.bytes.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn length(&self) -> Option<u64> {
            self.regular.then_some(self.bytes.len() as u64)
        }

        fn cut(&mut self, length: u64) -> io::Result<()> {
            self.bytes.truncate(usize::try_from(length).unwrap());
            Ok(())
        }
    }

    fn small(room: usize, regular: bool) -> Small {
        Small { bytes: b"old\n".to_vec(), room, regular }
    }

    #[test]
    fn a_full_disk_keeps_no_part_of_what_will_be_retried() {
        let (mut disk, mut torn) = (small(5, true), false);
        let cut = append(&mut disk, b"one\ntwo\n", &mut torn).unwrap_err();
        assert_eq!((cut.lines, torn), (0, false));
        assert_eq!(disk.bytes, b"old\n");
        disk.room = 100;
        append(&mut disk, b"one\ntwo\n", &mut torn).unwrap();
        assert_eq!(disk.bytes, b"old\none\ntwo\n");
    }

    #[test]
    fn a_file_that_was_cut_goes_on_where_it_ends() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut target = file.as_file();
        assert_eq!(Target::write(&mut target, b"old\nbro").unwrap(), 7);
        target.cut(4).unwrap();
        assert_eq!(Target::write(&mut target, b"new\n").unwrap(), 4);
        assert_eq!(std::fs::read(file.path()).unwrap(), b"old\nnew\n");
    }

    #[test]
    fn a_pipe_keeps_its_whole_lines_and_the_retry_starts_on_its_own_line() {
        let (mut pipe, mut torn) = (small(6, false), false);
        let cut = append(&mut pipe, b"one\ntwo\n", &mut torn).unwrap_err();
        assert_eq!((cut.lines, torn), (1, true));
        pipe.room = 100;
        append(&mut pipe, b"two\n", &mut torn).unwrap();
        assert_eq!(pipe.bytes, b"old\none\ntw\ntwo\n");
        assert!(!torn);
    }

    #[test]
    fn what_another_process_wrote_meanwhile_is_not_cut_away() {
        struct Shared(Small);
        impl Target for Shared {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let written = self.0.write(bytes);
                if written.is_err() {
                    self.0.bytes.extend_from_slice(b"another's\n");
                }
                written
            }
            fn length(&self) -> Option<u64> {
                self.0.length()
            }
            fn cut(&mut self, length: u64) -> io::Result<()> {
                self.0.cut(length)
            }
        }
        let (mut disk, mut torn) = (Shared(small(4, true)), false);
        let cut = append(&mut disk, b"one\ntwo\n", &mut torn).unwrap_err();
        assert_eq!(cut.lines, 1);
        assert_eq!(disk.0.bytes, b"old\none\nanother's\n");
    }

    #[test]
    fn lines_that_are_there_are_not_sent_again() {
        let cut = Cut { lines: 2, error: io::ErrorKind::BrokenPipe.into() };
        assert_eq!(
            failure("stdout", 4, &cut),
            SendError::Partial { failed: vec![(2, None), (3, None)] }
        );
    }

    #[test]
    fn a_full_disk_is_waited_for_and_a_missing_permission_is_reported_as_ours() {
        let failed = |kind: io::ErrorKind| failure("x", 1, &Cut { lines: 0, error: kind.into() });
        assert!(matches!(failed(io::ErrorKind::StorageFull), SendError::Unavailable { .. }));
        assert!(matches!(failed(io::ErrorKind::PermissionDenied), SendError::Blocked { .. }));
    }
}
