//! Where the binary listens, and what it tells of that.

use std::{
    io::{self, Write},
    net::SocketAddr,
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
    let listener = Listener::from(settings.listen);
    let listener = match tls {
        Some(tls) => listener.tls(tls),
        None => listener,
    };
    Ok((vec![listener], announcement))
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
        for address in addresses {
            lines += &format!("Listening on {scheme}://{address}\n");
        }
        if let Some(fingerprint) = &self.fingerprint {
            lines += &format!("The certificate is self-signed: SHA-256 {fingerprint}\n");
        }
        lines
    }
}
