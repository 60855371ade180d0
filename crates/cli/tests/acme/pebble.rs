//! Pebble: an authority that speaks ACME, and forgets everything when it ends.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Stdio,
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::json;
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::{Child, Command},
    time::sleep,
};

use crate::{
    common::{
        soon,
        tls::{connect, trusting},
    },
    names::Names,
};

pub(crate) struct Pebble {
    directory: Reserved,
    management: Reserved,
    /// Where it looks for answers to its challenges.
    pub(crate) http: Reserved,
    /// What it speaks TLS with itself.
    certificate: CertificateDer<'static>,
    folder: TempDir,
    _names: Names,
    _child: Child,
}

impl Pebble {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let file = |name: &str, content: String| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            path
        };
        let certificate = file("pebble.pem", cert.pem());
        let key = file("pebble.key", signing_key.serialize_pem());
        let (directory, management, http) = (Reserved::port(), Reserved::port(), Reserved::port());
        let config = json!({ "pebble": {
            "listenAddress": directory.address.to_string(),
            "managementListenAddress": management.address.to_string(),
            "certificate": certificate,
            "privateKey": key,
            "httpPort": http.address.port(),
            "tlsPort": 1,
        }});
        let config = file("pebble.json", config.to_string());
        let names = Names::serve().await;
        let mut command = Command::new("pebble");
        command.arg("-config").arg(config).args(["-dnsserver", &names.address.to_string()]);
        // It waits before it validates, forgets nonces, and validates half of what it has validated before
        // not again, to keep its clients alert. This one is known to be.
        command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "0");
        command.env("PEBBLE_AUTHZREUSE", "0");
        command.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().expect("this test needs an authority: apt-get install pebble");
        let pebble = Self {
            directory,
            management,
            http,
            certificate: cert.der().clone(),
            folder,
            _names: names,
            _child: child,
        };
        for address in [pebble.directory.address, pebble.management.address] {
            let listens = async {
                while TcpStream::connect(address).await.is_err() {
                    sleep(std::time::Duration::from_millis(20)).await;
                }
            };
            soon("the authority", listens).await;
        }
        pebble
    }

    /// Where ACME clients begin.
    pub(crate) fn directory(&self) -> String {
        format!("https://{}/dir", self.directory.address)
    }

    /// A file with what it is trusted by.
    pub(crate) fn trusted(&self) -> PathBuf {
        self.folder.path().join("pebble.pem")
    }

    /// Its own root, of which everything is that it certifies.
    pub(crate) async fn root(&self) -> CertificateDer<'static> {
        let address = self.management.address;
        let mut stream = connect(trusting(&self.certificate), address, "127.0.0.1").await.unwrap();
        stream.write_all(b"GET /roots/0 HTTP/1.0\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let read = soon("the root", stream.read_to_end(&mut answer)).await;
        // Its end says no good-bye.
        assert!(read.is_ok() || !answer.is_empty(), "{read:?}");
        certificate(&answer)
    }
}

/// The first certificate of some PEM.
pub(crate) fn certificate(pem: &[u8]) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem).expect("there is one")
}

/// A port that the system gives to nobody else, and on which who asks for it by number can listen: both sockets
/// allow their address to be used again, and only one of them listens.
pub(crate) struct Reserved {
    pub(crate) address: SocketAddr,
    _socket: Socket,
}

impl Reserved {
    fn port() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().expect("it is one of IP");
        Self { address, _socket: socket }
    }
}
