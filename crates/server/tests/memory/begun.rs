//! Clients that have begun a compressed message and not finished it: what they cost.

use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use crate::{
    process::allow_descriptors,
    server::{Kind, PATIENCE},
    wire::{OFFER, RSV1, deflate, frame, hear, open},
};

const FIN: u8 = 0x80;
const BINARY: u8 = 2;
const PING: u8 = FIN | 9;
const PONG: u8 = FIN | 10;

#[tokio::test]
async fn a_compressed_message_costs_little_until_there_is_something_to_inflate() {
    // Compressed it is as long as plain.
    let noise: Vec<u8> = (0..100_000_u64)
        .scan(1_u64, |state, _| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            Some((*state >> 56) as u8)
        })
        .collect();
    let deflated = deflate(&noise);
    let idle = cost(0, &deflated).await;
    for (begun, most) in [(1, 1024), (4000, 6 * 1024), (20_000, 128 * 1024)] {
        let each = cost(begun, &deflated).await.saturating_sub(idle);
        println!("begun and not finished, {begun} B of a compressed message: {each} bytes more");
        assert!(each < most, "{each} bytes for {begun}");
    }
}

/// What the server needs for each of a thousand clients that have begun so much, in bytes.
async fn cost(begun: usize, deflated: &[u8]) -> usize {
    const CLIENTS: usize = 1000;
    allow_descriptors(CLIENTS);
    let server = Kind::Usual.start();
    let visit = async {
        let mut first = open(server.address, OFFER).await.0;
        begin(&mut first, begun, deflated).await;
        let before = server.memory();
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            let mut stream = open(server.address, OFFER).await.0;
            begin(&mut stream, begun, deflated).await;
            clients.push(stream);
        }
        server.memory().saturating_sub(before) / clients.len()
    };
    timeout(PATIENCE, visit).await.expect("all clients come and are heard")
}

async fn begin(stream: &mut TcpStream, begun: usize, deflated: &[u8]) {
    let mut bytes = match begun {
        0 => Vec::new(),
        _ => frame(BINARY | RSV1, &deflated[..begun]),
    };
    bytes.extend(frame(PING, b"heard?"));
    stream.write_all(&bytes).await.unwrap();
    assert_eq!(hear(stream).await, (PONG, b"heard?".to_vec()));
}
