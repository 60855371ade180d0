//! The log: it names who did what, no peer can fill it, and whether it works is nobody's concern.

use std::time::{Duration, Instant};

use aerys::{
    Accepted, Client, Departure, Failure, Handshake, Host, Message, Refusal, Server, Websocket,
};
use tracing::Level;

use crate::common::{
    Journal, Raw, Running, UNLOGGABLE, departure, eventually, frame, get, handshake, keep_errors,
    lines, serve_host, soon, start, start_on, warnings_at,
};

/// Fails where and how the query says; echoes everything else.
struct Faulty(Journal);

impl Faulty {
    fn obey(&self, here: &str, client: &Client<String>) -> Result<(), Failure> {
        match client.state().strip_prefix(here).and_then(|order| order.strip_prefix('-')) {
            Some("panics") => panic!("a fault"),
            Some("fails") => Err(Failure::new("a fault")),
            _ => Ok(()),
        }
    }
}

impl Websocket<String> for Faulty {
    async fn on_open(&self, handshake: Handshake<String>) -> Result<Accepted<String>, Refusal> {
        let order = handshake.request().uri.query().unwrap_or_default().to_owned();
        if order == "refusal-fails" {
            return Err(Failure::new("a fault").into());
        }
        let client = handshake.accept_with(order);
        self.obey("open", &client)?;
        Ok(client)
    }

    async fn on_data(&self, client: &Client<String>, message: Message) -> Result<(), Failure> {
        self.obey("data", client)?;
        if client.state() == "task-fails" {
            client.spawn(async { Err(Failure::new("a fault")) });
        }
        client.send(message).await?;
        Ok(())
    }

    async fn on_close(&self, gone: &Departure<String>) {
        self.0.note(departure(gone));
        if gone.state() == "close-panics" {
            panic!("a fault");
        }
    }
}

/// On a single worker, which a fault would take everybody down with.
async fn serve(path: &str) -> (Running, Journal) {
    keep_errors();
    let journal = Journal::default();
    let host = Host::new("localhost").websocket(path, Faulty(journal.clone()));
    (start_on(1, Server::new().host(host)).await, journal)
}

#[tokio::test]
async fn a_fault_closes_its_client_whatever_becomes_of_the_log() {
    for order in ["data-panics", "data-fails", "open-panics", "open-fails", "task-fails"] {
        let path = format!("{UNLOGGABLE}/{order}");
        let (server, journal) = serve(&path).await;
        let mut bystander = Raw::open_at(&server, &path).await;
        let mut raw = Raw::open_at(&server, &format!("{path}?{order}")).await;
        if !order.starts_with("open") {
            raw.write(frame(1, b"hello")).await;
        }
        if order == "task-fails" {
            raw.frame().await;
        }
        assert_eq!(raw.hear_close().await, (1011, String::new()), "{order}");
        raw.write(frame(8, &[])).await;
        assert_eq!(raw.rest().await, b"");
        assert_eq!(journal.until(1).await, ["gone 1011"], "{order}");
        bystander.write(frame(1, b"still here")).await;
        assert_eq!(bystander.frame().await, (0x81, b"still here".to_vec()));
        drop(bystander);
        soon(server.stop()).await;
        assert_eq!(lines(Level::ERROR, &path).len(), 1, "{order}");
    }
}

#[tokio::test]
async fn a_log_that_fails_ends_no_connection() {
    let path = &format!("{UNLOGGABLE}/http");
    let (server, _journal) = serve(path).await;
    let mut raw = Raw::connect(&server).await;
    for _ in 0..3 {
        let foreign = handshake(path, "Origin: http://elsewhere.example\r\n");
        assert_eq!(raw.ask(foreign).await.status(), 403);
        let failing = handshake(&format!("{path}?refusal-fails"), "");
        assert_eq!(raw.ask(failing).await.status(), 500);
        assert_eq!(raw.ask(get("/elsewhere", "")).await.status(), 404);
    }
    let mut leaving = Raw::open_at(&server, &format!("{path}?close-panics")).await;
    leaving.write(frame(8, &[])).await;
    assert_eq!(leaving.rest().await, [0x88, 0]);
    raw.upgrade(path).await;
    drop(raw);
    soon(server.stop()).await;
    assert!(!lines(Level::ERROR, path).is_empty() && !lines(Level::WARN, path).is_empty());
}

