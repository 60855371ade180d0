//! How the body of a request arrives, and how long it may take while somebody waits for it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

use super::stall::{LOOKS_A_PERIOD, interval};
use crate::sync::{Mutex, MutexGuard};

/// What the average is measured over, at first, if silence is allowed.
const USUAL_PERIOD: Duration = Duration::from_secs(30);

/// For how long a body is waited for, in all, once the server stops: what the kernel has of it is
/// read, and no more.
const ARRIVED_BODY_GRACE: Duration = Duration::from_millis(100);

/// Why the server ends a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransferError {
    TooSlow,
    Stopping,
}

/// What is asked of whoever sends a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    /// How long there may be no byte at all; `None` for any time.
    pub(crate) period: Option<Duration>,
    /// How many bytes there have to be for each second on average, once a period is over; 0 for
    /// any.
    pub(crate) min_rate: u64,
}

impl BodyLimits {
    /// How often a look is to be taken at a transfer; `None` for never.
    fn interval(self) -> Option<Duration> {
        let asks = self.period.is_some() || self.min_rate > 0;
        asks.then(|| interval(self.period.unwrap_or(USUAL_PERIOD)))
    }

    /// The least that there has to be after so many looks, in bytes.
    fn least(self, looks: u32) -> u64 {
        let interval = self.interval().unwrap_or_default().as_millis();
        let period = interval.saturating_mul(looks.into());
        let least = period.saturating_mul(self.min_rate.into()) / 1000;
        u64::try_from(least).unwrap_or(u64::MAX)
    }
}

/// How the transfer of one body goes. Only the time counts in which somebody waits for the peer.
#[derive(Debug, Default)]
pub(super) struct Transfer(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Whoever waits for the peer, and nothing else.
    reader: Option<Waker>,
    /// How many bytes have been read.
    bytes: u64,
    /// For how many looks there was no byte, one of them perhaps a short one.
    silent: u32,
    /// For how many looks somebody waited.
    waited: u32,
    /// What the socket had received when last looked at.
    received: Option<u64>,
    error: Option<TransferError>,
    is_whole: bool,
}

impl Transfer {
    /// Whether the peer has still to send something of it, as far as is known.
    pub(super) fn is_unfinished(&self) -> bool {
        !self.lock().is_whole
    }

    /// How many bytes of it have been read.
    #[cfg_attr(not(feature = "http2"), expect(dead_code, reason = "a stream alone needs it"))]
    pub(super) fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    pub(super) fn error(&self) -> Option<TransferError> {
        self.lock().error
    }

