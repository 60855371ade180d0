//! A client that vanishes before or while it is answered.

use std::time::Duration;

use aerys::{
    Accepted, Client, Departure, Failure, Handshake, Message, Options, Refusal, Status, Websocket,
};

use crate::common::{Door, Raw, Scene, frame, handshake, serve_with};

/// How a client can vanish.
#[derive(Clone, Copy, Debug)]
enum End {
    Fin,
    Reset,
}

const ENDS: [End; 2] = [End::Fin, End::Reset];

const MOMENT: Duration = Duration::from_millis(100);

impl End {
    fn happens_to(self, raw: Raw) {
        match self {
            Self::Fin => drop(raw),
            Self::Reset => raw.stream.reset(),
        }
    }
}

/// On one worker, so that a round trip there shows that the end has been seen.
async fn door<A>(on_open: fn(Handshake, Scene) -> A) -> Door
where
    A: Future<Output = Result<Accepted, Refusal>> + Send + 'static,
{
    Door::on_workers(1, on_open).await
}

/// A client that asks and, once `on_open` has noted `line`, vanishes.
async fn vanish_after(door: &Door, line: &str, end: End) {
    let mut raw = Raw::connect(&door.server).await;
    raw.write(handshake("/door/a", "")).await;
    door.scene.journal.until_noted(line).await;
    end.happens_to(raw);
    door.round_trip().await;
}

#[tokio::test]
async fn who_vanishes_before_accept_is_accepted_as_gone_and_closed_once() {
    for end in ENDS {
        let door = door(|guest, scene| async move {
            scene.note("asked");
            scene.cued().await;
            let client = guest.accept();
            scene.note(format!("{:?}", client.send("hello").await));
            scene.note(format!("{:?}", client.send("again").await));
            Ok(client)
        })
        .await;
        vanish_after(&door, "asked", end).await;
        door.scene.cue();
        let noted = door.scene.journal.until(4).await;
        assert_eq!(noted[..3], ["asked", "Err(ClientGone)", "Err(ClientGone)"], "{end:?}");
        assert_eq!(noted[3], "close 1006", "{end:?}");
        assert_eq!(door.shut().await.len(), 4, "{end:?}");
    }
}

#[tokio::test]
async fn who_vanishes_after_accept_is_closed_once_while_on_open_still_waits() {
    for (end, speaks) in ENDS.into_iter().flat_map(|end| [(end, false), (end, true)]) {
        let door = Door::on_workers(1, move |guest: Handshake, scene: Scene| async move {
            let client = guest.accept();
            if speaks {
                client.send("hello").await?;
            }
            scene.note("accepted");
            scene.cued().await;
            scene.note(format!("{:?}", client.send("again").await));
            scene.note(format!("{} left", client.endpoint().len()));
            Ok(client)
        })
        .await;
        let mut raw = Raw::connect(&door.server).await;
        raw.write(handshake("/door/a", "")).await;
        door.scene.journal.until_noted("accepted").await;
        if speaks {
            raw.head().await;
            raw.bytes(7).await;
        }
        end.happens_to(raw);
        assert_eq!(door.scene.journal.until(2).await, ["accepted", "close 1006"], "{end:?}");
        assert!(door.endpoint.is_empty(), "{end:?}");
        door.scene.cue();
        assert_eq!(door.scene.journal.until(4).await[2..], ["Err(ClientGone)", "0 left"]);
        assert_eq!(door.shut().await.len(), 4, "{end:?}");
    }
}

/// Waits in `on_open` once it has accepted, until it is told to go on.
struct Waits(Scene);

impl Websocket for Waits {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        client.send("hello").await?;
        self.0.note("waits");
        self.0.cued().await;
        self.0.note("returns");
        Ok(client)
    }

    async fn on_data(&self, _: &Client, message: Message) -> Result<(), Failure> {
        self.0.note(format!("data {message}"));
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        self.0.note(format!("close {}", gone.code()));
    }
}

#[tokio::test]
async fn a_word_left_behind_does_not_hide_who_has_vanished() {
    for end in ENDS {
        let scene = Scene::default();
        let options = Options::new().heartbeat_period(None).close_period(MOMENT);
        let server = serve_with(Waits(scene.clone()), options).await;
        let mut raw = Raw::connect(&server).await;
        raw.write(handshake("/", "")).await;
        raw.head().await;
        raw.bytes(7).await;
        scene.journal.until_noted("waits").await;
        raw.write(frame(1, b"bye")).await;
        end.happens_to(raw);
        // The word is kept for the close period, in case `on_open` returns.
        assert_eq!(scene.journal.until(2).await, ["waits", "close 1006"], "{end:?}");
        scene.cue();
        assert_eq!(scene.journal.until(3).await[2], "returns", "{end:?}");
        server.stop().await;
        assert_eq!(scene.journal.lines().len(), 3, "{end:?}");
    }
}

