//! Clients that say and say and never read what comes back.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::Crowd;

/// More messages than anyone takes in the time.
const ENDLESS: usize = 1 << 30;

/// Has every client write all that the kernel takes, for as long as that; `watch` is called about
/// every 20 ms. Answers how many clients the server cut off.
///
/// # Errors
///
/// If `watch` fails.
pub(crate) fn noread(
    crowd: &mut Crowd,
    time: Duration,
    mut watch: impl FnMut() -> Result<()>,
) -> Result<usize> {
    let start = Instant::now();
    let mut watched = start;
    let mut cut = vec![false; crowd.clients.len()];
    for client in &mut crowd.clients {
        client.say(ENDLESS, start)?;
    }
    while start.elapsed() < time {
        crowd.turn_deaf(|index, client| cut[index] |= client.flush().is_err())?;
        if watched.elapsed() > Duration::from_millis(20) {
            watched = Instant::now();
            watch()?;
        }
    }
    Ok(cut.into_iter().filter(|cut| *cut).count())
}
