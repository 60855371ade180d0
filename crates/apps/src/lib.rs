//! Applications of [`aerys`] in other languages: processes that it starts, and speaks with over one stream.
//!
//! ```no_run
//! use aerys::{Host, Server, ServerError};
//! use aerys_apps::{Application, ProcessOptions};
//!
//! # fn main() -> Result<(), ServerError> {
//! let chat = Application::processes(ProcessOptions::new(["php", "chat.php"]).processes(2));
//! Server::new().host(Host::new("mysite.com").websocket("/chat", chat)).run()
//! # }
//! ```
//!
//! A process is started with the server, and again when it has gone; its clients are closed with 1012 then. What the two say
//! to each other is in [`protocol`], and in `docs/applications.md` of the repository. How processes are is told by
//! [`metrics`].
//!
//! ```text
//! on_open, on_data, on_close (endpoint) ── conversation ──▶ outgoing ──▶ driver ──▶ process
//!                                                │                         │
//!                   clients, endpoints ◀──────── execute ◀─────────────────┘
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg(unix)]

mod child;
mod command;
mod conversation;
mod driver;
mod endpoint;
mod endpoints;
mod error;
mod execute;
mod figures;
mod lines;
mod link;
mod options;
mod outgoing;
mod output;
#[cfg(feature = "config")]
mod plan;
mod pool;
mod probe;
pub mod protocol;
mod ration;
mod request;
mod stats;
mod stream;
mod supervisor;

#[cfg(feature = "config")]
pub use self::plan::{Plan, PlanError, Programs};
pub use self::{
    endpoint::{Application, Held, Reloader},
    error::StartError,
    figures::metrics,
    options::{OptionsError, ProcessOptions},
    probe::{ProbeError, probe},
};
