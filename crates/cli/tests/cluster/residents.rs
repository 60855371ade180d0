//! Somebody on each node who is present in a room of the chat, and whom each node lists there.

use std::{collections::BTreeSet, net::SocketAddr};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    common::soon,
    crowd::{Socket, connect},
};

const ROOM: &str = "/chat/residents";

const VISITOR: &str = "visitor";

#[derive(Default)]
pub(crate) struct Residents([JoinSet<()>; 3]);

impl Residents {
    /// Somebody comes to a node, and stays for as long as that does.
    pub(crate) async fn come(&mut self, node: usize, address: SocketAddr) {
        let (mut socket, _) = join(address, &name(node)).await;
        self.0[node].spawn(async move { while let Some(Ok(_)) = socket.next().await {} });
    }

    /// Whom a node lists.
    pub(crate) async fn listed(address: SocketAddr) -> BTreeSet<String> {
        let (mut socket, mut listed) = join(address, VISITOR).await;
        soon("the close", socket.close(None)).await.unwrap();
        listed.remove(VISITOR);
        listed
    }
}

/// Who is on a node.
pub(crate) fn name(node: usize) -> String {
    format!("resident of {node}")
}

/// Answers who is there, by the welcome.
async fn join(address: SocketAddr, name: &str) -> (Socket, BTreeSet<String>) {
    let mut socket = soon("a resident", connect(address, ROOM)).await.unwrap();
    let join = json!({ "type": "join", "name": name }).to_string();
    socket.send(Message::text(join)).await.unwrap();
    let welcomed = async {
        loop {
            let message = socket.next().await.expect("the node is there").unwrap();
            let Message::Text(text) = message else { continue };
            let heard: Value = serde_json::from_str(&text).expect("it is JSON");
            if heard["type"] == "welcome" {
                let people = heard["people"].as_array().expect("a list").iter();
                return people.map(|it| it.as_str().expect("a name").to_owned()).collect();
            }
        }
    };
    let listed = soon("the welcome", welcomed).await;
    (socket, listed)
}
