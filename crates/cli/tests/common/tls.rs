//! Clients of TLS that know whom they trust: an authority, or a certificate by its fingerprint.

use std::{io, net::SocketAddr, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs::default_provider, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    version::TLS13,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::soon;

/// Trusts what this authority vouches for, or this certificate itself.
pub(crate) fn trusting(authority: &CertificateDer<'static>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone()).expect("it is a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_protocol_versions(&[&TLS13]).expect("it is there");
    config.with_root_certificates(roots).with_no_client_auth()
}

/// Trusts one certificate by its SHA-256, written as browsers write it, whatever names it has.
pub(crate) fn pinning(fingerprint: &str) -> ClientConfig {
    let byte = |text| u8::from_str_radix(text, 16).expect("it is two digits");
    let fingerprint = fingerprint.split(':').map(byte).collect();
    let pinned = Pinned { fingerprint, provider: default_provider() };
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_protocol_versions(&[&TLS13]).expect("it is there");
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(pinned));
    config.with_no_client_auth()
}

/// Connects to a server as one that is called `name`.
pub(crate) async fn connect(
    config: ClientConfig,
    server: SocketAddr,
    name: &str,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).expect("it is a name");
    let stream = TcpStream::connect(server).await?;
    let connector = TlsConnector::from(Arc::new(config));
    soon("the TLS handshake", connector.connect(name, stream)).await
}

/// The certificate that it was shown.
pub(crate) fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let chain = stream.get_ref().1.peer_certificates().expect("there is one");
    chain[0].clone().into_owned()
}

/// Opens a websocket within.
pub(crate) async fn open(
    stream: TlsStream<TcpStream>,
    path: &str,
) -> WebSocketStream<TlsStream<TcpStream>> {
    let opening = client_async(format!("wss://localhost{path}"), stream);
    soon("the handshake", opening).await.expect("it is let in").0
}

pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

#[derive(Debug)]
struct Pinned {
    fingerprint: Vec<u8>,
    provider: CryptoProvider,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if sha256(certificate) == self.fingerprint {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        unreachable!("it speaks TLS 1.3 alone");
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
