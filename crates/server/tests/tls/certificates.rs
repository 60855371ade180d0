//! Whose certificate is shown, and whose is asked for.

use super::{Authority, echo, serve};

#[tokio::test]
async fn each_name_has_its_own_certificate() {
    let authority = Authority::new();
    let first = authority.certify("first", &["localhost"]);
    let second = authority.certify("second", &["chat.example", "*.rooms.example"]);
    let tls = authority
        .tls("first")
        .certificate(authority.path("second.pem"), authority.path("second.key"));
    let server = serve(tls, authority.folder.path()).await;
    for (name, certificate) in
        [("localhost", &first), ("chat.example", &second), ("a.rooms.example", &second)]
    {
        let stream = authority.connect(server.address(), name, None).await.unwrap();
        let shown = stream.get_ref().1.peer_certificates().unwrap();
        assert_eq!(&shown[0], certificate, "{name}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_is_known_is_let_in_and_others_as_they_are_asked_for() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    authority.certify("own", &["localhost"]);
    authority.certify("ann", &["ann.example"]);
    stranger.certify("bob", &["bob.example"]);
    for kind in ["pem", "key"] {
        let name = format!("bob.{kind}");
        std::fs::copy(stranger.path(&name), authority.path(&name)).unwrap();
    }
    let authorities = authority.path("authority.pem");
    let asked = authority.tls("own").ask_client_certificate(&authorities);
    let required = authority.tls("own").require_client_certificate(&authorities);
    for (tls, nobody) in [(asked, Some("TLSv1.3 0")), (required, None)] {
        let server = serve(tls, authority.folder.path()).await;
        for (own, about) in [(Some("ann"), Some("TLSv1.3 1")), (Some("bob"), None), (None, nobody)]
        {
            let opened = authority.open(server.address(), own).await;
            match (opened, about) {
                (Ok(mut socket), Some(about)) => assert_eq!(echo(&mut socket, "tls").await, about),
                (Err(_), None) => {}
                (opened, about) => panic!("{own:?}: {:?} is not {about:?}", opened.err()),
            }
        }
        server.stop().await;
    }
}
