//! The test kit: what it promises to who tests an application, under paused time.

mod at_rest;
mod misbehaviour;
mod presence;
mod time;

use std::sync::{Arc, Mutex};

use aerys::{
    Accepted, Client, Departure, Failure, Handshake, Host, Message, Options, Refusal, Server,
    Status, Websocket,
    test::{Event, TestServer},
};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::{client_async, tungstenite};

/// Echoes, and notes what happens.
#[derive(Clone, Default)]
pub(crate) struct Echo(Arc<Mutex<Vec<String>>>);

impl Echo {
    fn note(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Websocket for Echo {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        if handshake.request().uri.query() == Some("refuse") {
            return Err(handshake.refuse(Status::FORBIDDEN).reason("Not you"));
        }
        let client = handshake.accept();
        self.note(format!("opened by {}", client.peer_addr()));
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.send(message).await?;
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        self.note(format!("gone {} {}", gone.code(), gone.reason()));
    }
}

pub(crate) async fn serve(app: Echo, options: Options) -> TestServer {
    let host = Host::new("localhost").websocket_with("/", app, options);
    TestServer::start(Server::new().host(host)).await.expect("it starts")
}

#[tokio::test(start_paused = true)]
async fn messages_of_any_size_come_back_as_what_they_were() {
    let server = TestServer::of(Echo::default()).await;
    let mut client = server.connect("/").await;
    for size in [0, 1, 125, 126, 65_536] {
        client.send("x".repeat(size)).await;
        assert_eq!(client.message().await, Message::text("x".repeat(size)), "{size}");
    }
    client.send("text").await;
    assert_eq!(client.message().await, Message::text("text"));
    client.send_fragmented(vec![7; 1000], 7).await;
    assert_eq!(client.message().await, Message::binary(vec![7; 1000]));
    server.stop().await;
    assert_eq!(client.hear_close().await, (1001, String::new()));
    assert_eq!(client.next().await, Event::End);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_is_answered_as_over_a_socket() {
    let app = Echo::default();
    let server = TestServer::of(app.clone()).await;
    let refused = server.ask("/?refuse").connect().await.expect_err("it is refused");
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(refused.body(), b"Not you\n");
    for (ask, status) in [
        (server.ask("/").origin("https://evil.example"), 403),
        (server.ask("/").header("Sec-WebSocket-Version", "12"), 426),
        (server.ask("/").method("POST"), 405),
        (server.ask("/").header("Upgrade", ""), 426),
        (server.ask("/none"), 404),
    ] {
        let refused = ask.connect().await.expect_err("it is no handshake");
        assert_eq!(refused.status(), status);
    }
    assert_eq!(server.ask("/none").send().await.status(), 404);
    let client = server.ask("/").origin("http://localhost").from("a phone").connect().await;
    assert_eq!(client.expect("it is let in").response().status(), 101);
    server.stop().await;
    assert_eq!(app.lines()[0], "opened by a phone");
}

#[tokio::test(start_paused = true)]
async fn a_close_has_its_code_and_reason_on_both_sides() {
    let app = Echo::default();
    let server = TestServer::of(app.clone()).await;
    let mut client = server.connect("/").await;
    client.close(4000, "enough").await;
    // RFC 6455 §5.5.1: "the endpoint typically echos the status code it received".
    assert_eq!(client.hear_close().await, (4000, String::new()));
    assert_eq!(client.next().await, Event::End);
    server.stop().await;
    assert_eq!(app.lines()[1..], ["gone 4000 enough"]);
}

#[tokio::test(start_paused = true)]
async fn many_clients_hear_a_broadcast_and_several_servers_run_in_one_test() {
    /// Tells everybody what one says.
    struct Relay;

    impl Websocket for Relay {
        async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
            Ok(handshake.accept())
        }

        async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
            let tally = client.endpoint().broadcast(message).await;
            assert_eq!(tally.delivered, 100);
            Ok(())
        }
    }

    let servers = [TestServer::of(Relay).await, TestServer::of(Relay).await];
    for server in servers {
        let mut clients = Vec::new();
        for _ in 0..100 {
            clients.push(server.connect("/").await);
        }
        clients[0].send("hello").await;
        for client in &mut clients {
            assert_eq!(client.hear().await, "hello");
        }
        server.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn clients_that_others_have_written_connect_over_a_stream() {
    let echo = Echo::default();
    let server = serve(echo.clone(), Options::new()).await;
    let stream = server.stream("a phone");
    let (mut client, response) =
        client_async("ws://localhost/", stream).await.expect("it is let in");
    assert_eq!(response.status(), 101);
    // More than is there at once, either way.
    let said = tungstenite::Message::binary(vec![7; 1 << 20]);
    let (mut speaks, mut hears) = client.split();
    let (sent, heard) = tokio::join!(speaks.send(said.clone()), hears.next());
    sent.expect("it is heard");
    assert_eq!(heard.expect("it is answered").expect("it is well"), said);
    client = speaks.reunite(hears).expect("they are of one client");
    client.close(None).await.expect("it is heard");
    while client.next().await.is_some() {}
    assert_eq!(echo.lines(), ["opened by a phone", "gone 1005 "]);
    server.stop().await;
}

/// The README's application, and its test there.
#[tokio::test(start_paused = true)]
async fn who_speaks_is_heard_by_the_others() {
    struct Room;

    impl Websocket for Room {
        async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
            let client = handshake.accept();
            let everyone = client.endpoint();
            everyone.broadcast(format!("{} here", everyone.len())).nowait();
            Ok(client)
        }

        async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
            client.endpoint().broadcast(message).except([client.id()]).nowait();
            client.send("sent").await?;
            Ok(())
        }

        async fn on_close(&self, gone: &Departure) {
            let everyone = gone.endpoint();
            everyone.broadcast(format!("{} here", everyone.len())).nowait();
        }
    }

    let server = TestServer::of(Room).await;
    let mut ann = server.connect("/").await;
    assert_eq!(ann.hear().await, "1 here");
    let mut bob = server.connect("/").await;
    assert_eq!((ann.hear().await, bob.hear().await), ("2 here".into(), "2 here".into()));

    ann.send("hello").await;
    assert_eq!((ann.hear().await, bob.hear().await), ("sent".into(), "hello".into()));

    bob.go_silent(); // Its network is gone, and its heartbeat finds that out.
    assert_eq!(ann.hear().await, "1 here");
    server.stop().await;
}
