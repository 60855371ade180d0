//! A pair of NATS clients, and nothing else: one where the nodes' load is, and one on the core of the node that is
//! measured.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use async_nats::{Client, ConnectOptions, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::{runtime::Builder, sync::mpsc, time::timeout};

use super::{
    FLOODS,
    figures::{Figure, Figures},
    nodes::Nats,
};
use crate::{
    load::Latency,
    run::Cores,
    servers::{FLOOD, FLUSH_AFTER},
};

const SUBJECT: &str = "bare";

/// How many messages are published one after the other.
const MESSAGES: usize = 2000;

/// In bytes.
const SIZE: usize = 64;

/// How long a pair may take for all of it.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn measure(nats: &Nats, cores: &Cores, figures: &mut Figures) -> Result<()> {
    figures.add(Figure::BareLatency, latency(&nats.url, cores)?.quantile(0.5) as f64);
    for _ in 0..FLOODS {
        figures.add(Figure::BareRate, rate(&nats.url, cores)?);
    }
    Ok(())
}

/// Publishes, while somebody else hears it, and says when that has begun and after each message that it is to.
fn pair<T: Send + 'static>(
    url: &str,
    cores: &Cores,
    hear: impl AsyncFnOnce(Subscriber, mpsc::UnboundedSender<()>) -> Result<T> + Send + 'static,
    publish: impl AsyncFnOnce(Client, mpsc::UnboundedReceiver<()>) -> Result<()>,
) -> Result<T> {
    let (sender, mut heard) = mpsc::unbounded_channel();
    let (there, cores) = (url.to_owned(), cores.clone());
    let subscriber = thread::spawn(move || {
        cores.start_pinned(1, || {
            on_a_runtime(async {
                let (_client, subscriber) = subscribe(&there).await?;
                sender.send(()).ok();
                hear(subscriber, sender).await
            })
        })
    });
    on_a_runtime(async {
        heard.recv().await.context("the subscriber has gone")?;
        publish(async_nats::connect(url).await?, heard).await
    })?;
    subscriber.join().map_err(|_| anyhow!("the subscriber panicked"))?
}

fn on_a_runtime<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime
        .block_on(async { timeout(PATIENCE, work).await.context("something was lost on the way")? })
}

/// A client that hears what is published from now on.
async fn subscribe(url: &str) -> Result<(Client, Subscriber)> {
    let options = ConnectOptions::new().subscription_capacity(FLOOD);
    let client = options.connect(url).await?;
    let mut heard = client.subscribe(SUBJECT).await?;
    // The server has heard of the subscription when it sends what was said behind it.
    client.publish(SUBJECT, Bytes::new()).await?;
    next(&mut heard).await?;
    Ok((client, heard))
}

async fn next(heard: &mut Subscriber) -> Result<Bytes> {
    Ok(heard.next().await.context("the server of NATS has gone")?.payload)
}

/// From one to the other, each message when the one before has been heard.
fn latency(url: &str, cores: &Cores) -> Result<Latency> {
    let start = Instant::now();
    let hear = async move |mut subscriber: Subscriber, heard: mpsc::UnboundedSender<()>| {
        let mut latency = Latency::new();
        for _ in 0..MESSAGES {
            let message = next(&mut subscriber).await?;
            let published = message.first_chunk().context("an empty message")?;
            let published = Duration::from_nanos(u64::from_be_bytes(*published));
            latency.record(start.elapsed().saturating_sub(published));
            heard.send(()).ok();
        }
        Ok(latency)
    };
    pair(url, cores, hear, async |client, mut heard| {
        for _ in 0..MESSAGES {
            let mut message = [0; SIZE];
            let published = u64::try_from(start.elapsed().as_nanos())?;
            message[..8].copy_from_slice(&published.to_be_bytes());
            client.publish(SUBJECT, Bytes::copy_from_slice(&message)).await?;
            heard.recv().await.context("the subscriber has gone")?;
        }
        Ok(())
    })
}

/// How many messages a second get from one to the other.
fn rate(url: &str, cores: &Cores) -> Result<f64> {
    let hear = async |mut subscriber: Subscriber, _| {
        for _ in 0..FLOOD {
            next(&mut subscriber).await?;
        }
        Ok(Instant::now())
    };
    let mut start = Instant::now();
    let last = pair(url, cores, hear, async |client, _| {
        start = Instant::now();
        for number in 1..=FLOOD {
            client.publish(SUBJECT, Bytes::from_static(&[7; SIZE])).await?;
            if number % FLUSH_AFTER == 0 {
                client.flush().await?;
            }
        }
        client.flush().await?;
        Ok(())
    })?;
    Ok(FLOOD as f64 / last.duration_since(start).as_secs_f64())
}
