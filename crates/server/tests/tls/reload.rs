//! New certificates while clients speak.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use futures_util::future::join_all;

use super::{Authority, echo, serve};

const CLIENTS: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn new_clients_get_the_new_certificate_and_no_client_is_closed() {
    let authority = Authority::new();
    authority.certify("own", &["localhost"]);
    let server = serve(authority.tls("own"), authority.folder.path()).await;
    let (is_over, said) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut speaking = Vec::new();
    for client in 0..CLIENTS {
        let mut socket = authority.open(server.address(), None).await.unwrap();
        let (is_over, said) = (Arc::clone(&is_over), Arc::clone(&said));
        speaking.push(tokio::spawn(async move {
            let mut number = 0;
            while !is_over.load(Relaxed) {
                let text = format!("{client}: {number}");
                assert_eq!(echo(&mut socket, &text).await, text);
                number += 1;
                said.fetch_add(1, Relaxed);
            }
        }));
    }
    for _ in 0..10 {
        let before = said.load(Relaxed);
        let new = authority.certify("own", &["localhost"]);
        assert_eq!(server.reload_certificates().await.unwrap(), 1);
        let stream = authority.connect(server.address(), "localhost", None).await.unwrap();
        assert_eq!(stream.get_ref().1.peer_certificates().unwrap()[0], new);
        while said.load(Relaxed) < before + CLIENTS as u64 {
            tokio::task::yield_now().await;
        }
    }
    // One that does not fit: the last one stays.
    std::fs::write(authority.path("own.key"), "no key").unwrap();
    let refused = server.reload_certificates().await.unwrap_err().to_string();
    assert!(refused.contains("own.key") && refused.contains("no private key"), "{refused}");
    authority.open(server.address(), None).await.unwrap();
    is_over.store(true, Relaxed);
    for outcome in join_all(speaking).await {
        outcome.unwrap();
    }
    server.stop().await;
}
