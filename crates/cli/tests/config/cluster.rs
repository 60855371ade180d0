//! Two nodes on a real server of NATS: by the command line, and by a file.

#[path = "../../../nats/tests/nats/server.rs"]
mod server;

use std::process::Stdio;

use self::server::NatsServer;
use super::{File, Server, Socket, aerys, connect, hear, say, soon};

const ROOMS: &str = "
    listen = ['127.0.0.1:0']
    [[host]]
    name = 'localhost'
    [[host.websocket]]
    path = '/rooms/{room}'
    application = 'broadcast'
";

#[tokio::test]
async fn what_one_says_in_the_chat_of_a_node_is_heard_on_the_other() {
    let nats = NatsServer::start(&[]);
    let arguments = ["--listen", "127.0.0.1:0", "--cluster", &nats.url()];
    let (here, there) =
        (Server::spawn(&mut aerys(&arguments)).await, Server::spawn(&mut aerys(&arguments)).await);
    let mut ada = connect(&here, "localhost", "/chat/tea").await;
    let mut bob = connect(&there, "localhost", "/chat/tea").await;
    for (guest, name) in [(&mut ada, "Ada"), (&mut bob, "Bob")] {
        say(guest, &format!(r#"{{"type":"join","name":"{name}"}}"#)).await;
        hear_of(guest, r#""type":"welcome""#).await;
    }
    // They find the bus when they find it, and from then on hear of each other.
    hear_of(&mut ada, r#""name":"Bob""#).await;
    say(&mut ada, r#"{"type":"say","text":"are you there?"}"#).await;
    hear_of(&mut bob, "are you there?").await;
}

/// Hears whatever comes until it has this in it.
async fn hear_of(guest: &mut Socket, what: &str) {
    soon(what, async { while !hear(guest).await.to_string().contains(what) {} }).await;
}

#[tokio::test]
async fn a_file_says_by_which_bus_a_server_is_a_node() {
    let nats = NatsServer::start(&["--auth", "secret"]);
    let cluster =
        format!("[cluster]\nnats = ['{}']\nprefix = 'test'\ntoken = 'secret'\n", nats.url());
    let file = File::new(&format!("{ROOMS}{cluster}"));
    let shown = file.run(&["show", "-c"]).await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("prefix = \"test\"") && !shown.contains("secret\""), "{shown}");
    let (here, there) = (file.serve(&[]).await, file.serve(&[]).await);
    let mut ada = connect(&here, "localhost", "/rooms/tea").await;
    let mut bob = connect(&there, "localhost", "/rooms/tea").await;
    let mut eve = connect(&there, "localhost", "/rooms/milk").await;
    soon("the other to hear it", async {
        loop {
            say(&mut ada, "tea").await;
            let heard = tokio::time::timeout(std::time::Duration::from_millis(200), hear(&mut bob));
            if let Ok(heard) = heard.await {
                assert_eq!(heard.to_string(), "tea");
                return;
            }
        }
    })
    .await;
    say(&mut eve, "milk").await;
    say(&mut bob, "tea too").await;
    assert_eq!(hear(&mut ada).await.to_string(), "tea too");
}

#[tokio::test]
async fn that_the_bus_goes_and_comes_back_is_in_the_log() {
    let nats = NatsServer::start(&[]);
    let port = nats.port;
    let mut command = aerys(&["--listen", "127.0.0.1:0", "--cluster", &nats.url()]);
    command.env("RUST_LOG", "aerys_nats=info").stderr(Stdio::piped());
    let mut server = Server::spawn(&mut command).await;
    server.complains("the bus is there").await;
    drop(nats);
    let line = server.complains("the bus is away; it is looked for").await;
    assert!(line.contains("WARN") && line.contains("the connection has ended"), "{line}");
    let _nats = NatsServer::start_on(Some(port), &[]);
    server.complains("the bus is there").await;
}
