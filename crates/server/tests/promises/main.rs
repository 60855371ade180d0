//! What the server promises: one file for each promise.
//!
//! They are kept over TCP, and from this one source over TLS, over Unix sockets and in memory too:
//! `AERYS_PROMISES_OVER` says over what (`common/transport`). What stands in a module `over_tcp` is kept over
//! TCP alone, what stands in one named `over_sockets` not in memory, and what is `in_clear_text` not within TLS;
//! each says why.

#![cfg_attr(
    not(all(feature = "compression", feature = "files")),
    allow(dead_code, unused_imports, reason = "what is common to all tests is not needed by some")
)]

mod access;
#[cfg(feature = "compression")]
mod at_rest;
#[cfg(feature = "files")]
mod bad_requests;
#[cfg(feature = "files")]
mod bounded;
mod broadcast;
mod close;
mod close_codes;
mod cluster;
mod combinators;
mod common;
#[cfg(feature = "compression")]
mod compression;
mod delivery;
mod destructors;
mod early;
#[cfg(feature = "compression")]
mod ends;
mod faults;
#[cfg(feature = "files")]
mod files;
mod foreign;
#[cfg(debug_assertions)]
mod forgotten;
mod groups;
#[cfg(feature = "files")]
mod half_closed;
mod heartbeat;
#[cfg(feature = "compression")]
mod holding;
#[cfg(feature = "files")]
mod hosts;
mod inspect;
mod just_in_time;
mod keyed;
mod life;
mod limits;
mod logging;
mod max_clients;
mod much;
#[cfg(all(feature = "compression", feature = "files"))]
mod nonsense;
mod order;
mod over_sockets;
mod over_tcp;
mod overflow;
mod own;
#[cfg(feature = "files")]
mod pages;
mod paths;
mod presence;
#[cfg(unix)]
mod readiness;
mod refuse;
mod request;
#[cfg(feature = "files")]
mod request_bodies;
mod rules;
mod send;
#[cfg(feature = "files")]
mod service;
mod slow;
#[cfg(feature = "files")]
mod slow_readers;
mod spawn;
mod stop;
#[cfg(feature = "files")]
mod stop_http;
mod switching;
mod timers;
#[cfg(feature = "compression")]
mod turns;
#[cfg(not(feature = "compression"))]
mod uncompressed;
mod vanishing;
