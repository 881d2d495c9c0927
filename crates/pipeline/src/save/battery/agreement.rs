//! Random commits, crashes and lane changes: both journals give the same answers, and what a load
//! restores is what a naive memory of the live state says.

use std::{collections::BTreeMap, fmt::Write};

use event::journal::Loaded;
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

/// Something that happens to a journal.
#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<(u8, Vec<u16>, bool)>, Extra),
    Progress(u16, u8, u8),
    Part(bool, bool),
    Lanes(Vec<&'static str>, i64),
    Trim(i64),
    Sweep(u64),
    Shed(u64, u16, u64),
    Discard(u64, i64),
    Crash,
}

#[derive(Debug, Clone)]
enum Extra {
    Nothing,
    Position(u64),
    Parked(u16),
    Told(u16),
    Break,
}

fn step() -> impl Strategy<Value = Step> {
    let row = (0..6u8, vec(0..5u16, 0..3), any::<bool>());
    let extra = prop_oneof![
        3 => Just(Extra::Nothing),
        1 => (0..99u64).prop_map(Extra::Position),
        1 => (0..5u16).prop_map(Extra::Parked),
        1 => (0..5u16).prop_map(Extra::Told),
        1 => Just(Extra::Break),
    ];
    prop_oneof![
        6 => (vec(row, 0..6), extra).prop_map(|(rows, extra)| Step::Commit(rows, extra)),
        4 => (0..5u16, 0..8u8, 0..4u8).prop_map(|(lane, by, above)| Step::Progress(lane, by, above)),
        4 => (any::<bool>(), any::<bool>()).prop_map(|(first, last)| Step::Part(first, last)),
        2 => (vec(select(&["a", "b", "c", "d"][..]), 0..4), 0..30i64)
            .prop_map(|(names, hours)| Step::Lanes(names, hours)),
        3 => (0..30i64).prop_map(Step::Trim),
        2 => (0..40u64).prop_map(Step::Sweep),
        3 => (0..900u64, 0..5u16, 0..40u64)
            .prop_map(|(bytes, lane, handed)| Step::Shed(bytes, lane, handed)),
        1 => (0..900u64, 0..9i64).prop_map(|(bytes, hours)| Step::Discard(bytes, hours)),
        2 => Just(Step::Crash),
    ]
}

/// The live state as simply as can be: the newest revision of each object, and the lanes it took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Naive(BTreeMap<u128, (u64, LaneSet)>);

impl Naive {
    fn apply(&mut self, change: Change, lanes: &LaneSet) {
        let (revision, reached) = self.0.entry(change.key.0).or_default();
        *revision = change.revision;
        reached.extend(lanes);
    }

    fn to_part(&self) -> Vec<u8> {
        let entries = self.0.iter().map(|(key, (revision, lanes))| {
            let lanes: Vec<String> = lanes.iter().map(|lane| lane.0.to_string()).collect();
            format!("{key} {revision} {}\n", lanes.join(","))
        });
        entries.collect::<String>().into_bytes()
    }

    fn take_part(&mut self, part: &[u8]) {
        for line in std::str::from_utf8(part).unwrap().lines() {
            let mut words = line.split(' ');
            let mut word = || words.next().unwrap();
            let (key, revision) = (word().parse().unwrap(), word().parse().unwrap());
            let lanes = word().split(',').filter(|lane| !lane.is_empty());
            let lanes = lanes.map(|lane| LaneId(lane.parse().unwrap())).collect();
            self.0.insert(key, (revision, lanes));
        }
    }

    fn restored(s: &mut Subject) -> (Self, Loaded) {
        let mut naive = Self::default();
        let loaded = s.journal().load(&mut |restored| match restored {
            Restored::Part(part) => naive.take_part(part),
            Restored::Change(change, lanes) => naive.apply(change, &lanes),
        });
        (naive, loaded.unwrap())
    }
}

/// What the test itself knows.
#[derive(Default)]
struct World {
    live: Naive,
    revision: u64,
    hours: i64,
    /// Parts of the snapshot that is under way.
    parts: u32,
    cursors: BTreeMap<u16, Seq>,
}

