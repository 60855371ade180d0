//! A pair of NATS clients, and nothing else.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use async_nats::{Client, ConnectOptions, Subscriber};
use futures_util::StreamExt;
use tokio::{runtime::Builder, time::timeout};

use super::{
    figures::{Figure, Figures},
    nodes::Nats,
};
use crate::{
    load::Latency,
    servers::{FLOOD, FLUSH_AFTER},
};

const SUBJECT: &str = "bare";

/// How many messages are published one after the other.
const MESSAGES: usize = 2000;

const PAYLOAD: &[u8] = &[7; 64];

/// How long a pair may take for all of it.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn measure(nats: &Nats, figures: &mut Figures) -> Result<()> {
    figures.add(Figure::BareLatency, latency(&nats.url)?.quantile(0.5) as f64);
    figures.add(Figure::BareRate, rate(&nats.url)?);
    Ok(())
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
    client.publish(SUBJECT, PAYLOAD.into()).await?;
    next(&mut heard).await?;
    Ok((client, heard))
}

async fn next(heard: &mut Subscriber) -> Result<()> {
    heard.next().await.context("the server of NATS has gone")?;
    Ok(())
}

fn latency(url: &str) -> Result<Latency> {
    on_a_runtime(async {
        let (_subscriber, mut heard) = subscribe(url).await?;
        let publisher = async_nats::connect(url).await?;
        let mut latency = Latency::new();
        for _ in 0..MESSAGES {
            let published = Instant::now();
            publisher.publish(SUBJECT, PAYLOAD.into()).await?;
            next(&mut heard).await?;
            latency.record(published.elapsed());
        }
        Ok(latency)
    })
}

fn rate(url: &str) -> Result<f64> {
    let (ready, is_ready) = mpsc::channel();
    let subscriber_url = url.to_owned();
    let subscriber = thread::spawn(move || {
        on_a_runtime(async {
            let (_client, mut heard) = subscribe(&subscriber_url).await?;
            ready.send(()).ok();
            for _ in 0..FLOOD {
                next(&mut heard).await?;
            }
            Ok(())
        })
    });
    is_ready.recv().context("the subscriber has gone")?;
    let start = Instant::now();
    on_a_runtime(async {
        let client = async_nats::connect(url).await?;
        for number in 1..=FLOOD {
            client.publish(SUBJECT, PAYLOAD.into()).await?;
            if number % FLUSH_AFTER == 0 {
                client.flush().await?;
            }
        }
        client.flush().await?;
        Ok(())
    })?;
    subscriber.join().map_err(|_| anyhow!("the subscriber panicked"))??;
    Ok(FLOOD as f64 / start.elapsed().as_secs_f64())
}
