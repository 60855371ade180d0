//! Two nodes of a cluster, and a tab on each: one loses its node, and comes back on the other by itself.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::{
    common::{server::Server, soon},
    driver::Browser,
    entrance::Entrance,
    nats::NatsServer,
    tab::Tab,
};

/// How long until something is said again that the other node has not heard: it may not have found the bus yet.
const PERIOD: Duration = Duration::from_millis(100);

#[tokio::test]
async fn two_tabs_on_two_nodes_chat_and_one_that_loses_its_node_comes_back_on_the_other() {
    let nats = NatsServer::start(&[]);
    let arguments = ["--workers", "1", "--cluster", &nats.url()];
    let (here, there) = (Server::start(&arguments).await, Server::start(&arguments).await);
    is_bridged(&here, &there).await;
    // Each leads to its own node, and to the other if that is gone.
    let ada_s = Entrance::to([here.address(), there.address()]).await;
    let grace_s = Entrance::to([there.address(), here.address()]).await;
    let browser = Browser::start().await;

    let ada = Tab::open(&browser, &ada_s.page()).await;
    ada.join("Ada").await;
    let grace = Tab::open(&browser, &grace_s.page()).await;
    grace.join("Grace").await;
    see_each_other(&ada, &grace).await;
    ada.say("Which machine are you on?").await;
    grace.hears("Ada", "Which machine are you on?").await;
    grace.say("The other one. Watch.").await;
    ada.hears("Grace", "The other one. Watch.").await;

    there.kill().await;
    grace.is_told("note", "Connected again as Grace.").await;
    grace.is_connected().await;
    grace.say("It went down, and here I am.").await;
    ada.hears("Grace", "It went down, and here I am.").await;
    ada.say("I have not noticed.").await;
    grace.hears("Ada", "I have not noticed.").await;
    // Who was on the node that is gone has left when its lease is over.
    ada.is_told("left", "Grace left").await;
    see_each_other(&ada, &grace).await;
    let again = r#"//*[@id="log"]//li[contains(., "Connected again")]"#;
    assert_eq!(ada.count(again).await, 0);

    let errors = browser.errors().await;
    let is_lost_connection = |it: &String| it.contains("WebSocket") && it.contains("/chat'");
    assert!(errors.iter().all(is_lost_connection), "{errors:?}");
    browser.close().await.unwrap();
}

/// Each sees that both are there.
async fn see_each_other(ada: &Tab<'_>, grace: &Tab<'_>) {
    for tab in [ada, grace] {
        tab.counts(2).await;
        tab.lists(&[("lobby", 2)]).await;
    }
}

/// Waits until what is said on one node is heard on the other, in a room of its own.
async fn is_bridged(here: &Server, there: &Server) {
    let (mut speaker, mut listener) = (enter(here).await, enter(there).await);
    let bridged = async {
        loop {
            let said = r#"{"type":"say","text":"Is anybody there?"}"#;
            speaker.send(Message::text(said)).await.unwrap();
            let heard = async { while !hear(&mut listener).await.contains("Is anybody there?") {} };
            if timeout(PERIOD, heard).await.is_ok() {
                return;
            }
        }
    };
    soon("what is said on the other node", bridged).await;
    for mut socket in [speaker, listener] {
        soon("the close", socket.close(None)).await.unwrap();
    }
}

async fn enter(server: &Server) -> WebSocketStream<TcpStream> {
    let stream = soon("the connection", TcpStream::connect(server.address())).await.unwrap();
    let opening = client_async("ws://localhost/chat/nowhere", stream);
    let (mut socket, _) = soon("the handshake", opening).await.unwrap();
    socket.send(Message::text(r#"{"type":"join","name":"Nobody"}"#)).await.unwrap();
    assert!(soon("the welcome", hear(&mut socket)).await.contains("welcome"));
    socket
}

async fn hear(socket: &mut WebSocketStream<TcpStream>) -> String {
    let message = socket.next().await.expect("the connection stays").unwrap();
    message.into_text().unwrap().to_string()
}
