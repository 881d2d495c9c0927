//! Whatever is written, every way to read it tells the same story.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn named(namespace: &str, name: &str) -> Event {
    let mut event = Event::default();
    event.metadata.namespace = namespace.into();
    event.metadata.name = name.into();
    event
}

fn all(store: &Store) -> Page<Event> {
    store.list(&ListQuery::default()).unwrap()
}

fn names(events: &[Arc<Event>]) -> Vec<&str> {
    events.iter().map(|event| &*event.metadata.name).collect()
}

fn told(store: &Store, after: u64, selection: &Selection) -> Vec<(u64, ChangeKind, String)> {
    let changes = store.changes(after, selection).unwrap();
    changes.map(|c| (c.revision, c.kind, c.object.metadata.name.to_string())).collect()
}

#[test]
fn a_write_takes_one_revision_and_a_write_of_nothing_takes_none() {
    let mut store = Store::default();
    let created = store.create(named("a", "x"), at(0)).unwrap();
    assert_eq!(created.metadata.resource_version, "1001");
    assert_eq!(created.metadata.creation_timestamp, Some(at(0)));
    assert_eq!(store.create(named("a", "x"), at(0)), Err(WriteError::AlreadyExists));
    assert_eq!(store.update(named("a", "x"), at(1)).unwrap(), created);

    let mut more = Event::clone(&created);
    more.count = 2;
    let updated = store.update(more.clone(), at(1)).unwrap();
    assert_eq!(
        (&*updated.metadata.resource_version, &updated.metadata.uid),
        ("1002", &created.metadata.uid)
    );
    more.count = 3;
    assert_eq!(store.update(more, at(1)), Err(WriteError::Conflict));
    assert_eq!(store.delete("a", "x").unwrap(), updated);
    assert_eq!(store.delete("a", "x"), Err(WriteError::NotFound));

    let selection = Selection::default();
    let last = store.changes(1002, &selection).unwrap().next().unwrap();
    assert_eq!((last.kind, &*last.object.metadata.resource_version), (ChangeKind::Deleted, "1003"));
    assert_eq!(last.object.count, 2);
}

#[test]
fn events_of_one_lease_expire_at_one_revision() {
    let mut store =
        Store::new(&StoreOptions { ttl: Duration::from_secs(3600), ..StoreOptions::default() });
    for second in 0..3 {
        store.create(named("a", &format!("x{second}")), at(second * 20)).unwrap();
    }
    store.create(named("a", "later"), at(90)).unwrap();
    let mut touched = named("a", "x1");
    touched.count = 2;
    store.update(touched, at(100)).unwrap();
    assert_eq!(store.expire(at(3659)), 0);
    assert_eq!(store.next_expiry(), Some(at(3660)));
    assert_eq!(store.expire(at(3660)), 2);
    let gone = told(&store, 1005, &Selection::default());
    assert_eq!(
        gone,
        [(1006, ChangeKind::Deleted, "x0".into()), (1006, ChangeKind::Deleted, "x2".into())]
    );
    assert_eq!(names(&all(&store).items), ["later", "x1"]);
    assert_eq!(store.expire(at(9999)), 2);
    assert_eq!(store.written().expired, 4);
}

#[test]
fn a_lease_is_forgotten_with_the_last_event_that_hangs_on_it() {
    let mut store = Store::default();
    for name in ["a", "b"] {
        store.create(named("n", name), at(0)).unwrap();
    }
    let mut touched = named("n", "a");
    touched.count = 2;
    store.update(touched, at(1000)).unwrap();
    assert_eq!(store.next_expiry(), Some(at(3660)));
    store.delete("n", "b").unwrap();
    assert_eq!(store.next_expiry(), Some(at(4660)));
}

