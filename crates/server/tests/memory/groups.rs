//! What it costs to be in groups.

use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use crate::{
    process::{ServerProcess, allow_descriptors},
    server::{GROUPS_EACH, Kind, PATIENCE},
    wire::{TEXT, frame, hear_data, open},
};

const CLIENTS: usize = 1000;

/// In bytes.
const MAX_EACH: usize = 200;

#[test]
fn to_be_one_of_ten_in_a_group_costs_less_than_200_bytes() {
    allow_descriptors(CLIENTS);
    let server = Kind::Groups.start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let visit = async { timeout(PATIENCE, visit(&server)).await.expect("all are served") };
    let each = runtime.block_on(visit) / (CLIENTS * GROUPS_EACH);
    println!("{CLIENTS} clients in {GROUPS_EACH} groups of ten each: {each} bytes a membership");
    assert!(each < MAX_EACH, "{each} bytes for each membership");
}

/// Answers how much more memory the server has when all are in their groups.
async fn visit(server: &ServerProcess) -> usize {
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let (mut client, _) = open(server.address, "").await;
        // What the first message costs is no group's.
        say(&mut client, number).await;
        clients.push(client);
    }
    let before = server.memory();
    for (number, client) in clients.iter_mut().enumerate() {
        say(client, number).await;
    }
    server.memory().saturating_sub(before)
}

/// Says a number, of which the second time joins groups, and waits for the echo.
async fn say(client: &mut TcpStream, number: usize) {
    let text = number.to_string();
    client.write_all(&frame(TEXT, text.as_bytes())).await.unwrap();
    assert_eq!(hear_data(client).await, (TEXT, text.into_bytes()));
}
