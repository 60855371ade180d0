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
//! * commands: `nested`, `delivery`, `nowait`, `close_in_open`, `combine`, `inspect`;
//! * time and descriptors: `clock`, `tail`, `process`;
//! * the server: `options`, `static_site`, and `echo`, which load generators are pointed at.
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
//!   of details (level debug) a hundred.
//! * **Protocol.** Limits, heartbeats, fragments, compression, close handshakes: see [`Options`].
//! * **Stopping.** On SIGINT, SIGTERM or SIGHUP every client is closed with 1001, every `on_close`
//!   runs, then every [`on_stop`](Websocket::on_stop), all within [`Server::stop_period`].
//!
//! The [`http`] and [`bytes`] crates, whose types are in the signatures, are re-exported.
//!
//! Beside its endpoints a [`Host`] serves a folder ([`Host::root`], [`Root`]) and any tower service, such
//! as an axum `Router` ([`Host::service`]), also on the same paths: who asks for no websocket gets the
//! page.
//!
//! In the repository's `docs/` there is more: what is what for who comes from axum, nginx and haproxy in
//! front of it, deployment.
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
//! # Threads
//!
//! A client's handlers, timers and tasks run on one thread, its worker, from first to last. Code that
//! blocks that thread (`std::thread::sleep`, a synchronous database driver, a long computation) holds up
//! all clients of the worker: what takes long belongs in `tokio::task::spawn_blocking`.
//! `tokio::task::block_in_place` panics here, as workers are current-thread runtimes. A worker that has
//! not looked up for 500 ms is logged, with the handler that it is in. `docs/threads.md` says what runs
//! where and what blocks whom.
//!
//! # Inside another program
//!
//! [`Server::run`] is for a `main` of its own. [`Server::start`] is for a program that has a tokio
//! runtime already: the server then runs on threads of its own until [`Running::stop`].
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
//! let running = Server::new().listen(([127, 0, 0, 1], 0)).host(host).start().await?;
//! println!("listening on {}", running.address());
//! running.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # From the original
//!
//! The original is the PHP server Aerys of 2014, whose applications were generators that yielded
//! commands. Here a command is a method; what was `yield` is `.await`. The examples are in
//! `examples/`; a test is `file::function`, in `tests/promises/`, `tests/examples/` or `src/app/`.
//!
//! | the original | here | example | test |
//! | --- | --- | --- | --- |
//! | `yield 'send' => $msg` | [`client.send(m).await?`](Client::send) | `nested.rs` | `send::messages_come_back_in_order_and_of_the_same_kind` |
//! | `yield 'broadcast' => $msg` | [`endpoint.broadcast(m).await`](Endpoint::broadcast) | `user_count.rs` | `broadcast::those_hear_it_who_are_meant` |
//! | `yield 'broadcast' => [$msg, $include, []]` | [`.only(ids)`](command::Broadcast::only) | `even_odd.rs` | `gathering::even_odd_lets_those_hear_who_came_in_the_same_kind_of_second` |
//! | `yield 'broadcast' => [$msg, [], $exclude]` | [`.except(ids)`](command::Broadcast::except) | `nowait.rs` | `broadcast::those_hear_it_who_are_meant` |
//! | `yield 'close' => [$id, $code, $reason]` | [`client.close().code(c).reason(r).await`](Client::close) | `close_in_open.rs` | `close::a_close_inside_on_open_runs_on_close_first` |
//! | `yield 'inspect' => $id` | [`endpoint.client(id)`](Endpoint::client), [`client.inspect()`](Client::inspect) | `inspect.rs` | `inspect::another_can_be_looked_at_by_its_id_and_by_its_handle_after_it_has_gone` |
//! | `yield 'immediately' => $fn` | [`client.spawn(future)`](Client::spawn) | `nowait.rs` | `spawn::a_task_runs_while_a_handler_waits` |
//! | `yield 'once' => [$fn, $ms]` | [`client.once(after, f)`](Client::once) | `clock.rs` | `timers::once_calls_back_once_and_not_before_its_time` |
//! | `yield 'repeat' => [$fn, $ms]` | [`client.repeat(every, f)`](Client::repeat) | `clock.rs` | `timers::repeat_calls_back_again_and_again_the_first_time_after_one_period` |
//! | `yield 'onreadable' => [$stream, $fn]` | `client.on_readable(fd, f)` | `tail.rs` | `readiness::it_is_called_as_long_as_anything_is_left_and_not_for_nothing` |
//! | `yield 'onwritable' => [$stream, $fn]` | `client.on_writable(fd, f)` | `process.rs` | `readiness::it_is_called_when_there_is_room_to_write` |
//! | `yield 'wait' => $ms` | `tokio::time::sleep(time).await` | `nested.rs` | `sending::nested_counts_down_in_a_function_of_its_own` |
//! | `yield 'nowait' => $generator` | [`client.spawn(future)`](Client::spawn) | `nowait.rs` | `sending::nowait_answers_while_a_spawned_task_still_works` |
//! | the prefix `@`, as in `yield '@send'` | [`.nowait()`](command::Send::nowait) in place of `.await` | `nowait.rs` | `send::nowait_waits_for_nobody` |
//! | `yield 'disable' => $watcher` | [`watcher.disable()`](Watcher::disable) | `clock.rs` | `watching::clock_stops_a_stopwatch_and_lets_it_go_on` |
//! | `yield 'enable' => $watcher` | [`watcher.enable()`](Watcher::enable) | `clock.rs` | `timers::what_is_disabled_waits_and_starts_anew_when_it_is_enabled` |
//! | `yield 'cancel' => $watcher` | [`watcher.cancel()`](Watcher::cancel) | `clock.rs` | `timers::what_is_cancelled_has_ended_for_good` |
//! | `yield 'all' => [...]` | [`all(futures).await`](all()) | `combine.rs` | `combine::all_answers_every_value_or_the_first_error_at_once` |
//! | `yield 'any' => [...]` | [`any(futures).await`](any()) | `combine.rs` | `combine::any_keeps_successes_and_errors_apart` |
//! | `yield 'some' => [...]` | [`some(futures).await`](some()) | `combine.rs` | `combine::some_fails_only_if_every_one_failed_or_there_was_none` |
//! | a generator that yields a generator | an `async fn` that awaits another | `nested.rs` | `sending::nested_counts_down_in_a_function_of_its_own` |
//! | a caught `ClientGoneException` | [`Err(ClientGone)`](ClientGone) | `delivery.rs` | `send::a_send_to_a_client_that_has_gone_says_so` |
//! | an uncaught one, which does no harm | `?`, which does none | `nested.rs` | `faults::another_client_that_has_gone_is_no_fault` |
//! | any other exception | any error by `?`: 1011 | `nested.rs` | `faults::a_fault_closes_its_client_with_1011_and_tells_nobody_why` |
//! | `onOpen($id, $httpEnv)` | [`on_open`](Websocket::on_open), [`handshake.request()`](Handshake::request) | `authorize.rs` | `refuse::on_open_can_read_who_asks_for_what` |
//! | `yield 'status' => 401` | [`handshake.refuse(status)`](Handshake::refuse) | `authorize.rs` | `refuse::a_refusal_carries_its_status_reason_and_headers` |
//! | `yield 'reason' => $phrase` | [`refusal.reason(phrase)`](Refusal::reason) | `authorize.rs` | `answering::authorize_tells_who_has_none_what_to_bring` |
//! | `yield 'header' => $line` | [`handshake.header(n, v)`](Handshake::header), [`refusal.header(n, v)`](Refusal::header) | `authorize.rs` | `refuse::the_headers_of_the_handshake_are_not_the_applications_to_set` |
//! | the 101 leaves just in time | the same | `user_count.rs` | `just_in_time::nothing_is_on_the_wire_while_on_open_has_said_nothing` |
//! | `onData($id, $msg)` | [`on_data`](Websocket::on_data) | `user_count.rs` | `order::messages_of_one_client_are_handled_one_at_a_time_and_in_order` |
//! | `onClose($id, $code, $reason)` | [`on_close`](Websocket::on_close) | `close_in_open.rs` | `order::on_close_runs_once_however_the_client_goes` |
//! | `onStart()` | [`on_start`](Websocket::on_start) | `clock.rs` | `life::on_start_is_over_before_the_first_client_comes` |
//! | `onStop()` | [`on_stop`](Websocket::on_stop) | `delivery.rs` | `life::on_stop_runs_once_after_every_on_close_and_is_waited_for` |
//! | `maxFrameSize` | [`max_frame_size`](Options::max_frame_size) | `options.rs` | `limits::a_frame_that_only_claims_too_much_is_refused_at_its_header` |
//! | `maxMsgSize` | [`max_msg_size`](Options::max_msg_size) | `options.rs` | `limits::what_is_within_a_limit_is_echoed_and_what_is_not_closes_with_its_code` |
//! | `heartbeatPeriod` | [`heartbeat_period`](Options::heartbeat_period) | `options.rs` | `heartbeat::one_that_answers_its_pings_stays` |
//! | `closePeriod` | [`close_period`](Options::close_period) | `options.rs` | `close::a_peer_that_never_answers_a_close_is_cut_off_after_the_close_period` |
//! | `validateUtf8` | [`validate_utf8`](Options::validate_utf8) | `options.rs` | `limits::text_that_is_not_validated_is_checked_where_it_is_read_and_relayed_as_what_it_is` |
//! | `textOnly` | [`text_only`](Options::text_only) | `options.rs` | `serving::options_closes_what_is_too_much_or_of_the_wrong_kind` |
//! | `autoFrameSize` | [`auto_frame_size`](Options::auto_frame_size) | `options.rs` | `limits::a_long_message_is_sent_in_frames_of_the_size_asked_for` |
//! | `queuedPingLimit` | [`queued_ping_limit`](Options::queued_ping_limit) | `options.rs` | `heartbeat::one_that_answers_none_is_closed` |
//! | nothing: a slow client could be owed any amount | [`max_queued_bytes`](Options::max_queued_bytes) | `options.rs` | `overflow::one_that_is_owed_too_much_is_closed_unless_told_otherwise` |
//! | nothing | [`overflow`](Options::overflow) | `options.rs` | `overflow::the_latest_arrive_in_order_and_the_oldest_are_dropped` |
//! | nothing: `onOpen` had to look at the origin | [`allowed_origins`](Options::allowed_origins) | `origin.rs` | `rules::only_pages_of_allowed_origins_may_connect` |
//! | nothing: `onOpen` had to choose one | [`subprotocols`](Options::subprotocols) | `options.rs` | `rules::the_first_subprotocol_that_the_client_names_is_chosen_unless_on_open_chooses` |
//! | nothing: `onOpen` could think for ever | [`open_period`](Options::open_period) | `options.rs` | `rules::one_that_has_not_decided_in_time_is_answered_503_and_runs_to_its_end` |
//!
//! ## Where it differs, and why
//!
//! What an application sees:
//!
//! * A `send` names its client. The original's went to whoever had caused the event, and one in
//!   `onClose` could only fail: a [`Departure`] has no `send`.
//! * An awaited `send` has been handed to the kernel, and promises no more. The original's manual
//!   called that delivered, which only an answer from the client can tell.
//! * `nowait` is a method and not a prefix: one that is misspelt does not compile, and a command
//!   that is neither awaited nor let go is a warning.
//! * Errors travel by `?`, and a [`Failure`] takes any that implements `std::error::Error`, or others by
//!   `.map_err(Failure::new)?`; there is nothing to throw into a handler.
//! * A handshake is consumed by its answer, so that a second one does not compile, what `on_open`
//!   returns can be made of it alone, and a [`Status`] can only refuse.
//! * A close belongs to a client and not to an id. It comes back after `on_close` has run, as the
//!   original's did, and its code is 1000 unless set: an application that says goodbye has met no
//!   error.
//! * An empty list of recipients is no one, so that a group that has become empty does not turn into
//!   everybody. Everyone is what is meant when `only` is not called.
//! * A broadcast answers how many it reached, and one that nobody heard is no error.
//! * Each client's state is a value of the application's own type that comes and goes with it, where
//!   the original had arrays to keep in step by hand.
//! * `validate_utf8` is on: browsers hang up on text that is none, so whoever relays it has its
//!   listeners cut off.
//! * What is too large is closed with 1009, binary where only text is spoken with 1003, broken text
//!   with 1007, each in a CLOSE frame. The original called it 1008, and an oversized message ended
//!   without a CLOSE.
//! * A page of another site is refused unless it is allowed, since it would speak in its visitor's
//!   name.
//! * What a client may be owed is bounded, and so is how long `on_open` may think.
//!
//! What the original got wrong, and what is done here:
//!
//! * It sent every fragment with the message's opcode, and refused continuations. Fragments after
//!   the first are continuations, in both directions.
//! * It began the mask anew at each read, and shared unfinished payloads between clients. Both
//!   belong to one connection, however its bytes arrive.
//! * It did not wait for the answer to a CLOSE. A client has `close_period` for it.
//! * It delivered what came after a CLOSE. Nothing is.
//! * It sent an error's text as the reason of the 1011. That is logged, and nobody else's business.
//! * Its `inspect` ignored its argument. A client shows its own figures.
//! * Its watchers outlived their client. They end with it.
//! * It answered 426 without an `Upgrade` header, and refused `Connection: keep-alive, Upgrade`. The
//!   one is sent, the other understood.
//! * It never noticed a client that vanished during `onOpen`. That client has its `on_close`.

