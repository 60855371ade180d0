//! Over TCP, on the loopback.

use std::{fs, io, net::SocketAddr, time::Duration};

use aerys::{PeerAddr, Server, ServerError};
use futures_util::{FutureExt, future::LocalBoxFuture};
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};

use super::{Connection, Running, Serving, Stream};

pub(super) async fn start(server: Server) -> Result<Running, ServerError> {
    let server = server.listen(([127, 0, 0, 1], 0)).start().await?;
    Ok(Box::new(server))
}

impl Serving for aerys::Running {
    fn connect(&self) -> LocalBoxFuture<'_, io::Result<Stream>> {
        async { Ok(Box::new(TcpStream::connect(self.address()).await?) as Stream) }.boxed_local()
    }

    fn connect_narrow(&self) -> LocalBoxFuture<'_, io::Result<Stream>> {
        let connect = async {
            let socket = TcpSocket::new_v4()?;
            socket.set_recv_buffer_size(4096)?;
            Ok(Box::new(socket.connect(self.address()).await?) as Stream)
        };
        connect.boxed_local()
    }

    fn stop(self: Box<Self>) -> LocalBoxFuture<'static, ()> {
        aerys::Running::stop(*self).boxed_local()
    }
}

impl Connection for TcpStream {
    fn peer_addr(&self) -> PeerAddr {
        self.local_addr().expect("it is connected").into()
    }

    fn is_acknowledged(&self) -> bool {
        let port = |address: io::Result<SocketAddr>| {
            format!(":{:04X}", address.expect("it is connected").port())
        };
        let (ours, theirs) = (port(self.local_addr()), port(TcpStream::peer_addr(self)));
        let Ok(table) = fs::read_to_string("/proc/net/tcp") else { return true };
        table.lines().any(|line| {
            // Its number, both addresses, its state, and how much waits to be sent, and to be read.
            let fields: Vec<_> = line.split_whitespace().collect();
            fields[1].ends_with(&ours)
                && fields[2].ends_with(&theirs)
                && fields[4].starts_with("00000000:")
        })
    }

    fn send_at_once(&self) {
        self.set_nodelay(true).expect("it may be asked for");
    }

    fn reset(self: Box<Self>) {
        let lingers = SockRef::from(&*self).set_linger(Some(Duration::ZERO));
        lingers.expect("the socket lingers as it is told");
    }
}
