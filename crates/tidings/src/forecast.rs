//! How long an outage may last before events are dropped.

use event::journal::Usage;

/// A journal that is full to this part of its limit has begun to drop: see `pipeline::save`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// What the journal may take.
    pub(crate) limit: u64,
    /// What it takes.
    pub(crate) used: u64,
    /// What the disk has left for it; nothing when nobody knows.
    pub(crate) disk: Option<u64>,
    /// What an event takes that waits.
    pub(crate) row: u64,
}

impl Room {
    /// From what the journal says, and the bytes that are free on its disk.
    pub(crate) fn new(limit: u64, usage: &Usage, free: Option<u64>) -> Self {
        // What is free inside the file can be used again.
        let disk = free.map(|free| free + usage.free);
        Self { limit, used: usage.used(), disk, row: usage.row.max(1) }
    }

    /// Bytes that are left.
    pub(crate) fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used).min(self.disk.unwrap_or(u64::MAX))
    }

    /// Hours until it is full when so many events a second come in and none goes out.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(crate) fn hours(&self, per_second: f64) -> f64 {
        if per_second <= 0.0 {
            return f64::INFINITY;
        }
        self.left() as f64 / self.row as f64 / per_second / 3600.0
    }
}

/// Hours for people: `9h 30m` is not more exact than the estimate.
pub(crate) fn hours(hours: f64) -> String {
    if hours.is_infinite() {
        "no end".into()
    } else if hours < 10.0 {
        format!("{hours:.1} h")
    } else if hours < 240.0 {
        format!("{hours:.0} h")
    } else {
        format!("{:.0} days", hours / 24.0)
    }
}

/// Bytes for people.
#[expect(clippy::cast_precision_loss, reason = "three digits are printed")]
pub(crate) fn bytes(bytes: u64) -> String {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.iter().find(|(_, shift)| bytes >= 1 << shift) {
        Some((unit, shift)) => {
            let number = bytes as f64 / (1u64 << shift) as f64;
            if number < 10.0 {
                format!("{number:.1} {unit}")
            } else {
                format!("{number:.0} {unit}")
            }
        }
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_depends_on_limit_disk_and_rate() {
        let usage = Usage { rows: 1 << 30, row: 300, free: 1 << 20, ..Usage::default() };
        let room = Room::new(10 << 30, &usage, Some(100 << 30));
        assert_eq!(room.left(), 9 << 30);
        assert_eq!(hours(room.hours(200.0)), "45 h");
        assert_eq!(hours(room.hours(1.0)), "373 days");
        assert_eq!(hours(room.hours(3000.0)), "3.0 h");
        assert_eq!(hours(room.hours(0.0)), "no end");
        let small = Room::new(10 << 30, &usage, Some(1 << 20));
        assert_eq!(small.left(), 2 << 20);
        let full = Room { used: 11 << 30, ..room };
        assert_eq!((full.left(), hours(full.hours(1.0))), (0, "0.0 h".into()));
    }

    #[test]
    fn bytes_have_a_unit() {
        let texts = [12, 1536, 250 << 20, 10 << 30, 3 << 41].map(bytes);
        assert_eq!(texts, ["12 B", "1.5 KiB", "250 MiB", "10 GiB", "6.0 TiB"]);
    }
}
