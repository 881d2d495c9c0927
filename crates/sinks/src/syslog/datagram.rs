//! One message a datagram: over UDP, which nobody confirms, or to a socket of this host, which takes it or says so.

use std::{io, path::PathBuf};

use event::SendError;
use rustix::io::Errno;
use tokio::net::{UdpSocket, UnixDatagram};

use crate::{lines, visible::visible};

/// The most bytes that a UDP datagram carries, over IPv4.
pub(super) const LARGEST: usize = 65_507;

/// Where datagrams go.
#[derive(Debug)]
pub(super) enum Datagrams {
    /// `host:port`.
    Udp(String),
    /// A socket in the file system.
    Unix(PathBuf),
}

enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Datagrams {
    /// Opens a socket, without a word to anybody.
    async fn open(&self) -> io::Result<Socket> {
        match self {
            Self::Udp(address) => {
                let mut last = None;
                for address in tokio::net::lookup_host(address).await? {
                    let any: std::net::SocketAddr = match address {
                        std::net::SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
                        std::net::SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
                    };
                    let socket = UdpSocket::bind(any).await?;
                    match socket.connect(address).await {
                        Ok(()) => return Ok(Socket::Udp(socket)),
                        Err(error) => last = Some(error),
                    }
                }
                Err(last.unwrap_or_else(|| io::ErrorKind::HostUnreachable.into()))
            }
            Self::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                Ok(Socket::Unix(socket))
            }
        }
    }

    /// Sends each line of `body`, its end included, as a datagram.
    pub(super) async fn deliver(&self, events: usize, body: &[u8]) -> Result<(), SendError> {
        let socket = self.open().await.map_err(|error| self.unavailable(&error))?;
        for (index, message) in body.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let Err(error) = socket.send(message).await else { continue };
            let too_long = error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error());
            if index == 0 && !too_long {
                return Err(self.unavailable(&error));
            }
            let why =
                too_long.then(|| format!("{} bytes are too many for a datagram", message.len()));
            let mut failed = vec![(index, why)];
            failed.extend((index + 1..events).map(|later| (later, None)));
            return Err(SendError::Partial { failed });
        }
        Ok(())
    }

    /// Whether somebody is there, as far as that can be known without a message.
    pub(super) async fn probe(&self) -> Result<Option<String>, SendError> {
        self.open().await.map_err(|error| self.unavailable(&error))?;
        Ok(match self {
            Self::Udp(_) => None,
            Self::Unix(path) => Some(format!("{} takes messages", path.display())),
        })
    }

    fn unavailable(&self, error: &io::Error) -> SendError {
        let place = match self {
            Self::Udp(address) => address.clone(),
            Self::Unix(path) => path.display().to_string(),
        };
        let cause = visible(&error.to_string());
        SendError::Unavailable {
            reason: format!("{place} cannot be reached: {cause}"),
            retry_after: None,
        }
    }
}

impl Socket {
    async fn send(&self, message: &[u8]) -> io::Result<()> {
        match self {
            Self::Udp(socket) => {
                socket.send(message).await?;
                // On the own host, that nobody listens is known at once.
                socket.take_error()?.map_or(Ok(()), Err)
            }
            Self::Unix(socket) => socket.send(message).await.map(drop),
        }
    }
}

/// How many messages of `events` go in one payload: few enough for a server's buffer.
pub(super) const BATCH: usize = if lines::EVENTS < 32 { lines::EVENTS } else { 32 };
