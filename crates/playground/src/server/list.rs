//! Answers to lists.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderValue, StatusCode, header, request::Parts};

use super::{
    Answer, Api,
    accept::accepts_gzip,
    body_of,
    form::Shape,
    kept::Kept,
    list_options::ListOptions,
    status::Status,
    stream_of,
    target::Target,
    watch::{compressed, cut_after_flush},
};
use crate::{
    faults::FaultKind,
    stats::Verb,
    store::{ListQuery, Page, ReadError, Store},
};

/// The API server compresses lists from this size on.
const WORTH_COMPRESSING: usize = 128 * 1024;

impl Api {
    pub(super) fn list<T: Kept>(
        self: &Arc<Self>,
        parts: &Parts,
        target: &Target,
        shape: Shape,
    ) -> Result<Answer, Status> {
        let options = ListOptions::read(target)?;
        let take = |kind| self.faults.take(kind, Verb::List, target.resource.plural);
        let lag = take(FaultKind::StaleRevision).map(|fault| fault.value.unwrap_or(10));
        let lead = take(FaultKind::FutureRevision).map(|fault| fault.value.unwrap_or(1_000_000));
        let forgotten =
            !options.continue_token.is_empty() && take(FaultKind::ExpireContinue).is_some();

        let mut page = self.storage.read(|store| page::<T>(store, target, &options, lag))?;
        if forgotten {
            let error = self.storage.read(|store| forget(store, &options.continue_token));
            return Err(Status::read(error));
        }
        page.revision += lead.unwrap_or(0);
        let body = shape.list(&page);
        self.stats.change(|counts| {
            counts.listed += page.items.len() as u64;
            counts.bytes += body.len() as u64;
        });
        if take(FaultKind::CutMidFrame).is_some() {
            let mut half = Bytes::from(body);
            half.truncate(half.len() / 2);
            let cut = futures::stream::once(async { Err(cut_after_flush().await) });
            let stream = futures::stream::once(async { Ok(half) }).chain(cut);
            return Ok(stream_of(shape.accept.media.content_type(), stream));
        }
        let content_type = shape.accept.media.content_type();
        if body.len() < WORTH_COMPRESSING || !accepts_gzip(&parts.headers) {
            return Ok(body_of(StatusCode::OK, content_type, body));
        }
        let mut answer = body_of(StatusCode::OK, content_type, compressed(&body));
        let encoding = HeaderValue::from_static("gzip");
        answer.headers_mut().insert(header::CONTENT_ENCODING, encoding);
        Ok(answer)
    }
}

fn page<T: Kept>(
    store: &Store,
    target: &Target,
    options: &ListOptions,
    lag: Option<u64>,
) -> Result<Page<T>, Status> {
    let asked = options
        .revision()
        .map_err(|why| Status::bad_request(format!("invalid resource version: {why}")))?;
    if !options.continue_token.is_empty() && asked > 0 {
        let why = "specifying resource version is not allowed when using continue";
        return Err(Status::bad_request(why));
    }
    // The old rule: a limit and a resourceVersion without a match mean exactly that revision.
    let exact = options.exact || (!options.not_older && options.limit > 0 && asked > 0);
    let newest = store.revision();
    if asked > newest {
        return Err(Status::too_large(asked, newest));
    }
    let stale = lag.map(|lag| newest.saturating_sub(lag).max(store.oldest()));
    let query = ListQuery {
        selection: options.selection.clone(),
        revision: if exact { Some(asked) } else { stale },
        limit: options.limit,
        continue_token: options.continue_token.clone(),
    };
    T::list(store, target.resource, &query).map_err(Status::read)
}

/// What a store says of a token whose revision it has forgotten.
fn forget(store: &Store, token: &str) -> ReadError {
    match ListQuery::inconsistent(token) {
        Ok(go_on) => ReadError::ContinueExpired { go_on },
        Err(_) => ReadError::Compacted { requested: 0, oldest: store.oldest() },
    }
}
