//! What a reactor knows of its sockets: what each is ready for, and who awaits what.

use std::{mem, task::Waker};

use super::ready::Ready;

#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Default)]
pub(super) struct Slot {
    waker: Option<Waker>,
    ready: Ready,
    /// What there is the waker for.
    awaited: Ready,
}

impl Slots {
    /// The number of the next slot to be taken.
    pub(super) fn next(&self) -> u32 {
        self.free.last().map_or(self.slots.len() as u32, |free| *free)
    }

    /// Takes the next slot.
    pub(super) fn take(&mut self) {
        // Whether it is, the first call finds out.
        let ready = Ready::READABLE | Ready::WRITABLE;
        let slot = Slot { ready, ..Slot::default() };
        match self.free.pop() {
            Some(free) => self.slots[free as usize] = slot,
            None => self.slots.push(slot),
        }
    }

    /// Gives a slot back; who awaited something is not told.
    pub(super) fn give_back(&mut self, number: u32) -> Option<Waker> {
        let slot = mem::take(self.get(number)?);
        self.free.push(number);
        slot.waker
    }

    #[inline]
    pub(super) fn get(&mut self, number: u32) -> Option<&mut Slot> {
        self.slots.get_mut(number as usize)
    }

    /// An event has come; who is to be woken for it.
    pub(super) fn note(&mut self, number: u64, ready: Ready) -> Option<Waker> {
        let slot = self.slots.get_mut(number as usize)?;
        slot.ready = slot.ready | ready;
        if !slot.awaited.meets(ready) {
            return None;
        }
        slot.awaited = Ready::NOTHING;
        slot.waker.take()
    }
}

impl Slot {
    /// Whether the socket is ready for any of `wanted`, as far as is known.
    #[inline]
    pub(super) fn is_ready(&self, wanted: Ready) -> bool {
        self.ready.meets(wanted)
    }

    /// A call has found that the socket is not ready.
    #[inline]
    pub(super) fn clear(&mut self, found: Ready) {
        self.ready = self.ready.without(found);
    }

    /// Has `waker` woken when the socket is ready for any of `wanted`. Gives back the one from before, if it
    /// woke another.
    #[inline]
    pub(super) fn await_ready(&mut self, wanted: Ready, waker: &Waker) -> Option<Waker> {
        self.awaited = self.awaited | wanted;
        let is_known = self.waker.as_ref().is_some_and(|it| it.will_wake(waker));
        if is_known { None } else { self.waker.replace(waker.clone()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_awaits_one_thing_is_not_woken_for_another() {
        let mut slots = Slots::default();
        assert_eq!(slots.next(), 0);
        slots.take();
        let slot = slots.get(0).unwrap();
        assert!(slot.is_ready(Ready::READABLE), "that is found out by the first call");
        slot.clear(Ready::READABLE | Ready::WRITABLE);
        assert!(!slot.is_ready(Ready::READABLE | Ready::WRITABLE));
        slot.await_ready(Ready::WRITABLE, Waker::noop());
        assert!(slots.note(0, Ready::READABLE).is_none());
        assert!(slots.note(0, Ready::WRITABLE).is_some());
        assert!(slots.note(0, Ready::WRITABLE).is_none(), "once is enough");
        assert!(slots.get(0).unwrap().is_ready(Ready::READABLE));
    }

    #[test]
    fn a_slot_that_is_given_back_is_the_next_to_be_taken_and_knows_nothing() {
        let mut slots = Slots::default();
        (0..3).for_each(|_| slots.take());
        let slot = slots.get(1).unwrap();
        slot.clear(Ready::READABLE);
        slot.await_ready(Ready::READABLE, Waker::noop());
        assert!(slots.give_back(1).is_some());
        assert_eq!(slots.next(), 1);
        slots.take();
        assert!(slots.get(1).unwrap().is_ready(Ready::READABLE));
        assert_eq!(slots.next(), 3);
        assert!(slots.note(7, Ready::READABLE).is_none());
    }
}
