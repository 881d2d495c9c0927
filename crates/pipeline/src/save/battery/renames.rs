//! Receivers that get other names, or come and go.

use super::*;

battery! {
    a_lane_with_another_name_keeps_its_rows_and_its_place
    a_name_that_is_taken_is_not_given_again
    numbers_are_reused_and_the_file_does_not_grow
}

fn rename(s: &mut Subject, from: &str, to: &str) -> bool {
    s.journal().rename_lane(&from.into(), &to.into()).unwrap()
}

fn a_lane_with_another_name_keeps_its_rows_and_its_place(s: &mut Subject) {
    s.lanes(&["a", "b"]);
    s.rows(&[&[0, 1], &[1], &[1]]);
    s.progress(1, 1, 1);
    assert!(rename(s, "b", "c"));
    s.crash();
    assert!(!rename(s, "b", "c"), "once is enough");
    let lanes = s.lanes(&["a", "c"]);
    let lane = &lanes[1];
    assert_eq!((lane.id.0, &*lane.name, lane.cursor, lane.generation), (1, "c", 1, 1));
    assert_eq!((lane.tally.delivered, lane.tally.waiting()), (1, 2));
    assert_eq!(s.read(1, 1), [2, 3]);
    // Also after it was an orphan for a while.
    s.lanes_at(&["a"], 1);
    assert!(rename(s, "c", "d"));
    assert_eq!(s.lanes_at(&["a", "d"], 2)[1].orphaned, None);
    assert_eq!(s.journal().trim(at(48)).unwrap().lanes, 0);
    // The old name is free for somebody else.
    let lane = s.lanes_at(&["a", "d", "b"], 2).remove(2);
    assert_eq!((lane.id.0, lane.generation, lane.cursor), (2, 2, 3));
}

fn a_name_that_is_taken_is_not_given_again(s: &mut Subject) {
    s.lanes(&["a", "b"]);
    assert!(!rename(s, "a", "b"));
    assert!(!rename(s, "nobody", "c"));
    assert_eq!(s.ids(&["a", "b"], 0), [0, 1]);
}

/// 1 000 lanes for 30 days; each day 100 of them get other names, most of them without a word about what they were.
fn numbers_are_reused_and_the_file_does_not_grow(s: &mut Subject) {
    let mut names: Vec<String> = (0..1000).map(|lane| format!("team-{lane}")).collect();
    let open = |s: &mut Subject, names: &[String], hours| {
        let names: Vec<Text> = names.iter().map(|name| Text::from(name.as_str())).collect();
        s.journal().open_lanes(&names, at(hours)).unwrap()
    };
    let mut lanes = open(s, &names, 0);
    let (mut sizes, mut highest) = (Vec::new(), 0);
    for day in 0..30i64 {
        for place in 0..100 {
            let lane = usize::try_from(day * 100 + place).unwrap() % 1000;
            let name = format!("team-{lane}-of-day-{day}");
            if place % 10 == 0 {
                assert!(rename(s, &names[lane], &name));
            }
            names[lane] = name;
        }
        lanes = open(s, &names, day * 24);
        highest = highest.max(lanes.iter().map(|lane| lane.id.0).max().unwrap());
        for hour in 0..2 {
            // Everybody gets something; one in ten takes it only when the day is over.
            let head = s.commit(&Commit::default());
            let mut commit = Commit::default();
            for (seq, lane) in (head + 1..).zip(&lanes) {
                commit.rows.push(row("SomethingHappened", &[lane.id.0]));
                let is_behind = seq % 10 == 0 && hour == 0;
                let late = u64::from(seq % 10 == 0 && hour == 1);
                let delivered = if is_behind { 0 } else { 1 + late };
                let tally = LaneTally { accepted: 1, delivered, ..LaneTally::default() };
                commit.lane_tallies.push((lane.id, tally));
                let cursor = if is_behind { seq - 1 } else { head + 1000 };
                commit.progress.push(progress(lane.id.0, cursor, &[]));
            }
            s.commit(&commit);
        }
        s.snapshot(b"all");
        while s.journal().trim(at(day * 24 + 23)).unwrap().rows > 0 {}
        sizes.push(s.journal().usage().unwrap().used());
    }
    assert!(s.journal().ledger().unwrap().balances());
    let orphans = s.journal().tallies().lanes.len() - lanes.len();
    assert!(orphans <= 200, "{orphans} lanes that nobody has");
    assert!(highest < 1400, "numbers up to {highest}");
    let (early, late) = (sizes[5..10].iter().max().unwrap(), sizes[25..].iter().max().unwrap());
    assert!(*late <= early + early / 10, "{sizes:?}");
}
