//! One event as a syslog message.

use std::io::Write;

use event::Event;
use jiff::Timestamp;
use serde::Deserialize;

/// Longest fields of RFC 5424.
const HOSTNAME: usize = 255;
const APP_NAME: usize = 48;
const PROC_ID: usize = 128;
const MSG_ID: usize = 32;

/// How the head of a message is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) enum Format {
    /// As Go's `log/syslog` writes it: RFC 3164 with a time of RFC 3339.
    #[default]
    #[serde(rename = "rfc3164")]
    Rfc3164,
    /// RFC 5424, with the event's id as structured data and its reason as MSGID.
    #[serde(rename = "rfc5424")]
    Rfc5424,
}

/// Where a message comes from, for the server's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facility(u8);

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

impl Facility {
    /// Nothing is `local0`, as in the original.
    pub(super) fn read(word: &str) -> Option<Self> {
        let word = if word.is_empty() { "local0" } else { word };
        let place = FACILITIES.iter().position(|facility| facility.eq_ignore_ascii_case(word))?;
        u8::try_from(place).ok().map(Self)
    }
}

/// How bad a message is, for the server's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// The same for each.
    Always(u8),
    /// `warning` for a Warning, else `info`.
    OfEvent,
}

const SEVERITIES: [&[&str]; 8] = [
    &["emergency", "emerg", "panic"],
    &["alert"],
    &["critical", "crit"],
    &["error", "err"],
    &["warning", "warn"],
    &["notice"],
    &["informational", "info"],
    &["debug"],
];

impl Severity {
    /// Nothing is what the original sends in its format, and what is meant in the other.
    pub(super) fn read(word: &str, format: Format) -> Option<Self> {
        match (word, format) {
            ("event", _) | ("", Format::Rfc5424) => return Some(Self::OfEvent),
            ("", Format::Rfc3164) => return Some(Self::Always(0)),
            _ => {}
        }
        let is_it = |words: &[&str]| words.iter().any(|it| it.eq_ignore_ascii_case(word));
        let place = SEVERITIES.iter().position(|words| is_it(words))?;
        u8::try_from(place).ok().map(Self::Always)
    }

    fn of(self, event: &Event) -> u8 {
        match self {
            Self::Always(severity) => severity,
            Self::OfEvent if event.kind == "Warning" => 4,
            Self::OfEvent => 6,
        }
    }
}

/// What stands in front of every event.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) format: Format,
    pub(super) facility: Facility,
    pub(super) severity: Severity,
    /// None towards a socket of this host, where the original names none either.
    pub(super) hostname: Option<String>,
    pub(super) tag: String,
    pub(super) proc_id: String,
}

impl Head {
    /// Appends the head of `event`; `now` is the time of one that has none.
    pub(super) fn write(&self, out: &mut Vec<u8>, event: &Event, now: Timestamp) {
        let priority = self.facility.0 * 8 + self.severity.of(event);
        let time = event.timestamp().unwrap_or(now);
        let Self { tag, proc_id, .. } = self;
        let written = match (self.format, &self.hostname) {
            (Format::Rfc3164, Some(hostname)) => {
                let time = time.strftime("%Y-%m-%dT%H:%M:%SZ");
                write!(out, "<{priority}>{time} {hostname} {tag}[{proc_id}]: ")
            }
            (Format::Rfc3164, None) => {
                let time = time.strftime("%b %e %H:%M:%S");
                write!(out, "<{priority}>{time} {tag}[{proc_id}]: ")
            }
            (Format::Rfc5424, hostname) => {
                let time = time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ");
                let hostname = field(hostname.as_deref().unwrap_or_default(), HOSTNAME);
                let (tag, proc_id) = (field(tag, APP_NAME), field(proc_id, PROC_ID));
                let reason = field(&event.reason, MSG_ID);
                let id = quoted(&event.id().to_string());
                // The number stands for an enterprise; 32473 is the one that belongs to nobody.
                write!(
                    out,
                    "<{priority}>1 {time} {hostname} {tag} {proc_id} {reason} [tidings@32473 id=\"{id}\"] "
                )
            }
        };
        written.expect("a buffer takes every write");
    }
}

