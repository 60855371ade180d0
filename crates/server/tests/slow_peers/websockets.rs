//! A client that reads what it is owed slowly stays, under the usual heartbeat and close period.

use std::time::Duration;

use aerys::{
    Accepted, Client, Failure, Handshake, Host, Message, Options, Refusal, Running, Server,
    Websocket,
};
use futures_util::future::join_all;

use crate::reader::Reader;

/// Longer than a client may be silent, three times over.
const PERIOD: Duration = Duration::from_secs(130);

/// As small as a receive buffer is.
const NARROW: Option<u32> = Some(4096);

struct Echo;

impl Websocket for Echo {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.send(message).await?;
        Ok(())
    }
}

async fn serve() -> Running {
    let host = Host::new("localhost").websocket_with("/", Echo, Options::new());
    let server = Server::new().host(host).listen(([127, 0, 0, 1], 0)).workers(1);
    server.start().await.unwrap()
}

const HANDSHAKE: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A masked CLOSE with 1000, and the answer to it.
const CLOSE: &[u8] = &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8];
const CLOSED: &[u8] = &[0x88, 0x02, 0x03, 0xE8];

/// A masked message of so many zeros.
fn message(size: u32) -> Vec<u8> {
    let len = match u16::try_from(size) {
        Ok(size) => [&[0x80 | 126][..], &size.to_be_bytes()].concat(),
        Err(_) => [&[0x80 | 127][..], &u64::from(size).to_be_bytes()].concat(),
    };
    [vec![0x82], len, vec![0; 4], vec![0; size as usize]].concat()
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn a_client_that_reads_an_answer_slowly_stays_and_hears_all_of_it() {
    let readers = [(1_000, 60_000), (200, 1_900_000), (500, 1_900_000), (2_000, 1_900_000)];
    let reads = readers.map(async |(rate, size)| {
        let server = serve().await;
        let question = [HANDSHAKE, &message(size)].concat();
        let mut reader = Reader::ask(server.address(), NARROW, question).await.unwrap();
        // One that has read all of it has pings to answer.
        let period = PERIOD.min(Duration::from_secs(u64::from(size) / rate as u64));
        let slowly = reader.read_slowly(rate, period).await;
        let read = reader.size;
        slowly.unwrap_or_else(|error| panic!("{rate} B/s: {error} after {read} bytes"));
        reader.write(CLOSE).await.unwrap();
        let rest = reader.read_to_end().await;
        rest.unwrap_or_else(|error| panic!("{rate} B/s: {error} after {read} bytes, slowly"));
        assert!(reader.size > size as usize, "{rate} B/s: {} of {size} bytes", reader.size);
        assert_eq!(reader.last(), CLOSED, "{rate} B/s");
        server.stop().await;
    });
    join_all(reads).await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn a_client_that_has_closed_and_reads_slowly_hears_all_that_goes_before() {
    let readers = [(1_000, 60_000), (500, 40_000), (5_000, 500_000)];
    let reads = readers.map(async |(rate, size)| {
        let server = serve().await;
        let question = [HANDSHAKE, &message(size), CLOSE].concat();
        let mut reader = Reader::ask(server.address(), NARROW, question).await.unwrap();
        let slowly = reader.read_slowly(rate, PERIOD).await;
        slowly.unwrap_or_else(|error| panic!("{rate} B/s: {error}"));
        assert!(reader.size > size as usize, "{rate} B/s: {} of {size} bytes", reader.size);
        assert_eq!(reader.last(), CLOSED, "{rate} B/s");
        server.stop().await;
    });
    join_all(reads).await;
}
