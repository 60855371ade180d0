//! A client that reads as slowly as it is told to.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::{TcpSocket, TcpStream},
    time::sleep,
};

/// Between two reads: for a peer, this is without a pause.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Reader {
    stream: TcpStream,
    /// How many bytes it has read.
    pub(crate) size: usize,
}

impl Reader {
    /// Sends a request from a socket with so large a receive buffer, in bytes, or a usual one.
    pub(crate) async fn ask(
        server: SocketAddr,
        receive_buffer: Option<u32>,
        request: &str,
    ) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if let Some(size) = receive_buffer {
            socket.set_recv_buffer_size(size)?;
        }
        let mut stream = socket.connect(server).await?;
        stream.write_all(request.as_bytes()).await?;
        Ok(Self { stream, size: 0 })
    }

    /// Reads so many bytes a second for so long, unless it ends before.
    pub(crate) async fn read_slowly(&mut self, rate: usize, period: Duration) -> io::Result<()> {
        let (begin, before) = (Instant::now(), self.size);
        let mut buffer = vec![0; 64 << 10];
        while begin.elapsed() < period {
            sleep(PAUSE).await;
            let due = (begin.elapsed().as_secs_f64() * rate as f64) as usize;
            while self.size - before < due {
                let room = (due + before - self.size).min(buffer.len());
                match self.stream.read(&mut buffer[..room]).await? {
                    0 => return Ok(()),
                    count => self.size += count,
                }
            }
        }
        Ok(())
    }

    /// Reads all that is left, as fast as it comes.
    pub(crate) async fn read_to_end(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            match self.stream.read(&mut buffer).await? {
                0 => return Ok(()),
                count => self.size += count,
            }
        }
    }

    /// Waits, without reading, until the connection is reset.
    pub(crate) async fn is_reset(&self) -> io::Result<()> {
        self.stream.ready(Interest::ERROR).await.map(drop)
    }
}
