//! Which of the events a person gets to see, when more come than anybody can read.
//!
//! Warnings first, and what was not shown for long before what was shown just now.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use event::{Event, Text};

/// So many wait to be chosen.
const MOST: usize = 256;
/// For so long.
const FRESH: Duration = Duration::from_secs(3);
/// A reason that was not shown for so many lines is as good as new.
const FORGOTTEN: u64 = 12;
/// After so many warnings something normal gets its turn.
const WARNINGS: u64 = 3;

/// Chooses; time is whatever the caller measures.
#[derive(Debug, Default)]
pub(super) struct Choice {
    candidates: VecDeque<(Duration, Event)>,
    /// The line at which a reason was shown last.
    shown: HashMap<Text, u64>,
    lines: u64,
    /// So many lines were warnings, one after the other.
    warnings: u64,
    passed_over: u64,
    /// What the story is about right now.
    spotlight: Option<fn(&Event) -> bool>,
}

impl Choice {
    /// One more to choose from.
    pub(super) fn offer(&mut self, event: Event, now: Duration) {
        if self.candidates.len() == MOST {
            self.candidates.pop_front();
            self.passed_over += 1;
        }
        self.candidates.push_back((now, event));
    }

    /// From now on such events are chosen before all others.
    pub(super) fn shine_on(&mut self, which: Option<fn(&Event) -> bool>) {
        self.spotlight = which;
    }

    /// The most interesting one, if any is left.
    pub(super) fn pick(&mut self, now: Duration) -> Option<Event> {
        while self.candidates.front().is_some_and(|(at, _)| *at + FRESH < now) {
            self.candidates.pop_front();
            self.passed_over += 1;
        }
        let scores = self.candidates.iter().map(|(_, event)| self.score(event)).enumerate();
        // Among equals the newest: its counter has come furthest.
        let (best, _) = scores.max_by_key(|(place, score)| (*score, *place))?;
        let (_, event) = self.candidates.remove(best)?;
        self.lines += 1;
        self.shown.insert(event.reason.clone(), self.lines);
        self.warnings = if event.kind == "Warning" { self.warnings + 1 } else { 0 };
        Some(event)
    }

    /// Nothing of what is there is worth showing any more.
    pub(super) fn pass_over_all(&mut self) {
        self.passed_over += self.candidates.len() as u64;
        self.candidates.clear();
    }

    /// How many were not shown since this was asked last.
    pub(super) fn take_passed_over(&mut self) -> u64 {
        std::mem::take(&mut self.passed_over)
    }

    fn score(&self, event: &Event) -> u64 {
        let shown = self.shown.get(&event.reason);
        let ago = shown.map_or(FORGOTTEN, |line| (self.lines - line).min(FORGOTTEN));
        let warning = match event.kind.as_str() {
            "Warning" if self.warnings < WARNINGS => FORGOTTEN / 2,
            "Warning" => 0,
            _ if self.warnings < WARNINGS => 0,
            _ => FORGOTTEN / 2,
        };
        let often = if event.total() >= 5 { 2 } else { 0 };
        let lit = self.spotlight.is_some_and(|lit| lit(event));
        ago + warning + often + if lit { 100 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, reason: &str) -> Event {
        Event { kind: kind.into(), reason: reason.into(), ..Event::default() }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn picks(choice: &mut Choice, number: usize) -> Vec<String> {
        (0..number).filter_map(|_| Some(choice.pick(at(0))?.reason.to_string())).collect()
    }

    #[test]
    fn warnings_come_first() {
        let mut choice = Choice::default();
        for (kind, reason) in [("Normal", "Pulled"), ("Warning", "BackOff"), ("Normal", "Started")]
        {
            choice.offer(event(kind, reason), at(0));
        }
        assert_eq!(picks(&mut choice, 4), ["BackOff", "Started", "Pulled"]);
    }

    #[test]
    fn a_storm_of_one_reason_does_not_hide_the_others() {
        let mut choice = Choice::default();
        for _ in 0..20 {
            choice.offer(event("Warning", "Unhealthy"), at(0));
        }
        choice.offer(event("Normal", "Scheduled"), at(0));
        choice.offer(event("Warning", "FailedMount"), at(0));
        assert_eq!(picks(&mut choice, 3), ["FailedMount", "Unhealthy", "Scheduled"]);
    }

    #[test]
    fn a_cluster_in_trouble_has_normal_moments_too() {
        let mut choice = Choice::default();
        choice.offer(event("Normal", "Pulled"), at(0));
        for reason in ["A", "B", "C", "D", "E"] {
            choice.offer(event("Warning", reason), at(0));
        }
        assert_eq!(picks(&mut choice, 5), ["E", "D", "C", "Pulled", "B"]);
    }

    #[test]
    fn what_the_story_is_about_comes_before_all() {
        let mut choice = Choice::default();
        choice.offer(event("Normal", "Pulling"), at(0));
        choice.offer(event("Warning", "BackOff"), at(0));
        choice.shine_on(Some(|event| event.reason == "Pulling"));
        assert_eq!(picks(&mut choice, 2), ["Pulling", "BackOff"]);
    }

    #[test]
    fn what_is_stale_or_too_much_is_counted_and_not_shown() {
        let mut choice = Choice::default();
        for _ in 0..=MOST {
            choice.offer(event("Normal", "Pulled"), at(0));
        }
        assert_eq!(choice.take_passed_over(), 1);
        choice.offer(event("Normal", "Started"), at(4));
        assert_eq!(choice.pick(at(5)).unwrap().reason, "Started");
        assert_eq!(choice.take_passed_over(), 256);
        assert!(choice.pick(at(5)).is_none());
        choice.offer(event("Normal", "Pulled"), at(5));
        choice.pass_over_all();
        assert!(choice.pick(at(5)).is_none());
        assert_eq!(choice.take_passed_over(), 1);
    }
}
