//! How late events arrive at their receiver, over the last minute, in a few kilobytes whatever the load.

use std::time::Duration;

use jiff::Timestamp;

/// Slices of ten seconds that make up the minute.
const SLICES: usize = 6;
const SLICE_SECONDS: i64 = 10;

/// Four buckets for each doubling of milliseconds: a quantile is at most a quarter too high.
const BUCKETS: usize = 160;

/// How late events arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lag {
    /// Half of them were quicker.
    pub p50: Duration,
    /// All but one in a hundred were quicker.
    pub p99: Duration,
}

/// Counts delays by size and by time.
#[derive(Debug)]
pub(super) struct LagRecorder(Box<[Slice; SLICES]>);

#[derive(Debug, Clone, Copy)]
struct Slice {
    number: i64,
    counts: [u32; BUCKETS],
}

impl LagRecorder {
    pub(super) fn new() -> Self {
        let empty = Slice { number: i64::MIN, counts: [0; BUCKETS] };
        Self(Box::new([empty; SLICES]))
    }

    /// An event that happened at `happened` has just been delivered.
    pub(super) fn delivered(&mut self, happened: Timestamp, now: Timestamp) {
        let lag = u64::try_from(now.as_millisecond() - happened.as_millisecond()).unwrap_or(0);
        let number = slice_number(now);
        let place = usize::try_from(number.rem_euclid(6)).unwrap_or(0);
        let slice = &mut self.0[place];
        if slice.number != number {
            *slice = Slice { number, counts: [0; BUCKETS] };
        }
        let count = &mut slice.counts[bucket(lag)];
        *count = count.saturating_add(1);
    }

    /// The lag of the minute before `now`; nothing when nothing was delivered.
    pub(super) fn lag(&self, now: Timestamp) -> Option<Lag> {
        let newest = slice_number(now);
        let oldest = newest - 5;
        let mut counts = [0u64; BUCKETS];
        let fresh = self.0.iter().filter(|slice| (oldest..=newest).contains(&slice.number));
        for slice in fresh {
            for (sum, count) in counts.iter_mut().zip(slice.counts) {
                *sum += u64::from(count);
            }
        }
        let total: u64 = counts.iter().sum();
        (total > 0).then(|| Lag {
            p50: quantile(&counts, total.div_ceil(2)),
            p99: quantile(&counts, total - total / 100),
        })
    }
}

fn slice_number(now: Timestamp) -> i64 {
    now.as_second().div_euclid(SLICE_SECONDS)
}

/// 0 to 3 ms have their own bucket each; above, the two bits after the leading one choose.
fn bucket(millis: u64) -> usize {
    let place = if millis < 4 {
        millis
    } else {
        let exponent = u64::from(millis.ilog2());
        (exponent - 1) * 4 + ((millis >> (exponent - 2)) & 3)
    };
    usize::try_from(place).map_or(BUCKETS - 1, |place| place.min(BUCKETS - 1))
}

/// The largest number of milliseconds that falls into a bucket.
fn upper_bound(bucket: u64) -> u64 {
    if bucket < 4 {
        return bucket;
    }
    let exponent = bucket / 4 + 1;
    ((4 + bucket % 4 + 1) << (exponent - 2)) - 1
}

fn quantile(counts: &[u64; BUCKETS], rank: u64) -> Duration {
    let mut seen = 0;
    let bucket = (0u64..).zip(counts).find_map(|(bucket, count)| {
        seen += count;
        (seen >= rank).then_some(bucket)
    });
    Duration::from_millis(upper_bound(bucket.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000 + millis).unwrap()
    }

    #[test]
    fn the_quantiles_are_those_of_the_last_minute() {
        let mut recorder = LagRecorder::new();
        assert_eq!(recorder.lag(at(0)), None);
        for _ in 0..98 {
            recorder.delivered(at(0), at(100));
        }
        recorder.delivered(at(-20_000), at(100));
        recorder.delivered(at(-20_000), at(100));
        let lag = recorder.lag(at(100)).unwrap();
        assert!((100..=125).contains(&lag.p50.as_millis()), "{lag:?}");
        assert!((20_000..=25_100).contains(&lag.p99.as_millis()), "{lag:?}");
        assert!(recorder.lag(at(50_000)).is_some());
        assert_eq!(recorder.lag(at(70_000)), None);
    }

    #[test]
    fn an_event_from_the_future_is_on_time() {
        let mut recorder = LagRecorder::new();
        recorder.delivered(at(5000), at(0));
        assert_eq!(recorder.lag(at(0)), Some(Lag::default()));
    }

    proptest! {
        #[test]
        fn a_bucket_is_never_below_and_at_most_a_quarter_above(millis in 0u64..5_000_000_000) {
            let upper = upper_bound(u64::try_from(bucket(millis)).unwrap());
            prop_assert!(upper >= millis && upper <= millis + millis / 4, "{} {}", millis, upper);
        }
    }
}
