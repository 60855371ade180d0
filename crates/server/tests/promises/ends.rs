//! What came before an end is handled and answered before it, and a slow peer is not a dead one.

use std::time::{Duration, Instant};

use aerys::{
    Accepted, Client, Compression, Departure, Failure, Handshake, Host, Message, Options, Refusal,
    Server, Websocket,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::sleep,
};

use crate::common::{
    Journal, Lobby, Raw, Running, departure, eventually, frame, handshake, serve_with, soon,
    start_on,
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Echoes each message, once some time has passed, and notes what became of that.
struct Answers {
    journal: Journal,
    after: Duration,
    waits: bool,
}

impl Websocket for Answers {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        if !self.after.is_zero() {
            sleep(self.after).await;
        }
        let len = message.len();
        if self.waits {
            let outcome = client.send(message).await;
            self.journal.note(format!("{len} {outcome:?}"));
        } else {
            client.send(message).nowait();
            self.journal.note(len.to_string());
        }
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        self.journal.note(departure(gone));
    }
}

async fn serve(waits: bool, after: Duration, options: Options) -> (Running, Journal) {
    let journal = Journal::default();
    let app = Answers { journal: journal.clone(), after, waits };
    (serve_with(app, options).await, journal)
}

fn close(code: u16) -> Vec<u8> {
    frame(8, &code.to_be_bytes())
}

/// The frames that the server has sent, pings aside: the first byte and the payload of each.
fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [first, len, rest @ ..] = bytes {
        let (len, rest) = match len {
            127 => (u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize, &rest[8..]),
            126 => (u16::from_be_bytes(rest[..2].try_into().unwrap()).into(), &rest[2..]),
            len => (usize::from(*len), rest),
        };
        assert!(len <= rest.len(), "cut within a frame, of which {} are there", rest.len());
        let (payload, rest) = rest.split_at(len);
        if *first != 0x89 {
            frames.push((*first, payload.to_vec()));
        }
        bytes = rest;
    }
    frames
}

/// Says all of it, perhaps ends its side, and hears what comes until the server does.
async fn converse(raw: Raw, bytes: &[u8], shuts: bool) -> Vec<(u8, Vec<u8>)> {
    let (reads, mut writes) = raw.split();
    let write = async {
        soon(writes.write_all(bytes)).await.expect("the server takes it");
        if shuts {
            writes.shutdown().await.unwrap();
        }
        writes
    };
    let (_writes, came) = tokio::join!(write, soon(reads.rest()));
    frames(&came)
}

/// The messages that some frames make, and the last of these.
fn messages(mut frames: Vec<(u8, Vec<u8>)>) -> (Vec<Vec<u8>>, (u8, Vec<u8>)) {
    let last = frames.pop().expect("a frame");
    let mut messages = vec![Vec::new()];
    for (first, payload) in frames {
        messages.last_mut().unwrap().extend(payload);
        if first & 0x80 != 0 {
            messages.push(Vec::new());
        }
    }
    assert_eq!(messages.pop(), Some(Vec::new()), "the last message is whole");
    (messages, last)
}

#[tokio::test]
async fn messages_before_a_close_are_answered_before_it() {
    let sizes = [(1, 1), (20, 1000), (60_000, 3), (300_000, 1), (MIB + 1, 1), (300_000, 4)];
    for (size, count) in sizes {
        for (waits, narrow, shuts) in
            [(true, true, true), (true, false, true), (false, true, false), (false, false, true)]
        {
            let case = format!("{count} of {size} B, waits {waits}, narrow {narrow}, FIN {shuts}");
            let options = Options::new().max_queued_bytes(8 * MIB);
            let (server, journal) = serve(waits, Duration::ZERO, options).await;
            let raw =
                if narrow { Raw::open_narrow(&server).await } else { Raw::open(&server).await };
            let mut bytes = frame(2, &vec![7; size]).repeat(count);
            bytes.extend(close(1000));
            let (heard, last) = messages(converse(raw, &bytes, shuts).await);
            assert_eq!(heard.len(), count, "{case}");
            assert!(heard.iter().all(|message| *message == vec![7; size]), "{case}");
            assert_eq!(last, (0x88, 1000_u16.to_be_bytes().to_vec()), "{case}");
            let lines = journal.until(count + 1).await;
            let noted = if waits { format!("{size} Ok(())") } else { size.to_string() };
            assert!(lines[..count].iter().all(|line| *line == noted), "{case}: {lines:?}");
            assert_eq!(lines[count..], ["gone 1000"], "{case}");
            server.stop().await;
        }
    }
}

