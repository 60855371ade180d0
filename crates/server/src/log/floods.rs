//! How many lines of one kind there may be. A kind is a place in the code and the path of an endpoint.
//!
//! What is too much is left out and counted, and the count is told with the next line of the kind,
//! or by a thread that lives as long as there is something to tell: a flood that ends is told of too.

use std::{
    hash::{Hash, Hasher},
    mem, ptr,
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use indexmap::{Equivalent, IndexMap};
use tracing::Level;

use super::{Site, guarded};

use crate::sync::{Mutex, MutexGuard};

/// Of what is wrong.
const WARNINGS: Allowance = Allowance { each_second: 1, at_once: 3 };

/// Of what is told to who wants to know everything.
const DETAILS: Allowance = Allowance { each_second: 100, at_once: 100 };

/// How many kinds are told apart by their paths; beyond that, only by their places in the code.
const MAX_KINDS: usize = 256;

const SECOND: Duration = Duration::from_secs(1);

/// What accrues to a kind once a second, and how much it may save up.
struct Allowance {
    each_second: u32,
    at_once: u32,
}

static FLOODS: LazyLock<Mutex<Floods>> = LazyLock::new(Mutex::default);

/// Whether a line may be logged, and how many of its kind were left out before it.
pub(super) fn admit(site: &'static Site, path: Option<&str>) -> Option<u64> {
    let mut floods = lock();
    let admitted = floods.admit(site, path, Instant::now());
    let begins = admitted.is_none() && !mem::replace(&mut floods.has_reporter, true);
    drop(floods);
    if begins && thread::Builder::new().name("aerys-log".into()).spawn(report).is_err() {
        // The next line of the kind tells.
        lock().has_reporter = false;
    }
    admitted
}

/// Tells each second of what was left out, as long as anything is.
fn report() {
    loop {
        thread::sleep(SECOND);
        let mut floods = lock();
        let now = Instant::now();
        let unreported = floods.take_unreported(now);
        let is_over = floods.kinds.values().all(|ration| ration.left_out == 0);
        floods.has_reporter = !is_over;
        drop(floods);
        for Unreported { kind, left_out } in unreported {
            guarded(|| (kind.site.more)(kind.path.as_deref(), left_out));
        }
        if is_over {
            return;
        }
    }
}

fn lock() -> MutexGuard<'static, Floods> {
    FLOODS.lock()
}

#[derive(Default)]
struct Floods {
    kinds: IndexMap<Kind, Ration>,
    /// Whether a thread tells of what is left out.
    has_reporter: bool,
}

#[derive(Clone)]
struct Kind {
    site: &'static Site,
    path: Option<Box<str>>,
}

/// What a kind may still log.
struct Ration {
    allowance: &'static Allowance,
    left: u32,
    /// Up to when it has been given what accrues.
    until: Instant,
    left_out: u64,
}

struct Unreported {
    kind: Kind,
    left_out: u64,
}

impl Floods {
    fn admit(&mut self, site: &'static Site, path: Option<&str>, now: Instant) -> Option<u64> {
        let ration = self.ration(site, path, now);
        if ration.take(now) {
            Some(mem::take(&mut ration.left_out))
        } else {
            ration.left_out += 1;
            None
        }
    }

    fn ration(&mut self, site: &'static Site, path: Option<&str>, now: Instant) -> &mut Ration {
        if let Some(index) = self.kinds.get_index_of(&Key::new(site, path)) {
            return &mut self.kinds[index];
        }
        if self.kinds.len() >= MAX_KINDS {
            self.kinds.retain(|_, ration| !ration.is_full(now));
        }
        let path = path.filter(|_| self.kinds.len() < MAX_KINDS).map(Into::into);
        self.kinds.entry(Kind { site, path }).or_insert_with(|| Ration::new(site.level, now))
    }

    /// What was left out, of kinds that may log a line again.
    fn take_unreported(&mut self, now: Instant) -> Vec<Unreported> {
        let unreported = |(kind, ration): (&Kind, &mut Ration)| {
            let is_due = ration.left_out > 0 && ration.take(now);
            is_due.then(|| Unreported {
                kind: kind.clone(),
                left_out: mem::take(&mut ration.left_out),
            })
        };
        self.kinds.iter_mut().filter_map(unreported).collect()
    }
}

