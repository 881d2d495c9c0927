//! The parts of a layout: Go describes a format by how it would print Mon Jan 2 15:04:05 MST 2006.
//!
//! Source: `time/format.go`, `nextStdChunk`.

/// A part of a layout that stands for something of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// `January`
    LongMonth,
    /// `Jan`
    Month,
    /// `1`
    NumMonth,
    /// `01`
    ZeroMonth,
    /// `Monday`
    LongWeekday,
    /// `Mon`
    Weekday,
    /// `2`
    Day,
    /// `_2`
    UnderDay,
    /// `02`
    ZeroDay,
    /// `__2`, the day of the year
    UnderYearDay,
    /// `002`
    ZeroYearDay,
    /// `15`
    Hour,
    /// `3`
    Hour12,
    /// `03`
    ZeroHour12,
    /// `4`
    Minute,
    /// `04`
    ZeroMinute,
    /// `5`
    Second,
    /// `05`
    ZeroSecond,
    /// `2006`
    LongYear,
    /// `06`
    Year,
    /// `PM`
    Pm,
    /// `pm`
    LowerPm,
    /// `MST`
    Zone,
    /// `Z0700` and its kin (`iso`) or `-0700` and its kin; so many digits, with colons or not.
    Offset { iso: bool, colon: bool, digits: u8 },
    /// `.000` or `,000`: so many digits.
    Fraction { separator: u8, digits: u8 },
    /// `.999` or `,999`: so many digits, zeros at the end left out.
    TrimmedFraction { separator: u8, digits: u8 },
}

/// The words that begin a part, longest first where one begins another.
const WORDS: &[(&[u8], Part)] = &[
    (b"January", Part::LongMonth),
    (b"Monday", Part::LongWeekday),
    (b"MST", Part::Zone),
    (b"01", Part::ZeroMonth),
    (b"02", Part::ZeroDay),
    (b"03", Part::ZeroHour12),
    (b"04", Part::ZeroMinute),
    (b"05", Part::ZeroSecond),
    (b"06", Part::Year),
    (b"002", Part::ZeroYearDay),
    (b"15", Part::Hour),
    (b"1", Part::NumMonth),
    (b"2006", Part::LongYear),
    (b"2", Part::Day),
    (b"__2", Part::UnderYearDay),
    (b"_2", Part::UnderDay),
    (b"3", Part::Hour12),
    (b"4", Part::Minute),
    (b"5", Part::Second),
    (b"PM", Part::Pm),
    (b"pm", Part::LowerPm),
    (b"-070000", Part::Offset { iso: false, colon: false, digits: 6 }),
    (b"-07:00:00", Part::Offset { iso: false, colon: true, digits: 6 }),
    (b"-0700", Part::Offset { iso: false, colon: false, digits: 4 }),
    (b"-07:00", Part::Offset { iso: false, colon: true, digits: 4 }),
    (b"-07", Part::Offset { iso: false, colon: false, digits: 2 }),
    (b"Z070000", Part::Offset { iso: true, colon: false, digits: 6 }),
    (b"Z07:00:00", Part::Offset { iso: true, colon: true, digits: 6 }),
    (b"Z0700", Part::Offset { iso: true, colon: false, digits: 4 }),
    (b"Z07:00", Part::Offset { iso: true, colon: true, digits: 4 }),
    (b"Z07", Part::Offset { iso: true, colon: false, digits: 2 }),
];

/// Splits a layout at its next part: what stands before it, the part, what stands behind. Without a part,
/// everything stands before.
pub(crate) fn next(layout: &[u8]) -> (&[u8], Option<Part>, &[u8]) {
    for at in 0..layout.len() {
        if let Some((part, length, skipped)) = part_at(layout, at) {
            let start = at + skipped;
            return (&layout[..start], Some(part), &layout[start + length..]);
        }
    }
    (layout, None, &[])
}

/// The part at this place: itself, its length, and how much of the place belongs to the text before.
fn part_at(layout: &[u8], at: usize) -> Option<(Part, usize, usize)> {
    let rest = &layout[at..];
    let first = *rest.first()?;
    match first {
        // Not the month of a longer word, as in `Janet`.
        b'J' if rest.starts_with(b"Jan") && !rest.starts_with(b"January") => {
            return (!lower_follows(rest)).then_some((Part::Month, 3, 0));
        }
        b'M' if rest.starts_with(b"Mon") && !rest.starts_with(b"Monday") => {
            return (!lower_follows(rest)).then_some((Part::Weekday, 3, 0));
        }
        // `_2006` is an underscore and a year.
        b'_' if rest.starts_with(b"_2006") => return Some((Part::LongYear, 4, 1)),
        b'.' | b',' => return fraction(rest, first),
        // What begins a word.
        b'J' | b'M' | b'0'..=b'5' | b'_' | b'P' | b'p' | b'-' | b'Z' => {}
        _ => return None,
    }
    let (word, part) = WORDS.iter().find(|(word, _)| rest.starts_with(word))?;
    Some((*part, word.len(), 0))
}

fn lower_follows(rest: &[u8]) -> bool {
    rest.get(3).is_some_and(u8::is_ascii_lowercase)
}

/// A fraction of a second: a run of 0 or of 9 that no other digit follows.
fn fraction(rest: &[u8], separator: u8) -> Option<(Part, usize, usize)> {
    let digit = *rest.get(1).filter(|digit| matches!(digit, b'0' | b'9'))?;
    let run = rest[1..].iter().take_while(|byte| **byte == digit).count();
    if rest.get(1 + run).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let digits = u8::try_from(run).unwrap_or(u8::MAX);
    let part = if digit == b'0' {
        Part::Fraction { separator, digits }
    } else {
        Part::TrimmedFraction { separator, digits }
    };
    Some((part, 1 + run, 0))
}
