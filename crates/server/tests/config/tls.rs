//! Certificates by name, and a key that is a secret.

use std::{fs, net::SocketAddr, sync::Arc};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Folder, soon};

const LISTENER: &str = r#"
    [[listen]]
    address = "127.0.0.1:0"
    [listen.tls]
    certificate = "first.pem"
    key = "first.key"
    [[listen.tls.others]]
    certificate_pem = "file:second.pem"
    key_pem = "file:second.key"
    [[listen]]
    address = "127.0.0.1:0"
    redirect_to_https = 8443
    [[host]]
    name = "localhost"
"#;

fn certify(folder: Folder, name: &str) -> (Folder, CertificateDer<'static>) {
    let host = if name == "first" { "localhost" } else { "second.example" };
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([host.to_owned()]).unwrap();
    let folder = folder
        .with(&format!("{name}.pem"), cert.pem())
        .with(&format!("{name}.key"), signing_key.serialize_pem());
    (folder, cert.der().clone())
}

/// A client that has no certificate itself, and trusts this one.
async fn connect(
    address: SocketAddr,
    name: &'static str,
    trusted: &CertificateDer<'static>,
) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let client = client.with_safe_default_protocol_versions().unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    let stream = soon(TcpStream::connect(address)).await.unwrap();
    let connector = TlsConnector::from(Arc::new(client));
    let name = ServerName::try_from(name).unwrap();
    soon(connector.connect(name, stream)).await.expect("it is the one for the name")
}

#[tokio::test]
async fn clients_are_asked_for_a_certificate_as_the_file_says() {
    let (folder, first) = certify(Folder::new(""), "first");
    for (key, is_let_in) in
        [("ask_client_certificate", true), ("require_client_certificate", false)]
    {
        let text = format!(
            "[[listen]]\naddress = '127.0.0.1:0'\ntls.certificate = 'first.pem'\ntls.key = 'first.key'\n\
             tls.{key} = 'first.pem'\n[[host]]\nname = 'localhost'\n"
        );
        fs::write(folder.path("aerys.toml"), text).unwrap();
        let server = folder.start().await;
        let mut stream = connect(server.address(), "localhost", &first).await;
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        // In TLS 1.3 who is not let in learns of it after the handshake.
        let mut answer = Vec::new();
        let asked = async {
            stream.write_all(request).await?;
            stream.read_to_end(&mut answer).await
        };
        assert_eq!(soon(asked).await.is_ok(), is_let_in, "{key}");
        assert_eq!(answer.starts_with(b"HTTP/1.1 404"), is_let_in, "{key}");
        server.stop().await;
    }
}

#[tokio::test]
async fn each_name_has_the_certificate_that_the_file_names() {
    let (folder, first) = certify(Folder::new(LISTENER), "first");
    let (folder, second) = certify(folder, "second");
    let config = folder.config();
    let server = super::start(&config).await;
    let addresses = server.addresses().to_vec();
    let expected = [format!("https://{}", addresses[0]), format!("http://{}", addresses[1])];
    assert_eq!(config.listening(&server), expected);
    for (name, certificate) in [("localhost", &first), ("second.example", &second)] {
        let stream = connect(addresses[0], name, certificate).await;
        assert_eq!(&stream.get_ref().1.peer_certificates().unwrap()[0], certificate);
    }
    let redirected = super::ask(addresses[1], "GET /a HTTP/1.1\r\n").await;
    assert!(redirected.contains("location: https://localhost:8443/a"), "{redirected}");
    server.stop().await;
}

#[tokio::test]
async fn what_is_shown_names_the_secret_and_starts_the_same_server() {
    let (folder, _) = certify(Folder::new(LISTENER), "first");
    let (folder, _) = certify(folder, "second");
    let shown = folder.config().to_toml().unwrap();
    let secret = format!("key_pem = \"file:{}\"", folder.path("second.key").display());
    assert!(shown.contains(&secret), "{shown}");
    assert!(!shown.contains("PRIVATE KEY"), "{shown}");
    Folder::new(&shown).start().await.stop().await;
}

#[test]
fn a_key_of_another_certificate_is_told_where_it_is_written() {
    let (folder, _) = certify(Folder::new(LISTENER), "first");
    let (folder, _) = certify(folder, "second");
    let other = fs::read(folder.path("second.key")).unwrap();
    let folder = folder.with("first.key", other);
    let told = folder.config().server().map(drop).unwrap_err().to_string();
    assert!(told.contains(":6:5: the private key in "), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}
