//! The floors' event loop: one thread, one epoll, and each socket served when it is ready.

use std::io::ErrorKind;

use anyhow::Result;
use mio::{
    Events, Interest, Poll, Token,
    event::Event,
    net::{TcpListener, TcpStream},
};
use slab::Slab;

use super::{Settings, socket};

const LISTENER: Token = Token(usize::MAX - 1);

/// A socket, and what is kept for it.
pub(super) struct Connection<S> {
    pub(super) stream: TcpStream,
    pub(super) session: S,
}

/// Accepts connections and has `ready` serve them. An event's token is its connection's key.
///
/// Events come at the edge: a socket is to be served until it would block.
pub(super) fn serve<S: Default>(
    settings: &Settings,
    mut ready: impl FnMut(&Event, &mut Slab<Connection<S>>),
) -> Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::from_std(socket::listen(settings)?);
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut connections = Slab::new();
    let mut events = Events::with_capacity(1024);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            outcome => outcome?,
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut connections)?;
            } else {
                ready(event, &mut connections);
            }
        }
    }
}

fn accept<S: Default>(
    listener: &TcpListener,
    poll: &Poll,
    connections: &mut Slab<Connection<S>>,
) -> Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            accepted => accepted?.0,
        };
        stream.set_nodelay(true)?;
        let entry = connections.vacant_entry();
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(entry.key()), interest)?;
        entry.insert(Connection { stream, session: S::default() });
    }
}