mod address;
mod app;
mod connection;
mod driver;
mod error;
// `http` is the crate, as users see it.
#[path = "http/mod.rs"]
mod http_server;
mod log;
mod options;
mod roster;
mod runtime;
mod server;
mod session;
mod sync;
mod transport;

/// The commands: what [`Client::send`], [`Endpoint::broadcast`] and [`Client::close`] return. Each is a
/// future: `.await` waits for its outcome, `.nowait()` does not, and neither means that nothing happens.
///
/// They are here and not at the root, where [`Send`](command::Send) would hide the language's:
///
/// ```
/// use aerys::*;
///
/// async fn greet<S: Send + Sync>(client: &Client<S>) -> Result<(), SendError> {
///     let greeting: command::Send<'_, S> = client.send("hello");
///     greeting.await
/// }
/// ```
pub mod command {
    pub use crate::app::{Broadcast, Close, Send};
}

// What is in the signatures.
pub use {bytes, http};

pub use aerys_proto::{
    CloseCode, Message, NotACloseCode,
    deflate::{Compression, CompressionError},
};

#[cfg(feature = "json")]
pub use aerys_proto::JsonError;

pub use crate::{
    address::{HostNameError, PathError},
    app::{
        Accepted, Client, Departure, Endpoint, Handshake, NoneSucceeded, Outcomes, Watcher,
        Websocket, all, any, some,
    },
    connection::{ClientId, Stats, Tally},
    error::{
        Failure, NotARefusal, QueryError, Refusal, RootError,
        SendError::{self, ClientGone},
        ServerError, Status,
    },
    http_server::{Body, BodyError, Host, Root},
    options::{Options, OptionsError, Origins, Overflow},
    server::{Running, Server},
    transport::{Listener, PeerAddr},
};

/// The README's examples are compiled with the rest, and those of the pages.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// And so are those of the pages beside it.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/threads.md")]
struct Threads;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/coming-from-axum.md")]
struct ComingFromAxum;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/behind-a-proxy.md")]
struct BehindAProxy;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/deployment.md")]
struct Deployment;
