//! What each node has of it, this one and the others, and how they keep up with each other.
//!
//! Each node numbers what it tells. Who misses a number, or learns from a summary that it has, asks for all of it; all that
//! is there is told in parts then, under the number of the last change in it.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    mem,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    person::{Key, Record},
    plan::{Act, Origin, Step},
    state::State,
    wire::{self, Told},
};
use crate::connection::ClientId;

/// How often a node is asked for all it has, at most.
const ASK_PERIOD: Duration = Duration::from_millis(500);

/// How much may wait to be told. What has no room is asked for.
const MAX_QUEUED: usize = 16 * 1024;

/// Who shows something in which group, and as whom.
pub(super) type Records = HashMap<(Arc<str>, ClientId), Key>;

/// What this node has.
#[derive(Default)]
pub(super) struct Own {
    /// That of this node, if there may be others.
    pub(super) nonce: Option<u64>,
    pub(super) records: Records,
    /// The number of the last change.
    seq: u64,
    queue: VecDeque<Next>,
    /// Whether somebody is at telling it.
    is_telling: bool,
}

/// What another node has.
#[derive(Default)]
pub(super) struct Source {
    pub(super) records: Records,
    /// The number of the last change that is known.
    seq: u64,
    asked: Option<Instant>,
    arriving: Option<Arriving>,
}

/// All that a node has, as it arrives in parts.
struct Arriving {
    seq: u64,
    next_part: u32,
    records: Vec<(Arc<str>, Record)>,
}

/// What comes of what was told.
#[derive(Default)]
pub(crate) struct Learned {
    /// What is to be done, in this order.
    pub(crate) steps: Vec<Step>,
    /// What a node is to be asked for.
    pub(crate) question: Option<Bytes>,
}

/// What is to be told next.
enum Next {
    Told(Told),
    /// Everything, when it is its turn.
    All,
}

/// The same, ready to be written.
pub(super) enum Ready {
    Told(Told),
    All { seq: u64, records: Vec<(Arc<str>, Record)> },
}

impl Own {
    /// Numbers a change, and has it told.
    pub(super) fn tell(&mut self, told: impl FnOnce(u64) -> Told) {
        if self.nonce.is_some() {
            self.seq += 1;
            let told = told(self.seq);
            self.push(Next::Told(told));
        }
    }

    pub(super) fn summarize(&mut self) {
        if self.nonce.is_some() {
            let seq = self.seq;
            self.push(Next::Told(Told::Summary { seq }));
        }
    }

    fn push(&mut self, next: Next) {
        if self.queue.len() < MAX_QUEUED {
            self.queue.push_back(next);
        }
    }

    pub(super) fn begin_telling(&mut self) -> bool {
        !self.queue.is_empty() && !mem::replace(&mut self.is_telling, true)
    }

    pub(super) fn end_telling(&mut self) {
        self.is_telling = false;
    }
}

impl Ready {
    pub(super) fn encode(&self) -> Vec<Bytes> {
        match self {
            Self::Told(told) => vec![told.encode()],
            Self::All { seq, records } => wire::encode_all(*seq, records),
        }
    }
}

impl State {
    pub(super) fn next_told(&mut self) -> Option<Ready> {
        Some(match self.own.queue.pop_front()? {
            Next::Told(told) => Ready::Told(told),
            Next::All => {
                let record = |((group, id), key): (&(Arc<str>, ClientId), &Key)| {
                    let person = self.groups.get(group)?.persons.get(key)?;
                    Some((Arc::clone(group), person.record(*id)?.clone()))
                };
                let records = self.own.records.iter().filter_map(record).collect();
                Ready::All { seq: self.own.seq, records }
            }
        })
    }

    pub(super) fn learn(&mut self, publisher: u64, told: Told) -> Learned {
        if let Told::Question { nonce } = told {
            let is_queued = matches!(self.own.queue.back(), Some(Next::All));
            if self.own.nonce == Some(nonce) && !is_queued {
                self.own.push(Next::All);
            }
            return Learned::default();
        }
        self.sources.entry(publisher).or_default().learn(publisher, told)
    }

