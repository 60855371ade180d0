use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
    sync::Arc,
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tempfile::TempDir;

use super::{Tls, TlsAcceptor, session::Session};
use crate::error::CertificateError;

/// A folder with certificates.
struct Certificates(TempDir);

impl Certificates {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Makes a certificate for these names, and answers it.
    fn make(&self, file: &str, names: &[&str]) -> Vec<u8> {
        let names = names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        fs::write(self.path(file, "pem"), cert.pem()).unwrap();
        fs::write(self.path(file, "key"), signing_key.serialize_pem()).unwrap();
        cert.der().to_vec()
    }

    fn path(&self, file: &str, kind: &str) -> std::path::PathBuf {
        self.0.path().join(format!("{file}.{kind}"))
    }

    fn tls(&self, file: &str) -> Tls {
        Tls::new(self.path(file, "pem"), self.path(file, "key"))
    }

    fn and(&self, tls: Tls, file: &str) -> Tls {
        tls.certificate(self.path(file, "pem"), self.path(file, "key"))
    }
}

/// A client that trusts this certificate alone.
fn client(certificate: &[u8], name: &str) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.to_vec().into()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    ClientConnection::new(Arc::new(config), name.to_owned().try_into().unwrap()).unwrap()
}

/// Both ends, and what goes between them in pieces of some size.
struct Pair {
    client: ClientConnection,
    session: Session,
    piece: usize,
    /// What the session has decrypted.
    heard: Vec<u8>,
    /// What the client has.
    answered: Vec<u8>,
}

impl Pair {
    fn new(acceptor: &TlsAcceptor, client: ClientConnection, piece: usize) -> Self {
        let session = Session::new(Arc::clone(&acceptor.config)).unwrap();
        Self { client, session, piece, heard: Vec::new(), answered: Vec::new() }
    }

    /// Both ends of one that has shaken hands.
    fn opened(piece: usize) -> Self {
        let certificates = Certificates::new();
        let certificate = certificates.make("own", &["example.org"]);
        let acceptor = certificates.tls("own").load().unwrap();
        let mut pair = Self::new(&acceptor, client(&certificate, "example.org"), piece);
        pair.pass().unwrap();
        pair
    }

    /// Passes on what either has to send, until neither has.
    fn pass(&mut self) -> io::Result<()> {
        loop {
            let mut sent = Vec::new();
            while self.client.wants_write() {
                self.client.write_tls(&mut sent)?;
            }
            for piece in sent.chunks_mut(self.piece) {
                let heard = &mut self.heard;
                self.session.receive(piece, &mut |record| {
                    heard.extend_from_slice(record);
                    record.len()
                })?;
            }
            let answered = std::mem::take(self.session.outgoing());
            if sent.is_empty() && answered.is_empty() {
                return Ok(());
            }
            self.hear(&answered)?;
        }
    }

