//! What was said and heard on every connection, and what must not be: twice, out of order, by whom it was not for.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

/// Everybody's.
#[derive(Clone, Default)]
pub(crate) struct Record(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    connections: Vec<Connection>,
    /// What was heard and should not have been.
    faults: Vec<String>,
}

/// One, from its handshake to its end.
struct Connection {
    node: usize,
    room: u32,
    opened: Instant,
    ended: Option<(Instant, End)>,
    /// When each message was said, by its number.
    said: Vec<Instant>,
    /// The numbers of what was heard, by who had said it.
    heard: HashMap<usize, Vec<u32>>,
}

/// How a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By its client, with a goodbye.
    Left,
    /// By its node, with this code.
    Closed(u16),
    /// Without a word.
    Lost,
}

/// The part of one connection, by its number.
#[derive(Clone)]
pub(crate) struct Entry {
    record: Record,
    id: usize,
}

/// A message, and a connection that should have heard it.
pub(crate) struct Pair {
    /// Where it was said and where it should have been heard.
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) is_heard: bool,
    said: (usize, u32, Duration),
    by: usize,
    /// How the speaker's connection has ended, and how long after.
    ended: Option<(Duration, End)>,
}

impl Record {
    /// A client is in a room from now on.
    pub(crate) fn open(&self, node: usize, room: u32) -> Entry {
        let mut inner = self.lock();
        inner.connections.push(Connection {
            node,
            room,
            opened: Instant::now(),
            ended: None,
            said: Vec::new(),
            heard: HashMap::new(),
        });
        Entry { record: self.clone(), id: inner.connections.len() - 1 }
    }

    /// What was said from `began` on, and by `until`, with each who was to hear it: who was in the room before it was said,
    /// and stays, or has heard what the same one has said later.
    ///
    /// Of what was said to a node that has ended the connection, that counts which anybody has heard: whether it had
    /// handled the rest, nobody knows.
    pub(crate) fn pairs(&self, began: Instant, until: Instant) -> Vec<Pair> {
        let inner = self.lock();
        let mut pairs = Vec::new();
        for (id, speaker) in inner.connections.iter().enumerate() {
            let first = speaker.said.partition_point(|at| *at < began);
            let last = speaker.said.partition_point(|at| *at <= until);
            let listeners = inner.connections.iter().enumerate();
            let listeners = listeners.filter(|(it, who)| *it != id && who.room == speaker.room);
            let listeners: Vec<_> = listeners
                .map(|(by, it)| (by, it, it.heard.get(&id).map_or(&[][..], |it| it)))
                .collect();
            for (number, at) in speaker.said.iter().enumerate().take(last).skip(first) {
                let number = number as u32;
                let is_heard = |heard: &[u32]| heard.binary_search(&number).is_ok();
                let is_handled = matches!(speaker.ended, None | Some((_, End::Left)))
                    || listeners.iter().any(|(_, _, heard)| is_heard(heard));
                for (by, listener, heard) in listeners.iter().filter(|_| is_handled) {
                    let stays = listener.ended.is_none() || heard.last() > Some(&number);
                    if *at > listener.opened && stays {
                        let (from, to) = (speaker.node, listener.node);
                        let said = (id, number, at.duration_since(began));
                        let ended = speaker.ended.map(|(ended, end)| (ended - *at, end));
                        let (is_heard, by) = (is_heard(heard), *by);
                        pairs.push(Pair { from, to, is_heard, said, by, ended });
                    }
                }
            }
        }
        pairs
    }

    /// How many messages were said between these.
    pub(crate) fn said(&self, began: Instant, until: Instant) -> usize {
        let inner = self.lock();
        let said = inner.connections.iter().flat_map(|it| &it.said);
        said.filter(|at| (began..=until).contains(*at)).count()
    }

    /// How connections have ended that did not leave by themselves.
    pub(crate) fn ends(&self) -> Vec<End> {
        let inner = self.lock();
        let ends = inner.connections.iter().filter_map(|it| it.ended);
        ends.map(|(_, end)| end).filter(|end| *end != End::Left).collect()
    }

    /// Nobody has heard what was not to be heard.
    pub(crate) fn is_sound(&self) {
        let inner = self.lock();
        assert!(inner.faults.is_empty(), "{}: {:#?}", inner.faults.len(), first(&inner.faults));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }
}

fn first<T>(all: &[T]) -> &[T] {
    &all[..all.len().min(10)]
}

impl Entry {
    /// What is said next. Say it right away.
    pub(crate) fn say(&self) -> String {
        let mut inner = self.record.lock();
        let connection = &mut inner.connections[self.id];
        connection.said.push(Instant::now());
        format!("{} {} {}", self.id, connection.said.len() - 1, connection.room)
    }

    /// Writes down what was heard.
    pub(crate) fn hear(&self, text: &str) {
        let mut inner = self.record.lock();
        let words: Vec<_> = text.split(' ').filter_map(|word| word.parse::<u32>().ok()).collect();
        let &[by, number, room] = &words[..] else {
            return inner.faults.push(format!("nobody has said {text:?}"));
        };
        let (id, by) = (self.id, by as usize);
        let was_said = inner.connections.get(by).is_some_and(|it| it.said.len() > number as usize);
        let connection = &mut inner.connections[id];
        let numbers = connection.heard.entry(by).or_default();
        let fault = if !was_said {
            "before it was said"
        } else if room != connection.room {
            "in another room"
        } else if by == id {
            "by who has said it"
        } else if numbers.last().is_none_or(|last| *last < number) {
            numbers.push(number);
            return;
        } else if numbers.contains(&number) {
            "twice"
        } else {
            "too late"
        };
        inner.faults.push(format!("{number} of {by} was heard {fault}, by {id}"));
    }

    /// It has ended.
    pub(crate) fn end(&self, end: End) {
        self.record.lock().connections[self.id].ended = Some((Instant::now(), end));
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (who, number, at) = self.said;
        let Self { from, to, by, ended, .. } = self;
        write!(
            f,
            "{number} of {who}, on node {from}, after {at:.1?}, for {by} on node {to}; {ended:?}"
        )
    }
}

/// What was said and not heard, at most ten of it.
pub(crate) fn lost(pairs: &[Pair]) -> Vec<&Pair> {
    pairs.iter().filter(|it| !it.is_heard).take(10).collect()
}
