//! The floor: epoll, and for each socket that is ready one read and one write.

use anyhow::Result;
use mio::event::Event;
use slab::Slab;

use super::{
    READ, Settings,
    epoll::{self, Connection},
    frames::MARGIN,
    session::{Progress, Session},
};

/// Runs the server.
pub(super) fn serve(settings: &Settings) -> Result<()> {
    let mut buffer = vec![0; MARGIN + READ];
    epoll::serve(settings, |event, connections| serve_ready(event, connections, &mut buffer))
}

/// Serves one that is ready until it has no more.
fn serve_ready(event: &Event, connections: &mut Slab<Connection<Session>>, buffer: &mut [u8]) {
    let key = event.token().0;
    let Some(Connection { stream, session }) = connections.get_mut(key) else { return };
    let stays = loop {
        match session.step(stream, buffer) {
            Ok(Progress::Full) => {}
            // There is no other event when one that has hung up has nothing more to say.
            Ok(Progress::Short | Progress::Blocked) => break !event.is_read_closed(),
            Ok(Progress::Over) | Err(_) => break false,
        }
    };
    if !stays {
        connections.remove(key);
    }
}
