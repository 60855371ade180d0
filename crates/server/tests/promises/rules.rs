//! What a handshake is held to: origins, subprotocols, and how long `on_open` may think.

use std::time::{Duration, Instant};

use aerys::{
    Accepted, Client, Departure, Failure, Handshake, Host, Message, Options, Origins, Refusal,
    Status, Websocket,
};

use crate::common::{
    Journal, Raw, Running, Scene, departure, errors_at, frame, handshake, keep_errors, serve_host,
    soon,
};

/// Does as the query says, and notes what happens.
struct Gate(Scene);

impl Websocket for Gate {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let Self(scene) = self;
        let order = handshake.request().uri.query().unwrap_or_default().to_owned();
        scene.note("asked");
        if let Some(protocol) = order.strip_prefix("select=") {
            return Ok(handshake.select(protocol).accept());
        }
        match &*order {
            "late" | "late-refusal" => {
                scene.cued().await;
                if order == "late-refusal" {
                    scene.note("refuses");
                    return Err(handshake.refuse(Status::FORBIDDEN));
                }
                let client = handshake.accept();
                let found = client.endpoint().client(client.id());
                scene.note(format!("{found:?}, {} here", client.endpoint().len()));
                scene.note(format!("{:?}", client.send("welcome").await));
                client.close().await;
                scene.note("returns");
                Ok(client)
            }
            "silent" => {
                let client = handshake.accept();
                scene.cued().await;
                scene.note("returns");
                Ok(client)
            }
            _ => Ok(handshake.accept()),
        }
    }

    async fn on_data(&self, _: &Client, message: Message) -> Result<(), Failure> {
        self.0.note(message.to_string());
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        self.0.note(departure(gone));
    }
}

async fn gate(options: Options) -> (Running, Journal) {
    gate_of(Host::new("localhost"), options).await
}

async fn gate_of(host: Host, options: Options) -> (Running, Journal) {
    let scene = Scene::default();
    (serve_host(host.websocket_with("/", Gate(scene.clone()), options)).await, scene.journal)
}

/// The status that a handshake with these header lines is answered.
async fn knock(server: &Running, extra: &str) -> u16 {
    Raw::connect(server).await.ask(handshake("/", extra)).await.status()
}

