//! Tells of a command that was dropped before it was given: `let _ = client.send(x);` sends nothing.
//! Only where debug assertions are on; elsewhere a command has nothing of it.

#[cfg(debug_assertions)]
pub(super) use on::DropWarning;

#[cfg(not(debug_assertions))]
pub(super) use off::DropWarning;

#[cfg(debug_assertions)]
mod on {
    use std::{collections::BTreeSet, panic::Location, thread};

    use tracing::warn;

    use crate::{
        log,
        sync::{Mutex, Rank},
    };

    /// Of how many places in a program is warned.
    const MAX_PLACES: usize = 1024;

    static WARNED: Mutex<Places> = Mutex::new(Rank::Leaf, Places(BTreeSet::new()));

    /// Warns when it is dropped, unless it was disarmed before; once for each place in the code.
    pub(crate) struct DropWarning {
        command: &'static str,
        /// Where the command was made; `None` once it was given.
        made_at: Option<&'static Location<'static>>,
    }

    impl DropWarning {
        #[track_caller]
        pub(crate) fn new(command: &'static str) -> Self {
            Self { command, made_at: Some(Location::caller()) }
        }

        /// The command has been given.
        pub(crate) fn disarm(&mut self) {
            self.made_at = None;
        }
    }

    impl Drop for DropWarning {
        fn drop(&mut self) {
            // What a panic takes with it is not forgotten.
            let Some(place) = self.made_at.filter(|_| !thread::panicking()) else { return };
            let key = (place.file(), place.line(), place.column());
            let is_new = WARNED.lock().insert(key);
            if is_new {
                // Not rationed with its like: each place is told of once.
                log::guarded(|| {
                    warn!(
                        command = self.command,
                        at = %place,
                        "a command was dropped without `.await` or `.nowait()`, so it did nothing"
                    );
                });
            }
        }
    }

    /// Places that were warned of.
    struct Places(BTreeSet<(&'static str, u32, u32)>);

    impl Places {
        /// Whether it is to be warned of this one.
        fn insert(&mut self, place: (&'static str, u32, u32)) -> bool {
            self.0.len() < MAX_PLACES && self.0.insert(place)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_place_is_warned_of_once_and_so_many_places_are() {
            let mut places = Places(BTreeSet::new());
            assert!(places.insert(("a.rs", 1, 1)));
            assert!(!places.insert(("a.rs", 1, 1)));
            assert!(places.insert(("a.rs", 1, 2)));
            let more = (0..).map(|line| ("b.rs", line, 1)).take(2 * MAX_PLACES);
            assert_eq!(more.filter(|place| places.insert(*place)).count(), MAX_PLACES - 2);
        }
    }
}

#[cfg(not(debug_assertions))]
mod off {
    /// Nothing.
    pub(crate) struct DropWarning;

    const _: () = assert!(size_of::<DropWarning>() == 0);

    impl DropWarning {
        pub(crate) fn new(_command: &'static str) -> Self {
            Self
        }

        pub(crate) fn disarm(&mut self) {}
    }
}
