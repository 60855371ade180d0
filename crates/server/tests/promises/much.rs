//! Who sends much has what others leave, and no more than that.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

use aerys::{Accepted, Client, Failure, Handshake, Host, Message, Refusal, Server, Websocket};
use futures_util::FutureExt;
use tokio::{
    io::AsyncWriteExt,
    sync::Notify,
    task::{unconstrained, yield_now},
};

use crate::common::{Journal, Raw, frame, start_on};

/// Echoes text, and counts the other messages, by how often all sockets had been looked at before.
#[derive(Default)]
struct Counts {
    journal: Journal,
    looks: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    heard: Arc<Mutex<Heard>>,
    cue: Arc<Notify>,
    until: usize,
}

#[derive(Default)]
struct Heard {
    count: usize,
    look: usize,
    /// Since that look.
    since: usize,
    /// The most between two looks.
    most: usize,
}

impl Websocket for Counts {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        match message.as_text() {
            Some("wait") => {
                let (looks, is_over) = (Arc::clone(&self.looks), Arc::clone(&self.is_over));
                client.spawn(async move {
                    while !is_over.load(SeqCst) {
                        yield_now().await;
                        looks.fetch_add(1, SeqCst);
                    }
                    Ok(())
                });
                self.journal.note("waits");
                self.cue.notified().await;
            }
            Some(_) => client.send(message).nowait(),
            None => {
                let mut heard = self.heard.lock().unwrap();
                let look = self.looks.load(SeqCst);
                if look != heard.look {
                    (heard.look, heard.since) = (look, 0);
                }
                heard.since += 1;
                heard.most = heard.most.max(heard.since);
                heard.count += 1;
                if heard.count == self.until {
                    self.is_over.store(true, SeqCst);
                    self.journal.note("all");
                }
            }
        }
        Ok(())
    }
}

/// How many messages of `len` bytes are heard at most before another task has its turn, if others have had
/// many short turns and a good deal of the messages is there. That may be two turns and a part of one, as
/// those that yield take turns in the reverse order each time.
async fn most_heard_at_once(len: usize, count: usize) -> usize {
    let app = Counts { until: count, ..Counts::default() };
    let (journal, heard, cue) = (app.journal.clone(), Arc::clone(&app.heard), Arc::clone(&app.cue));
    let host = Host::new("localhost").websocket("/", app);
    let server = start_on(1, Server::new().host(host)).await;

    let mut light = Raw::open(&server).await;
    for _ in 0..200 {
        light.write(frame(1, b"a short turn")).await;
        assert_eq!(light.frame().await.1, b"a short turn");
    }

    let mut much = Raw::open(&server).await;
    much.write(frame(1, b"wait")).await;
    journal.until_noted("waits").await;
    let bytes = frame(2, &vec![7; len]).repeat(count);
    let mut written = 0;
    while let Some(size) = unconstrained(much.stream.write(&bytes[written..])).now_or_never() {
        written += size.expect("the connection is well");
    }
    assert!((100_000..bytes.len()).contains(&written), "{written} of {}", bytes.len());
    cue.notify_one();
    much.write(&bytes[written..]).await;
    journal.until_noted("all").await;
    let most = heard.lock().unwrap().most;
    drop((light, much));
    server.stop().await;
    most
}

#[tokio::test]
async fn many_short_messages_have_no_more_than_others_have() {
    let most = most_heard_at_once(64, 200_000).await;
    // With what is kept of the others' turns a turn would take 3,200.
    assert!((400..=3 * 470).contains(&most), "{most} messages of 64 B");
}

/// A stream in memory holds seven messages of 16 KiB, which are not much.
mod over_sockets {
    use super::*;

    #[tokio::test]
    async fn who_sends_much_has_what_others_have_left_and_a_bound() {
        // How many of them are there at once is the system's affair: in one of some tries they are enough.
        for _ in 0..5 {
            let most = most_heard_at_once(16 * 1024, 800).await;
            // Two are what everybody has, which makes six at most. What is kept of the others' turns pays
            // for twelve, and who is alone has four.
            assert!(most <= 3 * 18, "{most} messages of 16 KiB");
            if most > 6 {
                return;
            }
        }
        panic!("it has no more than everybody has");
    }
}
