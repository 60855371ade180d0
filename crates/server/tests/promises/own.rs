//! What a handler says to its own client: it may take a short way there, and nobody is to notice.

use std::thread;

use aerys::{
    Accepted, Client, Failure, Handshake, Message, Options, Overflow, Refusal, Tally, Websocket,
};

use tokio::sync::mpsc;

use crate::common::{Journal, Raw, Running, connect, eventually, frame, serve, serve_with, soon};

/// Says each of `count` messages of `size` bytes, without waiting, and notes what came of it.
struct Talker {
    count: u32,
    size: usize,
    journal: Journal,
}

impl Websocket for Talker {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, _: Message) -> Result<(), Failure> {
        for number in 1..=self.count {
            client.send(numbered(number, self.size)).nowait();
            let stats = client.inspect();
            self.journal.note(format!("{} {}", stats.queued_bytes, stats.dropped));
        }
        Ok(())
    }
}

fn numbered(number: u32, size: usize) -> Vec<u8> {
    [&number.to_be_bytes()[..], &vec![0; size - 4]].concat()
}

fn number(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}

#[tokio::test]
async fn it_counts_as_queued_and_is_dropped_past_the_limit_like_anything_else() {
    let journal = Journal::default();
    let talker = Talker { count: 4, size: 100, journal: journal.clone() };
    let options = Options::new().max_queued_bytes(400).overflow(Overflow::DropNewest);
    let server = serve_with(talker, options).await;
    let mut ws = connect(&server).await;
    ws.say("go").await;
    // 64 bytes are counted beside each.
    assert_eq!(journal.until(4).await, ["164 0", "328 0", "328 1", "328 2"]);
    for expected in 1..=2 {
        assert_eq!(number(&ws.hear().await.into_data()), expected);
    }
    ws.leave().await;
    server.stop().await;
}

/// Says something, and broadcasts something: each of them fits by itself.
struct Announcer(Journal);

impl Websocket for Announcer {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, _: Message) -> Result<(), Failure> {
        client.send(numbered(1, 100)).nowait();
        let tally = client.endpoint().broadcast(numbered(2, 100)).await;
        let Tally { delivered, dropped, .. } = tally;
        self.0
            .note(format!("{delivered} delivered, {dropped} dropped {}", client.inspect().dropped));
        Ok(())
    }
}

#[tokio::test]
async fn it_leaves_no_room_for_a_broadcast_that_would_be_too_much_beside_it() {
    let journal = Journal::default();
    let options = Options::new().max_queued_bytes(200).overflow(Overflow::DropNewest);
    let server = serve_with(Announcer(journal.clone()), options).await;
    let mut ws = connect(&server).await;
    ws.say("go").await;
    assert_eq!(journal.until(1).await, ["0 delivered, 1 dropped 1"]);
    assert_eq!(number(&ws.hear().await.into_data()), 1);
    ws.leave().await;
    server.stop().await;
}

#[tokio::test]
async fn all_of_it_arrives_in_order_however_slowly_it_is_read() {
    let sizes = [4, 100, 700, 5_000, 20_000];
    for size in sizes {
        let count = 200_000 / size as u32;
        let options = Options::new().max_queued_bytes(1 << 30).heartbeat_period(None);
        let talker = Talker { count, size, journal: Journal::default() };
        let server = serve_with(talker, options).await;
        let mut raw = Raw::open_narrow(&server).await;
        for _ in 0..5 {
            raw.write(frame(1, b"go")).await;
        }
        for expected in (1..=count).cycle().take(5 * count as usize) {
            let (first, payload) = raw.frame().await;
            assert_eq!((first, number(&payload), payload.len()), (0x82, expected, size));
        }
        drop(raw);
        server.stop().await;
    }
}

#[tokio::test]
async fn what_the_kernel_does_not_take_of_it_counts_as_queued_until_it_does() {
    const SIZE: usize = 10_000;
    let (server, mut raw, client, journal) =
        Answering::stuck(|client, message| client.send(message).nowait()).await;
    let mut said = 0;
    loop {
        raw.write(frame(2, &[7; SIZE])).await;
        said += 1;
        journal.until(said).await;
        // Whoever is read from twice has been written to in between, if that can be.
        for _ in 0..2 {
            let read = client.inspect().bytes_read;
            raw.write(frame(10, b"")).await;
            eventually(|| client.inspect().bytes_read > read).await;
        }
        let stats = client.inspect();
        if stats.bytes_sent < (said * (SIZE + 4)) as u64 {
            assert_eq!(stats.queued_bytes, SIZE + 64);
            break;
        }
        assert_eq!(stats.queued_bytes, 0);
    }
    for _ in 0..said {
        assert_eq!(raw.frame().await, (0x82, vec![7; SIZE]));
    }
    eventually(|| client.inspect().queued_bytes == 0).await;
    drop(raw);
    server.stop().await;
}

