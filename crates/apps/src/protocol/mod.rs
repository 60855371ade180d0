//! What server and process say to each other, as pure state: bytes in, frames out, and the other way.
//!
//! `docs/applications.md` in the repository has the rules. [`Decoder`] makes frames of a stream, [`FromProcess`] says
//! what a process means by one, and [`ToProcess`] writes what the server says.

mod command;
mod event;
mod frame;

pub use self::{
    command::{Audience, Command, FromProcess, Hello, Malformed},
    event::{EndpointPlace, Outcome, Start, ToProcess},
    frame::{Decoder, FRAME_HEAD, Frame, FrameError, Head, Kind},
};

/// The latest version of the protocol that is spoken here.
pub const VERSION: u32 = 1;
