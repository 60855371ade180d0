//! The files that docs/config shows, each with a client.

use std::{fs, path::Path};

use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

use super::{
    File,
    common::{
        http,
        server::{Server, run},
    },
    connect, hear, say, text, utf8,
};

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config"))
}

/// As it is shown, but on any free port.
async fn serve(name: &str) -> (Server, File) {
    let shown = fs::read_to_string(folder().join(name)).unwrap();
    assert!(shown.contains("address = \"127.0.0.1:1337\""), "{shown}");
    let file = File::new(&shown.replace(":1337", ":0"));
    let public = file.0.path().join("public");
    fs::create_dir(&public).unwrap();
    fs::copy(folder().join("public/index.html"), public.join("index.html")).unwrap();
    (file.serve(&[]).await, file)
}

async fn page(server: &Server) -> http::Answer {
    http::get(server.address(), "/").await
}

#[tokio::test]
async fn all_that_are_shown_are_sound_where_they_are() {
    for (name, counted) in [
        ("websocket.toml", "1 listener, 1 host, 1 endpoint"),
        ("document-root.toml", "1 listener, 1 host, 1 endpoint"),
        ("options.toml", "1 listener, 1 host, 1 endpoint"),
    ] {
        let path = folder().join(name);
        let ended = run(&["check", utf8(&path)]).await;
        let told = text(&ended.stdout);
        assert!(told.ends_with(&format!("is sound: {counted}\n")), "{told}{}", text(&ended.stderr));
    }
}

#[tokio::test]
async fn what_the_crate_shows_is_sound() {
    let (_, shown) = include_str!("../../README.md").split_once("```toml\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let ended = File::new(shown).run(&["check"]).await;
    assert!(text(&ended.stdout).contains("is sound: 1 listener"), "{}", text(&ended.stderr));
}

#[tokio::test]
async fn a_websocket_alone() {
    let (server, _file) = serve("websocket.toml").await;
    let mut ada = connect(&server, "mysite.com", "/chat").await;
    let mut bob = connect(&server, "mysite.com", "/chat").await;
    say(&mut ada, "hello").await;
    assert_eq!(hear(&mut bob).await, Message::text("hello"));
    assert_eq!(page(&server).await.status, 404);
}

#[tokio::test]
async fn a_websocket_beside_a_folder() {
    let (server, _file) = serve("document-root.toml").await;
    assert!(page(&server).await.body.contains("<title>mysite.com</title>"));
    let mut ada = connect(&server, "mysite.com", "/chat").await;
    let mut bob = connect(&server, "mysite.com", "/chat").await;
    say(&mut bob, "hello").await;
    assert_eq!(hear(&mut ada).await, Message::text("hello"));
}

#[tokio::test]
async fn a_websocket_with_options() {
    let (server, _file) = serve("options.toml").await;
    assert_eq!(page(&server).await.status, 200);
    for (message, code) in [
        (Message::text("x".repeat(17 << 10)), CloseCode::Size),
        (Message::binary(vec![0]), CloseCode::Unsupported),
    ] {
        let mut socket = connect(&server, "mysite.com", "/echo").await;
        say(&mut socket, "hello").await;
        assert_eq!(hear(&mut socket).await, Message::text("hello"));
        futures_util::SinkExt::send(&mut socket, message).await.unwrap();
        let Message::Close(Some(close)) = hear(&mut socket).await else { panic!("a close") };
        assert_eq!(close.code, code);
    }
}
