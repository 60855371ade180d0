//! What is known of a connection, figure by figure.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use aerys::{Accepted, Client, Departure, Handshake, Options, Refusal, Stats, Websocket};

use crate::common::{
    Door, Journal, Lobby, Raw, Scene, eventually, frame, handshake, serve_with, soon,
};

/// Without pings, which would count.
fn quiet() -> Options {
    Options::new().heartbeat_period(None)
}

/// A frame that is not the last of its message.
fn fragment(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = frame(opcode, payload);
    frame[0] &= !0x80;
    frame
}

#[tokio::test]
async fn at_first_there_is_nothing_but_an_address_and_a_time() {
    let (server, mut guests) = Lobby::serve(quiet()).await;
    let before = Instant::now();
    let raw = Raw::open(&server).await;
    let client = guests.next().await;
    let stats = client.inspect();
    assert_eq!(stats.peer_addr, raw.stream.peer_addr());
    assert!(before <= stats.connected && stats.connected <= Instant::now());
    assert_eq!((stats.bytes_read, stats.frames_read, stats.messages_read), (0, 0, 0));
    assert_eq!((stats.bytes_sent, stats.frames_sent, stats.messages_sent), (0, 0, 0));
    assert_eq!((stats.last_read, stats.last_data_read), (None, None));
    assert_eq!((stats.last_send, stats.last_data_send), (None, None));
    assert_eq!((stats.pings_outstanding, stats.round_trip), (0, None));
    assert_eq!((stats.queued_bytes, stats.dropped), (0, 0));
    drop(raw);
    server.stop().await;
}

#[tokio::test]
#[expect(clippy::mutable_key_type, reason = "its hash is that of its id, which stays")]
async fn a_handle_is_found_by_its_hash_wherever_it_was_cloned_from() {
    let (server, mut guests) = Lobby::serve(quiet()).await;
    let raws = [Raw::open(&server).await, Raw::open(&server).await];
    let (one, other) = (guests.next().await, guests.next().await);
    let kept = HashSet::from([one.clone(), one.clone(), other.clone()]);
    assert_eq!(kept.len(), 2);
    assert_eq!(kept, one.endpoint().clients().into_iter().collect());
    drop(raws);
    server.stop().await;
}

#[tokio::test]
async fn a_client_is_connected_when_it_is_let_in_and_not_when_it_asks() {
    let door = Door::guarded_by(|guest: Handshake, scene: Scene| async move {
        scene.note("asked");
        scene.cued().await;
        Ok(guest.accept())
    })
    .await;
    let mut raw = Raw::connect(&door.server).await;
    raw.write(handshake("/door/a", "")).await;
    door.scene.journal.until_noted("asked").await;
    let before = Instant::now();
    door.scene.cue();
    raw.head().await;
    let connected = door.endpoint.clients()[0].inspect().connected;
    drop(raw);
    door.shut().await;
    assert!(before <= connected, "{:?} too early", before - connected);
}

