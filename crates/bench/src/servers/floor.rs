//! The floor: epoll, and for each socket that is ready one read and one write.

use std::io::ErrorKind;

use anyhow::Result;
use mio::{
    Events, Interest, Poll, Token,
    event::Event,
    net::{TcpListener, TcpStream},
};
use slab::Slab;

use super::{
    READ, Settings,
    frames::MARGIN,
    session::{Progress, Session},
    socket,
};

const LISTENER: Token = Token(usize::MAX - 1);

/// Runs the server.
pub(super) fn serve(settings: &Settings) -> Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::from_std(socket::listen(settings)?);
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut connections = Slab::new();
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; MARGIN + READ];
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            outcome => outcome?,
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut connections)?;
            } else {
                serve_connection(event, &mut connections, &mut buffer);
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    session: Session,
}

fn accept(listener: &TcpListener, poll: &Poll, connections: &mut Slab<Connection>) -> Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            accepted => accepted?.0,
        };
        stream.set_nodelay(true)?;
        let entry = connections.vacant_entry();
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(entry.key()), interest)?;
        entry.insert(Connection { stream, session: Session::new() });
    }
}

/// Serves one that is ready. Its events come at the edge, so it is served until it has no more.
fn serve_connection(event: &Event, connections: &mut Slab<Connection>, buffer: &mut [u8]) {
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
