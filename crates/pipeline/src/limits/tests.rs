use std::{
    collections::VecDeque,
    num::NonZeroU32,
    sync::{Arc, Mutex},
};

use event::{
    LaneId, Origin,
    counting::{Arrival, Since},
    journal::{Commit, Committed, JournalError, Position, Tally},
};
use proptest::prelude::*;

use super::*;
use crate::{
    collect::judge::judge,
    enrich::Enricher,
    route::{Receiver, Repeats, RouteSettings, Router, RuleSettings},
    save::live::Live,
};

/// When the tests begin.
const T: u32 = 1_700_000_000;

fn settings(rate: u32, per: u32, burst: u32) -> LimitsSettings {
    let whole = |number| NonZeroU32::new(number).unwrap();
    let rate = Rate { events: whole(rate), per };
    LimitsSettings { per_namespace: PerNamespace::Most(Most { rate, burst: whole(burst) }) }
}

fn limits(rate: u32, per: u32, burst: u32) -> Limits {
    Limits::new(&settings(rate, per, burst))
}

fn event(namespace: &str, at: u32) -> Event {
    let mut event = Event { reason: "BackOff".into(), count: 1, ..Event::default() };
    event.metadata.namespace = namespace.into();
    event.last_timestamp = time::from_parts(at.into(), 0);
    event
}

/// How many of so many events at one moment are admitted.
fn admitted(limits: &mut Limits, event: &Event, now: u32, events: u32) -> usize {
    (0..events).filter(|_| limits.admits(event, now)).count()
}

#[test]
fn a_namespace_is_sent_its_burst_and_then_its_rate() {
    let mut limits = limits(20, 1, 100);
    assert_eq!(admitted(&mut limits, &event("noisy", T), T, 1000), 100);
    assert_eq!(admitted(&mut limits, &event("noisy", T + 1), T + 1, 1000), 20);
    assert_eq!(admitted(&mut limits, &event("noisy", T + 3), T + 3, 1000), 40);
    assert_eq!(admitted(&mut limits, &event("shop", T + 3), T + 3, 1000), 100);
    assert_eq!(admitted(&mut limits, &event("noisy", T + 999), T + 999, 1000), 100);
}

#[test]
fn a_rate_can_be_less_than_one_a_second() {
    let mut limits = limits(2, 60, 1);
    assert_eq!(admitted(&mut limits, &event("noisy", T), T, 10), 1);
    assert_eq!(admitted(&mut limits, &event("noisy", T + 29), T + 29, 10), 0);
    assert_eq!(admitted(&mut limits, &event("noisy", T + 30), T + 30, 10), 1);
}

#[test]
fn without_limits_everything_is_sent_and_nothing_kept() {
    let mut limits = Limits::new(&LimitsSettings { per_namespace: PerNamespace::Off });
    assert_eq!(admitted(&mut limits, &event("noisy", T), T, 50_000), 50_000);
    assert!(limits.buckets.is_empty());
}

#[test]
fn what_is_made_up_for_after_a_downtime_is_limited_as_without_it() {
    let mut limits = limits(20, 1, 100);
    // Half an hour at the full rate, all of it at once.
    let now = T + 1800;
    for second in 0..1800 {
        assert_eq!(admitted(&mut limits, &event("shop", T + second), now, 20), 20, "{second}");
    }
}

#[test]
fn a_recorder_whose_clock_stands_still_is_not_shut_out_for_ever() {
    let mut limits = limits(20, 1, 100);
    assert_eq!(admitted(&mut limits, &event("noisy", T), T, 1000), 100);
    assert_eq!(admitted(&mut limits, &event("noisy", T), T + 30, 1000), 0);
    let late = T + BELIEVED + 2;
    assert_eq!(admitted(&mut limits, &event("noisy", T), late, 1000), 40);
    assert_eq!(admitted(&mut limits, &event("noisy", T), late + 3, 1000), 60);
    // Nor is one whose clock is ahead given more.
    let mut ahead = self::limits(20, 1, 100);
    assert_eq!(admitted(&mut ahead, &event("noisy", T), T, 1000), 100);
    assert_eq!(admitted(&mut ahead, &event("noisy", T + 5000), T + 1, 1000), 20);
}

