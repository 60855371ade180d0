//! The access log: a line for each websocket handshake, whatever became of it, and no line that the client could have
//! written.

use std::{future::pending, time::Duration};

use aerys::{Accepted, Handshake, Host, Options, Origins, Refusal, Server, Status, Websocket};
use tokio::task::yield_now;

use crate::common::{
    Echo, Raw, Running, Scene, accesses_at, eventually, get, handshake, keep_errors, start,
};

/// Does as the last part of its path says.
struct Door(Scene);

impl Websocket for Door {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        match handshake.param("way").unwrap_or_default() {
            "refused" => return Err(handshake.refuse(Status::UNAUTHORIZED)),
            "broken" => return Err(std::io::Error::other("a database is gone").into()),
            "thinks" => yield_now().await,
            "waits" => {
                self.0.note("waits");
                pending::<()>().await;
            }
            _ => {}
        }
        Ok(handshake.accept())
    }
}

/// At `{base}/{way}`, and at `{base}/full/now` with room for one.
async fn serve(base: &str, is_on: bool) -> (Running, Scene) {
    keep_errors();
    let scene = Scene::default();
    // Bare sockets answer no CLOSE. Within TLS it would be another origin.
    let usual = Options::new().close_period(Duration::from_millis(100));
    let options =
        usual.clone().subprotocols(["chat"]).allowed_origins(Origins::list(["http://localhost"]));
    let full = usual.max_clients(1);
    let host = Host::new("localhost")
        .websocket_with(format!("{base}/{{way}}"), Door(scene.clone()), options)
        .websocket_with(format!("{base}/full/now"), Echo { waits: false }, full);
    (
        start(Server::new().host(host).access_log(is_on).stop_period(Duration::from_secs(1))).await,
        scene,
    )
}

#[tokio::test]
async fn each_handshake_has_a_line_that_says_what_it_was_answered() {
    let (server, _) = serve("/access", true).await;
    let mut first = Raw::open_at(&server, "/access/full/now").await;
    let offer = "Sec-WebSocket-Protocol: bearer, s3cret, chat\r\nOrigin: http://localhost\r\n\
                 User-Agent: it's \"me\"\r\n";
    let foreign = "Origin: http://elsewhere.example\r\n";
    let elsewhere = |path: &str| handshake(path, "").replacen("localhost", "else.example", 1);
    let outdated = |path: &str| handshake(path, "").replacen("Version: 13", "Version: 8", 1);
    for (path, request, status, words) in [
        (
            "/access/open",
            handshake("/access/open?token=s3cret", offer),
            101,
            "host=\"localhost\" path=\"/access/open\" http=\"1.1\" status=101 outcome=\"accepted\" \
             client=_ subprotocol=\"chat\" origin=\"http://localhost\" user_agent=\"it's \\\"me\\\"\" took=",
        ),
        // Not decided at once, and not read in the short way.
        (
            "/access/thinks",
            handshake("/access/thinks", ""),
            101,
            "status=101 outcome=\"accepted\" client=_ took=",
        ),
        (
            "/access/long",
            handshake("/access/long", "Content-Length: 0\r\n"),
            101,
            "status=101 outcome=\"accepted\" client=_ took=",
        ),
        (
            "/access/refused",
            handshake("/access/refused", ""),
            401,
            "status=401 outcome=\"refused\" took=",
        ),
        (
            "/access/broken",
            handshake("/access/broken", ""),
            500,
            "status=500 outcome=\"failed\" took=",
        ),
        (
            "/access/foreign",
            handshake("/access/foreign", foreign),
            403,
            "status=403 outcome=\"foreign_origin\" origin=\"http://elsewhere.example\" took=",
        ),
        ("/access/old", outdated("/access/old"), 426, "status=426 outcome=\"invalid\" took="),
        ("/access/none", get("/access/none", ""), 426, "status=426 outcome=\"invalid\" took="),
        (
            "/access/full/later",
            handshake("/access/full/later", ""),
            404,
            "status=404 outcome=\"elsewhere\" took=",
        ),
        (
            "/access/host",
            elsewhere("/access/host"),
            421,
            "host=\"else.example\" path=\"/access/host\" http=\"1.1\" status=421 outcome=\"elsewhere\" took=",
        ),
    ] {
        let mut raw = Raw::connect(&server).await;
        assert_eq!(raw.ask(request).await.status(), status, "{path}");
        let lines = accesses_at(path);
        assert_eq!(lines.len(), 1, "{path}: {lines:?}");
        let line = without_id(&lines[0]);
        assert!(line.contains(words), "{path}: {line} is to have {words}");
        assert!(line.contains("message=handshake ") && !line.contains("s3cret"), "{line}");
        drop(raw);
    }
    let full = handshake("/access/full/now", "");
    assert_eq!(Raw::connect(&server).await.ask(full).await.status(), 503);
    let lines = accesses_at("/access/full/now");
    assert!(lines.len() == 2 && lines[1].contains("status=503 outcome=\"limited\""), "{lines:?}");
    // What is no handshake is not the access log's.
    assert_eq!(Raw::connect(&server).await.ask(get("/access/a/page", "")).await.status(), 404);
    assert_eq!(accesses_at("/access/a/page"), [""; 0]);
    first.end().await;
    drop(first);
    server.stop().await;
}

