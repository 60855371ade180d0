//! What the server promises, each promise over a real socket: one file for each.

mod bad_requests;
mod broadcast;
mod close;
mod close_codes;
mod common;
mod faults;
mod files;
mod heartbeat;
mod hosts;
mod just_in_time;
mod limits;
mod order;
mod refuse;
mod send;
mod service;
mod slow;
mod stop;
mod vanishing;
