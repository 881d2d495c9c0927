//! How far the leader has come, as it stands in an annotation of the Lease.
//!
//! ```json
//! {"version":1,
//!  "scopes":{"5d2c…/*":[0,91234,1790000000,3600]},
//!  "lanes":[{"to":[[0,91234,1790000000,91236]],"names":["slack","store"]},{"to":[[0,90001,1789999990,0]],"names":["pager"]}]}
//! ```
//!
//! A scope stands at epoch, revision, time and TTL, as in [`Position`]. A lane has done with everything up to a
//! point of each scope: epoch, revision, time, and the newest write, in the order of the scopes; `null` where that is not known. Lanes
//! at the same points share them: most are at the newest. Of so many lanes that their names would not fit, those
//! of the largest group are not named but stand in `others`, and if that is not enough, all of them do, at the
//! lowest points of any.

use std::collections::BTreeMap;

use event::{Text, journal::Position};
use serde::{Deserialize, Serialize};

/// The longest text, in bytes: Kubernetes allows 256 KiB for all annotations of an object.
pub const LIMIT: usize = 128 << 10;

const VERSION: u32 = 1;

/// How far the leader has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The position of each scope.
    pub scopes: BTreeMap<Text, Position>,
    /// Of each lane how far it has come, in the order of `scopes`.
    pub lanes: BTreeMap<Text, Vec<Option<Point>>>,
    /// How far all lanes have come that are not named.
    pub others: Option<Vec<Option<Point>>>,
}

/// A point in the history of a cluster: everything up to it is done with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// See [`Position::epoch`].
    pub epoch: u32,
    /// A resourceVersion.
    pub revision: u64,
    /// When that was the newest, in seconds since 1970.
    pub time: u32,
    /// Of this resourceVersion and below, every write is done with too; what was deleted then is not complete. 0
    /// where it is not known.
    pub newest: u64,
}

impl From<Position> for Point {
    fn from(position: Position) -> Self {
        let Position { epoch, revision, time, .. } = position;
        Self { epoch, revision, time, newest: 0 }
    }
}

impl Point {
    /// Both are so.
    pub(super) fn both(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(one.and(other)),
            (one, other) => one.or(other),
        }
    }

    fn and(self, other: Self) -> Self {
        let (high, low) = (self.max(other), self.min(other));
        let newest =
            if low.epoch == high.epoch { low.newest.max(high.newest) } else { high.newest };
        Self { newest, ..high }
    }

    /// Whether a write of this epoch and revision is done with.
    pub fn covers(self, epoch: u32, revision: u64) -> bool {
        (epoch, revision) <= (self.epoch, self.revision.max(self.newest))
    }
}

/// The form in the annotation.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Form {
    version: u32,
    #[serde(default)]
    scopes: BTreeMap<Text, (u32, u64, u32, u32)>,
    #[serde(default)]
    lanes: Vec<Group>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    others: Option<Vec<Option<Numbers>>>,
}

type Numbers = (u32, u64, u32, u64);

#[derive(Debug, Serialize, Deserialize)]
struct Group {
    to: Vec<Option<Numbers>>,
    names: Vec<Text>,
}

impl Progress {
    /// Reads the annotation.
    pub fn read(text: &str) -> Result<Self, String> {
        let form: Form = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if form.version != VERSION {
            let found = form.version;
            return Err(format!("it has the form {found}, and this version reads {VERSION}"));
        }
        let position = |(epoch, revision, time, ttl)| Position { epoch, revision, time, ttl };
        let scopes = form.scopes.into_iter().map(|(name, it)| (name, position(it))).collect();
        let mut lanes = BTreeMap::new();
        for Group { to, names } in form.lanes {
            let to = points(to);
            lanes.extend(names.into_iter().map(|name| (name, to.clone())));
        }
        Ok(Self { scopes, lanes, others: form.others.map(points) })
    }

    /// The annotation, of at most `limit` bytes unless there are too many scopes for that.
    pub fn write(&self, limit: usize) -> String {
        let mut groups: BTreeMap<&[Option<Point>], Vec<&Text>> = BTreeMap::new();
        for (name, to) in &self.lanes {
            groups.entry(to).or_default().push(name);
        }
        let mut form = Form {
            version: VERSION,
            scopes: self.scopes.iter().map(|(name, it)| (name.clone(), quadruple(*it))).collect(),
            lanes: Vec::new(),
            others: self.others.as_deref().map(numbers),
        };
        let group = |(to, names): (&[Option<Point>], Vec<&Text>)| Group {
            to: numbers(to),
            names: names.into_iter().cloned().collect(),
        };
        form.lanes = groups.into_iter().map(group).collect();
        let text = json(&form);
        if text.len() <= limit {
            return text;
        }
        let largest = (0..form.lanes.len()).max_by_key(|at| form.lanes[*at].names.len());
        if let Some(largest) = largest.filter(|_| form.others.is_none()) {
            form.others = Some(form.lanes.remove(largest).to);
            let text = json(&form);
            if text.len() <= limit {
                return text;
            }
        }
        form.lanes.clear();
        form.others = Some(numbers(&self.lowest()));
        json(&form)
    }