#[test]
fn pages_are_as_of_the_first_until_it_is_compacted() {
    let mut store = Store::default();
    for name in ["a", "b", "c", "d", "e"] {
        store.create(named("n", name), at(0)).unwrap();
    }
    let query =
        |token: &str| ListQuery { limit: 2, continue_token: token.into(), ..ListQuery::default() };
    let first = store.list(&query("")).unwrap();
    assert_eq!((names(&first.items), first.remaining), (vec!["a", "b"], Some(3)));
    store.delete("n", "c").unwrap();
    store.create(named("n", "bb"), at(1)).unwrap();
    let second = store.list(&query(&first.continue_token)).unwrap();
    assert_eq!(
        (names(&second.items), second.remaining, second.revision),
        (vec!["c", "d"], Some(1), first.revision)
    );
    store.compact(store.revision());
    let Err(ReadError::ContinueExpired { go_on }) = store.list(&query(&second.continue_token))
    else {
        panic!("the token should have expired");
    };
    let rest = store.list(&query(&go_on)).unwrap();
    assert_eq!((names(&rest.items), rest.revision), (vec!["e"], store.revision()));
    assert_eq!(rest.continue_token, "");
    let garbled = store.list(&query("broken")).unwrap_err();
    assert!(garbled.to_string().starts_with("continue key is not valid"), "{garbled}");
}

#[test]
fn what_is_compacted_or_not_yet_written_cannot_be_read() {
    let mut store = Store::default();
    for name in ["a", "b", "c"] {
        store.create(named("n", name), at(0)).unwrap();
    }
    store.compact(1003);
    let selection = Selection::default();
    assert_eq!(told(&store, 1002, &selection).len(), 1);
    let compacted = store.changes(1001, &selection).err();
    assert_eq!(compacted, Some(ReadError::Compacted { requested: 1001, oldest: 1003 }));
    let future = store.changes(1004, &selection).err();
    assert_eq!(future, Some(ReadError::Future { requested: 1004, newest: 1003 }));
    let exact = ListQuery { revision: Some(1002), ..ListQuery::default() };
    assert_eq!(store.list(&exact), Err(ReadError::Compacted { requested: 1002, oldest: 1003 }));
}

#[test]
fn a_restore_gives_the_same_revisions_again_to_other_writes() {
    let mut store = Store::default();
    store.create(named("n", "kept"), at(0)).unwrap();
    let snapshot = store.snapshot();
    let lost = store.create(named("n", "lost"), at(1)).unwrap();
    store.restore(&snapshot);
    assert_eq!((names(&all(&store).items), store.revision()), (vec!["kept"], 1001));
    let other = store.create(named("n", "other"), at(2)).unwrap();
    assert_eq!(other.metadata.resource_version, lost.metadata.resource_version);
    assert_ne!(other.metadata.uid, lost.metadata.uid);
    assert_eq!(store.restores(), 1);
}

#[test]
fn a_watcher_sees_an_object_enter_and_leave_its_selection() {
    let mut store = Store::default();
    let mut event = named("n", "x");
    event.kind = "Normal".into();
    store.create(event.clone(), at(0)).unwrap();
    event.kind = "Warning".into();
    store.update(event.clone(), at(1)).unwrap();
    event.kind = "Normal".into();
    store.update(event, at(2)).unwrap();
    let warnings = Selection::namespace("n").field("type", "Warning");
    let seen = told(&store, 1000, &warnings);
    assert_eq!(
        seen,
        [(1002, ChangeKind::Added, "x".into()), (1003, ChangeKind::Deleted, "x".into())]
    );
    assert!(told(&store, 1000, &Selection::namespace("other")).is_empty());
}

#[test]
fn a_namespace_takes_its_events_with_it_one_revision_each() {
    let mut store = Store::default();
    let namespace = serde_json::json!({"metadata": {"name": "n"}});
    store.create_object("namespaces", Object(namespace), at(0)).unwrap();
    store.create(named("n", "a"), at(0)).unwrap();
    store.create(named("n", "b"), at(0)).unwrap();
    store.create(named("n-2", "c"), at(0)).unwrap();
    assert_eq!(store.delete_namespace("n"), 2);
    let revisions: Vec<u64> =
        told(&store, 1004, &Selection::default()).iter().map(|c| c.0).collect();
    assert_eq!(revisions, [1005, 1006]);
    assert!(store.object("namespaces", "", "n").is_none());
    assert_eq!(store.live(), 1);
}

