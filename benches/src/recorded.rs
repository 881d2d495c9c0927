//! A file in the place of an API server: what `generate` wrote, as one watch that lists first.

use std::{fs::File, io::Read, path::PathBuf, sync::Arc};

use event::Stop;
use futures::{StreamExt, stream::BoxStream};
use pipeline::collect::{
    api::{ApiError, EventsApi, Page, WatchFrom},
    frames::{Decoder, Frame},
};

/// What a read from a socket brings.
const READ: usize = 64 << 10;

/// See the module.
#[derive(Debug)]
pub struct Recorded {
    /// The file.
    pub file: PathBuf,
    /// The first part of it, which lists.
    pub list_bytes: usize,
    /// The rest is read when this has fired.
    pub go: Stop,
}

struct Reading {
    file: File,
    decoder: Decoder,
    buffer: Arc<[u8]>,
    left_of_list: usize,
    go: Stop,
}

impl EventsApi for Recorded {
    type Frames = BoxStream<'static, Result<Vec<Frame>, ApiError>>;

    async fn probe(&self) -> Result<u64, ApiError> {
        Err(ApiError::Connection("a recording has no newest revision".into()))
    }

    async fn list(&self, _page: Page) -> Result<Self::Frames, ApiError> {
        Err(ApiError::Connection("a recording has no pages".into()))
    }

    async fn watch(&self, _from: WatchFrom) -> Result<Self::Frames, ApiError> {
        let file =
            File::open(&self.file).map_err(|error| ApiError::Connection(error.to_string()))?;
        let reading = Reading {
            file,
            decoder: Decoder::watch("application/vnd.kubernetes.protobuf;stream=watch"),
            buffer: vec![0; READ].into(),
            left_of_list: self.list_bytes,
            go: self.go.clone(),
        };
        let frames = futures::stream::unfold(reading, async |mut reading| {
            let frames = reading.next().await?;
            Some((frames, reading))
        });
        Ok(frames.boxed())
    }
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Vec<Frame>, ApiError>> {
        loop {
            let most = if self.left_of_list > 0 {
                READ.min(self.left_of_list)
            } else {
                self.go.fired().await;
                READ
            };
            let buffer = Arc::get_mut(&mut self.buffer)?;
            let read = match self.file.read(&mut buffer[..most]) {
                Ok(0) => return std::future::pending().await,
                Ok(read) => read,
                Err(error) => return Some(Err(ApiError::Connection(error.to_string()))),
            };
            self.left_of_list = self.left_of_list.saturating_sub(read);
            let mut frames = Vec::new();
            if let Err(garbled) = self.decoder.push(&buffer[..read], &mut frames) {
                return Some(Err(ApiError::Connection(garbled.to_string())));
            }
            if !frames.is_empty() {
                return Some(Ok(frames));
            }
        }
    }
}
