//! `tidings state export`: what waits and what is parked, as watch envelopes that `tidings run --source` reads.

use std::{
    io::{self, BufWriter, Write},
    process::ExitCode,
};

use event::{Event, document};
use pipeline::save::{FolderLook, inspect::Inspection};
use serde_json::{Value, json};

use crate::exit::Failure;

/// Rows that are read at a time.
const BATCH: usize = 1000;

/// Progress is told after so many events.
const TELL: u64 = 100_000;

/// Writes everything to standard output, and progress to standard error.
pub(super) fn write(look: &FolderLook) -> Result<ExitCode, Failure> {
    let path = look.path.join("journal.db");
    let Some(mut journal) = Inspection::open(&path).map_err(Failure::start)? else {
        let error = anyhow::anyhow!("there is no journal in `{}`", look.path.display());
        return Err(Failure::start(error).hint("name another folder with --state"));
    };
    let mut out = Lines { to: BufWriter::new(io::stdout().lock()), written: 0, unreadable: 0 };
    let written = events(&mut journal, &mut out).and_then(|()| Ok(out.to.flush()?));
    match written {
        Err(error) if is_broken_pipe(&error) => return Ok(ExitCode::SUCCESS),
        Err(error) => return Err(Failure::failed(error)),
        Ok(()) => {}
    }
    tell(&format!("{} events written", out.written));
    if out.unreadable > 0 {
        tell(&format!("{} events cannot be read any more and are left out", out.unreadable));
        return Ok(ExitCode::from(crate::exit::FAILED));
    }
    Ok(ExitCode::SUCCESS)
}

fn events(journal: &mut Inspection, out: &mut Lines<impl Write>) -> anyhow::Result<()> {
    let mut after = 0;
    loop {
        let rows = journal.waiting(after, BATCH)?;
        let Some(last) = rows.last() else { break };
        after = last.seq;
        for row in rows {
            let receivers: Vec<&str> = row.receivers.iter().map(|it| &**it).collect();
            let about = json!({"state": "waiting", "row": row.seq, "receivers": receivers});
            out.line(row.event.as_deref().ok(), &about)?;
        }
    }
    let mut after = 0;
    loop {
        let rows = journal.parked(after, BATCH)?;
        let Some((last, ..)) = rows.last() else { return Ok(()) };
        after = *last;
        for (_, receiver, parked) in rows {
            let cause = parked.cause.word();
            let about = json!({
                "state": "parked", "row": parked.seq, "receivers": [&*receiver],
                "parkedAt": parked.at.to_string(), "cause": cause, "reason": parked.reason,
            });
            out.line(parked.event.as_deref(), &about)?;
        }
    }
}

struct Lines<W> {
    to: W,
    written: u64,
    unreadable: u64,
}

impl<W: Write> Lines<W> {
    fn line(&mut self, event: Option<&Event>, about: &Value) -> anyhow::Result<()> {
        let Some(event) = event else {
            self.unreadable += 1;
            return Ok(());
        };
        let mut line = br#"{"type":"ADDED","object":"#.to_vec();
        document::write(&mut line, event);
        write!(line, r#","tidings":{about}}}"#)?;
        line.push(b'\n');
        self.to.write_all(&line)?;
        self.written += 1;
        if self.written.is_multiple_of(TELL) {
            tell(&format!("{} events so far", self.written));
        }
        Ok(())
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Standard error may be closed; then nobody wants to know.
fn tell(line: &str) {
    drop(writeln!(io::stderr(), "{line}"));
}
