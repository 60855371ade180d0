//! What is no websocket behind a proxy: files, streams, who asks; and the page that tells of it all.

use std::{convert::Infallible, fs};

use aerys::{Accepted, Handshake, Host, Refusal, Running, Server, Websocket};
use axum::{
    Router, body::Body, http::HeaderValue, middleware::map_response, response::Response,
    routing::get,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::io::AsyncReadExt;
use tokio_tungstenite::tungstenite::Message;

use super::proxy::Proxy;
use crate::{
    stage::{Stage, soon},
    tungstenite::Tungstenite,
};

#[tokio::test]
async fn files_are_served_and_asked_for_again_only_if_they_have_changed() {
    let content: Vec<u8> = (0..3_000_000u32).map(|i| (i / 7 % 251) as u8).collect();
    for proxy in Proxy::EACH {
        let stage = Stage::usual().await;
        fs::write(stage.site().path().join("large.bin"), &content).unwrap();
        let running = proxy.start(&stage.address(), &[]).await;
        let lines = ["GET /large.bin HTTP/1.1", "Host: mysite.com", "Connection: close"];
        let (mut rest, head) = running.request(&lines).await;
        assert!(head.starts_with("http/1.1 200 "), "{proxy:?}: {head}");
        let mut body = Vec::new();
        soon(rest.read_to_end(&mut body)).await.unwrap();
        assert!(body == content, "{proxy:?}: {} bytes have come as others", body.len());
        let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).expect("it has a tag");
        let condition = format!("If-None-Match: {tag}");
        let (_, head) = running.request(&[&lines[..], &[condition.as_str()]].concat()).await;
        assert!(head.starts_with("http/1.1 304 "), "{proxy:?}: {head}");
        stage.strike().await;
    }
}

#[tokio::test]
async fn what_a_service_streams_is_passed_on_at_once() {
    let events = get(async || {
        let first = stream::once(async { Ok::<_, Infallible>(Bytes::from("data: 1\n\n")) });
        let body = Body::from_stream(first.chain(stream::pending()));
        ([("content-type", "text/event-stream")], body)
    });
    let unbuffered = events.clone().layer(map_response(async |mut response: Response| {
        response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }));
    let router = Router::new().route("/events/time", events).route("/time", unbuffered);
    for proxy in Proxy::EACH {
        let server = serve(Host::new("mysite.com").service(router.clone())).await;
        let running = proxy.start(&server.address().to_string(), &[]).await;
        for first in ["GET /events/time HTTP/1.1", "GET /time HTTP/1.1"] {
            let (mut rest, head) = running.request(&[first, "Host: mysite.com"]).await;
            assert!(head.starts_with("http/1.1 200 "), "{proxy:?}: {head}");
            // The length of the piece and the piece (RFC 9112 §7.1). Nothing else will ever come.
            let mut piece = [0; 12];
            soon(rest.read_exact(&mut piece)).await.unwrap();
            assert_eq!(piece, *b"9\r\ndata: 1\n\n", "{proxy:?}: {first}");
        }
        drop(running);
        soon(server.stop()).await;
    }
}

/// Tells each client who the server thinks it is, and who the proxy says it is.
struct Who;

impl Websocket for Who {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let connection = handshake.peer_addr();
        let forwarded = handshake.request().headers.get_all("x-forwarded-for").iter();
        let forwarded: Vec<_> = forwarded.map(|it| it.to_str().unwrap_or("?").to_owned()).collect();
        let client = handshake.accept();
        client
            .send(format!(
                "{} {}",
                connection.ip().expect("a proxy speaks TCP"),
                forwarded.join(" and ")
            ))
            .await?;
        Ok(client)
    }
}

#[tokio::test]
async fn a_client_cannot_say_itself_where_it_comes_from() {
    for proxy in Proxy::EACH {
        let server = serve(Host::new("mysite.com").websocket("/who", Who)).await;
        let running = proxy.start(&server.address().to_string(), &[]).await;
        let (mut client, _) = Tungstenite::open(&running.url("/who")).await;
        assert_eq!(client.hear().await, Message::text("127.0.0.1 127.0.0.1"), "{proxy:?}");
        let lines =
            ["Host: mysite.com", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 203.0.113.8"];
        let (mut rest, _) = running.handshake("/who", &lines).await;
        let mut told = [0; 21];
        soon(rest.read_exact(&mut told)).await.unwrap();
        assert_eq!(told, *b"\x81\x13127.0.0.1 127.0.0.1", "{proxy:?}");
        client.leave(None).await;
        drop(rest);
        soon(server.stop()).await;
    }
}

#[test]
fn the_page_shows_the_configurations_that_are_run_here() {
    let page = include_str!("../../../../../docs/behind-a-proxy.md");
    for proxy in Proxy::EACH {
        assert!(page.contains(&format!("\n{}```\n", proxy.configuration())), "{proxy:?}");
    }
}

async fn serve(host: Host) -> Running {
    let server = Server::new().listen(([127, 0, 0, 1], 0)).host(host).workers(2);
    soon(server.start()).await.expect("the server starts")
}
