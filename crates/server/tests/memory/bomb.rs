//! A message of 1 MiB that would become 1 GiB: it is refused, and takes no more memory than a
//! message may.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    server::{Kind, PATIENCE},
    wire::{CLOSE, OFFER, PING, PONG, RSV1, TAIL, TEXT, deflate, frame, hear_data, inflate, open},
};

/// The default of `Options::max_msg_size`.
const LIMIT: usize = 10 << 20;

#[tokio::test]
async fn a_deflate_bomb_is_closed_with_1009_within_the_limit() {
    let bomb = bomb();
    for kind in [Kind::Usual, Kind::Takeover] {
        let server = kind.start();
        let (mut stream, _) = open(server.address, OFFER).await;
        let before = server.peak_memory();
        let (mut reader, mut writer) = stream.split();
        let conversation = async {
            // The server shuts its ears long before the end.
            let throw = writer.write_all(&bomb);
            let hear = async {
                let mut answer = Vec::new();
                let _ = reader.read_to_end(&mut answer).await;
                answer
            };
            tokio::join!(throw, hear).1
        };
        let answer = timeout(PATIENCE, conversation).await.expect("the server hangs up");
        assert_eq!((answer[0], &answer[2..4]), (CLOSE, &1009_u16.to_be_bytes()[..]));
        let reason = String::from_utf8_lossy(&answer[4..]);
        assert!(reason.ends_with(" bytes or more exceeds 10485760"), "{reason}");

        let grown = server.peak_memory() - before;
        println!("a bomb of {} bytes, {kind:?}: {} KiB of server memory", bomb.len(), grown / 1024);
        assert!(grown < LIMIT + (2 << 20), "{grown} bytes");

        let (mut other, _) = open(server.address, OFFER).await;
        other.write_all(&frame(TEXT | RSV1, &deflate(b"still there?"))).await.unwrap();
        let (first, payload) = hear_data(&mut other).await;
        let text = if first & RSV1 == 0 { payload } else { inflate(&payload) };
        assert_eq!(text, b"still there?");
    }
}

/// Each is as large as a message may be, and all of them fit in one read.
#[tokio::test]
async fn messages_that_wait_behind_another_are_not_decompressed_before_their_turn() {
    let server = Kind::Stuck.start();
    let (mut stream, _) = open(server.address, OFFER).await;
    let before = server.peak_memory();
    let largest = frame(TEXT | RSV1, &deflate(&vec![b'0'; LIMIT]));
    let all = largest.repeat(6);
    assert!(all.len() < 64 * 1024, "{} bytes", all.len());
    stream.write_all(&all).await.unwrap();
    // A second one: it is answered after the first was read, by the same worker.
    let mut other = open(server.address, OFFER).await.0;
    other.write_all(&frame(PING, b"")).await.unwrap();
    assert_eq!(timeout(PATIENCE, hear_data(&mut other)).await.unwrap().0, PONG);
    let grown = server.peak_memory() - before;
    println!("{} bytes that would be {} MiB: {} KiB", all.len(), (6 * LIMIT) >> 20, grown / 1024);
    assert!(grown < 2 * LIMIT + (4 << 20), "{grown} bytes");
}

/// A frame of about 1 MiB, of which 1 GiB comes.
fn bomb() -> Vec<u8> {
    let mut mebibyte = deflate(&vec![b'0'; 1 << 20]);
    mebibyte.extend(TAIL);
    let bomb = frame(TEXT | RSV1, &mebibyte.repeat(1024));
    assert!(bomb.len() < (1 << 20) + (1 << 19), "{} bytes", bomb.len());
    bomb
}
