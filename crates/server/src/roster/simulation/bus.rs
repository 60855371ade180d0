//! A bus on which nothing arrives before the simulation says so.

use std::{
    collections::{BTreeMap, VecDeque},
    future::ready,
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;

use super::super::guest::Dice;
use crate::{
    cluster::{Bus, BusFuture, BusState, Inbound},
    error::NotQueued,
    sync::Mutex,
};

/// A fault that is none of a network's, on purpose: the simulation has to find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Planted {
    Nothing,
    /// The bus says something twice.
    Duplicate,
    /// It says what comes from one node in another order.
    Swap,
    /// A node does not forget those whose lease is over.
    Lease,
}

/// From which node to which, in which partition.
type Way = (usize, usize, u16);

/// A frame, with the number of the broadcast in it if there is one.
type InFlight = (Bytes, Option<u64>);

#[derive(Default)]
pub(super) struct Wire {
    queues: BTreeMap<Way, VecDeque<InFlight>>,
    /// By nodes; `None` for those that have gone.
    inbounds: Vec<Option<Inbound>>,
    is_cut: Vec<bool>,
    /// The broadcast that is being published.
    pub(super) broadcast: Option<u64>,
    planted: Option<Planted>,
}

pub(super) struct SimulatedBus {
    node: usize,
    wire: Arc<Mutex<Wire>>,
}

impl Wire {
    pub(super) fn new(planted: Planted) -> Self {
        Self { planted: Some(planted), ..Self::default() }
    }

    /// Cuts a node off: what is on its way from it and to it is lost.
    pub(super) fn cut(&mut self, node: usize) {
        self.is_cut[node] = true;
        self.queues.retain(|(from, to, _), _| *from != node && *to != node);
    }

    pub(super) fn is_cut(&self, node: usize) -> bool {
        self.is_cut[node]
    }

    /// Answers whom it is to be told, that the bus is there again.
    pub(super) fn mend(&mut self, node: usize) -> Option<Inbound> {
        self.is_cut[node] = false;
        self.inbounds[node].clone()
    }

    /// Nothing arrives at a node any more.
    pub(super) fn end(&mut self, node: usize) {
        self.inbounds[node] = None;
        self.queues.retain(|(_, to, _), _| *to != node);
    }

    /// Loses one of the frames that are on their way to a node which takes them in too slowly.
    pub(super) fn lose(&mut self, dice: &mut Dice) {
        let ways: Vec<_> = self.queues.keys().copied().collect();
        if !ways.is_empty() {
            self.take(ways[dice.below(ways.len())]);
        }
    }

    /// One of the frames that can arrive, at a node that is not `asleep`.
    pub(super) fn next(
        &mut self,
        dice: &mut Dice,
        asleep: &[bool],
    ) -> Option<(usize, Inbound, InFlight)> {
        let ways: Vec<_> = self.queues.keys().filter(|(_, to, _)| !asleep[*to]).copied().collect();
        let way = *ways.get(dice.below(ways.len().max(1)))?;
        let in_flight = self.take(way)?;
        Some((way.1, self.inbounds[way.1].clone()?, in_flight))
    }

    fn take(&mut self, way: Way) -> Option<InFlight> {
        let queue = self.queues.get_mut(&way)?;
        let in_flight = queue.pop_front();
        if queue.is_empty() {
            self.queues.remove(&way);
        }
        in_flight
    }

    fn publish(&mut self, from: usize, partition: u16, frame: &Bytes) -> Result<(), NotQueued> {
        if self.is_cut[from] {
            return Err(NotQueued::Away);
        }
        for to in (0..self.inbounds.len()).filter(|to| *to != from) {
            if self.is_cut[to] || self.inbounds[to].is_none() {
                continue;
            }
            let queue = self.queues.entry((from, to, partition)).or_default();
            queue.push_back((frame.clone(), self.broadcast));
            let last = queue.len() - 1;
            match self.planted {
                Some(Planted::Duplicate) => queue.push_back((frame.clone(), self.broadcast)),
                Some(Planted::Swap) if last > 0 => queue.swap(last, last - 1),
                _ => {}
            }
        }
        Ok(())
    }
}

impl SimulatedBus {
    pub(super) fn new(node: usize, wire: Arc<Mutex<Wire>>) -> Self {
        Self { node, wire }
    }
}

impl Bus for SimulatedBus {
    fn start(&self, inbound: Inbound) {
        let mut wire = self.wire.lock();
        assert_eq!(wire.inbounds.len(), self.node);
        wire.inbounds.push(Some(inbound.clone()));
        wire.is_cut.push(false);
        drop(wire);
        inbound.connected();
    }

    fn publish(&self, partition: u16, frame: Bytes) -> Result<(), NotQueued> {
        self.wire.lock().publish(self.node, partition, &frame)
    }

    fn flush(&self) -> BusFuture<'_, Result<(), NotQueued>> {
        Box::pin(ready(Ok(())))
    }

    fn state(&self) -> BusState {
        BusState::Connected { since: Instant::now() }
    }

    fn stop(&self) {}
}
