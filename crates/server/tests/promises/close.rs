//! `close`: what the peer sees, what the application sees, and in which order.

use std::time::{Duration, Instant};

use aerys::{
    Accepted, Client, ClientGone, CloseCode, Departure, Failure, Handshake, Host, Message, Options,
    Refusal, Server, Websocket,
};

use crate::common::{
    Door, Journal, Lobby, PATIENCE, Raw, Ws, connect, departure, errors_at, frame, handshake,
    keep_errors, serve, serve_with, soon, start_on,
};

const CLOSE_PERIOD: Duration = Duration::from_millis(100);

/// Closes in `on_open`, if it is to, and on each message: all clients if it is `all`.
struct Closer {
    journal: Journal,
    at_once: bool,
}

impl Closer {
    async fn close(&self, client: &Client) {
        self.journal.note("before");
        client.close().await;
        self.journal.note("after");
        self.journal.note(format!("{:?}", client.send("still there?").await));
    }
}

impl Websocket for Closer {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        if self.at_once {
            self.close(&client).await;
        }
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        match message.as_text() {
            Some("all") => {
                for client in client.endpoint().clients() {
                    self.close(&client).await;
                }
            }
            Some("nowait") => {
                client.close().nowait();
                self.journal.note("after");
            }
            _ => self.close(client).await,
        }
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        self.journal.note(departure(gone));
    }
}

#[tokio::test]
async fn a_close_inside_on_open_runs_on_close_first() {
    let journal = Journal::default();
    let server = serve(Closer { journal: journal.clone(), at_once: true }).await;
    let mut ws = connect(&server).await;
    assert_eq!(ws.hear_close().await, (1000, String::new()));
    ws.ends().await;
    server.stop().await;
    assert_eq!(journal.lines(), ["before", "gone 1000", "after", "Err(ClientGone)"]);
}

#[tokio::test]
async fn a_close_inside_on_data_runs_on_close_first() {
    let journal = Journal::default();
    let server = serve(Closer { journal: journal.clone(), at_once: false }).await;
    let mut ws = connect(&server).await;
    ws.say("me").await;
    assert_eq!(ws.hear_close().await, (1000, String::new()));
    ws.ends().await;
    server.stop().await;
    assert_eq!(journal.lines(), ["before", "gone 1000", "after", "Err(ClientGone)"]);
}

#[tokio::test]
async fn nowait_closes_once_the_handler_lets_it() {
    let journal = Journal::default();
    let server = serve(Closer { journal: journal.clone(), at_once: false }).await;
    let mut ws = connect(&server).await;
    ws.say("nowait").await;
    assert_eq!(ws.hear_close().await, (1000, String::new()));
    ws.ends().await;
    server.stop().await;
    assert_eq!(journal.lines(), ["after", "gone 1000"]);
}

#[tokio::test]
async fn one_client_can_close_every_other_and_itself() {
    let journal = Journal::default();
    let server = serve(Closer { journal: journal.clone(), at_once: false }).await;
    let mut room = Vec::new();
    for _ in 0..4 {
        room.push(connect(&server).await);
    }
    room[2].say("all").await;
    let hang_up = async |mut ws: Ws| {
        assert_eq!(ws.hear_close().await, (1000, String::new()));
        ws.ends().await;
    };
    futures_util::future::join_all(room.into_iter().map(hang_up)).await;
    server.stop().await;
    let one = ["before", "gone 1000", "after", "Err(ClientGone)"];
    assert_eq!(journal.lines(), [one; 4].concat());
}

#[tokio::test]
async fn the_peer_sees_code_and_reason() {
    let code = |code| CloseCode::new(code).expect("a code that may be sent");
    let cases = [
        (code(1001), "moving house".to_owned(), "moving house".to_owned()),
        (code(4999), String::new(), String::new()),
        (code(3000), "x".repeat(124), "x".repeat(123)),
        // Two bytes each, so the 62nd would end at byte 124.
        (code(1013), "é".repeat(80), "é".repeat(61)),
    ];
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    for (number, (code, reason, seen)) in cases.into_iter().enumerate() {
        let mut ws = connect(&server).await;
        let client = guests.next().await;
        client.close().code(code).reason(reason).nowait();
        assert_eq!(ws.hear_close().await, (code.as_u16(), seen.clone()));
        ws.ends().await;
        let noted = format!("gone {code} {seen}");
        assert_eq!(guests.journal.until(number + 1).await[number], noted.trim_end());
    }
    server.stop().await;
}

#[tokio::test]
async fn what_was_sent_before_arrives_before_the_close() {
    let (server, mut guests) = Lobby::serve(Options::new().max_queued_bytes(64 << 20)).await;
    let mut ws = connect(&server).await;
    let client = guests.next().await;
    // More than the kernel takes at once.
    for number in 0..1000_u32 {
        client.send([&number.to_be_bytes()[..], &[0; 20_000]].concat()).nowait();
    }
    client.close().nowait();
    assert_eq!(soon(client.send("after")).await, Err(ClientGone));
    for number in 0..1000_u32 {
        assert_eq!(ws.hear().await.into_data()[..4], number.to_be_bytes());
    }
    assert_eq!(ws.hear_close().await, (1000, String::new()));
    ws.ends().await;
    server.stop().await;
}

#[tokio::test]
async fn closing_twice_is_harmless_and_the_first_is_heard() {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let mut ws = connect(&server).await;
    let client = guests.next().await;
    client.close().code(CloseCode::AWAY).reason("first").nowait();
    client.close().reason("second").nowait();
    assert_eq!(ws.hear_close().await, (1001, "first".to_owned()));
    let ends = ws.ends();
    tokio::join!(soon(client.close()), soon(client.close().reason("third")), ends);
    soon(client.close()).await;
    server.stop().await;
    assert_eq!(guests.journal.lines(), ["gone 1001 first", "stopped"]);
}

