//! How much of a turn is one client's.
//!
//! Who moves much in few messages has it extended by what others leave. Each turn that ends with nothing left to
//! do pays for a part of an extension: so beside many who are soon through, who sends much takes a fixed share
//! of the worker, and all who do share that. Who has the worker alone has an extension for nothing
//! (bench/NOTES.md#what-others-leave).

use std::{cell::Cell, mem, sync::Arc};

use super::Driver;
use crate::transport::{READ_BUFFER_SIZE, Transport};

/// What one read brings at most, in bytes. A message of 16 KiB comes with one and brings no other along:
/// nobody has much more than one that waits, and no neighbour waits long.
pub(super) const READ_SIZE: usize = 16 * 1024 + 64;

/// As much of a client that sends much, and whose application keeps up with it, in bytes: what comes of it
/// leaves with one write (bench/NOTES.md#read-and-written-together).
pub(super) const LARGE_READ: usize = READ_BUFFER_SIZE;

/// How much one client may read and write in one turn, in bytes: two reads.
const TURN: usize = 2 * READ_SIZE;

/// How much an extension adds, in bytes.
const EXTENSION_SIZE: usize = LARGE_READ;

/// How many turns of others pay for an extension.
const EXTENSION_PRICE: u32 = 18;

/// How many turns of others are remembered. Half of them pay for one turn at most.
const MAX_SAVED: u32 = 6 * EXTENSION_PRICE;

/// So many turns between two whose budget was spent are those of others who are soon through. Fewer may be
/// those of clients who send as much, and of whom not all has come.
const MANY_OTHERS: u32 = 8;

/// How many messages may come and go for one budget, or extension of it, of who has another.
const MAX_MESSAGES: u32 = 32;

/// Who has read less in a turn has nothing to gather, in bytes.
const MUCH: usize = 8 * 1024;

/// What is left of one turn, in bytes each way; then the next client has its turn.
pub(super) struct Budget {
    pub(super) read: usize,
    pub(super) write: usize,
    /// How much the next read may bring.
    pub(super) read_size: usize,
    /// Whether the application waits for what it says to leave, or for something else. If it does, a read brings
    /// no more than usual: the client may stop taking its answers, and what was read by then waits in memory.
    pub(super) is_application_waiting: bool,
    extensions: Extensions,
}

/// How a turn goes on when its budget is spent.
enum Extensions {
    /// It has not been asked.
    Unknown,
    /// For as long as this many turns remain saved, for others who send much.
    DownTo(u32),
    /// Not at all.
    None,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            read: TURN,
            write: TURN,
            read_size: READ_SIZE,
            is_application_waiting: false,
            extensions: Extensions::Unknown,
        }
    }

    /// The next read may bring so much, if the application does not wait.
    pub(super) fn allow_read(&mut self, size: usize) {
        self.read_size = if self.is_application_waiting { READ_SIZE } else { size };
    }

    /// Takes what is written from it. Who writes more than is left has had its extensions at once.
    #[inline]
    pub(super) fn spend_write(&mut self, bytes: usize) {
        match self.write.checked_sub(bytes) {
            Some(left) => self.write = left,
            None => {
                self.write = 0;
                self.close();
            }
        }
    }

    /// There are no extensions: what was moved was counted as less than it is.
    pub(super) fn close(&mut self) {
        self.extensions = Extensions::None;
    }

    /// Takes another extension, if others have left it to this client, which goes by this number.
    pub(super) fn extend(&mut self, client: usize) -> bool {
        let turns = SHORT_TURNS.get();
        let is_alone = LAST.replace((client, turns)) == (client, turns);
        let saved = turns.wrapping_sub(PAID.get()).min(MAX_SAVED);
        let (floor, price) = match self.extensions {
            Extensions::Unknown if is_alone => (saved / 2, 0),
            Extensions::Unknown => (saved / 2, EXTENSION_PRICE),
            Extensions::DownTo(floor) => (floor, EXTENSION_PRICE),
            Extensions::None => return false,
        };
        self.extensions = Extensions::DownTo(floor);
        let Some(left) = saved.checked_sub(price).filter(|left| *left >= floor) else {
            return false;
        };
        PAID.set(turns.wrapping_sub(left));
        self.read += EXTENSION_SIZE;
        self.write += EXTENSION_SIZE;
        true
    }

    /// Whether so much was read that what comes of it may be worth gathering.
    #[inline]
    pub(super) fn has_read_much(&self) -> bool {
        self.read <= TURN - MUCH
    }

    pub(super) fn is_spent(&self) -> bool {
        self.read == 0 || self.write == 0
    }
}

