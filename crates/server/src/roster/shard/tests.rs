mod at_rest;
mod groups;

use std::{
    sync::{atomic::AtomicU64, mpsc},
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use aerys_proto::Message;

use super::*;
use crate::{
    connection::{DeliveryCount, Tally, outbox::Receipt},
    roster::{
        audience::{Audience, Choice},
        backlog::STEP,
        groups::GroupSizes,
        guest::{Dice, Guest},
    },
    runtime::WorkerThread,
};

/// Longer than anything takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// A worker that is kept from its work, and does it when this is dropped.
struct Stuck {
    thread: WorkerThread,
    _tell: mpsc::Sender<()>,
}

impl Stuck {
    fn new() -> Self {
        let thread = WorkerThread::start(0, || ()).unwrap();
        let (at_work, begun) = mpsc::channel();
        let (tell, told) = mpsc::channel::<()>();
        thread.worker().spawn(async move {
            at_work.send(()).unwrap();
            let _ = told.recv();
        });
        begun.recv().unwrap();
        Self { thread, _tell: tell }
    }

    fn shard(&self) -> Arc<Shard<Guest>> {
        Arc::new(Shard::new(Arc::clone(self.thread.worker()), Arc::default(), Arc::default()))
    }
}

type Guests = Vec<(ClientId, Guest)>;

fn id(number: u64) -> ClientId {
    ClientId::from_u64(number)
}

fn join(shard: &Shard<Guest>, id: ClientId) -> Guest {
    let guest = Guest::new();
    assert!(shard.join(id, guest.clone(), || true));
    guest
}

fn room(shard: &Shard<Guest>, size: usize) -> Guests {
    (1..=size as u64).map(|number| (id(number), join(shard, id(number)))).collect()
}

/// To everyone of a single worker that is in `only`, if there is such, and not in `except`.
fn audience(only: Option<&[ClientId]>, except: &[ClientId]) -> Option<Audience> {
    let mut choice = Choice::default();
    if let Some(only) = only {
        choice.only(only.iter().copied());
    }
    choice.except(except.iter().copied());
    choice.split(1).take(0)
}

fn give(shard: &Arc<Shard<Guest>>, text: String) {
    shard.give(Delivery::new(Audience::EVERYONE, text.into(), None));
}

fn send(shard: &Shard<Guest>, id: ClientId, guest: &Guest, text: String) {
    shard.catch_up(id);
    let _ = guest.push(Message::text(text), Receipt::Nobody);
}

fn tally(count: &DeliveryCount) -> Poll<Tally> {
    count.poll(&Context::from_waker(Waker::noop()))
}

#[test]
fn one_step_of_a_walk_tells_so_many_members_and_no_more() {
    let stuck = Stuck::new();
    for size in [0, 1, STEP - 1, STEP, STEP + 1, 20 * STEP + 7] {
        let all: Vec<_> = (1..=size as u64).map(id).collect();
        for audience in
            [audience(None, &[]), audience(None, &all[..size / 2]), audience(Some(&all), &[])]
        {
            let Some(audience) = audience else { continue };
            let shard = stuck.shard();
            let guests = room(&shard, size);
            let meant = all.iter().filter(|id| audience.chosen.includes(**id)).count();
            shard.give(Delivery::new(audience, "all".into(), None));
            let told = || guests.iter().filter(|(_, guest)| guest.is_told()).count();
            let (mut before, mut steps) = (told(), 0);
            assert_eq!(before, 0);
            while shard.is_behind.load(Ordering::Relaxed) {
                Order::step(Arc::clone(&shard));
                assert!(told() <= before + STEP);
                (before, steps) = (told(), steps + 1);
            }
            assert_eq!(told(), meant);
            assert_eq!(steps, size.div_ceil(STEP).max(1));
        }
    }
}

#[test]
fn who_is_spoken_to_before_the_walk_is_there_is_told_alone_what_was_said_before() {
    let stuck = Stuck::new();
    let shard = stuck.shard();
    let guests = room(&shard, 100_000);
    give(&shard, "all".into());
    Order::step(Arc::clone(&shard));
    // The walk begins with the last of them.
    let (id, guest) = &guests[0];
    send(&shard, *id, guest, "one".into());
    assert_eq!(guest.heard(), ["all", "one"]);
    assert_eq!(guests.iter().filter(|(_, guest)| guest.is_told()).count(), STEP + 1);
}

#[test]
fn who_says_something_to_one_endpoint_does_not_wait_for_a_walk_of_another() {
    let stuck = Stuck::new();
    let (large, small) = (stuck.shard(), stuck.shard());
    room(&large, 2 * STEP);
    give(&large, "all".into());
    // As during a step, but for as long as it takes.
    let step = large.lock();
    let (done, is_done) = mpsc::channel();
    let others = thread::spawn(move || {
        let guest = join(&small, id(1));
        give(&small, "all".into());
        send(&small, id(1), &guest, "one".into());
        small.leave(id(1), &GroupSizes::default());
        done.send(guest.heard()).unwrap();
    });
    assert_eq!(is_done.recv_timeout(DEADLINE).unwrap(), ["all", "one"]);
    others.join().unwrap();
    drop(step);
}

#[test]
fn what_waits_for_a_busy_worker_is_bounded_and_not_lost() {
    const MAX_WAITING: usize = 16 * 1024;
    let mut stuck = Stuck::new();
    let shard = stuck.shard();
    let guest = join(&shard, id(1));
    let (mut given, mut heard, mut bytes) = (Vec::new(), Vec::new(), 0);
    for sizes in [vec![0; 3 * MAX_WAITING], vec![100 << 10; 95], vec![1 << 20; 5]] {
        for size in sizes {
            let text = format!("{} {}", given.len(), "x".repeat(size));
            bytes += text.len();
            give(&shard, text.clone());
            given.push(text);
            let new = guest.heard();
            bytes -= new.iter().map(String::len).sum::<usize>();
            heard.extend(new);
            let waiting = given.len() - heard.len();
            assert!(waiting < MAX_WAITING);
            assert!(waiting <= 1 || bytes < 1 << 20);
        }
    }
    give(&shard, "last".into());
    given.push("last".into());
    // The worker gets to it by itself.
    stuck._tell = mpsc::channel().0;
    while heard.len() < given.len() {
        heard.extend(guest.heard());
        thread::yield_now();
    }
    assert_eq!(heard, given);
}

#[test]
fn when_the_worker_has_ended_the_publisher_carries_it_out() {
    let Stuck { thread, _tell } = Stuck::new();
    let shard = Arc::new(Shard::new(Arc::clone(thread.worker()), Arc::default(), Arc::default()));
    let guests = room(&shard, 2 * STEP);
    give(&shard, "before".into());
    drop(_tell);
    thread.end();
    thread.join();
    give(&shard, "after".into());
    for (_, guest) in guests {
        assert_eq!(guest.heard(), ["before", "after"]);
    }
}

#[test]
fn each_hears_in_order_and_once_what_was_said_while_it_was_here_whatever_happens_meanwhile() {
    let stuck = Stuck::new();
    for seed in 0..200 {
        let (mut dice, shard) = (Dice(seed), stuck.shard());
        let mut here: Vec<(ClientId, Guest, Vec<String>)> = Vec::new();
        let (mut left, mut counts) = (Vec::new(), Vec::new());
        let usual = 1 + dice.below(5 * STEP);
        for number in 0..600_u64 {
            let text = number.to_string();
            let act = if number < usual as u64 { 0 } else { dice.below(12) };
            match act {
                0 => here.push((id(number), join(&shard, id(number)), vec![])),
                1 | 2 if !here.is_empty() => {
                    let (id, guest, expected) = here.swap_remove(dice.below(here.len()));
                    shard.leave(id, &GroupSizes::default());
                    left.push((id, guest, expected));
                }
                3 | 4 if !here.is_empty() => {
                    let index = dice.below(here.len());
                    let (id, guest, expected) = &mut here[index];
                    send(&shard, *id, guest, text.clone());
                    expected.push(text);
                }
                5..=7 => {
                    let (many, most) = (dice.below(here.len() + 1), dice.below(3));
                    let some: Vec<_> = here.iter().map(|it| it.0).take(many).collect();
                    let Some(audience) = (match most {
                        0 => audience(None, &[]),
                        1 => audience(None, &some),
                        _ => audience(Some(&some), &[]),
                    }) else {
                        continue;
                    };
                    let mut meant = 0;
                    for (id, _, expected) in &mut here {
                        if audience.chosen.includes(*id) {
                            expected.push(text.clone());
                            meant += 1;
                        }
                    }
                    let count = (dice.below(2) == 0).then(|| Arc::new(DeliveryCount::new()));
                    let expected = count.as_ref().map(DeliveryCount::expect_one);
                    shard.give(Delivery::new(audience, text.into(), expected));
                    counts.extend(count.map(|count| {
                        assert!(count.done_with_one().is_none());
                        (count, meant)
                    }));
                }
                _ => _ = Order::step(Arc::clone(&shard)),
            }
        }
        while shard.is_behind.load(Ordering::Relaxed) {
            Order::step(Arc::clone(&shard));
        }
        for (_, guest, expected) in here.iter().chain(&left) {
            assert_eq!(guest.heard(), *expected, "{seed}");
            guest.gone();
        }
        for (count, meant) in counts {
            assert_eq!(tally(&count), Poll::Ready(Tally { gone: meant, ..Tally::default() }));
        }
    }
}

#[test]
fn order_and_tally_hold_while_threads_join_leave_send_and_broadcast() {
    const ROUNDS: u64 = 400;
    let thread = WorkerThread::start(0, || ()).unwrap();
    let shard = Arc::new(Shard::new(Arc::clone(thread.worker()), Arc::default(), Arc::default()));
    let staying = room(&shard, 3 * STEP + 5);
    let next_id = AtomicU64::new(1 << 32);
    // Each says its numbers to all, counted or not, and after each says so to one.
    let publish = |name: u64| {
        let mut dice = Dice(name);
        let mut counts = Vec::new();
        for number in 0..ROUNDS {
            let text = format!("{name} {number}");
            let count = (number % 2 == 0).then(|| Arc::new(DeliveryCount::new()));
            let expected = count.as_ref().map(DeliveryCount::expect_one);
            shard.give(Delivery::new(Audience::EVERYONE, text.clone().into(), expected));
            let (id, guest) = &staying[dice.below(staying.len())];
            send(&shard, *id, guest, format!("after {text}"));
            counts.extend(count.map(|count| (text, count)));
        }
        counts
    };
    // What each of those heard who came and left.
    let pass = || -> Vec<Vec<String>> {
        let pass_once = |_| {
            let id = id(next_id.fetch_add(1, Ordering::Relaxed));
            let guest = join(&shard, id);
            thread::yield_now();
            shard.leave(id, &GroupSizes::default());
            let heard = guest.heard();
            guest.gone();
            heard
        };
        (0..ROUNDS).map(pass_once).collect()
    };
    let (counts, mut heard) = thread::scope(|scope| {
        let publishers = [0, 1].map(|name| scope.spawn(move || publish(name)));
        let passers = [(); 2].map(|()| scope.spawn(pass));
        let counts: Vec<_> = publishers.into_iter().flat_map(|it| it.join().unwrap()).collect();
        (counts, passers.into_iter().flat_map(|it| it.join().unwrap()).collect::<Vec<_>>())
    });
    let passed = heard.len();
    for (id, guest) in &staying {
        shard.catch_up(*id);
        heard.push(guest.heard());
        guest.gone();
    }
    for (index, heard) in heard.iter().enumerate() {
        for name in 0..2 {
            let prefix = format!("{name} ");
            let numbers = heard.iter().filter_map(|text| text.strip_prefix(&prefix)?.parse().ok());
            let numbers: Vec<u64> = numbers.collect();
            if index < passed {
                assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
            } else {
                assert!(numbers.into_iter().eq(0..ROUNDS));
            }
        }
        for (index, text) in heard.iter().enumerate() {
            if let Some(before) = text.strip_prefix("after ") {
                assert!(heard[..index].iter().any(|it| it == before), "{text}");
            }
        }
    }
    for (text, count) in counts {
        assert!(count.done_with_one().is_none());
        let hearers = heard.iter().filter(|heard| heard.contains(&text)).count();
        while tally(&count).is_pending() {
            thread::yield_now();
        }
        assert_eq!(
            tally(&count),
            Poll::Ready(Tally { gone: hearers, ..Tally::default() }),
            "{text}"
        );
    }
}
