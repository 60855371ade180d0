//! The proxies of `docs/behind-a-proxy.md`, with the very configurations that are shown there, between
//! a client and the server.

mod identity;
mod origin;
mod page;
mod proxy;
mod websocket;