#[tokio::test]
async fn who_vanishes_and_is_refused_has_never_been_here() {
    for end in ENDS {
        let door = door(|guest, scene| async move {
            scene.note("asked");
            scene.cued().await;
            scene.note("refuses");
            Err(guest.refuse(Status::FORBIDDEN))
        })
        .await;
        vanish_after(&door, "asked", end).await;
        door.scene.cue();
        door.scene.journal.until_noted("refuses").await;
        assert_eq!(door.shut().await, ["asked", "refuses"], "{end:?}");
    }
}

#[tokio::test]
async fn on_open_is_not_dropped_half_way() {
    for end in ENDS {
        let door = door(|guest, scene| async move {
            scene.note("asked");
            for step in 1..=3 {
                tokio::time::sleep(Duration::from_millis(1)).await;
                scene.cued().await;
                scene.note(format!("step {step}"));
            }
            Ok(guest.accept())
        })
        .await;
        vanish_after(&door, "asked", end).await;
        for step in 1..=3 {
            door.scene.cue();
            door.scene.journal.until_noted(&format!("step {step}")).await;
        }
        let noted = door.scene.journal.until(5).await;
        assert_eq!(noted, ["asked", "step 1", "step 2", "step 3", "close 1006"], "{end:?}");
        assert_eq!(door.shut().await.len(), 5, "{end:?}");
    }
}

#[tokio::test]
async fn what_was_said_before_vanishing_does_not_hide_the_end() {
    for end in ENDS {
        let door = door(|guest, scene| async move {
            scene.note("asked");
            scene.cued().await;
            let client = guest.accept();
            // Whether the first still reaches the kernel depends on how the client vanished.
            let _ = client.send("hello").await;
            scene.note("returns");
            Ok(client)
        })
        .await;
        let mut raw = Raw::connect(&door.server).await;
        raw.write([handshake("/door/a", "").as_bytes(), &frame(1, b"bye")].concat()).await;
        door.scene.journal.until_noted("asked").await;
        end.happens_to(raw);
        door.round_trip().await;
        door.scene.cue();
        door.scene.journal.until_noted("close 1006").await;
        let noted = door.shut().await;
        assert_eq!(noted[..2], ["asked", "returns"], "{end:?}");
        assert_eq!(noted.iter().filter(|line| line.starts_with("close")).count(), 1, "{noted:?}");
    }
}

#[tokio::test]
async fn who_vanishes_while_on_open_thinks_is_noticed_whatever_waits_unread() {
    for (end, waits) in ENDS.into_iter().flat_map(|end| [0, 100, 100_000].map(|it| (end, it))) {
        let door = door(|guest, scene| async move {
            let client = guest.accept();
            scene.note("accepted");
            scene.cued().await;
            Ok(client)
        })
        .await;
        let mut raw = Raw::connect(&door.server).await;
        raw.write(handshake("/door/a", "")).await;
        door.scene.journal.until_noted("accepted").await;
        raw.write(frame(2, &vec![0; waits])).await;
        end.happens_to(raw);
        let noted = door.scene.journal.until(2).await;
        assert_eq!(noted, ["accepted", "close 1006"], "{end:?}, {waits} bytes");
        door.scene.cue();
        assert_eq!(door.shut().await.len(), 2, "{end:?}, {waits} bytes");
    }
}

#[tokio::test]
async fn a_hundred_that_vanish_at_any_moment_leave_nobody_behind() {
    let door = Door::guarded_by(|guest: Handshake, scene: Scene| async move {
        tokio::task::yield_now().await;
        let client = guest.accept();
        // The last ones may come too late: the server is stopping and has turned them away.
        if client.endpoint().client(client.id()).is_some() {
            scene.note("accepted");
        }
        tokio::task::yield_now().await;
        client.send("hello").nowait();
        Ok(client)
    })
    .await;
    for round in 0..100 {
        let mut raw = Raw::connect(&door.server).await;
        raw.write(handshake("/door/a", "")).await;
        if round % 3 == 0 {
            raw.head().await;
        }
        ENDS[round % 2].happens_to(raw);
    }
    let noted = door.shut().await;
    let (accepted, closed): (Vec<_>, Vec<_>) = noted.iter().partition(|it| *it == "accepted");
    assert_eq!(accepted.len(), closed.len(), "{noted:?}");
}