/// Says one thing in each of the ways there are, and then goodbye.
struct Versatile;

impl Websocket for Versatile {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        client.send("a").nowait();
        Ok(client)
    }

    async fn on_data(&self, client: &Client, _: Message) -> Result<(), Failure> {
        client.send("b").nowait();
        client.endpoint().broadcast("c").nowait();
        client.send("d").nowait();
        client.send("e").await?;
        client.send("f").nowait();
        say_elsewhere(client, "g");
        client.send("h").nowait();
        client.close().reason("that was all").nowait();
        client.send("too late").nowait();
        Ok(())
    }
}

/// Has another thread say it, and waits for that.
fn say_elsewhere(client: &Client, text: &'static str) {
    thread::scope(|scope| {
        scope.spawn(|| client.send(text).nowait());
    });
}

#[tokio::test]
async fn it_leaves_in_the_order_in_which_it_was_said_whichever_way() {
    let server = serve(Versatile).await;
    let mut raw = Raw::open(&server).await;
    raw.write(frame(1, b"go")).await;
    for letter in b'a'..=b'h' {
        assert_eq!(raw.frame().await, (0x81, vec![letter]));
    }
    assert_eq!(raw.hear_close().await, (1000, "that was all".to_owned()));
    server.stop().await;
}

/// Hands its client to the test, and notes when it has answered a message.
struct Answering {
    door: mpsc::UnboundedSender<Client>,
    journal: Journal,
    answer: fn(&Client, Message),
}

impl Answering {
    /// One with a client that does not read yet.
    async fn stuck(answer: fn(&Client, Message)) -> (Running, Raw, Client, Journal) {
        let (journal, (door, mut guests)) = (Journal::default(), mpsc::unbounded_channel());
        let app = Self { door, journal: journal.clone(), answer };
        let server = serve_with(app, Options::new().heartbeat_period(None)).await;
        let raw = Raw::open_narrow(&server).await;
        let client = soon(guests.recv()).await.expect("a client was let in");
        (server, raw, client, journal)
    }
}

impl Websocket for Answering {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        self.door.send(client.clone())?;
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        (self.answer)(client, message);
        self.journal.note("said");
        Ok(())
    }
}

#[tokio::test]
async fn it_keeps_its_place_while_nothing_can_leave_but_pongs_wait_already() {
    let (server, mut raw, client, journal) = Answering::stuck(|client, _| {
        client.send("1").nowait();
        say_elsewhere(client, "2");
        client.send("3").nowait();
    })
    .await;
    // Until the kernels on the way take no more pongs: then some have been left behind.
    let pings = frame(9, &[7; 125]).repeat(1000);
    let mut sent = None;
    while sent != Some(client.inspect().bytes_sent) {
        sent = Some(client.inspect().bytes_sent);
        for _ in 0..2 {
            let read = client.inspect().bytes_read;
            raw.write(&pings).await;
            eventually(|| client.inspect().bytes_read >= read + pings.len() as u64).await;
        }
    }
    raw.write(frame(1, b"go")).await;
    journal.until_noted("said").await;
    let mut said = Vec::new();
    while said.len() < 3 {
        let (first, payload) = raw.frame().await;
        if first == 0x81 {
            said.push(payload);
        }
    }
    assert_eq!(said, [b"1", b"2", b"3"]);
    drop(raw);
    server.stop().await;
}

/// Says a lot to who says "a lot", so that some of it is left over for a second write, and else says
/// back what it hears.
struct Generous;

impl Websocket for Generous {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        if message.as_text() == Some("a lot") {
            client.send(vec![1; 65_530]).nowait();
            client.send(vec![2; 1 << 20]).nowait();
        } else {
            client.send(message.clone()).nowait();
            client.send(message).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn who_vanishes_in_the_midst_of_it_takes_nothing_from_who_comes_next() {
    let server = serve(Generous).await;
    // All on both workers.
    for _ in 0..20 {
        let mut raw = Raw::open(&server).await;
        raw.write(frame(1, b"a lot")).await;
        raw.end().await;
        raw.rest().await;
    }
    let mut guests = [connect(&server).await, connect(&server).await, connect(&server).await];
    for ws in &mut guests {
        ws.say("hi").await;
        assert_eq!(ws.hear_text().await, "hi");
        assert_eq!(ws.hear_text().await, "hi");
    }
    server.stop().await;
}
