//! How files are read: in chunks, apart from everything else, and no further than they go.

use std::{
    fs::{self, File},
    io::{Seek, SeekFrom, Write},
    sync::{Arc, Mutex, mpsc},
};

use aerys::{Accepted, Handshake, Host, Refusal, Server, Websocket};

use super::site;
use crate::common::{Raw, get, handshake, soon, start_on};

const MIB: u64 = 1024 * 1024;

/// Has threads block until the test is over.
struct Blocking {
    ends: Arc<Mutex<Vec<mpsc::Sender<()>>>>,
}

impl Websocket for Blocking {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        for _ in 0..40 {
            let (sender, receiver) = mpsc::channel();
            self.ends.lock().unwrap().push(sender);
            tokio::task::spawn_blocking(move || receiver.recv());
        }
        Ok(handshake.accept())
    }
}

#[tokio::test]
async fn files_do_not_wait_for_what_the_application_blocks_on() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plain.txt"), "0123456789").unwrap();
    let ends = Arc::default();
    let app = Blocking { ends: Arc::clone(&ends) };
    let host = Host::new("localhost").websocket("/block", app).root(folder.path());
    let server = start_on(1, Server::new().host(host)).await;
    let mut blocking = Raw::connect(&server).await;
    assert_eq!(blocking.ask(handshake("/block", "")).await.status(), 101);
    let mut raw = Raw::connect(&server).await;
    assert_eq!(raw.ask(get("/plain.txt", "")).await.text(), "0123456789");
    assert_eq!(raw.ask(get("/missing", "")).await.status(), 404);
    ends.lock().unwrap().clear();
    drop(blocking);
    server.stop().await;
}

#[tokio::test]
async fn who_hangs_up_leaves_nothing_behind() {
    let (server, folder) = site(&[]).await;
    let big = File::create(folder.path().join("root/big")).unwrap();
    big.set_len(64 * MIB).unwrap();
    let mut unread = Vec::new();
    for _ in 0..100 {
        let mut raw = Raw::connect(&server).await;
        raw.write(get("/big", "")).await;
        unread.push(raw);
    }
    let mut raw = Raw::connect(&server).await;
    assert_eq!(raw.ask(get("/plain.txt", "")).await.text(), "0123456789");
    drop(unread);
    assert_eq!(raw.ask(get("/plain.txt", "")).await.text(), "0123456789");
    soon(server.stop()).await;
}

#[tokio::test]
async fn a_long_file_comes_whole() {
    let (server, folder) = site(&[]).await;
    let content: Vec<u8> = (0..3_000_001_u32).map(|it| (it / 7) as u8).collect();
    fs::write(folder.path().join("root/long"), &content).unwrap();
    let mut raw = Raw::connect(&server).await;
    assert!(raw.ask(get("/long", "")).await.body == content);
    let answer = raw.ask(get("/long", "Range: bytes=1000000-2999999\r\n")).await;
    assert!(answer.body == content[1_000_000..3_000_000]);
    server.stop().await;
}

/// A file of five GiB, with holes: whoever can count beyond 32 bits finds what is in it.
#[tokio::test]
async fn a_file_of_several_gigabytes_is_served() {
    let (server, folder) = site(&[]).await;
    let mut huge = File::create(folder.path().join("root/huge")).unwrap();
    let (place, len) = (4_500 * MIB, 5_000 * MIB);
    huge.set_len(len).unwrap();
    huge.seek(SeekFrom::Start(place)).unwrap();
    huge.write_all(b"here").unwrap();
    let mut raw = Raw::connect(&server).await;
    let range = format!("bytes={place}-{}", place + 3);
    let answer = raw.ask(get("/huge", &format!("Range: {range}\r\n"))).await;
    assert_eq!((answer.status(), answer.text()), (206, "here"));
    let of = format!("{}/{len}", range.replace('=', " "));
    assert_eq!(answer.header("content-range"), Some(&*of));
    raw.write(get("/huge", "").replacen("GET", "HEAD", 1)).await;
    let bare = raw.answer_without_body().await;
    assert_eq!(bare.header("content-length"), Some(&*len.to_string()));
    raw.write(get("/huge", "")).await;
    assert!(raw.head().await.contains(&format!("content-length: {len}")));
    assert_eq!(raw.bytes(20 << 20).await, vec![0; 20 << 20]);
    drop(raw);
    server.stop().await;
}

/// Zeroes, or a shorter body, would be taken for the file.
#[tokio::test]
async fn a_file_that_becomes_shorter_ends_the_connection() {
    let (server, folder) = site(&[]).await;
    let file = File::create(folder.path().join("root/big")).unwrap();
    for range in ["", "Range: bytes=5-\r\n", "Range: bytes=0-9,100-\r\n"] {
        file.set_len(64 * MIB).unwrap();
        let mut raw = Raw::connect(&server).await;
        raw.write(get("/big", range)).await;
        let head = raw.head().await;
        file.set_len(1000).unwrap();
        let len = raw.rest().await.len() as u64;
        assert!(len < 63 * MIB, "{range}: {len} bytes came after {head}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_file_that_grows_is_served_as_it_was() {
    let (server, folder) = site(&[]).await;
    let mut file = File::create(folder.path().join("root/big")).unwrap();
    file.set_len(16 * MIB).unwrap();
    let mut raw = Raw::connect(&server).await;
    raw.write(get("/big", "")).await;
    assert!(raw.head().await.contains(&format!("content-length: {}", 16 * MIB)));
    file.seek(SeekFrom::End(0)).unwrap();
    file.write_all(b"more").unwrap();
    assert_eq!(raw.bytes(16 << 20).await.len(), 16 << 20);
    assert_eq!(raw.ask(get("/plain.txt", "")).await.text(), "0123456789");
    server.stop().await;
}
