//! The end of a connection whose last response may still be on its way.
//!
//! A socket that is closed with something unread resets the connection, and the peer loses what it
//! has not read of the response. So the peer is told that nothing more comes, what it still sends is
//! thrown away, within bounds, and the socket is closed when the peer's kernel has all of it. Where the
//! system does not tell, that is when the peer has ended its side too, or falls silent.

use std::{
    future::poll_fn,
    pin::pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    socket::Socket,
    stall::{Sending, StallTimer},
};
use crate::transport::Transport;

/// How much is thrown away, and how much of it at a time, in bytes. More of a body than this is
/// its sender's loss.
const MAX_DRAINED: usize = 16 * 1024 * 1024;
const DRAINED_AT_ONCE: usize = 256 * 1024;

/// For how long, at most, and without a byte.
const DRAIN_PERIOD: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_secs(5);

/// How often it is looked whether everything has arrived.
const LINGER_LOOK_PERIOD: Duration = Duration::from_secs(1);

/// Waits until a socket can be closed. What the kernel has when the server stops is left to it.
pub(super) async fn linger<T: Transport>(
    socket: &Socket<T>,
    sends_more: bool,
    stall: &mut StallTimer,
    stop: &CancellationToken,
) {
    let (mut shutting_down, mut is_shut) = (pin!(socket.shut_down()), false);
    let sends_more = sends_more || socket.is_arrival_unknown();
    let begin = Instant::now();
    let mut drain = Drain { sends_more, size: 0, heard: begin };
    let mut stopped = pin!(stop.cancelled());
    let mut look = pin!(sleep(LINGER_LOOK_PERIOD));
    poll_fn(|cx| {
        loop {
            if !is_shut && let Poll::Ready(outcome) = shutting_down.as_mut().poll(cx) {
                if outcome.is_err() {
                    return Poll::Ready(());
                }
                is_shut = true;
            }
            if drain.poll_end(socket, cx).is_ready() {
                return Poll::Ready(());
            }
            if is_shut && !drain.sends_more && socket.progress().owed == 0 {
                return Poll::Ready(());
            }
            if stall.poll(socket, cx).is_ready() {
                socket.transport.reset_on_close();
                return Poll::Ready(());
            }
            if stopped.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            if look.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let now = Instant::now();
            if now - drain.heard >= SILENCE || now - begin >= DRAIN_PERIOD {
                drain.sends_more = false;
            }
            look.as_mut().reset(now + LINGER_LOOK_PERIOD);
        }
    })
    .await;
}

/// What comes in while nothing is of interest any more.
struct Drain {
    /// Whether more is waited for, its end at least.
    sends_more: bool,
    /// In bytes.
    size: usize,
    heard: Instant,
}

impl Drain {
    /// Throws away what there is; ready if the connection is over, or too much has come.
    fn poll_end<T: Transport>(&mut self, socket: &Socket<T>, cx: &mut Context<'_>) -> Poll<()> {
        let (mut buffer, most) = ([0; 8 * 1024], MAX_DRAINED.min(self.size + DRAINED_AT_ONCE));
        while self.size < most {
            match socket.poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(0)) => {
                    self.sends_more = false;
                    return Poll::Pending;
                }
                Poll::Ready(Ok(count)) => {
                    self.size += count;
                    self.heard = Instant::now();
                }
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        if self.size >= MAX_DRAINED {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::{
        io::AsyncWriteExt,
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::transport::{self, Reactor};

    #[tokio::test]
    async fn no_more_than_its_bound_is_thrown_away_however_little_comes_at_once() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        Reactor::run_here();
        let accepted = listener.accept().await.unwrap().0.into_std().unwrap();
        let socket = Socket::new(transport::TcpStream::from_std(accepted).unwrap());
        let mut drain = Drain { sends_more: true, size: 0, heard: Instant::now() };
        let piece = [0; 16 * 1024];
        for sent in (piece.len()..).step_by(piece.len()) {
            peer.write_all(&piece).await.unwrap();
            // Until all of this piece has come, or that was enough.
            let is_over = poll_fn(|cx| match drain.poll_end(&socket, cx) {
                Poll::Pending if drain.size < sent => Poll::Pending,
                end => Poll::Ready(end.is_ready()),
            });
            if is_over.await {
                break;
            }
            assert!(sent < MAX_DRAINED, "{sent} bytes were taken");
        }
        assert_eq!(drain.size, MAX_DRAINED);
    }
}
