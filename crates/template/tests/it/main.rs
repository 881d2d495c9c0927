//! What the template engine promises, from outside.

mod values;
