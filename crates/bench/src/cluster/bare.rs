//! A pair of NATS clients, and nothing else.

use std::{thread, time::Instant};

use anyhow::{Context as _, Result, anyhow};
use futures_util::StreamExt;
use tokio::runtime::Builder;

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

pub(super) fn measure(nats: &Nats, figures: &mut Figures) -> Result<()> {
    figures.add(Figure::BareLatency, latency(&nats.url)?.quantile(0.5) as f64);
    figures.add(Figure::BareRate, rate(&nats.url)?);
    Ok(())
}

fn on_a_runtime<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    Builder::new_current_thread().enable_all().build()?.block_on(work)
}

fn latency(url: &str) -> Result<Latency> {
    on_a_runtime(async {
        let (publisher, subscriber) =
            (async_nats::connect(url).await?, async_nats::connect(url).await?);
        let mut heard = subscriber.subscribe(SUBJECT).await?;
        subscriber.flush().await?;
        let mut latency = Latency::new();
        for _ in 0..MESSAGES {
            let published = Instant::now();
            publisher.publish(SUBJECT, PAYLOAD.into()).await?;
            heard.next().await.context("the server of NATS has gone")?;
            latency.record(published.elapsed());
        }
        Ok(latency)
    })
}

fn rate(url: &str) -> Result<f64> {
    let (ready, is_ready) = std::sync::mpsc::channel();
    let subscriber_url = url.to_owned();
    let subscriber = thread::spawn(move || {
        on_a_runtime(async {
            let client = async_nats::ConnectOptions::new()
                .subscription_capacity(FLOOD)
                .connect(&subscriber_url)
                .await?;
            let mut heard = client.subscribe(SUBJECT).await?;
            client.flush().await?;
            ready.send(()).ok();
            for _ in 0..FLOOD {
                heard.next().await.context("the server of NATS has gone")?;
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
