//! Which sockets of a worker's thread are ready: one epoll for all of them, of which the runtime knows as of
//! one descriptor.
//!
//! What the runtime has for each socket that it knows takes 384 bytes, and a slot here 24
//! (bench/NOTES.md#memory-of-an-idle-client). Events are edges: what is ready stays so until a call finds
//! that it is not. They are looked for in a task of the thread, so that none comes between a call and what it
//! has found.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::poll_fn,
    io::{self, ErrorKind},
    mem::{self, MaybeUninit},
    os::{fd::BorrowedFd, unix::net},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Poll, Waker},
};

use rustix::{
    event::{
        Timespec,
        epoll::{self, CreateFlags, Event, EventData, EventFlags},
    },
    io::Errno,
};
use tokio::{io::Interest, net::UnixStream, task};

use super::slots::{Slot, Slots};
use crate::sync::{Mutex, Rank};

/// How many events are taken at once.
const EVENTS: usize = 256;

/// The epoll of a thread.
pub(crate) struct Reactor(Epoll);

/// The runtime's type for Unix sockets is the one that takes any descriptor by a safe way and tells of its
/// readiness.
type Epoll = Arc<UnixStream>;

/// Where a socket is registered: by which thread's reactor, and in which of its slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    thread: u32,
    slot: u32,
}

/// What a thread has of its reactor.
#[derive(Default)]
struct Local {
    /// `None` where there is no reactor.
    epoll: Option<Epoll>,
    /// Unlike any other thread's, and 0 where there is no reactor.
    thread: u32,
    slots: Slots,
    /// Who goes on when all sockets have been looked at.
    yielding: Vec<Waker>,
    /// Wakes the reactor's task for them.
    reactor: Option<Waker>,
}

impl Reactor {
    /// Within the runtime that it is to have its task on.
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = net::UnixStream::from(epoll::create(CreateFlags::CLOEXEC)?);
        // Who asks it never waits. It is only what the runtime wants to see.
        epoll.set_nonblocking(true)?;
        Ok(Self(Arc::new(UnixStream::from_std(epoll)?)))
    }

    /// From now on sockets can be registered on this thread.
    pub(crate) fn start(&self) {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let thread = STARTED.fetch_add(1, Ordering::Relaxed) + 1;
        LEFT_ELSEWHERE.lock().insert(thread, Vec::new());
        REACTOR.with_borrow_mut(|local| {
            local.epoll = Some(Arc::clone(&self.0));
            local.thread = thread;
        });
    }

    /// Wakes who awaits sockets of this thread, as long as this is polled here.
    pub(crate) async fn react(&self) -> io::Result<()> {
        loop {
            if self.called().await? {
                // What else the runtime looks at comes before who yields, too.
                task::yield_now().await;
            }
            let yielding = REACTOR.with_borrow_mut(|local| mem::take(&mut local.yielding));
            for waker in self.look()?.into_iter().chain(yielding) {
                waker.wake();
            }
        }
    }

    /// Waits until there are events, or somebody yields; whether somebody does.
    async fn called(&self) -> io::Result<bool> {
        poll_fn(|cx| {
            let yields = REACTOR.with_borrow_mut(|local| {
                if !local.reactor.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    local.reactor = Some(cx.waker().clone());
                }
                !local.yielding.is_empty()
            });
            if yields {
                return Poll::Ready(Ok(true));
            }
            self.0.poll_read_ready(cx).map_ok(|()| false)
        })
        .await
    }

    /// Takes the events that there are, as many as there is room for, and gives who awaits them.
    fn look(&self) -> io::Result<Vec<Waker>> {
        let mut woken = Vec::new();
        let outcome = self.0.try_io(Interest::READABLE, || {
            let (mut room, now) = ([MaybeUninit::uninit(); EVENTS], Timespec::default());
            let (events, _) = match epoll::wait(&*self.0, &mut room[..], Some(&now)) {
                Err(Errno::INTR) => return Ok(()),
                outcome => outcome?,
            };
            REACTOR.with_borrow_mut(|local| {
                let note = |it: &Event| local.slots.note(it.data.u64(), it.flags.into());
                woken.extend(events.iter().filter_map(note));
            });
            // The runtime tells when there are more.
            if events.len() < EVENTS { Err(ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match outcome {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(woken),
        }
    }
}

/// Registers a socket on this thread.
///
/// # Errors
///
/// If the thread has no reactor, or the kernel no room.
pub(super) fn register(socket: BorrowedFd<'_>) -> io::Result<Place> {
    drop(take_back());
    REACTOR.with_borrow_mut(|local| {
        let Some(epoll) = &local.epoll else {
            return Err(io::Error::other("only workers' threads have sockets"));
        };
        let slot = local.slots.next();
        let interest = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(epoll, socket, EventData::new_u64(slot.into()), interest)?;
        local.slots.take();
        Ok(Place { thread: local.thread, slot })
    })
}

/// A socket is about to be closed. It leaves the epoll by that.
pub(super) fn deregister(place: Place) {
    let given_back = REACTOR.try_with(|local| {
        let local = &mut *local.borrow_mut();
        (local.thread == place.thread).then(|| local.slots.give_back(place.slot))
    });
    // A thread that ends has no slots any more.
    if let Ok(None) = given_back
        && let Some(slots) = LEFT_ELSEWHERE.lock().get_mut(&place.thread)
    {
        slots.push(place.slot);
    }
}

/// Takes back the slots of this thread whose sockets were closed on others, and gives who awaited them.
fn take_back() -> Vec<Waker> {
    REACTOR.with_borrow_mut(|local| {
        let slots = LEFT_ELSEWHERE.lock().get_mut(&local.thread).map(mem::take).unwrap_or_default();
        slots.into_iter().filter_map(|slot| local.slots.give_back(slot)).collect()
    })
}

/// Looks at the slot of a socket; `None` if it is not this thread's.
#[inline]
pub(super) fn with_slot<T>(place: Place, look: impl FnOnce(&mut Slot) -> T) -> Option<T> {
    REACTOR.with_borrow_mut(|local| {
        if local.thread == place.thread { local.slots.get(place.slot).map(look) } else { None }
    })
}

/// Has the runtime go on with others until it has looked at all sockets, these included.
pub(crate) async fn yield_now() {
    let mut has_yielded = false;
    poll_fn(|cx| {
        if mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        let is_taken = REACTOR.with_borrow_mut(|local| {
            let Some(reactor) = &local.reactor else { return false };
            if local.yielding.is_empty() {
                reactor.wake_by_ref();
            }
            local.yielding.push(cx.waker().clone());
            true
        });
        if is_taken { Poll::Pending } else { pin!(task::yield_now()).poll(cx) }
    })
    .await;
}

impl Drop for Local {
    fn drop(&mut self) {
        LEFT_ELSEWHERE.lock().remove(&self.thread);
    }
}

/// The slots whose sockets were closed on other threads than theirs, by these.
static LEFT_ELSEWHERE: Mutex<BTreeMap<u32, Vec<u32>>> = Mutex::new(Rank::Leaf, BTreeMap::new());

thread_local! {
    static REACTOR: RefCell<Local> = RefCell::default();
}