/// The count of lines that were left out before this one.
fn left_out(line: &str) -> usize {
    let count = line.split_once("left_out=").and_then(|(_, rest)| rest.split(' ').next());
    count.map_or(0, |count| count.parse().expect("a number"))
}

#[tokio::test]
async fn a_flood_is_a_line_a_second_and_all_of_it_is_counted() {
    let path = "/logging/flood";
    let (server, _journal) = serve(path).await;
    let origin = format!("Origin: http://{}.example\r\n", "a".repeat(7000));
    let request = handshake(path, &origin);
    let mut raw = Raw::connect(&server).await;
    let told = || {
        let lines = warnings_at(path);
        lines
            .iter()
            .map(|line| usize::from(line.contains("origin=")) + left_out(line))
            .sum::<usize>()
    };
    let (began, mut refused) = (Instant::now(), 0);
    // The last is to be one that is left out, so that there is an end to tell of.
    while began.elapsed() < Duration::from_millis(2100) || told() == refused {
        let answer = raw.ask(&request).await;
        assert_eq!(answer.status(), 403);
        refused += 1;
        if answer.header("connection") == Some("close") {
            raw = Raw::connect(&server).await;
        }
    }
    // Three at once, one for each second, and one that tells of the end.
    eventually(|| told() == refused).await;
    let lines = warnings_at(path);
    assert!(lines.len() <= 3 + 2 + 1 + 1, "{} lines for {refused} refusals", lines.len());
    assert!(lines.iter().all(|line| line.len() < 600), "{lines:?}");
    assert!(
        lines[0].contains("(7015 bytes)") && lines[0].contains("host=\"localhost\""),
        "{lines:?}"
    );
    let after = lines.last().expect("there are some");
    assert!(after.contains("more of these: a page of another origin was refused"), "{after}");
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn a_request_for_a_host_that_is_not_served_is_logged() {
    keep_errors();
    let one = Host::new("one.example").websocket("/", Faulty(Journal::default()));
    let server = start(Server::new().host(one).host(Host::new("two.example"))).await;
    let mut raw = Raw::connect(&server).await;
    let mut address = raw.stream.peer_addr();
    // Other tests ask for such hosts too, and what is logged of all that is rationed.
    let asked = async {
        while lines(Level::WARN, "host=\"logged.example\"").is_empty() {
            let request = "GET / HTTP/1.1\r\nHost: logged.example\r\n\r\n";
            let answer = raw.ask(request).await;
            assert_eq!(answer.status(), 421);
            if answer.header("connection") == Some("close") {
                raw = Raw::connect(&server).await;
                address = raw.stream.peer_addr();
            }
        }
    };
    soon(asked).await;
    let line = &lines(Level::WARN, "host=\"logged.example\"")[0];
    assert!(line.contains(&format!("address={address} ")), "{line}");
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn an_error_is_told_on_one_line_of_a_bounded_length() {
    struct Repeats;
    impl Websocket for Repeats {
        async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
            Ok(handshake.accept())
        }

        async fn on_data(&self, _: &Client, message: Message) -> Result<(), Failure> {
            match message.as_text() {
                Some(text) if text.starts_with("panic") => panic!("no such command: {text}"),
                _ => Err(Failure::new(format!("no such command: {message}"))),
            }
        }
    }
    keep_errors();
    for word in ["fail", "panic"] {
        let path = format!("/logging/{word}");
        let server = serve_host(Host::new("localhost").websocket(&path, Repeats)).await;
        let mut raw = Raw::open_at(&server, &path).await;
        let forged = format!("{word}\r\nERROR all is lost\n{}", "z".repeat(100_000));
        raw.write(frame(1, forged.as_bytes())).await;
        assert_eq!(raw.hear_close().await.0, 1011);
        drop(raw);
        server.stop().await;
        let errors = lines(Level::ERROR, &path);
        assert_eq!(errors.len(), 1);
        assert!(errors[0].len() < 1500 && !errors[0].contains('\n'), "{errors:?}");
        assert!(errors[0].contains(&format!("no such command: {word}\\r\\nERROR")), "{errors:?}");
    }
}
