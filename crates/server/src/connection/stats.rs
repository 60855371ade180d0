//! What is known of one client's connection.

use std::{
    net::IpAddr,
    sync::atomic::{
        AtomicU8, AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
    time::{Duration, Instant},
};

use aerys_proto::{Connection, Count, Ending};

use crate::{
    runtime::clock::{self, Tick},
    transport::{ClientAddr, PeerAddr},
};

const NO_TICK: u64 = u64::MAX;

/// A client's connection as it is now; see [`Client::inspect`](crate::Client::inspect).
///
/// Bytes are those of the websocket, headers of frames included; the opening handshake does not
/// count. Figures are as exact as one turn of the server's loop: another thread may look between a
/// write and its being counted. Times are those of the worker's clock, which it reads when it has
/// slept; one that is kept from sleeping reads it only every 32 turns.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The address the connection comes from: behind a proxy, the proxy's.
    pub peer_addr: PeerAddr,
    /// The client's IP address: see [`Handshake::client_ip`](crate::Handshake::client_ip).
    pub client_ip: Option<IpAddr>,
    /// When it was let in.
    pub connected: Instant,
    /// Bytes read from the client.
    pub bytes_read: u64,
    /// Bytes handed to the kernel for the client.
    pub bytes_sent: u64,
    /// Frames read, control frames included.
    pub frames_read: u64,
    /// Frames sent, control frames included.
    pub frames_sent: u64,
    /// Whole messages read.
    pub messages_read: u64,
    /// Whole messages sent.
    pub messages_sent: u64,
    /// When anything was last read; `None` if nothing was.
    pub last_read: Option<Instant>,
    /// When anything was last sent.
    pub last_send: Option<Instant>,
    /// When a frame of a message was last read.
    pub last_data_read: Option<Instant>,
    /// When a frame of a message was last sent.
    pub last_data_send: Option<Instant>,
    /// Pings that the client has not answered.
    pub pings_outstanding: u32,
    /// How long the client took to answer the last ping that it answered.
    pub round_trip: Option<Duration>,
    /// Bytes sent to the client that the kernel has not taken yet, 64 for each message included.
    pub queued_bytes: usize,
    /// Messages dropped because the client was owed too much; see
    /// [`Options::overflow`](crate::Options::overflow).
    pub dropped: u64,
    /// Messages that later ones with their keys have taken the place of; see
    /// [`Send::key`](crate::command::Send::key).
    pub superseded: u64,
}

/// The figures as the driver keeps them: it alone writes, or who writes to the client on its thread while
/// it does not, so that plain stores do.
pub(crate) struct Meter {
    connected: AtomicU64,
    read: Gauge,
    sent: Gauge,
    /// Messages that were written past the driver, each in one frame. They are none of the connection's.
    written_past: AtomicU64,
    round_trip: AtomicU64,
    pings_outstanding: AtomicU32,
    /// How many frames of messages there were each way, in their lowest bits.
    data_frames_read: AtomicU32,
    data_frames_sent: AtomicU32,
    /// Who began the end, in [`ENDINGS`]; `NO_ENDING` as long as nobody has.
    ending: AtomicU8,
}

const NO_ENDING: u8 = u8::MAX;

const ENDINGS: [Ending; 4] = [Ending::Peer, Ending::Violation, Ending::Local, Ending::Lost];

