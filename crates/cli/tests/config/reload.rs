//! SIGHUP has the file read anew, and the service manager know of it.

use std::{fs, process::Stdio};

use rustix::process::Signal;
use tokio_tungstenite::tungstenite::Message;

use super::{
    File,
    common::{
        http,
        notify::Notified,
        server::{Server, aerys},
    },
    connect, hear, say, utf8,
};

/// A host with these endpoints, of each its path and its application.
fn text(level: &str, endpoints: &[(&str, &str)]) -> String {
    let endpoints = endpoints.iter().map(|(path, application)| {
        format!("[[host.websocket]]\npath = '{path}'\napplication = '{application}'\n")
    });
    format!(
        "workers = 2\n[log]\nlevel = '{level}'\n[[listen]]\naddress = '127.0.0.1:0'\n[[host]]\n\
         name = 'localhost'\n{}",
        endpoints.collect::<String>()
    )
}

#[tokio::test]
async fn clients_of_endpoints_that_stay_stay_and_levels_and_endpoints_are_the_new_ones() {
    let file = File::new(&text("off", &[("/echo", "echo"), ("/goes", "echo")]));
    let (path, notified) = (file.path(), Notified::new());
    let mut command = aerys(&["-c", utf8(&path)]);
    let mut server = Server::spawn(notified.by(command.stderr(Stdio::piped()))).await;
    assert_eq!(notified.next().await, "READY=1\n");
    let mut stays = connect(&server, "localhost", "/echo").await;
    let mut goes = connect(&server, "localhost", "/goes").await;

    fs::write(&path, text("info", &[("/echo", "echo"), ("/new", "broadcast")])).unwrap();
    server.signal(Signal::HUP);
    let reloading = notified.next().await;
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(notified.next().await, "READY=1\n");
    assert!(matches!(hear(&mut goes).await, Message::Close(_)));
    say(&mut stays, "still here").await;
    assert_eq!(hear(&mut stays).await, Message::text("still here"));
    connect(&server, "localhost", "/new").await;
    assert_eq!(http::get(server.address(), "/goes").await.status, 404);

    // What makes no sense changes nothing, and the log has the sentence.
    fs::write(&path, text("off", &[("/echo", "ehco"), ("/elsewhere", "echo")])).unwrap();
    server.signal(Signal::HUP);
    notified.until("READY=1").await;
    say(&mut stays, "still here").await;
    assert_eq!(hear(&mut stays).await, Message::text("still here"));
    assert_eq!(http::get(server.address(), "/elsewhere").await.status, 404);

    server.signal(Signal::TERM);
    assert_eq!(notified.next().await, "STOPPING=1\n");
    assert!(matches!(hear(&mut stays).await, Message::Close(_)));
    drop((stays, goes));
    assert_eq!(server.ended().await.code(), Some(0));
    let log = server.complaints().await;
    assert!(log.contains("reloaded") && log.contains("kept=1 started=1 ended=1"), "{log}");
    let refused = format!("{}:10:1: no application is named \"ehco\"", path.display());
    assert!(log.contains("everything stays as it was") && log.contains(&refused), "{log}");
}

#[tokio::test]
async fn a_lobby_stays_one_chat_with_rooms_that_go_and_come_back() {
    let (lobby, rooms) = (("/chat", "chat"), ("/chat/{room}", "chat"));
    let file = File::new(&text("off", &[lobby, rooms]));
    let (path, notified) = (file.path(), Notified::new());
    let server = Server::spawn(notified.by(&mut aerys(&["-c", utf8(&path)]))).await;
    assert_eq!(notified.next().await, "READY=1\n");
    let join = r#"{"type":"join","name":"Ada"}"#;
    let mut ada = connect(&server, "localhost", "/chat").await;
    say(&mut ada, join).await;
    let tea = Message::text(
        r#"{"type":"rooms","rooms":[{"name":"lobby","count":1},{"name":"tea","count":1}]}"#,
    );
    let alone = Message::text(r#"{"type":"rooms","rooms":[{"name":"lobby","count":1}]}"#);
    for _ in 0..2 {
        let mut bob = connect(&server, "localhost", "/chat/tea").await;
        say(&mut bob, join).await;
        while hear(&mut ada).await != tea {}
        fs::write(&path, text("off", &[lobby])).unwrap();
        server.signal(Signal::HUP);
        notified.until("READY=1").await;
        while !matches!(hear(&mut bob).await, Message::Close(_)) {}
        drop(bob);
        while hear(&mut ada).await != alone {}
        fs::write(&path, text("off", &[lobby, rooms])).unwrap();
        server.signal(Signal::HUP);
        notified.until("READY=1").await;
    }
}

#[tokio::test]
async fn a_watchdog_is_told_that_all_is_well_twice_as_often_as_it_wants_to_know() {
    let file = File::new(&text("warn", &[("/echo", "echo")]));
    let (path, notified) = (file.path(), Notified::new());
    let mut command = aerys(&["-c", utf8(&path)]);
    let command = command.env("WATCHDOG_USEC", "1000000");
    let _server = Server::spawn(notified.by(command)).await;
    notified.until("READY=1").await;
    let began = std::time::Instant::now();
    for _ in 0..3 {
        assert_eq!(notified.next().await, "WATCHDOG=1\n");
    }
    assert!(began.elapsed().as_millis() >= 900, "{:?}", began.elapsed());
}
