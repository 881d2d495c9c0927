use proptest::prelude::*;

use super::*;

const POD: KindId = KindId::POD;

fn web(uid: &str, app: &str) -> Metadata {
    Metadata {
        uid: uid.into(),
        labels: TextMap::from([("app".into(), app.into())]),
        ..Metadata::default()
    }
}

fn place(name: &str) -> Place<'_> {
    Place { kind: POD, namespace: "shop", name }
}

fn app(objects: &Objects, uid: &str) -> Option<(String, bool)> {
    let known = objects.find(place("web-0"), uid)?;
    Some((known.labels()["app"].to_string(), known.is_deleted()))
}

#[test]
fn an_object_never_gets_the_labels_of_another_one_with_its_name() {
    let mut objects = Objects::default();
    let pass = objects.begin_pass();
    objects.put(place("web-0"), &web("u1", "old"), pass, 100);
    assert_eq!(app(&objects, "u2"), None);
    objects.put(place("web-0"), &web("u2", "new"), pass, 200);
    assert_eq!(app(&objects, "u1"), Some(("old".into(), true)));
    assert_eq!(app(&objects, "u2"), Some(("new".into(), false)));
    // Without a uid it is the one that has the name now.
    assert_eq!(app(&objects, ""), Some(("new".into(), false)));
}

#[test]
fn what_is_gone_is_remembered_for_ten_minutes() {
    let mut objects = Objects::default();
    let pass = objects.begin_pass();
    objects.put(place("web-0"), &web("u1", "a"), pass, 100);
    objects.remove(place("web-0"), &web("u1", "b"), pass, 200);
    objects.expire(200 + REMEMBERED - 1);
    assert_eq!(app(&objects, "u1"), Some(("b".into(), true)));
    assert_eq!(app(&objects, ""), Some(("b".into(), true)));
    objects.expire(200 + REMEMBERED);
    assert_eq!(app(&objects, "u1"), None);
    assert_eq!((objects.len(), objects.strings()), (0, 0));
}

#[test]
fn a_pass_takes_away_what_it_did_not_show_and_only_of_its_kind_and_namespace() {
    let mut objects = Objects::default();
    let (first, other) = (objects.begin_pass(), objects.begin_pass());
    objects.put(place("web-0"), &web("u1", "a"), first, 100);
    objects.put(place("web-1"), &web("u2", "a"), first, 100);
    let elsewhere = Place { namespace: "search", ..place("web-0") };
    let node = Place { kind: KindId::NODE, namespace: "", name: "n" };
    objects.put(elsewhere, &web("u3", "a"), other, 100);
    objects.put(node, &web("u4", "a"), other, 100);
    let again = objects.begin_pass();
    objects.put(place("web-1"), &web("u2", "a"), again, 200);
    objects.end_pass(POD, Some("shop"), again, 200);
    let deleted = |place, uid| objects.find(place, uid).unwrap().is_deleted();
    assert!(deleted(place("web-0"), "u1"));
    assert!(!deleted(place("web-1"), "u2"));
    assert!(!deleted(elsewhere, "u3") && !deleted(node, "u4"));
    assert_eq!(objects.counts()[0], 2);
}

#[test]
fn a_deletion_that_has_begun_is_told() {
    let mut objects = Objects::default();
    let pass = objects.begin_pass();
    let going = Metadata { deleting: true, ..web("u1", "a") };
    objects.put(place("web-0"), &going, pass, 100);
    assert_eq!(app(&objects, "u1"), Some(("a".into(), true)));
    // It counts as there until it is gone.
    assert_eq!(objects.counts()[0], 1);
}

#[test]
fn a_static_pod_is_found_by_the_uid_that_the_kubelet_gave_it() {
    let mut objects = Objects::default();
    let pass = objects.begin_pass();
    let mirror = Metadata { mirrors: "8c6a5f".into(), ..web("u1", "etcd") };
    objects.put(place("web-0"), &mirror, pass, 100);
    assert_eq!(app(&objects, "8c6a5f"), Some(("etcd".into(), false)));
}

