//! Integration tests of the sinks, in one binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use sinks::KINDS;

/// What libraries log on the way to a destination.
const LOGGED: &str = "connect";

mod alertmanager;

mod bulk;

mod clickhouse;

mod conformance;

mod destination;

mod destinations;

mod email;

mod file;

mod loki;

mod mail_server;

mod opsgenie;

mod logstash;
mod otlp;

mod pipe;

mod redis;

mod pagerduty;

mod people;

mod over_http;

mod samples;

mod server;

mod slack;

mod splunk;

mod stdout;

mod stores;
mod streams;

mod syslog;

mod teams;

mod template_data;

mod tls;

mod webhook;
