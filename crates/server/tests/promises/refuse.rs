//! `refuse`: what a client that is not let in gets to hear, and what it does not.

use std::{io, sync::Arc};

use aerys::{Accepted, Handshake, Refusal, Status};
use http::{HeaderName, HeaderValue, StatusCode, header};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{Error, client::IntoClientRequest};

use crate::common::{Door, Raw, Scene, errors_at, handshake, keep_errors, open, soon};

fn name(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

fn value(value: &'static str) -> HeaderValue {
    HeaderValue::from_static(value)
}

/// A door that answers according to who knocks.
async fn answer(guest: Handshake, scene: Scene) -> Result<Accepted, Refusal> {
    let guest = guest.header(name("x-door"), value("oak")).header(name("x-door"), value("brass"));
    let knock = guest.param("guest").unwrap_or_default().to_owned();
    match &*knock {
        "friend" => Ok(guest.header(name("x-seat"), value("7")).accept()),
        "stranger" => Err(guest
            .refuse(Status::UNAUTHORIZED)
            .reason("Who are you?")
            .header(header::WWW_AUTHENTICATE, value("Basic"))
            .header(header::WWW_AUTHENTICATE, value("Bearer"))
            .header(name("x-hint"), value("say friend"))),
        "silent" => Err(guest.refuse(Status::FORBIDDEN)),
        "error" => Err(io::Error::other("the secret word is mellon"))?,
        "panic" => panic!("the secret word is mellon"),
        "dropped" => Err(Refusal::from(io::Error::other("nobody was asked"))),
        "injection" => {
            Err(guest.refuse(Status::FORBIDDEN).reason("N\u{e9}in\r\nSet-Cookie: a=b\r\n\r\n\0<p>"))
        }
        "framing" => Err(guest
            .header(header::CONTENT_LENGTH, value("1"))
            .refuse(Status::FORBIDDEN)
            .header(header::TRANSFER_ENCODING, value("chunked"))),
        "later" => {
            scene.note("thinking");
            scene.cued().await;
            Err(guest.refuse(Status::SERVICE_UNAVAILABLE))
        }
        code => {
            let code = code.parse().ok().and_then(Status::new).expect("a status that refuses");
            Err(guest.refuse(code))
        }
    }
}

#[tokio::test]
async fn a_refusal_carries_its_status_reason_and_headers() {
    let door = Door::guarded_by(answer).await;
    let answer = Raw::connect(&door.server).await.ask(handshake("/door/stranger", "")).await;
    assert_eq!(answer.status_line(), "HTTP/1.1 401 Who are you?");
    assert_eq!(answer.headers("www-authenticate"), ["Basic", "Bearer"]);
    assert_eq!(answer.header("x-hint"), Some("say friend"));
    assert_eq!(answer.headers("x-door"), ["oak", "brass"], "headers set before it go with it");
    assert_eq!(answer.text(), "Who are you?\n");
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("upgrade"), None);
    assert_eq!(answer.header("sec-websocket-accept"), None);
    assert_eq!(door.shut().await, [""; 0]);
}

#[tokio::test]
async fn headers_set_before_accept_travel_with_the_101() {
    let door = Door::guarded_by(answer).await;
    let answer = Raw::connect(&door.server).await.ask(handshake("/door/friend", "")).await;
    assert_eq!(answer.status_line(), "HTTP/1.1 101 Switching Protocols");
    assert_eq!(answer.headers("x-door"), ["oak", "brass"]);
    assert_eq!(answer.header("x-seat"), Some("7"));
    door.shut().await;
}

#[tokio::test]
async fn a_browser_grade_client_sees_the_refusal() {
    let door = Door::guarded_by(answer).await;
    let request = "ws://localhost/door/stranger".into_client_request().unwrap();
    match open(&door.server, request).await {
        Err(Error::Http(response)) => {
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            assert_eq!(response.headers()["x-hint"], "say friend");
            assert_eq!(response.body().as_deref(), Some(&b"Who are you?\n"[..]));
        }
        other => panic!("not a refusal: {:?}", other.map(|(_, response)| response)),
    }
    door.shut().await;
}

