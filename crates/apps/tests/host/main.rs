//! Applications in processes of their own: programs in Python that speak the protocol with nothing but what Python
//! brings, and websockets on the other side.

#![cfg(unix)]

mod backpressure;
mod commands;
mod common;
mod echo;
mod life;
mod metrics;
