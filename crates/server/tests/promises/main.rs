//! What the server promises, each promise over a real socket: one file for each.

mod bad_requests;
mod blocking;
mod bounded;
mod broadcast;
mod close;
mod close_codes;
mod combinators;
mod common;
mod compression;
mod delivery;
mod ends;
mod faults;
mod files;
mod foreign;
#[cfg(debug_assertions)]
mod forgotten;
mod half_closed;
mod heartbeat;
mod holding;
mod hosts;
mod inspect;
mod just_in_time;
mod life;
mod limits;
mod logging;
mod nonsense;
mod order;
mod overflow;
mod own;
mod pages;
mod paths;
#[cfg(unix)]
mod readiness;
mod refuse;
mod request_bodies;
mod rules;
mod send;
mod service;
mod slow;
mod slow_readers;
mod spawn;
mod stop;
mod stop_http;
mod timers;
mod turns;
mod vanishing;
