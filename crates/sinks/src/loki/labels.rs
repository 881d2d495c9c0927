//! The labels of a stream. Each set of values is a stream of its own, and Loki is slow with many: so a template that
//! reads what nearly every event has another of is refused, unless it is wanted.

use std::{collections::BTreeMap, fmt};

use event::Event;
use jiff::Timestamp;
use template::{Read, Template};

use crate::{environment::Process, headers, shape, template_data, visible::visible};

/// A stream needs one label at least; this is what events have whose config gives them none.
const DEFAULT: (&str, &str) = ("job", "kubernetes-events");

/// Longest value in bytes; Loki refuses more than 2048.
const LONGEST: usize = 1024;

/// What nearly every event, or every object, has another of.
const UNBOUNDED: &[&str] = &[
    "Name",
    "GenerateName",
    "UID",
    "ResourceVersion",
    "SelfLink",
    "ID",
    "Message",
    "Count",
    "Series",
    "Occurrences",
    "Annotations",
    "FirstTimestamp",
    "LastTimestamp",
    "EventTime",
    "CreationTimestamp",
    "GetTimestampMs",
    "GetTimestampISO8601",
    "ToJSON",
    "DeDot",
];

/// What a label's value is made of.
enum Value {
    Fixed(String),
    Made(Template),
}

/// The labels of every stream.
pub(super) struct Labels(Vec<(String, Value)>);

impl Labels {
    /// An error says which label is wrong.
    pub(super) fn compile(
        configured: &BTreeMap<String, String>,
        unbounded: bool,
    ) -> Result<Self, String> {
        let mut labels = Vec::new();
        for (name, value) in configured {
            if !is_name(name) {
                return Err(format!(
                    "`streamLabels`: `{}` is no label; a name has letters, digits and `_` only",
                    visible(name)
                ));
            }
            if !headers::is_template(value) {
                labels.push((name.clone(), Value::Fixed(value.clone())));
                continue;
            }
            let template = Template::parse("template", value)
                .map_err(|error| format!("streamLabels.{name}: {error}"))?;
            if !unbounded && reads_unbounded(&template) {
                return Err(format!(
                    "`streamLabels.{name}`: nearly every event has another value, and each makes a \
                     stream of its own; leave it to the line, or set `unboundedLabels: true`"
                ));
            }
            labels.push((name.clone(), Value::Made(template)));
        }
        Ok(Self(labels))
    }

    /// Those of the stream of `event`. An empty one is none.
    pub(super) fn of(
        &self,
        event: &Event,
        process: &Process,
        now: Timestamp,
    ) -> Result<BTreeMap<String, String>, String> {
        let mut labels = BTreeMap::new();
        for (name, value) in &self.0 {
            let mut value = match value {
                Value::Fixed(value) => value.clone(),
                Value::Made(template) => template
                    .execute(&template_data::of(event), &shape::context(process, now))
                    .map_err(|error| format!("streamLabels.{name}: {error}"))?,
            };
            let mut length = value.len().min(LONGEST);
            while !value.is_char_boundary(length) {
                length -= 1;
            }
            value.truncate(length);
            if !value.is_empty() {
                labels.insert(name.clone(), value);
            }
        }
        if labels.is_empty() {
            labels.insert(DEFAULT.0.to_owned(), DEFAULT.1.to_owned());
        }
        Ok(labels)
    }

    pub(super) fn needs_lookup(&self) -> bool {
        self.templates().any(shape::needs_lookup)
    }

    pub(super) fn names(&self, fields: &[&str]) -> bool {
        self.templates().any(|template| shape::names(template, fields))
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        self.0.iter().filter_map(|(_, value)| match value {
            Value::Fixed(_) => None,
            Value::Made(template) => Some(template),
        })
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn reads_unbounded(template: &Template) -> bool {
    template.reads(&|read| match read {
        Read::Whole => true,
        Read::Path(path) => path.iter().any(|name| UNBOUNDED.contains(&&**name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(configured: &[(&str, &str)]) -> Result<Labels, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Labels::compile(&configured.iter().map(owned).collect(), false)
    }

    #[track_caller]
    fn check(configured: &[(&str, &str)], expected: &[(&str, &str)]) {
        let mut event = Event { reason: "BackOff".into(), ..Event::default() };
        event.involved.reference.kind = "Pod".into();
        let made = labels(configured).unwrap();
        let made = made.of(&event, &Process::default(), Timestamp::UNIX_EPOCH).unwrap();
        let made: Vec<_> = made.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(made, expected);
    }

    #[test]
    fn values_are_texts_or_templates_and_an_empty_one_is_left_out() {
        check(
            &[
                ("app", "events"),
                ("kind", "{{ .InvolvedObject.Kind }}"),
                ("ns", "{{ .Namespace }}"),
            ],
            &[("app", "events"), ("kind", "Pod")],
        );
        check(&[("ns", "{{ .Namespace }}")], &[DEFAULT]);
        check(&[], &[DEFAULT]);
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let long = "ä".repeat(2000);
        check(&[("a", &format!("x{long}"))], &[("a", &format!("x{}", "ä".repeat(511)))]);
    }

    #[test]
    fn what_would_make_a_stream_of_every_event_is_refused() {
        for value in
            ["{{ .InvolvedObject.Name }}", "{{ .UID }}", "{{ . | toJson }}", "{{ .Message }}"]
        {
            let error = labels(&[("a", value)]).err().unwrap();
            assert!(error.starts_with("`streamLabels.a`: nearly every event"), "{value}: {error}");
            let configured = [("a".to_owned(), value.to_owned())].into();
            assert!(Labels::compile(&configured, true).is_ok());
        }
        for value in
            ["{{ .Reason }}", "{{ .InvolvedObject.Labels.app }}", "{{ .Source.Component }}"]
        {
            assert!(labels(&[("a", value)]).is_ok(), "{value}");
        }
    }

    #[test]
    fn a_name_that_loki_refuses_is_refused_at_once() {
        let error = labels(&[("app.kubernetes.io/name", "x")]).err().unwrap();
        assert_eq!(
            error,
            "`streamLabels`: `app.kubernetes.io/name` is no label; a name has letters, digits and `_` only"
        );
        assert!(labels(&[("", "x")]).is_err());
        assert!(labels(&[("_a1", "x")]).is_ok());
    }
}
