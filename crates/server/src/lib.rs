//! A websocket application server: an application is one value with three methods, and the server
//! does everything else.
//!
//! # The three methods
//!
//! `on_open` decides who is let in, `on_data` gets what they say, `on_close` learns that they have
//! gone. This is a whole program:
//!
//! ```no_run
//! use aerys::{
//!     Client, Departure, Failure, Handshake, Host, Message, Refusal, Server, ServerError, Websocket,
//! };
//!
//! struct Room;
//!
//! impl Websocket for Room {
//!     async fn on_open(&self, handshake: Handshake) -> Result<Client, Refusal> {
//!         let client = handshake.accept();
//!         let everyone = client.endpoint();
//!         everyone.broadcast(format!("{} here", everyone.len())).nowait();
//!         Ok(client)
//!     }
//!
//!     async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
//!         client.endpoint().broadcast(message).except([client.id()]).nowait();
//!         client.send("sent").await?;
//!         Ok(())
//!     }
//!
//!     async fn on_close(&self, gone: &Departure) {
//!         let everyone = gone.endpoint();
//!         everyone.broadcast(format!("{} here", everyone.len())).nowait();
//!     }
//! }
//!
//! fn main() -> Result<(), ServerError> {
//!     Server::new()
//!         .listen(([127, 0, 0, 1], 1337))
//!         .host(Host::new("localhost").websocket("/room", Room).root("public"))
//!         .run()
//! }
//! ```
//!
//! # The door
//!
//! Nothing has been answered when [`on_open`](Websocket::on_open) runs. It may look at the request,
//! ask a database, and then either [`accept`](Handshake::accept)s the [`Handshake`] or
//! [`refuse`](Handshake::refuse)s it, with a [`Status`], a reason and headers. The 101 leaves just
//! in time: with the first thing said to the client, or when `on_open` returns.
//!
//! ```
//! use aerys::{Client, Handshake, Refusal, Status, Websocket};
//!
//! struct User {
//!     name: String,
//! }
//!
//! struct Members;
//!
//! impl Websocket<User> for Members {
//!     async fn on_open(&self, handshake: Handshake<User>) -> Result<Client<User>, Refusal> {
//!         let Some(name) = handshake.param("name").map(str::to_owned) else {
//!             return Err(handshake.refuse(Status::UNAUTHORIZED).reason("Who are you?"));
//!         };
//!         let client = handshake.accept_with(User { name });
//!         client.send(format!("Welcome, {}!", client.state().name)).await?;
//!         Ok(client)
//!     }
//! }
//! ```
//!
//! The type parameter is what the application keeps for each client; without one it is `()`.
//!
//! # Commands
//!
//! [`send`](Client::send), [`broadcast`](Endpoint::broadcast) and [`close`](Client::close) do
//! nothing until they are told how: `.await` waits for the outcome, `.nowait()` lets go.
//!
//! | command | `.await` answers |
//! | --- | --- |
//! | [`client.send(m)`](Client::send) | `Ok(())` when all of it has been handed to the kernel, or [`ClientGone`] |
//! | [`endpoint.broadcast(m)`](Endpoint::broadcast) | a [`Tally`]: how many got it, how many went |
//! | [`client.close()`](Client::close) | when [`on_close`](Websocket::on_close) has run |
//!
//! A [`Client`] and an [`Endpoint`] are handles: clone them, keep them, use them from any task and
//! any thread.
//!
//! # What the server sees to
//!
//! * **Order.** A client's messages are handled one at a time, in order; what one task sends
//!   arrives in the order in which it was sent, broadcasts included.
//! * **Slow clients.** What one client is owed is bounded ([`Options::max_queued_bytes`]); a client
//!   that is owed much is not heard until it has read some of it.
//! * **Faults.** A handler that fails or panics closes its own client with 1011. The error is
//!   logged (through `tracing`) and nobody is told what it was.
//! * **Protocol.** Limits, heartbeats, fragments, close handshakes: see [`Options`].
//! * **Stopping.** On SIGINT or SIGTERM every client is closed with 1001, every `on_close` runs,
//!   then every [`on_stop`](Websocket::on_stop).
//!
//! Beside its endpoints a [`Host`] serves a folder ([`Host::root`]) and any tower service, such as an
//! axum `Router` ([`Host::service`]).
//!
//! # Inside another program
//!
//! [`Server::run`] is for a `main` of its own. [`Server::start`] is for a program that has a tokio
//! runtime already: the server then runs on threads of its own until [`Running::stop`].
//!
//! ```
//! # use aerys::{Client, Handshake, Host, Refusal, Server, ServerError, Websocket};
//! # struct Room;
//! # impl Websocket for Room {
//! #     async fn on_open(&self, handshake: Handshake) -> Result<Client, Refusal> {
//! #         Ok(handshake.accept())
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ServerError> {
//! let host = Host::new("localhost").websocket("/room", Room);
//! let running = Server::new().listen(([127, 0, 0, 1], 0)).host(host).start().await?;
//! println!("listening on {}", running.address());
//! running.stop().await;
//! # Ok(())
//! # }
//! ```

mod client;
mod command;
mod departure;
mod driver;
mod endpoint;
mod error;
mod handshake;
mod host;
mod http;
mod inbox;
mod line;
mod listener;
mod mount;
mod options;
mod outbox;
mod refusal;
mod registry;
mod server;
mod session;
mod signal;
mod websocket;
mod worker;

pub use aerys_proto::{CloseCode, Message};

pub use crate::{
    client::{Client, ClientId},
    command::{Broadcast, Close, Send, Tally},
    departure::Departure,
    endpoint::Endpoint,
    error::{ClientGone, Failure, ServerError},
    handshake::Handshake,
    host::Host,
    options::Options,
    refusal::{NotARefusal, Refusal, Status},
    server::{Running, Server},
    websocket::Websocket,
};

/// The README's examples are compiled with the rest.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
