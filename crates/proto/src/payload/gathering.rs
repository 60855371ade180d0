//! Tickets for being gathered: one payload of a thread is at a time, in the order in which they have
//! come.
//!
//! Each takes memory for all of it, which the thread [keeps](super::pool) for the next. Were all
//! gathered at once, each would take its own from the system, page by page, and give it back in one go
//! (bench/NOTES.md#moved-in-steps).

use std::cell::Cell;

/// How often one asks while nobody takes a step, before it takes the turn from whoever has it. All
/// that can go on ask about as often.
const MAX_STUCK: u32 = 4;

/// Says when a payload is to be gathered, among those of its thread, as a ticket lock does.
#[derive(Debug)]
pub(super) struct Ticket {
    number: u64,
    /// As of the last time that it was another's turn.
    steps: u64,
    /// How often in a row there was no step since the time before.
    stuck: u32,
}

impl Ticket {
    /// The last one.
    pub(super) fn new() -> Self {
        let gathering = GATHERING.get();
        let number = gathering.tickets + 1;
        GATHERING.set(Gathering { tickets: number, ..gathering });
        Self { number, steps: gathering.steps, stuck: 0 }
    }

    /// Whether it may take a step now. It is to ask again soon: whoever does not loses its turn.
    pub(super) fn may_go_on(&mut self) -> bool {
        let mut gathering = GATHERING.get();
        self.stuck = if gathering.steps == self.steps { self.stuck + 1 } else { 0 };
        let is_free = gathering.first.is_none_or(|first| first == self.number);
        let may_go_on = is_free || self.stuck > MAX_STUCK;
        if may_go_on {
            gathering.first = Some(self.number);
            gathering.steps += 1;
        } else {
            let next = gathering.next.map_or(self.number, |next| next.min(self.number));
            gathering.next = Some(next);
        }
        self.steps = gathering.steps;
        GATHERING.set(gathering);
        may_go_on
    }

    /// It is through.
    pub(super) fn finish(&self) {
        let gathering = GATHERING.get();
        if gathering.first == Some(self.number) {
            GATHERING.set(Gathering { first: gathering.next, next: None, ..gathering });
        }
    }
}

/// Nothing is taken out that goes before its turn: it does not ask any more, and loses it.
#[derive(Clone, Copy)]
struct Gathering {
    /// Whose turn it is.
    first: Option<u64>,
    /// The lowest of those that have asked in vain since it became that one's.
    next: Option<u64>,
    /// How many steps have been taken.
    steps: u64,
    /// How many tickets there have been.
    tickets: u64,
}

thread_local! {
    static GATHERING: Cell<Gathering> =
        const { Cell::new(Gathering { first: None, next: None, steps: 0, tickets: 0 }) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a thread on which nothing has been gathered.
    fn alone(test: impl FnOnce() + Send) {
        std::thread::scope(|scope| scope.spawn(test).join()).unwrap();
    }

    #[test]
    fn the_first_goes_first_however_the_others_ask() {
        alone(|| {
            let mut tickets = [Ticket::new(), Ticket::new(), Ticket::new()];
            let mut order = Vec::new();
            for round in 0.. {
                for asks in [2, 0, 1] {
                    // The order is another each time, and each takes five steps.
                    let asks = (asks + round) % 3;
                    let taken = order.iter().filter(|&&it| it == asks).count();
                    if taken < 5 && tickets[asks].may_go_on() {
                        order.push(asks);
                        if taken == 4 {
                            tickets[asks].finish();
                        }
                    }
                }
                if order.len() == 15 {
                    break;
                }
            }
            // Nobody had it when the third asked.
            assert_eq!(order, [[2; 5], [0; 5], [1; 5]].concat());
        });
    }

    #[test]
    fn who_does_not_ask_again_loses_its_turn_and_gets_it_back() {
        alone(|| {
            let [mut rests, mut goes_on] = [Ticket::new(), Ticket::new()];
            assert!(rests.may_go_on());
            let vain = (0..100).take_while(|_| !goes_on.may_go_on()).count();
            assert!((1..=MAX_STUCK as usize + 1).contains(&vain), "{vain}");
            assert!(goes_on.may_go_on());
            assert!(!rests.may_go_on());
            rests.finish();
            assert!(goes_on.may_go_on(), "it was not the other's turn");
            goes_on.finish();
            assert!(!Ticket::new().may_go_on());
            assert!(rests.may_go_on());
        });
    }

    #[test]
    fn who_has_gone_keeps_nobody_waiting() {
        alone(|| {
            let mut gone = Ticket::new();
            assert!(gone.may_go_on());
            let mut tickets = [Ticket::new(), Ticket::new()];
            assert!((0..=MAX_STUCK).any(|_| tickets.iter_mut().any(Ticket::may_go_on)));
        });
    }
}
