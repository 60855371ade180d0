//! One who is present in a group, on however many connections.

use std::sync::Arc;

use aerys_proto::Message;
use bytes::Bytes;
use tokio::time::Instant;

use super::{PresenceEvent, Present};
use crate::connection::ClientId;

/// Who somebody is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    Client(ClientId),
    Identity(Arc<str>),
}

/// What one client shows in one group.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: ClientId,
    pub(crate) identity: Option<Arc<str>>,
    pub(crate) shown: Message,
    /// What was shown later has a larger one, on whichever node.
    pub(crate) stamp: u64,
    pub(crate) since: Instant,
}

#[derive(Clone, Debug)]
pub(super) struct Person {
    /// One for each client; none while its return is waited for.
    records: Vec<Record>,
    /// The latest, also after its client has gone.
    last: Record,
    since: Instant,
    /// Until when its return is waited for.
    pub(super) lingers_until: Option<Instant>,
}

impl Record {
    pub(super) fn key(&self) -> Key {
        match &self.identity {
            Some(identity) => Key::Identity(Arc::clone(identity)),
            None => Key::Client(self.id),
        }
    }
}

impl Person {
    /// One of its clients shows this.
    pub(super) fn with(before: Option<&Self>, mut record: Record) -> Self {
        let mut records = before.map_or_else(Vec::new, |it| it.records.clone());
        if let Some(known) = records.iter_mut().find(|it| it.id == record.id) {
            record.since = known.since;
            *known = record;
        } else {
            records.push(record);
        }
        let last = latest(&records).expect("there is one").clone();
        let since = before.map_or(last.since, |it| it.since.min(last.since));
        Self { records, last, since, lingers_until: None }
    }

    /// One of its clients shows nothing any more; `None` if nobody is there then. The return of the last
    /// is waited for if it is said until when.
    pub(super) fn without(&self, id: ClientId, lingers_until: Option<Instant>) -> Option<Self> {
        let records: Vec<_> = self.records.iter().filter(|it| it.id != id).cloned().collect();
        let last = latest(&records).unwrap_or(&self.last).clone();
        let lingers_until = lingers_until.filter(|_| records.is_empty());
        let is_there = !records.is_empty() || lingers_until.is_some();
        is_there.then_some(Self { records, last, since: self.since, lingers_until })
    }

    /// What one of its clients shows.
    pub(super) fn record(&self, id: ClientId) -> Option<&Record> {
        self.records.iter().find(|it| it.id == id)
    }

    /// What has happened, if anybody who looks on notices it.
    pub(super) fn event(before: Option<&Self>, after: Option<&Self>) -> Option<PresenceEvent> {
        match (before, after) {
            (None, Some(_)) => Some(PresenceEvent::Joined),
            (Some(_), None) => Some(PresenceEvent::Left),
            (Some(before), Some(after)) if before.last.shown != after.last.shown => {
                Some(PresenceEvent::Changed)
            }
            _ => None,
        }
    }

    pub(super) fn present(&self) -> Present {
        let Record { id, identity, shown, .. } = self.last.clone();
        let (since, clients) = (self.since.into_std(), self.records.len());
        Present { id, identity, shown, since, clients }
    }
}

/// The same one on each node that knows of the same ones.
fn latest(records: &[Record]) -> Option<&Record> {
    records.iter().max_by_key(|it| (it.stamp, it.id))
}

/// A copy in memory of our own: that is dropped under a lock, where the application's is not to be.
pub(super) fn owned(message: &Message) -> Message {
    let bytes = Bytes::copy_from_slice(message.as_bytes());
    let text = message.is_text().then(|| Message::from_utf8(bytes.clone())).flatten();
    text.unwrap_or_else(|| Message::binary(bytes))
}
