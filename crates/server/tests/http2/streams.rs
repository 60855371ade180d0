//! Many websockets on one connection: none of them holds up another.

use std::time::Duration;

use aerys::{Options, Overflow};
use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    Stage,
    client::{Ws, handshake},
    frames::{self, DATA, END_HEADERS, HEADERS, SETTINGS, WINDOW_UPDATE, frame, masked},
    soon,
};

/// Long enough for what would come at once, if it came.
const A_WHILE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn one_that_does_not_read_holds_up_no_other() {
    let options = Options::new().max_queued_bytes(16 << 20).heartbeat_period(None);
    let mut stage = Stage::set(options, |server| server).await;
    let mut client = stage.client().await;
    let (_, unread) = client.try_open(handshake("/silent").body(()).unwrap()).await;
    let guest = stage.guest().await;
    let mut sending = Box::pin(guest.send(vec![1; 4 << 20]).into_future());
    assert!(timeout(A_WHILE, &mut sending).await.is_err(), "nobody has taken it");

    let mut other = client.open("/echo").await;
    for size in [10, 100_000, 1_000_000] {
        let text = "a".repeat(size);
        other.say(text.clone()).await;
        assert!(other.hear_text().await == text, "{size} bytes");
    }
    let (_, file) = client.get("/large.bin").await;
    assert_eq!(file.len(), crate::LARGE);

    assert!(timeout(A_WHILE, &mut sending).await.is_err(), "nobody has taken it yet");
    let mut unread = Ws::on(unread).await;
    assert_eq!(unread.hear().await.into_data().len(), 4 << 20);
    soon(sending).await.expect("it has left");
    stage.server.stop().await;
}

#[tokio::test]
async fn an_awaited_send_is_ok_when_it_is_with_the_kernel_and_fails_if_the_client_goes() {
    let options = Options::new().max_queued_bytes(16 << 20).heartbeat_period(None);
    let mut stage = Stage::set(options, |server| server).await;
    let mut client = stage.client().await;
    let (_, unread) = client.try_open(handshake("/silent").body(()).unwrap()).await;
    let guest = stage.guest().await;
    // As much as the client's window has room for.
    soon(guest.send(vec![1; 60_000]).into_future()).await.expect("it has left");
    let mut sending = Box::pin(guest.send(vec![1; 60_000]).into_future());
    assert!(timeout(A_WHILE, &mut sending).await.is_err(), "there is no room for it");
    assert!(guest.inspect().queued_bytes > 0);
    unread.reset();
    soon(sending).await.expect_err("the client has gone");
    assert!(stage.departure().await.starts_with("1006"));
    stage.server.stop().await;
}

#[tokio::test]
async fn an_awaited_send_waits_for_the_kernel_however_large_the_windows_are() {
    let options = Options::new().max_queued_bytes(64 << 20).heartbeat_period(None);
    let mut stage = Stage::set(options, |server| server).await;
    let mut raw = stage.raw().await;
    // RFC 9113 §6.5.2: SETTINGS_INITIAL_WINDOW_SIZE; §6.9 for the connection.
    let most = 0x7fff_ffff_u32;
    let settings = [&4_u16.to_be_bytes()[..], &most.to_be_bytes()].concat();
    let room = (most - 65_535).to_be_bytes();
    let windows = [frame(SETTINGS, 0, 0, &settings), frame(WINDOW_UPDATE, 0, 0, &room)].concat();
    raw.write(&windows).await.unwrap();
    raw.write(&frame(HEADERS, END_HEADERS, 1, &frames::handshake("/silent"))).await.unwrap();
    let guest = stage.guest().await;
    let size = 32 << 20;
    let mut sending = Box::pin(guest.send(vec![1; size]).into_future());
    assert!(timeout(A_WHILE, &mut sending).await.is_err(), "the client's kernel has no such room");
    let reading = tokio::spawn(async move {
        let mut heard = 0;
        while heard < size {
            heard += raw.next_of(DATA).await.expect("it comes").payload.len();
        }
        raw
    });
    soon(sending).await.expect("it has left");
    soon(reading).await.unwrap();
    soon(stage.server.stop()).await;
}

