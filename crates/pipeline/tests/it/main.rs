//! What the steps promise together.

mod model;
