//! The way of an event, one module a step, in the order of the way.
//!
//! `collect` turns the API server's list and watch into events with the occurrences they add;
//! `enrich` adds what is known of the involved object; `route` decides once which lanes an event
//! takes; `save` makes event, decision and position durable in one step; `send` carries each lane's
//! events to its receiver.

pub mod collect;

pub mod enrich;

pub mod route;

pub mod save;

pub mod send;