#[tokio::test]
async fn messages_before_a_violation_are_answered_before_it() {
    for (violation, code) in [
        (vec![0x83, 0x80, 0, 0, 0, 0], 1002_u16),
        (vec![0x80, 0x80, 0, 0, 0, 0], 1002),
        (frame(1, &[0xFF]), 1007),
        (frame(8, &[0]), 1002),
    ] {
        for pieces in [1, usize::MAX] {
            let (server, journal) = serve(true, Duration::ZERO, Options::new()).await;
            let mut raw = Raw::open(&server).await;
            raw.write(frame(2, &vec![7; 300_000])).await;
            for piece in violation.chunks(pieces.min(violation.len())) {
                raw.write(piece).await;
                tokio::task::yield_now().await;
            }
            let (heard, (last, payload)) = messages(converse(raw, &[], true).await);
            assert_eq!(heard.len(), 1, "{code}");
            assert_eq!((last, &payload[..2]), (0x88, &code.to_be_bytes()[..]));
            let lines = journal.until(2).await;
            assert_eq!(lines[0], "300000 Ok(())");
            assert!(lines[1].starts_with(&format!("gone {code}")), "{lines:?}");
            server.stop().await;
        }
    }
}

#[tokio::test]
async fn every_message_before_an_end_is_handled_while_each_takes_a_while() {
    let period = Duration::from_millis(250);
    for (end, gone) in [(Some(close(4000)), "gone 4000"), (None, "gone 1006")] {
        let options = Options::new().close_period(period).heartbeat_period(None);
        let (server, journal) = serve(false, period / 5, options).await;
        let mut raw = Raw::open(&server).await;
        // In all four times the close period.
        let mut bytes = frame(1, b"message").repeat(20);
        bytes.extend(end.unwrap_or_default());
        raw.write(bytes).await;
        raw.end().await;
        let lines = journal.until(21).await;
        assert!(lines.contains(&gone.to_owned()), "{lines:?}");
        drop(raw);
        server.stop().await;
    }
}

#[tokio::test]
async fn who_closes_without_reading_is_heard_to_the_end() {
    // Its kernel has bytes that nobody reads any more, and resets the connection.
    for (size, count) in [(1000, 40), (20, 3000), (30_000, 3)] {
        for waits in [true, false] {
            let options = Options::new().max_queued_bytes(8 * MIB);
            let (server, journal) = serve(waits, Duration::ZERO, options).await;
            let mut raw = Raw::open(&server).await;
            let mut bytes = frame(2, &vec![7; size]).repeat(count);
            bytes.extend(close(4000));
            raw.write(bytes).await;
            // What a kernel has acknowledged is there, whatever becomes of its sender.
            eventually(|| raw.stream.is_acknowledged()).await;
            drop(raw);
            let lines = journal.until_noted("gone 4000").await;
            assert_eq!(lines.len(), count + 1, "{count} of {size} B");
            server.stop().await;
        }
    }
}

#[tokio::test]
async fn who_closes_without_reading_is_heard_however_long_each_message_takes() {
    // More than is read while a handler is at work.
    for (size, count) in [(4_000, 12), (1_000, 40)] {
        for waits in [true, false] {
            let options = Options::new().close_period(Duration::from_millis(500));
            let (server, journal) = serve(waits, Duration::from_millis(100), options).await;
            let mut raw = Raw::open(&server).await;
            let mut bytes = frame(2, &vec![7; size]).repeat(count);
            bytes.extend(close(4000));
            raw.write(bytes).await;
            eventually(|| raw.stream.is_acknowledged()).await;
            drop(raw);
            let lines = journal.until_noted("gone 4000").await;
            assert!(lines.len() >= count, "{} of {count} of {size} B", lines.len());
            server.stop().await;
        }
    }
}

