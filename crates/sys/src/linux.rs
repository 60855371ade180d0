//! What Linux tells.

use std::{
    ffi::c_int,
    io,
    os::fd::{AsFd, AsRawFd},
};

use bytes::BufMut;

/// `SIOCOUTQ` of tcp(7), which has the number of `TIOCOUTQ`.
#[allow(unsafe_code)]
pub fn unacknowledged(socket: &impl AsFd) -> Option<usize> {
    let socket = socket.as_fd();
    let mut queued: c_int = 0;
    // SAFETY: The descriptor is open for as long as it is borrowed. This request writes one
    // `int` to where its argument points, for sockets and terminals alike, which is what is
    // there, and keeps no pointer to it. Whatever else the descriptor is, it answers an error.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut queued) };
    if answer == 0 { queued.try_into().ok() } else { None }
}

/// Reads once from a socket to where there is `room`, which need not be initialized; answers how much.
/// Nothing is the end.
///
/// # Errors
///
/// Those of recv(2).
#[allow(unsafe_code)]
pub fn receive(socket: &impl AsFd, room: &mut impl BufMut) -> io::Result<usize> {
    let socket = socket.as_fd();
    let chunk = room.chunk_mut();
    // SAFETY: The descriptor is open for as long as it is borrowed. The memory is the chunk's, as
    // `BufMut` promises, and the kernel writes no more than its length to it.
    let read = unsafe { libc::recv(socket.as_raw_fd(), chunk.as_mut_ptr().cast(), chunk.len(), 0) };
    let Ok(read) = usize::try_from(read) else { return Err(io::Error::last_os_error()) };
    // SAFETY: So many bytes at the beginning of the chunk have been written.
    unsafe { room.advance_mut(read) };
    Ok(read)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{self, Read, Write},
        net::{Ipv4Addr, TcpListener, TcpStream},
    };

    use super::*;

    #[test]
    fn what_the_peer_has_no_room_for_is_not_acknowledged() -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut peer = TcpStream::connect(listener.local_addr()?)?;
        let (mut socket, _) = listener.accept()?;
        assert_eq!(unacknowledged(&socket), Some(0));
        socket.set_nonblocking(true)?;
        let mut written = 0;
        loop {
            match socket.write(&[0; 64 * 1024]) {
                Ok(size) => written += size,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let held = unacknowledged(&socket).expect("Linux tells");
        assert!(0 < held && held < written, "{held} of {written}");
        peer.read_exact(&mut vec![0; written])?;
        // Whoever has read the last byte has acknowledged it, as the kernel gets to it.
        while unacknowledged(&socket) != Some(0) {
            std::thread::yield_now();
        }
        Ok(())
    }

    #[test]
    fn what_is_read_fills_the_room_that_there_is() -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut peer = TcpStream::connect(listener.local_addr()?)?;
        let (socket, _) = listener.accept()?;
        peer.write_all(b"hello")?;
        drop(peer);
        let mut read = Vec::with_capacity(100);
        assert_eq!(receive(&socket, &mut (&mut read).limit(2))?, 2);
        while receive(&socket, &mut read)? > 0 {}
        assert_eq!(read, b"hello");
        assert_eq!(
            receive(&File::open("/dev/null")?, &mut read).unwrap_err().raw_os_error(),
            Some(libc::ENOTSOCK)
        );
        Ok(())
    }

    #[test]
    fn what_has_no_such_queue_does_not_tell() -> io::Result<()> {
        assert_eq!(unacknowledged(&File::open("/dev/null")?), None);
        assert_eq!(unacknowledged(&TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?), None);
        Ok(())
    }
}
