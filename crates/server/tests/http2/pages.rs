//! Files, and a service beside them.

use std::{convert::Infallible, time::Duration};

use aerys::{Host, Listener, Running, Server};
use axum::{
    Router,
    body::{Body, to_bytes},
    routing::post,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Method, Request, Response, StatusCode, Version, header};
use tokio::net::TcpStream;

use crate::{FILE, LARGE, Stage, client, soon};

#[tokio::test]
async fn a_file_is_served_with_its_length_and_the_date() {
    let stage = Stage::usual().await;
    let mut client = stage.client().await;
    let (response, body) = client.get("/file.txt").await;
    assert_eq!((response.status(), response.version()), (StatusCode::OK, Version::HTTP_2));
    assert_eq!(response.headers()[header::CONTENT_LENGTH], FILE.len().to_string());
    assert!(response.headers()[header::DATE].to_str().unwrap().ends_with(" GMT"));
    assert_eq!(body, FILE);
    let missing = client.get("/missing.txt").await;
    assert_eq!(missing.0.status(), StatusCode::NOT_FOUND);
    stage.server.stop().await;
}

#[tokio::test]
async fn a_head_has_no_body_and_tells_its_length() {
    let stage = Stage::usual().await;
    let request = Request::head("http://localhost/file.txt").body(()).unwrap();
    let (response, body) = stage.client().await.ask(request).await;
    assert_eq!(response.headers()[header::CONTENT_LENGTH], FILE.len().to_string());
    assert!(body.is_empty());
    stage.server.stop().await;
}

#[tokio::test]
async fn a_file_that_is_longer_than_every_window_comes_whole_and_so_do_many_at_once() {
    let stage = Stage::usual().await;
    let mut client = stage.client().await;
    let mut responses = Vec::new();
    for _ in 0..8 {
        let request = Request::get("http://localhost/large.bin").body(()).unwrap();
        responses.push(client.send(request).await);
    }
    for response in responses {
        let body = soon(response).await.unwrap().into_body();
        assert_eq!(client::read(body).await.len(), LARGE);
    }
    stage.server.stop().await;
}

#[tokio::test]
async fn a_part_is_got_by_its_range() {
    let stage = Stage::usual().await;
    let request = Request::get("http://localhost/file.txt").header(header::RANGE, "bytes=2-5");
    let (response, body) = stage.client().await.ask(request.body(()).unwrap()).await;
    assert_eq!((response.status(), &body[..]), (StatusCode::PARTIAL_CONTENT, b"file".as_slice()));
    stage.server.stop().await;
}

/// A service that says back what it is sent.
async fn serving(period: Duration) -> Running {
    let echo = async |request: Request<Body>| match to_bytes(request.into_body(), usize::MAX).await
    {
        Ok(bytes) => Response::new(Body::from(bytes)),
        Err(_) => Response::builder().status(400).body("broken".into()).unwrap(),
    };
    let pieces = async || {
        let pieces = stream::iter(0..1000).map(|it| Ok::<_, Infallible>(format!("{it};")));
        Response::new(Body::from_stream(pieces))
    };
    let router = Router::new().route("/echo", post(echo)).route("/pieces", post(pieces));
    let host = Host::new("localhost").service(router);
    let listener = Listener::from(([127, 0, 0, 1], 0)).http2_prior_knowledge();
    Server::new().host(host).listen(listener).workers(1).body_period(period).start().await.unwrap()
}

async fn client(server: &Running) -> client::Client {
    client::Client::on(soon(TcpStream::connect(server.address())).await.unwrap()).await
}

#[tokio::test]
async fn a_body_comes_to_a_service_and_back_as_long_as_it_is() {
    let server = serving(Duration::from_secs(30)).await;
    let client = client(&server).await;
    for size in [0, 1, 100_000, 3 << 20] {
        let request = Request::post("http://localhost/echo").body(()).unwrap();
        let mut requests = soon(client.requests.clone().ready()).await.unwrap();
        let (response, mut sending) = requests.send_request(request, false).unwrap();
        let sent = tokio::spawn(async move {
            let mut left = size;
            while left > 0 {
                sending.reserve_capacity(left);
                let room = std::future::poll_fn(|cx| sending.poll_capacity(cx)).await;
                let piece = room.unwrap().unwrap().min(left);
                sending.send_data(Bytes::from(vec![b'a'; piece]), false).unwrap();
                left -= piece;
            }
            sending.send_data(Bytes::new(), true).unwrap();
        });
        let body = soon(response).await.unwrap().into_body();
        assert_eq!(client::read(body).await.len(), size);
        sent.await.unwrap();
    }
    server.stop().await;
}

#[tokio::test]
async fn a_response_in_pieces_comes_whole() {
    let server = serving(Duration::from_secs(30)).await;
    let request = Request::post("http://localhost/pieces").body(()).unwrap();
    let (response, body) = client(&server).await.ask(request).await;
    assert!(!response.headers().contains_key(header::CONTENT_LENGTH));
    let whole: String = (0..1000).map(|it| format!("{it};")).collect();
    assert!(body == whole, "{} bytes", body.len());
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_408_and_other_streams_go_on() {
    let server = serving(Duration::from_millis(200)).await;
    let mut client = client(&server).await;
    let request = Request::post("http://localhost/echo").body(()).unwrap();
    let mut requests = soon(client.requests.clone().ready()).await.unwrap();
    let (response, mut sending) = requests.send_request(request, false).unwrap();
    sending.send_data(Bytes::from_static(b"a"), false).unwrap();
    let other = Request::post("http://localhost/pieces").body(()).unwrap();
    assert_eq!(client.ask(other).await.0.status(), StatusCode::OK);
    assert_eq!(soon(response).await.unwrap().status(), StatusCode::REQUEST_TIMEOUT);
    let other = Request::post("http://localhost/pieces").body(()).unwrap();
    assert_eq!(client.ask(other).await.0.status(), StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn who_waits_to_be_told_that_its_body_is_wanted_is_told() {
    let server = serving(Duration::from_secs(30)).await;
    let client = client(&server).await;
    let request = Request::builder().method(Method::POST).uri("http://localhost/echo");
    let request = request.header(header::EXPECT, "100-continue").body(()).unwrap();
    let mut requests = soon(client.requests.clone().ready()).await.unwrap();
    let (mut response, mut sending) = requests.send_request(request, false).unwrap();
    let informed = soon(std::future::poll_fn(|cx| response.poll_informational(cx))).await;
    assert_eq!(informed.unwrap().unwrap().status(), StatusCode::CONTINUE);
    sending.send_data(Bytes::from_static(b"here it is"), true).unwrap();
    assert_eq!(client::read(soon(response).await.unwrap().into_body()).await, "here it is");
    server.stop().await;
}
