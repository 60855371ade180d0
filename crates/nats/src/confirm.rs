//! Whether the server has what it was told.
//!
//! A server works off what comes on one connection in its order. So it has everything that was subscribed and published
//! before a mark if the mark comes back, by whichever connection: a second one, as the first is not told what it says
//! itself.

use std::collections::VecDeque;

use async_nats::{Client, ServerAddr, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tracing::debug;

use crate::{
    connection::client_options,
    options::{Options, shown},
    random::random,
};

/// Of one connection.
pub(crate) struct Confirmations {
    options: Options,
    server: ServerAddr,
    /// Where marks come back.
    subject: String,
    asked: u64,
    listener: Option<Listener>,
}

/// The second connection.
struct Listener {
    asks: mpsc::UnboundedSender<(u64, oneshot::Sender<()>)>,
    task: JoinHandle<()>,
}

impl Confirmations {
    pub(crate) fn new(options: &Options, server: &ServerAddr) -> Self {
        let chance = random();
        Self {
            subject: format!("{}.v1.mark.{chance:x}", options.prefix),
            options: options.clone(),
            server: server.clone(),
            asked: 0,
            listener: None,
        }
    }

    /// Has somebody told when the server has all that the client has told it before; or never, if that cannot be
    /// known.
    pub(crate) async fn ask(&mut self, client: &Client, confirm: oneshot::Sender<()>) {
        if self.listener.as_ref().is_none_or(|it| it.task.is_finished()) {
            self.listener = match self.listen().await {
                Ok(listener) => Some(listener),
                Err(error) => {
                    debug!(server = shown(&self.server), %error, "what is published is not confirmed");
                    None
                }
            };
        }
        let Some(listener) = &self.listener else { return };
        self.asked += 1;
        let mark = Bytes::copy_from_slice(&self.asked.to_be_bytes());
        // Whoever asks hears nothing if the listener or the client has ended.
        let _ = listener.asks.send((self.asked, confirm));
        if client.publish(self.subject.clone(), mark).await.is_ok() {
            let _ = client.flush().await;
        }
    }

    async fn listen(&self) -> Result<Listener, Box<dyn std::error::Error + Send + Sync>> {
        let client = client_options(&self.options, &self.server).await?;
        let client = client.connect(self.server.clone()).await?;
        let mut marks = client.subscribe(self.subject.clone()).await?;
        // The subscription is there when its first mark, of nobody's, has come.
        client.publish(self.subject.clone(), Bytes::copy_from_slice(&0_u64.to_be_bytes())).await?;
        marks.next().await.ok_or("the connection has ended")?;
        let (asks, asked) = mpsc::unbounded_channel();
        let task = tokio::spawn(confirm(client, marks, asked));
        Ok(Listener { asks, task })
    }
}

/// Tells whoever asked for a mark that has come, or for one before it.
async fn confirm(
    _client: Client,
    mut marks: Subscriber,
    mut asked: mpsc::UnboundedReceiver<(u64, oneshot::Sender<()>)>,
) {
    let mut waiting = VecDeque::new();
    loop {
        let mark = tokio::select! {
            mark = marks.next() => mark,
            ask = asked.recv() => match ask {
                Some(ask) => {
                    waiting.push_back(ask);
                    continue;
                }
                None => return,
            },
        };
        let Some(mark) = mark else { return };
        // Who asked for it has been put in before it was published.
        while let Ok(ask) = asked.try_recv() {
            waiting.push_back(ask);
        }
        let number = <[u8; 8]>::try_from(&*mark.payload).map_or(0, u64::from_be_bytes);
        while waiting.front().is_some_and(|(asked, _)| *asked <= number) {
            if let Some((_, confirm)) = waiting.pop_front() {
                let _ = confirm.send(());
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}
