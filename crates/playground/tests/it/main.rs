//! The playground through real sockets, asked as clients ask an API server.

#[expect(clippy::unwrap_used, reason = "a test that cannot reach its server has failed")]
mod client;

mod api;

mod watches;

mod faults;

mod commands;

#[expect(clippy::unwrap_used, reason = "what is not as expected is a failure")]
mod soak;
