//! The slowest clients of all endpoints: who is owed most, and whose pings take longest.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::yield_now;

use crate::{
    connection::{ClientId, Shared},
    roster::Walk,
    session::Application,
};

/// How many of each.
pub(super) const MOST_LISTED: usize = 20;

/// Those with the highest figures, the highest first.
struct Ranking(Vec<(u64, Key)>);

/// Which of the applications, and which of its clients.
type Key = (usize, ClientId);

/// Looks at all clients, a few at a time, and lists the slowest.
pub(super) async fn slowest(applications: &[Arc<dyn Application>]) -> Value {
    let began = Instant::now();
    let (mut by_queue, mut by_round_trip) = (Ranking::new(), Ranking::new());
    let mut clients = 0_u64;
    for (index, application) in applications.iter().enumerate() {
        let mut walk = Walk::default();
        let mut look = |id: ClientId, shared: &Shared| {
            clients += 1;
            by_queue.offer(shared.outbox.queued_bytes() as u64, (index, id));
            let round_trip = shared.meter.round_trip().unwrap_or_default();
            by_round_trip.offer(round_trip.as_nanos().try_into().unwrap_or(u64::MAX), (index, id));
        };
        while application.look(&mut walk, &mut look) {
            // Whoever waits for this thread, or for the shard, comes first.
            yield_now().await;
        }
    }
    json!({
        "type": "slowest",
        "looked_at": clients,
        "took": micros(began.elapsed()),
        "queued": by_queue.json(applications),
        "round_trip": by_round_trip.json(applications),
    })
}

impl Ranking {
    fn new() -> Self {
        Self(Vec::with_capacity(MOST_LISTED + 1))
    }

    /// Lists one that has anything to show, if it is among the highest so far.
    fn offer(&mut self, figure: u64, key: Key) {
        let is_full = self.0.len() == MOST_LISTED;
        if figure == 0 || (is_full && self.0.last().is_some_and(|(least, _)| *least >= figure)) {
            return;
        }
        // One may be looked at twice.
        if self.0.iter().any(|(_, it)| *it == key) {
            return;
        }
        let place = self.0.partition_point(|(it, _)| *it >= figure);
        self.0.insert(place, (figure, key));
        self.0.truncate(MOST_LISTED);
    }

    fn json(&self, applications: &[Arc<dyn Application>]) -> Value {
        let told = self
            .0
            .iter()
            .filter_map(|(_, (application, id))| tell(&applications[*application], *id));
        told.collect()
    }
}

/// What is told of one, if it is still here.
fn tell(application: &Arc<dyn Application>, id: ClientId) -> Option<Value> {
    let stats = application.inspect(id)?;
    let peer = stats.peer_addr.to_string();
    Some(json!({
        "endpoint": format!("{}{}", application.host(), application.path()),
        "client": id,
        "address": stats.client_ip.map_or_else(|| peer.clone(), |ip| ip.to_string()),
        "peer": peer,
        "age": stats.connected.elapsed().as_secs(),
        "received_messages": stats.messages_read,
        "received_bytes": stats.bytes_read,
        "sent_messages": stats.messages_sent,
        "sent_bytes": stats.bytes_sent,
        "queued": stats.queued_bytes,
        "dropped": stats.dropped,
        "pings_outstanding": stats.pings_outstanding,
        "round_trip": stats.round_trip.map(micros),
    }))
}

fn micros(duration: Duration) -> u64 {
    duration.as_micros().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_with_the_highest_figures_are_listed_once_each() {
        let mut ranking = Ranking::new();
        let key = |number| (0, ClientId::from_u64(number));
        for number in (0..100).chain(40..100).chain(0..100) {
            ranking.offer(number * 7 % 100, key(number));
        }
        let listed: Vec<_> = ranking.0.iter().map(|(figure, _)| *figure).collect();
        assert_eq!(listed, (80..100).rev().collect::<Vec<_>>());
        assert!(ranking.0.iter().all(|(figure, (_, id))| id.as_u64() * 7 % 100 == *figure));
    }
}