#[tokio::test]
async fn every_status_that_refuses_is_answered_with_its_usual_phrase() {
    let door = Door::guarded_by(answer).await;
    let mut raw = Raw::connect(&door.server).await;
    for (guest, line, body) in [
        ("silent", "HTTP/1.1 403 Forbidden", "Forbidden\n"),
        ("400", "HTTP/1.1 400 Bad Request", "Bad Request\n"),
        ("418", "HTTP/1.1 418 I'm a teapot", "I'm a teapot\n"),
        ("429", "HTTP/1.1 429 Too Many Requests", "Too Many Requests\n"),
        ("503", "HTTP/1.1 503 Service Unavailable", "Service Unavailable\n"),
    ] {
        let answer = raw.ask(handshake(&format!("/door/{guest}"), "")).await;
        assert_eq!((answer.status_line(), answer.text()), (line, body));
    }
    for code in [499, 599] {
        assert_eq!(raw.ask(handshake(&format!("/door/{code}"), "")).await.status(), code);
    }
    door.shut().await;
}

#[tokio::test]
async fn an_error_or_panic_before_accept_answers_500_and_its_text_stays_here() {
    let door = Door::guarded_by(answer).await;
    for guest in ["error", "panic", "dropped"] {
        let mut raw = Raw::connect(&door.server).await;
        let answer = raw.ask(handshake(&format!("/door/{guest}"), "")).await;
        assert_eq!(answer.status_line(), "HTTP/1.1 500 Internal Server Error", "{guest}");
        assert_eq!(answer.text(), "Internal Server Error\n", "{guest}");
        for word in ["mellon", "secret", "nobody", "error", "panic"] {
            assert!(!answer.mentions(word), "{word:?} is told to {guest}: {answer:?}");
        }
        // Neither the server nor this connection is worse for it.
        assert_eq!(raw.ask(handshake("/door/friend", "")).await.status(), 101, "{guest}");
    }
    door.shut().await;
}

#[tokio::test]
async fn after_a_refusal_the_same_connection_may_ask_again() {
    let door = Door::guarded_by(answer).await;
    let mut raw = Raw::connect(&door.server).await;
    for (guest, status) in [("stranger", 401), ("silent", 403), ("error", 500), ("friend", 101)] {
        let answer = raw.ask(handshake(&format!("/door/{guest}"), "")).await;
        assert_eq!(answer.status(), status, "{guest}");
    }
    assert_eq!(door.endpoint.len(), 1);
    assert_eq!(door.shut().await, ["close 1001"]);
}

#[tokio::test]
async fn a_reason_cannot_smuggle_anything_into_the_head() {
    let door = Door::guarded_by(answer).await;
    let answer = Raw::connect(&door.server).await.ask(handshake("/door/injection", "")).await;
    assert_eq!(answer.status_line(), "HTTP/1.1 403 N?in??Set-Cookie: a=b?????<p>");
    assert_eq!(answer.headers("set-cookie"), [""; 0]);
    door.shut().await;
}

#[tokio::test]
async fn where_a_refusal_ends_is_not_the_applications_to_say() {
    let door = Door::guarded_by(answer).await;
    let mut raw = Raw::connect(&door.server).await;
    let answer = raw.ask(handshake("/door/framing", "")).await;
    assert_eq!((answer.status(), answer.text()), (403, "Forbidden\n"));
    assert_eq!(raw.ask(handshake("/door/friend", "")).await.status(), 101);
    door.shut().await;
}

#[tokio::test]
async fn a_refusal_may_take_its_time() {
    let door = Door::on_workers(1, answer).await;
    let mut raw = Raw::connect(&door.server).await;
    raw.write(handshake("/door/later", "")).await;
    soon(door.scene.journal.until_noted("thinking")).await;
    door.round_trip().await;
    assert!(raw.is_silent());
    door.scene.cue();
    assert_eq!(raw.answer().await.status(), 503);
    assert_eq!(door.shut().await, ["thinking"]);
}

#[tokio::test]
async fn on_close_never_runs_for_a_refused_client() {
    let door = Door::guarded_by(answer).await;
    for guest in ["stranger", "error", "panic", "silent"] {
        let mut raw = Raw::connect(&door.server).await;
        assert_ne!(raw.ask(handshake(&format!("/door/{guest}"), "")).await.status(), 101);
        assert!(door.endpoint.is_empty(), "{guest}");
    }
    assert_eq!(door.shut().await, [""; 0]);
}

