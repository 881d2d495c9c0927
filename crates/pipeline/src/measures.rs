//! How long things take and how large they are: the histograms of the metrics page, each beside what it
//! measures. Observing takes no memory; a series comes into being with its first observation.

pub use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramOpts, HistogramVec, core::Collector};

/// Seconds of something that a network is part of.
const REQUEST: [f64; 11] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Seconds of a list of everything.
const LIST: [f64; 8] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0];
/// Seconds that an event waits at the gate, twice [`crate::enrich::gate::WAIT`] at the most.
const WAIT: [f64; 9] = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0];
/// Seconds that a disk takes.
const WRITE: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0];
/// Seconds from when something happened, in whole seconds, until somebody has it.
pub const LAG: [f64; 12] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];
/// Events of one request.
const RECORDS: [f64; 8] = [1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1000.0];
/// Bytes of one request: 256, then four times as many each.
const BYTES: [f64; 8] =
    [256.0, 1024.0, 4096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0];

/// Requests to the API server, by verb, resource and code.
pub(crate) fn requests() -> HistogramVec {
    let options = options(
        "tidings_api_request_duration_seconds",
        "Time until the API server began to answer; code is none where it did not",
        &REQUEST,
    );
    several(options, &["verb", "resource", "code"])
}

/// Complete lists, by resource.
pub(crate) fn lists() -> HistogramVec {
    let help = "Time that a complete list took, with all its pages";
    several(options("tidings_list_duration_seconds", help, &LIST), &["resource"])
}

/// Events at the gate.
pub(crate) fn waits() -> Histogram {
    let help = "Time that an event was held until what it is about was known, or would not be";
    one(options("tidings_enrich_duration_seconds", help, &WAIT))
}

/// Transactions of the journal.
pub(crate) fn writes() -> Histogram {
    let help = "Time that a transaction of the journal took, until it was on the disk";
    one(options("tidings_store_write_duration_seconds", help, &WRITE))
}

/// The requests to one receiver.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    seconds: Histogram,
    records: Histogram,
    bytes: Histogram,
    lag: Histogram,
}

impl Requests {
    pub(crate) fn of(output: &str) -> Self {
        let measure =
            |name, help, bounds| one(options(name, help, bounds).const_label("output", output));
        Self {
            seconds: measure(
                "tidings_output_request_duration_seconds",
                "Time until the receiver had answered a request",
                &REQUEST,
            ),
            records: measure("tidings_output_request_records", "Events of one request", &RECORDS),
            bytes: measure(
                "tidings_output_request_bytes",
                "Bytes of the body of one request",
                &BYTES,
            ),
            lag: measure(
                "tidings_output_lag_seconds",
                "Time from when an event happened until the receiver had taken it",
                &LAG,
            ),
        }
    }

    /// One request has been answered, or given up.
    #[expect(clippy::cast_precision_loss, reason = "no request has 2⁵³ bytes")]
    pub(crate) fn observe(&self, seconds: f64, records: usize, bytes: usize) {
        self.seconds.observe(seconds);
        self.records.observe(records as f64);
        self.bytes.observe(bytes as f64);
    }

    /// An event that happened so long ago was delivered.
    pub(crate) fn delivered(&self, lag: f64) {
        self.lag.observe(lag);
    }

    pub(crate) fn collect(&self) -> Vec<MetricFamily> {
        let all = [&self.seconds, &self.records, &self.bytes, &self.lag];
        all.into_iter().flat_map(Collector::collect).collect()
    }
}

fn options(name: &str, help: &str, bounds: &[f64]) -> HistogramOpts {
    HistogramOpts::new(name, help).buckets(bounds.to_vec())
}

fn one(options: HistogramOpts) -> Histogram {
    Histogram::with_opts(options).expect("the names and bounds above are good ones")
}

fn several(options: HistogramOpts, labels: &[&str]) -> HistogramVec {
    HistogramVec::new(options, labels).expect("the names and bounds above are good ones")
}
