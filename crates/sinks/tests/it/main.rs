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

mod logstash;
mod otlp;

mod pipe;

mod redis;

mod pagerduty;

mod people;

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