/// A line without the client's id, which nobody can foretell.
fn without_id(line: &str) -> String {
    match line.split_once("client=") {
        Some((before, id)) => {
            let (_, after) = id.split_once(' ').expect("something follows");
            format!("{before}client=_ {after}")
        }
        None => line.to_owned(),
    }
}

#[tokio::test]
async fn a_client_that_goes_before_it_is_answered_has_a_line_without_a_status() {
    let (server, scene) = serve("/access-gone", true).await;
    let mut raw = Raw::connect(&server).await;
    raw.write(handshake("/access-gone/waits", "")).await;
    scene.journal.until_noted("waits").await;
    assert_eq!(accesses_at("/access-gone/waits"), [""; 0]);
    drop(raw);
    eventually(|| !accesses_at("/access-gone/waits").is_empty()).await;
    let lines = accesses_at("/access-gone/waits");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("outcome=\"gone\"") && !lines[0].contains("status="), "{lines:?}");
    server.stop().await;
}

#[tokio::test]
async fn who_waits_when_the_server_stops_has_the_line_of_its_503() {
    let (server, scene) = serve("/access-stop", true).await;
    let mut raw = Raw::connect(&server).await;
    raw.write(handshake("/access-stop/waits", "")).await;
    scene.journal.until_noted("waits").await;
    let (answer, ()) = tokio::join!(raw.answer(), server.stop());
    assert_eq!(answer.status(), 503);
    let lines = accesses_at("/access-stop/waits");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("status=503 outcome=\"stopping\""), "{lines:?}");
}

#[tokio::test]
async fn a_client_forges_no_line_and_fills_none() {
    let (server, _) = serve("/access-forged", true).await;
    let agent = format!("\u{202e}\t\u{85}{}", "é".repeat(1200));
    let forged = format!("Origin: http://{}\r\nUser-Agent: {agent}\r\n", "a".repeat(1500));
    let path = format!("/access-forged/%0d%0aERROR{}", "b".repeat(1500));
    let request = handshake(&path, &forged).replacen("localhost", &"c".repeat(1500), 1);
    assert_eq!(Raw::connect(&server).await.ask(request).await.status(), 421);
    let lines = crate::common::lines(tracing::Level::INFO, "path=\"/access-forged/%0d%0aERROR");
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    assert!(line.len() < 1200 && !line.contains(|it: char| it.is_control()), "{line}");
    assert!(
        line.contains("user_agent=\"\u{fffd}\u{fffd}\u{fffd}éé") && line.contains("é…\""),
        "{line}"
    );
    server.stop().await;
}

#[tokio::test]
async fn nothing_is_told_unless_it_is_asked_for() {
    let (server, _) = serve("/access-off", false).await;
    let raw = Raw::open_at(&server, "/access-off/open").await;
    let other = Raw::connect(&server).await.ask(handshake("/access-off/refused", "")).await;
    assert_eq!(other.status(), 401);
    assert_eq!(
        (accesses_at("/access-off/open"), accesses_at("/access-off/refused")),
        (vec![], vec![])
    );
    drop(raw);
    server.stop().await;
}