#[test]
fn buckets_of_quiet_namespaces_vanish() {
    let mut limits = limits(20, 1, 100);
    for number in 0..10_000 {
        assert!(limits.admits(&event(&format!("ns-{number}"), T), T));
    }
    assert_eq!(limits.buckets.len(), 10_000);
    admitted(&mut limits, &event("noisy", T), T, 101);
    assert!(limits.admits(&event("shop", T + SWEEP), T + SWEEP));
    // The noisy one is full again too, but its excess is not told yet.
    assert_eq!(limits.buckets.len(), 2);
    assert_eq!(limits.due(T + TELL).len(), 1);
    assert!(limits.admits(&event("shop", T + 2 * SWEEP), T + 2 * SWEEP));
    assert_eq!(limits.buckets.len(), 1);
}

#[test]
fn the_excess_is_told_once_a_minute_and_namespace() {
    let mut limits = limits(1, 1, 1);
    let mut told = Vec::new();
    for second in 0..150 {
        let now = T + second;
        admitted(&mut limits, &event("noisy", now), now, 5);
        if second >= 30 {
            admitted(&mut limits, &event("loud", now), now, 2);
        }
        told.extend(limits.due(now).into_iter().map(|it| {
            let events = it.message.split(' ').next().unwrap_or_default().to_owned();
            format!("{second} {} {events}", it.metadata.namespace)
        }));
    }
    // What comes in the second in which a statement is due belongs to it.
    assert_eq!(told, ["60 noisy 244", "90 loud 61", "121 noisy 244"]);
    let rest: Vec<_> = limits.due(u32::MAX).into_iter().map(|it| it.metadata.namespace).collect();
    assert_eq!(rest, ["loud", "noisy"]);
    assert!(limits.due(u32::MAX).is_empty());
}

#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Commit>>);

impl Save for Kept {
    async fn commit(&self, commit: Commit) -> Result<Committed, JournalError> {
        self.0.lock().unwrap().merge(commit);
        Ok(Committed::default())
    }
}

/// A way whose only receiver gets everything, but for what is to be dropped.
fn way(limits: &LimitsSettings) -> (Way<Kept>, Kept) {
    let rule = |receiver: &str, reason: &str| RuleSettings {
        receiver: receiver.into(),
        reason: reason.into(),
        ..RuleSettings::default()
    };
    let route = RouteSettings {
        drop: vec![rule("", "^Dull$")],
        matches: vec![rule("all", "")],
        ..RouteSettings::default()
    };
    let all = Receiver { name: "all".into(), lane: LaneId(0), repeats: Repeats::First };
    let (router, _) = Router::new(&route, &[all]);
    let kept = Kept::default();
    let mut way = Way::new(Live::new(), Enricher::default(), router, kept.clone());
    way.limits = Limits::new(limits);
    (way, kept)
}

/// The `number`th Event of this namespace comes, as a collector would take it.
fn come(way: &mut Way<Kept>, mut event: Event, number: u32, arrival: Arrival, now: u32) {
    event.metadata.uid = format!("{}-{number}", event.metadata.namespace).into();
    event.metadata.resource_version = (now - T + number + 1).to_string().into();
    let judged = judge(&way.live, Box::new(event), arrival, now);
    way.counts.note(&judged, now);
    way.take(judged, 0, (arrival == Arrival::Live).then_some(now));
}

async fn save(way: &mut Way<Kept>, now: u32) {
    let position = Position { revision: 1, time: now, ..Position::default() };
    way.save(Some(("all".into(), position))).await.unwrap();
}

#[tokio::test]
async fn what_is_not_sent_is_counted_remembered_and_told() {
    let (mut way, kept) = way(&settings(1, 1, 10));
    for number in 0..100 {
        come(&mut way, event("noisy", T), number, Arrival::Live, T);
    }
    save(&mut way, T).await;
    let commit = kept.0.lock().unwrap().clone();
    assert_eq!(commit.tally, Tally { seen: 100, accepted: 10, filtered: 90, ..Tally::default() });
    assert_eq!(commit.rows.iter().filter(|row| row.event.is_some()).count(), 10);
    assert_eq!(commit.rows.iter().filter(|row| row.change.is_some()).count(), 100);
    let counted = way.counts.watch().counted();
    assert_eq!(counted.occurrences.values().map(|it| it.sum).sum::<u64>(), 100);
    assert_eq!(counted.sampled[&Text::from("noisy")], 90);

    save(&mut way, T + TELL).await;
    let commit = kept.0.lock().unwrap().clone();
    assert!(commit.tally.balances());
    let told = commit.rows.last().and_then(|row| row.event.clone()).unwrap();
    assert_eq!((&*told.reason, told.origin), ("EventsSampled", Origin::Tidings));
    assert!(told.message.starts_with("90 events of namespace noisy "), "{}", told.message);
    assert_eq!(commit.rows.len(), 101);
}