#[tokio::test]
async fn fragments_and_control_frames_are_frames_and_messages_are_whole() {
    let (server, mut guests) = Lobby::serve(quiet()).await;
    let mut raw = Raw::open(&server).await;
    let client = guests.next().await;
    // What comes, and how many frames and messages there are then.
    let steps = [
        (frame(1, b"hello"), 1, 1),
        (fragment(2, b"frag"), 2, 1),
        (frame(9, b"there?"), 3, 1),
        (fragment(0, b""), 4, 1),
        (frame(0, b"mented"), 5, 2),
        (frame(10, b"unasked"), 6, 2),
        ([frame(1, b"two"), frame(2, b"at once")].concat(), 8, 4),
    ];
    let mut bytes = 0;
    for (input, frames, messages) in steps {
        raw.write(&input).await;
        bytes += input.len() as u64;
        eventually(|| client.inspect().bytes_read == bytes).await;
        let stats = client.inspect();
        assert_eq!((stats.frames_read, stats.messages_read), (frames, messages), "{input:?}");
    }
    assert_eq!(raw.frame().await, (0x8A, b"there?".to_vec()));
    eventually(|| client.inspect().bytes_sent == 8).await;
    let stats = client.inspect();
    assert_eq!((stats.frames_sent, stats.messages_sent), (1, 0));
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn what_is_sent_is_counted_in_bytes_frames_and_messages() {
    let (server, mut guests) = Lobby::serve(quiet().auto_frame_size(1000)).await;
    let mut raw = Raw::open(&server).await;
    let client = guests.next().await;
    // Length, and what is sent for it: two bytes of header, or four.
    for (len, bytes, frames, messages) in
        [(0, 2, 1, 1), (100, 104, 2, 2), (1000, 1108, 3, 3), (2500, 3620, 6, 4)]
    {
        assert_eq!(soon(client.send(vec![0; len])).await, Ok(()));
        // The figures are there before whoever waited goes on.
        let stats = client.inspect();
        assert_eq!(stats.bytes_sent, bytes, "{len}");
        assert_eq!((stats.frames_sent, stats.messages_sent), (frames, messages), "{len}");
    }
    raw.bytes(3620).await;
    assert!(raw.is_silent());
    drop(raw);
    server.stop().await;
}

/// Does something again and again until it shows in the figures.
async fn until(client: &Client, raw: &mut Raw, input: &[u8], shows: impl Fn(&Stats) -> bool) {
    let until = async {
        while !shows(&client.inspect()) {
            raw.write(input).await;
            raw.frame().await;
        }
    };
    soon(until).await;
}

#[tokio::test]
async fn times_move_with_what_passes_and_those_of_data_with_data_alone() {
    let door = Door::guarded_by(|guest: Handshake, _| async move { Ok(guest.accept()) }).await;
    let mut raw = Raw::open_at(&door.server, "/door/a").await;
    let client = door.endpoint.clients().remove(0);
    let start = Instant::now();
    let ping = frame(9, b"");
    until(&client, &mut raw, &ping, |it| it.last_read > Some(start)).await;
    eventually(|| client.inspect().last_send > Some(start)).await;
    let stats = client.inspect();
    assert_eq!((stats.last_data_read, stats.last_data_send), (None, None));

    soon(client.send("data")).await.expect("it is here");
    raw.frame().await;
    eventually(|| client.inspect().last_data_send > Some(start)).await;
    assert_eq!(client.inspect().last_data_read, None);
    let data = [frame(1, b"data"), frame(9, b"")].concat();
    until(&client, &mut raw, &data, |it| it.last_data_read.is_some()).await;

    let before = client.inspect();
    assert!(before.last_data_read <= before.last_read);
    assert!(before.last_read <= Some(Instant::now()));
    until(&client, &mut raw, &ping, |it| it.last_read > before.last_read).await;
    until(&client, &mut raw, &ping, |it| it.last_send > before.last_send).await;
    let after = client.inspect();
    assert_eq!(after.last_data_read, before.last_data_read);
    assert_eq!(after.last_data_send, before.last_data_send);
    until(&client, &mut raw, &data, |it| it.last_data_read > before.last_data_read).await;
    drop(raw);
    door.shut().await;
}

#[tokio::test]
async fn pings_are_outstanding_until_they_are_answered() {
    let period = Duration::from_millis(50);
    let options = Options::new().heartbeat_period(period).queued_ping_limit(1000);
    let (server, mut guests) = Lobby::serve(options).await;
    let mut raw = Raw::open(&server).await;
    let client = guests.next().await;
    let mut pings = Vec::new();
    for count in 1..=3 {
        let (first, payload) = raw.frame().await;
        assert_eq!(first, 0x89);
        pings.push(payload);
        eventually(|| client.inspect().pings_outstanding >= count).await;
        assert_eq!(client.inspect().round_trip, None);
    }
    // The first is answered after the third was sent, and answers no other.
    raw.write(frame(10, &pings[0])).await;
    eventually(|| client.inspect().round_trip.is_some()).await;
    let stats = client.inspect();
    assert!(stats.round_trip >= Some(2 * period), "{stats:?}");
    assert!(stats.pings_outstanding >= 2, "{stats:?}");
    let answer = async {
        loop {
            let (_, payload) = raw.frame().await;
            raw.write(frame(10, &payload)).await;
        }
    };
    tokio::select! {
        () = answer => {}
        () = eventually(|| client.inspect().pings_outstanding == 0) => {}
    }
    assert_ne!(client.inspect().round_trip, stats.round_trip);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn what_is_queued_for_one_that_does_not_read_is_seen_until_it_reads() {
    const HUGE: usize = 16 << 20;
    let (server, mut guests) = Lobby::serve(quiet().max_queued_bytes(2 * HUGE)).await;
    let mut raw = Raw::open_narrow(&server).await;
    let client = guests.next().await;
    client.send(vec![0; HUGE]).nowait();
    assert_eq!(client.inspect().queued_bytes, HUGE + 64);
    client.send("x").nowait();
    assert_eq!(client.inspect().queued_bytes, HUGE + 64 + 65);
    // It has begun, and does not get on.
    raw.frame().await;
    eventually(|| client.inspect().bytes_sent > 0).await;
    let stats = client.inspect();
    assert!(stats.bytes_sent < HUGE as u64 && stats.frames_sent < 512, "{stats:?}");
    assert_eq!((stats.messages_sent, stats.queued_bytes), (0, HUGE + 64 + 65));
    while raw.frame().await.1 != b"x" {}
    eventually(|| client.inspect().queued_bytes == 0).await;
    let stats = client.inspect();
    assert_eq!(stats.bytes_sent as usize, 512 * ((32 << 10) + 4) + 3);
    assert_eq!((stats.frames_sent, stats.messages_sent), (513, 2));
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn another_can_be_looked_at_by_its_id_and_by_its_handle_after_it_has_gone() {
    let (server, mut guests) = Lobby::serve(quiet()).await;
    let (mut one, mut two) = (Raw::open(&server).await, Raw::open(&server).await);
    let (first, second) = (guests.next().await, guests.next().await);
    let endpoint = second.endpoint();
    one.write(frame(1, b"hello")).await;
    eventually(|| first.inspect().messages_read == 1).await;
    soon(first.send("goodbye")).await.expect("it is here");
    let before = first.inspect();
    let by_id = endpoint.client(first.id()).expect("it is here").inspect();
    assert_eq!(by_id, before);
    assert_eq!(by_id.peer_addr, one.stream.peer_addr());
    assert_eq!(endpoint.client(second.id()).expect("it is here").inspect().messages_read, 0);
    two.write(frame(1, b"still here")).await;

    one.write(frame(8, &1000_u16.to_be_bytes())).await;
    one.frame().await;
    assert_eq!(one.hear_close().await.0, 1000);
    one.rest().await;
    guests.journal.until_noted("gone 1000").await;
    assert_eq!(endpoint.client(first.id()), None);
    let after = first.inspect();
    assert_eq!(after.peer_addr, before.peer_addr);
    assert_eq!(after.connected, before.connected);
    assert_eq!(after.bytes_read, before.bytes_read + 8);
    assert_eq!((after.frames_read, after.messages_read), (before.frames_read + 1, 1));
    assert_eq!(after.bytes_sent, before.bytes_sent + 4);
    assert_eq!((after.frames_sent, after.messages_sent), (before.frames_sent + 1, 1));
    assert_eq!(after.last_data_read, before.last_data_read);
    assert_eq!(after.last_data_send, before.last_data_send);
    assert_eq!(after.queued_bytes, 0);
    drop(two);
    server.stop().await;
}

/// Notes of who has gone where it came from and what it said.
struct Obituary(Journal);

impl Websocket for Obituary {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_close(&self, gone: &Departure) {
        let Stats { peer_addr, messages_read, bytes_read, .. } = gone.inspect();
        assert_eq!(gone.peer_addr(), peer_addr);
        self.0.note(format!("{peer_addr} {messages_read} {bytes_read}"));
    }
}

#[tokio::test]
async fn on_close_sees_the_last_that_is_known_of_a_connection() {
    let journal = Journal::default();
    let server = serve_with(Obituary(journal.clone()), quiet()).await;
    let mut raw = Raw::open(&server).await;
    let address = raw.stream.peer_addr();
    raw.write([frame(1, b"hello"), frame(1, b"you"), frame(8, &[])].concat()).await;
    assert_eq!(journal.until(1).await, [format!("{address} 2 26")]);
    drop(raw);
    server.stop().await;
}
