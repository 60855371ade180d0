//! TLS as pure state: ciphertext in, plaintext out, and back. No I/O.
//!
//! Rustls keeps the keys and what a handshake needs; the bytes are ours. A session at rest owns none: what is
//! read is decrypted where it was read, and what is written leaves from where it was encrypted, unless a
//! record is not whole or the socket does not take it.

use std::{io, mem, sync::Arc};

use bytes::BufMut;
use rustls::{
    ServerConfig,
    server::UnbufferedServerConnection,
    unbuffered::{
        ConnectionState, EncodeError, EncodeTlsData, EncryptError, InsufficientSizeError,
        UnbufferedStatus,
    },
};

/// The most that one record carries (RFC 8446 §5.1), in bytes.
pub(super) const RECORD: usize = 16 * 1024;

/// What a record takes beside that, at most (RFC 5246 §6.2.3), in bytes.
pub(super) const RECORD_OVERHEAD: usize = 2048 + 5;

pub(super) struct Session {
    connection: UnbufferedServerConnection,
    /// What has arrived of a record, or of a message of the handshake, that is not whole.
    partial: Vec<u8>,
    /// What was decrypted and not taken yet.
    plaintext: Vec<u8>,
    /// What is to be sent.
    outgoing: Vec<u8>,
    /// Nothing more will come.
    has_ended: bool,
    has_closed: bool,
    /// Something was wrong: but for the alert nothing can be said or heard any more.
    has_failed: bool,
}

impl Session {
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        Ok(Self {
            connection: UnbufferedServerConnection::new(config)?,
            partial: Vec::new(),
            plaintext: Vec::new(),
            outgoing: Vec::new(),
            has_ended: false,
            has_closed: false,
            has_failed: false,
        })
    }

    pub(super) fn connection(&self) -> &UnbufferedServerConnection {
        &self.connection
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// What is to be sent, to be taken from its front.
    pub(super) fn outgoing(&mut self) -> &mut Vec<u8> {
        &mut self.outgoing
    }

    /// How much memory it has for bytes that are on their way.
    #[cfg(test)]
    pub(super) fn buffered(&self) -> usize {
        self.partial.capacity() + self.plaintext.capacity() + self.outgoing.capacity()
    }

    /// Whether there is something to read, or the end.
    pub(super) fn is_readable(&self) -> bool {
        !self.plaintext.is_empty() || self.has_ended
    }

    /// Puts what was decrypted to `room`, and answers how much; nothing if there is none, and at the end.
    pub(super) fn read(&mut self, room: &mut impl BufMut) -> usize {
        let size = self.plaintext.len().min(room.remaining_mut());
        room.put_slice(&self.plaintext[..size]);
        if size == self.plaintext.len() {
            self.plaintext = Vec::new();
        } else {
            self.plaintext.drain(..size);
        }
        size
    }

    /// The transport has ended. One that said nothing of it in TLS is not told from one that did: what is
    /// within says whether it was whole.
    pub(super) fn end(&mut self) {
        self.has_ended = true;
    }

    /// Takes in what has arrived, which is written over. What it decrypts goes to `take`, which answers how
    /// much of that it had room for; the rest waits to be [read](Self::read).
    ///
    /// # Errors
    ///
    /// If it is no TLS, or not to be trusted. The alert that says so is to be sent.
    pub(super) fn receive(
        &mut self,
        input: &mut [u8],
        take: &mut dyn FnMut(&[u8]) -> usize,
    ) -> io::Result<()> {
        self.check()?;
        let rest = &mut self.plaintext;
        let mut take = |record: &[u8]| {
            let taken = if rest.is_empty() { take(record) } else { 0 };
            rest.extend_from_slice(&record[taken..]);
        };
        let outcome = if self.partial.is_empty() {
            let (used, outcome) =
                process(&mut self.connection, input, &mut self.outgoing, &mut take);
            self.partial.extend_from_slice(&input[used..]);
            outcome
        } else {
            self.partial.extend_from_slice(input);
            let partial = &mut self.partial;
            let (used, outcome) =
                process(&mut self.connection, partial, &mut self.outgoing, &mut take);
            partial.drain(..used);
            if partial.is_empty() {
                self.partial = Vec::new();
            }
            outcome
        };
        self.has_failed = outcome.is_err();
        self.has_ended |= outcome.map_err(invalid)? == Progress::Ended;
        Ok(())
    }

    fn check(&self) -> io::Result<()> {
        if self.has_failed { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }

    /// Encrypts what of `plaintext` there is room for behind the `filled` bytes of `output`, and answers how
    /// much that was. What TLS itself has to say in between becomes outgoing, behind what was there.
    pub(super) fn encrypt(
        &mut self,
        plaintext: &[u8],
        output: &mut [u8],
        filled: &mut usize,
    ) -> io::Result<usize> {
        self.check()?;
        loop {
            let UnbufferedStatus { discard, state } =
                self.connection.process_tls_records(&mut self.partial);
            match state.map_err(invalid)? {
                ConnectionState::WriteTraffic(mut traffic) => {
                    let mut taken = 0;
                    for record in plaintext.chunks(RECORD) {
                        match traffic.encrypt(record, &mut output[*filled..]) {
                            Ok(size) => *filled += size,
                            Err(EncryptError::InsufficientSize(_)) => break,
                            Err(error) => return Err(io::Error::other(error)),
                        }
                        taken += record.len();
                    }
                    return Ok(taken);
                }
                ConnectionState::EncodeTlsData(data) => {
                    self.outgoing.extend_from_slice(&output[..*filled]);
                    *filled = 0;
                    encode(data, &mut self.outgoing);
                }
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        self.plaintext.extend_from_slice(record.map_err(invalid)?.payload);
                    }
                }
                ConnectionState::PeerClosed => self.has_ended = true,
                _ => return Err(io::ErrorKind::BrokenPipe.into()),
            }
            self.partial.drain(..discard);
        }
    }

    /// Says that nothing more will be sent (RFC 8446 §6.1). Once.
    pub(super) fn close(&mut self) -> io::Result<()> {
        if self.has_failed || mem::replace(&mut self.has_closed, true) {
            return Ok(());
        }
        let UnbufferedStatus { state, .. } = self.connection.process_tls_records(&mut self.partial);
        if let ConnectionState::WriteTraffic(mut traffic) = state.map_err(invalid)? {
            let mut notice = [0; 256];
            let size = traffic.queue_close_notify(&mut notice).map_err(io::Error::other)?;
            self.outgoing.extend_from_slice(&notice[..size]);
        }
        Ok(())
    }
}

