//! New certificates while clients speak.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use futures_util::{StreamExt, future::join_all, stream};

use super::{Authority, echo, process::allow_descriptors, serve};

const CLIENTS: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn new_clients_get_the_new_certificate_and_no_client_is_closed() {
    let authority = Authority::new();
    authority.certify("own", &["localhost"]);
    let certificates = ["first", "second"].map(|file| authority.certify(file, &["localhost"]));
    allow_descriptors(2 * CLIENTS);
    let server = serve(authority.tls("own"), authority.folder.path()).await;
    let (is_over, said) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let connect = async |_| authority.open(server.address(), None).await.unwrap();
    let sockets: Vec<_> =
        stream::iter(0..CLIENTS).map(connect).buffer_unordered(100).collect().await;
    let speaking = sockets.into_iter().enumerate().map(|(client, mut socket)| {
        let (is_over, said) = (Arc::clone(&is_over), Arc::clone(&said));
        tokio::spawn(async move {
            let mut number = 0;
            while !is_over.load(Relaxed) {
                let text = format!("{client}: {number}");
                assert_eq!(echo(&mut socket, &text).await, text);
                number += 1;
                said.fetch_add(1, Relaxed);
            }
            socket
        })
    });
    let speaking: Vec<_> = speaking.collect();
    for round in 0..10 {
        let before = said.load(Relaxed);
        for kind in ["pem", "key"] {
            let new = authority.path(["first", "second"][round % 2]).with_extension(kind);
            std::fs::copy(new, authority.path("own").with_extension(kind)).unwrap();
        }
        assert_eq!(server.reload_certificates().await.unwrap(), 1);
        let stream = authority.connect(server.address(), "localhost", None).await.unwrap();
        let shown = &stream.get_ref().1.peer_certificates().unwrap()[0];
        assert_eq!(*shown, certificates[round % 2]);
        while said.load(Relaxed) < before + CLIENTS as u64 {
            assert!(speaking.iter().all(|client| !client.is_finished()), "a client has ended");
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
    // One that does not fit: the last one stays.
    std::fs::write(authority.path("own.key"), "no key").unwrap();
    let refused = server.reload_certificates().await.unwrap_err().to_string();
    assert!(refused.contains("own.key") && refused.contains("no private key"), "{refused}");
    authority.open(server.address(), None).await.unwrap();
    is_over.store(true, Relaxed);
    for outcome in join_all(speaking).await {
        // Each is open to the end, and all that it said has come back.
        let mut socket = outcome.unwrap();
        assert_eq!(echo(&mut socket, "still here").await, "still here");
    }
    server.stop().await;
}
