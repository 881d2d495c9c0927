//! The binary's inside: arguments, settings, wiring, exit codes.

pub mod app;

pub mod check;

pub mod cli;

mod cluster;

pub mod demo;

pub mod exit;

mod following;

pub mod kinds;

mod lookups;

mod logging;

pub mod ops;

mod receivers;

mod report;

pub mod settings;

mod signals;

mod source;

mod state;
