//! A stop that is spread over time, so that clients that come back do not all come at once.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use aerys_proto::CloseCode;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{error::ServerError, session::Leaver};

/// How a server sees its clients off before it stops: see [`Server::drain`](crate::Server::drain).
///
/// Both periods are zero unless set, since a supervisor that has not been told kills after 10 or 30 s.
///
/// ```
/// use std::time::Duration;
/// use aerys::Drain;
///
/// let drain = Drain::new().delay(Duration::from_secs(5)).spread(Duration::from_secs(20));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "give it to `Server::drain`"]
pub struct Drain {
    pub(crate) delay: Duration,
    pub(crate) spread: Duration,
    pub(crate) is_restart: bool,
}

/// Those who were seen off.
#[derive(Default)]
pub(super) struct Leavers {
    closed: Vec<Box<dyn Leaver>>,
    left: usize,
}

/// What became of the clients that were there when a server was [drained](crate::Running::drain).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// Those that were closed, and have gone.
    pub closed: usize,
    /// Those that went by themselves before it was their turn.
    pub left: usize,
    /// Those that had not gone when the time was over, and were cut off.
    pub cut: usize,
}

impl Drain {
    /// At once.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long everything goes on as before, so that a balancer can learn that the server is not
    /// [ready](crate::Readiness) any more, and sends nobody.
    pub fn delay(mut self, period: Duration) -> Self {
        self.delay = period;
        self
    }

    /// Over how long clients are closed, evenly and in no order that they could know.
    pub fn spread(mut self, period: Duration) -> Self {
        self.spread = period;
        self
    }

    /// Tells clients that the server is soon back: they are closed with 1012 instead of 1001 (RFC 6455 §7.4, and the
    /// registry of its codes).
    pub fn restart(mut self) -> Self {
        self.is_restart = true;
        self
    }

    /// Whether a stop has time for it, and half of it left for those who are slow to go.
    pub(super) fn check(self, stop_period: Duration) -> Result<(), ServerError> {
        let period = self.delay.saturating_add(self.spread);
        if period > stop_period / 2 {
            return Err(ServerError::Drain { period, stop_period });
        }
        Ok(())
    }

    pub(super) fn waits(self) -> Duration {
        self.delay
    }

    /// Closes all clients, spread over its time, and those who are left at once when `hurry` is cancelled.
    pub(super) async fn see_off(
        self,
        mut clients: Vec<Box<dyn Leaver>>,
        hurry: &CancellationToken,
    ) -> Leavers {
        // By numbers that are drawn anew for each drain.
        let draws = RandomState::new();
        clients.sort_by_cached_key(|client| draws.hash_one(client.id()));
        let code = if self.is_restart { CloseCode::RESTART } else { CloseCode::AWAY };
        let (began, step) = (Instant::now(), self.spread / clients.len().max(1) as u32);
        let mut leavers = Leavers::default();
        for (place, client) in clients.into_iter().enumerate() {
            // Somewhere within its own step, and so evenly.
            let within =
                f64::from(draws.hash_one((place, client.id())) as u32) / f64::from(u32::MAX);
            let turn = began + step * place as u32 + step.mul_f64(within);
            hurry.run_until_cancelled(sleep_until(turn)).await;
            if client.has_gone() {
                leavers.left += 1;
            } else {
                client.close(code);
                leavers.closed.push(client);
            }
        }
        leavers
    }
}

