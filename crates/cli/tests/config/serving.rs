//! What is served of a file.

use std::fs;

use futures_util::StreamExt;
use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

use super::{
    File,
    common::{http, server::run, soon},
    connect, hear, say, text, utf8,
};

const ALL: &str = r#"
[limits]
stop_period = "4 s"
[drain]
restart = true
[[listen]]
address = "127.0.0.1:0"
[[listen]]
address = "unix:run.sock"
[[host]]
name = "localhost"
service = "chat-page"
redirects = { "/old" = "/chat.js" }
[[host.websocket]]
path = "/talk"
application = "chat"
[[host.websocket]]
path = "/echo"
application = "echo"
max_msg_size = "10 B"
[[host.websocket]]
path = "/rooms/{room}"
application = "broadcast"
"#;

#[tokio::test]
async fn every_application_that_is_built_in_is_served_where_the_file_puts_it() {
    let file = File::new(ALL);
    let mut server = file.serve(&[]).await;
    let socket_path = file.0.path().join("run.sock");
    assert_eq!(server.line().await, format!("Listening on unix:{}", socket_path.display()));

    let mut chat = connect(&server, "localhost", "/talk").await;
    say(&mut chat, r#"{"type":"join","name":"Ada"}"#).await;
    // The rooms are told upon the welcome, and since they have changed.
    for heard in ["welcome", "rooms", "rooms"] {
        assert!(hear(&mut chat).await.to_string().contains(heard), "{heard}");
    }

    let mut echo = connect(&server, "localhost", "/echo").await;
    say(&mut echo, "0123456789").await;
    assert_eq!(hear(&mut echo).await, Message::text("0123456789"));
    say(&mut echo, "0123456789!").await;
    let Message::Close(Some(close)) = hear(&mut echo).await else { panic!("a close") };
    assert_eq!(close.code, CloseCode::Size);

    let mut ada = connect(&server, "localhost", "/rooms/a").await;
    let mut bob = connect(&server, "localhost", "/rooms/a").await;
    let mut eve = connect(&server, "localhost", "/rooms/e").await;
    say(&mut ada, "hello").await;
    assert_eq!(hear(&mut bob).await, Message::text("hello"));
    say(&mut bob, "ada?").await;
    assert_eq!(hear(&mut ada).await, Message::text("ada?"));

    let page = http::get(server.address(), "/").await;
    assert_eq!((page.status, &*page.body), (200, include_str!("../../page/index.html")));
    let moved = http::get(server.address(), "/old").await;
    assert_eq!((moved.status, moved.header("location")), (301, "/chat.js"));
    let mut stream = soon("the socket", UnixStream::connect(&socket_path)).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    soon("the request", stream.write_all(request)).await.unwrap();
    let mut answer = String::new();
    soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    // The drain of the file says that it is soon back, and nobody in another room has heard a word.
    server.signal(Signal::TERM);
    for socket in [&mut eve, &mut chat] {
        let Message::Close(Some(close)) = hear(socket).await else { panic!("a close") };
        assert_eq!(close.code, CloseCode::Restart);
        assert!(soon("the end", socket.next()).await.is_none_or(|it| it.is_err()));
    }
    assert_eq!(server.ended().await.code(), Some(0));
}

#[tokio::test]
async fn what_is_shown_of_a_file_is_one_that_serves_the_same() {
    let file = File::new(ALL);
    let shown = file.run(&["show", "-c"]).await;
    let again = File::new(text(&shown.stdout));
    let server = again.serve(&[]).await;
    assert_eq!(http::get(server.address(), "/chat.js").await.status, 200);
    let mut echo = connect(&server, "localhost", "/echo").await;
    say(&mut echo, "hello").await;
    assert_eq!(hear(&mut echo).await, Message::text("hello"));
}

#[tokio::test]
async fn beside_a_file_workers_have_the_last_word_and_other_options_are_refused() {
    let file = File::new(&format!("workers = 7\n{ALL}"));
    let path = file.path();
    for (arguments, line) in [(&[][..], "workers = 7"), (&["-w", "2"], "workers = 2")] {
        let shown = run(&[&["show"], arguments, &["-c", utf8(&path)]].concat()).await;
        assert!(text(&shown.stdout).starts_with(line), "{}", text(&shown.stdout));
    }
    let server = file.serve(&["--workers", "2"]).await;
    let threads = fs::read_dir(format!("/proc/{}/task", server.id())).unwrap();
    let names = threads.map(|it| fs::read_to_string(it.unwrap().path().join("comm")).unwrap());
    let workers = ["aerys-0\n", "aerys-1\n", "aerys-2\n"];
    let count = names.filter(|it| workers.contains(&&**it)).count();
    assert_eq!(count, 2);
    let both = run(&["-c", utf8(&path), "--listen", "127.0.0.1:0"]).await;
    assert_eq!(both.status.code(), Some(2));
    assert!(text(&both.stderr).contains("'--config <FILE>' cannot be used with '--listen <ADDR>'"));
}