impl World {
    fn commit(&mut self, step: &Step) -> Option<Commit> {
        let mut commit = Commit::default();
        match step {
            Step::Commit(rows, extra) => {
                for (key, lanes, event) in rows {
                    self.revision += 1;
                    let change =
                        Change { key: event::EventKey((*key).into()), ..change(self.revision) };
                    let mut row = row(&"x".repeat(usize::from(*key) * 90), lanes);
                    row.change = Some(change);
                    row.event = row.event.filter(|_| *event);
                    self.live.apply(change, &row.lanes);
                    let accepted = LaneTally { accepted: 1, ..LaneTally::default() };
                    commit.lane_tallies.extend(row.lanes.iter().map(|lane| (lane, accepted)));
                    commit.rows.push(row);
                }
                commit.tally.seen = rows.len() as u64;
                commit.tally.accepted = rows.len() as u64;
                self.extra(extra, &mut commit);
            }
            Step::Progress(lane, by, above) => {
                let cursor = self.cursors.entry(*lane).or_default();
                *cursor = (*cursor + u64::from(*by)).min(self.revision);
                let above: Vec<Seq> =
                    (0..u64::from(*above)).map(|it| *cursor + 2 + it * 2).collect();
                commit.progress.push(progress(*lane, *cursor, &above));
            }
            Step::Part(first, last) => {
                let index = if *first { 0 } else { self.parts };
                self.parts = if *last { 0 } else { index + 1 };
                // All of the state stands in the first part, when the snapshot begins.
                let bytes = if index == 0 { self.live.to_part() } else { Vec::new() };
                commit.snapshot = Some(SnapshotPart { index, last: *last, bytes });
            }
            _ => return None,
        }
        Some(commit)
    }

    fn extra(&self, extra: &Extra, commit: &mut Commit) {
        let position = Position { revision: self.revision, ..Position::default() };
        match extra {
            Extra::Nothing => {}
            Extra::Position(epoch) => {
                let epoch = u32::try_from(*epoch).unwrap();
                commit.position = Some(("".into(), Position { epoch, ..position }));
            }
            Extra::Parked(lane) => commit.parked.push(parked(*lane, self.revision, "no")),
            Extra::Told(lane) => commit.told.push((LaneId(*lane), 1)),
            Extra::Break => commit.breaks.push(Break {
                at: at(self.hours),
                cause: "stale".into(),
                from: position,
                to: position,
                missed: true,
            }),
        }
    }

    /// Does the step to one journal; what it answers, as text.
    fn play(&self, s: &mut Subject, step: &Step, commit: Option<&Commit>) -> String {
        let now = at(self.hours);
        match step {
            Step::Lanes(names, _) => {
                let names: Vec<Text> = names.iter().map(|name| Text::from(*name)).collect();
                format!("{:?}", s.journal().open_lanes(&names, now))
            }
            Step::Trim(_) => format!("{:?}", s.journal().trim(now)),
            Step::Sweep(after) => format!("{:?}", s.journal().sweep(*after)),
            Step::Shed(bytes, lane, handed) => {
                let handed = BTreeMap::from([(LaneId(*lane), *handed)]);
                let patient = if *bytes < 300 { vec!["a".into()] } else { vec![] };
                let upto = self.revision.saturating_sub(bytes % 4);
                let need = event::journal::Need { bytes: *bytes, upto, handed, patient };
                format!("{:?}", s.journal().shed(&need))
            }
            Step::Discard(bytes, hours) => {
                format!("{:?}", s.journal().discard_parked(*bytes, at(self.hours - hours)))
            }
            Step::Crash => {
                s.crash();
                String::new()
            }
            _ => format!("{:?}", commit.map(|commit| s.journal().commit(commit))),
        }
    }
}

/// Everything that can be asked, as text.
fn answers(s: &mut Subject) -> String {
    let ledger = s.journal().ledger().unwrap();
    let mut answers = format!("{ledger:?}{:?}", s.journal().tallies());
    for lane in (0..6).map(LaneId) {
        for (rows, bytes) in [(1000, 1 << 20), (3, 200)] {
            write!(answers, "{:?}", s.journal().read(lane, 2, rows, bytes).unwrap()).unwrap();
        }
        write!(answers, "{:?}", s.journal().parked(lane, 3).unwrap()).unwrap();
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn both_journals_agree_and_restore_the_live_state(steps in vec(step(), 1..40)) {
        let (mut memory, mut disk) = (Subject::memory(), Subject::disk());
        let mut world = World::default();
        for step in &steps {
            if let Step::Lanes(_, hours) | Step::Trim(hours) = step {
                world.hours += hours;
            }
            let commit = world.commit(step);
            let answer = world.play(&mut memory, step, commit.as_ref());
            prop_assert_eq!(&answer, &world.play(&mut disk, step, commit.as_ref()), "{:?}", step);
            if matches!(step, Step::Crash) {
                world.parts = 0;
            }
            prop_assert_eq!(answers(&mut memory), answers(&mut disk), "after {:?}", step);
            let (restored, loaded) = Naive::restored(&mut disk);
            prop_assert_eq!(&restored, &world.live);
            prop_assert_eq!((restored, loaded), Naive::restored(&mut memory));
        }
    }
}
