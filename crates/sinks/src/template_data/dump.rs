//! What the `String` methods print that gogo/protobuf generates: `{{ . }}` is one of them.

use event::{Event, Metadata, ObjectRef, OwnerReference, Series, Source, event::TextMap};
use template::{Struct, Value, fmt};

use super::{metadata::OBJECT_META, times};

/// Writes `Name:text,`.
fn field(out: &mut Vec<u8>, name: &str, text: &str) {
    for part in [name, ":", text, ","] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// What `write` appends, as text.
fn text_of(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}

fn time(time: Option<jiff::Timestamp>) -> String {
    text_of(|out| times::instant(time).write_string(out))
}

/// As `time`, where the generated code also renames the type in what it takes for its name.
fn without_and(text: &str) -> String {
    text.replacen('&', "", 1)
}

/// `&Event{…}`
pub(super) fn event(event: &Event, out: &mut Vec<u8>) {
    out.extend_from_slice(b"&Event{");
    let metadata = Value::Struct(Struct::new(&OBJECT_META, &event.metadata));
    // The generated code looks for the type's name in the text, and finds it in the data, too.
    let metadata = fmt::string(&metadata).replacen("ObjectMeta", "v1.ObjectMeta", 1);
    field(out, "ObjectMeta", &without_and(&metadata));
    field(
        out,
        "InvolvedObject",
        &without_and(&text_of(|out| reference(&event.involved.reference, out))),
    );
    field(out, "Reason", &event.reason);
    field(out, "Message", &event.message);
    field(out, "Source", &without_and(&text_of(|out| source(&event.source, out))));
    field(out, "FirstTimestamp", &time(event.first_timestamp));
    field(out, "LastTimestamp", &time(event.last_timestamp));
    field(out, "Count", &event.count.to_string());
    field(out, "Type", &event.kind);
    field(out, "EventTime", &time(event.event_time));
    let series = event.series.as_ref();
    let series = series.map_or_else(|| "nil".to_owned(), |it| text_of(|out| self::series(it, out)));
    field(out, "Series", &series);
    field(out, "Action", &event.action);
    let related = event.related.as_ref();
    let related = related.map_or_else(|| "nil".to_owned(), |it| text_of(|out| reference(it, out)));
    field(out, "Related", &related);
    field(out, "ReportingController", &event.reporting_component);
    field(out, "ReportingInstance", &event.reporting_instance);
    out.push(b'}');
}

/// `&ObjectReference{…}`
pub(super) fn reference(it: &ObjectRef, out: &mut Vec<u8>) {
    out.extend_from_slice(b"&ObjectReference{");
    field(out, "Kind", &it.kind);
    field(out, "Namespace", &it.namespace);
    field(out, "Name", &it.name);
    field(out, "UID", &it.uid);
    field(out, "APIVersion", &it.api_version);
    field(out, "ResourceVersion", &it.resource_version);
    field(out, "FieldPath", &it.field_path);
    out.push(b'}');
}

/// `&EventSource{…}`
pub(super) fn source(it: &Source, out: &mut Vec<u8>) {
    out.extend_from_slice(b"&EventSource{");
    field(out, "Component", &it.component);
    field(out, "Host", &it.host);
    out.push(b'}');
}

/// `&EventSeries{…}`
pub(super) fn series(it: &Series, out: &mut Vec<u8>) {
    out.extend_from_slice(b"&EventSeries{");
    field(out, "Count", &it.count.to_string());
    field(out, "LastObservedTime", &time(it.last_observed_time));
    out.push(b'}');
}

/// `&OwnerReference{…}`
pub(super) fn owner(it: &OwnerReference, out: &mut Vec<u8>) {
    let bool =
        |bool: Option<bool>| bool.map_or_else(|| "nil".to_owned(), |bool| format!("*{bool}"));
    out.extend_from_slice(b"&OwnerReference{");
    field(out, "Kind", &it.kind);
    field(out, "Name", &it.name);
    field(out, "UID", &it.uid);
    field(out, "APIVersion", &it.api_version);
    field(out, "Controller", &bool(it.controller));
    field(out, "BlockOwnerDeletion", &bool(it.block_owner_deletion));
    out.push(b'}');
}

/// `&ObjectMeta{…}`
pub(super) fn metadata(it: &Metadata, out: &mut Vec<u8>) {
    out.extend_from_slice(b"&ObjectMeta{");
    field(out, "Name", &it.name);
    field(out, "GenerateName", &it.generate_name);
    field(out, "Namespace", &it.namespace);
    field(out, "SelfLink", &it.self_link);
    field(out, "UID", &it.uid);
    field(out, "ResourceVersion", &it.resource_version);
    field(out, "Generation", &it.generation.to_string());
    field(out, "CreationTimestamp", &time(it.creation_timestamp));
    let deletion = it.deletion_timestamp.map_or_else(|| "<nil>".to_owned(), |at| time(Some(at)));
    field(out, "DeletionTimestamp", &deletion);
    let grace = it.deletion_grace_period_seconds;
    let grace = grace.map_or_else(|| "nil".to_owned(), |seconds| format!("*{seconds}"));
    field(out, "DeletionGracePeriodSeconds", &grace);
    field(out, "Labels", &map(&it.labels));
    field(out, "Annotations", &map(&it.annotations));
    let owners = text_of(|out| {
        out.extend_from_slice(b"[]OwnerReference{");
        for owner in &it.owner_references {
            let text = text_of(|out| self::owner(owner, out));
            out.extend_from_slice(without_and(&text).as_bytes());
            out.push(b',');
        }
        out.push(b'}');
    });
    field(out, "OwnerReferences", &owners);
    let finalizers: Vec<_> = it.finalizers.iter().map(event::Text::as_str).collect();
    field(out, "Finalizers", &format!("[{}]", finalizers.join(" ")));
    field(out, "ManagedFields", "[]ManagedFieldsEntry{}");
    out.push(b'}');
}

fn map(map: &TextMap) -> String {
    let mut text = "map[string]string{".to_owned();
    for (key, value) in map {
        text.extend([key.as_str(), ": ", value, ","]);
    }
    text + "}"
}
