//! Where the binary listens, and what it tells of that.

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpListener},
};

use aerys::{Listener, ServerError, Tls};
use tracing::warn;

use crate::{
    arguments::{Certificate, Settings},
    self_signed::SelfSigned,
};

/// Where to listen, and what is to be told once that is done.
pub(crate) fn listeners(settings: &Settings) -> Result<(Vec<Listener>, Announcement), ServerError> {
    let (tls, fingerprint) = match &settings.certificate {
        None => (None, None),
        Some(Certificate::Files { certificate, key }) => (Some(Tls::new(certificate, key)), None),
        Some(Certificate::SelfSigned) => {
            let made = SelfSigned::make(settings.listen.ip())?;
            (Some(made.tls()), Some(made.into_fingerprint()))
        }
    };
    let announcement = Announcement { is_secure: tls.is_some(), fingerprint };
    let (listener, port) = listener(settings.listen)?;
    let listener = match tls {
        Some(tls) => listener.tls(tls),
        None => listener,
    };
    let redirect = settings.redirect_http;
    let redirect = redirect.map(|address| Listener::from(address).redirect_to_https(port));
    let with_challenges = |listener: Listener| match &settings.acme_webroot {
        Some(webroot) => listener.acme_webroot(webroot),
        None => listener,
    };
    let listeners = [listener].into_iter().chain(redirect).map(with_challenges);
    Ok((listeners.collect(), announcement))
}

/// Listens there, and on which port.
fn listener(address: SocketAddr) -> Result<(Listener, u16), ServerError> {
    if address.port() != 0 {
        return Ok((address.into(), address.port()));
    }
    let refused = |cause| ServerError::Listen { address: address.to_string(), cause };
    let socket = TcpListener::bind(address).map_err(refused)?;
    let port = socket.local_addr().map_err(refused)?.port();
    Ok((socket.into(), port))
}

/// What is told to who has started the binary.
pub(crate) struct Announcement {
    is_secure: bool,
    /// The SHA-256 of a certificate that no authority vouches for.
    fingerprint: Option<String>,
}

impl Announcement {
    /// Prints the addresses, which are in the order of the listeners.
    pub(crate) fn print(&self, addresses: &[SocketAddr]) {
        let mut out = io::stdout();
        let said = out.write_all(self.lines(addresses).as_bytes()).and_then(|()| out.flush());
        if let Err(error) = said {
            warn!(?addresses, %error, "the addresses could not be printed");
        }
    }

    fn lines(&self, addresses: &[SocketAddr]) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        let mut lines = String::new();
        if let [main, redirected @ ..] = addresses {
            lines += &format!("Listening on {scheme}://{main}\n");
            for address in redirected {
                lines += &format!("Redirecting http://{address} to it\n");
            }
        }
        if let Some(fingerprint) = &self.fingerprint {
            lines += &format!("The certificate is self-signed: SHA-256 {fingerprint}\n");
        }
        lines
    }
}