    pub(super) fn forget(&mut self, publisher: u64) -> Vec<Step> {
        let source = self.sources.remove(&publisher).unwrap_or_default();
        let records = source.records.into_iter();
        let hide =
            |((group, id), key)| Step { origin: Origin::Nobody, group, key, act: Act::Hide(id) };
        records.map(hide).collect()
    }
}

impl Source {
    fn learn(&mut self, publisher: u64, told: Told) -> Learned {
        match told {
            Told::Shown { seq, .. } | Told::Hidden { seq, .. } if seq <= self.seq => {
                Learned::default()
            }
            Told::Shown { seq, .. } | Told::Hidden { seq, .. } if seq > self.seq + 1 => {
                self.ask(publisher)
            }
            Told::Shown { group, record, .. } => {
                self.seq += 1;
                Learned { steps: self.show(publisher, group, record), question: None }
            }
            Told::Hidden { group, id, .. } => {
                self.seq += 1;
                Learned {
                    steps: self.hide(publisher, group, id).into_iter().collect(),
                    question: None,
                }
            }
            Told::Summary { seq } if seq == self.seq => Learned::default(),
            Told::Summary { .. } => self.ask(publisher),
            Told::All { seq, .. } if seq == self.seq && self.arriving.is_none() => {
                Learned::default()
            }
            Told::All { seq, part, is_last, records } => {
                self.take_part(publisher, seq, part, is_last, records)
            }
            Told::Question { .. } => Learned::default(),
        }
    }

    fn show(&self, publisher: u64, group: Arc<str>, record: Record) -> Vec<Step> {
        let key = record.key();
        let before = self.records.get(&(Arc::clone(&group), record.id));
        let is_other = before.is_some_and(|before| *before != key);
        let hide = is_other.then(|| self.hide(publisher, Arc::clone(&group), record.id)).flatten();
        let show = Step { origin: Origin::Node(publisher), group, key, act: Act::Show(record) };
        hide.into_iter().chain([show]).collect()
    }

    fn hide(&self, publisher: u64, group: Arc<str>, id: ClientId) -> Option<Step> {
        let key = self.records.get(&(Arc::clone(&group), id))?.clone();
        Some(Step { origin: Origin::Node(publisher), group, key, act: Act::Hide(id) })
    }

    fn take_part(
        &mut self,
        publisher: u64,
        seq: u64,
        part: u32,
        is_last: bool,
        records: Vec<(Arc<str>, Record)>,
    ) -> Learned {
        if part == 0 {
            self.arriving = Some(Arriving { seq, next_part: 0, records: Vec::new() });
        }
        let arriving = self.arriving.as_mut();
        let Some(arriving) = arriving.filter(|it| it.seq == seq && it.next_part == part) else {
            self.arriving = None;
            return self.ask(publisher);
        };
        arriving.next_part += 1;
        arriving.records.extend(records);
        if !is_last {
            return Learned::default();
        }
        let arrived = self.arriving.take().map(|it| it.records).unwrap_or_default();
        (self.seq, self.asked) = (seq, None);
        let here: HashSet<_> = arrived.iter().map(|(group, it)| (&**group, it.id)).collect();
        let gone = self.records.keys().filter(|(group, id)| !here.contains(&(&**group, *id)));
        let gone = gone.filter_map(|(group, id)| self.hide(publisher, Arc::clone(group), *id));
        let mut steps: Vec<_> = gone.collect();
        for (group, record) in arrived {
            steps.extend(self.show(publisher, group, record));
        }
        Learned { steps, question: None }
    }

    /// Asks a node for all it has, unless that was done a moment ago.
    fn ask(&mut self, nonce: u64) -> Learned {
        let is_due = self.asked.is_none_or(|asked| asked.elapsed() >= ASK_PERIOD);
        if is_due {
            self.asked = Some(Instant::now());
        }
        let question = is_due.then(|| Told::Question { nonce }.encode());
        Learned { steps: Vec::new(), question }
    }
}
