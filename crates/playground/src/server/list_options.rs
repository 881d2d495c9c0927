//! The parameters of lists and watches, with the API server's opinion on which go together.

use super::{
    selectors,
    status::{Cause, Details, Status},
    target::Target,
};
use crate::{stats::Verb, store::Selection};

/// `ListOptions`, read and checked.
#[derive(Debug)]
pub(super) struct ListOptions {
    pub(super) selection: Selection,
    pub(super) limit: usize,
    pub(super) continue_token: String,
    pub(super) resource_version: String,
    pub(super) exact: bool,
    pub(super) not_older: bool,
    pub(super) bookmarks: bool,
    pub(super) send_initial_events: Option<bool>,
    pub(super) timeout_seconds: Option<u64>,
}

impl ListOptions {
    pub(super) fn read(target: &Target) -> Result<Self, Status> {
        let Target { query, resource, .. } = target;
        let limit = number("limit", query.get("limit"))?;
        let timeout_seconds = number("timeoutSeconds", query.get("timeoutSeconds"))?;
        let mut selection = Selection {
            namespace: target.namespace.as_deref().map(Into::into),
            fields: selectors::fields(query.get("fieldSelector"), resource)?,
            labels: selectors::labels(query.get("labelSelector"))?,
        };
        if !target.name.is_empty() {
            selection = selection.field("metadata.name", &target.name);
        }
        let options = Self {
            selection,
            limit: limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(0),
            continue_token: query.get("continue").into(),
            resource_version: query.get("resourceVersion").into(),
            exact: query.get("resourceVersionMatch") == "Exact",
            not_older: query.get("resourceVersionMatch") == "NotOlderThan",
            bookmarks: query.flag("allowWatchBookmarks").unwrap_or(false),
            send_initial_events: query.flag("sendInitialEvents"),
            timeout_seconds,
        };
        let causes = if target.verb == Verb::Watch {
            options.watch_mistakes(query.get("resourceVersionMatch"))
        } else {
            options.list_mistakes(query.get("resourceVersionMatch"))
        };
        if causes.is_empty() {
            return Ok(options);
        }
        Err(Status::invalid(
            "ListOptions.meta.k8s.io",
            Details { group: "meta.k8s.io", kind: "ListOptions", causes, ..Details::default() },
        ))
    }

    fn list_mistakes(&self, given: &str) -> Vec<Cause> {
        const MATCH: &str = "resourceVersionMatch";
        let mut causes = Vec::new();
        if !given.is_empty() {
            if self.resource_version.is_empty() {
                let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
                causes.push(Cause::forbidden(MATCH, why));
            }
            if !self.continue_token.is_empty() {
                let why = "resourceVersionMatch is forbidden when continue is provided";
                causes.push(Cause::forbidden(MATCH, why));
            }
            if !self.exact && !self.not_older {
                causes.push(Cause::not_supported(MATCH, given, r#""Exact", "NotOlderThan", """#));
            }
            if self.exact && self.resource_version == "0" {
                let why = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
                causes.push(Cause::forbidden(MATCH, why));
            }
        }
        if self.send_initial_events.is_some() {
            let why = "sendInitialEvents is forbidden for list";
            causes.push(Cause::forbidden("sendInitialEvents", why));
        }
        causes
    }

    fn watch_mistakes(&self, given: &str) -> Vec<Cause> {
        const MATCH: &str = "resourceVersionMatch";
        let mut causes = Vec::new();
        if self.send_initial_events.is_some() && !self.not_older {
            let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            causes.push(Cause::forbidden(MATCH, why));
        }
        if !given.is_empty() {
            if self.send_initial_events.is_none() {
                let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
                causes.push(Cause::forbidden(MATCH, why));
            }
            if !self.not_older {
                causes.push(Cause::not_supported(MATCH, given, r#""NotOlderThan""#));
            }
            if !self.continue_token.is_empty() {
                let why = "resourceVersionMatch is forbidden when continue is provided";
                causes.push(Cause::forbidden(MATCH, why));
            }
        }
        causes
    }

    /// The resourceVersion as a number, 0 when there is none; else the storage's complaint.
    pub(super) fn revision(&self) -> Result<u64, String> {
        revision(&self.resource_version)
    }
}

/// A resourceVersion of a query as a number, 0 when there is none; else the storage's complaint.
pub(super) fn revision(text: &str) -> Result<u64, String> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        format!(
            "resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
        )
    })
}

fn number(name: &str, text: &str) -> Result<Option<u64>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<i64>() {
        Ok(number) => Ok(u64::try_from(number).ok()),
        Err(_) => Err(Status::bad_request(format!(
            "unable to decode query parameter \"{name}\": strconv.ParseInt: parsing \"{text}\": invalid syntax"
        ))),
    }
}