impl<T: Transport> Driver<T> {
    /// Whether the turn goes on, though its budget is spent, with what others have left of theirs. That is
    /// for who moves much in few messages, so that what each costs beside its bytes does not count.
    #[inline(never)]
    pub(super) fn extend(&mut self, budget: &mut Budget) -> bool {
        let traffic = self.connection.traffic();
        let messages = (traffic.read.messages + traffic.sent.messages) as u32;
        let moved = messages.wrapping_sub(mem::replace(&mut self.messages_seen, messages));
        let client = Arc::as_ptr(&self.shared).addr();
        moved <= MAX_MESSAGES && !self.connection.compresses() && budget.extend(client)
    }
}

/// Whether many turns have ended with nothing left to do since a budget was last spent.
pub(super) fn is_beside_others() -> bool {
    SHORT_TURNS.get().wrapping_sub(LAST.get().1) >= MANY_OTHERS
}

/// A turn has ended with nothing left to do.
#[inline]
pub(super) fn end_short_turn() {
    SHORT_TURNS.set(SHORT_TURNS.get().wrapping_add(1));
}

thread_local! {
    /// How many turns on this thread have ended with nothing left to do.
    static SHORT_TURNS: Cell<u32> = const { Cell::new(0) };

    /// How many of them have paid for extensions, or are forgotten.
    static PAID: Cell<u32> = const { Cell::new(0) };

    /// Who has last spent its budget, and how many short turns there had been then.
    static LAST: Cell<(usize, u32)> = const { Cell::new((0, 0)) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many extensions a turn of this client has.
    fn extensions(client: usize) -> usize {
        let mut budget = Budget::new();
        let taken = (0..100).take_while(|_| budget.extend(client)).count();
        assert_eq!(
            (budget.read, budget.write),
            (TURN + taken * EXTENSION_SIZE, TURN + taken * EXTENSION_SIZE)
        );
        taken
    }

    /// On a thread on which there has been no turn.
    fn alone(test: impl FnOnce() + Send) {
        std::thread::scope(|scope| scope.spawn(test).join()).unwrap();
    }

    fn short_turns(count: u32) {
        (0..count).for_each(|_| end_short_turn());
    }

    #[test]
    fn beside_others_who_sends_much_has_what_their_turns_pay_for() {
        for (others, per_turn) in [(54, 3), (36, 2), (18, 1)] {
            alone(|| {
                let taken: Vec<usize> =
                    (0..20).map(|_| (short_turns(others), extensions(1)).1).collect();
                assert!(taken[10..].iter().all(|it| *it == per_turn), "{others}: {taken:?}");
            });
        }
        alone(|| {
            let taken: usize = (0..400).map(|_| (short_turns(1), extensions(1)).1).sum();
            assert!((19..=22).contains(&taken), "an 18th of 400, not {taken}");
        });
    }

    #[test]
    fn however_much_others_have_left_a_turn_has_three_extensions_at_most() {
        alone(|| {
            short_turns(1_000_000);
            let taken = [extensions(1), extensions(2), extensions(1), extensions(2), extensions(1)];
            assert_eq!(taken, [3, 1, 1, 0, 0]);
        });
    }

    #[test]
    fn all_who_send_much_share_what_others_leave() {
        alone(|| {
            let mut taken = [0; 3];
            for round in 0..300 {
                short_turns(54);
                // Those that are cut short come in the reverse order next time.
                for place in 0..3 {
                    let client = if round % 2 == 0 { place } else { 2 - place };
                    taken[client] += extensions(client);
                }
            }
            let all: usize = taken.iter().sum();
            assert!((850..=900).contains(&all), "{taken:?} of 300 * 54 turns");
            assert!(taken.iter().all(|it| it * 5 >= all), "{taken:?}");
        });
    }

    #[test]
    fn who_has_the_worker_alone_has_an_extension_for_nothing() {
        alone(|| {
            let taken = [extensions(1), extensions(1), extensions(1)];
            assert_eq!(taken, [0, 1, 1]);
            // Somebody else sends much too.
            assert_eq!([extensions(2), extensions(1), extensions(2)], [0, 0, 0]);
            // Somebody has said a little.
            assert_eq!(extensions(2), 1);
            short_turns(1);
            assert_eq!(extensions(2), 0);
        });
    }

    #[test]
    fn who_is_beside_others_is_known_by_their_turns() {
        alone(|| {
            assert_eq!(extensions(1), 0);
            short_turns(MANY_OTHERS - 1);
            assert!(!is_beside_others());
            short_turns(1);
            assert!(is_beside_others());
            assert_eq!(extensions(1), 0);
            assert!(!is_beside_others());
        });
    }

    #[test]
    fn what_was_counted_as_less_than_it_is_has_no_extensions() {
        alone(|| {
            short_turns(1000);
            let mut budget = Budget::new();
            budget.spend_write(TURN);
            assert!(budget.is_spent() && budget.extend(1));
            budget.spend_write(1 << 20);
            assert!(budget.is_spent() && !budget.extend(1));
        });
    }
}