#[tokio::test]
async fn what_another_handshake_was_accepted_with_is_no_answer_of_on_open() {
    keep_errors();
    let (hand_over, handed) = mpsc::unbounded_channel();
    let handed = Arc::new(tokio::sync::Mutex::new(handed));
    let path = "/refuse/foreign/{guest}";
    let on_open = move |guest: Handshake, scene: Scene| {
        let (hand_over, handed) = (hand_over.clone(), Arc::clone(&handed));
        async move {
            match guest.param("guest") {
                // Each gives away what it was accepted with, and waits.
                Some("giver") => {
                    let client = guest.accept();
                    client.send("in").await?;
                    hand_over.send(client).map_err(|_| io::Error::other("nobody takes it"))?;
                    scene.cued().await;
                    return Err(io::Error::other("has nothing to return").into());
                }
                Some("greedy") => drop(guest.accept()),
                _ => drop(guest),
            }
            Ok(handed.lock().await.recv().await.expect("a giver came first"))
        }
    };
    let door = Door::at(path, on_open).await;
    for (guest, status, log) in [
        ("idle", 500, "the peer is answered 500"),
        ("greedy", 101, "failure=returned what another handshake was accepted with"),
    ] {
        let mut giver = Raw::connect(&door.server).await;
        assert_eq!(giver.ask(handshake("/refuse/foreign/giver", "")).await.status(), 101);
        assert_eq!(giver.frame().await, (0x81, b"in".to_vec()));
        let mut taker = Raw::connect(&door.server).await;
        let answer = taker.ask(handshake(&format!("/refuse/foreign/{guest}"), "")).await;
        assert_eq!(answer.status(), status, "{guest}");
        if status == 101 {
            assert_eq!(taker.frame().await, (0x88, 1011_u16.to_be_bytes().to_vec()), "{guest}");
        }
        let errors = errors_at(path);
        assert!(errors.iter().any(|line| line.contains(log)), "{guest}: {errors:?}");
        // Whose it is, is not worse for it.
        assert!(giver.is_silent(), "{guest}");
        door.scene.cue();
        assert_eq!(giver.frame().await, (0x88, 1011_u16.to_be_bytes().to_vec()));
    }
    door.shut().await;
}

#[tokio::test]
async fn what_cannot_be_answered_is_the_handlers_fault_whoever_is_let_in() {
    keep_errors();
    let on_open = |guest: Handshake, scene: Scene| async move {
        match guest.param("guest") {
            Some("bad-name") => Err(guest.header("x y", "fine").refuse(401)),
            Some("bad-value") => Err(guest.refuse(401).header("x-y", "a\r\nb: c")),
            Some("welcome") => Err(guest.refuse(200)),
            Some("nonsense") => Err(guest.refuse(9)),
            Some("found") => Err(guest.refuse(StatusCode::FOUND)),
            Some("bad-welcome") => {
                let client = guest.header("x-y", "fine").header("x-z", "\0").accept();
                scene.note(format!(
                    "{:?}, {} here",
                    client.send("in").await,
                    client.endpoint().len()
                ));
                Ok(client)
            }
            _ => Err(guest.header("x-y", 7).refuse(StatusCode::GONE).header("x-z", "z".to_owned())),
        }
    };
    for (guest, log) in [
        ("bad-name", "failure=`Handshake::header` was given a name that no header can have: "),
        (
            "bad-value",
            "failure=`Refusal::header` was given a value that the header x-y cannot have: ",
        ),
        ("welcome", "a status that does not refuse: 200 does not refuse: only a status in 400–599"),
        ("nonsense", "failure=`Handshake::refuse` was given a status that does not refuse: 9 does"),
        ("found", "a status that does not refuse: 302 does not"),
        ("bad-welcome", "failure=`Handshake::header` was given a value that the header x-z cannot"),
    ] {
        // Only so many lines of one kind are logged for an endpoint.
        let path = format!("/refuse/{guest}/{{guest}}");
        let door = Door::at(&path, on_open).await;
        let request = handshake(&format!("/refuse/{guest}/{guest}"), "");
        let answer = Raw::connect(&door.server).await.ask(request).await;
        assert_eq!(answer.status_line(), "HTTP/1.1 500 Internal Server Error", "{guest}");
        assert!(!answer.mentions("x-y") && !answer.mentions("given"), "{answer:?}");
        let errors = errors_at(&path);
        assert!(errors.iter().any(|line| line.contains(log)), "{guest}: {errors:?}");
        let noted: &[_] = if guest == "bad-welcome" { &["Err(ClientGone), 0 here"] } else { &[] };
        assert_eq!(door.shut().await, noted, "{guest}");
    }
    let door = Door::guarded_by(on_open).await;
    let answer = Raw::connect(&door.server).await.ask(handshake("/door/fine", "")).await;
    assert_eq!(answer.status(), 410);
    assert_eq!((answer.header("x-y"), answer.header("x-z")), (Some("7"), Some("z")));
    door.shut().await;
}

