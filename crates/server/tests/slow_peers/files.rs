//! A file is served for as long as its reader reads.

use std::{
    fs,
    time::{Duration, Instant},
};

use aerys::{Host, Running, Server};
use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::reader::Reader;

/// Longer than a peer may acknowledge nothing.
const PERIOD: Duration = Duration::from_secs(150);

const REQUEST: &str = "GET /file HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

async fn serve(size: usize) -> (Running, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), vec![b'x'; size]).unwrap();
    let host = Host::new("localhost").root(folder.path());
    let server = Server::new().host(host).listen(([127, 0, 0, 1], 0)).workers(1);
    (server.start().await.unwrap(), folder)
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn a_file_arrives_whole_however_slowly_it_is_read() {
    let readers = [
        // Bytes a second, the receive buffer, the file's size.
        (1_000, None, 8 << 20),
        (10_000, None, 8 << 20),
        (20_000, None, 8 << 20),
        (100_000, None, 8 << 20),
        (200_000, None, 8 << 20),
        (500_000, None, 8 << 20),
        (200, Some(4096), 2 << 20),
        (5_000, Some(4096), 2 << 20),
    ];
    let reads = readers.map(async |(rate, receive_buffer, size)| {
        let (server, _folder) = serve(size).await;
        let mut reader = Reader::ask(server.address(), receive_buffer, REQUEST).await.unwrap();
        let slowly = reader.read_slowly(rate, PERIOD).await;
        let read = reader.size;
        slowly.unwrap_or_else(|error| panic!("{rate} B/s: {error} after {read} bytes"));
        let rest = reader.read_to_end().await;
        rest.unwrap_or_else(|error| panic!("{rate} B/s: {error} after {read} bytes, slowly"));
        assert!(reader.size > size, "{rate} B/s: {} of {size} bytes", reader.size);
        server.stop().await;
    });
    join_all(reads).await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn one_that_reads_nothing_is_cut_off_after_two_minutes() {
    let (server, _folder) = serve(64 << 20).await;
    let reader = Reader::ask(server.address(), None, REQUEST).await.unwrap();
    let begin = Instant::now();
    timeout(PERIOD, reader.is_reset()).await.expect("it is cut off").unwrap();
    let period = begin.elapsed();
    assert!(period >= Duration::from_secs(115), "it is cut off after {period:?}");
    server.stop().await;
}