impl Ration {
    fn new(level: Level, now: Instant) -> Self {
        let allowance = if level <= Level::WARN { &WARNINGS } else { &DETAILS };
        Self { allowance, left: allowance.at_once, until: now, left_out: 0 }
    }

    /// Takes one line out of what there is.
    fn take(&mut self, now: Instant) -> bool {
        self.accrue(now);
        let may = self.left > 0;
        self.left -= u32::from(may);
        may
    }

    /// Whether nothing is lost if it is forgotten.
    fn is_full(&mut self, now: Instant) -> bool {
        self.accrue(now);
        self.left == self.allowance.at_once && self.left_out == 0
    }

    fn accrue(&mut self, now: Instant) {
        let Allowance { each_second, at_once } = *self.allowance;
        let seconds = now.saturating_duration_since(self.until).as_secs();
        let accrued = u32::try_from(seconds).unwrap_or(u32::MAX).saturating_mul(each_second);
        self.left = self.left.saturating_add(accrued).min(at_once);
        self.until += Duration::from_secs(seconds);
    }
}

impl Kind {
    fn key(&self) -> Key<'_> {
        Key::new(self.site, self.path.as_deref())
    }
}

/// A kind as it is compared. Places are statics, each with an address of its own.
#[derive(PartialEq, Eq, Hash)]
struct Key<'k> {
    site: usize,
    path: Option<&'k str>,
}

impl<'k> Key<'k> {
    fn new(site: &'static Site, path: Option<&'k str>) -> Self {
        Self { site: ptr::from_ref(site).addr(), path }
    }
}

impl Equivalent<Kind> for Key<'_> {
    fn equivalent(&self, kind: &Kind) -> bool {
        *self == kind.key()
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Kind {}

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static WRONG: Site = Site::new(Level::WARN, |_, _| {});
    static DETAIL: Site = Site::new(Level::DEBUG, |_, _| {});

    #[test]
    fn a_flood_is_one_line_a_second_and_all_of_it_is_counted() {
        let (mut floods, began) = (Floods::default(), Instant::now());
        let (mut lines, mut told) = (0, 0);
        for millisecond in 0..10_000 {
            let now = began + Duration::from_millis(millisecond);
            if let Some(left_out) = floods.admit(&WRONG, Some("/"), now) {
                lines += 1;
                told += left_out;
            }
            // Another kind has an allowance of its own.
            assert!(millisecond % 1000 > 0 || floods.admit(&WRONG, Some("/b"), now) == Some(0));
        }
        assert_eq!(lines, 3 + 9);
        // The last of them came after nine seconds.
        assert_eq!(told, 9_001 - lines);
        let over = began + Duration::from_secs(10);
        let unreported = floods.take_unreported(over);
        assert_eq!(unreported.iter().map(|it| it.left_out).sum::<u64>(), 10_000 - lines - told);
        assert!(floods.take_unreported(over + SECOND).is_empty());
    }

    #[test]
    fn what_is_seldom_is_always_logged() {
        let (mut floods, began) = (Floods::default(), Instant::now());
        for second in 0..100 {
            let now = began + Duration::from_secs(second);
            assert_eq!(floods.admit(&WRONG, None, now), Some(0));
            // The one that was too much in the second before.
            assert_eq!(floods.admit(&DETAIL, None, now), Some(second.min(1)));
            assert!((1..100).all(|_| floods.admit(&DETAIL, None, now) == Some(0)));
            assert_eq!(floods.admit(&DETAIL, None, now), None);
        }
    }

    #[test]
    fn the_kinds_are_bounded_and_old_ones_make_room() {
        let (mut floods, began) = (Floods::default(), Instant::now());
        let paths: Vec<_> = (0..2 * MAX_KINDS).map(|number| format!("/{number}")).collect();
        for path in &paths {
            floods.admit(&WRONG, Some(path), began);
        }
        // Those without room are of one kind, which has used up what it may log.
        assert_eq!(floods.kinds.len(), MAX_KINDS + 1);
        assert_eq!(floods.admit(&WRONG, Some("/new"), began), None);
        let later = began + Duration::from_secs(10);
        assert_eq!(floods.admit(&WRONG, Some("/new"), later), Some(0));
        // What has not been told is kept.
        assert_eq!(floods.kinds.len(), 2);
        assert_eq!(floods.take_unreported(later).len(), 1);
    }
}
