//! One look at everything around an event: its object, the owners above it, its namespace.

use event::{Event, OwnerReference, event::TextMap};

use super::{
    answers::{Answer, Spot, Target},
    kinds::{KindId, group_of, uid_of},
    knowledge::{Coverage, Knowledge, Missing, Patience, State},
    objects::{Known, Metadata, Place},
};

/// An object, by either way of knowing it.
#[derive(Clone, Copy)]
enum Seen<'a> {
    Watched(Known<'a>),
    Answered(&'a Metadata),
}

/// What is known of one object.
enum Found<'a> {
    Known(Seen<'a>),
    /// It does not exist any more.
    Gone,
    /// It cannot be known.
    Unknown,
    Missing(Box<Missing>),
}

/// More owners above one another there are not.
const DEPTH: usize = 8;

/// One look at everything around an event.
pub(super) struct Look<'a> {
    knowledge: &'a Knowledge,
    state: &'a mut State,
    patience: Patience,
    /// In seconds since 1970.
    now: u32,
    /// Nothing that was asked for is unknown.
    complete: bool,
}

impl<'a> Look<'a> {
    pub(super) fn new(
        knowledge: &'a Knowledge,
        state: &'a mut State,
        patience: Patience,
        now: u32,
    ) -> Self {
        Self { knowledge, state, patience, now, complete: true }
    }

    /// Adds to `event` what is known; says whether that is everything.
    pub(super) fn around(mut self, event: &mut Event) -> Result<bool, Box<Missing>> {
        self.object(event)?;
        if self.knowledge.needs.namespace_labels && !event.metadata.namespace.is_empty() {
            let namespace = OwnerReference {
                api_version: "v1".into(),
                kind: "Namespace".into(),
                name: event.metadata.namespace.clone(),
                ..OwnerReference::default()
            };
            match self.owner(&namespace, "") {
                Found::Known(seen) => event.involved.namespace_labels = seen.labels(),
                Found::Missing(missing) => return Err(missing),
                Found::Gone | Found::Unknown => self.complete = false,
            }
        }
        Ok(self.complete)
    }

    fn object(&mut self, event: &mut Event) -> Result<(), Box<Missing>> {
        let annotations = self.knowledge.needs.annotations;
        let involved = &mut event.involved;
        let reference = &involved.reference;
        let place = (&*reference.namespace, &*reference.name);
        let version = (&*reference.api_version, &*reference.resource_version);
        let found = match self.kind(&reference.api_version, &reference.kind) {
            Some(kind) => self.find(kind, place, uid_of(kind, reference), version),
            None => Found::Unknown,
        };
        let owners = match found {
            Found::Known(seen) => {
                involved.labels = seen.labels();
                if annotations {
                    involved.annotations = seen.annotations();
                }
                involved.deleted = seen.is_deleted();
                seen.owners()
            }
            Found::Gone => {
                involved.deleted = true;
                self.complete = false;
                Vec::new()
            }
            Found::Unknown => {
                self.complete = false;
                Vec::new()
            }
            Found::Missing(missing) => return Err(missing),
        };
        involved.owner_chain = self.chain(&owners, &involved.reference.namespace)?;
        involved.owner_references = owners;
        Ok(())
    }

    /// From the object's controller up to the root.
    fn chain(
        &mut self,
        owners: &[OwnerReference],
        namespace: &str,
    ) -> Result<Vec<OwnerReference>, Box<Missing>> {
        let mut chain: Vec<OwnerReference> = Vec::new();
        let mut next = controller(owners);
        while let Some(owner) = next.take() {
            if chain.iter().any(|known| known.uid == owner.uid && known.name == owner.name) {
                // Somebody has made a ring of them.
                break;
            }
            if chain.len() == DEPTH {
                self.complete &= !self.knowledge.needs.owner_chain;
                break;
            }
            let needed = self.knowledge.needs.owner_chain;
            let found = self.owner(&owner, namespace);
            chain.push(owner);
            match found {
                Found::Known(seen) => next = controller(&seen.owners()),
                Found::Missing(missing) if needed => return Err(missing),
                Found::Missing(_) | Found::Gone | Found::Unknown => self.complete &= !needed,
            }
        }
        Ok(chain)
    }

