//! The chat's wire protocol, over real sockets and with more than one worker.

mod common;

use std::{
    collections::HashSet,
    time::{SystemTime, UNIX_EPOCH},
};

use common::{server::Server, soon};
use futures_util::{SinkExt, StreamExt, future::join_all};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, protocol::frame::coding::CloseCode},
};

/// A chat program without a screen.
struct Guest(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Guest {
    async fn connect(server: &Server) -> Self {
        Self::connect_to(server, "/chat").await
    }

    async fn connect_to(server: &Server, path: &str) -> Self {
        let url = format!("ws://{}{path}", server.address());
        Self(soon("the handshake", connect_async(url)).await.unwrap().0)
    }

    /// Connects, joins and is welcomed.
    async fn joined(server: &Server, name: &str) -> (Self, Value) {
        Self::joined_at(server, "/chat", name).await
    }

    async fn joined_at(server: &Server, path: &str, name: &str) -> (Self, Value) {
        let mut guest = Self::connect_to(server, path).await;
        guest.join(name).await;
        let welcome = guest.hear().await;
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        (guest, welcome)
    }

    async fn join(&mut self, name: &str) {
        self.send(&json!({ "type": "join", "name": name }).to_string()).await;
    }

    async fn say(&mut self, text: &str) {
        self.send(&json!({ "type": "say", "text": text }).to_string()).await;
    }

    async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    async fn hear_message(&mut self) -> Message {
        soon("a message", self.0.next()).await.expect("the connection stays").unwrap()
    }

    /// What comes next, but for lists of rooms, which come when others come and go.
    async fn hear(&mut self) -> Value {
        loop {
            let heard = self.hear_any().await;
            if heard["type"] != "rooms" {
                break heard;
            }
        }
    }

    async fn hear_any(&mut self) -> Value {
        let message = self.hear_message().await;
        serde_json::from_str(message.to_text().unwrap()).unwrap()
    }

    /// Waits until this is the list of rooms.
    async fn hear_rooms(&mut self, rooms: Value) {
        let list = json!({ "type": "rooms", "rooms": rooms });
        while self.hear_any().await != list {}
    }

    async fn hear_error(&mut self) -> String {
        let error = self.hear().await;
        assert_eq!(error["type"], "error", "{error}");
        error["text"].as_str().expect("a text").to_owned()
    }

    async fn hear_close(&mut self) -> CloseCode {
        match self.hear_message().await {
            Message::Close(Some(close)) => close.code,
            other => panic!("no CLOSE: {other:?}"),
        }
    }
}

async fn server() -> Server {
    Server::start(&["--workers", "2"]).await
}

#[tokio::test]
async fn who_joins_is_welcomed_and_the_others_are_told() {
    let server = server().await;
    let (mut ada, welcome) = Guest::joined(&server, "Ada").await;
    let id = welcome["id"].as_str().expect("a text");
    let expected =
        json!({ "type": "welcome", "id": id, "name": "Ada", "count": 1, "people": ["Ada"] });
    assert_eq!(welcome, expected);

    let (_bob, welcome) = Guest::joined(&server, "  Bob ").await;
    assert_ne!(welcome["id"], id);
    assert_eq!(welcome["name"], "Bob");
    assert_eq!(welcome["count"], 2);
    assert_eq!(welcome["people"], json!(["Ada", "Bob"]));
    let told = json!({ "type": "joined", "id": welcome["id"], "name": "Bob", "count": 2 });
    assert_eq!(ada.hear().await, told);
}

#[tokio::test]
async fn what_one_says_everyone_hears() {
    let server = server().await;
    let (mut ada, welcome) = Guest::joined(&server, "Ada").await;
    let (mut bob, _) = Guest::joined(&server, "Bob").await;
    assert_eq!(ada.hear().await["type"], "joined");
    let milliseconds = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let before = milliseconds();
    ada.say("  hello\n<b>\"you\"</b> \u{1f600} \n").await;
    let said = bob.hear().await;
    assert_eq!(ada.hear().await, said);
    let at = said["at"].as_u64().expect("a number");
    assert!((before..=milliseconds()).contains(&at), "{at}");
    let text = "  hello\n<b>\"you\"</b> \u{1f600}";
    let expected =
        json!({ "type": "said", "id": welcome["id"], "name": "Ada", "text": text, "at": at });
    assert_eq!(said, expected);
}

#[tokio::test]
async fn who_leaves_is_missed_however_they_went() {
    let server = server().await;
    let (mut ada, _) = Guest::joined(&server, "Ada").await;
    for politely in [true, false] {
        let (mut bob, welcome) = Guest::joined(&server, "Bob").await;
        assert_eq!(ada.hear().await["count"], 2);
        if politely {
            bob.0.close(None).await.unwrap();
        }
        drop(bob);
        let left = json!({ "type": "left", "id": welcome["id"], "name": "Bob", "count": 1 });
        assert_eq!(ada.hear().await, left);
    }
}

#[tokio::test]
async fn who_has_not_joined_hears_nothing_and_is_not_counted() {
    let server = server().await;
    let mut stranger = Guest::connect(&server).await;
    let (mut ada, welcome) = Guest::joined(&server, "Ada").await;
    assert_eq!(welcome["count"], 1);
    drop(Guest::connect(&server).await);
    ada.say("Is anybody here?").await;
    assert_eq!(ada.hear().await["text"], "Is anybody here?");
    // Had the stranger been sent any of that, it would come before the welcome.
    stranger.join("Bob").await;
    let welcome = stranger.hear().await;
    assert_eq!((&welcome["type"], &welcome["count"]), (&json!("welcome"), &json!(2)));
    // Nor has the other stranger's going been told.
    assert_eq!(ada.hear().await["type"], "joined");
}

#[tokio::test]
async fn each_room_is_told_of_its_own_and_everybody_of_all_rooms() {
    let server = server().await;
    let (mut ada, _) = Guest::joined(&server, "Ada").await;
    let (mut bob, welcome) = Guest::joined_at(&server, "/chat/green%20tea", "Bob").await;
    assert_eq!(welcome["people"], json!(["Bob"]));
    let (mut eve, welcome) = Guest::joined_at(&server, "/chat/green%20tea", "Eve").await;
    assert_eq!((&welcome["count"], &welcome["people"]), (&json!(2), &json!(["Bob", "Eve"])));
    assert_eq!(bob.hear().await["name"], "Eve");
    let rooms = json!([{ "name": "lobby", "count": 1 }, { "name": "green tea", "count": 2 }]);
    for guest in [&mut ada, &mut bob, &mut eve] {
        guest.hear_rooms(rooms.clone()).await;
    }

    ada.say("in the lobby").await;
    eve.say("over tea").await;
    assert_eq!(bob.hear().await["text"], "over tea");
    assert_eq!(eve.hear().await["text"], "over tea");
    assert_eq!(ada.hear().await["text"], "in the lobby");
    drop(eve);
    let left = bob.hear().await;
    assert_eq!((&left["type"], &left["count"]), (&json!("left"), &json!(1)));
    drop(bob);
    ada.hear_rooms(json!([{ "name": "lobby", "count": 1 }])).await;
    // Nothing of the room has come to the lobby, not even that somebody left.
    ada.say("and only there").await;
    assert_eq!(ada.hear().await["text"], "and only there");
}

#[tokio::test]
async fn a_room_that_cannot_be_is_not_found() {
    let server = server().await;
    for name in ["%20", "a%00b", &"a".repeat(33)] {
        let url = format!("ws://{}/chat/{name}", server.address());
        match soon("the answer", connect_async(url)).await {
            Err(tungstenite::Error::Http(answer)) => {
                assert_eq!(answer.status(), 404, "{name}");
                let body = String::from_utf8_lossy(answer.body().as_deref().unwrap_or_default());
                assert!(body.contains("A room's name has 1 to 32 characters"), "{name}: {body}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn each_mistake_is_explained_and_the_connection_stays() {
    let server = server().await;
    let mut ada = Guest::connect(&server).await;
    let long_name = json!({ "type": "join", "name": "a".repeat(33) }).to_string();
    let long_text = json!({ "type": "say", "text": "a".repeat(2001) }).to_string();
    for (request, sentence) in [
        ("hello", "This is no request: expected value at line 1 column 1."),
        (r#"{"type":"shout"}"#, "unknown variant `shout`, expected `join` or `say`"),
        (r#"{"type":"say","text":"hi"}"#, "Join with a name before you say something."),
        (r#"{"type":"join","name":" "}"#, "A name has 1 to 32 characters"),
        (r#"{"type":"join","name":"A\u0007"}"#, "none of them a control character"),
        (&long_name, "A name has 1 to 32 characters"),
    ] {
        ada.send(request).await;
        let heard = ada.hear_error().await;
        assert!(heard.contains(sentence), "{request}: {heard}");
    }
    ada.join("Ada").await;
    assert_eq!(ada.hear().await["type"], "welcome");
    for (request, sentence) in [
        (r#"{"type":"join","name":"Eve"}"#, "You have joined already, as Ada."),
        (r#"{"type":"say","text":" \n"}"#, "A message has 1 to 2000 characters."),
        (&long_text, "A message has 1 to 2000 characters."),
        ("[]", "This is no request"),
    ] {
        ada.send(request).await;
        let heard = ada.hear_error().await;
        assert!(heard.contains(sentence), "{request}: {heard}");
    }
    ada.say("All is well.").await;
    assert_eq!(ada.hear().await["text"], "All is well.");
}

#[tokio::test]
async fn what_is_no_text_or_far_too_long_ends_the_connection() {
    let server = server().await;
    for (message, code) in [
        (Message::binary(&br#"{"type":"join","name":"Ada"}"#[..]), CloseCode::Unsupported),
        (Message::text("a".repeat(30_000)), CloseCode::Size),
    ] {
        let mut guest = Guest::connect(&server).await;
        guest.0.send(message).await.unwrap();
        assert_eq!(guest.hear_close().await, code);
    }
}

#[tokio::test]
async fn people_who_come_at_once_learn_of_each_other_exactly_once() {
    let server = server().await;
    let names: Vec<String> = (0..150).map(|number| format!("Guest {number}")).collect();
    let mut guests = join_all(names.iter().map(|_| Guest::connect(&server))).await;
    join_all(guests.iter_mut().zip(&names).map(async |(guest, name)| {
        guest.join(name).await;
        let welcome = guest.hear().await;
        assert_eq!((&welcome["type"], &welcome["name"]), (&json!("welcome"), &json!(name)));
        let people = welcome["people"].as_array().expect("a list");
        assert_eq!(welcome["count"], people.len());
        let mut met: Vec<String> =
            people.iter().map(|name| name.as_str().expect("a text").to_owned()).collect();
        while met.len() < names.len() {
            let joined = guest.hear().await;
            assert_eq!(joined["type"], "joined");
            met.push(joined["name"].as_str().expect("a text").to_owned());
            assert_eq!(joined["count"], met.len());
        }
        assert_eq!(met.iter().collect::<HashSet<_>>(), names.iter().collect());
    }))
    .await;
}

#[tokio::test]
async fn everyone_hears_everything_in_the_same_order() {
    let server = server().await;
    let mut guests = Vec::new();
    for number in 0..8 {
        guests.push(Guest::joined(&server, &format!("Guest {number}")).await.0);
    }
    // Who came early has been told of those who came later.
    for (number, guest) in guests.iter_mut().enumerate() {
        for _ in number + 1..8 {
            assert_eq!(guest.hear().await["type"], "joined");
        }
    }
    let heard = join_all(guests.iter_mut().map(async |guest| {
        for line in 0..25 {
            guest.say(&format!("line {line}")).await;
        }
        let mut heard = Vec::new();
        while heard.len() < 8 * 25 {
            heard.push(guest.hear().await);
        }
        heard
    }))
    .await;
    assert!(heard.iter().all(|other| *other == heard[0]));
}
