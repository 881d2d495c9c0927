//! What is followed: all namespaces, one, or a few.

use std::collections::BTreeSet;

use event::{Event, Text, identity::Place};

/// Up to so many namespaces each have a watch of their own; of more, one watch of the whole cluster is
/// filtered here.
const WATCHES: usize = 10;

/// What one collector follows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Under this name the journal keeps the position.
    pub name: Text,
    /// The only namespace that is asked for; all when there is none.
    pub namespace: Option<Text>,
    /// Of all namespaces, only these are taken; every one when empty.
    pub only: BTreeSet<Text>,
}

impl Scope {
    /// The whole of what `cluster` has.
    pub fn all(cluster: &str) -> Self {
        Self { name: format!("{cluster}/*").into(), ..Self::default() }
    }

    /// The fewest scopes that cover `namespaces`, or everything when there are none: one each while
    /// they are few, which needs no right on the whole cluster.
    pub fn cover(cluster: &str, namespaces: &[Text]) -> Vec<Self> {
        let only: BTreeSet<Text> = namespaces.iter().cloned().collect();
        let places: BTreeSet<Place> = only.iter().map(|name| Place::of(name)).collect();
        // Two namespaces that the live state cannot tell apart need one scope.
        if only.is_empty() || only.len() > WATCHES || places.len() < only.len() {
            return vec![Self { only, ..Self::all(cluster) }];
        }
        only.into_iter()
            .map(|namespace| Self {
                name: format!("{cluster}/{namespace}").into(),
                namespace: Some(namespace),
                only: BTreeSet::new(),
            })
            .collect()
    }

    /// Where its Events are in the live state; everywhere when it is not one namespace.
    pub fn place(&self) -> Option<Place> {
        self.namespace.as_ref().map(|namespace| Place::of(namespace))
    }

    /// Whether `event` is to be taken.
    pub fn takes(&self, event: &Event) -> bool {
        self.only.is_empty() || self.only.contains(&event.metadata.namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(scopes: &[Scope]) -> Vec<&str> {
        scopes.iter().map(|scope| &*scope.name).collect()
    }

    #[test]
    fn a_few_namespaces_have_a_watch_each_and_many_share_one_that_is_filtered() {
        assert_eq!(names(&Scope::cover("c", &[])), ["c/*"]);
        let few = Scope::cover("c", &["shop".into(), "infra".into(), "shop".into()]);
        assert_eq!(names(&few), ["c/infra", "c/shop"]);
        assert_eq!(few[1].place(), Some(Place::of("shop")));
        let many: Vec<Text> = (0..11).map(|number| format!("ns-{number}").into()).collect();
        assert_eq!(names(&Scope::cover("c", &many[..10])).len(), 10);
        let one = Scope::cover("c", &many);
        assert_eq!((names(&one), one[0].place()), (vec!["c/*"], None));
        let in_namespace = |namespace: &str| {
            let mut event = Event::default();
            event.metadata.namespace = namespace.into();
            event
        };
        assert!(one[0].takes(&in_namespace("ns-7")));
        assert!(!one[0].takes(&in_namespace("ns-11")));
        assert!(Scope::all("c").takes(&in_namespace("ns-11")));
    }

    #[test]
    fn namespaces_that_look_alike_share_one_watch() {
        let place = Place::of("ns-0");
        let mut others = (1..1_000_000).map(|number| format!("ns-{number}"));
        let twin = others.find(|name| Place::of(name) == place);
        let alike: Vec<Text> = vec!["ns-0".into(), twin.unwrap().into()];
        assert_eq!(names(&Scope::cover("c", &alike)), ["c/*"]);
    }
}