    /// Ends it, somebody waiting for more.
    fn fail(&self, error: TransferError) {
        let reader = {
            let mut state = self.lock();
            state.error.get_or_insert(error);
            state.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Whether somebody waits for what the peer has not sent.
    fn is_waited_for(&self) -> bool {
        self.lock().reader.is_some()
    }

    /// Takes a look, an interval after the last one: whether the peer is too slow. `received` is
    /// what has come over its connection so far.
    fn is_too_slow(&self, received: u64, limits: BodyLimits) -> bool {
        let state = &mut *self.lock();
        let came = state.received.replace(received).is_some_and(|before| before != received);
        if state.reader.is_none() || state.error.is_some() {
            state.silent = 0;
            return false;
        }
        state.silent = if came { 0 } else { state.silent + 1 };
        state.waited = state.waited.saturating_add(1);
        let is_silent = limits.period.is_some() && state.silent > LOOKS_A_PERIOD;
        is_silent || (state.waited >= LOOKS_A_PERIOD && state.bytes < limits.least(state.waited))
    }

    /// Notes who waits, before it is known whether there is anything to wait for.
    pub(super) fn wait(&self, reader: &Waker) -> Result<(), TransferError> {
        let reader = Some(reader.clone());
        let mut state = self.lock();
        let before = match state.error {
            Some(error) => return Err(error),
            None => std::mem::replace(&mut state.reader, reader),
        };
        drop(state);
        drop(before);
        Ok(())
    }

    /// Nobody waits any more.
    pub(super) fn hear(&self, bytes: usize, is_whole: bool) {
        let mut state = self.lock();
        let reader = state.reader.take();
        state.bytes += bytes as u64;
        state.is_whole = is_whole;
        drop(state);
        drop(reader);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

/// Watches over the bodies of one connection.
pub(super) struct TransferTimer {
    limits: BodyLimits,
    /// For how many more looks somebody may wait, once the server stops.
    grace: Option<u32>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl TransferTimer {
    pub(super) fn new(limits: BodyLimits) -> Self {
        Self { limits, grace: None, alarm: None }
    }

    /// The server stops: from now on what has come already is read, and no more.
    pub(super) fn stop(&mut self) {
        self.grace = Some(LOOKS_A_PERIOD);
        self.alarm = None;
    }

    /// Ready when a transfer has been ended. `received` is what has come over its connection so far, in bytes.
    pub(super) fn poll(
        &mut self,
        transfer: Option<&Transfer>,
        received: u64,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let interval = match self.grace {
            Some(_) => Some(interval(ARRIVED_BODY_GRACE)),
            None => self.limits.interval(),
        };
        let unfinished = transfer.filter(|transfer| transfer.is_unfinished());
        let (Some(interval), Some(transfer)) = (interval, unfinished) else {
            self.alarm = None;
            return Poll::Pending;
        };
        loop {
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(interval)));
            ready!(alarm.as_mut().poll(cx));
            alarm.as_mut().reset(Instant::now() + interval);
            let error = match &mut self.grace {
                Some(looks) if transfer.is_waited_for() => {
                    *looks = looks.saturating_sub(1);
                    (*looks == 0).then_some(TransferError::Stopping)
                }
                Some(_) => None,
                None => {
                    transfer.is_too_slow(received, self.limits).then_some(TransferError::TooSlow)
                }
            };
            if let Some(error) = error {
                transfer.fail(error);
                return Poll::Ready(());
            }
        }
    }
}

/// There is more to read.
impl Wake for Transfer {
    fn wake(self: Arc<Self>) {
        let reader = self.lock().reader.take();
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BodyLimits = BodyLimits { period: Some(Duration::from_secs(30)), min_rate: 500 };

    /// At which look a peer is found too slow; each look is what it has sent since the last, and
    /// whether somebody waits for more.
    fn found(limits: BodyLimits, looks: impl IntoIterator<Item = (usize, bool)>) -> Option<usize> {
        let (transfer, mut received) = (Transfer::default(), 0);
        looks.into_iter().position(|(bytes, waits)| {
            received += bytes as u64;
            transfer.hear(bytes, false);
            if waits {
                transfer.wait(Waker::noop()).expect("there is no error");
            }
            transfer.is_too_slow(received, limits)
        })
    }

    #[test]
    fn a_silent_peer_is_too_slow_while_somebody_waits() {
        let falls_silent = [(50_000, true)].into_iter().chain([(0, true); 20]);
        assert_eq!(found(LIMITS, falls_silent), Some(8));
        assert_eq!(found(LIMITS, [(0, false); 100]), None);
        let between = (0..100).map(|look| (0, look % 5 < 4));
        assert_eq!(found(BodyLimits { min_rate: 0, ..LIMITS }, between), None);
        assert_eq!(found(BodyLimits { period: None, min_rate: 0 }, [(0, true); 100]), None);
    }

    #[test]
    fn a_peer_below_the_average_is_too_slow_after_a_period() {
        // A look is 3.75 s.
        assert_eq!(found(LIMITS, [(1875, true); 100]), None);
        assert_eq!(found(LIMITS, [(1874, true); 100]), Some(7));
        assert_eq!(found(LIMITS, [(1, false); 100]), None);
        assert_eq!(found(BodyLimits { min_rate: 0, ..LIMITS }, [(1, true); 100]), None);
        assert_eq!(found(BodyLimits { period: None, ..LIMITS }, [(1, true); 100]), Some(7));
    }
}
