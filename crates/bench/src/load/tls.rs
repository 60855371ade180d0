//! The client's half of TLS 1.3 (RFC 8446), by rustls, over a socket that never blocks.

use std::{
    io::{self, ErrorKind, Read, Write},
    sync::Arc,
};

use anyhow::Result;
use mio::net::TcpStream;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, PeerIncompatible,
    SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, UnixTime},
    version::TLS13,
};

/// Whom every client asks for (RFC 6066 §3).
pub(crate) const TLS_NAME: &str = "localhost";

/// How clients speak to a server that shows this certificate. None resumes a session.
///
/// # Errors
///
/// If the library cannot do what is asked of it.
pub(crate) fn tls_config(certificate: CertificateDer<'static>) -> Result<Arc<ClientConfig>> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Known(certificate)))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A connection that shakes hands by way of being written to.
#[derive(Debug)]
pub(super) struct TlsStream {
    socket: TcpStream,
    connection: ClientConnection,
}

impl TlsStream {
    pub(super) fn new(socket: TcpStream, config: &Arc<ClientConfig>) -> Result<Self> {
        let connection = ClientConnection::new(Arc::clone(config), TLS_NAME.try_into()?)?;
        Ok(Self { socket, connection })
    }

    pub(super) fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// Says that nothing more will be sent (RFC 8446 §6.1).
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.connection.send_close_notify();
        self.send()
    }

    /// Sends what is encrypted, until the kernel takes no more.
    fn send(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(&mut self.socket)?;
        }
        Ok(())
    }

    /// Takes in some of what has arrived, and answers whether that was not the end.
    fn receive(&mut self) -> io::Result<bool> {
        let read = self.connection.read_tls(&mut self.socket)?;
        let invalid = |error| io::Error::new(ErrorKind::InvalidData, error);
        self.connection.process_new_packets().map_err(invalid)?;
        Ok(read > 0)
    }

    fn shake_hands(&mut self) -> io::Result<()> {
        while self.connection.is_handshaking() {
            self.send()?;
            if self.connection.is_handshaking() && !self.receive()? {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }
}

impl Read for TlsStream {
    /// Fills the buffer as far as there is something.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.connection.reader().read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => {
                    filled += read;
                    continue;
                }
                // Who hangs up without a word has hung up all the same.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            match self.receive() {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && filled > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

impl Write for TlsStream {
    /// What is taken may have to be [flushed](Self::flush) later.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.shake_hands()?;
        self.send()?;
        let written = self.connection.writer().write(bytes)?;
        match self.send() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(written),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

/// Trusts one certificate. That its key has signed the handshake is not checked: it would take the load as
/// long as it takes a server to sign it.
#[derive(Debug)]
struct Known(CertificateDer<'static>);

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *certificate != self.0 {
            return Err(CertificateError::UnknownIssuer.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig.into())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
    use rustls::{ProtocolVersion, ServerConfig, ServerConnection, pki_types::PrivatePkcs8KeyDer};

    use super::*;

    fn identity() -> CertifiedKey<KeyPair> {
        generate_simple_self_signed([TLS_NAME.to_owned()]).unwrap()
    }

    /// Has a client that knows one certificate shake hands with a server that shows another.
    fn shake_hands(
        known: &CertifiedKey<KeyPair>,
        shown: &CertifiedKey<KeyPair>,
    ) -> Result<ClientConnection, rustls::Error> {
        let key = PrivatePkcs8KeyDer::from(shown.signing_key.serialize_der());
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![shown.cert.der().clone()], key.into())?;
        let mut server = ServerConnection::new(Arc::new(config))?;
        let config = tls_config(known.cert.der().clone()).unwrap();
        let mut client = ClientConnection::new(config, TLS_NAME.try_into().unwrap())?;
        while client.is_handshaking() {
            let mut sent = Vec::new();
            client.write_tls(&mut sent).unwrap();
            server.read_tls(&mut &sent[..]).unwrap();
            server.process_new_packets()?;
            let mut sent = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut sent).unwrap();
            }
            let mut sent = &sent[..];
            while !sent.is_empty() {
                client.read_tls(&mut sent).unwrap();
                client.process_new_packets()?;
            }
        }
        Ok(client)
    }

    #[test]
    fn clients_speak_tls_1_3_with_who_shows_the_certificate_that_they_know() {
        let known = identity();
        let client = shake_hands(&known, &known).unwrap();
        assert_eq!(client.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        // What the report says of all.
        let suite = client.negotiated_cipher_suite().unwrap();
        assert_eq!(format!("{:?}", suite.suite()), "TLS13_AES_256_GCM_SHA384");
        let group = client.negotiated_key_exchange_group().unwrap();
        assert_eq!(format!("{:?}", group.name()), "X25519");
    }

    #[test]
    fn whoever_shows_another_certificate_is_not_spoken_with() {
        let error = shake_hands(&identity(), &identity()).unwrap_err();
        assert_eq!(error, CertificateError::UnknownIssuer.into());
    }
}
