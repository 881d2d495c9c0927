//! Go's `time.Time`: an instant and the zone it is shown in. Nanoseconds, years 1 to 9999.

/// Times as Go's layouts print them.
mod format;

/// The parts of a layout.
pub(crate) mod layout;

/// Methods that a template can call.
pub(crate) mod methods;

/// Lengths of time as Go prints them.
pub mod duration;

pub(crate) use format::{MONTHS, WEEKDAYS};

use std::rc::Rc;

use jiff::{
    Timestamp, Zoned,
    civil::DateTime,
    tz::{Offset, TimeZone},
};

/// An instant and the zone it is shown in.
#[derive(Debug, Clone)]
pub struct Time {
    /// The instant.
    pub instant: Timestamp,
    /// Where it is shown.
    pub zone: Zone,
}

/// Go's `*time.Location`.
#[derive(Debug, Clone)]
pub enum Zone {
    /// UTC.
    Utc,
    /// An offset in seconds east of UTC with the name that was written beside it, which can be empty.
    Fixed(i32, Rc<str>),
    /// A zone with rules.
    Named(TimeZone),
}

impl Zone {
    /// The zone that counts as local; Go calls UTC by its name.
    pub fn local(zone: &TimeZone) -> Self {
        if *zone == TimeZone::UTC { Self::Utc } else { Self::Named(zone.clone()) }
    }
}

impl Time {
    /// Seconds of Go's zero time, 0001-01-01T00:00:00Z, counted from 1970.
    pub const ZERO_SECOND: i64 = -62_135_596_800;

    /// An instant shown in UTC.
    pub fn utc(instant: Timestamp) -> Self {
        Self { instant, zone: Zone::Utc }
    }

    /// Go's zero time.
    pub fn zero() -> Self {
        Self::utc(Timestamp::from_second(Self::ZERO_SECOND).unwrap_or(Timestamp::MIN))
    }

    /// Whether it is the zero time.
    pub fn is_zero(&self) -> bool {
        self.instant.as_second() == Self::ZERO_SECOND && self.instant.subsec_nanosecond() == 0
    }

    /// The same instant shown elsewhere.
    #[must_use]
    pub fn in_zone(&self, zone: Zone) -> Self {
        Self { instant: self.instant, zone }
    }

    /// Seconds since 1970, rounded down as `Unix` does.
    pub fn unix(&self) -> i64 {
        i64::try_from(self.instant.as_nanosecond().div_euclid(1_000_000_000)).unwrap_or_default()
    }

    /// Nanoseconds within the second.
    pub fn nanosecond(&self) -> u32 {
        u32::try_from(self.instant.as_nanosecond().rem_euclid(1_000_000_000)).unwrap_or_default()
    }

    /// Offset in seconds east of UTC, and the abbreviation of the zone; empty when it has none.
    pub fn offset(&self) -> (i32, Rc<str>) {
        match &self.zone {
            Zone::Utc => (0, Rc::from("UTC")),
            Zone::Fixed(seconds, name) => (*seconds, Rc::clone(name)),
            Zone::Named(zone) => {
                let info = zone.to_offset_info(self.instant);
                (info.offset().seconds(), Rc::from(info.abbreviation()))
            }
        }
    }

    /// The calendar's view, with the offset as its zone.
    pub fn zoned(&self) -> Zoned {
        self.instant.to_zoned(TimeZone::fixed(self.east()))
    }

    /// Date and time of day where it is shown.
    pub fn civil(&self) -> DateTime {
        self.east().to_datetime(self.instant)
    }

    /// The offset alone: cheaper than with the name.
    fn east(&self) -> Offset {
        match &self.zone {
            Zone::Utc => Offset::UTC,
            Zone::Fixed(seconds, _) => Offset::from_seconds(*seconds).unwrap_or(Offset::UTC),
            Zone::Named(zone) => zone.to_offset(self.instant),
        }
    }
}
