//! TLS for those who leave it to tokio-rustls, set up as aerys sets it up.

use std::{fs, future::Future, path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::NoServerSessionStorage,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{Settings, socket};

/// Where a certificate and its key are, both as PEM.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Files {
    /// TLS 1.2 and 1.3 for HTTP/1.1, with tickets and without a store of sessions.
    pub(super) fn config(&self) -> Result<Arc<ServerConfig>> {
        let read = |path: &PathBuf| {
            fs::read(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let (chain, key) = (read(&self.certificate)?, read(&self.key)?);
        let chain = CertificateDer::pem_slice_iter(&chain).collect::<Result<_, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(&key)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = aws_lc_rs::Ticketer::new()?;
        Ok(Arc::new(config))
    }
}

/// Serves each connection in a task of its own once it has shaken hands, all on this thread.
pub(super) fn serve<S, C>(settings: &Settings, files: &Files, connection: S) -> Result<()>
where
    S: Fn(TlsStream<TcpStream>) -> C + Clone + Send + 'static,
    C: Future<Output = Result<()>> + Send + 'static,
{
    let acceptor = TlsAcceptor::from(files.config()?);
    socket::serve(settings, |stream| {
        let (acceptor, connection) = (acceptor.clone(), connection.clone());
        async move {
            let stream = acceptor.accept(stream).await?;
            connection(stream).await
        }
    })
}
