//! What an operator asks of the lanes: to stop, to go on, to send something again, to give something up.
//!
//! A command goes through the socket in the state folder to the process that owns it (`server`); where there is
//! none, it takes the folder itself (`client`). Both ask the same `desk`, in the same words (`protocol`).

mod client;

mod desk;

mod protocol;

mod server;

pub(crate) use client::ask;
pub(crate) use desk::Desk;
pub(crate) use protocol::{Request, Which};
pub(crate) use server::serve;

/// The socket in the state folder.
const SOCKET: &str = "tidings.sock";
