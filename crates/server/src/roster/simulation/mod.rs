//! A cluster on a bus that delays, loses, cuts, and mixes what comes from several nodes, whose nodes stand still, stop and
//! die: all of it by a seed, so that what fails fails again.
//!
//! What is promised of it is checked at each step, and at the end, when the last fault is a lease ago, that all nodes know
//! of the same ones.

mod bus;
mod node;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock},
    thread,
    time::Duration,
};

use aerys_proto::Message;
use tokio::{
    runtime::Builder,
    time::{Instant, advance},
};

use self::{
    bus::{Planted, SimulatedBus, Wire},
    node::{Node, Sent, key},
};
use super::guest::Dice;
use crate::{
    connection::Published,
    runtime::{Worker, WorkerThread},
    sync::{Mutex, Rank},
};

const NODE_LEASE: Duration = Duration::from_secs(15);

/// How often a node gives a sign of life.
const BEAT: Duration = Duration::from_secs(5);

const LINGER: Duration = Duration::from_secs(2);

const GROUPS: [&str; 3] = ["tea", "milk", "cake"];

const STEPS: usize = 120;

const NODES_AT_MOST: usize = 5;

/// On each node.
const MAX_CLIENTS: usize = 6;

/// Workers that have ended, so that who broadcasts carries it out.
static WORKERS: LazyLock<Vec<Arc<Worker>>> = LazyLock::new(|| {
    let ended = |index| {
        let thread = WorkerThread::start(index, || ()).expect("a thread");
        let worker = Arc::clone(thread.worker());
        thread.end();
        thread.join();
        worker
    };
    (0..2).map(ended).collect()
});

struct World {
    dice: Dice,
    wire: Arc<Mutex<Wire>>,
    /// `None` for those that have gone.
    nodes: Vec<Option<Node>>,
    /// Those that stand still.
    asleep: Vec<bool>,
    sent: Vec<Sent>,
    planted: Planted,
    linger: Duration,
    next_beat: Instant,
}

impl World {
    fn new(seed: u64, planted: Planted) -> Self {
        let mut dice = Dice(seed);
        let linger = if dice.below(2) == 0 { Duration::ZERO } else { LINGER };
        let mut world = Self {
            dice,
            wire: Arc::new(Mutex::new(Rank::Leaf, Wire::new(planted))),
            nodes: Vec::new(),
            asleep: Vec::new(),
            sent: Vec::new(),
            planted,
            linger,
            next_beat: Instant::now() + BEAT,
        };
        for _ in 0..2 + world.dice.below(2) {
            world.start();
        }
        world
    }

    async fn run(mut self) {
        for _ in 0..STEPS {
            let pause = Duration::from_millis(self.dice.below(800) as u64);
            self.pass(pause).await;
            self.step().await;
            for node in self.nodes.iter_mut().flatten() {
                node.hear(None);
                node.check_changes();
            }
        }
        self.end_faults();
        let end = Instant::now() + NODE_LEASE + BEAT + LINGER;
        while Instant::now() < end {
            self.pass(BEAT / 10).await;
            while self.deliver() {}
        }
        self.check_counts();
        self.check_presence();
    }

    /// What happens by itself as time passes.
    async fn pass(&mut self, pause: Duration) {
        advance(pause).await;
        let is_beat = Instant::now() >= self.next_beat;
        if is_beat {
            self.next_beat += BEAT;
        }
        for (index, node) in self.nodes.iter().enumerate() {
            let Some(node) = node.as_ref().filter(|_| !self.asleep[index]) else { continue };
            node.roster.give_up_on_the_overdue();
            match is_beat {
                true if self.planted == Planted::Lease => node.cluster.link().announce(),
                true => node.cluster.link().beat(),
                false => {}
            }
        }
    }

    async fn step(&mut self) {
        match self.dice.below(100) {
            0..40 => {
                for _ in 0..=self.dice.below(4) {
                    self.deliver();
                }
            }
            40..78 => self.act(),
            78..92 => self.broadcast(),
            kind => self.fail(kind).await,
        }
    }