impl Leavers {
    /// What has become of them by now.
    pub(super) fn count(&self) -> Drained {
        let cut = self.closed.iter().filter(|client| !client.has_gone()).count();
        Drained { closed: self.closed.len() - cut, left: self.left, cut }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::{connection::ClientId, session::BoxFuture};

    /// Notes when it is closed, and with what.
    struct Fake {
        number: u64,
        has_left: bool,
        closed: Arc<Mutex<Vec<(u64, Duration, CloseCode)>>>,
        began: Instant,
    }

    impl Leaver for Fake {
        fn id(&self) -> ClientId {
            ClientId::new(self.number, 0, 1)
        }

        fn close(&self, code: CloseCode) {
            self.closed.lock().unwrap().push((self.number, self.began.elapsed(), code));
        }

        fn has_gone(&self) -> bool {
            self.has_left || self.number.is_multiple_of(2) && self.began.elapsed() > 20 * SECOND
        }

        fn departed(&self) -> BoxFuture<'_, ()> {
            unreachable!("a drain waits for nobody")
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn clients_are_closed_evenly_and_in_no_order_and_are_counted() {
        for (drain, code) in [
            (Drain::new().spread(10 * SECOND), CloseCode::AWAY),
            (Drain::new().spread(10 * SECOND).restart(), CloseCode::RESTART),
        ] {
            let (closed, began) = (Arc::default(), Instant::now());
            let fake = |number| Fake {
                number,
                has_left: number % 10 == 9,
                closed: Arc::clone(&closed),
                began,
            };
            let clients = (0..2000).map(|it| Box::new(fake(it)) as Box<dyn Leaver>).collect();
            let leavers = drain.see_off(clients, &CancellationToken::new()).await;
            assert!(began.elapsed() <= 10 * SECOND, "{:?}", began.elapsed());
            let times = closed.lock().unwrap().clone();
            assert!(times.iter().all(|(.., it)| *it == code));
            // Those who have left by themselves leave their places empty.
            for second in 0..10 {
                let is_in = |at: &Duration| at.as_secs() == second;
                let closed = times.iter().filter(|(_, at, _)| is_in(at)).count();
                assert!((144..=216).contains(&closed), "{closed} in second {second}");
            }
            let in_order = times.windows(2).filter(|pair| pair[0].0 < pair[1].0).count();
            assert!((700..1100).contains(&in_order), "{in_order}");
            tokio::time::advance(20 * SECOND).await;
            let counted = Drained { closed: 1000, left: 200, cut: 800 };
            assert_eq!(leavers.count(), counted);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_spread_all_are_closed_at_once() {
        let (closed, began) = (Arc::default(), Instant::now());
        let fake = |number| Fake { number, has_left: false, closed: Arc::clone(&closed), began };
        let clients = (0..100).map(|it| Box::new(fake(it)) as Box<dyn Leaver>).collect();
        let never = CancellationToken::new();
        drop(Drain::new().see_off(clients, &never).await);
        assert_eq!(closed.lock().unwrap().len(), 100);
        assert!(began.elapsed() < SECOND / 100);
        drop(Drain::new().spread(SECOND).see_off(Vec::new(), &never).await);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_left_when_it_is_to_stop_at_once_is_closed_at_once() {
        let (closed, began) = (Arc::default(), Instant::now());
        let fake = |number| Fake { number, has_left: false, closed: Arc::clone(&closed), began };
        let clients = (0..100).map(|it| Box::new(fake(it)) as Box<dyn Leaver>).collect();
        let hurry = CancellationToken::new();
        let in_time = async {
            sleep_until(began + 10 * SECOND).await;
            hurry.cancel();
        };
        let drain = Drain::new().spread(100 * SECOND).restart();
        tokio::join!(async { drop(drain.see_off(clients, &hurry).await) }, in_time);
        assert!(began.elapsed() < 11 * SECOND, "{:?}", began.elapsed());
        let closed = closed.lock().unwrap();
        assert_eq!(closed.len(), 100);
        assert!(closed.iter().all(|(.., code)| *code == CloseCode::RESTART));
    }

    #[test]
    fn half_of_a_stop_is_left_to_those_who_are_slow() {
        let drain = Drain::new().delay(SECOND).spread(4 * SECOND);
        assert!(drain.check(10 * SECOND).is_ok());
        let error = drain.check(9 * SECOND).unwrap_err().to_string();
        assert!(error.contains("takes 5s of the 9s"), "{error}");
        assert!(Drain::new().delay(Duration::MAX).spread(SECOND).check(SECOND).is_err());
        assert!(Drain::new().check(Duration::ZERO).is_ok());
    }
}