#[tokio::test]
async fn a_peer_that_never_answers_a_close_is_cut_off_after_the_close_period() {
    let (server, mut guests) = Lobby::serve(Options::new().close_period(CLOSE_PERIOD)).await;
    let mut raw = Raw::open(&server).await;
    let client = guests.next().await;
    let asked = Instant::now();
    soon(client.close().code(CloseCode::RESTART).reason("brb")).await;
    assert!(asked.elapsed() >= CLOSE_PERIOD);
    assert_eq!(guests.journal.lines(), ["gone 1012 brb"]);
    assert_eq!(raw.hear_close().await, (1012, "brb".to_owned()));
    assert_eq!(raw.rest().await, b"");
    server.stop().await;
}

#[tokio::test]
async fn a_peer_that_takes_nothing_of_what_it_is_owed_does_not_put_off_its_close() {
    let options = Options::new().close_period(CLOSE_PERIOD).heartbeat_period(None);
    let (server, mut guests) = Lobby::serve(options).await;
    let mut raw = Raw::open(&server).await;
    let client = guests.next().await;
    client.send(vec![0; 64 << 20]).nowait();
    raw.frame().await;
    soon(client.close()).await;
    assert_eq!(guests.journal.lines(), ["gone 1000"]);
    server.stop().await;
}

#[tokio::test]
async fn on_close_is_told_how_the_peer_went() {
    let close = |code: u16, reason: &str| Some([&code.to_be_bytes(), reason.as_bytes()].concat());
    // The payload of the peer's CLOSE, and of the answer.
    let cases = [
        (close(1000, ""), close(1000, ""), "gone 1000"),
        (close(4001, "déjà vu"), close(4001, ""), "gone 4001 déjà vu"),
        (Some(Vec::new()), Some(Vec::new()), "gone 1005"),
        (None, None, "gone 1006"),
    ];
    let (server, guests) = Lobby::serve(Options::new()).await;
    for (number, (theirs, answer, gone)) in cases.into_iter().enumerate() {
        let mut raw = Raw::open(&server).await;
        match theirs {
            Some(payload) => raw.write(frame(8, &payload)).await,
            None => raw.end().await,
        }
        assert_eq!(guests.journal.until(number + 1).await[number], gone);
        if let Some(answer) = answer {
            assert_eq!(raw.frame().await, (0x88, answer));
        }
        assert_eq!(raw.rest().await, b"", "{gone}");
    }
    server.stop().await;
}

fn texts(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| frame(1, text.as_bytes())).collect()
}

#[tokio::test]
async fn nothing_is_delivered_after_a_close_of_ours() {
    for order in ["nowait", "wait"] {
        let journal = Journal::default();
        // What is left of the messages keeps nobody from hearing the answer.
        let options = Options::new().close_period(2 * PATIENCE);
        let app = Closer { journal: journal.clone(), at_once: false };
        let server = serve_with(app, options).await;
        let mut raw = Raw::open(&server).await;
        raw.write(texts(&[order, "nowait", "nowait"])).await;
        raw.hear_close().await;
        raw.write([texts(&["nowait"]), frame(8, &1000_u16.to_be_bytes())].concat()).await;
        assert_eq!(raw.rest().await, b"");
        server.stop().await;
        let count = |line: &str| journal.lines().iter().filter(|it| *it == line).count();
        assert_eq!((count("after"), count("gone 1000")), (1, 1), "{:?}", journal.lines());
    }
}

/// The worker's clock is coarse, and read only now and then by a worker that never sleeps.
#[tokio::test]
async fn the_close_period_is_kept_by_a_worker_that_is_kept_from_sleeping() {
    let period = Duration::from_millis(600);
    let options = Options::new().close_period(period).heartbeat_period(None);
    let (lobby, mut guests) = Lobby::new();
    let host = Host::new("localhost").websocket_with("/", lobby, options);
    let server = start_on(1, Server::new().host(host)).await;
    let _silent = Raw::open(&server).await;
    let client = guests.next().await;
    let busy = client.endpoint().spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    tokio::time::sleep(2 * period).await;
    let asked = Instant::now();
    soon(client.close()).await;
    assert!(asked.elapsed() >= period, "{:?}", asked.elapsed());
    busy.cancel();
    server.stop().await;
}

#[tokio::test]
async fn a_code_is_a_number_that_may_be_sent_and_any_other_is_a_fault() {
    keep_errors();
    let path = "/close/code/{guest}";
    let door = Door::at(path, |guest: Handshake, _| async move {
        let code: u16 = guest.param("guest").and_then(|code| code.parse().ok()).unwrap_or(0);
        let client = guest.accept();
        client.close().code(code).reason("as asked").nowait();
        Ok(client)
    })
    .await;
    for (code, heard) in [
        (1000, (1000, "as asked")),
        (4000, (4000, "as asked")),
        (999, (1011, "")),
        (1005, (1011, "")),
        (5000, (1011, "")),
    ] {
        let mut raw = Raw::connect(&door.server).await;
        raw.ask(handshake(&format!("/close/code/{code}"), "")).await;
        assert_eq!(raw.hear_close().await, (heard.0, heard.1.to_owned()), "{code}");
        if heard.0 == 1011 {
            let why =
                format!("`Close::code` was given a number that it cannot take: {code} is no code");
            let errors = errors_at(path);
            assert!(errors.iter().any(|line| line.contains(&why)), "{code}: {errors:?}");
        }
    }
    door.shut().await;
}
