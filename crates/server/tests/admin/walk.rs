//! What it costs to look at all clients.

use std::time::{Duration, Instant};

use aerys::{Host, Options};
use serde_json::Value;

use crate::stage::{Echo, page, server, soon, start, told, until, visit, watch};

/// As many as the limit of open files lets a test have, with both ends in this process.
const CLIENTS: usize = 400;

#[tokio::test]
async fn whoever_has_the_page_open_holds_no_client_up() {
    let options = Options::new().heartbeat_period(Duration::from_secs(60));
    let host = Host::new("localhost").websocket_with("/echo", Echo, options);
    let running = start(server(host)).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(visit(&running, "/echo").await);
    }
    let mut feed = watch(page(&running)).await;
    let is_whole = |found: &Value| (found["looked_at"] == CLIENTS).then(|| found.clone());
    let found = until(&mut feed, "slowest", is_whole).await;
    let took = Duration::from_micros(found["took"].as_u64().unwrap());
    println!("{CLIENTS} clients were looked at in {took:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    let began = Instant::now();
    drop(clients);
    soon(running.stop()).await;
    assert!(began.elapsed() < Duration::from_secs(10));
}

/// As many as 20,000 open files let a test have.
const THOUSANDS: u32 = 9_000;

/// `cargo test -p aerys --test admin --features admin -- --ignored --nocapture thousands`
#[tokio::test]
#[ignore = "takes a limit of 20,000 open files"]
async fn thousands_of_clients_are_looked_at_in_some_milliseconds() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let options = Options::new().heartbeat_period(Duration::from_secs(600));
    let host = Host::new("localhost").websocket_with("/echo", Echo, options);
    let running = start(server(host)).await;
    let mut clients = Vec::new();
    for _ in 0..THOUSANDS {
        clients.push(visit(&running, "/echo").await);
    }
    let mut feed = watch(page(&running)).await;
    let mut took = Vec::new();
    while took.len() < 10 {
        let found = told(&mut feed, "slowest").await;
        if found["looked_at"] == THOUSANDS {
            took.push(Duration::from_micros(found["took"].as_u64().unwrap()));
        }
    }
    took.sort();
    let each = took[5] / THOUSANDS;
    println!(
        "{THOUSANDS} were looked at in {:?} (median), {:?} at most: {each:?} each",
        took[5], took[9]
    );
    assert!(took[5] < Duration::from_millis(500), "{took:?}");
    drop((clients, feed));
    soon(running.stop()).await;
}
