//! What clients hold together of messages that are unfinished, or wait to be heard, has a bound.

use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use aerys::{
    Accepted, Client, Departure, Failure, Handshake, Host, Message, Options, Refusal, Server,
    Websocket,
};
use flate2::{Compress, Compression, FlushCompress};

use crate::common::{Journal, Raw, Running, departure, eventually, frame, handshake, start_on};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Hears whoever says so many bytes or less, and gets stuck with more.
struct Stuck {
    journal: Journal,
    above: usize,
    newest: Newest,
}

/// The client that was let in last.
type Newest = Arc<Mutex<Option<Client>>>;

impl Websocket for Stuck {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        *self.newest.lock().unwrap() = Some(client.clone());
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        if message.len() > self.above {
            pending::<()>().await;
        }
        client.send(message.len().to_string()).nowait();
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        self.journal.note(departure(gone));
    }
}

/// On one worker, whose clients may hold 4 MiB together.
async fn serve(above: usize, options: Options) -> (Running, Journal) {
    let (server, journal, _) = serve_newest(above, options).await;
    (server, journal)
}

/// The same, and who is let in last.
async fn serve_newest(above: usize, options: Options) -> (Running, Journal, Newest) {
    let (journal, newest) = (Journal::default(), Newest::default());
    let app = Stuck { journal: journal.clone(), above, newest: Arc::clone(&newest) };
    let host = Host::new("localhost").websocket_with("/", app, options);
    let server =
        Server::new().host(host).stop_period(Duration::from_millis(500)).max_inbound_bytes(4 * MIB);
    (start_on(1, server).await, journal, newest)
}

/// A client that may compress.
async fn open(server: &Running) -> Raw {
    let mut raw = Raw::connect(server).await;
    raw.write(handshake("/", "Sec-WebSocket-Extensions: permessage-deflate\r\n")).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
    raw
}

fn deflated(payload: &[u8]) -> Vec<u8> {
    let mut deflated = Vec::with_capacity(payload.len() + KIB);
    let mut compress = Compress::new(Compression::best(), false);
    compress.compress_vec(payload, &mut deflated, FlushCompress::Sync).unwrap();
    deflated.truncate(deflated.len() - 4);
    deflated
}

/// A frame with these bits in place of FIN.
fn first(bits: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = frame(2, payload);
    frame[0] = bits | 2;
    frame
}

/// How many turns a message of 528 KiB takes that is compressed, to come out and to be gathered, and more.
const TURNS: usize = 40;

const RSV1: u8 = 0x40;
const FIN: u8 = 0x80;

/// What each client says of which it holds half a MiB or more, and is heard no further.
fn holds() -> [(&'static str, Vec<u8>); 4] {
    let noise: Vec<u8> = (0..MIB as u32).map(|i| (i.wrapping_mul(i) >> 9) as u8).collect();
    let zeros = deflated(&[&noise[..16 * KIB], &[0; MIB / 2]].concat());
    assert!(zeros.len() < 20 * KIB);
    let within = first(0, &noise);
    let waits = [frame(2, &[7; 11]), first(FIN | RSV1, &zeros)].concat();
    [
        ("an unfinished fragment", first(0, &noise[..MIB / 2])),
        ("half a frame", within[..MIB / 2 + 14].to_vec()),
        ("a compressed fragment", first(RSV1, &zeros)),
        ("one that waits behind a handler", waits),
    ]
}

#[tokio::test]
async fn over_the_bound_who_has_made_no_progress_for_longest_is_closed() {
    for (what, bytes) in holds() {
        // However long it takes, what comes next is no ping.
        let (server, journal, newest) =
            serve_newest(10, Options::new().heartbeat_period(None)).await;
        let mut clients = Vec::new();
        for _ in 0..20 {
            let mut raw = open(&server).await;
            let client = newest.lock().unwrap().take().expect("it was let in");
            raw.write(&bytes).await;
            clients.push(raw);
            // Whoever comes next has made progress later.
            eventually(|| client.inspect().bytes_read == bytes.len() as u64).await;
            // It has had as many turns by then as it takes to hear it.
            let mut probe = open(&server).await;
            for _ in 0..TURNS {
                probe.write(frame(1, b"short")).await;
                assert_eq!(probe.frame().await, (0x81, b"5".to_vec()), "{what}");
            }
            probe.write(frame(8, &[])).await;
            probe.rest().await;
        }
        let is_evicted = |line: &&String| line.starts_with("gone 1008");
        let mut evicted = journal.lines().iter().filter(is_evicted).count();
        assert!((12..=17).contains(&evicted), "{what}: {evicted} of 20 had to go");
        // Those that came last are still there, and those before them have been told.
        for raw in clients {
            if evicted > 0 {
                let mut raw = raw;
                let (code, reason) = raw.hear_close().await;
                let why = "too much is unfinished or unheard".to_owned();
                assert_eq!((code, reason), (1008, why), "{what}");
                evicted -= 1;
            }
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn who_makes_progress_stays() {
    let (server, journal) = serve(usize::MAX, Options::new()).await;
    let mut steady = open(&server).await;
    let message = frame(2, &vec![7; MIB]);
    let mut left = message.chunks(message.len() / 15);
    let mut others = Vec::new();
    for _ in 0..15 {
        steady.write(left.next().unwrap()).await;
        let mut raw = open(&server).await;
        raw.write(first(0, &vec![7; MIB / 2])).await;
        let mut probe = open(&server).await;
        probe.write(frame(1, b"short")).await;
        assert_eq!(probe.frame().await, (0x81, b"5".to_vec()));
        others.push((raw, probe));
    }
    for rest in left {
        steady.write(rest).await;
    }
    assert_eq!(steady.frame().await, (0x81, MIB.to_string().into_bytes()));
    assert!(!journal.lines().is_empty(), "others had to go");
    server.stop().await;
}

#[tokio::test]
async fn one_on_its_own_may_hold_more() {
    let (server, journal) = serve(usize::MAX, Options::new()).await;
    let mut raw = open(&server).await;
    for number in 1..=7 {
        let mut bytes = first(if number == 7 { FIN } else { 0 }, &vec![7; MIB]);
        if number > 1 {
            // A continuation.
            bytes[0] &= FIN;
        }
        raw.write(bytes).await;
    }
    assert_eq!(raw.frame().await, (0x81, (7 * MIB).to_string().into_bytes()));
    assert_eq!(journal.lines(), [""; 0]);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn a_message_that_is_not_finished_has_its_time() {
    let period = Duration::from_millis(300);
    let options = Options::new().heartbeat_period(period / 3).message_period(period);
    let (server, journal) = serve(10, options).await;
    let mut raw = open(&server).await;
    raw.write(first(0, b"begun")).await;
    loop {
        match raw.frame().await {
            (0x89, payload) => raw.write(frame(0xA, &payload)).await,
            (_, close) => {
                assert_eq!(close[..2], 1008_u16.to_be_bytes());
                break;
            }
        }
    }
    let why = "gone 1008 a message was begun and not finished";
    assert_eq!(journal.until(1).await, [why]);
    drop(raw);
    server.stop().await;
}
