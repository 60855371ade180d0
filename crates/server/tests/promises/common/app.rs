//! What applications under test leave behind for the test to look at.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aerys::{Accepted, Client, Failure, Handshake, Message, Refusal, Websocket};
use tokio::sync::Notify;

use super::soon;

/// What happened, in order, written by handlers and read by the test.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Noted>);

#[derive(Default)]
struct Noted {
    lines: Mutex<Vec<String>>,
    more: Notify,
}

impl Journal {
    pub(crate) fn note(&self, line: impl Into<String>) {
        self.0.lines.lock().unwrap().push(line.into());
        self.0.more.notify_waiters();
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lines.lock().unwrap().clone()
    }

    /// Waits until `count` lines are there and answers all of them.
    pub(crate) async fn until(&self, count: usize) -> Vec<String> {
        soon(async {
            loop {
                let more = self.0.more.notified();
                let lines = self.lines();
                if lines.len() >= count {
                    return lines;
                }
                more.await;
            }
        })
        .await
    }

    /// Waits until a line is there.
    pub(crate) async fn until_noted(&self, line: &str) -> Vec<String> {
        soon(async {
            loop {
                let more = self.0.more.notified();
                let lines = self.lines();
                if lines.iter().any(|it| it == line) {
                    return lines;
                }
                more.await;
            }
        })
        .await
    }
}

/// Sends every message back, and waits until it has left or not.
pub(crate) struct Echo {
    pub(crate) waits: bool,
}

impl Websocket for Echo {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        if self.waits {
            client.send(message).await?;
        } else {
            client.send(message).nowait();
        }
        Ok(())
    }
}

/// Waits until something that announces itself to nobody is true.
pub(crate) async fn eventually(mut is_true: impl FnMut() -> bool) {
    soon(async {
        while !is_true() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}