#[derive(PartialEq, Eq)]
enum Progress {
    /// There is nothing to do before more has come.
    Waits,
    /// Nothing more will come.
    Ended,
}

/// Works off what has arrived: what it decrypts goes to `take`, and what it answers to `outgoing`. Answers
/// how much of it was used.
fn process(
    connection: &mut UnbufferedServerConnection,
    input: &mut [u8],
    outgoing: &mut Vec<u8>,
    take: &mut dyn FnMut(&[u8]),
) -> (usize, Result<Progress, rustls::Error>) {
    let size = input.len();
    let mut used = 0;
    let mut progress = Progress::Waits;
    loop {
        let UnbufferedStatus { mut discard, state } =
            connection.process_tls_records(&mut input[used..]);
        let waits = match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                while let Some(record) = traffic.next_record() {
                    match record {
                        Ok(record) => {
                            discard += record.discard;
                            take(record.payload);
                        }
                        Err(error) => return (used, Err(error)),
                    }
                }
                // Nothing has come behind it, and it calls for no answer (bench/NOTES.md#an-echo-within-tls).
                used + discard == size
            }
            Ok(ConnectionState::EncodeTlsData(data)) => {
                encode(data, outgoing);
                false
            }
            Ok(ConnectionState::TransmitTlsData(data)) => {
                data.done();
                false
            }
            Ok(ConnectionState::PeerClosed) => {
                progress = Progress::Ended;
                false
            }
            // No early data is agreed to.
            Ok(_) => true,
            Err(error) => {
                encode_alert(connection, outgoing);
                return (used + discard, Err(error));
            }
        };
        used += discard;
        if waits {
            return (used, Ok(progress));
        }
    }
}

/// What is to be said about an error. What has come is not looked at again: that would be another.
fn encode_alert(connection: &mut UnbufferedServerConnection, outgoing: &mut Vec<u8>) {
    while let UnbufferedStatus { state: Ok(ConnectionState::EncodeTlsData(data)), .. } =
        connection.process_tls_records(&mut [])
    {
        encode(data, outgoing);
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

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
