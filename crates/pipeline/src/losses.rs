//! Saying what receivers lost because the journal was full.

use event::{
    Event, Text,
    journal::{Break, JournalError, Overflow, Position},
};
use jiff::Timestamp;

use crate::{Save, Way, collect::missed::statement};

impl<S: Save> Way<S> {
    /// States, for each lane that lost something of which nobody was told, what that is, and saves it with
    /// the note that it was told. Says of how many events.
    pub async fn tell_losses(
        &mut self,
        lanes: &[event::journal::Lane],
        limit: u64,
        now: Timestamp,
        cluster_name: &Text,
    ) -> Result<u64, JournalError> {
        let mut told = 0;
        for lane in lanes {
            let Some(lost) = lane.untold else { continue };
            let receiver = lane.name.as_str();
            tracing::warn!(receiver, events = lost.rows, "dropped: the journal is full");
            self.next.told.push((lane.id, lost.rows));
            self.take_own(overflowed(receiver, lost, limit, now, cluster_name));
            let at = |time| Position { time, ..Position::default() };
            self.note(Break {
                at: now,
                cause: "overflow".into(),
                from: at(lost.first),
                to: at(lost.last),
                missed: true,
            });
            told += lost.rows;
        }
        self.save(None).await.map(|_| told)
    }
}

/// The event that tells people what a receiver lost because the journal had reached its limit of `limit`
/// bytes.
fn overflowed(
    receiver: &str,
    lost: Overflow,
    limit: u64,
    now: Timestamp,
    cluster_name: &Text,
) -> Event {
    let Overflow { rows, first, last } = lost;
    let time = |seconds: u32| Timestamp::from_second(seconds.into()).unwrap_or_default();
    let between = match (first, last) {
        (0, _) | (_, 0) => String::new(),
        _ => format!(" that came in between {} and {}", time(first), time(last)),
    };
    let (events, were) = if rows == 1 { ("event", "was") } else { ("events", "were") };
    let message = format!(
        "{rows} {events} for the receiver `{receiver}`{between} {were} dropped: the journal had reached its \
         limit of {} MiB, and this receiver had most to get; other receivers got what is theirs",
        limit >> 20
    );
    let id = format!("overflow-{receiver}-{}", now.as_second());
    statement(message, &id, 0, now, cluster_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_receiver_lost_is_stated_with_its_bounds() {
        let lost = Overflow { rows: 4812, first: 1_700_000_000, last: 1_700_003_600 };
        let now = Timestamp::from_second(1_700_003_700).unwrap();
        let event = overflowed("slack", lost, 10 << 30, now, &"prod".into());
        assert_eq!(
            event.message,
            "4812 events for the receiver `slack` that came in between 2023-11-14T22:13:20Z and \
             2023-11-14T23:13:20Z were dropped: the journal had reached its limit of 10240 MiB, and this \
             receiver had most to get; other receivers got what is theirs"
        );
        assert_eq!((&*event.reason, &*event.kind), ("EventsMissed", "Warning"));
        assert_eq!(event.involved.reference.name, "prod");
        let one = Overflow { rows: 1, first: 0, last: 0 };
        let event = overflowed("slack", one, 1 << 30, now, &Text::default());
        assert!(event.message.starts_with("1 event for the receiver `slack` was dropped"));
    }
}
