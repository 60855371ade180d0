//! What nodes tell their clients.

use std::{
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{
    FLOODS,
    figures::{Figure, Figures},
    nodes::{Kind, Nats, Nodes},
};
use crate::{
    load::{Crowd, Latency, Message, Patience, Visit},
    run::Cores,
    servers::FLOOD,
};

/// In bytes.
const SIZE: usize = 64;

/// How many a message is for, and how many messages there are.
const LARGE_ROOM: usize = 1000;

const MESSAGES: usize = 300;

/// How many messages to one client.
const PAIR_MESSAGES: usize = 2000;

/// How many messages there are before those that count.
const WARM: usize = 50;

/// A fan-out: clients of each node, and how often they are told something.
const CLIENTS: usize = 500;

const INTERVAL: Duration = Duration::from_millis(50);

/// How long the last of a fan-out may be on its way.
const LAST: Duration = Duration::from_secs(5);

/// How long nodes are given to hear of each other, and of what was said.
const SETTLE: Duration = Duration::from_millis(500);

/// The node that is measured, and another.
const HERE: usize = 0;
const THERE: usize = 1;

pub(super) fn measure(
    nats: &Nats,
    cores: &Cores,
    seconds: u64,
    figures: &mut Figures,
) -> Result<()> {
    let pair = Nodes::start(Kind::Aerys, 2, Some(nats), cores)?;
    for (publisher, cpu, latency) in [
        (HERE, Figure::Local, Figure::LocalLatency),
        (THERE, Figure::Remote, Figure::RemoteLatency),
    ] {
        // What was published before has arrived everywhere.
        std::thread::sleep(SETTLE);
        let from = pair.address(publisher);
        let to = [(pair.address(HERE), LARGE_ROOM)];
        let mut crowd = open(from, &to)?;
        closed(&mut crowd, WARM)?;
        let before = pair.usage()?;
        closed(&mut crowd, MESSAGES)?;
        let heard = LARGE_ROOM + usize::from(publisher == HERE);
        figures.add(cpu, (pair.usage()? - before) / (MESSAGES * heard) as f64);
        drop(crowd);
        std::thread::sleep(SETTLE);
        let mut crowd = open(from, &[(pair.address(HERE), 1)])?;
        closed(&mut crowd, WARM)?;
        figures.add(latency, closed(&mut crowd, PAIR_MESSAGES)?.quantile(0.5) as f64);
    }
    std::thread::sleep(SETTLE);
    for _ in 0..FLOODS {
        figures.add(Figure::Forwarded, flood(&pair)?);
    }
    drop(pair);
    let alone = Nodes::start(Kind::Aerys, 1, None, cores)?;
    let (cpu, _) = fan_out(&alone, seconds)?;
    figures.add(Figure::FanOutAlone, cpu);
    drop(alone);
    for (kind, cpu_figure, latency_figure) in [
        (Kind::Aerys, Figure::FanOut, Figure::FanOutLatency),
        (Kind::Axum, Figure::AxumFanOut, Figure::AxumFanOutLatency),
    ] {
        let nodes = Nodes::start(kind, 3, Some(nats), cores)?;
        std::thread::sleep(SETTLE);
        let (cpu, latency) = fan_out(&nodes, seconds)?;
        figures.add(cpu_figure, cpu);
        figures.add(latency_figure, latency.quantile(0.99) as f64);
    }
    Ok(())
}

/// A publisher, and those who are told as well.
fn open(publisher: SocketAddr, others: &[(SocketAddr, usize)]) -> Result<Crowd> {
    let message = Rc::new(Message::binary(SIZE, 1));
    let mut crowd = Crowd::open(&visit(publisher, "/broadcast"), 1, &message)?;
    for (address, count) in others {
        crowd.join(&visit(*address, "/broadcast"), *count, &message)?;
    }
    Ok(crowd)
}

fn visit(address: SocketAddr, path: &'static str) -> Visit {
    // Others have to do on its core while it waits.
    let patience = Patience { spins: false, limit: Duration::from_secs(20) };
    Visit { address, path, deflate: false, tls: None, patience }
}

/// One message after the other, each when all have heard the one before.
fn closed(crowd: &mut Crowd, messages: usize) -> Result<Latency> {
    let mut latency = Latency::new();
    for _ in 0..messages {
        let published = publish(crowd)?;
        let mut left = crowd.clients.len();
        while left > 0 {
            crowd.turn(|index, _, count, now| {
                left -= count;
                if index > 0 {
                    latency.record(now - published);
                }
                Ok(())
            })?;
        }
    }
    Ok(latency)
}

fn publish(crowd: &mut Crowd) -> Result<Instant> {
    let published = Instant::now();
    for client in crowd.clients.iter_mut().skip(1) {
        client.outstanding += 1;
    }
    crowd.clients[0].say(1, published)?;
    Ok(published)
}

/// Messages by the clock, published on the last node. Answers what a delivery costs on the first, and how long they took.
fn fan_out(nodes: &Nodes, seconds: u64) -> Result<(f64, Latency)> {
    let addresses: Vec<_> = (0..nodes.0.len()).map(|node| (nodes.address(node), CLIENTS)).collect();
    let publisher = nodes.address(nodes.0.len() - 1);
    let mut crowd = open(publisher, &addresses)?;
    closed(&mut crowd, WARM)?;
    let (before, start) = (nodes.usage()?, Instant::now());
    let (mut latency, mut published, mut left) = (Latency::new(), 0_u32, 0);
    let messages = u32::try_from(seconds)? * 20;
    while published < messages || left > 0 {
        let due = start + INTERVAL * published;
        if published < messages && Instant::now() >= due {
            publish(&mut crowd)?;
            published += 1;
            left += crowd.clients.len();
        }
        // Who is told of several at once is told of the earlier ones late.
        let last = start + INTERVAL * published.saturating_sub(1);
        crowd.clock.heard = Instant::now();
        crowd.turn(|_, client, count, now| {
            left -= count;
            for late in 0..count {
                let behind = INTERVAL * (client.outstanding + late) as u32;
                latency.record(now.saturating_duration_since(last) + behind);
            }
            Ok(())
        })?;
        ensure!(start.elapsed() < INTERVAL * messages + LAST, "{left} deliveries were lost");
    }
    let heard = published as usize * (CLIENTS + usize::from(nodes.0.len() == 1));
    Ok(((nodes.usage()? - before) / heard as f64, latency))
}

/// How many messages a second get from one node to a client of the other.
fn flood(pair: &Nodes) -> Result<f64> {
    let message = Rc::new(Message::binary(SIZE, 1));
    let mut crowd = Crowd::open(&visit(pair.address(THERE), "/flood"), 1, &message)?;
    crowd.join(&visit(pair.address(HERE), "/broadcast"), 1, &message)?;
    let start = Instant::now();
    crowd.clients[1].outstanding = FLOOD;
    crowd.clients[0].say(1, start)?;
    let mut left = FLOOD + 1;
    while left > 0 {
        crowd.turn(|_, _, count, _| {
            left -= count;
            Ok(())
        })?;
    }
    Ok(FLOOD as f64 / start.elapsed().as_secs_f64())
}