#[tokio::test]
async fn the_headers_of_the_handshake_are_not_the_applications_to_set() {
    const OURS: [(&str, &str, &[&str]); 7] = [
        ("sec-websocket-accept", "bm9uc2Vuc2U=", &["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]),
        ("upgrade", "h2c", &["websocket"]),
        ("connection", "close", &["Upgrade"]),
        ("sec-websocket-protocol", "not-offered", &[]),
        ("sec-websocket-extensions", "permessage-deflate", &[]),
        ("content-length", "5", &[]),
        ("transfer-encoding", "chunked", &[]),
    ];
    let door = Door::guarded_by(|guest: Handshake, _| async move {
        let set = |guest: Handshake, (it, to, _)| guest.header(name(it), value(to));
        Ok(OURS.into_iter().fold(guest, set).accept())
    })
    .await;
    let answer = Raw::connect(&door.server).await.ask(handshake("/door/friend", "")).await;
    assert_eq!(answer.status(), 101);
    for (name, _, values) in OURS {
        assert_eq!(answer.headers(name), values, "{name}");
    }
    door.shut().await;
}

#[tokio::test]
async fn the_subprotocol_that_was_selected_is_answered_if_it_was_offered() {
    let door = Door::guarded_by(|guest: Handshake, scene: Scene| async move {
        scene.note(guest.protocols().collect::<Vec<_>>().join("|"));
        Ok(guest.select("chat.v2").select("made-up").accept())
    })
    .await;
    for (offer, heard, answered) in [
        ("Sec-WebSocket-Protocol: chat.v1, chat.v2\r\n", "chat.v1|chat.v2", Some("chat.v2")),
        (
            "Sec-WebSocket-Protocol: chat.v2\r\nsec-websocket-protocol:  x ,,y\r\n",
            "chat.v2|x|y",
            Some("chat.v2"),
        ),
        ("Sec-WebSocket-Protocol: chat.v1\r\n", "chat.v1", None),
        ("Sec-WebSocket-Protocol: CHAT.V2\r\n", "CHAT.V2", None),
        ("", "", None),
    ] {
        let answer = Raw::connect(&door.server).await.ask(handshake("/door/friend", offer)).await;
        assert_eq!(answer.status(), 101);
        assert_eq!(answer.header("sec-websocket-protocol"), answered, "{offer}");
        let noted = door.scene.journal.lines().into_iter().rfind(|line| !line.starts_with("close"));
        assert_eq!(noted.as_deref(), Some(heard));
    }
    door.shut().await;
}

#[tokio::test]
async fn on_open_can_read_who_asks_for_what() {
    let door = Door::guarded_by(|guest: Handshake, scene: Scene| async move {
        let request = guest.request();
        scene.note(format!("{} {}", request.method, request.uri));
        scene.note(format!("{:?} {:?}", guest.param("guest"), guest.param("host")));
        scene.note(format!("{:?} {:?}", guest.origin(), request.headers["cookie"]));
        scene.note(guest.peer_addr().to_string());
        Ok(guest.accept())
    })
    .await;
    let mut raw = Raw::connect(&door.server).await;
    let extra = "Origin: https://localhost\r\nCookie: crumb=1\r\n";
    raw.ask(handshake("/door/j%C3%BCrgen?seat=7", extra)).await;
    let address = raw.stream.peer_addr().to_string();
    assert_eq!(
        door.scene.journal.lines(),
        [
            "GET /door/j%C3%BCrgen?seat=7",
            "Some(\"jürgen\") None",
            "Some(\"https://localhost\") \"crumb=1\"",
            &address,
        ]
    );
    door.shut().await;
}
