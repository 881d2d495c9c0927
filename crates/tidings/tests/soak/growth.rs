//! Whether numbers grow.

use anyhow::Context;

use super::vitals::Vitals;

/// What an hour is: so many events a second.
pub(crate) const A_SECOND: u64 = 200;
const A_DAY: f64 = 86_400.0 * 200.0;
const MEBIBYTE: f64 = 1024.0 * 1024.0;
/// So many MiB may the memory grow by in a day's events.
const MEMORY_A_DAY: f64 = 1.0;
/// Rows stay in the folder until the next snapshot, 64 MiB later, and a round can end anywhere on the way: its most
/// in one half of the rounds is that in the other to this part.
const FOLDER_PART: u64 = 10;

/// A line through points, by least squares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Line {
    /// Of y, for each unit of x.
    pub(crate) slope: f64,
    /// The standard error of the slope.
    pub(crate) error: f64,
}

/// The line through `points`; none through fewer than three.
pub(crate) fn line(points: &[(f64, f64)]) -> Option<Line> {
    if points.len() < 3 {
        return None;
    }
    let number = f64::from(u32::try_from(points.len()).ok()?);
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / number;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let slope = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum::<f64>() / spread;
    let off = |point: &(f64, f64)| (point.1 - y - slope * (point.0 - x)).powi(2);
    let error = (points.iter().map(off).sum::<f64>() / (number - 2.0) / spread).sqrt();
    Some(Line { slope, error })
}

/// What became of the binary, by the rounds that are held against it.
#[derive(Debug)]
pub(crate) struct Growth {
    /// Of the second half of the rounds, in MiB for a day's events.
    memory: Line,
    /// The most in the first half of the rounds, and in the second.
    resident: Halves,
    descriptors: Halves,
    threads: Halves,
    folder: Halves,
}

/// The most of something in the first half of the rounds, and in the second.
#[derive(Debug, Clone, Copy)]
struct Halves(u64, u64);

impl Halves {
    fn of(points: &[(u64, Vitals)], what: fn(&Vitals) -> u64) -> Self {
        let (first, second) = points.split_at(points.len() / 2);
        let most = |points: &[(u64, Vitals)]| points.iter().map(|point| what(&point.1)).max();
        Self(most(first).unwrap_or(0), most(second).unwrap_or(0))
    }
}

impl Growth {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub(crate) fn of(points: &[(u64, Vitals)]) -> anyhow::Result<Self> {
        let second = &points[points.len() / 2..];
        let memory: Vec<_> = second
            .iter()
            .map(|(written, vitals)| (*written as f64 / A_DAY, vitals.memory as f64 / MEBIBYTE))
            .collect();
        Ok(Self {
            memory: line(&memory).context("too few rounds")?,
            resident: Halves::of(points, |vitals| vitals.memory),
            descriptors: Halves::of(points, |vitals| vitals.descriptors),
            threads: Halves::of(points, |vitals| vitals.threads),
            folder: Halves::of(points, |vitals| vitals.folder),
        })
    }

    /// Whether all bounds are shown to hold. A slope that is lost in the noise shows nothing: more hours are needed.
    pub(crate) fn holds(&self) -> bool {
        // The runtime has threads come and go; they are printed, and each leak of one takes memory.
        self.memory.slope + 2.0 * self.memory.error <= MEMORY_A_DAY
            && self.descriptors.1 <= self.descriptors.0
            && self.folder.1 <= self.folder.0 + self.folder.0 / FOLDER_PART
    }

    pub(crate) fn words(&self) -> String {
        let resident = [self.resident.0, self.resident.1].map(|bytes| bytes / 1024);
        format!(
            "memory {:+.2} ± {:.2} MiB a day ({} kB at most in the first half, {} in the second), descriptors {} and {}, threads {} and {}, folder {} kB and {} kB",
            self.memory.slope,
            self.memory.error,
            resident[0],
            resident[1],
            self.descriptors.0,
            self.descriptors.1,
            self.threads.0,
            self.threads.1,
            self.folder.0 / 1000,
            self.folder.1 / 1000,
        )
    }
}
