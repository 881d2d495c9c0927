//! Asking: the process that owns the folder, or, where there is none, the folder itself.

use std::{path::Path, sync::Arc, time::Duration};

use event::{Clock, Journal, Stop, SystemClock, Text};
use pipeline::save::{
    Budget, FolderLook, Limits, Saver, SaverSettings, SqliteJournal, StateFolder,
    inspect::Inspection,
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    sync::mpsc,
};

use super::{
    Desk, Request, SOCKET,
    protocol::{Answer, Envelope, VERSION},
};
use crate::{exit::Failure, output::Next};

/// Asks about the folder that was looked at. `each` is given the items as they come; what was done comes back, nothing
/// if `each` has had enough.
pub(crate) async fn ask(
    look: FolderLook,
    request: Request,
    each: &mut (dyn FnMut(Value) -> Result<Next, Failure> + Send),
) -> Result<Option<Value>, Failure> {
    match &look.holder {
        Some(holder) => through_socket(&look.path, holder, request, each).await,
        None => on_folder(look, request, each).await,
    }
}

async fn through_socket(
    folder: &Path,
    holder: &str,
    request: Request,
    each: &mut (dyn FnMut(Value) -> Result<Next, Failure> + Send),
) -> Result<Option<Value>, Failure> {
    let path = folder.join(SOCKET);
    let lost = |error: std::io::Error| {
        let folder = folder.display();
        let error = anyhow::Error::new(error).context(format!(
            "the state folder `{folder}` is in use by {holder}, which cannot be asked at `{SOCKET}`"
        ));
        Failure::start(error)
            .hint("run this as the same user, on the same machine or in the same pod")
    };
    let (from, mut to) = UnixStream::connect(&path).await.map_err(lost)?.into_split();
    let mut line =
        serde_json::to_vec(&Envelope { version: VERSION, request }).map_err(Failure::failed)?;
    line.push(b'\n');
    to.write_all(&line).await.map_err(lost)?;
    let mut lines = BufReader::new(from).lines();
    while let Some(line) = lines.next_line().await.map_err(lost)? {
        match serde_json::from_str(&line).map_err(Failure::failed)? {
            Answer::Item(item) => {
                if each(item)? == Next::Enough {
                    return Ok(None);
                }
            }
            Answer::End(end) => return Ok(Some(end)),
            Answer::Error(error) => return Err(Failure::failed(anyhow::anyhow!(error))),
        }
    }
    let error = anyhow::anyhow!("{holder} ended before it had answered");
    Err(Failure::failed(error).hint("ask again; what was done is in the journal"))
}

async fn on_folder(
    look: FolderLook,
    request: Request,
    each: &mut (dyn FnMut(Value) -> Result<Next, Failure> + Send),
) -> Result<Option<Value>, Failure> {
    let path = look.path.clone();
    is_sound(&path)?;
    // The look has the lock.
    drop(look);
    let folder = StateFolder::open(&path, &SystemClock, &Stop::new()).await;
    let folder = folder.map_err(Failure::start)?;
    let (desk, saver) = open(&folder)?;
    let (items, mut coming) = mpsc::channel(64);
    let told = async {
        while let Some(item) = coming.recv().await {
            if each(item)? == Next::Enough {
                return Ok(Next::Enough);
            }
        }
        Ok::<_, Failure>(Next::More)
    };
    let (end, told) = tokio::join!(desk.answer(request, items), told);
    drop(desk);
    saver.close().await;
    drop(folder);
    let end = end.map_err(Failure::failed)?;
    Ok((told? == Next::More).then_some(end))
}

/// A journal that a start would have to repair, or to change, is left to that start, which says what was lost.
fn is_sound(folder: &Path) -> Result<(), Failure> {
    let here = folder.display();
    let Some(journal) = Inspection::open(&folder.join("journal.db")).map_err(Failure::start)?
    else {
        let error = anyhow::anyhow!("there is no journal in `{here}`");
        return Err(Failure::start(error).hint("name another folder with --state"));
    };
    let what = if !journal.is_current() {
        "is of an older version"
    } else if !journal.is_whole() {
        "is damaged"
    } else {
        return Ok(());
    };
    let error = anyhow::anyhow!("the journal in `{here}` {what}");
    Err(Failure::start(error)
        .hint("`tidings run` takes care of it at its start; ask again while it runs"))
}

/// The lanes stay as they are, and nothing is dropped: what the config says is not known here.
fn open(folder: &StateFolder) -> Result<(Desk, Saver), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let limits = Limits { reserve_bytes: 0, ..folder.storage().limits() };
    let journal = SqliteJournal::open_with(&folder.journal(), clock.now(), limits);
    let journal = journal.map_err(Failure::start)?;
    let lanes = journal.tallies().lanes.into_iter().map(|(lane, _)| lane);
    let names: Vec<Text> =
        lanes.filter(|lane| lane.orphaned.is_none()).map(|lane| lane.name).collect();
    let long = Duration::from_secs(24 * 3600);
    let budget = Budget { bytes: 1 << 60, parked_bytes: 1 << 60, ..Budget::usual() };
    let settings = SaverSettings { budget, trim_every: long, ..SaverSettings::default() };
    let opened = Saver::open(Box::new(journal), &names, Arc::clone(&clock), settings);
    let (saver, _) = opened.map_err(Failure::start)?;
    Ok((Desk::new(saver.clone(), tokio::sync::watch::channel(Vec::new()).1, clock), saver))
}
