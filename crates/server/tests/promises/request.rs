//! What `on_open` reads of a request: the query as a value, cookies, a token.

use std::collections::BTreeMap;

use aerys::{Handshake, Status};
use serde::Deserialize;

use crate::common::{Door, Raw, Scene, errors_at, handshake, keep_errors};

#[derive(Debug, Deserialize)]
struct Wanted {
    room: String,
    since: Option<u64>,
}

#[tokio::test]
async fn a_query_is_a_value_or_answers_400_and_says_what_is_wrong() {
    keep_errors();
    let path = "/request/query/{guest}";
    let door = Door::at(path, |guest: Handshake, scene: Scene| async move {
        if guest.param("guest") == Some("map") {
            scene.note(format!("{:?}", guest.query::<BTreeMap<String, String>>()?));
        } else {
            let Wanted { room, since } = guest.query()?;
            scene.note(format!("{room:?} {since:?}"));
        }
        Ok(guest.accept())
    })
    .await;
    let long = format!("?room=tea&since={}", "x".repeat(4000));
    for (target, noted) in [
        ("one?room=tea&since=7", Ok(r#""tea" Some(7)"#)),
        ("one?room=t%C3%A9%20a+b", Ok(r#""té a b" None"#)),
        ("one?room=&other=1", Ok(r#""" None"#)),
        ("map?a=1&b", Ok(r#"{"a": "1", "b": ""}"#)),
        ("map", Ok("{}")),
        ("one", Err("the query does not fit: missing field `room`")),
        ("one?since=7", Err("the query does not fit: missing field `room`")),
        ("one?room=tea&since=now", Err("the query does not fit: invalid digit found in string")),
        (&format!("one{long}"), Err("the query does not fit: invalid digit found in string")),
    ] {
        let mut raw = Raw::connect(&door.server).await;
        let answer = raw.ask(handshake(&format!("/request/query/{target}"), "")).await;
        match noted {
            Ok(noted) => {
                assert_eq!(answer.status(), 101, "{target}");
                assert!(door.scene.journal.lines().iter().any(|line| line == noted), "{target}");
            }
            Err(why) => {
                assert_eq!(answer.status_line(), format!("HTTP/1.1 400 {why}"), "{target}");
                assert_eq!(answer.text(), format!("{why}\n"), "{target}");
            }
        }
    }
    assert_eq!(errors_at(path), [""; 0], "it is the client's mistake");
    door.shut().await;
}

#[tokio::test]
async fn a_page_brings_its_token_among_the_subprotocols_and_never_hears_it() {
    let door = Door::guarded_by(|guest: Handshake, scene: Scene| async move {
        scene.note(guest.protocols().collect::<Vec<_>>().join("|"));
        match guest.bearer() {
            Some("open-sesame") => Ok(guest.select("open-sesame").select("chat").accept()),
            _ => Err(guest.refuse(Status::UNAUTHORIZED)),
        }
    })
    .await;
    for (extra, status, heard, answered) in [
        ("Sec-WebSocket-Protocol: bearer, open-sesame\r\n", 101, "bearer", Some("bearer")),
        ("Sec-WebSocket-Protocol: bearer, open-sesame, chat\r\n", 101, "bearer|chat", Some("chat")),
        ("Sec-WebSocket-Protocol: bearer, guessed\r\n", 401, "bearer", None),
        ("Sec-WebSocket-Protocol: open-sesame\r\n", 401, "open-sesame", None),
        ("Authorization: bearer open-sesame\r\n", 101, "", None),
        ("Authorization: Bearer guessed\r\n", 401, "", None),
        ("", 401, "", None),
    ] {
        let answer = Raw::connect(&door.server).await.ask(handshake("/door/page", extra)).await;
        assert_eq!(answer.status(), status, "{extra}");
        assert_eq!(answer.header("sec-websocket-protocol"), answered, "{extra}");
        assert!(!answer.mentions("sesame"), "{answer:?}");
        let noted = door.scene.journal.lines().into_iter().rfind(|line| !line.starts_with("close"));
        assert_eq!(noted.as_deref(), Some(heard), "{extra}");
    }
    door.shut().await;
}

#[tokio::test]
async fn a_cookie_is_found_by_its_name_and_decoded() {
    let door = Door::guarded_by(|guest: Handshake, scene: Scene| async move {
        scene.note(format!("{:?} {:?}", guest.cookie("session"), guest.cookie("theme")));
        Ok(guest.accept())
    })
    .await;
    let cookies = "Cookie: other=1; session=a%20b%3B\r\nCookie: session=c; theme=d\u{e9}\r\n";
    Raw::connect(&door.server).await.ask(handshake("/door/page", cookies)).await;
    let noted = door.scene.journal.lines();
    assert_eq!(noted[0], r#"Some("a b;") Some("dé")"#);
    door.shut().await;
}
