//! The 101 leaves with the first thing said to the client or at `on_open`'s return, and no sooner.

use std::{hint::spin_loop, io, thread};

use aerys::{Accepted, ClientGone, Handshake, Refusal};
use tokio::sync::{
    mpsc::{self, error::TryRecvError},
    oneshot,
};

use crate::common::{Door, Raw, Scene, eventually, frame, handshake, soon};

/// A text as the server sends it.
fn text(payload: &str) -> Vec<u8> {
    [&[0x81, payload.len() as u8], payload.as_bytes()].concat()
}

#[tokio::test]
async fn nothing_is_on_the_wire_while_on_open_has_said_nothing() {
    let door = Door::on_workers(1, |guest: Handshake, scene: Scene| async move {
        scene.note("asked");
        scene.cued().await;
        let client = guest.accept();
        scene.note("accepted");
        scene.cued().await;
        scene.note("returns");
        Ok(client)
    })
    .await;
    let mut raw = Raw::connect(&door.server).await;
    raw.write(handshake("/door/a", "")).await;
    for wait in ["asked", "accepted"] {
        door.scene.journal.until_noted(wait).await;
        door.round_trip().await;
        assert!(raw.is_silent(), "{wait}");
        door.scene.cue();
    }
    assert_eq!(raw.answer().await.status(), 101);
    door.scene.journal.until_noted("returns").await;
    door.shut().await;
}

#[tokio::test]
async fn the_101_leaves_with_the_first_thing_said() {
    for how in ["send", "send-nowait", "broadcast", "broadcast-nowait"] {
        let door = Door::on_workers(1, |guest: Handshake, scene: Scene| async move {
            let how = guest.param("guest").unwrap_or_default().to_owned();
            let client = guest.accept();
            match &*how {
                "send" => client.send("hello").await?,
                "send-nowait" => client.send("hello").nowait(),
                "broadcast" => drop(client.endpoint().broadcast("hello").await),
                _ => client.endpoint().broadcast("hello").nowait(),
            }
            scene.note("said");
            scene.cued().await;
            scene.note("returns");
            Ok(client)
        })
        .await;
        let mut raw = Raw::connect(&door.server).await;
        raw.write(handshake(&format!("/door/{how}"), "")).await;
        assert_eq!(raw.answer().await.status(), 101, "{how}");
        assert_eq!(raw.bytes(7).await, text("hello"), "{how}");
        assert_eq!(door.scene.journal.until(1).await, ["said"], "{how}");
        door.scene.cue();
        door.scene.journal.until_noted("returns").await;
        door.shut().await;
    }
}

#[tokio::test]
async fn the_101_leaves_with_a_broadcast_from_anywhere() {
    for (workers, shouter) in [(1, "a client"), (2, "a client"), (1, "the test"), (2, "the test")] {
        let door = Door::on_workers(workers, |guest: Handshake, scene: Scene| async move {
            let shouts = guest.param("guest") == Some("shouter");
            let client = guest.accept();
            if shouts {
                let tally = client.endpoint().broadcast("hey").except([client.id()]).await;
                scene.note(format!("{} heard it", tally.delivered));
            } else {
                scene.note("accepted");
                scene.cued().await;
                scene.note("returns");
            }
            Ok(client)
        })
        .await;
        let mut raw = Raw::connect(&door.server).await;
        raw.write(handshake("/door/listener", "")).await;
        door.scene.journal.until_noted("accepted").await;
        let mut other = Raw::connect(&door.server).await;
        if shouter == "a client" {
            assert_eq!(other.ask(handshake("/door/shouter", "")).await.status(), 101);
        } else {
            let tally = soon(door.endpoint.broadcast("hey")).await;
            door.scene.note(format!("{} heard it", tally.delivered));
        }
        assert_eq!(raw.answer().await.status(), 101, "{shouter}, {workers}");
        assert_eq!(raw.bytes(5).await, text("hey"), "{shouter}, {workers}");
        assert_eq!(door.scene.journal.until(2).await, ["accepted", "1 heard it"]);
        door.scene.cue();
        door.scene.journal.until_noted("returns").await;
        door.shut().await;
    }
}

#[tokio::test]
async fn a_client_is_a_member_from_accept_on_and_not_before() {
    let door = Door::guarded_by(|guest: Handshake, scene: Scene| async move {
        let endpoint = guest.endpoint().clone();
        scene.note(format!("before: {} {}", endpoint.len(), endpoint.clients().len()));
        let client = guest.accept();
        let found = endpoint.client(client.id()).is_some_and(|found| found == *client);
        let listed = endpoint.clients().contains(&client);
        scene.note(format!("after: {} {listed} {found}", endpoint.len()));
        scene.cued().await;
        Ok(client)
    })
    .await;
    let mut raw = Raw::connect(&door.server).await;
    raw.write(handshake("/door/a", "")).await;
    assert_eq!(door.scene.journal.until(2).await, ["before: 0 0", "after: 1 true true"]);
    assert_eq!(door.endpoint.len(), 1, "as others see it too");
    door.scene.cue();
    raw.answer().await;
    door.shut().await;
}

