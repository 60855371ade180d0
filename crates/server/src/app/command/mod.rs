//! What an application can ask for. Each command is a future: `.await` waits for its outcome,
//! `.nowait()` does not, and neither means that nothing happens.

mod broadcast;
mod close;
mod drop_warning;
mod keyed_send;
mod send;

pub use broadcast::Broadcast;
pub use close::Close;
pub use keyed_send::KeyedSend;
pub use send::Send;
