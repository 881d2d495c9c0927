//! A destination that takes a stream of bytes over TCP, TLS or a Unix socket, and answers nothing.
//!
//! That the system took the bytes does not say that anybody read them: a destination that ends now loses what lies in its
//! buffers, and the next write still succeeds. So each payload has a connection of its own, which we end when all is
//! written; a destination that has read to the end ends it too, and one that ends without having read resets it. That is
//! the only answer that TCP has. Where a destination does not end its side, `confirm: false` keeps one connection open
//! and takes a write for a delivery.

use std::{fmt, io, path::PathBuf, sync::Arc, time::Duration};

use event::{ConnectError, SendError};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    sync::Mutex,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{tls::TlsSettings, visible::visible};

/// For reaching a destination and writing, and again for its answer: less together than a lane allows a request.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A connection of any kind.
pub(crate) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// An open connection.
pub(crate) type Connection = Box<dyn Bytes>;

/// Where a stream goes.
pub(crate) enum Place {
    /// `host:port`, in the clear or not.
    Tcp(String, Option<(TlsConnector, ServerName<'static>)>),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl Place {
    /// Reads an address `host:port`. `tls` says how to speak TLS, if at all.
    pub(crate) fn tcp(address: &str, tls: Option<&TlsSettings>) -> Result<Self, ConnectError> {
        let (host, port) = host_and_port(address)?;
        let address = format!("{host}:{port}");
        let Some(tls) = tls else { return Ok(Self::Tcp(address, None)) };
        let name = match &*tls.server_name {
            "" => host.trim_matches(['[', ']']),
            name => name,
        };
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| ConnectError::new(format!("`{}` is no host name", visible(name))))?;
        let connector = TlsConnector::from(Arc::new(tls.config(true)?));
        Ok(Self::Tcp(address, Some((connector, name))))
    }

    /// Opens a connection.
    pub(crate) async fn open(&self) -> io::Result<Connection> {
        match self {
            Self::Tcp(address, tls) => {
                let tcp = TcpStream::connect(address).await?;
                tcp.set_nodelay(true)?;
                Ok(match tls {
                    None => Box::new(tcp),
                    Some((connector, name)) => {
                        Box::new(connector.connect(name.clone(), tcp).await?)
                    }
                })
            }
            Self::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address, _) => f.write_str(address),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Takes `host:port` apart; nothing before the colon is this host, as in Go.
pub(crate) fn host_and_port(address: &str) -> Result<(String, u16), ConnectError> {
    let address = address.trim();
    if address.is_empty() {
        return Err(ConnectError::new("is missing; write `host:port`"));
    }
    let wrong =
        || ConnectError::new(format!("`{}` is no address; write `host:port`", visible(address)));
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if host.contains(['/', ' ', '@']) || (host.contains(':') && !bracketed) {
        return Err(wrong());
    }
    Ok((if host.is_empty() { "localhost" } else { host }.to_owned(), port))
}

/// A place, and how its word is taken.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) place: Place,
    timeout: Duration,
    confirm: bool,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept(Option<Connection>);

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "open" } else { "closed" })
    }
}

impl Stream {
    pub(crate) fn new(place: Place, timeout: Duration, confirm: bool) -> Self {
        Self { place, timeout, confirm, kept: Mutex::default() }
    }

    /// Delivers `body`, once.
    pub(crate) async fn deliver(&self, body: &[u8]) -> Result<(), SendError> {
        let mut kept = self.kept.lock().await;
        // Taken out: whoever gives up in the middle leaves no half a line for the next.
        let mut connection = match kept.0.take() {
            Some(connection) => connection,
            None => self.open().await?,
        };
        if !is_open(&mut connection).await {
            connection = self.open().await?;
        }
        let written = async {
            connection.write_all(body).await?;
            connection.flush().await
        };
        self.within(written, "did not take").await?;
        if !self.confirm {
            kept.0 = Some(connection);
            return Ok(());
        }
        drop(kept);
        if !is_open(&mut connection).await {
            return Err(self.unavailable("ended the connection before it had read everything"));
        }
        self.within(confirmed(&mut connection), UNCONFIRMED).await
    }

    /// Reaches the destination, without giving it anything.
    pub(crate) async fn probe(&self) -> Result<String, SendError> {
        let mut connection = self.open().await?;
        // It is reached; how it takes our leave is of no matter.
        drop(timeout(self.timeout, connection.shutdown()).await);
        Ok(format!("{} takes connections", self.place))
    }

    /// Lets go of the connection.
    pub(crate) async fn close(&self) {
        let kept = self.kept.try_lock().ok().and_then(|mut kept| kept.0.take());
        if let Some(mut connection) = kept {
            drop(timeout(self.timeout, connection.shutdown()).await);
        }
    }

    async fn open(&self) -> Result<Connection, SendError> {
        match timeout(self.timeout, self.place.open()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => {
                Err(self
                    .unavailable(&format!("cannot be reached: {}", visible(&error.to_string()))))
            }
            Err(_) => {
                Err(self.unavailable(&format!("cannot be reached within {:?}", self.timeout)))
            }
        }
    }

    /// `work`, if it is done in time; `late` says what was not.
    async fn within(
        &self,
        work: impl Future<Output = io::Result<()>>,
        late: &str,
    ) -> Result<(), SendError> {
        match timeout(self.timeout, work).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                let error = visible(&error.to_string());
                Err(self.unavailable(&format!("broke the connection off: {error}")))
            }
            Err(_) => {
                let text = late.replace('%', &format!("within {:?}", self.timeout));
                Err(self.unavailable(&text))
            }
        }
    }

    fn unavailable(&self, what: &str) -> SendError {
        SendError::Unavailable { reason: format!("{} {what}", self.place), retry_after: None }
    }
}

/// `%` stands for the time.
const UNCONFIRMED: &str = "did not end the connection % after we had, so what it has read is not known; \
    `confirm: false` takes what is written for delivered";

/// Whether the other side has not ended the connection yet. What it says is of no matter.
async fn is_open(connection: &mut Connection) -> bool {
    let mut said = [0; 256];
    // At least one attempt is made, whatever the time.
    match timeout(Duration::ZERO, connection.read(&mut said)).await {
        Ok(Ok(read)) => read > 0,
        Ok(Err(_)) => false,
        Err(_) => true,
    }
}

/// Ends our side, and waits until the other one ends too.
async fn confirmed(connection: &mut Connection) -> io::Result<()> {
    connection.shutdown().await?;
    let mut said = [0; 1024];
    loop {
        match connection.read(&mut said).await {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // TLS without a last word, as many servers end it; a reset is another error.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let read = |text| host_and_port(text).map_err(|error| error.message);
        assert_eq!(read("logs.example.com:514"), Ok(("logs.example.com".to_owned(), 514)));
        assert_eq!(read("[::1]:5514"), Ok(("[::1]".to_owned(), 5514)));
        assert_eq!(read(":514"), Ok(("localhost".to_owned(), 514)));
        assert_eq!(read(" "), Err("is missing; write `host:port`".to_owned()));
        for wrong in ["logs", "logs:", "logs:0", "logs:99999", "::1:514", "tcp://logs:514"] {
            let expected = format!("`{wrong}` is no address; write `host:port`");
            assert_eq!(read(wrong), Err(expected));
        }
    }
}
