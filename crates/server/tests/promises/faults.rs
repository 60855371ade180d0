//! A handler that ends badly ends its own client and nobody else's.

use aerys::{
    Accepted, Client, Departure, Failure, Handshake, Host, Message, Refusal, Server, Websocket,
};

use crate::common::{
    Journal, Lobby, Raw, Running, departure, errors_at, eventually, frame, keep_errors, serve_host,
    soon, start_on,
};

/// Fails where and how it is told to; echoes everything else.
struct Faulty(Journal);

impl Faulty {
    fn obey(order: &str) -> Result<(), Failure> {
        match order {
            "panic" => panic!("a secret"),
            "fail" => Err(Failure::new("a secret")),
            "error" => Err("a secret".parse::<u32>().unwrap_err().into()),
            _ => Ok(()),
        }
    }
}

impl Websocket<String> for Faulty {
    async fn on_open(&self, handshake: Handshake<String>) -> Result<Accepted<String>, Refusal> {
        let order = handshake.request().uri.query().unwrap_or_default().to_owned();
        let client = handshake.accept_with(order);
        Self::obey(client.state())?;
        Ok(client)
    }

    async fn on_data(&self, client: &Client<String>, message: Message) -> Result<(), Failure> {
        self.0.note(message.to_string());
        Self::obey(message.as_text().unwrap_or_default())?;
        client.send(message).await?;
        Ok(())
    }

    async fn on_close(&self, gone: &Departure<String>) {
        self.0.note(departure(gone));
        if gone.state() == "leave" {
            panic!("a secret");
        }
    }
}

/// On a single worker, which a fault would take everybody down with.
async fn serve(path: &str, journal: &Journal) -> Running {
    keep_errors();
    let host = Host::new("localhost").websocket(path, Faulty(journal.clone()));
    start_on(1, Server::new().host(host)).await
}

async fn echoes(raw: &mut Raw) {
    raw.write(frame(1, b"hello")).await;
    assert_eq!(raw.frame().await, (0x81, b"hello".to_vec()));
}

#[tokio::test]
async fn a_fault_closes_its_client_with_1011_and_tells_nobody_why() {
    // Where, how, and what is noted.
    let cases: [(&str, &str, &[&str]); 6] = [
        ("on_data", "panic", &["panic", "gone 1011"]),
        ("on_data", "fail", &["fail", "gone 1011"]),
        ("on_data", "error", &["error", "gone 1011"]),
        ("on_open", "panic", &["gone 1011"]),
        ("on_open", "fail", &["gone 1011"]),
        ("on_open", "error", &["gone 1011"]),
    ];
    for (handler, how, noted) in cases {
        let journal = Journal::default();
        let path = format!("/faults/{handler}/{how}");
        let server = serve(&path, &journal).await;
        let mut bystander = Raw::open_at(&server, &path).await;
        let mut raw = match handler {
            "on_open" => Raw::open_at(&server, &format!("{path}?{how}")).await,
            _ => Raw::open_at(&server, &path).await,
        };
        // What comes behind the fault, in the same packet, is not for the application.
        raw.write([frame(1, how.as_bytes()), frame(1, b"behind")].concat()).await;
        assert_eq!(raw.hear_close().await, (1011, String::new()));
        raw.end().await;
        // Nothing more comes, so nothing of the secret either.
        assert_eq!(raw.rest().await, b"");
        assert_eq!(journal.until(noted.len()).await, noted, "{path}");
        echoes(&mut bystander).await;
        drop(bystander);
        server.stop().await;
        assert_eq!(journal.lines().len(), noted.len() + 2);
        let errors = errors_at(&path);
        assert_eq!(errors.len(), 1, "{errors:?}");
        for part in ["client=2 ", &format!("handler={handler:?} ")] {
            assert!(errors[0].contains(part), "{part}: {errors:?}");
        }
    }
}

#[tokio::test]
async fn a_panic_in_on_close_is_nobody_elses_either() {
    let (path, journal) = ("/faults/on_close", Journal::default());
    let server = serve(path, &journal).await;
    let mut bystander = Raw::open_at(&server, path).await;
    let mut raw = Raw::open_at(&server, &format!("{path}?leave")).await;
    raw.write(frame(8, &1000_u16.to_be_bytes())).await;
    assert_eq!(raw.rest().await, [&[0x88, 2][..], &1000_u16.to_be_bytes()].concat());
    echoes(&mut bystander).await;
    drop(bystander);
    server.stop().await;
    assert_eq!(errors_at(path).len(), 1);
    assert_eq!(journal.lines()[..2], ["gone 1000", "hello"]);
}

/// Passes each message on to everyone else by `?`, and then echoes it.
struct Forward(Journal);

impl Websocket for Forward {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        if message.as_text() == Some("forward") {
            let others = client.endpoint().clients().into_iter().filter(|other| other != client);
            for other in others {
                other.close().await;
                other.send("too late").await?;
            }
            self.0.note("never");
        }
        client.send(message).await?;
        Ok(())
    }
}

#[tokio::test]
async fn another_client_that_has_gone_is_no_fault() {
    keep_errors();
    let (path, journal) = ("/faults/forward", Journal::default());
    let host = Host::new("localhost").websocket(path, Forward(journal.clone()));
    let server = serve_host(host).await;
    let mut raw = Raw::open_at(&server, path).await;
    let mut other = Raw::open_at(&server, path).await;
    raw.write(frame(1, b"forward")).await;
    assert_eq!(other.hear_close().await.0, 1000);
    other.write(frame(8, &[])).await;
    echoes(&mut raw).await;
    drop((raw, other));
    server.stop().await;
    assert_eq!(journal.lines(), [""; 0]);
    assert_eq!(errors_at(path), [""; 0]);
}

/// What a message may be made of: memory of the application's, which it gives back by code of its own.
struct Faulted;

impl AsRef<[u8]> for Faulted {
    fn as_ref(&self) -> &[u8] {
        b"faulty"
    }
}

impl Drop for Faulted {
    fn drop(&mut self) {
        panic!("it cannot be given back");
    }
}

#[tokio::test]
async fn a_message_whose_memory_panics_when_it_is_given_back_ends_no_worker() {
    let (lobby, mut guests) = Lobby::new();
    let host = Host::new("localhost").websocket("/", lobby);
    let server = start_on(1, Server::new().host(host)).await;
    let gone = Raw::open(&server).await;
    let client = guests.next().await;
    drop(gone);
    guests.journal.until(1).await;
    for _ in 0..3 {
        // Nobody is there to hear it, so it is given back by the worker, which carries out the order.
        let message = aerys::Message::from(aerys::bytes::Bytes::from_owner(Faulted));
        let endpoint = client.endpoint().clone();
        // A publisher that is slower than the worker has the panic for itself.
        let _ = tokio::spawn(async move { endpoint.broadcast(message).nowait() }).await;
        let mut raw = Raw::open(&server).await;
        let sender = guests.next().await;
        let tally = soon(sender.endpoint().broadcast("still here").only([sender.id()])).await;
        assert_eq!(tally.delivered, 1);
        assert_eq!(raw.frame().await, (0x81, b"still here".to_vec()));
        raw.write(frame(8, &[])).await;
        guests.journal.until_noted("gone 1005").await;
        eventually(|| sender.endpoint().is_empty()).await;
    }
    soon(server.stop()).await;
}