    /// Something arrives at a node; `false` if there is nothing.
    fn deliver(&mut self) -> bool {
        let next = self.wire.lock().next(&mut self.dice, &self.asleep);
        let Some((to, inbound, (frame, number))) = next else { return false };
        assert!(inbound.receive(frame));
        if let (Some(number), Some(node)) = (number, &mut self.nodes[to]) {
            node.arrived += 1;
            node.hear(Some(&self.sent[number as usize]));
        }
        true
    }

    /// A client comes, goes, joins, leaves, shows or hides.
    fn act(&mut self) {
        let Some(index) = self.some_node() else { return };
        let Self { dice, nodes, .. } = self;
        let Some(node) = &mut nodes[index] else { return };
        let (act, group) = (dice.below(38), GROUPS[dice.below(GROUPS.len())]);
        if node.clients.is_empty() || act < 8 && node.clients.len() < MAX_CLIENTS {
            node.come(dice.below(WORKERS.len()));
            return;
        }
        let which = dice.below(node.clients.len());
        let (roster, client) = (&node.roster, &mut node.clients[which]);
        match act {
            0..12 => node.go(which),
            12..22 => {
                roster.join_group(client.id, group).expect("there is no limit");
                client.groups.insert(group);
            }
            22..25 => {
                assert_eq!(roster.leave_group(client.id, group), client.groups.remove(group));
                client.shown.remove(group);
            }
            25..35 => {
                let identity = (dice.below(2) == 0).then(|| format!("person {}", dice.below(3)));
                let shown = format!("state {}", dice.below(4));
                let message = Message::text(shown.clone());
                let outcome = roster.show(client.id, group, identity.as_deref(), &message);
                assert_eq!(outcome.is_ok(), client.groups.contains(group), "{outcome:?}");
                if outcome.is_ok() {
                    client.shown.insert(group, (identity, shown));
                }
            }
            _ => {
                let was_shown = client.shown.remove(group).is_some();
                assert_eq!(roster.hide(client.id, group), was_shown);
            }
        }
    }

    fn broadcast(&mut self) {
        let Some(publisher) = self.some_node() else { return };
        let number = self.sent.len() as u64;
        let ids = self.nodes.iter().flatten().flat_map(|node| &node.clients).map(|it| it.id);
        let ids: Vec<_> = ids.collect();
        let dice = &mut self.dice;
        let mut some = |one_in| -> Vec<_> {
            ids.iter().copied().filter(|_| dice.below(one_in) == 0).collect()
        };
        let (only, except) = (some(2), some(5));
        let only = (self.dice.below(4) == 0).then_some(only);
        let group = GROUPS.get(self.dice.below(GROUPS.len() + 1)).copied();
        let sent = Sent { publisher, number, group, only, except };
        let Some(node) = &mut self.nodes[publisher] else { return };
        self.wire.lock().broadcast = Some(number);
        let message = Message::text(sent.text());
        let published = node.roster.broadcast(message, sent.choice(), None, None, false);
        self.wire.lock().broadcast = None;
        match published {
            Published::Queued => node.forwarded += 1,
            Published::NotQueued(_) => node.not_forwarded += 1,
            Published::Here => panic!("there is a cluster"),
        }
        node.hear(Some(&sent));
        self.sent.push(sent);
    }

    /// A node or its way to the bus fails, or is mended.
    async fn fail(&mut self, kind: usize) {
        let node = self.dice.below(self.nodes.len());
        if self.nodes[node].is_none() {
            return;
        }
        match kind {
            92..94 => self.wire.lock().cut(node),
            94..96 => self.mend(node),
            96 => self.wire.lock().lose(&mut self.dice),
            97 => self.asleep[node] = !self.asleep[node],
            98 if self.nodes.iter().flatten().count() > 1 => self.end(node).await,
            99 if self.nodes.len() < NODES_AT_MOST => self.start(),
            _ => {}
        }
    }

    fn start(&mut self) {
        let bus = SimulatedBus::new(self.nodes.len(), Arc::clone(&self.wire));
        let node = Node::new(bus, &WORKERS);
        node.roster.set_presence_linger(self.linger);
        self.nodes.push(Some(node));
        self.asleep.push(false);
    }

