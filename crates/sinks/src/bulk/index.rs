//! The index that a document goes into: always the same, or one for each day, month, … of the event.

use std::borrow::Cow;

use event::Event;
use jiff::Timestamp;
use serde::Deserialize;
use template::Time;

/// The time that `indexFormat` writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum IndexTime {
    /// The event's: a repeat goes where it went before, what was late goes where it belongs.
    #[default]
    Event,
    /// That of sending, as in the original.
    Now,
}

/// How the index of an event is named.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Index {
    Fixed(String),
    Dated { before: String, layout: String, after: String, time: IndexTime },
}

impl Index {
    /// `format` wins over `index`: its text from the first `{` to the last `}` is a layout of Go's package `time`.
    pub(crate) fn new(index: String, format: &str, time: IndexTime) -> Result<Self, &'static str> {
        if format.is_empty() {
            return if index.is_empty() {
                Err("is missing; name the index, or give `indexFormat`")
            } else {
                Ok(Self::Fixed(index))
            };
        }
        let braces = format.find('{').zip(format.rfind('}')).filter(|(open, close)| open < close);
        Ok(match braces {
            None => Self::Fixed(format.to_owned()),
            Some((open, close)) => Self::Dated {
                before: format[..open].to_owned(),
                layout: format[open + 1..close].to_owned(),
                after: format[close + 1..].to_owned(),
                time,
            },
        })
    }

    /// The index of `event`; the time is in UTC.
    pub(crate) fn of(&self, event: &Event, now: Timestamp) -> Cow<'_, str> {
        match self {
            Self::Fixed(name) => name.into(),
            Self::Dated { before, layout, after, time } => {
                let time = match time {
                    IndexTime::Event => event.timestamp().unwrap_or(now),
                    IndexTime::Now => now,
                };
                format!("{before}{}{after}", Time::utc(time).format(layout)).into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(format: &str, time: IndexTime) -> String {
        let event =
            Event { last_timestamp: "2024-05-31T23:59:59Z".parse().ok(), ..Event::default() };
        let now = "2024-06-01T10:00:00Z".parse().unwrap();
        Index::new("fixed".into(), format, time).unwrap().of(&event, now).into_owned()
    }

    #[test]
    fn an_index_is_named_by_the_events_time_unless_asked_for_now() {
        assert_eq!(name("kube-events-{2006-01-02}", IndexTime::Event), "kube-events-2024-05-31");
        assert_eq!(name("kube-events-{2006-01-02}", IndexTime::Now), "kube-events-2024-06-01");
        assert_eq!(name("{06.Jan}-x", IndexTime::Event), "24.May-x");
    }

    #[test]
    fn a_format_without_a_time_is_a_name_and_no_format_is_the_index() {
        assert_eq!(name("events", IndexTime::Event), "events");
        assert_eq!(name("}2006{", IndexTime::Event), "}2006{");
        assert_eq!(name("", IndexTime::Event), "fixed");
        assert!(Index::new(String::new(), "", IndexTime::Event).is_err());
    }
}
