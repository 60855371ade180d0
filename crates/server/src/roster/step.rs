//! One step of a walk, and what it leaves to be done when the shard is not locked any more.
//!
//! Who is at rest is written to then, from here, if this is the thread on which the members' drivers run:
//! the messages become frames once, and each takes a system call. All others have the messages put into
//! their outboxes, and their drivers woken.

use std::sync::Arc;

use aerys_proto::{Config, Encoding, Message};

use super::{backlog::STEP, delivery::Delivery};
use crate::{
    connection::{DirectWrite, Frames, Shared, outbox::Receipt},
    metrics::EndpointCounters,
    runtime::{clock, contained},
    sync::Afterwards,
};

/// What is written at once and copied for it, in bytes at most: what is larger goes to drivers, whose turns
/// are cut by size.
const MAX_WRITE: usize = 16 * 1024;

/// What a write costs a turn, in members that have something put into their outboxes: some 5 µs of the
/// kernel's beside a third of one.
const WRITE_COST: usize = 16;

/// What one step tells, and to whom that is written.
#[must_use = "run it when the shard is not locked any more"]
pub(super) struct Step<'c> {
    pub(super) afterwards: Afterwards,
    /// What messages are encoded by, if who is at rest may be written to.
    config: Option<&'c Config>,
    /// How many members it is for at most.
    members: usize,
    /// What is to be written.
    messages: Vec<Message>,
    writes: Vec<DirectWrite>,
    finished: Option<Delivery>,
}

impl<'c> Step<'c> {
    /// On the thread on which the members' drivers run.
    pub(super) fn here(config: &'c Config) -> Self {
        Self { config: Some(config), ..Self::elsewhere() }
    }

    /// On any thread.
    pub(super) fn elsewhere() -> Self {
        Self {
            afterwards: Afterwards::default(),
            config: None,
            members: 0,
            messages: Vec::new(),
            writes: Vec::new(),
            finished: None,
        }
    }

    /// Messages are about to be told to so many members at most.
    pub(super) fn begin(&mut self, messages: &[Message], members: usize) {
        self.members = members;
        self.config = self.config.filter(|config| {
            let size: usize = messages.iter().map(Message::len).sum();
            size <= MAX_WRITE && messages.iter().all(|it| it.len() <= config.auto_frame_size)
        });
    }

    /// Tells a member some of the messages that the step [began](Self::begin) with.
    pub(super) fn tell_some(&mut self, to: &Shared, messages: &[Message], receipt: Receipt) {
        to.push_all(messages, receipt, &mut self.afterwards);
    }

    /// Tells a member all of them.
    #[inline]
    pub(super) fn tell(&mut self, to: &Arc<Shared>, messages: &[Message], receipt: Receipt) {
        if self.config.is_none() {
            return self.tell_some(to, messages, receipt);
        }
        let Some(write) = to.push_all_or_write(messages, receipt, &mut self.afterwards) else {
            return;
        };
        if self.writes.is_empty() {
            self.messages = messages.to_vec();
            self.writes.reserve(self.members);
        }
        self.writes.push(write);
    }

    /// A delivery is over.
    pub(super) fn finish(&mut self, delivery: Delivery) {
        self.finished = Some(delivery);
    }

    /// Does what is left to be done. Answers what all of it costs a turn, in members.
    pub(super) fn run(mut self, counters: &EndpointCounters) -> usize {
        let cost = STEP + self.writes.len() * WRITE_COST;
        self.write(counters);
        self.afterwards.run();
        discard(self.messages);
        if let Some(delivery) = self.finished {
            counters.fan_out(delivery.age());
            discard(delivery.into_messages());
        }
        cost
    }

    fn write(&mut self, counters: &EndpointCounters) {
        let Some(config) = self.config.filter(|_| !self.writes.is_empty()) else { return };
        for message in &self.messages {
            counters.sent_to_many(message, self.writes.len());
        }
        let now = clock::now().tick;
        let mut encoded: Vec<(Encoding, Frames)> = Vec::new();
        for write in self.writes.drain(..) {
            let encoding = write.encoding();
            let known = encoded.iter().position(|(it, _)| *it == encoding);
            let index = known.unwrap_or_else(|| {
                encoded.push((encoding, encode(&self.messages, encoding, config)));
                encoded.len() - 1
            });
            write.write(&encoded[index].1, now, &mut self.afterwards);
        }
    }
}

fn encode(messages: &[Message], encoding: Encoding, config: &Config) -> Frames {
    let frames: Vec<_> = messages.iter().map(|it| encoding.frame(it, config)).collect();
    let compressed = messages.iter().zip(&frames).filter(|(_, frame)| frame.is_compressed());
    let compressed = compressed
        .map(|(message, frame)| (message.len() as u64, frame.payload().len() as u64))
        .reduce(|all, next| (all.0 + next.0, all.1 + next.1));
    let mut bytes = Vec::with_capacity(frames.iter().map(|frame| frame.len()).sum());
    for frame in &frames {
        bytes.extend_from_slice(frame.header());
        bytes.extend_from_slice(frame.payload());
    }
    Frames { bytes: bytes.into(), count: frames.len(), compressed }
}

/// Drops messages, which may be the last to hold memory of the application's.
fn discard(messages: Vec<Message>) {
    for message in messages {
        // The panic hook has told of it.
        let _ = contained(|| drop(message));
    }
}