    /// It is killed, or stops in order.
    async fn end(&mut self, index: usize) {
        let Some(mut node) = self.nodes[index].take() else { return };
        if self.dice.below(2) == 0 && !self.asleep[index] {
            while !node.clients.is_empty() {
                node.go(0);
            }
            if let Some(joined) = node.joined.take() {
                joined.leave(Instant::now()).await;
            }
        }
        self.wire.lock().end(index);
    }

    fn mend(&self, node: usize) {
        let mut wire = self.wire.lock();
        let inbound = wire.is_cut(node).then(|| wire.mend(node)).flatten();
        drop(wire);
        if let Some(inbound) = inbound {
            inbound.connected();
        }
    }

    fn end_faults(&mut self) {
        self.asleep.fill(false);
        for node in 0..self.nodes.len() {
            self.mend(node);
        }
    }

    /// One that is there and does not stand still.
    fn some_node(&mut self) -> Option<usize> {
        let index = self.dice.below(self.nodes.len());
        (self.nodes[index].is_some() && !self.asleep[index]).then_some(index)
    }

    fn check_counts(&self) {
        let alive = self.nodes.iter().flatten().count();
        for node in self.nodes.iter().flatten() {
            let status = node.cluster.status();
            let counts = (status.forwarded, status.not_forwarded, status.received);
            assert_eq!(counts, (node.forwarded, node.not_forwarded, node.arrived));
            assert_eq!((status.malformed, status.nodes), (0, alive));
        }
    }

    /// Each node knows of those who are there on all, and of nobody else.
    fn check_presence(&self) {
        for group in GROUPS {
            let mut expected = BTreeMap::<_, Vec<_>>::new();
            for client in self.nodes.iter().flatten().flat_map(|node| &node.clients) {
                if let Some((identity, shown)) = client.shown.get(group) {
                    expected.entry(key(client.id, identity.as_deref())).or_default().push(shown);
                }
            }
            let mut others = None;
            for node in self.nodes.iter().flatten() {
                node.check_changes();
                let present = node.roster.present(group).into_iter();
                let present = present.map(|it| {
                    (key(it.id, it.identity.as_deref()), (it.shown.to_string(), it.clients))
                });
                let present: BTreeMap<_, _> = present.collect();
                assert!(present.keys().eq(expected.keys()), "{group}: {present:?} {expected:?}");
                for (key, (shown, clients)) in &present {
                    let expected = &expected[key];
                    assert_eq!(*clients, expected.len(), "{group}: {key}");
                    assert!(expected.contains(&shown), "{group}: {key}");
                }
                let others = others.get_or_insert_with(|| present.clone());
                assert_eq!(*others, present, "{group}");
            }
        }
    }
}

fn simulate(seed: u64, planted: Planted) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async { World::new(seed, planted).run().await });
}

/// Answers the first of so many seeds with which something was not as promised.
fn first_failure(seeds: u64, planted: Planted) -> Option<u64> {
    let fails = |seed: &u64| catch_unwind(AssertUnwindSafe(|| simulate(*seed, planted))).is_err();
    (0..seeds).find(fails)
}

/// Each thread has some of them.
fn all_succeed(seeds: u64) {
    let threads = thread::available_parallelism().map_or(1, |it| it.get() as u64);
    thread::scope(|scope| {
        for first in 0..threads {
            scope.spawn(move || {
                for seed in (first..seeds).step_by(threads as usize) {
                    let outcome = catch_unwind(|| simulate(seed, Planted::Nothing));
                    assert!(outcome.is_ok(), "the simulation fails with the seed {seed}");
                }
            });
        }
    });
}

#[test]
fn what_is_promised_of_a_cluster_holds_with_a_thousand_seeds() {
    all_succeed(1000);
}

#[test]
#[ignore = "takes a minute"]
fn what_is_promised_of_a_cluster_holds_with_ten_thousand_seeds() {
    all_succeed(10_000);
}

#[test]
fn a_fault_that_is_planted_is_found_within_a_hundred_seeds() {
    for planted in [Planted::Duplicate, Planted::Swap, Planted::Lease] {
        assert!(first_failure(100, planted).is_some(), "{planted:?}");
    }
}
