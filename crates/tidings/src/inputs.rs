//! Events from a file or standard input, for the commands around a config: what `tidings run --source` reads,
//! the documents that receivers get, and YAML.

use std::{
    io::{self, IsTerminal},
    path::Path,
};

use event::{Event, Stop, json};
use pipeline::collect::input::{Count, Item, Reader};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::{
    exit::Failure,
    output::{Next, tell},
    source,
};

/// So many pieces that are no events are shown.
const TOLD: u64 = 10;

/// Hands each event to `found`, as it comes; nothing or `-` is standard input. Deletions are passed over.
/// Says on standard error what is no event, and fails at the end for it.
pub(crate) async fn each(
    path: Option<&Path>,
    stop: &Stop,
    found: impl FnMut(Event) -> Result<Next, Failure>,
) -> Result<(), Failure> {
    let reader = Reader::new(json::decode_exported);
    let mut events = Events { reader, count: Count::default(), next: Next::More, found };
    match path.filter(|path| *path != Path::new("-")) {
        None => {
            if io::stdin().is_terminal() {
                tell(
                    "reading events from standard input; `kubectl get events -o json` prints some\n",
                );
            }
            events.read(tokio::io::stdin(), stop).await?;
        }
        Some(path) => {
            let file = tokio::fs::File::open(path).await.map_err(|error| {
                let what = format!("the events in `{}` cannot be read", path.display());
                Failure::start(anyhow::Error::new(error).context(what))
            })?;
            events.read(file, stop).await?;
        }
    }
    source::end(Ok(events.count), &[]).map(drop)
}

/// The only event of a file.
pub(crate) async fn one(path: &Path, stop: &Stop) -> Result<Event, Failure> {
    let mut events = Vec::new();
    each(Some(path), stop, |event| {
        events.push(event);
        Ok(Next::More)
    })
    .await?;
    let count = events.len();
    match events.pop() {
        Some(event) if count == 1 => Ok(event),
        _ => Err(Failure::failed(anyhow::anyhow!(
            "one event is expected in `{}`, and there are {count}",
            path.display()
        ))),
    }
}

struct Events<F> {
    reader: Reader,
    count: Count,
    next: Next,
    found: F,
}

impl<F: FnMut(Event) -> Result<Next, Failure>> Events<F> {
    async fn read(
        &mut self,
        mut source: impl AsyncRead + Unpin,
        stop: &Stop,
    ) -> Result<(), Failure> {
        let mut buffer = vec![0; 64 << 10];
        // Only YAML is read as a whole before the first event.
        let mut yaml: Option<Vec<u8>> = None;
        let mut is_first = true;
        loop {
            let read = tokio::select! {
                () = stop.fired() => return Ok(()),
                read = source.read(&mut buffer) => read.map_err(Failure::failed)?,
            };
            if read == 0 {
                break;
            }
            let bytes = &buffer[..read];
            if std::mem::take(&mut is_first) && is_yaml(bytes) {
                yaml = Some(Vec::new());
            }
            match &mut yaml {
                Some(whole) => whole.extend_from_slice(bytes),
                None => self.take(bytes)?,
            }
            if self.next == Next::Enough {
                return Ok(());
            }
        }
        if let Some(whole) = yaml {
            for document in documents(&whole)? {
                self.take(&document)?;
            }
        }
        self.take(b"\n")?;
        if self.reader.is_torn() {
            let torn = anyhow::anyhow!("the input ends in the middle of an object");
            return Err(Failure::failed(torn));
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let Self { reader, count, next, found } = self;
        let mut outcome = Ok(*next);
        reader.push(bytes, |item| match item {
            Item::Living(event) => {
                count.events += 1;
                if matches!(outcome, Ok(Next::More)) {
                    outcome = found(*event);
                }
            }
            Item::Deleted(_) => count.deleted += 1,
            Item::Nothing => {}
            Item::Unreadable(why) => {
                count.unreadable += 1;
                if count.unreadable <= TOLD {
                    tell(&format!("warning: a piece of the input is no event; skipped: {why}\n"));
                }
            }
        });
        *next = outcome?;
        Ok(())
    }
}

/// Whether it begins as YAML does, with a key or a mark, and not as JSON or as something else.
fn is_yaml(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim_end);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    let key = first.strip_prefix("- ").unwrap_or(first);
    let is_key = |key: &str| !key.is_empty() && key.bytes().all(|it| it.is_ascii_alphabetic());
    first == "---"
        || key
            .split_once(':')
            .is_some_and(|(key, rest)| is_key(key) && (rest.is_empty() || rest.starts_with(' ')))
}

/// The documents, each as JSON.
fn documents(yaml: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::failed(anyhow::anyhow!("the events cannot be read as YAML: {error}"))
    };
    let text = std::str::from_utf8(yaml).map_err(|error| wrong(&error))?;
    let values: Vec<serde_json::Value> =
        serde_saphyr::from_multiple(text).map_err(|error| wrong(&error))?;
    values.iter().map(|value| serde_json::to_vec(value).map_err(|error| wrong(&error))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_is_told_from_json_and_from_noise() {
        for yaml in ["apiVersion: v1\nitems:\n", "---\na: b", "# x\n\nitems:\n", "- kind: Event\n"]
        {
            assert!(is_yaml(yaml.as_bytes()), "{yaml}");
        }
        for other in [
            "{\"items\":[",
            "[{}]",
            " \n{",
            "E0102 10:00 x: y",
            "No resources found",
            "",
            "http://x",
        ] {
            assert!(!is_yaml(other.as_bytes()), "{other}");
        }
    }
}
