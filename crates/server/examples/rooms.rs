//! A group for each room: `/rooms/{room}` is one, and who writes `/list` there is told which there are.
//!
//! ```text
//! cargo run --example rooms
//! ```
//!
//! Then run `websocat ws://127.0.0.1:1337/rooms/tea` in two terminals and another on `/rooms/milk`, and write something
//! in each: it is heard in its room. `/join NAME` and `/leave NAME` take you into others and out of them.

mod common;

use std::process::ExitCode;

use aerys::{Accepted, Client, Departure, Failure, Handshake, Host, Message, Refusal, Websocket};

struct Rooms;

impl Websocket for Rooms {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let room = handshake.param("room").unwrap_or_default().to_owned();
        let client = handshake.accept();
        client.join(room)?;
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        let text = message.as_text().unwrap_or_default();
        match text.split_once(' ').unwrap_or((text, "")) {
            ("/list", _) => client.send(list(client)).await?,
            ("/join", name) => {
                if let Err(refused) = client.join(name) {
                    client.send(refused.to_string()).await?;
                }
            }
            ("/leave", name) => _ = client.leave(name),
            _ => {
                for room in client.groups() {
                    let said = format!("{}: {text}", room.name());
                    room.broadcast(said).except([client.id()]).nowait();
                }
            }
        }
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        for room in gone.groups() {
            room.broadcast(format!("{}: {} left here", room.name(), room.len())).nowait();
        }
    }
}

/// Each room that somebody is in, and how many.
fn list(client: &Client) -> String {
    let rooms = client.endpoint().groups();
    let mut rooms: Vec<_> = rooms.iter().map(|it| format!("{} {}", it.name(), it.len())).collect();
    rooms.sort_unstable();
    rooms.join(", ")
}

fn main() -> ExitCode {
    common::run(Host::new("localhost").websocket("/rooms/{room}", Rooms))
}