#[tokio::test]
#[cfg_attr(
    not(all(target_os = "linux", not(aerys_portable))),
    ignore = "the system does not tell what was acknowledged"
)]
async fn one_that_reads_slowly_through_a_wide_window_is_not_silent() {
    // Its kernel tells of room for some 128 KB at a time: every 2.6 s, when a silent one would be gone.
    let options = quick().heartbeat_period(Duration::from_millis(500));
    let (server, mut guests) = Lobby::serve(options).await;
    let mut raw = Raw::open(&server).await;
    let client = guests.next().await;
    client.send(vec![7; 2 * MIB]).nowait();
    let came = read_at(&mut raw, 50_000, 200_000).await;
    assert_eq!((came.len(), guests.journal.lines()), (200_000, Vec::new()));
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn one_that_says_nothing_to_a_close_is_waited_for_once() {
    let period = Duration::from_secs(1);
    for answers in [false, true] {
        let options = Options::new().close_period(period);
        let (server, mut guests) = Lobby::serve(options).await;
        let mut raw = Raw::open(&server).await;
        let client = guests.next().await;
        let asked = Instant::now();
        client.close().nowait();
        raw.hear_close().await;
        if answers {
            // And keeps its side open.
            raw.write(close(1000)).await;
        }
        let _ = soon(raw.stream.read_to_end(&mut Vec::new())).await;
        server.stop().await;
        drop(raw);
        let waited = asked.elapsed();
        assert!(period <= waited && waited < period * 9 / 5, "{waited:?}");
    }
}

/// Reads this many bytes each second, in small steps, until `bytes` are there or the server hangs up.
async fn read_at(raw: &mut Raw, rate: usize, bytes: usize) -> Vec<u8> {
    let mut came = Vec::new();
    while came.len() < bytes {
        sleep(Duration::from_millis(20)).await;
        let mut piece = vec![0; (rate / 50).min(bytes - came.len())];
        match soon(raw.stream.read(&mut piece)).await {
            Ok(size @ 1..) => came.extend(&piece[..size]),
            _ => break,
        }
    }
    came
}

/// What all of this is quick beside: a peer that reads 20 KB/s through a narrow window acknowledges
/// something every third of a second, and a silent one is kept for a second.
fn quick() -> Options {
    Options::new()
        .heartbeat_period(Duration::from_millis(250))
        .queued_ping_limit(3)
        .close_period(Duration::from_millis(250))
}

/// A window can be as narrow as this takes. Of a Unix socket, a piece of up to 100 KB is known to have been
/// read when all of it has, and in memory 64 KiB are taken whole.
mod over_tcp {
    use super::*;

    #[tokio::test]
    #[cfg_attr(
        not(all(target_os = "linux", not(aerys_portable))),
        ignore = "the system does not tell what was acknowledged"
    )]
    async fn one_that_reads_an_answer_slowly_is_not_silent() {
        let (server, journal) = serve(true, Duration::ZERO, quick()).await;
        let mut raw = Raw::open_narrow(&server).await;
        raw.write(frame(2, &[7; 60_000])).await;
        let came = read_at(&mut raw, 20_000, 60_000).await;
        assert_eq!(came.len(), 60_000, "{:?}", journal.lines());
        assert_eq!(journal.lines(), ["60000 Ok(())"]);
        drop(raw);
        server.stop().await;
    }
}

#[tokio::test]
async fn one_that_reads_slowly_hears_all_that_goes_before_the_close() {
    for ours in [true, false] {
        let (server, mut guests) = Lobby::serve(quick()).await;
        let mut raw = Raw::open_narrow(&server).await;
        let client = guests.next().await;
        client.send(vec![7; 100 * KIB]).nowait();
        if ours {
            client.close().nowait();
        } else {
            raw.write(close(1000)).await;
        }
        let came = read_at(&mut raw, 20 * KIB, 200 * KIB).await;
        let (heard, last) = messages(frames(&came));
        assert_eq!(heard.iter().map(Vec::len).collect::<Vec<_>>(), [100 * KIB], "ours: {ours}");
        assert_eq!(last, (0x88, 1000_u16.to_be_bytes().to_vec()));
        drop(raw);
        server.stop().await;
    }
}

