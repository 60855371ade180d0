//! Over TLS on the loopback, with a certificate for each server.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use aerys::{Listener, PeerAddr, Server, ServerError, Tls};
use futures_util::{FutureExt, future::LocalBoxFuture};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Connection, Running, Serving, Stream};

const NAME: &str = "localhost";

struct Secure {
    server: aerys::Running,
    connector: TlsConnector,
}

impl std::fmt::Debug for Secure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.server.fmt(f)
    }
}

pub(super) async fn start(server: Server) -> Result<Running, ServerError> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([NAME.to_owned()]).expect("it can be made");
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let (certificate, key) = (folder.path().join("certificate"), folder.path().join("key"));
    std::fs::write(&certificate, cert.pem()).expect("there is room");
    std::fs::write(&key, signing_key.serialize_pem()).expect("there is room");
    let listener = Listener::from(([127, 0, 0, 1], 0)).tls(Tls::new(certificate, key));
    let server = server.listen(listener).start().await?;
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).expect("it is one");
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("there are some")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Box::new(Secure { server, connector: TlsConnector::from(Arc::new(config)) }))
}

impl Secure {
    async fn shake_hands(&self, stream: TcpStream) -> io::Result<Stream> {
        let name = ServerName::try_from(NAME).expect("it is one");
        Ok(Box::new(Client(self.connector.connect(name, stream).await?)))
    }
}

impl Serving for Secure {
    fn connect(&self) -> LocalBoxFuture<'_, io::Result<Stream>> {
        async { self.shake_hands(TcpStream::connect(self.server.address()).await?).await }
            .boxed_local()
    }

    fn connect_narrow(&self) -> LocalBoxFuture<'_, io::Result<Stream>> {
        let connect = async {
            let socket = TcpSocket::new_v4()?;
            socket.set_recv_buffer_size(4096)?;
            self.shake_hands(socket.connect(self.server.address()).await?).await
        };
        connect.boxed_local()
    }

    fn stop(self: Box<Self>) -> LocalBoxFuture<'static, ()> {
        self.server.stop().boxed_local()
    }
}

/// What is written leaves at once, as with a socket.
struct Client(TlsStream<TcpStream>);

impl AsyncRead for Client {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Whoever reads has what was written leave: there is no buffer in a socket that waits for it.
        let _ = Pin::new(&mut self.0).poll_flush(cx);
        match Pin::new(&mut self.0).poll_read(cx, room) {
            // A server that is cut off says no good-bye.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Poll::Ready(Ok(()))
            }
            outcome => outcome,
        }
    }
}

impl AsyncWrite for Client {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.0).poll_write(cx, bytes);
        if let Poll::Ready(Ok(_)) = written {
            // What does not leave now does with the next write, or flush.
            let _ = Pin::new(&mut self.0).poll_flush(cx)?;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl Connection for Client {
    fn peer_addr(&self) -> PeerAddr {
        self.0.get_ref().0.local_addr().expect("it is connected").into()
    }

    fn is_acknowledged(&self) -> bool {
        self.0.get_ref().0.is_acknowledged()
    }

    fn send_at_once(&self) {
        self.0.get_ref().0.set_nodelay(true).expect("it may be asked for");
    }

    fn reset(self: Box<Self>) {
        let lingers = SockRef::from(self.0.get_ref().0).set_linger(Some(std::time::Duration::ZERO));
        lingers.expect("the socket lingers as it is told");
    }
}
