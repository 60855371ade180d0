//! Clients that others have written talk to the server, so that both sides of the protocol are not
//! of one mind by being of one making: one file for each client. So do real proxies (`proxies`).
//!
//! What Python and node need is installed by `setup.sh`, once and of the versions pinned here.
#![cfg(unix)]

mod agreement;
mod browser;
mod chromium;
mod curl;
mod foreign;
mod http2;
mod program;
mod proxies;
mod room;
mod scripts;
mod stage;
mod tungstenite;
