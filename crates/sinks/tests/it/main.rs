//! Integration tests of the sinks, in one binary.
