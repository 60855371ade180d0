//! What waits to be taken by a process: frames, in order, with a bound in bytes for those that may wait elsewhere.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
};

use bytes::{Bytes, BytesMut};
use tokio::sync::Semaphore;

use crate::protocol::ToProcess;

/// Frames for one process. Whoever puts one in there has asked for [room](Self::room) before if it is about a client
/// who can be kept waiting.
pub(crate) struct Outgoing {
    frames: Mutex<Frames>,
    /// Bytes for which there is room.
    room: Semaphore,
    max_bytes: usize,
}

#[derive(Default)]
struct Frames {
    /// What is to be written, but for the last.
    parts: Vec<Bytes>,
    last: BytesMut,
    bytes: usize,
    /// Of the room, how much these have.
    taken: usize,
    driver: Option<Waker>,
}

/// Room for a frame, which is the frame's once it is put in.
#[must_use]
pub(crate) struct Room(usize);

/// What is to be written, all of it in one go if the process takes it.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) parts: Vec<Bytes>,
    taken: usize,
}

/// Whoever writes, if it has to be told.
#[must_use = "the driver is to be woken when no lock is held any more"]
pub(crate) struct Wake(Option<Waker>);

impl Wake {
    pub(crate) fn wake(self) {
        if let Some(driver) = self.0 {
            driver.wake();
        }
    }
}

impl Outgoing {
    pub(crate) fn new(max_bytes: usize) -> Self {
        let room = Semaphore::new(max_bytes.min(Semaphore::MAX_PERMITS));
        Self { frames: Mutex::default(), room, max_bytes }
    }

    fn lock(&self) -> MutexGuard<'_, Frames> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room for so many bytes; one that is larger than all of it has all of it. `None` once
    /// nothing is written any more.
    pub(crate) async fn room(&self, bytes: usize) -> Option<Room> {
        let bytes = bytes.min(self.max_bytes).min(u32::MAX as usize);
        let permits = self.room.acquire_many(bytes as u32).await.ok()?;
        permits.forget();
        Some(Room(bytes))
    }

    /// Gives back what was not needed.
    pub(crate) fn give_back(&self, Room(bytes): Room) {
        self.room.add_permits(bytes);
    }

    /// Puts a frame behind the others.
    pub(crate) fn put(
        &self,
        frame: &ToProcess<'_>,
        endpoint: u16,
        client: u64,
        seq: u32,
        room: Option<Room>,
    ) -> Wake {
        let mut frames = self.lock();
        let before = frames.last.len();
        let rest = frame.put(endpoint, client, seq, &mut frames.last);
        frames.bytes += frames.last.len() - before;
        if let Some(rest) = rest {
            frames.bytes += rest.len();
            let head = frames.last.split().freeze();
            frames.parts.extend([head, rest]);
        }
        frames.taken += room.map_or(0, |room| room.0);
        Wake(frames.driver.take())
    }

    /// All that there is. If that is nothing, the driver is woken when there is something.
    pub(crate) fn take(&self, cx: &Context<'_>) -> Option<Batch> {
        let mut frames = self.lock();
        if frames.bytes == 0 {
            // A waker is foreign, and its clone is made and its predecessor dropped where nobody waits for the lock
            // but who puts in a frame.
            if frames.driver.as_ref().is_none_or(|driver| !driver.will_wake(cx.waker())) {
                let before = frames.driver.replace(cx.waker().clone());
                drop(frames);
                drop(before);
            }
            return None;
        }
        let last = frames.last.split().freeze();
        frames.parts.push(last);
        let (parts, taken) = (mem::take(&mut frames.parts), mem::take(&mut frames.taken));
        frames.bytes = 0;
        Some(Batch { parts, taken })
    }

    /// All of a batch was taken.
    pub(crate) fn written(&self, batch: Batch) {
        if batch.taken > 0 {
            self.room.add_permits(batch.taken);
        }
    }

    /// How many bytes wait, beside those of a batch.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    pub(crate) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Nothing is written any more, and nobody waits for room.
    pub(crate) fn close(&self) {
        self.room.close();
        let mut frames = self.lock();
        let dropped = mem::take(&mut *frames);
        drop(frames);
        drop(dropped);
    }
}
