//! Every order in which the steps may come by which a driver rests and is woken, as a model checker
//! finds them.

// What the wake protocol is made of, as the model checker has it.
use loom::sync::atomic;

#[allow(dead_code, reason = "not all of it is modelled")]
#[path = "../src/connection/outbox/wake.rs"]
mod wake;

use std::sync::Arc;

use loom::{
    sync::atomic::{
        AtomicBool, AtomicUsize,
        Ordering::{Acquire, Relaxed, Release},
    },
    thread,
};

use self::wake::{WakeReason, WakeState};

/// One driver, and what others publish for it.
struct Model {
    state: WakeState,
    published: AtomicBool,
    wakes: AtomicUsize,
}

impl Model {
    fn new() -> Arc<Self> {
        let (published, wakes) = (AtomicBool::new(false), AtomicUsize::new(0));
        Arc::new(Self { state: WakeState::new(), published, wakes })
    }

    /// Looks whether a driver that rests was woken so often. One that has found by itself what it was
    /// to be woken for may have been woken as well.
    fn check_wakes(&self, rests: bool, wakes: usize) {
        let woken = self.wakes.load(Relaxed);
        assert!(if rests { woken == wakes } else { woken <= wakes }, "woken {woken} times");
    }

    /// A thread that publishes something.
    fn publish(self: &Arc<Self>, reason: WakeReason) -> thread::JoinHandle<()> {
        let model = Arc::clone(self);
        thread::spawn(move || {
            model.published.store(true, Release);
            if model.state.call(reason) {
                model.wakes.fetch_add(1, Relaxed);
            }
        })
    }
}

#[test]
fn a_driver_that_rests_is_woken_for_a_message_that_it_has_not_found() {
    loom::model(|| {
        let model = Model::new();
        let sender = model.publish(WakeReason::Message);
        let rests = model.state.rest(false, || model.published.load(Acquire));
        sender.join().unwrap();
        model.check_wakes(rests, 1);
    });
}

#[test]
fn one_that_is_blocked_is_woken_for_what_is_urgent_and_not_for_messages() {
    for (reason, wakes) in [(WakeReason::Urgent, 1), (WakeReason::Message, 0)] {
        loom::model(move || {
            let model = Model::new();
            let sender = model.publish(reason);
            let rests = model.state.rest(true, || model.published.load(Acquire));
            sender.join().unwrap();
            assert!(rests || reason == WakeReason::Urgent);
            model.check_wakes(rests, wakes);
        });
    }
}

#[test]
fn what_is_urgent_is_found_or_wakes_however_often_the_driver_looks() {
    loom::model(|| {
        let model = Model::new();
        let sender = model.publish(WakeReason::Urgent);
        let (mut is_found, mut rests) = (false, false);
        while !is_found && !rests {
            model.state.set_at_work();
            // It is no message, for which the driver would look once more.
            is_found = model.published.load(Relaxed);
            rests = !is_found && model.state.rest(false, || false);
        }
        sender.join().unwrap();
        assert!(is_found || model.wakes.load(Relaxed) == 1);
    });
}

#[test]
fn of_two_that_call_one_wakes() {
    // Three threads have more orders than can be looked at: those with three interruptions will do.
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let model = Model::new();
        let senders = [WakeReason::Message, WakeReason::Urgent].map(|it| model.publish(it));
        let rests = model.state.rest(false, || model.published.load(Acquire));
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        model.check_wakes(rests, 1);
    });
}

#[test]
fn a_driver_at_rest_that_is_left_something_by_its_own_thread_is_woken_once_for_all() {
    loom::model(|| {
        let model = Model::new();
        let sender = model.publish(WakeReason::Message);
        let rests = model.state.rest(false, || model.published.load(Acquire));
        // It need not rest any more: the sender may have called it.
        if rests && model.state.call(WakeReason::Message) {
            model.wakes.fetch_add(1, Relaxed);
        }
        sender.join().unwrap();
        model.check_wakes(rests, 1);
    });
}
