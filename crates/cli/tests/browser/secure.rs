//! The chat within TLS, in a browser that trusts one authority.

use std::path::PathBuf;

use data_encoding::BASE64;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, PublicKeyData,
};
use tempfile::TempDir;

use crate::{
    common::{server::Server, tls::sha256},
    driver::Browser,
    tab::Tab,
};

#[tokio::test]
async fn two_people_chat_within_tls_by_a_certificate_of_an_authority_that_is_trusted() {
    let authority = Authority::new();
    let (certificate, key) = authority.certify("127.0.0.1");
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let server = Server::start(&["--tls-cert", certificate, "--tls-key", key]).await;
    let page = server.page();
    assert!(page.starts_with("https://"), "{page}");
    let browser = Browser::trusting(&authority.pin).await;

    let ada = Tab::open(&browser, &page).await;
    ada.join("Ada").await;
    let grace = Tab::open(&browser, &page).await;
    grace.join("Grace").await;
    ada.is_told("joined", "Grace joined").await;
    ada.say("Nobody else reads this.").await;
    grace.hears("Ada", "Nobody else reads this.").await;
    grace.say("Not even who carries it.").await;
    ada.hears("Grace", "Not even who carries it.").await;
    assert_eq!(browser.errors().await, [""; 0]);

    // It trusts that authority, and not whoever comes.
    let stranger = Server::start(&["--tls-self-signed"]).await;
    browser.client().goto(&stranger.page()).await.unwrap();
    let warning = r#"//*[@id="error-code" and contains(., "ERR_CERT_AUTHORITY_INVALID")]"#;
    browser.find(warning).await;
    browser.close().await.unwrap();
}

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// What its key is known by: the SHA-256, in Base64.
    pin: String,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the authority of a test");
        let key = KeyPair::generate().unwrap();
        let pin = BASE64.encode(&sha256(&key.subject_public_key_info()));
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        Self { issuer, pin, folder: tempfile::tempdir().unwrap() }
    }

    /// A certificate with the authority's own behind it, and its key.
    fn certify(&self, name: &str) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let path = |kind| self.folder.path().join(name).with_extension(kind);
        std::fs::write(path("pem"), certificate.pem() + &self.issuer.pem()).unwrap();
        std::fs::write(path("key"), key.serialize_pem()).unwrap();
        (path("pem"), path("key"))
    }
}