#[tokio::test]
async fn an_event_that_was_held_back_is_sent_when_it_happens_again() {
    let (mut way, kept) = way(&settings(1, 1, 1));
    come(&mut way, event("noisy", T), 0, Arrival::Live, T);
    come(&mut way, event("noisy", T), 1, Arrival::Live, T);
    let again = Event { count: 2, ..event("noisy", T + 5) };
    come(&mut way, again, 1, Arrival::Live, T + 5);
    save(&mut way, T + 5).await;
    let rows = kept.0.lock().unwrap().rows.clone();
    let sent: Vec<_> = rows.iter().filter_map(|row| Some(row.event.as_ref()?.count)).collect();
    assert_eq!(sent, [1, 2]);
}

#[tokio::test]
async fn lists_and_what_is_sent_to_nobody_take_nothing_from_the_bucket() {
    let (mut way, kept) = way(&settings(1, 1, 1));
    let catch_up = Arrival::CatchUp(Since { revision: 0, time: T });
    for number in 0..50 {
        come(&mut way, event("noisy", T), number, catch_up, T);
        let dull = Event { reason: "Dull".into(), ..event("noisy", T) };
        come(&mut way, dull, 100 + number, Arrival::Live, T);
    }
    come(&mut way, event("noisy", T), 200, Arrival::Live, T);
    save(&mut way, T + TELL).await;
    let tally = kept.0.lock().unwrap().tally;
    assert_eq!(tally, Tally { seen: 101, accepted: 51, filtered: 50, ..Tally::default() });
    assert!(way.counts.watch().counted().sampled.is_empty());
}

/// For how long, in seconds, each event of `shop` waits for a receiver that takes 300 a second while
/// another namespace writes so many.
async fn delays_beside(noise: u32, limits: &LimitsSettings) -> Vec<u32> {
    let (mut way, kept) = way(limits);
    let mut queue = VecDeque::new();
    let mut delays = Vec::new();
    for second in 0..60 {
        let now = T + second;
        for number in 0..noise {
            come(&mut way, event("noisy", now), second * noise + number, Arrival::Live, now);
        }
        come(&mut way, event("shop", now), second, Arrival::Live, now);
        save(&mut way, now).await;
        let rows = std::mem::take(&mut kept.0.lock().unwrap().rows);
        queue.extend(rows.into_iter().filter_map(|row| row.event).map(|event| (now, event)));
        for (came, event) in queue.drain(..queue.len().min(300)) {
            if event.metadata.namespace == "shop" {
                delays.push(now - came);
            }
        }
    }
    delays
}

#[tokio::test]
async fn a_noisy_namespace_does_not_change_the_delay_of_another() {
    let limits = settings(200, 1, 200);
    let alone = delays_beside(0, &limits).await;
    assert_eq!(delays_beside(2000, &limits).await, alone);
    assert_eq!(alone, [0; 60]);
    // Without the limit they wait behind the noise.
    let off = LimitsSettings { per_namespace: PerNamespace::Off };
    let unlimited = delays_beside(2000, &off).await;
    assert!(unlimited.len() < 10 && unlimited.last() > Some(&40), "{unlimited:?}");
}

proptest! {
    #[test]
    fn no_more_than_burst_and_rate_is_sent_and_all_is_accounted_for(
        rate in 1u32..30,
        burst in 1u32..50,
        comes in prop::collection::vec((0u32..3, 0u32..40, 0u32..100), 1..200),
    ) {
        let mut limits = limits(rate, 1, burst);
        let (mut now, mut sent, mut told, mut all) = (T, 0u64, 0u64, 0u64);
        let count = |event: &Event| -> u64 {
            event.message.split(' ').next().and_then(|it| it.parse().ok()).unwrap_or_default()
        };
        for (pass, events, skew) in comes {
            now += pass;
            let event = event("noisy", now - skew);
            sent += admitted(&mut limits, &event, now, events) as u64;
            all += u64::from(events);
            told += limits.due(now).iter().map(count).sum::<u64>();
            // A bucket that began behind the clock fills for as long as it was behind.
            let most = u64::from(burst) + u64::from(rate) * u64::from(now - T + 100);
            prop_assert!(sent <= most, "{sent} of at most {most}");
        }
        told += limits.due(u32::MAX).iter().map(count).sum::<u64>();
        prop_assert_eq!(sent + told, all);
    }
}
