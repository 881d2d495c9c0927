//! What the template engine promises, from outside.

mod anything;
mod golden;
mod values;
