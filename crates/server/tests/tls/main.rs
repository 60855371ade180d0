//! TLS, with clients that others have written: versions, certificates by name, of clients, and new ones.

mod certificates;
mod clients;
mod half_open;
mod hello;
#[path = "../process/mod.rs"]
mod process;
mod proxied;
mod redirect;
mod reload;
mod unfinished;
mod versions;

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aerys::{
    Accepted, Client, Failure, Handshake, Host, Listener, Message, Refusal, Running, Server, Tls,
    Websocket,
};
use futures_util::{SinkExt, StreamExt};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tempfile::TempDir;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite};

/// For what should come at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// An authority, and a folder with what it has certified.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Named unlike what it certifies, which looks self-signed else.
        params.distinguished_name.push(DnType::CommonName, "the authority of a test");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("authority.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Certifies these names, to files that begin with `file`.
    fn certify(&self, file: &str, names: &[&str]) -> CertificateDer<'static> {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.path(&format!("{file}.pem")), certificate.pem()).unwrap();
        fs::write(self.path(&format!("{file}.key")), key.serialize_pem()).unwrap();
        certificate.der().clone()
    }

    fn tls(&self, file: &str) -> Tls {
        Tls::new(self.path(&format!("{file}.pem")), self.path(&format!("{file}.key")))
    }

    /// Connects as one who trusts this authority, and may have a certificate of its own.
    async fn connect(
        &self,
        server: SocketAddr,
        name: &str,
        own: Option<&str>,
    ) -> io::Result<TlsStream<TcpStream>> {
        self.secure(TcpStream::connect(server).await?, name, own).await
    }

    /// The same on a connection that there is.
    async fn secure(
        &self,
        stream: TcpStream,
        name: &str,
        own: Option<&str>,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        soon(TlsConnector::from(self.client(own)).connect(name, stream)).await
    }

    /// What a client goes by that trusts this authority, and may have a certificate of its own.
    fn client(&self, own: Option<&str>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match own {
            None => config.with_no_client_auth(),
            Some(file) => {
                let read = |kind: &str| fs::read(self.path(&format!("{file}.{kind}"))).unwrap();
                let chain = vec![CertificateDer::from_pem_slice(&read("pem")).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(&read("key")).unwrap();
                config.with_client_auth_cert(chain, key).unwrap()
            }
        };
        Arc::new(config)
    }

    /// As [`connect`](Self::connect), and opens a websocket.
    async fn open(&self, server: SocketAddr, own: Option<&str>) -> io::Result<Socket> {
        let stream = self.connect(server, "localhost", own).await?;
        let opened = soon(client_async("wss://localhost/", stream)).await;
        opened.map(|(socket, _)| socket).map_err(io::Error::other)
    }
}

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// Says something, and answers what comes back, whatever pings come before that.
async fn echo(socket: &mut Socket, text: &str) -> String {
    socket.send(text.into()).await.unwrap();
    loop {
        match soon(socket.next()).await.expect("it is open").unwrap() {
            tungstenite::Message::Ping(_) => {}
            message => return message.to_text().unwrap().to_owned(),
        }
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it comes before patience ends")
}

/// Echoes, and tells of itself if it is asked `tls`.
struct Echo;

impl Websocket<String> for Echo {
    async fn on_open(&self, handshake: Handshake<String>) -> Result<Accepted<String>, Refusal> {
        assert!(handshake.is_secure());
        let tls = handshake.tls().expect("it is secure");
        let about = format!("{} {}", tls.version(), tls.client_certificates().len());
        Ok(handshake.accept_with(about))
    }

    async fn on_data(&self, client: &Client<String>, message: Message) -> Result<(), Failure> {
        if message.as_text() == Some("tls") {
            client.send(client.state().clone()).await?;
        } else {
            client.send(message).await?;
        }
        Ok(())
    }
}

/// Serves an echo at `/`, and the files of a folder.
async fn serve(tls: Tls, root: &Path) -> Running {
    let host = Host::new("localhost").websocket("/", Echo).root(root);
    server(tls).host(host).start().await.unwrap()
}

fn server(tls: Tls) -> Server {
    Server::new().workers(1).listen(Listener::from(([127, 0, 0, 1], 0)).tls(tls))
}
