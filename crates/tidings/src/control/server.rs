//! The socket of the process that owns the state folder. Whoever may open the folder may ask.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use event::{Stop, Tasks};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::mpsc,
};

use super::{
    SOCKET,
    desk::Desk,
    protocol::{Answer, Envelope, VERSION},
};

/// The longest question.
const LINE: u64 = 1 << 20;

/// Answers on the socket in `folder` until `stop` fires. The folder is ours, so a socket that is there is nobody's.
pub(crate) fn serve(desk: Desk, folder: Option<&Path>, tasks: &Tasks, stop: &Stop) {
    let Some(path) = folder.map(|folder| folder.join(SOCKET)) else { return };
    let listener = match open(&path) {
        Ok(listener) => listener,
        Err(error) => {
            let path = path.display();
            tracing::warn!(%error, "no socket `{path}`: lanes cannot be asked while this runs");
            return;
        }
    };
    tasks.spawn("control", accept(listener, path, desk, tasks.clone(), stop.clone()));
}

fn open(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn accept(listener: UnixListener, path: PathBuf, desk: Desk, tasks: Tasks, stop: Stop) {
    loop {
        let accepted = tokio::select! {
            () = stop.fired() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (desk, stop) = (desk.clone(), stop.clone());
                tasks.spawn("control-connection", async move {
                    tokio::select! {
                        () = stop.fired() => {}
                        served = connection(stream, &desk) => {
                            if let Err(error) = served {
                                tracing::debug!(%error, "who asked went away");
                            }
                        }
                    }
                });
            }
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
    drop(fs::remove_file(path));
}

/// Answers one question.
async fn connection(stream: UnixStream, desk: &Desk) -> io::Result<()> {
    let (from, mut to) = stream.into_split();
    let mut line = String::new();
    BufReader::new(from.take(LINE)).read_line(&mut line).await?;
    let request = match serde_json::from_str::<Envelope>(&line) {
        Ok(Envelope { version: VERSION, request }) => request,
        Ok(Envelope { version, .. }) => {
            let text = format!(
                "this process speaks version {VERSION} of the protocol, and was asked in version \
                 {version}: use the `tidings` of the same release"
            );
            return write(&mut to, &Answer::Error(text)).await;
        }
        Err(error) => {
            let text = format!("the question is not understood: {error}");
            return write(&mut to, &Answer::Error(text)).await;
        }
    };
    let (items, mut coming) = mpsc::channel(64);
    let told = async {
        while let Some(item) = coming.recv().await {
            write(&mut to, &Answer::Item(item)).await?;
        }
        Ok::<_, io::Error>(())
    };
    let (end, told) = tokio::join!(desk.answer(request, items), told);
    told?;
    let last = match end {
        Ok(end) => Answer::End(end),
        Err(error) => Answer::Error(format!("{error:#}")),
    };
    write(&mut to, &last).await
}

async fn write(to: &mut (impl AsyncWriteExt + Unpin), answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    to.write_all(&line).await
}
