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
    /// The last four of them.
    last: Vec<u8>,
}

impl Reader {
    /// Sends a request from a socket with so large a receive buffer, in bytes, or a usual one.
    pub(crate) async fn ask(
        server: SocketAddr,
        receive_buffer: Option<u32>,
        request: impl AsRef<[u8]>,
    ) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if let Some(size) = receive_buffer {
            socket.set_recv_buffer_size(size)?;
        }
        let mut stream = socket.connect(server).await?;
        stream.write_all(request.as_ref()).await?;
        Ok(Self { stream, size: 0, last: Vec::new() })
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
                if !self.read(&mut buffer[..room]).await? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Reads all that is left, as fast as it comes.
    pub(crate) async fn read_to_end(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        while self.read(&mut buffer).await? {}
        Ok(())
    }

    /// Says something more.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The last four bytes that it has read.
    pub(crate) fn last(&self) -> &[u8] {
        &self.last
    }

    /// Reads once; whether there was anything.
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        let count = self.stream.read(buffer).await?;
        self.size += count;
        self.last.extend_from_slice(&buffer[..count]);
        self.last.drain(..self.last.len().saturating_sub(4));
        Ok(count > 0)
    }

    /// Waits, without reading, until the connection is reset.
    pub(crate) async fn is_reset(&self) -> io::Result<()> {
        self.stream.ready(Interest::ERROR).await.map(drop)
    }
}