#[tokio::test]
async fn what_is_said_behind_many_pongs_goes_before_the_close() {
    let (server, journal) = serve(false, Duration::ZERO, Options::new()).await;
    let mut raw = Raw::open_narrow(&server).await;
    // Their pongs are more than the kernels take, where ours takes no more ahead than it is told to.
    let mut bytes = frame(9, &[7; 125]).repeat(10_000);
    bytes.extend(frame(2, b"question"));
    bytes.extend(close(1000));
    raw.write(bytes).await;
    assert_eq!(journal.until(1).await[0], "8");
    // By now an end that did not wait would have come.
    sleep(Duration::from_millis(50)).await;
    let mut heard = converse(raw, &[], true).await;
    heard.retain(|(first, _)| *first != 0x8A);
    let close = (0x88, 1000_u16.to_be_bytes().to_vec());
    assert_eq!(heard, [(0x82, b"question".to_vec()), close]);
    server.stop().await;
}

#[tokio::test]
async fn what_follows_a_close_keeps_no_answer_back() {
    for waits in [true, false] {
        let (server, _) = serve(waits, Duration::ZERO, Options::new()).await;
        let mut raw = Raw::open(&server).await;
        // As much as may be answered together with what follows, if that were of interest.
        let bytes = [frame(2, &[7; 10_000]), close(1000), vec![7; 30_000]].concat();
        raw.write(bytes).await;
        let (first, payload) = raw.frame().await;
        assert_eq!((first, payload.len()), (0x82, 10_000), "waits: {waits}");
        assert_eq!(raw.frame().await, (0x88, 1000_u16.to_be_bytes().to_vec()), "waits: {waits}");
        drop(raw);
        server.stop().await;
    }
}

/// A text of two letters, which at this level takes many times the close period to compress.
fn laborious() -> (Vec<u8>, Options) {
    let mut state = 1_u32;
    let letter = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 28 == 0 { b'b' } else { b'a' }
    };
    let options = Options::new()
        .compression(Compression::new().level(9))
        .close_period(Duration::from_millis(50));
    ((0..4 * MIB).map(letter).collect(), options)
}

#[tokio::test]
async fn a_client_is_not_to_blame_for_what_a_server_is_slow_to_send() {
    for ours in [true, false] {
        let (text, options) = laborious();
        let (server, mut guests) = Lobby::serve(options).await;
        let mut raw = Raw::connect(&server).await;
        raw.write(handshake("/", "Sec-WebSocket-Extensions: permessage-deflate\r\n")).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
        let client = guests.next().await;
        client.send(text).nowait();
        let theirs = if ours {
            client.close().nowait();
            Vec::new()
        } else {
            close(1000)
        };
        let heard = converse(raw, &theirs, false).await;
        let ends: Vec<_> =
            heard.iter().map(|(first, _)| *first).filter(|it| it & 0x80 != 0).collect();
        assert_eq!(ends, [0x80, 0x88], "ours: {ours}");
        server.stop().await;
    }
}

/// Answers after a while, and blocks its thread for some time if asked to.
struct Blocks {
    journal: Journal,
    period: Duration,
}

impl Websocket for Blocks {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        if message.as_text() == Some("block") {
            std::thread::sleep(2 * self.period);
            return Ok(());
        }
        self.journal.note("begun");
        sleep(self.period * 3 / 4).await;
        let outcome = client.send(message).await;
        self.journal.note(format!("{outcome:?}"));
        Ok(())
    }
}

#[tokio::test]
async fn an_end_waits_for_an_application_that_its_worker_has_kept_waiting() {
    let (journal, period) = (Journal::default(), Duration::from_millis(400));
    let app = Blocks { journal: journal.clone(), period };
    let options = Options::new().close_period(period);
    let host = Host::new("localhost").websocket_with("/", app, options);
    let server = start_on(1, Server::new().host(host)).await;
    let (mut raw, mut other) = (Raw::open(&server).await, Raw::open(&server).await);
    raw.write([frame(1, b"one"), frame(1, b"two"), frame(1, b"three"), close(1000)].concat()).await;
    journal.until(1).await;
    // The end has been looked at once, and will be again before the worker can go on.
    sleep(period * 11 / 10).await;
    other.write(frame(1, b"block")).await;
    let (heard, last) = messages(converse(raw, &[], true).await);
    assert_eq!(heard, [&b"one"[..], b"two", b"three"]);
    assert_eq!(last, (0x88, 1000_u16.to_be_bytes().to_vec()));
    assert_eq!(journal.until(6).await, ["begun", "Ok(())"].repeat(3));
    drop(other);
    server.stop().await;
}