#[test]
fn namesakes_are_bounded() {
    let mut objects = Objects::default();
    let pass = objects.begin_pass();
    for number in 0..100 {
        objects.put(place("web-0"), &web(&format!("u{number}"), "a"), pass, 100);
    }
    assert!(app(&objects, "u91").is_none() && app(&objects, "u92").is_some());
    objects.expire(100 + REMEMBERED);
    assert!(app(&objects, "u98").is_none() && app(&objects, "u99").is_some());
}

/// What happens to one of a few objects.
#[derive(Debug, Clone)]
enum Step {
    Put { name: usize, uid: usize, label: usize },
    Remove { name: usize, uid: usize },
    Relist { shown: Vec<bool> },
    Pass(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3usize, 0..3usize, 0..3usize)
            .prop_map(|(name, uid, label)| Step::Put { name, uid, label }),
        2 => (0..3usize, 0..3usize).prop_map(|(name, uid)| Step::Remove { name, uid }),
        1 => prop::collection::vec(any::<bool>(), 3).prop_map(|shown| Step::Relist { shown }),
        3 => (0..400u32).prop_map(Step::Pass),
    ]
}

const NAMES: [&str; 3] = ["web-0", "web-1", "web-2"];
const UIDS: [&str; 3] =
    ["b0a7c1d2-6e3f-4a58-9c0b-5d1e2f3a4b50", "b0a7c1d2-6e3f-4a58-9c0b-5d1e2f3a4b51", "odd"];
const LABELS: [&str; 3] = ["a", "b", "web-0"];

/// The same, without interning: for each name its objects, newest first.
type Plain = Vec<Vec<(usize, usize, Option<u32>)>>;

fn put(chain: &mut Vec<(usize, usize, Option<u32>)>, uid: usize, label: usize, now: u32) {
    if chain.first().is_some_and(|newest| newest.0 == uid) {
        chain.remove(0);
    } else if let Some(newest) = chain.first_mut() {
        newest.2 = newest.2.or(Some(now));
    }
    chain.insert(0, (uid, label, None));
    chain.truncate(NAMESAKES);
}

proptest! {
    #[test]
    fn it_remembers_what_a_plain_list_remembers_and_leaks_nothing(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let (mut objects, mut plain, mut now) = (Objects::default(), Plain::default(), 1000);
        plain.resize(3, Vec::new());
        let mut pass = objects.begin_pass();
        for step in steps {
            match step {
                Step::Put { name, uid, label } => {
                    objects.put(place(NAMES[name]), &web(UIDS[uid], LABELS[label]), pass, now);
                    put(&mut plain[name], uid, label, now);
                }
                Step::Remove { name, uid } => {
                    objects.remove(place(NAMES[name]), &web(UIDS[uid], "last"), pass, now);
                    put(&mut plain[name], uid, 3, now);
                    plain[name][0].2 = Some(now);
                }
                Step::Relist { shown } => {
                    pass = objects.begin_pass();
                    for (name, shown) in shown.into_iter().enumerate() {
                        let Some((uid, label, None)) = plain[name].first().copied() else {
                            continue;
                        };
                        if shown {
                            objects.put(place(NAMES[name]), &web(UIDS[uid], LABELS[label]), pass, now);
                        } else {
                            plain[name][0].2 = Some(now);
                        }
                    }
                    objects.end_pass(POD, None, pass, now);
                }
                Step::Pass(seconds) => now += seconds,
            }
            objects.expire(now);
            for (name, chain) in plain.iter_mut().enumerate() {
                chain.retain(|(_, _, gone)| gone.is_none_or(|at| now - at < REMEMBERED));
                for (uid, text) in UIDS.iter().enumerate() {
                    let found = objects.find(place(NAMES[name]), text);
                    let found = found.map(|it| (it.labels()["app"].to_string(), it.is_deleted()));
                    let expected = chain.iter().find(|it| it.0 == uid).map(|(_, label, gone)| {
                        (["a", "b", "web-0", "last"][*label].to_owned(), gone.is_some())
                    });
                    prop_assert_eq!(found, expected);
                }
            }
        }
        let end = objects.begin_pass();
        objects.end_pass(POD, None, end, now);
        objects.expire(now + REMEMBERED);
        prop_assert_eq!((objects.len(), objects.strings()), (0, 0));
    }
}
