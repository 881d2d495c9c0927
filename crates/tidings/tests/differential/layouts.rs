//! What receivers send of an event: every layout, every header and every text that is a template.
//!
//! Receivers of kinds that are not built yet are compared too: their layout, or each of their texts, is
//! given to a `stdout` of ours. The bytes of a request around them are compared when they are built.

use std::fmt::Write;

use anyhow::{Context, ensure};
use event::AnySink;
use serde::Deserialize;
use serde_json::{Value, json};
use tidings::kinds;

use super::{
    events::Events,
    loading::{Understood, context, is_reachable},
    oracle::Oracle,
    tally::{Subject, Table, diff, same_but_addresses},
};

/// Their answer for one event: a hash, the text itself when that was asked for, or an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Theirs {
    hash: String,
    text: String,
    error: String,
}

/// Kinds whose body is the document and nothing else. What others make of it, such as a bulk request, is held by the golden
/// payloads of the sinks.
const BARE: [&str; 4] = ["file", "pipe", "stdout", "webhook"];

/// One receiver, or one text of one.
struct Work<'w> {
    /// For people.
    place: String,
    config: &'w Understood<'w>,
    /// What the oracle is asked, but for which events.
    question: Value,
    /// The kind and the settings of our sink.
    kind: &'static str,
    settings: Value,
    /// Our sink prints `{"text": …}`, and what counts stands there.
    inside: bool,
}