#[tokio::test]
async fn what_comes_right_behind_the_request_is_delivered_after_on_open_in_order() {
    for speaks_first in [false, true] {
        let door = Door::on_workers(1, move |guest: Handshake, scene: Scene| async move {
            let client = guest.accept();
            if speaks_first {
                client.send("wait").await?;
            }
            scene.note("accepted");
            scene.cued().await;
            scene.note("returns");
            Ok(client)
        })
        .await;
        let mut raw = Raw::connect(&door.server).await;
        let words: Vec<String> = (0..40).map(|number| format!("word {number}")).collect();
        let mut bytes = handshake("/door/a", "").into_bytes();
        words.iter().for_each(|word| bytes.extend(frame(1, word.as_bytes())));
        // In two writes, cut within a frame.
        let (now, later) = bytes.split_at(bytes.len() - 100);
        raw.write(now).await;
        door.scene.journal.until_noted("accepted").await;
        raw.write(later).await;
        door.round_trip().await;
        assert_eq!(door.scene.journal.lines(), ["accepted"]);
        door.scene.cue();
        let noted = door.scene.journal.until(2 + words.len()).await;
        assert_eq!(noted[1], "returns");
        assert!(noted[2..].iter().zip(&words).all(|(it, word)| *it == format!("data {word}")));
        door.shut().await;
    }
}

#[tokio::test]
async fn a_handshake_may_be_answered_from_another_task_or_thread() {
    let (hand_over, mut handed) =
        mpsc::unbounded_channel::<(Handshake, oneshot::Sender<Accepted>)>();
    let door = Door::guarded_by(move |guest: Handshake, _| {
        let hand_over = hand_over.clone();
        async move {
            let (answer, answered) = oneshot::channel();
            hand_over.send((guest, answer)).map_err(|_| io::Error::other("nobody takes it"))?;
            Ok(answered.await?)
        }
    })
    .await;
    for place in ["task", "thread"] {
        let mut raw = Raw::connect(&door.server).await;
        raw.write(handshake("/door/a", "")).await;
        let (guest, answer) = soon(handed.recv()).await.unwrap();
        let client = match place {
            "task" => tokio::spawn(async { guest.accept() }).await.unwrap(),
            _ => thread::spawn(|| guest.accept()).join().unwrap(),
        };
        soon(client.send(place)).await.unwrap();
        assert_eq!(raw.answer().await.status(), 101, "{place}");
        assert_eq!(raw.bytes(place.len() + 2).await, text(place));
        // Until `on_open` has what it returns, nothing is heard.
        raw.write(frame(1, place.as_bytes())).await;
        answer.send(client).unwrap();
        door.scene.journal.until_noted(&format!("data {place}")).await;
    }
    door.shut().await;
}

/// A door that gives every handshake away and answers with an error.
async fn careless_door() -> (Door, mpsc::UnboundedReceiver<Handshake>) {
    let (hand_over, handed) = mpsc::unbounded_channel();
    let on_open = move |guest: Handshake, _| {
        let outcome: Result<Accepted, Refusal> = match hand_over.send(guest) {
            Ok(()) => Err(io::Error::other("gave it away").into()),
            Err(error) => Err(error.into()),
        };
        async { outcome }
    };
    (Door::guarded_by(on_open).await, handed)
}

#[tokio::test]
async fn who_is_accepted_after_on_open_has_failed_is_gone_and_no_member() {
    let (door, mut handed) = careless_door().await;
    let mut raw = Raw::connect(&door.server).await;
    assert_eq!(raw.ask(handshake("/door/a", "")).await.status(), 500);
    let client = soon(handed.recv()).await.unwrap().accept();
    assert_eq!(soon(client.send("too late")).await, Err(ClientGone));
    soon(client.close()).await;
    assert!(door.endpoint.is_empty());
    assert_eq!(door.endpoint.client(client.id()), None);
    assert_eq!(soon(door.endpoint.broadcast("all")).await.delivered, 0);
    assert_eq!(door.shut().await, [""; 0], "there is nobody to say goodbye to");
}

#[tokio::test]
async fn accept_may_race_the_failure_of_on_open_and_either_may_win() {
    let (door, mut handed) = careless_door().await;
    // Awake, or it would lose each time; and a little later each time, to meet every moment.
    let accepting = thread::spawn(move || {
        for delay in (0..100).cycle() {
            let guest = loop {
                match handed.try_recv() {
                    Ok(guest) => break guest,
                    Err(TryRecvError::Empty) => thread::yield_now(),
                    Err(TryRecvError::Disconnected) => return,
                }
            };
            (0..delay).for_each(|_| spin_loop());
            guest.accept().close().nowait();
        }
    });
    let mut accepted = 0;
    for round in 0..2000 {
        let mut raw = Raw::connect(&door.server).await;
        match raw.ask(handshake("/door/a", "")).await.status() {
            101 => accepted += 1,
            status => assert_eq!(status, 500, "{round}"),
        }
    }
    eventually(|| door.endpoint.is_empty()).await;
    let noted = door.shut().await;
    assert_eq!(noted.len(), accepted, "one on_close for each: {noted:?}");
    accepting.join().unwrap();
}
