//! Handshakes and messages, there and back.

use tokio_tungstenite::tungstenite::Message;

use super::common::{app, serve};

#[tokio::test]
async fn what_is_said_is_handled_there_in_the_order_in_which_it_came() {
    let server = serve(app("", "order")).await;
    let mut client = server.connect("").await;
    for number in 0..500 {
        client.say(format!("message {number}")).await;
    }
    for number in 0..500 {
        assert_eq!(client.hear().await, format!("message {number}"));
    }
    server.stop().await;
}

#[tokio::test]
async fn kinds_and_sizes_pass_as_they_are() {
    let server = serve(app("", "kinds")).await;
    let mut client = server.connect("").await;
    for length in [0, 1, 125, 126, 16 << 10, 70_000, 2 << 20] {
        let binary = Message::binary(vec![7; length]);
        client.send(binary.clone()).await.unwrap();
        assert_eq!(client.next().await, binary);
        let text = Message::text("é".repeat(length / 2));
        client.send(text.clone()).await.unwrap();
        assert_eq!(client.next().await, text);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_process_learns_of_the_request_and_of_what_is_served() {
    let server = serve(app("", "request")).await;
    let headers = [("x-colour", "blue"), ("sec-websocket-protocol", "a, b")];
    let path = "/app/tea?accept=a&request";
    let (mut client, _) = server.try_connect(path, &headers).await.unwrap();
    let request: serde_json::Value = serde_json::from_str(&client.hear().await).unwrap();
    let port = server.address().port();
    for (name, value) in [
        ("method", "GET".into()),
        ("uri", "/app/tea?accept=a&request".into()),
        ("path", "/app/tea".into()),
        ("query", "accept=a&request".into()),
        ("version", "1.1".into()),
        ("scheme", "http".into()),
        ("host", "127.0.0.1".into()),
        ("server_port", port.into()),
        ("param", serde_json::json!({ "room": "tea" })),
        ("remote_addr", "127.0.0.1".into()),
        ("client_ip", "127.0.0.1".into()),
        ("subprotocols", serde_json::json!(["a", "b"])),
    ] {
        assert_eq!(request[name], value, "{name}");
    }
    let headers = request["headers"].as_array().unwrap();
    assert!(headers.contains(&serde_json::json!(["x-colour", "blue"])), "{headers:?}");
    let mut client = server.connect("?start").await;
    let start: serde_json::Value = serde_json::from_str(&client.hear().await).unwrap();
    let endpoints = serde_json::json!([{ "endpoint": 1, "host": "*", "path": "/app/{room}" }]);
    assert_eq!((&start["version"], &start["endpoints"]), (&1.into(), &endpoints));
    server.stop().await;
}

#[tokio::test]
async fn a_refusal_has_its_status_reason_and_headers() {
    let server = serve(app("", "refusal")).await;
    let answer = server.refused("?refuse=401&reason=Who+are+you&header=x-why,x-more").await;
    assert_eq!(answer.status(), 401);
    assert_eq!(
        (&answer.headers()["x-why"], &answer.headers()["x-more"]),
        (&"set".parse().unwrap(), &"set".parse().unwrap())
    );
    let body = String::from_utf8_lossy(answer.body().as_deref().unwrap_or_default()).into_owned();
    assert!(body.contains("Who are you"), "{body}");
    assert_eq!(server.refused("?refuse=503").await.status(), 503);
    assert_eq!(server.refused("?fail").await.status(), 500);
    // No refusal has such a status.
    assert_eq!(server.refused("?refuse=200").await.status(), 500);
    server.stop().await;
}

#[tokio::test]
async fn an_answer_leaves_with_the_first_message_and_not_with_the_end_of_the_handler() {
    let server = serve(app("", "just in time")).await;
    let began = std::time::Instant::now();
    let mut client = server.connect("?greet=hello&sleep=1").await;
    assert_eq!(client.hear().await, "hello");
    assert!(began.elapsed().as_millis() < 900, "{:?}", began.elapsed());
    // It is handled once the handler of the handshake has ended.
    assert_eq!(client.ask("after that").await, "after that");
    assert!(began.elapsed().as_millis() >= 1000, "{:?}", began.elapsed());
    server.stop().await;
}

#[tokio::test]
async fn an_accepted_client_has_its_headers_and_subprotocol() {
    let server = serve(app("", "accepted")).await;
    let offered = [("sec-websocket-protocol", "a, b")];
    let (mut client, answer) =
        server.try_connect("?accept=b&header=x-seat", &offered).await.unwrap();
    assert_eq!(answer.headers()["sec-websocket-protocol"], "b");
    assert_eq!(answer.headers()["x-seat"], "set");
    assert_eq!(client.ask("hello").await, "hello");
    server.stop().await;
}
