//! When a record, and not its receiver, is to blame.
//!
//! A receiver says "unavailable" both when it is down and when one record makes it stumble. Only the
//! neighbours can tell these apart, so a failure counts against a record only when other records
//! passed right before and right after it; and the flakier the receiver is with the others, the more
//! such failures it takes.

use event::journal::Seq;

/// How often something is tried before it is treated differently.
pub(super) const TRIES: u32 = 3;

/// A record that failed alone.
#[derive(Debug)]
pub(super) struct Suspect {
    pub(super) seq: Seq,
    /// What the receiver said last.
    pub(super) reason: String,
    blame: u32,
    /// A neighbour passed and nothing but this record has failed since.
    receiver_is_up: bool,
    failed: bool,
}

impl Suspect {
    pub(super) fn new(seq: Seq, reason: String) -> Self {
        Self { seq, reason, blame: 0, receiver_is_up: false, failed: false }
    }

    /// It failed again. Says whether a neighbour's word is needed now.
    pub(super) fn failed(&mut self, reason: String) -> bool {
        self.reason = reason;
        self.failed = self.receiver_is_up;
        self.receiver_is_up
    }

    /// A neighbour passed: a failure since the neighbour before was this record's own.
    pub(super) fn neighbour_passed(&mut self) {
        self.blame += u32::from(self.failed);
        self.failed = false;
        self.receiver_is_up = true;
    }

    /// A neighbour failed too: the last failure says nothing.
    pub(super) fn neighbour_failed(&mut self) {
        self.failed = false;
        self.receiver_is_up = false;
    }

    /// Whether so many failures can hardly be an accident any more.
    pub(super) fn is_guilty(&self, flakiness: &Flakiness) -> bool {
        self.blame >= flakiness.failures_that_prove()
    }
}

/// How often the receiver fails records that nobody suspects: a moving average of the first attempts.
#[derive(Debug, Default)]
pub(super) struct Flakiness(f64);

impl Flakiness {
    const WEIGHT: f64 = 0.1;
    const ACCIDENT: f64 = 1.01e-3;

    pub(super) fn note(&mut self, failed: bool) {
        self.0 += (f64::from(u8::from(failed)) - self.0) * Self::WEIGHT;
    }

    /// So many failures in a row happen by accident once in a thousand times or less.
    fn failures_that_prove(&self) -> u32 {
        // Always 3 at least, and never out of reach after a long outage.
        let rate = self.0.clamp(0.1, 0.9);
        let mut failures = 1;
        let mut chance = rate;
        while chance > Self::ACCIDENT {
            failures += 1;
            chance *= rate;
        }
        failures.max(TRIES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_prove_it_where_nothing_else_fails_and_more_where_much_does() {
        let mut flakiness = Flakiness::default();
        assert_eq!(flakiness.failures_that_prove(), 3);
        flakiness.note(true);
        assert_eq!(flakiness.failures_that_prove(), 3);
        for round in 0..200 {
            flakiness.note(round % 2 == 0);
        }
        assert!((8..=12).contains(&flakiness.failures_that_prove()));
        for _ in 0..200 {
            flakiness.note(true);
        }
        assert_eq!(flakiness.failures_that_prove(), 66);
    }

    #[test]
    fn a_failure_counts_only_between_two_neighbours_that_passed() {
        let flakiness = Flakiness::default();
        let mut suspect = Suspect::new(1, String::new());
        for _ in 0..10 {
            suspect.failed("500".into());
        }
        suspect.neighbour_passed();
        for _ in 0..10 {
            suspect.failed("500".into());
            suspect.neighbour_failed();
        }
        suspect.neighbour_failed();
        suspect.failed("500".into());
        suspect.neighbour_passed();
        suspect.neighbour_failed();
        suspect.failed("500".into());
        suspect.neighbour_passed();
        assert_eq!(suspect.blame, 0);
        for _ in 0..3 {
            assert!(!suspect.is_guilty(&flakiness));
            suspect.failed("500".into());
            suspect.failed("500".into());
            suspect.neighbour_passed();
        }
        assert!(suspect.is_guilty(&flakiness));
    }
}
