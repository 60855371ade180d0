//! Within TLS: the two sides agree on a version.

use std::{fs, net::SocketAddr, sync::Arc};

use aerys::{Listener, Options, Tls};
use rcgen::generate_simple_self_signed;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tempfile::TempDir;
use tokio::{net::TcpStream, process::Command};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{LARGE, Stage, client::Client, soon};

/// Connects, knowing these protocols.
async fn connect(
    address: SocketAddr,
    certificate: &[u8],
    protocols: &[&[u8]],
) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
    let stream = soon(TcpStream::connect(address)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    soon(TlsConnector::from(Arc::new(config)).connect(name, stream)).await.unwrap()
}

/// A stage whose second listener speaks TLS, and the certificate of that.
async fn stage() -> (Stage, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let pair = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("own.pem"), folder.path().join("own.key"));
    fs::write(&certificate, pair.cert.pem()).unwrap();
    fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let listener = Listener::from(([127, 0, 0, 1], 0)).tls(Tls::new(certificate, key));
    (Stage::set(Options::new(), |server| server.listen(listener)).await, folder)
}

#[tokio::test]
async fn who_knows_http_2_speaks_it_and_everybody_else_http_1_1() {
    let (stage, folder) = stage().await;
    let address = stage.server.addresses()[1];
    let certificate = fs::read(folder.path().join("own.pem")).unwrap();

    let stream = connect(address, &certificate, &[b"h2", b"http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut client = Client::on(stream).await;
    let mut socket = client.open("/echo").await;
    for size in [5, 100_000, 1 << 20] {
        let text = "a".repeat(size);
        socket.say(text.clone()).await;
        assert!(socket.hear_text().await == text);
    }
    assert_eq!(client.get("/large.bin").await.1.len(), LARGE);
    drop((socket, client));

    for protocols in [&[&b"http/1.1"[..]][..], &[]] {
        let stream = connect(address, &certificate, protocols).await;
        let opened = soon(tokio_tungstenite::client_async("wss://localhost/echo", stream)).await;
        assert_eq!(opened.unwrap().1.status(), 101);
    }
    soon(stage.server.stop()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_gets_many_files_at_once_on_one_connection() {
    let (stage, folder) = stage().await;
    let port = stage.server.addresses()[1].port();
    let mut curl = Command::new("curl");
    curl.args(["--disable", "--noproxy", "*", "--silent", "--show-error", "--max-time", "50"]);
    curl.arg("--cacert").arg(folder.path().join("own.pem"));
    curl.args(["--resolve", &format!("localhost:{port}:127.0.0.1"), "--parallel"]);
    curl.args(["--write-out", "%{http_version} %{http_code} %{size_download} %{num_connects}\n"]);
    for number in 0..10 {
        let to = folder.path().join(number.to_string());
        curl.arg(format!("https://localhost:{port}/large.bin")).arg("--output").arg(to);
    }
    let told = soon(curl.kill_on_drop(true).output()).await.expect("apt-get install curl");
    let errors = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{errors}");
    let told = String::from_utf8_lossy(&told.stdout);
    let mut told: Vec<_> = told.lines().collect();
    told.sort_unstable();
    let (first, other) = (format!("2 200 {LARGE} 1"), format!("2 200 {LARGE} 0"));
    assert_eq!((told.len(), told[9], told[0]), (10, &*first, &*other), "{told:?}");
    assert!(told[..9].iter().all(|it| *it == other), "{told:?}");
    for number in 0..10 {
        let got = fs::read(folder.path().join(number.to_string())).unwrap();
        assert!(got.len() == LARGE && got.iter().all(|it| *it == b'x'));
    }
    soon(stage.server.stop()).await;
}