/// Compares all of them.
pub(crate) fn compare(
    oracle: &mut Oracle,
    loaded: &[Understood<'_>],
    events: &Events,
    table: &mut Table,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut subject = Subject::new("layouts and templates");
    let work: Vec<_> = loaded.iter().flat_map(work).collect();
    table.found("layouts and templates", work.len());
    for work in &work {
        let kind = kinds::find(work.kind).context("a kind that is built")?;
        subject.about(format!("{}, ", work.place));
        match runtime.block_on((kind.connect)(work.settings.clone(), context())) {
            Ok(sink) => one(oracle, work, &sink, events, &mut subject)?,
            Err(error) => subject.wrong(|| error.to_string()),
        }
    }
    table.add(subject);
    Ok(())
}

fn work<'w>(config: &'w Understood<'w>) -> Vec<Work<'w>> {
    let mut all = Vec::new();
    let receivers = config.theirs["receivers"].as_array().map(Vec::as_slice).unwrap_or_default();
    // Ours leaves out what nobody reaches.
    let mut ours = config.receivers.iter();
    for (number, theirs) in receivers.iter().enumerate() {
        if !is_reachable(receivers, number) {
            continue;
        }
        let ours = ours.next();
        let place = format!("{}, receiver {}", config.config.name, theirs["name"]);
        let texts =
            theirs["texts"].as_array().into_iter().flatten().chain(
                theirs["headers"].as_object().into_iter().flat_map(|headers| headers.values()),
            );
        for text in texts.filter(|text| text.as_str().is_some_and(|text| text.contains("{{"))) {
            all.push(Work {
                place: format!("{place}, {text}"),
                config,
                question: json!({"op": "template", "texts": [text]}),
                kind: "stdout",
                settings: json!({"layout": {"text": text}}),
                inside: true,
            });
        }
        if theirs["layout"].is_null() && theirs["deDot"].is_null() {
            continue;
        }
        let (kind, settings) = ours.filter(|ours| BARE.contains(&ours.kind.name)).map_or_else(
            || ("stdout", json!({"layout": theirs["layout"], "deDot": theirs["deDot"] == true})),
            |ours| (ours.kind.name, ours.settings.clone()),
        );
        let question = json!({"op": "render", "text": config.config.text, "receiver": number});
        all.push(Work { place, config, question, kind, settings, inside: false });
    }
    all
}

/// The odd and the real ones all, and those of the playground that were looked up.
fn one(
    oracle: &mut Oracle,
    work: &Work<'_>,
    sink: &AnySink,
    events: &Events,
    subject: &mut Subject,
) -> anyhow::Result<()> {
    let ranges = [(0, events.first_played, 1), (events.first_played + 1, events.len(), 2)];
    for (from, to, step) in ranges {
        let numbers: Vec<_> = (from..to).step_by(step).collect();
        let mut question = work.question.clone();
        question["cluster"] = work.config.theirs["clusterName"].as_str().into();
        question["brief"] = true.into();
        (question["from"], question["to"], question["step"]) =
            (from.into(), to.into(), step.into());
        let theirs: Vec<Theirs> = oracle.know_in_environment(question.clone())?;
        ensure!(theirs.len() == numbers.len(), "the oracle answered for other events");
        for (number, theirs) in numbers.into_iter().zip(theirs) {
            if theirs.hash.is_empty() && theirs.error.is_empty() {
                // Its client would not have read the event.
                subject.allowed("D26");
                continue;
            }
            let ours = render(work, sink, events, number);
            let same = match &ours {
                Ok(ours) => hash(ours) == theirs.hash,
                Err(_) => !theirs.error.is_empty(),
            };
            if same {
                subject.equal();
                continue;
            }
            question["brief"] = false.into();
            (question["from"], question["to"]) = (number.into(), (number + 1).into());
            let theirs: Vec<Theirs> = oracle.know_in_environment(question.clone())?;
            if events.odd_times.contains(&number) {
                subject.allowed("D35");
            } else {
                judge(subject, work, number, &theirs[0], &ours);
            }
        }
    }
    Ok(())
}

/// What our sink makes of an event.
fn render(
    work: &Work<'_>,
    sink: &AnySink,
    events: &Events,
    number: usize,
) -> Result<String, String> {
    let cluster = work.config.theirs["clusterName"].as_str().unwrap_or_default();
    let payloads = sink
        .encode(&vec![events.with_cluster(number, cluster)])
        .map_err(|error| error.to_string())?;
    let body = payloads.first().map(|payload| payload.body.clone()).unwrap_or_default();
    let text = String::from_utf8_lossy(&body).into_owned();
    let theirs_ends = work.config.ends_lines(&work.question["receiver"]);
    let text = if theirs_ends { text } else { text.trim_end_matches('\n').to_owned() };
    if !work.inside {
        return Ok(text);
    }
    let value: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    value["text"].as_str().map(str::to_owned).ok_or_else(|| text.clone())
}

fn judge(
    subject: &mut Subject,
    work: &Work<'_>,
    number: usize,
    theirs: &Theirs,
    ours: &Result<String, String>,
) {
    if let Some(id) = &work.config.meant {
        return subject.allowed(id);
    }
    if let Ok(ours) = ours
        && same_but_addresses(&theirs.text, ours)
    {
        return subject.allowed("D71");
    }
    if let Ok(ours) = ours
        && let Ok(ours) = serde_json::from_str::<Value>(ours)
        && let Ok(mut theirs) = serde_json::from_str::<Value>(&theirs.text)
        && with_scalars(&mut theirs, &work.settings["layout"])
        && theirs == ours
    {
        return subject.allowed("D30");
    }
    subject.wrong(|| {
        let said = |text: &str, error: &str| {
            if error.is_empty() { text.to_owned() } else { format!("error: {error}") }
        };
        let ours = ours.as_ref().map_or_else(|error| said("", error), |text| said(text, ""));
        let theirs = said(&theirs.text, &theirs.error);
        format!("event {number}\n{}", diff(&theirs, &ours))
    });
}

/// Puts the layout's numbers and booleans where the original wrote `null`; says whether there are any.
fn with_scalars(theirs: &mut Value, layout: &Value) -> bool {
    match (theirs, layout) {
        (Value::Object(theirs), Value::Object(layout)) => {
            let members =
                layout.iter().filter_map(|(key, part)| Some((theirs.get(key)?, key, part)));
            let keys: Vec<_> = members.map(|(_, key, part)| (key.clone(), part.clone())).collect();
            keys.into_iter()
                .fold(false, |any, (key, part)| with_scalars(&mut theirs[&key], &part) | any)
        }
        (Value::Array(theirs), Value::Array(layout)) => theirs
            .iter_mut()
            .zip(layout)
            .fold(false, |any, (theirs, part)| with_scalars(theirs, part) | any),
        (theirs @ Value::Null, Value::Number(_) | Value::Bool(_)) => {
            *theirs = layout.clone();
            true
        }
        _ => false,
    }
}

/// FNV-1a, which both sides have.
fn hash(text: &str) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    let mut hexadecimal = String::with_capacity(16);
    write!(hexadecimal, "{hash:016x}").expect("a string takes every write");
    hexadecimal
}
