//! Who is present in the groups of an endpoint, on this node and on others, and what they show.
//!
//! All of it is pure state behind one lock: what is to change is *planned*, what the application says to that is asked
//! without the lock, and it is *committed* if nothing else has changed meanwhile, and else planned anew. So what is told
//! of the changes of a group is told in their order.

mod person;
mod plan;
mod sources;
mod state;
mod wire;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use aerys_proto::Message;
use bytes::Bytes;
use tokio::time;

use self::state::State;
pub(crate) use self::{
    plan::{Committed, Plan, Step},
    sources::Learned,
    wire::Told,
};
use crate::{
    connection::ClientId,
    error::ShowError,
    sync::{Mutex, MutexGuard, Rank},
};

/// How many changes may be kept for one who is being told who is present.
const MAX_MISSED: usize = 1024;

/// Somebody who is present in a [group](crate::Group): a client that [shows](crate::Client::show) something there, or all
/// those together that show themselves [as](crate::Client::show_as) the same one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Present {
    /// The client that has shown something last; it may have gone, if the others that are the same one have not shown
    /// anything since.
    pub id: ClientId,
    /// As whom; `None` if it is just this client.
    pub identity: Option<Arc<str>>,
    /// What is shown.
    pub shown: Message,
    /// Since when, by the clock of this machine. For who is on another node as exact as messages are fast.
    pub since: Instant,
    /// How many clients it is: 0 for one whose return is
    /// [waited for](crate::Options::presence_linger).
    pub clients: usize,
}

impl Present {
    /// The number of the node that the client is on, which is in its id; 0 without a [`Cluster`](crate::Cluster).
    pub fn node(&self) -> u32 {
        self.id.node()
    }
}

/// What [`on_presence`](crate::Websocket::on_presence) is told: somebody has come, has changed or has gone, on this node
/// or another.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PresenceChange {
    /// What has happened.
    pub event: PresenceEvent,
    /// To whom; of who has left, the last that was known.
    pub present: Present,
    /// How many are present then.
    pub count: usize,
}

/// What has happened to somebody who is present, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PresenceEvent {
    /// It was not present before.
    Joined,
    /// It shows something else.
    Changed,
    /// It is present no more.
    Left,
}

/// Who is present at one endpoint.
pub(crate) struct Presence {
    state: Mutex<State>,
    /// Whether anybody has ever been: else nobody who leaves need be looked for.
    is_used: AtomicBool,
    /// In milliseconds.
    linger: AtomicU64,
}

/// One who is about to be told who is present: what changes meanwhile is kept for it.
pub(crate) struct Follower<'p> {
    presence: &'p Presence,
    group: Arc<str>,
    ticket: u64,
}

