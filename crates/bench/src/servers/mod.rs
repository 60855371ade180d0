//! The servers that are measured, each the least program that its library allows.
//!
//! Each listens on one thread, with `TCP_NODELAY`, takes messages of up to 16 MiB, and offers
//! `/echo`, where each message comes back as the kind it was, and, if it can, `/broadcast`, where
//! each message goes to everyone who is there, its sender included. Under `/only` it goes to those
//! alone who came with the query `heard`. A node of a cluster tells those of all nodes.

mod actix_ws;
mod aerys;
mod axum;
mod endpoint;
mod epoll;
mod fastwebsockets;
mod floor;
mod floor_broadcast;
mod floor_rustls;
mod floor_tokio;
mod frames;
mod hub;
mod hyper;
mod relay;
mod session;
mod socket;
mod sockudo_ws;
mod tls;
mod tokio_tungstenite;
mod tokio_websockets;
mod yawc;

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};

pub(crate) use self::tls::Files;

const SERVERS: &[Server] = &[
    Server { name: "floor", features: FLOOR, serve: floor::serve },
    Server { name: "floor-tokio", features: FLOOR.and_tls(), serve: floor_tokio::serve },
    Server { name: "floor-rustls", features: TLS_FLOOR, serve: floor_rustls::serve },
    Server { name: "floor-broadcast", features: TELLING, serve: floor_broadcast::serve },
    Server { name: "aerys", features: AERYS, serve: aerys::serve },
    Server { name: "aerys-await", features: AERYS, serve: aerys::serve_awaiting },
    Server { name: "fastwebsockets", features: SECURE, serve: fastwebsockets::serve },
    Server { name: "tokio-websockets", features: SECURE, serve: tokio_websockets::serve },
    Server { name: "tokio-tungstenite", features: SECURE, serve: tokio_tungstenite::serve },
    Server { name: "axum", features: SECURE.and_http2().and_nodes(), serve: axum::serve },
    Server { name: "actix-ws", features: Features::PEER, serve: actix_ws::serve },
    Server { name: "sockudo-ws", features: COMPRESSING, serve: sockudo_ws::serve },
    Server { name: "sockudo-ws-flush", features: COMPRESSING, serve: sockudo_ws::serve_feeding },
    Server { name: "yawc", features: COMPRESSING.and_tls(), serve: yawc::serve },
];

const FLOOR: Features = Features {
    echo: true,
    broadcast: false,
    only: false,
    compression: false,
    workers: false,
    in_clear: true,
    tls: false,
    http2: false,
    nodes: false,
};

const TLS_FLOOR: Features = Features { in_clear: false, ..FLOOR.and_tls() };

const TELLING: Features = Features { echo: false, broadcast: true, ..FLOOR };

const COMPRESSING: Features = Features { compression: true, ..Features::PEER };

const SECURE: Features = Features::PEER.and_tls();

const AERYS: Features =
    Features { only: true, workers: true, ..COMPRESSING.and_tls().and_http2().and_nodes() };

/// The longest message that is taken, in bytes.
const LIMIT: usize = 16 << 20;

/// How many messages come of one under `/flood`, which have room where they wait, and after how many the bus is waited
/// for.
pub(crate) const FLOOD: usize = 50_000;

pub(crate) const FLUSH_AFTER: usize = 4096;

/// How much the floors read at once, in bytes.
const READ: usize = 64 * 1024;

/// How a server is run.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where it listens; port 0 is any free port.
    pub(crate) address: SocketAddr,
    /// How many threads drive its clients.
    pub(crate) workers: usize,
    /// Whether permessage-deflate (RFC 7692) is agreed to when a client offers it.
    pub(crate) compression: bool,
    /// What it shows to those who connect, if it speaks TLS.
    pub(crate) tls: Option<Files>,
    /// Whether it speaks HTTP/2 in clear text to those who begin with it.
    pub(crate) http2: bool,
    /// The server of NATS by which it is one of several nodes.
    pub(crate) nats: Option<String>,
}

/// What a server can be measured at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    /// Whether it is measured at `/echo` alone.
    pub(crate) echo: bool,
    /// Whether it serves `/broadcast`, and `/echo` beside it.
    pub(crate) broadcast: bool,
    /// Whether it serves `/only`, `/group` and `/joins`.
    pub(crate) only: bool,
    /// Whether it can compress.
    pub(crate) compression: bool,
    /// Whether it can be run on more threads than one.
    pub(crate) workers: bool,
    /// Whether it can do without TLS.
    pub(crate) in_clear: bool,
    /// Whether it can speak TLS.
    pub(crate) tls: bool,
    /// Whether it serves websockets over HTTP/2.
    pub(crate) http2: bool,
    /// Whether it can be one of several nodes.
    pub(crate) nodes: bool,
}

impl Features {
    /// What every peer can do.
    pub(crate) const PEER: Self = Self { broadcast: true, ..FLOOR };

    const fn and_tls(self) -> Self {
        Self { tls: true, ..self }
    }

    const fn and_http2(self) -> Self {
        Self { http2: true, ..self }
    }

    const fn and_nodes(self) -> Self {
        Self { nodes: true, ..self }
    }
}

/// The names of all servers, in the order in which they are reported.
pub(crate) const NAMES: &[&str] = &{
    let mut names = [""; SERVERS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = SERVERS[index].name;
        index += 1;
    }
    names
};

/// Runs a server until its process is ended. Prints `ready ADDRESS` and a newline on stdout once it
/// listens.
///
/// # Errors
///
/// If there is no server of this name, it cannot do what the settings ask for, or the address is not
/// to be had.
pub(crate) fn serve(name: &str, settings: &Settings) -> Result<()> {
    let server = find(name).with_context(|| format!("no server is called {name}"))?;
    let Features { compression, workers, tls, http2, nodes, .. } = server.features;
    ensure!(compression || !settings.compression, "{name} cannot compress");
    ensure!(workers || settings.workers == 1, "{name} runs on one thread");
    ensure!(tls || settings.tls.is_none(), "{name} does not speak TLS");
    ensure!(http2 || !settings.http2, "{name} does not speak HTTP/2");
    ensure!(nodes || settings.nats.is_none(), "{name} is no node of a cluster");
    (server.serve)(settings)
}

/// What a server can be measured at; `None` if there is none of this name.
pub(crate) fn features(name: &str) -> Option<Features> {
    find(name).map(|server| server.features)
}

struct Server {
    name: &'static str,
    features: Features,
    serve: fn(&Settings) -> Result<()>,
}

fn find(name: &str) -> Option<&'static Server> {
    SERVERS.iter().find(|server| server.name == name)
}