/// A field of RFC 5424: printable ASCII, or `-`.
fn field(text: &str, longest: usize) -> String {
    let printable = text.chars().filter(char::is_ascii_graphic).take(longest);
    let field: String = printable.collect();
    if field.is_empty() { "-".to_owned() } else { field }
}

/// A value of RFC 5424's structured data.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for char in text.chars().filter(|char| !char.is_control()) {
        if matches!(char, '"' | '\\' | ']') {
            quoted.push('\\');
        }
        quoted.push(char);
    }
    quoted
}

/// Puts `#012` in the place of a line end, as syslog daemons do: a line is a message.
pub(super) fn on_one_line(message: &mut Vec<u8>, from: usize) {
    if !message[from..].iter().any(|byte| is_control(*byte)) {
        return;
    }
    let text = message.split_off(from);
    for byte in text {
        if is_control(byte) {
            write!(message, "#{byte:03o}").expect("a buffer takes every write");
        } else {
            message.push(byte);
        }
    }
}

fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(format: Format, severity: &str, facility: &str, hostname: Option<&str>) -> Head {
        Head {
            format,
            facility: Facility::read(facility).unwrap(),
            severity: Severity::read(severity, format).unwrap(),
            hostname: hostname.map(str::to_owned),
            tag: "k8s".to_owned(),
            proc_id: "7".to_owned(),
        }
    }

    fn event(kind: &str) -> Event {
        let mut event = Event {
            kind: kind.into(),
            reason: "Back Off".into(),
            last_timestamp: Some("2024-06-01T10:04:00Z".parse().unwrap()),
            ..Event::default()
        };
        event.metadata.uid = "a\"b]".into();
        event.metadata.resource_version = "9".into();
        event
    }

    #[track_caller]
    fn check(head: &Head, kind: &str, expected: &str) {
        let mut out = Vec::new();
        head.write(&mut out, &event(kind), "2024-06-02T00:00:00Z".parse().unwrap());
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn the_default_is_what_go_writes() {
        let network = head(Format::Rfc3164, "", "", Some("node-a"));
        check(&network, "Warning", "<128>2024-06-01T10:04:00Z node-a k8s[7]: ");
        let local = head(Format::Rfc3164, "", "", None);
        check(&local, "Normal", "<128>Jun  1 10:04:00 k8s[7]: ");
    }

    #[test]
    fn severity_and_facility_can_be_chosen_and_follow_the_event() {
        let mail = head(Format::Rfc3164, "ERR", "mail", None);
        check(&mail, "Warning", "<19>Jun  1 10:04:00 k8s[7]: ");
        let by_event = head(Format::Rfc3164, "event", "local7", None);
        check(&by_event, "Warning", "<188>Jun  1 10:04:00 k8s[7]: ");
        check(&by_event, "Normal", "<190>Jun  1 10:04:00 k8s[7]: ");
        assert_eq!(Facility::read("local8"), None);
        assert_eq!(Severity::read("bad", Format::Rfc3164), None);
    }

    #[test]
    fn the_newer_format_has_the_id_and_the_reason_and_no_broken_field() {
        let head = head(Format::Rfc5424, "", "", Some(""));
        check(
            &head,
            "Warning",
            "<132>1 2024-06-01T10:04:00.000000Z - k8s 7 BackOff \
             [tidings@32473 id=\"a\\\"b\\]/9\"] ",
        );
    }

    #[test]
    fn a_line_end_in_a_message_ends_no_message() {
        let mut message = b"head\n: one\r\ntwo\tthree".to_vec();
        on_one_line(&mut message, 5);
        assert_eq!(message, b"head\n: one#015#012two\tthree");
    }
}