    fn hear(&mut self, mut sent: &[u8]) -> io::Result<()> {
        while !sent.is_empty() {
            self.client.read_tls(&mut sent)?;
            self.client.process_new_packets().map_err(io::Error::other)?;
            match self.client.reader().read_to_end(&mut self.answered) {
                // The end, well said.
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        Ok(())
    }

    /// Has the session say something, and answers what the client hears.
    fn say(&mut self, plaintext: &[u8]) -> Vec<u8> {
        let mut said = 0;
        while said < plaintext.len() {
            let mut output = vec![0; 40_000];
            let mut filled = 0;
            said += self.session.encrypt(&plaintext[said..], &mut output, &mut filled).unwrap();
            let before = std::mem::take(self.session.outgoing());
            self.hear(&before).unwrap();
            self.hear(&output[..filled]).unwrap();
        }
        std::mem::take(&mut self.answered)
    }

    fn client_says(&mut self, plaintext: &[u8]) {
        self.client.set_buffer_limit(None);
        self.client.writer().write_all(plaintext).unwrap();
    }
}

fn some(size: usize) -> Vec<u8> {
    (0..size).map(|index| (index % 251) as u8).collect()
}

#[test]
fn what_is_said_is_heard_in_whatever_pieces_it_comes() {
    for piece in [1, 7, 1000, 100_000] {
        let mut pair = Pair::opened(piece);
        assert!(!pair.session.is_handshaking());
        for size in [1, 20, 20_000, 70_000] {
            pair.client_says(&some(size));
            pair.pass().unwrap();
            assert!(std::mem::take(&mut pair.heard) == some(size), "{size} in pieces of {piece}");
            assert!(pair.say(&some(size)) == some(size), "{size}");
        }
    }
}

#[test]
fn what_there_is_no_room_for_waits_in_order() {
    let mut pair = Pair::opened(usize::MAX);
    pair.client_says(&some(40_000));
    let mut sent = Vec::new();
    while pair.client.wants_write() {
        pair.client.write_tls(&mut sent).unwrap();
    }
    let mut heard = Vec::new();
    let take = &mut |record: &[u8]| {
        let size = record.len().min(10_000 - heard.len());
        heard.extend_from_slice(&record[..size]);
        size
    };
    pair.session.receive(&mut sent, take).unwrap();
    assert_eq!(heard.len(), 10_000);
    while pair.session.is_readable() {
        let mut room = [0; 999];
        let size = pair.session.read(&mut &mut room[..]);
        heard.extend_from_slice(&room[..size]);
    }
    assert!(heard == some(40_000));
}

#[test]
fn one_that_is_at_rest_owns_no_buffer() {
    let mut pair = Pair::opened(100);
    pair.client_says(&some(30_000));
    pair.pass().unwrap();
    pair.say(&some(30_000));
    assert_eq!(pair.session.buffered(), 0);
}

#[test]
fn keys_may_change_on_the_way() {
    let mut pair = Pair::opened(100);
    for _ in 0..3 {
        pair.client.refresh_traffic_keys().unwrap();
        pair.client_says(b"under new keys");
        pair.pass().unwrap();
        assert_eq!(std::mem::take(&mut pair.heard), b"under new keys");
        assert_eq!(pair.say(&some(20_000)), some(20_000));
    }
}

#[test]
fn an_end_is_heard_behind_what_came_before_it() {
    let mut pair = Pair::opened(10);
    pair.client_says(b"bye");
    pair.client.send_close_notify();
    pair.pass().unwrap();
    assert_eq!(pair.heard, b"bye");
    assert!(pair.session.is_readable());
    assert_eq!(pair.session.read(&mut Vec::new()), 0);
    // It may still be told something.
    pair.session.close().unwrap();
    pair.pass().unwrap();
}

#[test]
fn what_is_no_tls_is_answered_an_alert() {
    let certificates = Certificates::new();
    certificates.make("own", &["example.org"]);
    let acceptor = certificates.tls("own").load().unwrap();
    let mut session = Session::new(Arc::clone(&acceptor.config)).unwrap();
    let mut request = *b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";
    let error = session.receive(&mut request, &mut |_| 0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    // RFC 8446 §6: content type alert, and a fatal one.
    let alert = session.outgoing();
    assert_eq!((alert[0], alert[5]), (21, 2), "{alert:?}");
    assert!(session.receive(&mut request, &mut |_| 0).is_err());
    assert!(session.encrypt(b"hello", &mut [0; 100], &mut 0).is_err());
    session.close().unwrap();
}

/// Whose certificate a client that asks for `name` is shown.
fn shown(acceptor: &TlsAcceptor, name: &str, certificates: &[&[u8]]) -> Option<usize> {
    certificates.iter().position(|certificate| {
        let mut pair = Pair::new(acceptor, client(certificate, name), 1000);
        pair.pass().is_ok()
            && pair.client.peer_certificates().is_some_and(|chain| &*chain[0] == *certificate)
    })
}

#[test]
fn a_client_is_shown_the_certificate_of_the_name_that_it_asks_for() {
    let folder = Certificates::new();
    let first = folder.make("first", &["example.org", "unasked.example"]);
    let second = folder.make("second", &["Chat.Example", "*.rooms.example", "example.org"]);
    let tls = folder.and(folder.tls("first"), "second");
    let acceptor = tls.load().unwrap();
    for (name, whose) in
        [("example.org", 0), ("chat.example", 1), ("a.rooms.example", 1), ("unasked.example", 0)]
    {
        assert_eq!(shown(&acceptor, name, &[&first, &second]), Some(whose), "{name}");
    }
    for name in ["rooms.example", "a.b.rooms.example", "other.example"] {
        // They are shown the first, which is none for them.
        assert_eq!(shown(&acceptor, name, &[&first, &second]), None, "{name}");
    }
}

#[test]
fn a_new_certificate_is_shown_and_one_that_does_not_fit_is_not() {
    let folder = Certificates::new();
    let old = folder.make("own", &["example.org"]);
    let acceptor = folder.tls("own").load().unwrap();
    let whose = |new: &[u8]| shown(&acceptor, "example.org", &[&old, new]);
    assert_eq!(acceptor.reload(false).changed, 0);
    let new = folder.make("own", &["example.org"]);
    assert_eq!(whose(&new), Some(0));
    let reloaded = acceptor.reload(false);
    assert_eq!((reloaded.changed, reloaded.refused.len()), (1, 0));
    assert_eq!(whose(&new), Some(1));
    // A certificate whose key is still the old one: told of once, and then no more.
    folder.make("other", &["example.org"]);
    fs::copy(folder.path("other", "pem"), folder.path("own", "pem")).unwrap();
    let reloaded = acceptor.reload(false);
    assert!(matches!(reloaded.refused[..], [CertificateError::OtherKey { .. }]));
    let again = acceptor.reload(false);
    assert_eq!((again.changed, again.refused.len()), (0, 0));
    assert_eq!(acceptor.reload(true).refused.len(), 1);
    assert_eq!(whose(&new), Some(1));
    // The key follows.
    fs::copy(folder.path("other", "key"), folder.path("own", "key")).unwrap();
    assert_eq!(acceptor.reload(false).changed, 1);
    assert_eq!(whose(&new), None);
}

#[test]
fn what_is_given_in_memory_is_shown_beside_what_is_in_files_and_stays() {
    let folder = Certificates::new();
    let (first, second) =
        (folder.make("first", &["example.org"]), folder.make("second", &["chat.example"]));
    let read = |kind| fs::read(folder.path("first", kind)).unwrap();
    let tls = Tls::from_pem(read("pem"), read("key"));
    let acceptor = folder.and(tls, "second").load().unwrap();
    for name in ["pem", "key"] {
        fs::remove_file(folder.path("first", name)).unwrap();
    }
    for is_asked in [false, true] {
        let reloaded = acceptor.reload(is_asked);
        assert_eq!((reloaded.changed, reloaded.refused.len()), (0, 0));
    }
    for (name, whose) in [("example.org", 0), ("chat.example", 1)] {
        assert_eq!(shown(&acceptor, name, &[&first, &second]), Some(whose), "{name}");
    }
}

#[test]
fn what_is_wrong_in_memory_is_told_and_no_key_is() {
    let folder = Certificates::new();
    folder.make("own", &["example.org"]);
    folder.make("other", &["example.org"]);
    let read = |file, kind| fs::read_to_string(folder.path(file, kind)).unwrap();
    let (pem, key) = (read("own", "pem"), read("own", "key"));
    for (certificate, key, why) in [
        (&*pem, &*read("other", "key"), "is not that of the first certificate in the PEM"),
        (&pem, "", "no private key in the PEM that was given"),
        (&key, &key, "no certificate in the PEM that was given"),
    ] {
        let tls = Tls::from_pem(certificate, key);
        let shown = format!("{tls:?}");
        assert!(key.is_empty() || !shown.contains(key.lines().nth(1).unwrap()), "{shown}");
        let said = tls.try_load().err().expect("it does not fit").to_string();
        assert!(said.contains(why) && !said.contains('\n'), "{said}");
    }
}

#[test]
fn what_is_wrong_with_a_certificate_is_one_sentence_that_names_the_file() {
    let folder = Certificates::new();
    folder.make("own", &["example.org"]);
    folder.make("other", &["example.org"]);
    let (pem, key) = (folder.path("own", "pem"), folder.path("own", "key"));
    let empty = folder.path("empty", "pem");
    fs::write(&empty, "").unwrap();
    let nowhere = folder.path("nowhere", "pem");
    let said = |certificate: &Path, key: &Path| match Tls::new(certificate, key).try_load() {
        Ok(_) => panic!("it fits"),
        Err(error) => error.to_string(),
    };
    for (said, names, why) in [
        (said(&nowhere, &key), &nowhere, "No such file"),
        (said(&empty, &key), &empty, "no certificate"),
        (said(&key, &key), &key, "no certificate"),
        (said(&pem, &empty), &empty, "no private key"),
        (said(&pem, &pem), &pem, "no private key"),
        (said(&pem, &folder.path("other", "key")), &pem, "is not that of"),
    ] {
        assert!(said.contains(&names.display().to_string()) && said.contains(why), "{said}");
        assert!(!said.contains('\n'), "{said}");
    }
}
