//! `send`: order, outcome, and that `nowait` waits for nobody.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use aerys::{
    Accepted, Client, ClientGone, Departure, Failure, Handshake, Host, Message, Options, Refusal,
    Websocket,
};
use futures_util::{future::join_all, poll};

use crate::common::{
    Echo, Journal, Lobby, Raw, Scene, connect, errors_at, frame, keep_errors, on_a_thread, serve,
    serve_host, serve_with, soon,
};

/// More than the kernel takes for a peer that does not read.
const HUGE: usize = 64 << 20;

#[tokio::test]
async fn messages_come_back_in_order_and_of_the_same_kind() {
    let server = serve(Echo { waits: true }).await;
    let mut ws = connect(&server).await;
    for round in 0..3 {
        ws.say(format!("text {round}")).await;
        ws.say(vec![round; 100_000]).await;
        ws.say("").await;
        ws.say(Vec::new()).await;
    }
    for round in 0..3 {
        assert_eq!(ws.hear_text().await, format!("text {round}"));
        let binary = ws.hear().await;
        assert!(binary.is_binary() && binary.into_data() == vec![round; 100_000]);
        assert_eq!(ws.hear_text().await, "");
        let empty = ws.hear().await;
        assert!(empty.is_binary() && empty.is_empty());
    }
    ws.leave().await;
    server.stop().await;
}

#[tokio::test]
async fn a_send_is_ok_once_its_message_has_left() {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let mut ws = connect(&server).await;
    let client = guests.next().await;
    for text in ["one", "", "three"] {
        assert_eq!(soon(client.send(text)).await, Ok(()));
        assert_eq!(ws.hear_text().await, text);
    }
    drop(ws);
    server.stop().await;
}

/// The kernel may wait with it for what follows at once, but not for 200 ms, which is how long it
/// would if it was not told otherwise.
#[tokio::test]
async fn an_awaited_answer_is_not_held_back_while_its_handler_waits_for_something_else() {
    struct Slow(Scene);
    impl Websocket for Slow {
        async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
            Ok(handshake.accept())
        }

        async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
            client.send(message).await?;
            self.0.cued().await;
            Ok(())
        }
    }
    let scene = Scene::default();
    let server = serve(Slow(scene.clone())).await;
    let mut raw = Raw::open(&server).await;
    let started = Instant::now();
    for _ in 0..20 {
        // Both come with one read, so that the second waits behind the first.
        raw.write([frame(1, b"one"), frame(1, b"two")].concat()).await;
        for word in [b"one", b"two"] {
            assert_eq!(raw.frame().await, (0x81, word.to_vec()));
            scene.cue();
        }
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_send_waits_as_long_as_its_client_does_not_read() {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let mut raw = Raw::open(&server).await;
    let client = guests.next().await;
    let mut send = pin!(client.send(vec![7; HUGE]));
    assert!(poll!(send.as_mut()).is_pending());
    // The first frame has come, the last cannot leave.
    assert_eq!(raw.frame().await.0, 0x02);
    assert!(poll!(send.as_mut()).is_pending());
    while raw.frame().await.0 & 0x80 == 0 {}
    assert_eq!(soon(send).await, Ok(()));
    drop(raw);
    server.stop().await;
}

/// Answers the first message with a huge one, and says what became of that.
struct Generous {
    journal: Journal,
    catches: bool,
}

impl Websocket for Generous {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, _: Message) -> Result<(), Failure> {
        let outcome = client.send(vec![0; HUGE]).await;
        self.journal.note(format!("{outcome:?}"));
        if !self.catches {
            outcome?;
        }
        let outcome = client.send("and now?").await;
        self.journal.note(format!("then {outcome:?}"));
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        self.journal.note(format!("gone {}", gone.code()));
    }
}

/// The ways for a client to go while it is owed a huge message, and what `on_close` makes of each.
const WAYS: [(&str, &str); 3] =
    [("reset", "gone 1006"), ("end", "gone 1006"), ("close", "gone 1000")];

#[tokio::test]
async fn a_send_to_a_client_that_goes_meanwhile_ends_and_its_handler_goes_on() {
    keep_errors();
    for catches in [true, false] {
        for (way, gone) in WAYS {
            let path = format!("/send/{way}/{catches}");
            let journal = Journal::default();
            let app = Generous { journal: journal.clone(), catches };
            // One that closes and takes nothing is waited for as long as one that is closed.
            let options =
                Options::new().close_period(Duration::from_millis(100)).heartbeat_period(None);
            let host = Host::new("localhost").websocket_with(&path, app, options);
            let server = serve_host(host).await;
            let mut raw = Raw::open_at(&server, &path).await;
            raw.write(frame(1, b"go")).await;
            raw.frame().await;
            let left = match way {
                // What it has not read is lost, so its kernel resets the connection.
                "reset" => {
                    drop(raw);
                    None
                }
                "end" => {
                    raw.end().await;
                    Some(raw)
                }
                _ => {
                    raw.write(frame(8, &1000_u16.to_be_bytes())).await;
                    Some(raw)
                }
            };
            let mut lines = journal.until(if catches { 3 } else { 2 }).await;
            drop(left);
            server.stop().await;
            assert_eq!(journal.lines(), lines, "{way}");
            lines.sort();
            let expected = ["Err(ClientGone)", gone, "then Err(ClientGone)"];
            assert_eq!(lines, expected[..lines.len()], "{way}");
            assert_eq!(errors_at(&path), [""; 0]);
        }
    }
}

