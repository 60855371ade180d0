//! How many clients an endpoint may have.

use aerys::{
    Accepted, Client, Departure, Failure, Handshake, Message, Options, Refusal, Status, Websocket,
};

use crate::common::{Answer, Raw, Running, Scene, frame, handshake, serve_with, soon};

/// Does as the query says, and notes whom it was asked about.
struct Club(Scene);

impl Websocket for Club {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let Self(scene) = self;
        let order = handshake.request().uri.query().unwrap_or_default().to_owned();
        scene.note(order.clone());
        match &*order {
            "thinks" => {
                scene.cued().await;
                Ok(handshake.accept())
            }
            "refused" => Err(handshake.refuse(Status::FORBIDDEN)),
            _ => Ok(handshake.accept()),
        }
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.send(message).nowait();
        Ok(())
    }

    async fn on_close(&self, _: &Departure) {
        self.0.note("gone");
    }
}

async fn club(max_clients: usize) -> (Running, Scene) {
    let scene = Scene::default();
    (serve_with(Club(scene.clone()), Options::new().max_clients(max_clients)).await, scene)
}

async fn knock(server: &Running, order: &str) -> (Raw, Answer) {
    let mut raw = Raw::connect(server).await;
    let answer = raw.ask(handshake(&format!("/?{order}"), "")).await;
    (raw, answer)
}

/// Waits until there is a place again: when that is, nobody is told.
async fn let_in(server: &Running) -> Raw {
    soon(async {
        loop {
            let (raw, answer) = knock(server, "again").await;
            if answer.status() == 101 {
                return raw;
            }
        }
    })
    .await
}

#[tokio::test]
async fn one_client_too_many_is_answered_503_and_the_application_is_not_asked() {
    let (server, scene) = club(2).await;
    let (mut one, _) = knock(&server, "one").await;
    let (two, answer) = knock(&server, "two").await;
    assert_eq!(answer.status(), 101);
    for _ in 0..3 {
        let (_, answer) = knock(&server, "three").await;
        assert_eq!(answer.status_line(), "HTTP/1.1 503 There are as many clients as there may be.");
        assert_eq!(answer.header("retry-after"), Some("5"));
    }
    assert_eq!(scene.journal.lines(), ["one", "two"]);
    one.write(frame(1, b"still here")).await;
    assert_eq!(one.frame().await, (0x81, b"still here".to_vec()));
    // As soon as `on_close` has returned there is a place again, and one only.
    drop(two);
    scene.journal.until_noted("gone").await;
    let again = let_in(&server).await;
    assert_eq!(knock(&server, "three").await.1.status(), 503);
    drop((one, again));
    server.stop().await;
}

#[tokio::test]
async fn one_that_is_decided_on_has_a_place_and_one_that_is_refused_gives_it_back() {
    let (server, scene) = club(1).await;
    for _ in 0..3 {
        assert_eq!(knock(&server, "refused").await.1.status(), 403);
    }
    let mut thinks = Raw::connect(&server).await;
    thinks.write(handshake("/?thinks", "")).await;
    scene.journal.until_noted("thinks").await;
    assert_eq!(knock(&server, "two").await.1.status(), 503);
    scene.cue();
    assert_eq!(thinks.answer().await.status(), 101);
    assert_eq!(knock(&server, "two").await.1.status(), 503);
    drop(thinks);
    drop(let_in(&server).await);
    // One that hangs up while it is decided on gives it back as well, when that is over.
    scene.journal.until_noted("gone").await;
    server.stop().await;
}