/// One direction. Times are ticks, and `NO_TICK` if there is none.
struct Gauge {
    bytes: AtomicU64,
    frames: AtomicU64,
    messages: AtomicU64,
    last: AtomicU64,
    last_data: AtomicU64,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            connected: AtomicU64::new(clock::now().tick.0),
            read: Gauge::new(),
            sent: Gauge::new(),
            written_past: AtomicU64::new(0),
            round_trip: AtomicU64::new(NO_TICK),
            pings_outstanding: AtomicU32::new(0),
            data_frames_read: AtomicU32::new(0),
            data_frames_sent: AtomicU32::new(0),
            ending: AtomicU8::new(NO_ENDING),
        }
    }

    /// The client was let in.
    pub(crate) fn connected(&self) {
        self.connected.store(clock::read().tick.0, Relaxed);
    }

    /// So many bytes were read, and this is what the connection made of them.
    #[inline(always)]
    pub(super) fn read(&self, bytes: usize, connection: &Connection, now: Tick) {
        self.read.pass(bytes, connection.traffic().read, &self.data_frames_read, now);
    }

    /// Whether a ping was not answered when that was last looked at.
    #[inline(always)]
    pub(super) fn awaits_pong(&self) -> bool {
        self.pings_outstanding.load(Relaxed) > 0
    }

    /// Looks at the heartbeat. Answers how long a ping has taken that was answered since the last look.
    pub(super) fn look_for_pong(&self, connection: &Connection) -> Option<Duration> {
        let outstanding = self.pings_outstanding.load(Relaxed);
        self.look(connection);
        connection.round_trip().filter(|_| connection.pings_outstanding() < outstanding)
    }

    /// So many bytes of what the connection had to send were taken by the kernel.
    pub(super) fn sent(&self, bytes: usize, connection: &Connection, now: Tick) {
        if bytes > 0 {
            self.sent.pass(bytes, connection.traffic().sent, &self.data_frames_sent, now);
        }
    }

    /// So many messages were begun past the connection, of which the kernel took so many bytes.
    pub(super) fn written_past(&self, bytes: usize, messages: usize, Tick(now): Tick) {
        let before = self.written_past.load(Relaxed);
        self.written_past.store(before + messages as u64, Relaxed);
        if bytes > 0 {
            self.sent.add_bytes(bytes);
            self.sent.last.store(now, Relaxed);
            self.sent.last_data.store(now, Relaxed);
        }
    }

    /// How many bytes were taken by the kernel in all.
    pub(crate) fn bytes_sent(&self) -> u64 {
        self.sent.bytes.load(Relaxed)
    }

    /// How long the client took to answer the last ping that it answered.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        let nanos = self.round_trip.load(Relaxed);
        (nanos != NO_TICK).then(|| Duration::from_nanos(nanos))
    }

    /// Looks at the heartbeat.
    pub(crate) fn look(&self, connection: &Connection) {
        self.pings_outstanding.store(connection.pings_outstanding(), Relaxed);
        let round_trip = connection.round_trip().map_or(NO_TICK, |it| it.as_nanos() as u64);
        self.round_trip.store(round_trip, Relaxed);
    }

    /// Notes who began the end. The first to be noted is the one.
    pub(crate) fn set_ending(&self, ending: Ending) {
        if let Some(number) = ENDINGS.iter().position(|it| *it == ending) {
            let _ = self.ending.compare_exchange(NO_ENDING, number as u8, Release, Relaxed);
        }
    }

    pub(crate) fn ending(&self) -> Option<Ending> {
        ENDINGS.get(usize::from(self.ending.load(Acquire))).copied()
    }

    pub(crate) fn stats(
        &self,
        address: &ClientAddr,
        queued_bytes: usize,
        dropped: u64,
        superseded: u64,
    ) -> Stats {
        let known = |figure: &AtomicU64| Some(figure.load(Relaxed)).filter(|it| *it != NO_TICK);
        let instant = |figure| known(figure).map(|tick| Tick(tick).instant());
        let written_past = self.written_past.load(Relaxed);
        Stats {
            peer_addr: address.peer().clone(),
            client_ip: address.ip(),
            connected: Tick(self.connected.load(Relaxed)).instant(),
            bytes_read: self.read.bytes.load(Relaxed),
            bytes_sent: self.sent.bytes.load(Relaxed),
            frames_read: self.read.frames.load(Relaxed),
            frames_sent: self.sent.frames.load(Relaxed) + written_past,
            messages_read: self.read.messages.load(Relaxed),
            messages_sent: self.sent.messages.load(Relaxed) + written_past,
            last_read: instant(&self.read.last),
            last_send: instant(&self.sent.last),
            last_data_read: instant(&self.read.last_data),
            last_data_send: instant(&self.sent.last_data),
            pings_outstanding: self.pings_outstanding.load(Relaxed),
            round_trip: self.round_trip(),
            queued_bytes,
            dropped,
            superseded,
        }
    }
}

impl Gauge {
    fn new() -> Self {
        Self {
            bytes: AtomicU64::new(0),
            frames: AtomicU64::new(0),
            messages: AtomicU64::new(0),
            last: AtomicU64::new(NO_TICK),
            last_data: AtomicU64::new(NO_TICK),
        }
    }

    fn add_bytes(&self, bytes: usize) {
        self.bytes.store(self.bytes.load(Relaxed) + bytes as u64, Relaxed);
    }

    fn pass(&self, bytes: usize, count: Count, data_frames: &AtomicU32, Tick(now): Tick) {
        self.add_bytes(bytes);
        self.last.store(now, Relaxed);
        if count.data_frames as u32 != data_frames.load(Relaxed) {
            self.last_data.store(now, Relaxed);
        }
        self.frames.store(count.frames, Relaxed);
        data_frames.store(count.data_frames as u32, Relaxed);
        self.messages.store(count.messages, Relaxed);
    }
}