#[tokio::test]
async fn a_send_to_a_client_that_has_gone_says_so() {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let ws = connect(&server).await;
    let client = guests.next().await;
    ws.leave().await;
    guests.journal.until(1).await;
    assert_eq!(soon(client.send("late")).await, Err(ClientGone));
    client.send("later").nowait();
    soon(client.close()).await;
    assert_eq!(client.endpoint().client(client.id()), None);
    server.stop().await;
}

/// Answers the first message with a thousand.
struct Talkative(Journal);

impl Websocket for Talkative {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, _: Message) -> Result<(), Failure> {
        for number in 0..1000_u32 {
            client.send([&number.to_be_bytes()[..], &[0; 30_000]].concat()).nowait();
        }
        self.0.note("done");
        Ok(())
    }
}

#[tokio::test]
async fn nowait_waits_for_nobody() {
    let journal = Journal::default();
    let options = Options::new().max_queued_bytes(HUGE);
    let server = serve_with(Talkative(journal.clone()), options).await;
    let mut ws = connect(&server).await;
    ws.say("go").await;
    // Nothing is read before.
    journal.until_noted("done").await;
    for number in 0..1000_u32 {
        assert_eq!(ws.hear().await.into_data()[..4], number.to_be_bytes());
    }
    ws.leave().await;
    server.stop().await;
}

/// Counts for who asks, and waits for two of three.
struct Counts;

const COUNTED: u32 = 400;

impl Websocket for Counts {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, _: Message) -> Result<(), Failure> {
        for number in 0..COUNTED {
            let send = client.send(number.to_be_bytes().repeat(2_000));
            if number % 3 == 0 { send.nowait() } else { send.await? }
        }
        Ok(())
    }
}

/// What the kernel takes in part is left for later, and nothing else goes before it.
#[tokio::test]
async fn what_a_handler_awaits_and_what_it_does_not_arrive_in_order_however_slowly_they_are_read() {
    let server = serve(Counts).await;
    let mut raw = Raw::open_narrow(&server).await;
    raw.write([frame(1, b"go"), frame(9, b"?"), frame(1, b"again")].concat()).await;
    let (mut next, mut pongs) = ((0..COUNTED).cycle(), 0);
    for _ in 0..=2 * COUNTED {
        match raw.frame().await {
            (0x8A, payload) => {
                pongs += 1;
                assert_eq!(payload, b"?");
            }
            (first, payload) => {
                assert_eq!(first, 0x82);
                assert_eq!(payload, next.next().unwrap().to_be_bytes().repeat(2_000));
            }
        }
    }
    assert_eq!((next.next(), pongs), (Some(0), 1));
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn each_task_and_thread_is_heard_in_its_order() {
    async fn report(client: Client, name: usize) {
        for number in 0..200 {
            let send = client.send(format!("{name} {number}"));
            match number % 3 {
                0 => send.await.expect("the client stays"),
                _ => send.nowait(),
            }
        }
    }
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let mut ws = connect(&server).await;
    let client = guests.next().await;
    let senders = (0..6).map(|name| {
        let report = report(client.clone(), name);
        async move {
            match name % 2 {
                0 => tokio::spawn(report).await.unwrap(),
                _ => on_a_thread(report).await,
            }
        }
    });
    let listener = async {
        let mut heard = [0; 6];
        for _ in 0..6 * 200 {
            let text = ws.hear_text().await;
            let (name, number) = text.split_once(' ').unwrap();
            let next = &mut heard[name.parse::<usize>().unwrap()];
            assert_eq!(number.parse(), Ok(*next), "{text}");
            *next += 1;
        }
    };
    tokio::join!(join_all(senders), listener);
    drop(ws);
    server.stop().await;
}

#[tokio::test]
async fn dropping_a_send_drops_only_its_receipt() {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let mut ws = connect(&server).await;
    let client = guests.next().await;
    {
        let mut send = pin!(client.send("let go"));
        let _ = poll!(send.as_mut());
    }
    // This one was never begun.
    drop(client.send("never"));
    client.send("last").nowait();
    assert_eq!(ws.hear_text().await, "let go");
    assert_eq!(ws.hear_text().await, "last");
    drop(ws);
    server.stop().await;
}

/// Passes each message on to every client, one by one, by id.
struct Relay(Journal);

impl Websocket for Relay {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        self.0.note(std::thread::current().name().unwrap_or_default());
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        let endpoint = client.endpoint();
        for id in endpoint.clients().iter().map(Client::id) {
            endpoint.client(id).ok_or(ClientGone)?.send(message.clone()).await?;
        }
        Ok(())
    }
}

/// In memory there is one worker.
mod over_sockets {
    use super::*;

    #[tokio::test]
    async fn a_handler_can_send_to_the_clients_of_every_worker() {
        let journal = Journal::default();
        let server = serve(Relay(journal.clone())).await;
        let mut room = Vec::new();
        for _ in 0..4 {
            room.push(connect(&server).await);
        }
        let mut workers = journal.lines();
        workers.sort();
        assert_eq!(workers, ["aerys-0", "aerys-0", "aerys-1", "aerys-1"]);
        for speaker in 0..room.len() {
            room[speaker].say(format!("from {speaker}")).await;
            for ws in &mut room {
                assert_eq!(ws.hear_text().await, format!("from {speaker}"));
            }
        }
        drop(room);
        server.stop().await;
    }
}
