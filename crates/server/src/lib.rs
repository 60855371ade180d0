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
//!     Accepted, Client, Departure, Failure, Handshake, Host, Message, Refusal, Server,
//!     ServerError, Websocket,
//! };
//!
//! struct Room;
//!
//! impl Websocket for Room {
//!     async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
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
//!         .listen("127.0.0.1:1337")
//!         .host(Host::new("localhost").websocket("/room", Room).root("public"))
//!         .run()
//! }
//! ```
//!
//! # Letting clients in
//!
//! Nothing has been answered when [`on_open`](Websocket::on_open) runs. It may look at the request,
//! ask a database, and then either [`accept`](Handshake::accept)s the [`Handshake`] or
//! [`refuse`](Handshake::refuse)s it, with a [`Status`], a reason and headers. The 101 leaves just
//! in time: with the first thing said to the client, or when `on_open` returns. What `accept` gives is the
//! client, as the [`Accepted`] that `on_open` returns: there is one for each handshake and no copy of it, so
//! that no client is let in by another's.
//!
//! ```
//! use aerys::{Accepted, Handshake, Refusal, Status, Websocket};
//!
//! struct User {
//!     name: String,
//! }
//!
//! struct Members;
//!
//! impl Websocket<User> for Members {
//!     async fn on_open(&self, handshake: Handshake<User>) -> Result<Accepted<User>, Refusal> {
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
//! Mounted on `/members/{name}`, it finds the name in the path. What else a client brings is in the
//! [`query`](Handshake::query), a [`cookie`](Handshake::cookie) or a [`bearer`](Handshake::bearer) token,
//! and all of it in [`request`](Handshake::request).
//!
//! The type parameter is what the application keeps for each client; without one it is `()`. What is
//! to change there is in an atomic or behind a lock.
//!
//! # Messages
//!
//! A [`Message`] is text or binary: [`as_text`](Message::as_text) has the one, if it is one,
//! [`as_bytes`](Message::as_bytes) either. `&str`, `String` become text where a message is sent,
//! `Vec<u8>` and [`Bytes`](bytes::Bytes) binary, and a clone of a message copies nothing. A text that is part
//! of the program is not copied by [`Message::from_static`].
//!
//! ```
//! # use aerys::{Client, Failure, Message};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Deserialize, Serialize)]
//! # struct Said { text: String }
//! # async fn on_data(client: &Client, message: Message) -> Result<(), Failure> {
//! let Ok(said) = serde_json::from_slice::<Said>(message.as_bytes()) else {
//!     // What is the peer's fault is answered. An error let out by `?` closes the client with 1011.
//!     client.send("JSON, please").await?;
//!     return Ok(());
//! };
//! client.send(serde_json::to_string(&said)?).await?;
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `json` (off by default) these are `message.parse_json::<Said>()` and
//! `Message::json(&said)?`.
//!
//! # Commands
//!
//! [`send`](Client::send), [`broadcast`](Endpoint::broadcast) and [`close`](Client::close) do
//! nothing until they are told how: `.await` waits for the outcome, `.nowait()` lets go. One that is
//! dropped instead, as in `let _ = client.send(m);`, does nothing; with debug assertions the log says
//! where that was, once for each place in the code.
//!
//! | command | `.await` answers |
//! | --- | --- |
//! | [`client.send(m)`](Client::send) | `Ok(())` when all of it has been handed to the kernel, or [`ClientGone`] |
//! | [`endpoint.broadcast(m)`](Endpoint::broadcast) | a [`Tally`]: how many got it, how many went |
//! | [`client.close()`](Client::close) | when [`on_close`](Websocket::on_close) has run |
//!
//! A [`Client`] and an [`Endpoint`] are handles: clone them, keep them, use them from any task and
//! any thread. [`all`], [`any`] and [`some`] await several commands together.
//!
//! # A chat in two halves
//!
//! State and commands are all it takes for a chat in which those who came in an even second hear
//! one another, and those who came in an odd one do. A broadcast is narrowed with
//! [`only`](command::Broadcast::only) and [`except`](command::Broadcast::except), and tells how many it reached:
//!
//! ```no_run
//! use std::time::SystemTime;
//!
//! use aerys::{
//!     Accepted, Client, Failure, Handshake, Host, Message, Refusal, Server, ServerError,
//!     Websocket,
//! };
//!
//! struct EvenOdd;
//!
//! #[derive(Debug, PartialEq)]
//! enum Second {
//!     Even,
//!     Odd,
//! }
//!
//! impl Websocket<Second> for EvenOdd {
//!     async fn on_open(&self, handshake: Handshake<Second>) -> Result<Accepted<Second>, Refusal> {
//!         let now = SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
//!         let second = if now % 2 == 0 { Second::Even } else { Second::Odd };
//!         let client = handshake.accept_with(second);
//!         client.send(format!("Hello! Your second: {:?}", client.state())).await?;
//!         Ok(client)
//!     }
//!
//!     async fn on_data(&self, client: &Client<Second>, message: Message) -> Result<(), Failure> {
//!         let everyone = client.endpoint();
//!         let group = everyone.clients().into_iter().filter(|it| it.state() == client.state());
//!         let tally = everyone
//!             .broadcast(message)
//!             .only(group.map(|it| it.id()))
//!             .except([client.id()])
//!             .await;
//!         client.send(format!("heard by {}", tally.delivered)).await?;
//!         Ok(())
//!     }
//! }
//!
//! fn main() -> Result<(), ServerError> {
//!     Server::new().host(Host::new("localhost").websocket("/", EvenOdd)).run()
//! }
//! ```
//!
//! # Groups
//!
//! Those who are to hear the same are in a [`Group`]: a room, a topic, the tabs of one user. A client
//! [`join`](Client::join)s by name and [`leave`](Client::leave)s, at once and as often as it likes; one that goes leaves
//! all of them. What is broadcast to a group costs as much as it has members, and nothing for all the others:
//!
//! ```
//! # use aerys::{Accepted, Client, Departure, Failure, Handshake, Message, Refusal, Websocket};
//! /// Mounted on `/rooms/{room}`.
//! struct Rooms;
//!
//! impl Websocket for Rooms {
//!     async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
//!         let room = handshake.param("room").unwrap_or("lobby").to_owned();
//!         let client = handshake.accept();
//!         client.join(room)?;
//!         Ok(client)
//!     }
//!
//!     async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
//!         for room in client.groups() {
//!             room.broadcast(message.clone()).except([client.id()]).nowait();
//!         }
//!         Ok(())
//!     }
//!
//!     async fn on_close(&self, gone: &Departure) {
//!         for room in gone.groups() {
//!             room.broadcast(format!("{} are left in {}", room.len(), room.name())).nowait();
//!         }
//!     }
//! }
//! ```
//!
//! # While nobody speaks
//!
//! A client has timers ([`once`](Client::once), [`repeat`](Client::repeat)), tasks
//! ([`spawn`](Client::spawn)) and callbacks for descriptors (`on_readable`, `on_writable`, on Unix).
//! Each is a [`Watcher`], to disable, enable and cancel, and ends with its client. An [`Endpoint`]
//! has the same for what belongs to no client; they end with the server, and
//! [`on_start`](Websocket::on_start) is the place to begin them.
//! [`inspect`](Client::inspect) tells what a client's connection has seen.
//!
//! # Examples
//!
//! Each is a program in `examples/` that is read in a minute and run by `cargo run --example NAME`:
//!
//! * joining: `user_count`, `authorize`, `origin`, `even_odd`;
//! * commands: `nested`, `rooms`, `delivery`, `nowait`, `close_in_open`, `combine`, `inspect`;
//! * time and descriptors: `clock`, `tail`, `process`;
//! * the server: `options`, `static_site`, `axum_around` and `axum_within`, and `echo`, which load
//!   generators are pointed at.
//!
//! # What the server sees to
//!
//! * **Order.** A client's messages are handled one at a time, in order; what one task sends
//!   arrives in the order in which it was sent, broadcasts included.
//! * **Slow clients.** What one client is owed is bounded ([`Options::max_queued_bytes`]); a client
//!   that is owed much is not heard until it has read some of it.
//! * **Faults.** A handler that fails or panics closes its own client with 1011. The error is
//!   logged (through `tracing`) and nobody is told what it was; see [below](#faults).
//! * **The log.** It goes to whatever subscriber `tracing` has, so without one, such as
//!   `tracing_subscriber::fmt::init()`, there is none; one that fails or panics changes
//!   nothing. What peers say is escaped and cut at 200 bytes. Of one kind of warning about one
//!   endpoint there are three lines at once, then one a second with the count of what was left out;
//!   of details (level debug) a hundred. What a handler logs says whose handler it was; see
//!   [below](#the-log).
//! * **TLS.** With the feature `tls` a listener may have certificates (`Listener::tls`): by name, of clients,
//!   and such as change while the server runs. What is awaited is with the kernel as ciphertext.
//! * **HTTP/2.** With the feature `http2` it is spoken within TLS, and in clear text where a listener says so
//!   (`Listener::http2_prior_knowledge`); a websocket is a stream there, and its handshake an extended CONNECT
//!   (RFC 8441). `docs/http2.md` says what is otherwise.
//! * **Protocol.** Limits, heartbeats, fragments, compression, close handshakes: see [`Options`].
//! * **Metrics.** [`Running::metrics`] has what is counted, as text for Prometheus and in numbers, and a
//!   [listener](Listener::metrics) tells it, and whether the server is well. `docs/metrics.md` has all of it.
//! * **Stopping.** On SIGINT, SIGTERM or SIGHUP every client is closed with 1001, every `on_close`
//!   runs, then every [`on_stop`](Websocket::on_stop), all within [`Server::stop_period`].
//!
//! The [`http`] and [`bytes`] crates, whose types are in the signatures, are re-exported.
//!
//! With the feature `config` all of this may be said by a TOML file (`Config`), in which the applications that a
//! program registers have names.
//!
//! Beside its endpoints a [`Host`] serves a folder ([`Host::root`], [`Root`]) and any tower service, such
//! as an axum `Router` ([`Host::service`]), also on the same paths: who asks for no websocket gets the
//! page.
//!
//! In the repository's `docs/` there is more: what is what for who comes from axum, and for who knew the
//! PHP server Aerys; which code runs on which thread; nginx and haproxy in front of it, deployment.
//!
//! # Errors
//!
//! An error's type says who erred:
//!
//! | error | whose | and then |
//! | --- | --- | --- |
//! | [`SendError`], which is [`ClientGone`] but for endpoints that drop messages | nobody's | `?` is silent |
//! | [`QueryError`] | the client's | `?` in `on_open` answers 400 with what is wrong, and is not logged |
//! | [`Refusal`] | the client's, says the application | the answer of `on_open`; 4xx or 5xx, as it says |
//! | [`Failure`] | the application's | logged; 500 before `accept`, 1011 after it |
//! | [`ServerError`] | the configuration's, or the system's | the server does not start |
//! | `ConfigError` (feature `config`) | the file's | there is no server; all that is wrong is told, each with its line |
//! | [`BodyError`] | the client's, or the network's | what a [`Host::service`] reads of a request ends |
//!
//! In `on_open` any error becomes a [`Refusal`] by `?`, in the other handlers a [`Failure`]. What a client may
//! do wrong is for the handler to answer, by a refusal, a close, or in words of its own; what is let
//! out by `?` is a fault.
//!
//! Whoever prints an error prints a sentence. What lies under it is its `source`, unless it is in the sentence
//! already, as with a [`ServerError`]; a [`Failure`] prints the whole chain on one line.
//!
//! ```
//! use aerys::{Accepted, Client, Failure, Handshake, Message, Refusal, Websocket};
//! # use serde::Deserialize;
//! # async fn seats(_: &str) -> Result<u32, std::io::Error> { Ok(3) }
//!
//! #[derive(Deserialize)]
//! struct Wanted {
//!     room: String,
//! }
//!
//! struct Rooms;
//!
//! impl Websocket for Rooms {
//!     async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
//!         let Wanted { room } = handshake.query()?; // the client's: 400
//!         if seats(&room).await? == 0 { // ours, if it fails: 500, and logged
//!             return Err(handshake.refuse(409).reason("The room is full"));
//!         }
//!         Ok(handshake.accept())
//!     }
//!
//!     async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
//!         let Some(Ok(number)) = message.as_text().map(str::parse::<u32>) else {
//!             client.send("A number, please.").await?; // the client's; who has gone meanwhile is no fault
//!             return Ok(());
//!         };
//!         let doubled = number.checked_mul(2).ok_or("too large").map_err(Failure::new)?; // ours: 1011
//!         client.send(doubled.to_string()).await?;
//!         Ok(())
//!     }
//! }
//! ```
//!
//! # Faults
//!
//! A handler that fails or panics closes its own client with 1011, is logged with the client's id, and
//! harms nobody else. So errors can be let out with `?`: those that implement `std::error::Error` as
//! they are, others, such as an `anyhow::Error`, a `Box<dyn Error + Send + Sync>` or a `String`, by
//! [`.map_err(Failure::new)`](Failure::new).
//!
//! What a panic leaves behind is the application's. One in a handler that holds a `std::sync::Mutex`
//! poisons it: each later `.lock().unwrap()` panics as well, in the handlers of all other clients. Keep
//! what can panic out of where the lock is held, or, where nothing can be half done, take what is
//! behind it all the same:
//!
//! ```
//! use std::sync::{Mutex, PoisonError};
//! # use aerys::{Client, Failure, Message};
//!
//! struct Score(Mutex<u64>);
//!
//! impl Score {
//!     async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
//!         let text = message.as_text().ok_or("text, please").map_err(Failure::new)?;
//!         let points: u64 = text.parse()?;
//!         let total = {
//!             let mut score = self.0.lock().unwrap_or_else(PoisonError::into_inner);
//!             *score = score.saturating_add(points);
//!             *score
//!         };
//!         client.send(total.to_string()).await?;
//!         Ok(())
//!     }
//! }
//! ```
//!
//! # The log
//!
//! What the application logs in a handler, also after an `.await`, is in a span that says where and for whom
//! that was. It is named `handler`, is at level debug as the library's other details are, and has the target
//! `aerys::handler`. Its fields are those that the library's own lines have:
//!
//! | field | |
//! | --- | --- |
//! | `path` | of the endpoint |
//! | `handler` | `on_start`, `on_open`, `on_data`, `on_close`, `on_stop`, or `watcher`: a task or a callback that is bound to a client or an endpoint |
//! | `client` | the client's id; in `on_open` from `accept` on |
//! | `address` | the client's: the peer's, as in `203.0.113.5:49152`, or behind a trusted proxy `203.0.113.5 via 10.0.0.2:50412` |
//!
//! ```text
//! WARN handler{path="/room" handler="on_data" client=7 address=203.0.113.5:49152}: chat: no such topic
//! ```
//!
//! There is one for each call, if the subscriber wants it; else the call costs one atomic load more. With
//! `tracing_subscriber`'s `EnvFilter` it can be had without the library's details:
//! `RUST_LOG=info,aerys::handler=debug`. What goes on beside the handler, as by `tokio::spawn`, is not in
//! it, unless it is taken along (`tracing::Instrument::in_current_span`).
//!
//! # Runtimes
//!
//! Each worker is a thread with a tokio runtime of its own, of the `current_thread` kind. A client's handlers,
//! timers and tasks run on one worker, from first to last. What that means for tokio's functions:
//!
//! | in a handler | |
//! | --- | --- |
//! | `tokio::time`, `tokio::net`, `tokio::sync`, whatever awaits | works, and holds up nobody |
//! | `tokio::spawn` | runs on the same worker, and goes on when the client has gone; it has to be `Send` all the same. [`Client::spawn`] ends with its client |
//! | `tokio::task::spawn_blocking` | runs on a thread beside the worker: the place for what takes long and does not await |
//! | `tokio::task::block_in_place` | panics, as it needs the other kind of runtime: 1011, and logged |
//! | `Handle::block_on`, `Runtime::block_on` | panics or blocks: a handler awaits instead |
//! | `std::thread::sleep`, a synchronous driver, a long computation | blocks the worker, and with it all its other clients |
//!
//! ```
//! # use aerys::{Client, Failure, Message};
//! # fn shrink(image: &[u8]) -> Vec<u8> { image.to_vec() }
//! async fn on_data(client: &Client, image: Message) -> Result<(), Failure> {
//!     let small = tokio::task::spawn_blocking(move || shrink(image.as_bytes())).await?;
//!     client.send(small).await?;
//!     Ok(())
//! }
//! ```
//!
//! What is spread over several cores by itself is clients, by worker; work of one client is spread by giving it
//! to a runtime of the program's own, whose [`Handle`](https://docs.rs/tokio/latest/tokio/runtime/struct.Handle.html)
//! the application keeps. A [`Client`] and an [`Endpoint`] may be used there, as on any thread.
//!
//! A worker that has not looked up for 500 ms is logged, with the handler that it is in. `docs/threads.md` says
//! what runs where and what blocks whom.
//!
//! # Features
//!
//! | feature | | what it brings |
//! | --- | --- | --- |
//! | `compression` | on | compressed messages (RFC 7692): [`Compression`], [`Options::compression`]. Without it all messages go as they are, whatever clients offer |
//! | `files` | on | document roots: [`Root`], [`Host::root`]; [`Listener::acme_webroot`] |
//! | `tls` | off | `Listener::tls`, `Tls`: TLS 1.2 and 1.3 by rustls |
//! | `http2` | off | HTTP/2 by h2, with websockets on its streams: within TLS, `Listener::http2_prior_knowledge` |
//! | `admin` | off | a page for operators: `AdminPage`, `Server::admin_page` |
//! | `json` | off | `Message::json`, `Message::parse_json` |
//! | `test` | off | applications under test, in memory: `aerys::test` |
//!
//! Who needs neither of the first two asks for the crate with `default-features = false`, and has fewer
//! dependencies.
//!
//! # Inside another program
//!
//! [`Server::run`] is for a `main` of its own, and [`Server::run_until`] for one that ends with a future
//! and not with a signal. [`Server::start`] is for a program that has a tokio runtime already: the server
//! then runs on threads of its own until [`Running::stop`], and [`Running::endpoint`] is what the rest of
//! the program publishes through.
//!
//! ```
//! # use aerys::{Accepted, Handshake, Host, Refusal, Server, ServerError, Websocket};
//! # struct Room;
//! # impl Websocket for Room {
//! #     async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
//! #         Ok(handshake.accept())
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ServerError> {
//! let host = Host::new("localhost").websocket("/room", Room);
//! let running = Server::new().listen("127.0.0.1:0").host(host).start().await?;
//! println!("listening on {}", running.address());
//! running.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! A program that has a server already, such as axum's, puts the endpoints into that: [`Server::mount`]
//! makes a tower service of them. And an axum `Router` may be a host's: [`Host::service`].

mod address;
#[cfg(feature = "admin")]
mod admin;
mod admission;
mod app;
mod cluster;
#[cfg(feature = "config")]
mod config;
mod connection;
mod driver;
mod error;
// `http` is the crate, as users see it.
#[path = "http/mod.rs"]
mod http_server;
mod log;
mod metrics;
mod options;
mod presence;
mod roster;
mod runtime;
mod server;
mod session;
mod sync;
#[cfg(feature = "test")]
pub mod test;
mod transport;

/// The commands: what [`Client::send`], [`Endpoint::broadcast`] and [`Client::close`] return. Each is a
/// future: `.await` waits for its outcome, `.nowait()` does not, and neither means that nothing happens.
///
/// They are here and not at the root, where [`Send`](command::Send) would hide the language's:
///
/// ```
/// use aerys::*;
///
/// async fn announce<S: Send + Sync>(client: &Client<S>) -> Result<(), SendError> {
///     let greeting: command::Send<'_, S> = client.send("hello");
///     greeting.await
/// }
/// ```
pub mod command {
    pub use crate::app::{Broadcast, Close, KeyedSend, Send};
}

// What is in the signatures.
pub use {bytes, http};

pub use aerys_proto::{CloseCode, Message, NotACloseCode, deflate::CompressionError};

#[cfg(feature = "compression")]
pub use aerys_proto::deflate::Compression;

#[cfg(feature = "json")]
pub use aerys_proto::JsonError;

#[cfg(feature = "admin")]
pub use crate::admin::AdminPage;

#[cfg(feature = "config")]
pub use crate::config::{
    BusSettings, Config, ConfigError, ConfigFault, ConfigSummary, Log, ProgramSettings,
};

#[cfg(feature = "files")]
pub use crate::http_server::Root;

#[cfg(feature = "tls")]
pub use crate::{
    error::{CertificateError, PemSource},
    transport::{Tls, TlsInfo},
};

pub use crate::{
    address::{HostNameError, PathError},
    admission::LimitsHit,
    app::{
        Accepted, Client, Departure, Endpoint, Group, Handshake, NoneSucceeded, Outcomes, Watcher,
        Websocket, all, any, some,
    },
    cluster::{
        Bus, BusFuture, BusLosses, BusState, Cluster, ClusterStatus, Inbound, LocalBus, PARTITIONS,
    },
    connection::{ClientId, Published, Stats, Tally},
    error::{
        EndpointError, Failure, FileHeaderError, JoinError, NotARefusal, NotQueued, QueryError,
        RedirectError, Refusal, ReloadError, RootError,
        SendError::{self, ClientGone},
        ServerError, ShowError, Status,
    },
    http_server::{Body, BodyError, Host},
    metrics::{
        Closes, ClusterFigures, Durations, EndpointFigures, HandshakeOutcome, ListenerFigures,
        Metric, Metrics, Protocol, Readiness, Samples, Snapshot, TrafficFigures, WorkerFigures,
    },
    options::{Options, OptionsError, Origins, Overflow},
    presence::{PresenceChange, PresenceEvent, Present},
    server::{
        Drain, Drained, Mount, MountBody, MountFuture, MountService, Reloaded, Reloader, Running,
        Server, Shutdown,
    },
    transport::{ClientIp, Forwarded, Listener, PeerAddr},
};

/// The README's examples are compiled with the rest, and those of the pages.
#[cfg(all(doctest, feature = "test"))]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// And so is that of the crate's own.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct CrateReadme;

/// And so are those of the pages beside it.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/threads.md")]
struct Threads;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/from-the-original.md")]
struct FromTheOriginal;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/coming-from-axum.md")]
struct ComingFromAxum;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/behind-a-proxy.md")]
struct BehindAProxy;

#[cfg(all(doctest, feature = "files", feature = "tls"))]
#[doc = include_str!("../../../docs/certificates.md")]
struct Certificates;

#[cfg(all(doctest, feature = "config"))]
#[doc = include_str!("../../../docs/config.md")]
struct Configuration;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/deployment.md")]
struct Deployment;

#[cfg(all(doctest, feature = "admin"))]
#[doc = include_str!("../../../docs/admin.md")]
struct AdminDocs;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/metrics.md")]
struct MetricsPage;

#[cfg(all(doctest, feature = "http2"))]
#[doc = include_str!("../../../docs/http2.md")]
struct Http2;
