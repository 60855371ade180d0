//! The capacity of one emptied queue, kept by a thread for whoever queues next: an empty queue owns
//! nothing, and a burst does not grow one anew (bench/NOTES.md#taken-out-one-by-one).

use std::{cell::RefCell, collections::VecDeque, mem, thread::LocalKey};

/// How many messages there may be room for, so that a slow client does not sit on more.
const MAX_SPARE_ROOM: usize = 64;

/// Where a thread keeps it.
pub(super) type Spare<T> = RefCell<VecDeque<T>>;

/// Gives a queue that owns nothing the room that is spare, if any is.
pub(super) fn take_room<T>(spare: &'static LocalKey<Spare<T>>, queue: &mut VecDeque<T>) {
    if queue.capacity() == 0 {
        spare.with_borrow_mut(|spare| mem::swap(spare, queue));
    }
}

/// Takes the room of a queue that is empty. Large room is freed, and so is what is one too many.
pub(super) fn give_back_room<T>(spare: &'static LocalKey<Spare<T>>, queue: &mut VecDeque<T>) {
    spare.with_borrow_mut(|spare| {
        if spare.capacity() == 0 && queue.capacity() <= MAX_SPARE_ROOM {
            mem::swap(spare, queue);
        } else {
            *queue = VecDeque::new();
        }
    });
}
