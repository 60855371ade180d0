//! The floor within TLS: `floor-tokio` around rustls' own state, whose buffers all connections share.
//!
//! What rustls keeps for a connection that is at rest is what this has more of than that.

use std::{
    cell::RefCell,
    future::poll_fn,
    io::{self, ErrorKind, Read, Write},
    sync::Arc,
    task::Poll,
};

use anyhow::{Context as _, Result};
use rustls::{
    ServerConfig,
    server::UnbufferedServerConnection,
    unbuffered::{
        ConnectionState, EncodeError, EncodeTlsData, InsufficientSizeError, UnbufferedStatus,
    },
};
use tokio::net::TcpStream;

use super::{
    READ, Settings,
    floor_tokio::Socket,
    frames::MARGIN,
    session::{self, Progress, Session},
    socket,
};

/// The most that one record carries (RFC 8446 §5.1), in bytes.
const RECORD: usize = 16 * 1024;

/// What the records of one write take beside what they carry, at most, in bytes.
const OVERHEAD: usize = 1024;

/// Runs the server.
pub(super) fn serve(settings: &Settings) -> Result<()> {
    let files = settings.tls.as_ref().context("it needs a certificate: it speaks TLS alone")?;
    let config = files.config()?;
    socket::serve(settings, move |stream| serve_connection(stream, Arc::clone(&config)))
}

async fn serve_connection(mut stream: TcpStream, config: Arc<ServerConfig>) -> Result<()> {
    let connection = UnbufferedServerConnection::new(config)?;
    let mut tls = Box::new(Tls { connection, partial: Vec::new(), outgoing: Vec::new() });
    let mut session = Session::default();
    poll_fn(|context| {
        BUFFERS.with_borrow_mut(|Buffers { plaintext, ciphertext }| {
            let socket = Socket { stream: &mut stream, context };
            let mut within = Within { socket, tls: &mut tls, ciphertext };
            loop {
                match session.step(&mut within, plaintext)? {
                    Progress::Full | Progress::Short => {}
                    Progress::Blocked => {
                        within.send()?;
                        return Poll::Pending;
                    }
                    Progress::Over => return Poll::Ready(Ok(())),
                }
            }
        })
    })
    .await
}

/// What there is of a connection between two turns.
struct Tls {
    connection: UnbufferedServerConnection,
    /// A record that has not come whole.
    partial: Vec<u8>,
    /// What the kernel did not take at once.
    outgoing: Vec<u8>,
}

impl Tls {
    /// Decrypts to `plaintext`, which is no shorter than `input`; answers how much was used, and how much
    /// came of it.
    fn receive(
        &mut self,
        input: &mut [u8],
        plaintext: &mut [u8],
    ) -> Result<(usize, usize), rustls::Error> {
        let (mut used, mut len) = (0, 0);
        loop {
            let UnbufferedStatus { discard, state } =
                self.connection.process_tls_records(&mut input[used..]);
            match state? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let payload = record?.payload;
                        plaintext[len..len + payload.len()].copy_from_slice(payload);
                        len += payload.len();
                    }
                }
                ConnectionState::EncodeTlsData(data) => encode(data, &mut self.outgoing),
                ConnectionState::TransmitTlsData(data) => data.done(),
                // The socket's own end follows.
                ConnectionState::PeerClosed => {}
                _ => return Ok((used + discard, len)),
            }
            used += discard;
        }
    }
}

/// A socket as it is within TLS.
struct Within<'a, 'b> {
    socket: Socket<'a, 'b, TcpStream>,
    tls: &'a mut Tls,
    ciphertext: &'a mut [u8],
}

impl Within<'_, '_> {
    /// Writes what is left; answers whether that was all.
    fn send(&mut self) -> io::Result<bool> {
        let outgoing = &mut self.tls.outgoing;
        let written = session::write(&mut self.socket, outgoing)?;
        outgoing.drain(..written);
        if outgoing.is_empty() {
            *outgoing = Vec::new();
        }
        Ok(outgoing.is_empty())
    }
}

impl Read for Within<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Self { socket, tls, ciphertext } = self;
            let kept = tls.partial.len();
            let end = match socket.read(&mut ciphertext[kept..READ])? {
                0 => return Ok(0),
                read => kept + read,
            };
            ciphertext[..kept].copy_from_slice(&std::mem::take(&mut tls.partial));
            let input = &mut ciphertext[..end];
            let received = tls.receive(input, buffer);
            let (used, len) = received.map_err(io::Error::other)?;
            tls.partial.extend_from_slice(&input[used..]);
            self.send()?;
            if len > 0 {
                return Ok(len);
            }
        }
    }
}

impl Write for Within<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.send()? {
            return Err(ErrorKind::WouldBlock.into());
        }
        let Self { socket, tls, ciphertext } = self;
        let status = tls.connection.process_tls_records(&mut []);
        let ConnectionState::WriteTraffic(mut traffic) = status.state.map_err(io::Error::other)?
        else {
            return Err(ErrorKind::BrokenPipe.into());
        };
        let mut filled = 0;
        for record in bytes.chunks(RECORD) {
            let encrypted = traffic.encrypt(record, &mut ciphertext[filled..]);
            filled += encrypted.map_err(io::Error::other)?;
        }
        let written = session::write(socket, &ciphertext[..filled])?;
        tls.outgoing.extend_from_slice(&ciphertext[written..filled]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Puts a message of TLS itself behind `outgoing`.
fn encode<D>(mut data: EncodeTlsData<'_, D>, outgoing: &mut Vec<u8>) {
    let end = outgoing.len();
    if let Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) =
        data.encode(&mut [])
    {
        outgoing.resize(end + required_size, 0);
        let size = data.encode(&mut outgoing[end..]).unwrap_or_default();
        outgoing.truncate(end + size);
    }
}

struct Buffers {
    plaintext: Vec<u8>,
    ciphertext: Vec<u8>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers {
        plaintext: vec![0; MARGIN + READ],
        ciphertext: vec![0; MARGIN + READ + OVERHEAD],
    });
}
