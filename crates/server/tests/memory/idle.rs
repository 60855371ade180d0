//! Ten thousand clients that say nothing: they stay, and cost little.

use std::sync::Arc;

use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
    time::timeout,
};

use crate::{
    process::{ServerProcess, allow_descriptors},
    server::{Kind, PATIENCE},
    wire::{PING, PONG, TEXT, frame, hear, hear_data, open},
};

const CLIENTS: usize = 10_000;

#[test]
fn ten_thousand_idle_clients_stay_open_through_two_heartbeats() {
    allow_descriptors(CLIENTS);
    let server = Kind::Usual.start();
    let before = server.memory();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let memory = runtime.block_on(async {
        timeout(PATIENCE, visit(&server)).await.expect("all clients come, stay and are heard")
    });
    let each = memory.saturating_sub(before) / CLIENTS;
    println!("{CLIENTS} idle clients: {each} bytes of server memory each");
    assert!(each < 4 * 512, "{each} bytes for each idle client");
}

/// Connects all clients, holds them through two heartbeats and has each echoed a message; answers
/// with the server's memory while they were idle.
async fn visit(server: &ServerProcess) -> usize {
    // Connecting is not what is tested: not more at a time than any kernel queues.
    let door = Arc::new(Semaphore::new(200));
    let (speak, spoken) = watch::channel(false);
    let (settled, mut settling) = mpsc::channel(CLIENTS);
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (door, address) = (Arc::clone(&door), server.address);
        let (settled, spoken) = (settled.clone(), spoken.clone());
        clients.spawn(async move {
            let turn = door.acquire().await;
            let (stream, _) = open(address, "").await;
            drop(turn);
            stay(stream, settled, spoken).await;
        });
    }
    for _ in 0..CLIENTS {
        tokio::select! {
            Some(()) = settling.recv() => {}
            Some(ended) = clients.join_next() => panic!("a client did not stay: {ended:?}"),
        }
    }
    let memory = server.memory();
    speak.send_replace(true);
    while let Some(client) = clients.join_next().await {
        client.expect("each client is heard");
    }
    memory
}

/// Answers pings, reports when two were, says "hi" when told to and goes when it hears it.
async fn stay(mut stream: TcpStream, settled: mpsc::Sender<()>, mut spoken: watch::Receiver<bool>) {
    let (mut pings, mut byte) = (0, [0]);
    loop {
        tokio::select! {
            peeked = stream.peek(&mut byte) => assert_ne!(peeked.unwrap(), 0, "the server hung up"),
            _ = spoken.wait_for(|speak| *speak), if pings >= 2 => break,
        }
        let (first, payload) = hear(&mut stream).await;
        assert_eq!(first, PING);
        stream.write_all(&frame(PONG, &payload)).await.unwrap();
        pings += 1;
        if pings == 2 {
            settled.send(()).await.unwrap();
        }
    }
    stream.write_all(&frame(TEXT, b"hi")).await.unwrap();
    assert_eq!(hear_data(&mut stream).await, (TEXT, b"hi".to_vec()));
}
