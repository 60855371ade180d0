//! Three nodes of a cluster as processes, on real servers of NATS, with three hundred clients of which some move about,
//! while something goes wrong: what `docs/cluster.md` promises holds, and what is lost is counted.
//!
//! `cargo test -p aerys-cli --test cluster -- --ignored`. Each message says who has said it, its number and its room: so
//! it is seen that nobody hears anything twice, out of order, or that was not for it, and what was lost.

mod bus;
#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod cut;
mod docs;
#[path = "../../../nats/tests/nats/server.rs"]
mod nats;
mod node;
mod nodes;
mod proxy;
mod record;
mod residents;
mod slow;
mod stage;
