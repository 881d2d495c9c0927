//! What clients asked of the API, counted: requests per event delivered is a figure of merit.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

/// What a request does, in the words of the API server's own metrics and roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verb {
    /// Reads one object.
    Get,
    /// Reads many.
    List,
    /// Follows changes.
    Watch,
    /// Makes an object.
    Create,
    /// Replaces one.
    Update,
    /// Changes parts of one.
    Patch,
    /// Removes one.
    Delete,
    /// Removes many.
    DeleteCollection,
    /// Asks what there is: versions, groups, resources, health.
    Discover,
}

impl Verb {
    /// The word that roles use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Discover => "discover",
        }
    }
}

/// Counters since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Requests by verb and resource, `list events`.
    pub requests: BTreeMap<String, u64>,
    /// Answers by HTTP status.
    pub answers: BTreeMap<u16, u64>,
    /// Messages that watches delivered.
    pub watch_messages: u64,
    /// Objects that lists delivered.
    pub listed: u64,
    /// Bytes of lists and watches.
    pub bytes: u64,
    /// Watches that are open now.
    pub open_watches: u64,
}

impl Counts {
    /// All requests.
    pub fn total(&self) -> u64 {
        self.requests.values().sum()
    }

    /// Requests of one kind, `list events`.
    pub fn requests(&self, kind: &str) -> u64 {
        self.requests.get(kind).copied().unwrap_or(0)
    }
}

/// The counters, shared.
#[derive(Debug, Clone, Default)]
pub struct Stats(Arc<Mutex<Counts>>);

impl Stats {
    /// The counters as they are.
    pub fn counts(&self) -> Counts {
        self.change(|counts| counts.clone())
    }

    pub(crate) fn request(&self, verb: Verb, resource: &str) {
        let kind = format!("{} {resource}", verb.word());
        self.change(|counts| *counts.requests.entry(kind).or_default() += 1);
    }

    pub(crate) fn answer(&self, status: u16) {
        self.change(|counts| *counts.answers.entry(status).or_default() += 1);
    }

    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Counts) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
