//! The binary's inside: arguments, settings, wiring, exit codes.

pub mod app;

mod backfill;

mod canary;

mod cases;

pub mod check;

pub mod cli;

mod cluster;

mod comparing;

mod control;

pub mod demo;

pub mod exit;

mod following;

mod forecast;

mod inputs;

pub mod kinds;

mod lookups;

mod losses;

mod leading;

mod logging;

mod offline;

pub mod ops;

mod output;

mod parts;

mod receiver_texts;

mod receivers;

pub mod reloading;

mod report;

mod routing;

pub mod settings;

pub mod shadow;

mod signals;

mod source;

mod state;

mod term;

mod trial;

mod unified;
