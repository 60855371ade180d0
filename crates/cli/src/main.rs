//! The `aerys` binary: a websocket server on one port, with a chat to try it on.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod arguments;
mod chat;
mod echo;
mod log;
mod page;
mod protocol;

use std::{
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
};

use aerys::{Host, Listener, Server, ServerError, Tls};
use clap::Parser;
use tokio::runtime::Builder;
use tracing::{debug, warn};

use crate::{
    arguments::{Arguments, Settings},
    chat::Chat,
    echo::Echo,
    page::Page,
};

fn main() -> ExitCode {
    let settings = Arguments::parse().into_settings();
    log::start(settings.debug);
    raise_file_limit();
    match run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whether anybody hears it or not; `eprintln!` would panic.
            let _ = writeln!(io::stderr(), "aerys: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Each client is an open file, and the usual soft limit of 1024 is soon reached.
fn raise_file_limit() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => debug!(files, "this many files, and so clients, may be open"),
        Err(error) => warn!(%error, "the limit of open files, and so of clients, is left as it is"),
    }
}

fn run(settings: Settings) -> Result<(), ServerError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(ServerError::System)?;
    let outcome = runtime.block_on(serve(settings));
    runtime.shutdown_background();
    outcome
}

async fn serve(settings: Settings) -> Result<(), ServerError> {
    let any = settings.hosts.iter().any(|name| name == "*");
    let host = if any { Host::any() } else { Host::new("localhost") };
    let names = settings.hosts.into_iter().filter(|name| name != "*");
    let host = names
        .fold(host, Host::alias)
        .websocket_with("/chat", Chat::default(), chat::options())
        .websocket("/echo", Echo);
    let host = match settings.root {
        Some(folder) => host.root(folder),
        None => host.service(Page::new()),
    };
    let (mut listener, mut scheme) = (Listener::from(settings.listen), "http");
    if let Some((certificate, key)) = settings.tls {
        (listener, scheme) = (listener.tls(Tls::new(certificate, key)), "https");
    }
    let mut server =
        Server::new().listen(listener).host(host).trusted_proxies(settings.trusted_proxies);
    if let Some(workers) = settings.workers {
        server = server.workers(workers);
    }
    let running = server.start().await?;
    let address = running.address();
    // In this order, so that who has read the address may send a signal at once.
    let signalled = running.until_signalled();
    announce(scheme, address);
    signalled.await
}

fn announce(scheme: &str, address: SocketAddr) {
    let mut out = io::stdout();
    let said = writeln!(out, "Listening on {scheme}://{address}").and_then(|()| out.flush());
    if let Err(error) = said {
        warn!(%address, %error, "the address could not be printed");
    }
}
