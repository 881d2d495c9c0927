//! One dialogue with a mail server: a connection for each mail, for mails are few.

use std::{error::Error as _, fmt, time::Duration};

use event::{ConnectError, SendError};
use lettre::{
    message::Mailbox,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, CertificateStore, Identity, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::ClientId,
    },
};

use super::{Security, Settings};
use crate::{answer::excerpt, http, secrets::Secrets, tls::TlsSettings, visible::visible};

/// How a password is told: in TLS both are as good.
const MECHANISMS: &[Mechanism] = &[Mechanism::Plain, Mechanism::Login];

/// Answers that are about us, wherever they come: authentication is wanted, or refused.
const ABOUT_US: [u16; 4] = [530, 534, 535, 538];

/// A mail server, and how to talk to it.
pub(super) struct Smtp {
    host: String,
    port: u16,
    security: Security,
    tls: TlsParameters,
    credentials: Option<Credentials>,
    timeout: Duration,
    secrets: Secrets,
}

/// Where in the dialogue an answer came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Greeting and TLS.
    Hello,
    /// Who we are.
    Login,
    /// From whom and to whom.
    Addresses,
    /// The mail itself.
    Mail,
}

impl Smtp {
    pub(super) fn new(settings: &Settings) -> Result<Self, ConnectError> {
        let wrong = |text: &str| ConnectError::new(format!("`email`: {text}"));
        let host = settings.host.trim().to_owned();
        if host.is_empty() {
            return Err(wrong("`host` is missing; give the name of a mail server"));
        }
        let (port, security) = port(settings.port, settings.security);
        let credentials = match (settings.username.as_str(), settings.password.as_str()) {
            ("", "") => None,
            ("", _) => return Err(wrong("`password` needs `username` too")),
            (_, "") => return Err(wrong("`username` needs `password` too")),
            (user, password) => Some(Credentials::new(user.to_owned(), password.to_owned())),
        };
        if credentials.is_some() && security == Security::Opportunistic {
            let text = "a `password` wants a connection that is kept from others; set `security`";
            return Err(wrong(text));
        }
        let mut secrets = Secrets::default();
        secrets.add(&settings.password);
        let tls = settings.tls.clone().unwrap_or_default();
        Ok(Self {
            tls: parameters(&host, &tls).map_err(|error| wrong(&error.message))?,
            timeout: http::parse_timeout(settings.timeout.as_deref())
                .map_err(|error| wrong(&error.message))?,
            host,
            port,
            security,
            credentials,
            secrets,
        })
    }

    /// Hands over one mail.
    pub(super) async fn send(
        &self,
        from: &Mailbox,
        to: &[Mailbox],
        mail: &[u8],
    ) -> Result<(), SendError> {
        self.in_time(async {
            let mut server = self.connect().await?;
            let sender = Mail::new(Some(from.email.clone()), Vec::new());
            server.command(sender).await.map_err(|error| (Step::Addresses, error))?;
            for to in to {
                let recipient = Rcpt::new(to.email.clone(), Vec::new());
                server.command(recipient).await.map_err(|error| (Step::Addresses, error))?;
            }
            server.command(Data).await.map_err(|error| (Step::Mail, error))?;
            server.message(mail).await.map_err(|error| (Step::Mail, error))?;
            // It has the mail; whether it hears the good-bye changes nothing.
            drop(server.quit().await);
            Ok(())
        })
        .await
    }

