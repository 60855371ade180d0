//! A client is served for as long as it reads, however slowly, and cut off when it does not. The
//! periods are short here; `tests/slow_peers` has the usual ones.

use std::{fs, time::Duration};

use aerys::{Host, Server};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use crate::common::{Raw, Running, get, soon, start};

const STALL: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(150);

/// More than the kernels take between a server and a narrow client, where ours takes no more ahead than
/// it is told to.
const LONG: usize = 256 << 10;

/// More than they ever take.
const HUGE: usize = 16 << 20;

/// A folder of files, for clients that may not think about their requests for long.
async fn site(server: Server) -> (Running, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("long"), vec![b'x'; LONG]).unwrap();
    fs::File::create(folder.path().join("huge")).unwrap().set_len(HUGE as u64).unwrap();
    fs::write(folder.path().join("short"), vec![b'x'; 40_000]).unwrap();
    let server = server.host(Host::new("localhost").root(folder.path()));
    (start(server.head_period(PAUSE).stall_period(STALL)).await, folder)
}

/// Reads with pauses until all is there or the connection ends; answers whether it is.
async fn reads_all(raw: &mut Raw, at_once: usize, len: usize) -> bool {
    let (mut buffer, mut size) = (vec![0; at_once], raw.buffered());
    while size < len {
        tokio::time::sleep(PAUSE).await;
        match soon(raw.stream.read(&mut buffer)).await {
            Ok(count @ 1..) => size += count,
            Ok(0) | Err(_) => return false,
        }
    }
    true
}

#[tokio::test]
async fn one_that_reads_slowly_gets_all_of_it() {
    let (server, _folder) = site(Server::new()).await;
    let mut raw = Raw::connect_narrow(&server).await;
    raw.write(get("/long", "")).await;
    raw.head().await;
    // Many pauses, each as long as a head may take, and together longer than a stall.
    assert!(reads_all(&mut raw, 40_000, LONG).await);
    server.stop().await;
}

#[tokio::test]
async fn one_that_stops_reading_is_cut_off() {
    let (server, _folder) = site(Server::new()).await;
    let mut raw = Raw::connect_narrow(&server).await;
    raw.write(get("/huge", "")).await;
    raw.head().await;
    tokio::time::sleep(2 * STALL).await;
    assert!(!reads_all(&mut raw, LONG, HUGE).await, "all of it was kept");
    server.stop().await;
}

#[tokio::test]
async fn one_that_reads_below_the_least_rate_is_cut_off_if_there_is_one() {
    for (rate, path, len, is_whole) in
        [(LONG as u64 / 40, "/long", LONG, true), (LONG as u64, "/huge", HUGE, false)]
    {
        let (server, _folder) = site(Server::new().min_response_rate(rate)).await;
        let mut raw = Raw::connect_narrow(&server).await;
        raw.write(get(path, "")).await;
        raw.head().await;
        assert_eq!(reads_all(&mut raw, 40_000, len).await, is_whole, "at {rate} B/s");
        server.stop().await;
    }
}

/// In memory a peer takes 64 KiB whole, and whoever has taken everything is waited for no longer.
mod over_sockets {
    use super::*;

    #[tokio::test]
    async fn the_last_response_arrives_whole_whatever_was_sent_behind_its_request() {
        let (server, _folder) = site(Server::new()).await;
        for (what, request, behind, status) in [
            ("nothing", get("/short", "Connection: close\r\n"), vec![], "200"),
            ("another request", get("/short", "Connection: close\r\n"), get("/", "").into(), "200"),
            ("much", get("/short", "Connection: close\r\n"), vec![b'x'; 300_000], "200"),
            ("much behind what is no request", "NO\r\n\r\n".into(), vec![b'x'; 300_000], "400"),
            ("a head without an end", get("/short", ""), vec![b'x'; 300_000], "200"),
        ] {
            let mut raw = Raw::connect_narrow(&server).await;
            raw.write([request.as_bytes(), &behind].concat()).await;
            tokio::time::sleep(2 * PAUSE).await;
            let head = raw.head().await;
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {head}");
            if status == "200" {
                assert_eq!(raw.bytes(40_000).await.len(), 40_000, "{what}");
            }
            raw.rest().await;
        }
        server.stop().await;
    }
}
