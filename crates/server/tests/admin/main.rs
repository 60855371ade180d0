//! The admin page as browsers and others find it: who is let in, what is told, what is done, and for how long it is there.

mod closing;
mod feed;
mod life;
mod refused;
mod routes;
mod stage;
mod walk;
