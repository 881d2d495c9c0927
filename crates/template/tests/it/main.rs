//! What the template engine promises, from outside.

mod anything;

mod differences;

mod golden;

mod sprig;

mod sprig_limits;

mod values;
