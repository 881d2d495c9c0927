//! Templates see the event as they do in kubernetes-event-exporter: every row of the table that Go made
//! with its types (`e2e/oracle/template`).

use std::{collections::BTreeMap, fs};

use event::{Event, json};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use sinks::template_data;
use template::{Context, Sealed, Template};

fn lines(name: &str) -> Vec<Value> {
    let path = format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn events() -> BTreeMap<String, Event> {
    let rows = lines("events.ndjson").into_iter();
    rows.map(|row| {
        let read = |value: &Value| json::decode(value.to_string().as_bytes()).unwrap();
        let mut event = read(&row["event"]);
        // What was looked up has the shape of metadata.
        let found = read(&serde_json::json!({ "metadata": row["found"] })).metadata;
        event.involved.labels = found.labels;
        event.involved.annotations = found.annotations;
        event.involved.owner_references = found.owner_references;
        event.involved.deleted = row["found"]["deleted"] == true;
        event.cluster_name = row["cluster"].as_str().unwrap().into();
        (row["name"].as_str().unwrap().to_owned(), event)
    })
    .collect()
}

fn run(text: &str, event: &Event) -> Result<String, String> {
    let context =
        Context { now: Timestamp::UNIX_EPOCH, zone: &TimeZone::UTC, environment: &Sealed };
    let template = Template::parse("t", text).map_err(|error| error.to_string())?;
    template.execute(&template_data::of(event), &context).map_err(|error| error.to_string())
}

#[test]
fn every_template_of_the_table_does_as_in_go() {
    let events = events();
    let rows = lines("templates.ndjson");
    let mut different = Vec::new();
    for row in &rows {
        let text = row["template"].as_str().unwrap();
        let name = row["data"].as_str().unwrap();
        let go = match row["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(row["output"].as_str().unwrap_or_default().to_owned()),
        };
        let ours = run(text, &events[name]);
        if ours != go {
            different.push(format!("{text} of {name}\n  ours {ours:?}\n  go   {go:?}"));
        }
    }
    let (count, all) = (different.len(), rows.len());
    assert!(different.is_empty(), "{count} of {all}:\n{}", different.join("\n"));
    assert!(all >= 400, "only {all} rows");
}

#[test]
fn what_is_ours_has_names_of_its_own() {
    let mut event = events().remove("full").unwrap();
    event.epoch = 2;
    event.occurrences = event::Occurrences { before: 3, after: 7 };
    event.involved.owner_chain = vec![
        event::OwnerReference {
            kind: "ReplicaSet".into(),
            name: "api-7".into(),
            ..Default::default()
        },
        event::OwnerReference {
            kind: "Deployment".into(),
            name: "api".into(),
            ..Default::default()
        },
    ];
    event.involved.namespace_labels.insert("team".into(), "shop".into());
    event.involved.enrichment = event::Enrichment::Incomplete;
    for (text, expected) in [
        ("{{ .ID }} {{ .Epoch }}", "2/0b5c7a6e-7a58-4c4c-9a39-3f2f8ad0a111/901 2"),
        ("{{ .Occurrences.Before }}-{{ .Occurrences.After }}: {{ .Occurrences.Added }}", "3-7: 4"),
        ("{{ range .InvolvedObject.OwnerChain }}{{ .Kind }} {{ end }}", "ReplicaSet Deployment "),
        ("{{ .InvolvedObject.RootOwner.Name }}", "api"),
        ("{{ .InvolvedObject.NamespaceLabels.team }}", "shop"),
        ("{{ .InvolvedObject.Enrichment }}", "incomplete"),
    ] {
        assert_eq!(run(text, &event).unwrap(), expected, "{text}");
    }
    let plain = Event::default();
    assert_eq!(
        run("{{ with .InvolvedObject.RootOwner }}{{ .Name }}{{ else }}none{{ end }}", &plain)
            .unwrap(),
        "none"
    );
    assert_eq!(run("{{ .InvolvedObject.Enrichment }}", &plain).unwrap(), "none");
}
