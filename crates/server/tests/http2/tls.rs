//! Within TLS: the two sides agree on a version.

use std::{fs, sync::Arc};

use aerys::{Host, Listener, Server, Tls};
use rcgen::generate_simple_self_signed;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{App, Way, client::Client, soon};

/// Connects, knowing these protocols.
async fn connect(
    server: &aerys::Running,
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
    let stream = soon(TcpStream::connect(server.address())).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    soon(TlsConnector::from(Arc::new(config)).connect(name, stream)).await.unwrap()
}

#[tokio::test]
async fn who_knows_http_2_speaks_it_and_everybody_else_http_1_1() {
    let folder = tempfile::tempdir().unwrap();
    let pair = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("a.pem"), folder.path().join("a.key"));
    fs::write(&certificate, pair.cert.pem()).unwrap();
    fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let (enter, _guests) = tokio::sync::mpsc::unbounded_channel();
    let (leave, _departures) = tokio::sync::mpsc::unbounded_channel();
    let host = Host::new("localhost").websocket("/echo", App { way: Way::Echo, enter, leave });
    let listener = Listener::from(([127, 0, 0, 1], 0)).tls(Tls::new(&certificate, &key));
    let server = Server::new().host(host).listen(listener).workers(1).start().await.unwrap();
    let certificate = pair.cert.pem();

    let stream = connect(&server, certificate.as_bytes(), &[b"h2", b"http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut client = Client::on(stream).await;
    let mut socket = client.open("/echo").await;
    for size in [5, 100_000] {
        let text = "a".repeat(size);
        socket.say(text.clone()).await;
        assert!(socket.hear_text().await == text);
    }

    for protocols in [&[&b"http/1.1"[..]][..], &[]] {
        let stream = connect(&server, certificate.as_bytes(), protocols).await;
        let opened = soon(tokio_tungstenite::client_async("wss://localhost/echo", stream)).await;
        assert_eq!(opened.unwrap().1.status(), 101);
    }
    soon(server.stop()).await;
}