#[test]
fn the_history_is_bounded() {
    let mut store = Store::new(&StoreOptions { history: 10, ledger: 5, ..StoreOptions::default() });
    for number in 0..100 {
        store.create(named("n", &format!("e{number}")), at(0)).unwrap();
    }
    assert!(store.state.events.logged() <= 10);
    assert_eq!((store.ledger().entries().len(), store.ledger().lost()), (5, 95));
    let newest = store.ledger().entries().last().unwrap();
    assert_eq!(newest.uid_text(), *store.get("n", "e99").unwrap().metadata.uid);
}

/// One thing that can happen to a store; numbers choose names, so that writes meet.
#[derive(Debug, Clone)]
enum Act {
    Write(u8),
    Delete(u8),
    Expire,
    Compact(u8),
    DeleteNamespace(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        10 => any::<u8>().prop_map(Act::Write),
        4 => any::<u8>().prop_map(Act::Delete),
        2 => Just(Act::Expire),
        1 => any::<u8>().prop_map(Act::Compact),
        1 => any::<u8>().prop_map(Act::DeleteNamespace),
    ]
}

fn perform(store: &mut Store, act: &Act, now: Timestamp) {
    let place = |number: u8| (format!("n{}", number % 3), format!("e{}", number % 17));
    match *act {
        Act::Write(number) => {
            let (namespace, name) = place(number);
            let mut event = named(&namespace, &name);
            event.kind = if number.is_multiple_of(2) { "Normal" } else { "Warning" }.into();
            if let Some(current) = store.get(&namespace, &name) {
                event.count = current.count + 1;
                store.update(event, now).unwrap();
            } else {
                store.create(event, now).unwrap();
            }
        }
        Act::Delete(number) => {
            let (namespace, name) = place(number);
            let known = store.get(&namespace, &name).is_some();
            assert_eq!(store.delete(&namespace, &name).is_ok(), known);
        }
        Act::Expire => {
            store.expire(now);
        }
        Act::Compact(back) => {
            let revision = store.revision().saturating_sub(u64::from(back));
            store.compact(revision);
        }
        Act::DeleteNamespace(number) => {
            store.delete_namespace(&format!("n{}", number % 3));
        }
    }
}

fn by_key(events: Vec<Arc<Event>>) -> BTreeMap<String, Arc<Event>> {
    let keyed = events.into_iter();
    keyed.map(|event| (key(&event.metadata.namespace, &event.metadata.name), event)).collect()
}

proptest! {
    /// Whoever lists at a revision and watches from there ends with what a list shows now.
    #[test]
    fn a_list_and_the_changes_after_it_are_the_state(
        acts in prop::collection::vec(act(), 1..120),
        warnings_only: bool,
        limit in 0usize..5,
    ) {
        let mut store = Store::new(&StoreOptions { ttl: Duration::from_secs(60), ..StoreOptions::default() });
        for (second, act) in acts.iter().enumerate() {
            perform(&mut store, act, at(i64::try_from(second).unwrap() * 2));
        }
        let mut selection = Selection::default();
        if warnings_only {
            selection = selection.field("type", "Warning");
        }
        let query = ListQuery { selection: selection.clone(), limit, ..ListQuery::default() };
        let now = by_key(pages(&store, query.clone()));
        prop_assert_eq!(store.live(), all(&store).items.len());
        for revision in store.oldest()..=store.revision() {
            let mut state = by_key(pages(&store, ListQuery { revision: Some(revision), ..query.clone() }));
            let mut last = revision;
            for change in store.changes(revision, &selection).unwrap() {
                prop_assert!(change.revision >= last);
                last = change.revision;
                prop_assert_eq!(change.object.revision(), Some(change.revision));
                let metadata = &change.object.metadata;
                let key = key(&metadata.namespace, &metadata.name);
                let known = match change.kind {
                    ChangeKind::Deleted => state.remove(&key).is_some(),
                    _ => state.insert(key, Arc::clone(&change.object)).is_some(),
                };
                prop_assert_eq!(known, change.kind != ChangeKind::Added);
            }
            prop_assert_eq!(&state, &now);
        }
    }
}

fn pages(store: &Store, mut query: ListQuery) -> Vec<Arc<Event>> {
    let mut events = Vec::new();
    loop {
        let page = store.list(&query).unwrap();
        events.extend(page.items);
        if page.continue_token.is_empty() {
            return events;
        }
        query.continue_token = page.continue_token;
    }
}
