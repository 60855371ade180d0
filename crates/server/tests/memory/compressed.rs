//! Clients that have had a compressed message echoed, and are idle since: what they cost.

use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use crate::{
    process::allow_descriptors,
    server::{Kind, PATIENCE},
    wire::{OFFER, RSV1, TEXT, deflate, frame, hear_data, inflate, open},
};

#[tokio::test]
async fn without_takeover_an_idle_client_costs_no_more_for_compression() {
    let each = cost(Kind::Usual, OFFER, 1_000).await;
    let plain = cost(Kind::Usual, "", 1_000).await;
    println!("idle after a message of 4 KiB: {each} bytes compressed, {plain} bytes plain");
    assert!(each < plain + 256, "{each} bytes compressed, {plain} bytes plain");
}

#[tokio::test]
async fn with_takeover_an_idle_client_costs_its_windows() {
    let each = cost(Kind::Takeover, OFFER, 100).await;
    println!("idle after a message of 4 KiB, takeover both ways: {each} bytes");
    let narrow = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9; \
                  client_max_window_bits=9\r\n";
    let least = cost(Kind::Takeover, narrow, 100).await;
    println!("the same with windows of 9 bits: {least} bytes");
    assert!(each < 512 * 1024, "{each} bytes");
    assert!(least < each, "{least} bytes with small windows, {each} with large ones");
}

/// What the server needs for each of these clients, in bytes.
async fn cost(kind: Kind, extra: &str, clients: usize) -> usize {
    allow_descriptors(clients);
    let server = kind.start();
    let visit = async {
        // What is made once, and lent to all, is not what a client costs.
        let mut first = open(server.address, extra).await.0;
        converse(&mut first, extra).await;
        let before = server.memory();
        let mut idle = Vec::new();
        for _ in 0..clients {
            let (mut stream, head) = open(server.address, extra).await;
            assert_eq!(head.contains("permessage-deflate"), !extra.is_empty(), "{head}");
            converse(&mut stream, extra).await;
            idle.push(stream);
        }
        server.memory().saturating_sub(before) / idle.len()
    };
    timeout(PATIENCE, visit).await.expect("all clients come and are heard")
}

async fn converse(stream: &mut TcpStream, extra: &str) {
    let words = b"words, words, words. ".repeat(200);
    if extra.is_empty() {
        stream.write_all(&frame(TEXT, &words)).await.unwrap();
        assert_eq!(hear_data(stream).await, (TEXT, words));
    } else {
        stream.write_all(&frame(TEXT | RSV1, &deflate(&words))).await.unwrap();
        let (first, payload) = hear_data(stream).await;
        assert_eq!(first, TEXT | RSV1);
        assert_eq!(inflate(&payload), words);
    }
}
