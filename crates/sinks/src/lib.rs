//! Light destinations: one file for each, and one plain table of them.
//!
//! A sink encodes and sends, once; queueing, batching over time, retrying, limiting and parking is the
//! work of its lane. To add one: write its file, add its row to [`KINDS`], and add its destination to
//! the conformance tests, which fail until it is there.

use event::SinkKind;

/// `stdout`: one line per event on standard output, as JSON or for people.
pub mod stdout;

/// How a person reads an event on one line.
pub mod pretty;

/// `file`: one JSON line per event in a file that is rotated.
pub mod file;

/// `pipe`: one JSON line per event for the program that reads a named pipe.
pub mod pipe;

/// A file that is rotated by size, and its old parts removed by age and number.
mod rotate;

/// What becomes of an event in a payload.
pub mod shape;

/// `layout`.
mod layout;

/// What templates may ask of the process.
mod environment;

/// The event as templates see it.
pub mod template_data;

/// Writes whole lines, or says how many of them it wrote.
mod lines;

/// `webhook`: a POST per event, or per batch.
pub mod webhook;

/// `elasticsearch`: documents in bulk.
pub mod elasticsearch;

/// `opensearch`: documents in bulk.
pub mod opensearch;

/// The bulk API of both.
mod bulk;

/// `loki`: pushes of many lines.
pub mod loki;

/// `splunk`: the HTTP Event Collector.
pub mod splunk;

/// `clickhouse`: rows in a table.
pub mod clickhouse;

/// `otlp`: log records of OpenTelemetry.
pub mod otlp;

/// `syslog`: a message per event, over TCP, TLS, UDP or a socket of this host.
pub mod syslog;

/// `logstash`: one JSON document a line, over TCP, TLS or HTTP.
pub mod logstash;

/// `redis`: an entry of a stream, an element of a list or a message of a channel per event.
pub mod redis;

/// A destination that takes a stream of bytes.
mod stream;

/// `slack`: a message per event, or per group of events that are about the same.
pub mod slack;

/// `teams`: a text or a card.
pub mod teams;

/// `opsgenie`: an alert per event.
pub mod opsgenie;

/// `pagerduty`: opens and resolves incidents.
pub mod pagerduty;

/// `alertmanager`: events as alerts.
pub mod alertmanager;

/// `email`: a mail per batch.
pub mod email;

/// A key that takes one text as well as a list.
mod one_or_many;

/// Which incident an event belongs to.
mod incident;

/// What a person reads of events that are about the same.
mod message;

/// A text of the user's own, with templates in it.
pub mod phrase;

/// A JSON object with the bytes of Go's.
mod go_object;

/// A form with the bytes of Go's.
mod form;

/// The idempotency id of a payload.
pub mod ids;

/// What every HTTP destination shares: the client, the request, the errors.
pub mod http;

/// Header values that are templates.
mod headers;

/// Several addresses of one destination, in turn.
mod hosts;

/// Which events go into one request.
pub mod batch;

/// Requests signed for AWS.
mod aws;

/// What an HTTP answer means to a lane.
pub mod answer;

/// The `tls` block of every HTTP destination.
pub mod tls;

/// `tls.serverName` towards the server.
mod server_name;

/// The proxy that the environment names.
mod proxy;

/// Keeps secrets out of texts.
pub mod secrets;

/// Text of strangers, made safe to show.
mod visible;

/// Every kind of destination in this crate.
pub const KINDS: &[SinkKind] = &[
    SinkKind::of::<stdout::Stdout>(),
    SinkKind::of::<file::File>(),
    SinkKind::of::<pipe::Pipe>(),
    SinkKind::of::<webhook::Webhook>(),
    SinkKind::of::<elasticsearch::Elasticsearch>(),
    SinkKind::of::<opensearch::Opensearch>(),
    SinkKind::of::<loki::Loki>(),
    SinkKind::of::<splunk::Splunk>(),
    SinkKind::of::<clickhouse::Clickhouse>(),
    SinkKind::of::<otlp::Otlp>(),
    SinkKind::of::<slack::Slack>(),
    SinkKind::of::<teams::Teams>(),
    SinkKind::of::<opsgenie::Opsgenie>(),
    SinkKind::of::<pagerduty::Pagerduty>(),
    SinkKind::of::<alertmanager::Alertmanager>(),
    SinkKind::of::<email::Email>(),
    SinkKind::of::<syslog::Syslog>(),
    SinkKind::of::<logstash::Logstash>(),
    SinkKind::of::<redis::Redis>(),
];