#[tokio::test]
async fn one_that_is_owed_too_much_is_closed_and_no_other_is() {
    let options = Options::new().max_queued_bytes(1 << 20).overflow(Overflow::Close);
    let mut stage = Stage::set(options, |server| server).await;
    let mut client = stage.client().await;
    let (_, _unread) = client.try_open(handshake("/silent").body(()).unwrap()).await;
    let guest = stage.guest().await;
    let mut other = client.open("/echo").await;
    for _ in 0..40 {
        guest.send(vec![1; 64 << 10]).nowait();
    }
    assert!(stage.departure().await.starts_with("1008"));
    other.say("and I?").await;
    assert_eq!(other.hear_text().await, "and I?");
    stage.server.stop().await;
}

#[tokio::test]
async fn handlers_that_do_not_hear_hold_up_no_other_however_much_is_sent_to_them() {
    let mut stage = Stage::usual().await;
    let mut client = stage.client().await;
    let mut unheard = Vec::new();
    for _ in 0..60 {
        let (_, mut tunnel) = client.try_open(handshake("/waiting").body(()).unwrap()).await;
        stage.guest().await;
        // In one message, and then as many bytes as there is room for.
        tunnel.write_all(&masked(0x82, b"hello")).await.unwrap();
        let piece = masked(0x82, &[7; 100]).repeat(100);
        while timeout(Duration::from_millis(20), tunnel.write_all(&piece)).await.is_ok() {}
        unheard.push(tunnel);
    }
    let mut other = client.open("/echo").await;
    let text = "a".repeat(1 << 20);
    other.say(text.clone()).await;
    assert!(other.hear_text().await == text);
    stage.server.stop().await;
}

#[tokio::test]
async fn a_frame_for_each_of_many_small_messages_that_are_not_heard_ends_no_connection() {
    let mut stage = Stage::usual().await;
    let mut client = stage.client().await;
    let mut unheard = Vec::new();
    for _ in 0..6 {
        let (_, mut tunnel) = client.try_open(handshake("/waiting").body(()).unwrap()).await;
        stage.guest().await;
        let small = Bytes::from(masked(0x82, b"x"));
        loop {
            tunnel.sending.reserve_capacity(small.len());
            let room = std::future::poll_fn(|cx| match tunnel.sending.capacity() {
                0 => tunnel.sending.poll_capacity(cx).map(drop),
                _ => std::task::Poll::Ready(()),
            });
            if timeout(A_WHILE, room).await.is_err() {
                break;
            }
            if tunnel.sending.capacity() < small.len() {
                break;
            }
            tunnel.sending.send_data(small.clone(), false).unwrap();
        }
        unheard.push(tunnel);
    }
    let mut other = client.open("/echo").await;
    other.say("still here").await;
    assert_eq!(other.hear_text().await, "still here");
    stage.server.stop().await;
}

#[tokio::test]
async fn a_hundred_speak_at_once_and_each_hears_its_own() {
    let stage = Stage::usual().await;
    let mut client = stage.client().await;
    let mut sockets = Vec::new();
    for _ in 0..100 {
        sockets.push(client.open("/echo").await);
    }
    let speaking = sockets.into_iter().enumerate().map(|(number, mut socket)| {
        tokio::spawn(async move {
            for turn in 0..50 {
                let text = format!("{number} {turn} {}", "x".repeat(turn * 100));
                socket.say(text.clone()).await;
                assert_eq!(socket.hear_text().await, text);
            }
        })
    });
    for speaker in speaking.collect::<Vec<_>>() {
        soon(speaker).await.unwrap();
    }
    stage.server.stop().await;
}

#[tokio::test]
async fn a_close_comes_behind_what_was_said_and_ends_the_stream() {
    let mut stage = Stage::usual().await;
    let mut client = stage.client().await;
    let (_, mut tunnel) = client.try_open(handshake("/echo").body(()).unwrap()).await;
    let guest = stage.guest().await;
    guest.send("goodbye").nowait();
    guest.close().reason("that was all").nowait();
    let mut heard = vec![0; 9 + 16];
    soon(tunnel.read_exact(&mut heard)).await.unwrap();
    assert_eq!((&heard[2..9], &heard[9..11]), (&b"goodbye"[..], &[0x88, 14][..]));
    assert_eq!(&heard[11..], b"\x03\xe8that was all");
    tunnel.write_all(&masked(0x88, &[0x03, 0xe8])).await.unwrap();
    let mut rest = Vec::new();
    soon(tunnel.read_to_end(&mut rest)).await.expect("it ends by END_STREAM");
    assert!(rest.is_empty());
    assert_eq!(stage.departure().await, "1000 that was all");
    stage.server.stop().await;
}