    /// Greets the server and says who we are, and no more.
    pub(super) async fn greet(&self) -> Result<String, SendError> {
        self.in_time(async {
            let mut server = self.connect().await?;
            drop(server.quit().await);
            Ok(())
        })
        .await?;
        let login = if self.credentials.is_some() { " and the login" } else { "" };
        Ok(format!("{} took the greeting{login}", self.place()))
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, (Step, Error)> {
        let hello = ClientId::default();
        let at_hello = |error| (Step::Hello, error);
        let (address, timeout) = ((self.host.as_str(), self.port), Some(self.timeout));
        let tls = (self.security == Security::Tls).then(|| self.tls.clone());
        let server = AsyncSmtpConnection::connect_tokio1(address, timeout, &hello, tls, None);
        let mut server = server.await.map_err(at_hello)?;
        let wanted = match self.security {
            Security::Starttls => true,
            Security::Opportunistic => server.can_starttls(),
            Security::Tls | Security::None => false,
        };
        if wanted {
            server.starttls(self.tls.clone(), &hello).await.map_err(at_hello)?;
        }
        if let Some(credentials) = &self.credentials {
            let login = server.auth(MECHANISMS, credentials).await;
            login.map_err(|error| (Step::Login, error))?;
        }
        Ok(server)
    }

    async fn in_time(
        &self,
        dialogue: impl Future<Output = Result<(), (Step, Error)>>,
    ) -> Result<(), SendError> {
        match tokio::time::timeout(self.timeout, dialogue).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err((step, error))) => Err(self.judge(step, &error)),
            Err(_) => {
                let reason = format!("{} did not answer within {:?}", self.place(), self.timeout);
                Err(SendError::Unavailable { reason, retry_after: None })
            }
        }
    }

    fn judge(&self, step: Step, error: &Error) -> SendError {
        let reason = self.reason(step, error);
        let code = error.status().map(u16::from);
        let about_us = code.is_some_and(|code| ABOUT_US.contains(&code));
        match (error.is_permanent(), step) {
            (true, Step::Mail) if !about_us => SendError::Rejected { reason },
            (true, _) => SendError::Blocked { reason },
            // It has no TLS, or no way to log in that we know.
            (false, Step::Hello | Step::Login) if error.is_client() => {
                SendError::Blocked { reason }
            }
            (false, _) => SendError::Unavailable { reason, retry_after: None },
        }
    }

    fn reason(&self, step: Step, error: &Error) -> String {
        let place = self.place();
        let said = match error.source() {
            Some(source) => source.to_string(),
            None => error.to_string(),
        };
        let said = excerpt(&visible(&self.secrets.hide(&said)));
        let what = match step {
            Step::Hello => "the greeting",
            Step::Login => "the login; check `username` and `password`",
            Step::Addresses => "the sender or a recipient; check `from` and `to`",
            Step::Mail => "the mail",
        };
        match error.status() {
            Some(code) => format!("{place} answered {code} to {what}: {said}"),
            None if error.is_client() => format!("{place}: {said}; see `security`"),
            None => format!("{place} cannot be reached: {said}"),
        }
    }

    fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp")
            .field("place", &self.place())
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

/// Where the server listens, and how the connection is kept from others; what is not said follows from what is.
fn port(port: u16, security: Option<Security>) -> (u16, Security) {
    match (port, security) {
        (0, Some(Security::Tls)) | (465, None) => (465, Security::Tls),
        (0, security) => (587, security.unwrap_or(Security::Starttls)),
        (25, None) => (25, Security::Opportunistic),
        (port, security) => (port, security.unwrap_or(Security::Starttls)),
    }
}

/// What the `tls` block says, in the words of the client.
fn parameters(host: &str, tls: &TlsSettings) -> Result<TlsParameters, ConnectError> {
    let wrong = |error: Error| ConnectError::new(format!("`tls`: {error}"));
    let name = if tls.server_name.is_empty() { host } else { &tls.server_name };
    let mut parameters = TlsParameters::builder(name.to_owned())
        .dangerous_accept_invalid_certs(tls.insecure_skip_verify);
    let authorities = tls.authorities()?;
    if !authorities.is_empty() {
        parameters = parameters.certificate_store(CertificateStore::None);
    }
    for authority in authorities {
        let authority = Certificate::from_der(authority.to_vec()).map_err(wrong)?;
        parameters = parameters.add_root_certificate(authority);
    }
    if let Some([certificate, key]) = tls.client_files()? {
        let identity = Identity::from_pem(&certificate, &key).map_err(wrong)?;
        parameters = parameters.identify_with(identity);
    }
    parameters.build_rustls().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_says_how_the_connection_is_kept_from_others_and_the_other_way_round() {
        assert_eq!(port(0, None), (587, Security::Starttls));
        assert_eq!(port(0, Some(Security::Tls)), (465, Security::Tls));
        assert_eq!(port(0, Some(Security::None)), (587, Security::None));
        assert_eq!(port(25, None), (25, Security::Opportunistic));
        assert_eq!(port(25, Some(Security::Starttls)), (25, Security::Starttls));
        assert_eq!(port(465, None), (465, Security::Tls));
        assert_eq!(port(2525, None), (2525, Security::Starttls));
    }
}
