//! When a worker's connections are to be woken: one timer of the runtime's for all of them.
//!
//! A timer for each takes 128 bytes, and a place here some 45 (bench/NOTES.md#memory-of-an-idle-client).

use std::{
    cmp::Ordering,
    collections::BTreeSet,
    sync::Arc,
    task::{Wake, Waker},
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::clock::Tick;
use crate::sync::{Mutex, Rank};

/// Those of one worker that have not rung.
pub(crate) struct Alarms {
    pending: Mutex<BTreeSet<Pending>>,
    /// Told when there is one that is to ring before all others.
    has_nearer: Notify,
}

/// One that is to ring, for who is told apart by the address of its bell.
struct Pending {
    due: Tick,
    bell: Waker,
}

impl Alarms {
    pub(super) fn new() -> Self {
        Self { pending: Mutex::new(Rank::Leaf, BTreeSet::new()), has_nearer: Notify::new() }
    }

    /// Wakes `bell` at `due`, unless that is taken back.
    pub(crate) fn set<B: Wake + Send + Sync + 'static>(&self, due: Tick, bell: &Arc<B>) {
        let alarm = Pending { due, bell: Arc::clone(bell).into() };
        let mut pending = self.pending.lock();
        let is_nearest = pending.first().is_none_or(|first| alarm < *first);
        let replaced = pending.replace(alarm);
        drop(pending);
        drop(replaced);
        if is_nearest {
            self.has_nearer.notify_one();
        }
    }

    /// Takes back what was [set](Self::set), if it has not rung.
    pub(crate) fn take_back<B: Wake + Send + Sync + 'static>(&self, due: Tick, bell: &Arc<B>) {
        let alarm = Pending { due, bell: Arc::clone(bell).into() };
        let taken = self.pending.lock().take(&alarm);
        // Only now, when the lock is released.
        drop(taken);
    }

    /// Has alarms ring for as long as it is polled.
    pub(super) async fn ring(&self) {
        loop {
            let nearest = self.pending.lock().first().map(|first| first.due.instant());
            let Some(nearest) = nearest else {
                self.has_nearer.notified().await;
                continue;
            };
            tokio::select! {
                () = self.has_nearer.notified() => {}
                () = sleep_until(nearest.into()) => self.ring_due(Instant::now()),
            }
        }
    }

    fn ring_due(&self, now: Instant) {
        loop {
            let mut pending = self.pending.lock();
            let due = match pending.first() {
                Some(first) if first.due.instant() <= now.into_std() => pending.pop_first(),
                _ => return,
            };
            drop(pending);
            if let Some(alarm) = due {
                alarm.bell.wake();
            }
        }
    }
}

impl Ord for Pending {
    fn cmp(&self, other: &Self) -> Ordering {
        let place = |it: &Self| (it.due, it.bell.data().addr());
        place(self).cmp(&place(other))
    }
}

impl PartialOrd for Pending {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Pending {}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering::Relaxed},
        time::Duration,
    };

    use tokio::time::sleep;

    use super::*;
    use crate::runtime::clock;

    #[derive(Default)]
    struct Bell(AtomicU32);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    impl Bell {
        fn rung(&self) -> u32 {
            self.0.load(Relaxed)
        }
    }

    fn after(seconds: u64) -> Tick {
        Tick::of(clock::read().instant + Duration::from_secs(seconds))
    }

    #[tokio::test(start_paused = true)]
    async fn each_rings_when_it_is_due_unless_it_is_taken_back() {
        let alarms = Arc::new(Alarms::new());
        let ringing = Arc::clone(&alarms);
        tokio::spawn(async move { ringing.ring().await });
        let bells: [Arc<Bell>; 4] = Default::default();
        let [late, near, same, never] = &bells;
        let due = [after(3), after(1), after(1), after(2)];
        for (bell, due) in bells.iter().zip(due) {
            alarms.set(due, bell);
        }
        alarms.take_back(due[3], never);
        for (seconds, rung) in [(0, [0, 0, 0, 0]), (1, [0, 1, 1, 0]), (3, [1, 1, 1, 0])] {
            sleep(Duration::from_millis(1000 * seconds + 1)).await;
            assert_eq!(bells.each_ref().map(|bell| bell.rung()), rung);
        }
        // One that has rung is nobody's any more.
        assert!(bells.iter().all(|bell| Arc::strong_count(bell) == 1));
        // A nearer one is not kept waiting by those that are set.
        alarms.set(after(9), late);
        sleep(Duration::from_secs(1)).await;
        alarms.set(after(1), near);
        sleep(Duration::from_millis(1001)).await;
        assert_eq!((late.rung(), near.rung(), same.rung()), (1, 2, 1));
    }
}