impl Presence {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(Rank::Presence, State::default()),
            is_used: AtomicBool::new(false),
            linger: AtomicU64::new(0),
        }
    }

    /// From now on what changes here is to be told to other nodes, of which this one has the nonce.
    pub(crate) fn share(&self, nonce: u64) {
        self.lock().own.nonce = Some(nonce);
    }

    /// How long the return of one who has an identity is waited for, from now on.
    pub(crate) fn set_linger(&self, linger: Duration) {
        let linger = u64::try_from(linger.as_millis()).unwrap_or(u64::MAX);
        self.linger.store(linger, Ordering::Relaxed);
    }

    /// Whether anybody has ever been present.
    pub(crate) fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Relaxed)
    }

    /// What a client of this node is to show in a group.
    ///
    /// # Errors
    ///
    /// If that is too large, or if there cannot be such an identity.
    pub(crate) fn showing(
        &self,
        id: ClientId,
        group: &str,
        identity: Option<&str>,
        shown: &Message,
    ) -> Result<Step, ShowError> {
        let (max, len) = (ShowError::MAX_SHOWN, shown.len());
        if len > max {
            return Err(ShowError::TooLarge { len });
        }
        if let Some(identity) = identity
            && (identity.is_empty() || identity.len() > ShowError::MAX_IDENTITY)
        {
            return Err(ShowError::Identity { len: identity.len() });
        }
        self.is_used.store(true, Ordering::Relaxed);
        Ok(Step::show(id, group, identity, person::owned(shown)))
    }

    /// What is to be done to have a client of this node show nothing in a group; `None` if it does not.
    pub(crate) fn hiding(&self, id: ClientId, group: &str) -> Option<Step> {
        if !self.is_used() {
            return None;
        }
        self.lock().hiding(id, group)
    }

    /// What a step comes to; `None` if there is nothing to do any more.
    pub(crate) fn plan(&self, step: Step) -> Option<Plan> {
        let linger = Duration::from_millis(self.linger.load(Ordering::Relaxed));
        self.lock().plan(step, linger)
    }

    /// Has it come to that, unless something else has changed since it was planned. `enqueue` is done with the lock held
    /// and does nothing foreign; it may say that the client is not to be present.
    ///
    /// The change, with what is said of it, is kept for those who [follow](Self::follow).
    pub(crate) fn commit(
        &self,
        plan: Plan,
        said: Option<&Message>,
        enqueue: impl FnOnce() -> bool,
    ) -> Committed {
        self.lock().commit(plan, said, enqueue)
    }

    /// Who is present in a group, in the order in which they came.
    pub(crate) fn of(&self, group: &str) -> Vec<Present> {
        if !self.is_used() {
            return Vec::new();
        }
        let mut present = self.lock().of(group);
        present.sort_by_key(|it| (it.since, it.id));
        present
    }

    /// How many are present in a group.
    pub(crate) fn count(&self, group: &str) -> usize {
        if self.is_used() { self.lock().count(group) } else { 0 }
    }

    /// Where somebody is present, with how many are.
    pub(crate) fn counts(&self) -> Vec<(Arc<str>, usize)> {
        self.lock().counts()
    }

    /// Has what is said of changes in a group kept from now on, and answers who is present now.
    pub(crate) fn follow(&self, group: &Arc<str>) -> (Follower<'_>, Vec<Present>) {
        let (ticket, mut present) = self.lock().follow(group);
        present.sort_by_key(|it| (it.since, it.id));
        (Follower { presence: self, group: Arc::clone(group), ticket }, present)
    }

    /// What another node has told. What is to be done for that is to be planned in this order.
    pub(crate) fn learn(&self, publisher: u64, told: Told) -> Learned {
        self.is_used.store(true, Ordering::Relaxed);
        self.lock().learn(publisher, told)
    }

    /// A node is gone. Likewise.
    pub(crate) fn forget(&self, publisher: u64) -> Vec<Step> {
        if self.is_used() { self.lock().forget(publisher) } else { Vec::new() }
    }

    /// Has the other nodes told how much there is to know of those who are present here.
    pub(crate) fn summarize(&self) {
        if self.is_used() {
            self.lock().own.summarize();
        }
    }

    /// Begins to tell what other nodes are to be told, unless there is nothing or somebody is at it.
    pub(crate) fn begin_telling(&self) -> Option<Telling<'_>> {
        let mut state = self.lock();
        state.own.begin_telling().then(|| Telling(self))
    }

    /// Begins to wait for those who may return, unless there are none or somebody is at it. Answers until when.
    pub(crate) fn begin_waiting(&self) -> Option<time::Instant> {
        if self.is_used() { self.lock().begin_waiting() } else { None }
    }

    /// Those whose time to return is over, as steps, and until when the next are to be waited for.
    pub(crate) fn overdue(&self) -> (Vec<Step>, Option<time::Instant>) {
        self.lock().overdue(time::Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

/// Somebody is at telling the other nodes, for as long as there is something to tell.
pub(crate) struct Telling<'p>(&'p Presence);

impl Telling<'_> {
    /// What is to be told next, in so many parts; `None` when that was all.
    pub(crate) fn next(&self) -> Option<Vec<Bytes>> {
        let next = self.0.lock().next_told()?;
        Some(next.encode())
    }
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.0.lock().own.end_telling();
    }
}

impl Follower<'_> {
    /// Has the client told what was made of who is present, and behind that what was said of changes since.
    /// `enqueue` is done with the lock held and does nothing foreign. `false` if there were too many: who is present is
    /// to be asked anew.
    pub(crate) fn tell(self, enqueue: impl FnOnce(Vec<Message>)) -> bool {
        let mut state = self.presence.lock();
        let missed = state.unfollow(&self.group, self.ticket).unwrap_or_default();
        if missed.len() < MAX_MISSED {
            enqueue(missed);
            return true;
        }
        // They are dropped without the lock.
        drop(state);
        false
    }
}

/// Also when who was to be told has panicked over it.
impl Drop for Follower<'_> {
    fn drop(&mut self) {
        let missed = self.presence.lock().unfollow(&self.group, self.ticket);
        drop(missed);
    }
}
