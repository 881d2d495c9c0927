//! What the sinks make of events, without the rest of the way: the document, and a layout of nine templates.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use event::{AnySink, Batch, SinkContext, SystemClock};
use serde_json::{Value, json};

use crate::{
    generate,
    process::{cpu_seconds, tell},
};

/// Events encoded at once: as many as a lane takes.
const EVENTS: u64 = 1000;
/// A measurement encodes the same events again and again for so long.
const LONG_ENOUGH: Duration = Duration::from_millis(700);

/// The layout of nine templates, as people write them.
pub fn nine() -> Value {
    json!({
        "cluster": "{{ .ClusterName }}",
        "app": "{{ .InvolvedObject.Labels.app }}",
        "severity": "{{ if eq .Type \"Warning\" }}error{{ else }}info{{ end }}",
        "reason": "{{ .Reason }}",
        "message": "{{ .Message }}",
        "object": "{{ .InvolvedObject.Kind }}/{{ .InvolvedObject.Namespace }}/{{ .InvolvedObject.Name }}",
        "count": "{{ .Count }}",
        "source": "{{ .Source.Component | upper }}",
        "createdAt": "{{ .GetTimestampISO8601 }}",
    })
}

/// Tells how many events a second are encoded with these settings of `file`: `document` or `nine`.
pub fn measure(shape: &str) -> anyhow::Result<()> {
    let settings = match shape {
        "document" => json!({"path": "events.jsonl"}),
        "nine" => json!({"path": "events.jsonl", "layout": nine()}),
        other => anyhow::bail!("no such shape: {other}"),
    };
    let context = SinkContext {
        receiver: "bench".into(),
        user_agent: "bench".into(),
        clock: Arc::new(SystemClock),
    };
    let kind = tidings::kinds::find("file").context("the kind")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sink: AnySink = runtime.block_on((kind.connect)(settings, context))?;
    let events: Batch = generate::labelled(EVENTS).into_iter().map(Arc::new).collect();
    let (begun, cpu) = (Instant::now(), cpu_seconds());
    let (mut best, mut rounds, mut bytes) = (f64::MAX, 0, 0);
    while begun.elapsed() < LONG_ENOUGH {
        let round = Instant::now();
        bytes = sink.encode(&events)?.iter().map(|payload| payload.body.len()).sum();
        best = best.min(round.elapsed().as_secs_f64());
        rounds += 1;
    }
    let each = float(EVENTS);
    tell("per_second", each / best);
    tell("per_cpu_second", each * float(rounds) / (cpu_seconds() - cpu));
    tell("bytes", float(bytes as u64) / each);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "rates need no last digit")]
fn float(number: u64) -> f64 {
    number as f64
}
