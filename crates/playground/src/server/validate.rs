//! Which Events the API server takes: a port of `pkg/apis/core/validation/events.go`.

use event::Event;
use serde_json::Value;

use super::{
    form::Form,
    resource::Resource,
    status::{Cause, Details, Status},
};

/// Checks a new Event, or a new state of `old`.
pub(super) fn event(new: &Event, old: Option<&Event>, resource: &Resource) -> Result<(), Status> {
    let mut causes = Vec::new();
    if new.metadata.name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    }
    always(new, resource.form(), &mut causes);
    if resource.form() == Form::Events {
        match old {
            None => created(new, &mut causes),
            Some(old) => updated(new, old, &mut causes),
        }
    }
    if causes.is_empty() {
        return Ok(());
    }
    let details = Details {
        name: new.metadata.name.to_string(),
        group: resource.error_group(),
        kind: resource.kind,
        causes,
        ..Details::default()
    };
    Err(Status::invalid(&resource.qualified_kind(), details))
}

/// What holds for both APIs.
fn always(event: &Event, form: Form, causes: &mut Vec<Cause>) {
    let own = &*event.metadata.namespace;
    let object = &*event.involved.reference.namespace;
    let agree = if event.event_time.is_none() {
        own == object || (object.is_empty() && own == "default")
    } else {
        !object.is_empty() || matches!(own, "default" | "kube-system")
    };
    if !agree {
        let why = "does not match event.namespace";
        causes.push(Cause::invalid("involvedObject.namespace", object, why));
    }
    if event.event_time.is_none() {
        return;
    }
    let controller = match form {
        Form::Core => "reportingComponent",
        Form::Events => "reportingController",
    };
    let limited = [
        (controller, &event.reporting_component, usize::MAX),
        ("reportingInstance", &event.reporting_instance, 128),
        ("action", &event.action, 128),
        ("reason", &event.reason, 128),
    ];
    for (field, text, most) in limited {
        if text.is_empty() {
            causes.push(Cause::required(field, ""));
        } else if text.len() > most {
            let why = format!("can have at most {most} characters");
            causes.push(Cause::invalid(field, "", &why));
        }
    }
    if event.message.len() > 1024 {
        causes.push(Cause::invalid("message", "", "can have at most 1024 characters"));
    }
}

fn created(event: &Event, causes: &mut Vec<Cause>) {
    series(event, causes);
    if event.event_time.is_none() {
        causes.push(Cause::required("eventTime", ""));
    }
    if !matches!(&*event.kind, "Normal" | "Warning") {
        let why = format!("has invalid value: {}", event.kind);
        causes.push(Cause::invalid("type", "", &why));
    }
    let set = [
        ("firstTimestamp", event.first_timestamp.is_some()),
        ("lastTimestamp", event.last_timestamp.is_some()),
        ("count", event.count != 0),
        ("source", !event.source.component.is_empty() || !event.source.host.is_empty()),
    ];
    for (field, is_set) in set {
        if is_set {
            causes.push(Cause::invalid(field, "", "needs to be unset"));
        }
    }
}

fn series(event: &Event, causes: &mut Vec<Cause>) {
    if let Some(series) = event.series {
        if series.count < 2 {
            causes.push(Cause::invalid("series.count", "", "should be at least 2"));
        }
        if series.last_observed_time.is_none() {
            causes.push(Cause::required("series.lastObservedTime", ""));
        }
    }
}

fn updated(new: &Event, old: &Event, causes: &mut Vec<Cause>) {
    if new.series != old.series {
        series(new, causes);
    }
    let same = [
        ("involvedObject", new.involved.reference == old.involved.reference, ""),
        ("reason", new.reason == old.reason, &new.reason),
        ("message", new.message == old.message, &new.message),
        ("source", new.source == old.source, ""),
        ("firstTimestamp", new.first_timestamp == old.first_timestamp, ""),
        ("lastTimestamp", new.last_timestamp == old.last_timestamp, ""),
        ("count", new.count == old.count, ""),
        ("type", new.kind == old.kind, &new.kind),
        ("eventTime", new.event_time == old.event_time, ""),
        ("action", new.action == old.action, &new.action),
        ("related", new.related == old.related, ""),
        (
            "reportingController",
            new.reporting_component == old.reporting_component,
            &new.reporting_component,
        ),
        (
            "reportingInstance",
            new.reporting_instance == old.reporting_instance,
            &new.reporting_instance,
        ),
    ];
    for (field, unchanged, value) in same {
        if !unchanged {
            causes.push(Cause::invalid(field, value, "field is immutable"));
        }
    }
}

/// Checks the name of an object that is not an Event.
pub(super) fn object(value: &Value, resource: &Resource) -> Result<(), Status> {
    if value["metadata"]["name"].as_str().is_some_and(|name| !name.is_empty()) {
        return Ok(());
    }
    let details = Details {
        group: resource.error_group(),
        kind: resource.kind,
        causes: vec![Cause::required("metadata.name", "name or generateName is required")],
        ..Details::default()
    };
    Err(Status::invalid(&resource.qualified_kind(), details))
}
