//! Echoes every message at `/`: what conformance suites and load generators are pointed at.
//!
//! ```text
//! cargo run --release --example echo -- 127.0.0.1:9001 --workers 1 --await
//! ```

#[cfg_attr(feature = "tls", path = "common/tls.rs")]
#[cfg_attr(not(feature = "tls"), path = "common/no_tls.rs")]
mod tls;

use aerys::{
    Accepted, Client, Compression, Failure, Handshake, Host, Listener, Message, Options, Refusal,
    Server, ServerError, Websocket,
};
use clap::Parser;
use tls::TlsArguments;

/// Echoes every message at `/`.
#[derive(Parser)]
struct Arguments {
    /// Where to listen: an address and a port, `unix:` and a path, or `systemd:` and a number.
    address: String,
    /// How many threads drive the clients [default: one for each core].
    #[arg(long)]
    workers: Option<usize>,
    /// Wait until each message has been handed to the kernel before taking the next.
    #[arg(long = "await")]
    awaited: bool,
    /// Compress each message in the context of those before it, both ways.
    #[arg(long)]
    takeover: bool,
    #[command(flatten)]
    tls: TlsArguments,
}

struct Echo {
    awaited: bool,
}

impl Websocket for Echo {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        if self.awaited {
            client.send(message).await?;
        } else {
            client.send(message).nowait();
        }
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), ServerError> {
    let arguments = Arguments::parse();
    let limit = 64 << 20;
    let compression = Compression::new()
        .threshold(0)
        .server_context_takeover(arguments.takeover)
        .client_context_takeover(arguments.takeover);
    let options = Options::new()
        .max_frame_size(limit)
        .max_msg_size(limit)
        .max_queued_bytes(2 * limit)
        .compression(compression);
    let echo = Echo { awaited: arguments.awaited };
    let (listener, scheme) = arguments.tls.apply(Listener::from(&*arguments.address));
    let mut server = Server::new()
        .listen(listener)
        .host(Host::new("localhost").websocket_with("/", echo, options));
    if let Some(workers) = arguments.workers {
        server = server.workers(workers);
    }
    let running = server.start().await?;
    let address = match running.addresses().first() {
        Some(address) => format!("{scheme}://{address}"),
        None => arguments.address,
    };
    // Before anyone is told the address, who may then send a signal at once.
    let signalled = running.until_signalled();
    println!("Listening on {address}");
    signalled.await
}
