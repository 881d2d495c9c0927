//! Integration tests of the sinks, in one binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod alertmanager;

mod bulk;

mod clickhouse;

mod conformance;

mod destinations;

mod email;

mod file;

mod loki;

mod mail_server;

mod opsgenie;

mod otlp;

mod pagerduty;

mod people;

mod samples;

mod server;

mod slack;

mod splunk;

mod stdout;

mod stores;

mod teams;

mod template_data;

mod tls;

mod webhook;