    /// How far the lane has come, in the order of the scopes; nothing when it is not told.
    pub fn of(&self, lane: &str) -> Option<&[Option<Point>]> {
        self.lanes.get(lane).or(self.others.as_ref()).map(Vec::as_slice)
    }

    /// The place of a scope, and where it stands.
    pub fn scope(&self, name: &str) -> Option<(usize, Position)> {
        let at = self.scopes.keys().position(|scope| scope == name)?;
        Some((at, self.scopes[name]))
    }

    /// Of each scope the point up to which every lane has come; not known where that of one is not.
    fn lowest(&self) -> Vec<Option<Point>> {
        let lanes = || self.lanes.values().chain(&self.others);
        let at = |at: usize| {
            let lowest = lanes().map(|to| to.get(at).copied().flatten()).min().flatten();
            lowest.map(|lowest| Point { newest: 0, ..lowest })
        };
        (0..self.scopes.len()).map(at).collect()
    }
}

fn quadruple(position: Position) -> (u32, u64, u32, u32) {
    let Position { epoch, revision, time, ttl } = position;
    (epoch, revision, time, ttl)
}

fn numbers(points: &[Option<Point>]) -> Vec<Option<Numbers>> {
    let numbers = |it: Point| (it.epoch, it.revision, it.time, it.newest);
    points.iter().map(|point| point.map(numbers)).collect()
}

fn points(numbers: Vec<Option<Numbers>>) -> Vec<Option<Point>> {
    let point = |(epoch, revision, time, newest)| Point { epoch, revision, time, newest };
    numbers.into_iter().map(|it| it.map(point)).collect()
}

fn json(form: &Form) -> String {
    serde_json::to_string(form).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(revision: u64) -> Point {
        Point { epoch: 0, revision, time: 1_790_000_000, newest: revision + 2 }
    }

    fn progress(lanes: impl IntoIterator<Item = (Text, u64)>) -> Progress {
        let position = Position { epoch: 0, revision: 9, time: 1_790_000_000, ttl: 3600 };
        let lanes = lanes.into_iter().map(|(name, at)| (name, vec![Some(point(at))]));
        Progress { scopes: [("c/*".into(), position)].into(), lanes: lanes.collect(), others: None }
    }

    #[test]
    fn the_annotation_names_scopes_and_lanes_and_those_at_one_point_share_it() {
        let told = progress([("store".into(), 9), ("slack".into(), 9), ("pager".into(), 7)]);
        let text = told.write(LIMIT);
        assert_eq!(
            text,
            r#"{"version":1,"scopes":{"c/*":[0,9,1790000000,3600]},"lanes":[{"to":[[0,7,1790000000,9]],"names":["pager"]},{"to":[[0,9,1790000000,11]],"names":["slack","store"]}]}"#
        );
        assert_eq!(Progress::read(&text), Ok(told));
    }

    #[test]
    fn a_thousand_lanes_fit_with_their_names() {
        let lanes = (0..1000u64).map(|at| (format!("team-{at}-alerts-to-chat").into(), at % 50));
        let told = progress(lanes);
        let text = told.write(LIMIT);
        assert!(text.len() < 40 << 10, "{} bytes", text.len());
        assert_eq!(Progress::read(&text), Ok(told));
    }

    #[test]
    fn of_too_many_names_the_largest_group_goes_unnamed_then_all_at_the_lowest() {
        let lanes =
            |name: &'static str, at| (0..100).map(move |it| (format!("{name}{it}").into(), at));
        let told = progress(lanes("late", 5).take(10).chain(lanes("up-to-date", 9)));
        let whole = told.write(LIMIT).len();
        let read = Progress::read(&told.write(whole - 1)).unwrap();
        assert_eq!(read.lanes.len(), 10);
        assert_eq!(read.of("up-to-date7"), Some(&[Some(point(9))][..]));
        assert_eq!(read.of("late7"), Some(&[Some(point(5))][..]));
        let read = Progress::read(&told.write(100)).unwrap();
        let lowest = Point { newest: 0, ..point(5) };
        assert_eq!((read.lanes.len(), read.of("up-to-date7")), (0, Some(&[Some(lowest)][..])));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let wrong = |text| Progress::read(text).unwrap_err();
        assert_eq!(wrong(r#"{"version":2}"#), "it has the form 2, and this version reads 1");
        assert!(wrong("{").starts_with("EOF while parsing"), "{}", wrong("{"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            drop(Progress::read(&text));
        }

        #[test]
        fn whatever_the_limit_nobody_is_said_to_be_further_than_it_is(
            lanes in prop::collection::btree_map("[a-z]{1,9}", 0u64..4, 0..30),
            limit in 0usize..600,
        ) {
            let told = progress(lanes.into_iter().map(|(name, at)| (name.into(), at)));
            let read = Progress::read(&told.write(limit)).unwrap();
            for (name, to) in &told.lanes {
                prop_assert!(read.of(name).unwrap() <= to.as_slice(), "{}", name);
            }
        }
    }
}
