//! Puts numbers that are kept elsewhere into metric families.

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

/// Families in the order in which they are printed.
#[derive(Debug, Default)]
pub(super) struct Families(Vec<MetricFamily>);

/// The labels of a series.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

impl Families {
    /// A family of counters; a name that ends in `_total` is a habit that old names do not have.
    pub(super) fn counter(&mut self, name: &str, help: &str) -> Family<'_> {
        self.family(name, help, MetricType::COUNTER)
    }

    /// A family of gauges.
    pub(super) fn gauge(&mut self, name: &str, help: &str) -> Family<'_> {
        self.family(name, help, MetricType::GAUGE)
    }

    /// The family of this name, which is there already, for more series.
    pub(super) fn more(&mut self, name: &str) -> Family<'_> {
        let at = self.0.iter().position(|family| family.name() == name);
        Family(&mut self.0[at.expect("it is added before")])
    }

    /// Takes in families that were measured elsewhere; those of one name become one.
    pub(super) fn merge(&mut self, measured: Vec<MetricFamily>) {
        for mut family in measured {
            match self.0.iter_mut().find(|known| known.name() == family.name()) {
                Some(known) => known.mut_metric().append(family.mut_metric()),
                None => self.0.push(family),
            }
        }
    }

    /// A histogram without labels; `counts` are those of each bucket alone, the last without bound.
    pub(super) fn histogram(
        &mut self,
        name: &str,
        help: &str,
        bounds: &[f64],
        counts: &[u64],
        sum: f64,
    ) {
        let mut histogram = Histogram::default();
        let mut so_far = 0;
        let buckets = bounds.iter().zip(counts).map(|(bound, count)| {
            so_far += count;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(so_far);
            bucket
        });
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(counts.iter().sum());
        histogram.set_sample_sum(sum);
        let mut metric = Metric::default();
        metric.set_histogram(histogram);
        self.family(name, help, MetricType::HISTOGRAM).0.mut_metric().push(metric);
    }

    fn family(&mut self, name: &str, help: &str, kind: MetricType) -> Family<'_> {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        self.0.push(family);
        let at = self.0.len() - 1;
        Family(&mut self.0[at])
    }

    /// The families that have a series.
    pub(super) fn into_vec(self) -> Vec<MetricFamily> {
        self.0.into_iter().filter(|family| !family.get_metric().is_empty()).collect()
    }
}

/// One family, to be filled.
pub(super) struct Family<'f>(&'f mut MetricFamily);

impl Family<'_> {
    /// Adds a series.
    pub(super) fn add(&mut self, labels: Labels<'_>, value: f64) -> &mut Self {
        let mut metric = Metric::default();
        metric.set_label(labels.iter().map(|(name, value)| label(name, value)).collect());
        if self.0.get_field_type() == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.0.mut_metric().push(metric);
        self
    }
}

fn label(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

/// Counters as the format has them. Beyond 2⁵³ the last digits are lost, which no counter of ours
/// reaches.
#[expect(clippy::cast_precision_loss, reason = "see above")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}