#[tokio::test]
async fn only_pages_of_allowed_origins_may_connect() {
    let list = || Origins::list(["https://a.example", "http://b.example:8080"]);
    let same = ["https://localhost", "https://LOCALHOST:443", "https://localhost."];
    let listed = ["https://a.example", "http://b.example:8080"];
    let other = ["http://localhost:8080", "https://evil.example", "http://a.example", "null", "?"];
    for (origins, passing, refused) in [
        (Origins::Same, &[&same[..]][..], &[&listed[..], &other][..]),
        (list(), &[&listed], &[&same, &other]),
        (Origins::Any, &[&same, &listed, &other], &[]),
    ] {
        let (server, journal) = gate(Options::new().allowed_origins(origins.clone())).await;
        for origin in refused.concat() {
            let status = knock(&server, &format!("Origin: {origin}\r\n")).await;
            assert_eq!(status, 403, "{origin} with {origins:?}");
        }
        // Nobody was asked.
        assert_eq!(journal.lines(), [""; 0]);
        for origin in passing.concat() {
            let status = knock(&server, &format!("Origin: {origin}\r\n")).await;
            assert_eq!(status, 101, "{origin} with {origins:?}");
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn no_origin_passes_and_same_is_the_rule_if_there_is_no_other() {
    for options in [
        Options::new(),
        Options::new().allowed_origins(Origins::Any),
        Options::new().allowed_origins(Origins::list(["https://a.example"])),
        Options::new().allowed_origins(Origins::list([""; 0])),
    ] {
        let (server, _) = gate(options).await;
        assert_eq!(knock(&server, "").await, 101);
        server.stop().await;
    }
    let (server, _) = gate_of(Host::new("mysite.com"), Options::new()).await;
    let address = "127.0.0.1:1337";
    let at = |host: &str, origin: &str| {
        handshake("/", &format!("Origin: {origin}\r\n")).replace("Host: localhost", host)
    };
    for (host, origin, status) in [
        (format!("Host: {address}"), format!("https://{address}"), 101),
        (format!("Host: {address}"), "https://127.0.0.1".to_owned(), 403),
        ("Host: mysite.com".to_owned(), "https://mysite.com".to_owned(), 101),
        ("Host: MySite.com.".to_owned(), "https://mysite.com:443".to_owned(), 101),
        ("Host: mysite.com:".to_owned(), "HTTPS://mysite.com.".to_owned(), 101),
        ("Host: [0:0::1]:443".to_owned(), "https://[::1]".to_owned(), 101),
        ("Host: [::1]".to_owned(), "https://[::2]".to_owned(), 403),
        ("Host: mysite.com".to_owned(), "https://me@mysite.com".to_owned(), 403),
        ("Host: mysite.com".to_owned(), "https://mysite.com/".to_owned(), 403),
    ] {
        let answer = Raw::connect(&server).await.ask(at(&host, &origin)).await;
        assert_eq!(answer.status(), status, "{origin} at {host}");
    }
    server.stop().await;
}

/// Whoever speaks TLS with this server is for a page that has come by it too.
mod in_clear_text {
    use super::*;

    #[tokio::test]
    async fn a_page_in_clear_text_is_of_the_same_origin_where_nothing_is_known_of_tls() {
        let (server, _) = gate(Options::new()).await;
        for (origin, status) in [
            ("http://localhost", 101),
            ("http://LOCALHOST:80", 101),
            ("http://localhost:8080", 403),
        ] {
            assert_eq!(knock(&server, &format!("Origin: {origin}\r\n")).await, status, "{origin}");
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn an_origin_is_the_listed_one_however_it_is_written() {
    let list = ["https://mysite.com", "http://[::1]:8080", "https://xn--bcher-kva.example"];
    let (server, _) = gate(Options::new().allowed_origins(Origins::list(list))).await;
    for (origin, status) in [
        ("https://mysite.com", 101),
        ("HTTPS://MySite.com", 101),
        ("https://mysite.com:443", 101),
        ("https://mysite.com.", 101),
        ("https://mysite.com:", 101),
        ("http://[0:0::1]:8080", 101),
        ("https://XN--bcher-kva.example", 101),
        ("https://b%C3%BCcher.example", 101),
        ("http://mysite.com", 403),
        ("https://mysite.com:80", 403),
        ("https://mysite.com/", 403),
        ("https://me@mysite.com", 403),
        ("https://mysite.com.evil.example", 403),
        ("http://[::1]", 403),
        ("https://bücher.example", 403),
        ("mysite.com", 403),
    ] {
        assert_eq!(knock(&server, &format!("Origin: {origin}\r\n")).await, status, "{origin}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_first_subprotocol_that_the_client_names_is_chosen_unless_on_open_chooses() {
    let spoken = Options::new().subprotocols(["chat.v2", "chat.v1"]);
    let (server, _) = gate(spoken).await;
    for (offered, order, chosen) in [
        (&["chat.v1, chat.v2"][..], "", Some("chat.v1")),
        (&["chat.v3,chat.v2,chat.v1"], "", Some("chat.v2")),
        (&["soap", "chat.v1"], "", Some("chat.v1")),
        (&["Chat.v1"], "", None),
        (&["soap"], "", None),
        (&[], "", None),
        (&["chat.v1, soap"], "?select=soap", Some("soap")),
        (&["chat.v1, chat.v2"], "?select=chat.v2", Some("chat.v2")),
        // One that was not offered is not chosen; the other stays.
        (&["chat.v1"], "?select=chat.v2", Some("chat.v1")),
        (&[], "?select=chat.v2", None),
    ] {
        let line = |it: &&str| format!("Sec-WebSocket-Protocol: {it}\r\n");
        let extra: String = offered.iter().map(line).collect();
        let request = handshake(&format!("/{order}"), &extra);
        let answer = Raw::connect(&server).await.ask(request).await;
        assert_eq!(answer.status(), 101);
        assert_eq!(answer.header("sec-websocket-protocol"), chosen, "{offered:?} {order}");
    }
    server.stop().await;
}

const OPEN_PERIOD: Duration = Duration::from_millis(100);

async fn hasty(path: &str) -> (Running, Scene) {
    keep_errors();
    let scene = Scene::default();
    let options = Options::new().open_period(OPEN_PERIOD).heartbeat_period(None);
    let host = Host::new("localhost").websocket_with(path, Gate(scene.clone()), options);
    (serve_host(host).await, scene)
}

#[tokio::test]
async fn one_that_has_not_decided_in_time_is_answered_503_and_runs_to_its_end() {
    let late = ["asked", "None, 0 here", "Err(ClientGone)", "returns"];
    for (order, noted) in [("late", &late[..]), ("late-refusal", &["asked", "refuses"])] {
        let path = format!("/rules/{order}");
        let (server, scene) = hasty(&path).await;
        let mut raw = Raw::connect(&server).await;
        let asked = Instant::now();
        let answer = raw.ask(handshake(&format!("{path}?{order}"), "")).await;
        assert_eq!(answer.status(), 503, "{answer:?}");
        assert!(asked.elapsed() >= OPEN_PERIOD);
        // Nothing else can be asked while it thinks.
        assert_eq!(raw.rest().await, b"");
        assert_eq!(scene.journal.lines(), ["asked"]);
        scene.cue();
        scene.journal.until(noted.len()).await;
        soon(server.stop()).await;
        // There was never a client, so there is no `on_close`.
        assert_eq!(scene.journal.lines(), noted);
        assert_eq!(errors_at(&path), [""; 0], "it has done nothing wrong");
    }
}

#[tokio::test]
async fn one_that_has_accepted_and_says_nothing_lets_its_client_in_in_time() {
    let path = "/rules/silent";
    let (server, scene) = hasty(path).await;
    let mut raw = Raw::connect(&server).await;
    let asked = Instant::now();
    let request = handshake(&format!("{path}?silent"), "");
    raw.write([request.as_bytes(), &frame(1, b"hello")].concat()).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
    assert!(asked.elapsed() >= OPEN_PERIOD);
    // It is heard as soon as `on_open` has returned, and not before.
    raw.write(frame(9, b"")).await;
    assert_eq!(raw.frame().await.0, 0x8A);
    assert_eq!(scene.journal.lines(), ["asked"]);
    scene.cue();
    assert_eq!(scene.journal.until(3).await, ["asked", "returns", "hello"]);
    raw.write(frame(8, &[])).await;
    scene.journal.until_noted("gone 1005").await;
    drop(raw);
    server.stop().await;
    assert_eq!(errors_at(path), [""; 0]);
}
