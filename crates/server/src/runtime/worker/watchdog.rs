//! Looks after the workers: one whose thread is blocked is logged, with the handler that blocks it.
//!
//! A worker that sleeps is left alone. One that does not is asked to say so, and does when it gets to
//! it; that costs it next to nothing, and a worker at work gets to it soon.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::{Handler, Worker};
use crate::log;

/// How long a worker may keep others waiting before it is logged.
const STUCK_PERIOD: Duration = Duration::from_millis(500);

/// How often workers are looked at, of which none is suspected.
const LOOK_PERIOD: Duration = Duration::from_millis(250);

/// How often if one is.
const CLOSE_LOOK_PERIOD: Duration = Duration::from_millis(50);

/// Watches until dropped.
pub(crate) async fn watch(workers: &[Arc<Worker>]) {
    let mut suspicions = vec![Suspicion::None; workers.len()];
    loop {
        let is_calm = suspicions.iter().all(|it| *it == Suspicion::None);
        sleep(if is_calm { LOOK_PERIOD } else { CLOSE_LOOK_PERIOD }).await;
        for (worker, suspicion) in workers.iter().zip(&mut suspicions) {
            *suspicion = suspicion.next(worker, Instant::now());
        }
    }
}

/// What is thought of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suspicion {
    None,
    Asked { since: Instant },
    Stalled { since: Instant },
}

impl Suspicion {
    fn next(self, worker: &Worker, now: Instant) -> Self {
        match self {
            Self::None if worker.is_asleep() => Self::None,
            Self::None => {
                worker.ask();
                Self::Asked { since: now }
            }
            Self::Asked { .. } if worker.has_answered() => Self::None,
            Self::Asked { since } if now - since < STUCK_PERIOD => self,
            Self::Asked { since } => {
                report(worker, now - since);
                Self::Stalled { since }
            }
            Self::Stalled { since } if worker.has_answered() => {
                let (worker, took) = (worker.index(), milliseconds(now - since));
                log::event!(WARN, { worker, ?took }, "a worker goes on");
                Self::None
            }
            Self::Stalled { .. } => self,
        }
    }
}

fn report(worker: &Worker, blocked: Duration) {
    let (handler, path) = worker.activity().now();
    let (worker, handler) = (worker.index(), handler.map(Handler::name));
    let blocked = milliseconds(blocked);
    log::event!(
        WARN, at path.as_deref(), { worker, handler, ?blocked },
        "a worker is stuck: its thread is blocked, and its other clients wait; \
         what takes long belongs in tokio::task::spawn_blocking"
    );
}

/// More than that is not known.
fn milliseconds(period: Duration) -> Duration {
    Duration::from_millis(period.as_millis().try_into().unwrap_or(u64::MAX))
}