    fn owner(&mut self, owner: &OwnerReference, namespace: &str) -> Found<'_> {
        let Some(kind) = self.kind(&owner.api_version, &owner.kind) else {
            return Found::Unknown;
        };
        self.find(kind, (namespace, &owner.name), &owner.uid, (&owner.api_version, ""))
    }

    fn kind(&mut self, api_version: &str, kind: &str) -> Option<KindId> {
        if kind.is_empty() {
            return None;
        }
        let kinds = &mut self.state.kinds;
        kinds.find(api_version, kind).or_else(|| kinds.enter(group_of(api_version), kind))
    }

    /// The object of that kind, namespace and name, with that uid.
    fn find(
        &mut self,
        kind: KindId,
        (namespace, name): (&str, &str),
        uid: &str,
        (api_version, version): (&str, &str),
    ) -> Found<'_> {
        let watched = kind.watched();
        let namespace = if watched.is_some_and(|kind| !kind.namespaced) { "" } else { namespace };
        if name.is_empty() || watched.is_some_and(|it| it.namespaced && namespace.is_empty()) {
            return Found::Unknown;
        }
        let place = Place { kind, namespace, name };
        let State { objects, answers, coverage, refusals, .. } = &mut *self.state;
        if watched.is_some()
            && let Some(known) = objects.find(place, uid)
        {
            return Found::Known(Seen::Watched(known));
        }
        let target = Target {
            spot: Spot { kind, namespace: namespace.into(), name: name.into() },
            uid: uid.into(),
            api_version: api_version.into(),
            version: version.into(),
        };
        match answers.get(&target, self.now) {
            Some(Answer::Found(metadata)) => return Found::Known(Seen::Answered(metadata)),
            Some(Answer::Gone) => return Found::Gone,
            Some(Answer::Refused | Answer::Unserved | Answer::Failed) => return Found::Unknown,
            None => {}
        }
        let coverage = kind.watched_at().map_or(Coverage::Asked, |at| coverage[at]);
        let namespaces = &self.knowledge.namespaces;
        let within = namespace.is_empty() || namespaces.is_empty() || {
            namespaces.iter().any(|known| known == namespace)
        };
        let watched = within && matches!(coverage, Coverage::Starting | Coverage::Watched);
        let asked_within = self.knowledge.asked_within(namespace);
        if !watched && refusals.holds(kind, asked_within, self.now) {
            self.knowledge.stats.refused.count();
            return Found::Unknown;
        }
        match self.patience {
            Patience::None => Found::Unknown,
            Patience::Old if watched && coverage == Coverage::Watched => Found::Gone,
            Patience::Some | Patience::Old => Found::Missing(Box::new(Missing { target, watched })),
        }
    }
}

/// The owner that manages the object, else the first.
fn controller(owners: &[OwnerReference]) -> Option<OwnerReference> {
    let managing = owners.iter().find(|owner| owner.controller == Some(true));
    managing.or(owners.first()).cloned()
}

impl Seen<'_> {
    fn labels(self) -> TextMap {
        match self {
            Self::Watched(known) => known.labels(),
            Self::Answered(metadata) => metadata.labels.clone(),
        }
    }

    fn annotations(self) -> TextMap {
        match self {
            Self::Watched(known) => known.annotations(),
            Self::Answered(metadata) => metadata.annotations.clone(),
        }
    }

    fn owners(self) -> Vec<OwnerReference> {
        match self {
            Self::Watched(known) => known.owners(),
            Self::Answered(metadata) => metadata.owners.clone(),
        }
    }

    fn is_deleted(self) -> bool {
        match self {
            Self::Watched(known) => known.is_deleted(),
            Self::Answered(metadata) => metadata.deleting,
        }
    }
}
