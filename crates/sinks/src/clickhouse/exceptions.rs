//! What an exception of ClickHouse means. Its number says more than the status, which is 500 for a wrong row, too.
//!
//! The numbers are those of `src/Common/ErrorCodes.cpp` of ClickHouse and never change.

use event::SendError;

use crate::answer::Answer;

/// Busy, out of room, or apart from its replicas.
const AGAIN: &[u32] = &[
    159, 160, 173, 201, 202, 203, 209, 210, 225, 236, 241, 242, 243, 252, 254, 279, 285, 286, 319,
    364, 394, 425, 439, 999,
];

/// Not from us, or not there: user, right, database, table, column, setting.
const BLOCKED: &[u32] =
    &[16, 47, 48, 60, 62, 73, 81, 115, 164, 192, 193, 194, 195, 218, 291, 452, 497, 516];

/// Not this row: text, number, date, type, constraint.
const REJECTED: &[u32] =
    &[6, 25, 26, 27, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 376, 407, 441, 469, 675, 676];

/// What an answer with an exception means; one without a known number means what its status says.
pub(super) fn judge(answer: Answer) -> Result<(), SendError> {
    let Some(number) = number(&answer) else { return answer.judge().map(drop) };
    if AGAIN.contains(&number) {
        Err(answer.unavailable())
    } else if BLOCKED.contains(&number) {
        Err(answer.blocked(hint(number)))
    } else if REJECTED.contains(&number) {
        Err(answer.rejected())
    } else {
        answer.judge().map(drop)
    }
}

fn hint(number: u32) -> &'static str {
    match number {
        60 => "create the table; docs/reference/receivers.md has the statement",
        115 => {
            "this version does not know a setting; if it is `insert_deduplication_token`, set `deduplicate: false`"
        }
        _ => "",
    }
}

/// The number in the header, else in the text: `Code: 60. DB::Exception: …`.
fn number(answer: &Answer) -> Option<u32> {
    let header = answer.headers.get("x-clickhouse-exception-code");
    if let Some(number) = header.and_then(|value| value.to_str().ok()?.parse().ok()) {
        return Some(number);
    }
    let text = std::str::from_utf8(&answer.body[..answer.body.len().min(64)]).ok()?;
    let (number, _) = text.strip_prefix("Code: ")?.split_once(['.', ','])?;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_has_two_meanings() {
        let mut all: Vec<_> = [AGAIN, BLOCKED, REJECTED].concat();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
