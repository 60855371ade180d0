//! A hundred that read, five that never do, and a broadcast that does not stop for them.

#[path = "../../process/memory.rs"]
mod memory;

use std::{
    env,
    process::{self, Command},
    time::Duration,
};

use aerys::Options;
use futures_util::future::join_all;
use tokio::runtime::Builder;

use crate::common::{Lobby, Raw, Ws, connect, soon};

const READERS: usize = 100;
const STUCK: usize = 5;
const SIZE: usize = 100_000;
const LIMIT: usize = 8 << 20;

/// In the environment of the process that has nothing else to do.
const ALONE: &str = "AERYS_ALONE";

/// Once more in a process of its own, so that its memory can be told from that of other tests.
#[test]
fn readers_get_everything_and_the_others_are_closed_and_cost_nothing_any_more() {
    if env::var_os(ALONE).is_some() {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        return runtime.block_on(alone());
    }
    let name = "readers_get_everything_and_the_others_are_closed_and_cost_nothing_any_more";
    let output = Command::new(env::current_exe().expect("this is a program"))
        .args(["--exact", &format!("overflow::crowd::{name}"), "--nocapture"])
        .env(ALONE, "1")
        // What is freed goes back to the system at once.
        .env("MALLOC_MMAP_THRESHOLD_", "65536")
        .env("MALLOC_TRIM_THRESHOLD_", "65536")
        .output()
        .expect("it can be run");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("1 passed"), "{told}");
    told.lines().filter(|line| line.contains("KiB before")).for_each(|line| println!("{line}"));
}

async fn alone() {
    let options = Options::new().max_queued_bytes(LIMIT).close_period(Duration::from_millis(100));
    let (server, mut guests) = Lobby::serve(options).await;
    let mut readers = Vec::new();
    for _ in 0..READERS {
        readers.push(connect(&server).await);
    }
    let endpoint = guests.next().await.endpoint().clone();
    let mut number = 0_u32;
    let mut publish = async |readers: &mut [Ws]| {
        endpoint.broadcast([&number.to_be_bytes()[..], &[0; SIZE]].concat()).nowait();
        let heard = join_all(readers.iter_mut().map(async |ws| ws.hear().await.into_data())).await;
        assert!(heard.iter().all(|heard| heard[..4] == number.to_be_bytes()));
        number += 1;
    };
    // Until the readers' own buffers have grown as far as they will.
    for _ in 0..10 {
        publish(&mut readers).await;
    }
    let before = memory();
    let mut stuck = Vec::new();
    for _ in 0..STUCK {
        stuck.push(Raw::open_narrow(&server).await);
    }
    let mut peak = before;
    while guests.journal.lines().len() < STUCK {
        publish(&mut readers).await;
        peak = peak.max(memory());
    }
    assert_eq!(guests.journal.lines(), ["gone 1008 too slow to read what was sent"; STUCK]);
    assert_eq!(endpoint.len(), READERS);
    publish(&mut readers).await;
    let after = memory();
    println!("{number} messages: {before} KiB before, {peak} KiB at most, {after} KiB after");
    if cfg!(target_os = "linux") {
        // Each message is there once, however many are owed it.
        assert!(peak > before + LIMIT / 2048, "nothing was owed to anybody");
        assert!(peak < before + 4 * LIMIT / 1024, "each has a copy");
        assert!(after < before + LIMIT / 2048, "what was owed is kept");
    }
    drop((stuck, readers));
    soon(server.stop()).await;
}

/// What the process has in memory of its own, in KiB; 0 where that is not to be known.
fn memory() -> usize {
    memory::memory(process::id()).unwrap_or(0) / 1024
}
