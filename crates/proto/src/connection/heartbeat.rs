//! Pings against silence: RFC 6455 §5.5.2, §5.5.3.
//!
//! Bytes that arrive only leave a mark of the time; whether a ping is due is found out when
//! somebody looks.

use std::time::{Duration, Instant};

use crate::Config;

#[derive(Debug)]
pub(super) struct Heartbeat {
    /// When the peer was last heard of.
    heard: Instant,
    /// When each unanswered ping was sent, the oldest first, if there are any.
    #[expect(clippy::box_collection, reason = "there are none most of the time")]
    sent: Option<Box<Vec<Instant>>>,
    /// The number of the oldest unanswered ping. It is their payload.
    oldest: u32,
    /// In nanoseconds: a duration has room for centuries.
    round_trip: u64,
}

/// No ping has been answered.
const NO_ROUND_TRIP: u64 = u64::MAX;

/// What a look at the clock has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// Nothing is due.
    Fine,
    /// The ping of this number is to be sent.
    Ping(u32),
    /// The peer has left too many pings unanswered.
    Lost,
}

impl Heartbeat {
    pub(super) fn new(now: Instant) -> Self {
        Self { heard: now, sent: None, oldest: 0, round_trip: NO_ROUND_TRIP }
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Pings that were not answered so far are none to count.
    pub(super) fn excuse(&mut self) {
        self.oldest = self.oldest.wrapping_add(self.unanswered());
        self.sent = None;
    }

    /// A pong has arrived. Others than those to our pings are ignored: RFC 6455 §5.5.3, "A
    /// response to an unsolicited Pong frame is not expected."
    pub(super) fn answered(&mut self, payload: &[u8], now: Instant) {
        let Ok(number) = payload.try_into().map(u32::from_be_bytes) else {
            return;
        };
        // RFC 6455 §5.5.3: a peer "MAY elect to send a Pong frame for only the most recently
        // processed Ping frame", so it answers all before it.
        let index = number.wrapping_sub(self.oldest) as usize;
        let Some(sent) = &mut self.sent else { return };
        let Some(at) = sent.get(index) else { return };
        let round_trip = now.saturating_duration_since(*at).as_nanos();
        self.round_trip = round_trip.try_into().unwrap_or(NO_ROUND_TRIP);
        sent.drain(..=index);
        self.sent.take_if(|sent| sent.is_empty());
        self.oldest = number.wrapping_add(1);
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, config: &Config) -> Beat {
        if self.due(config).is_none_or(|due| now < due) {
            return Beat::Fine;
        }
        if self.unanswered() >= config.queued_ping_limit {
            return Beat::Lost;
        }
        let number = self.oldest.wrapping_add(self.unanswered());
        self.sent.get_or_insert_default().push(now);
        Beat::Ping(number)
    }

    /// When the next ping is due, if the peer stays silent.
    pub(super) fn due(&self, config: &Config) -> Option<Instant> {
        let sent = self.sent.as_ref().and_then(|sent| sent.last());
        let since = sent.map_or(self.heard, |sent| self.heard.max(*sent));
        since.checked_add(config.heartbeat_period?)
    }

    pub(super) fn unanswered(&self) -> u32 {
        self.sent.as_ref().map_or(0, |sent| sent.len() as u32)
    }

    pub(super) fn round_trip(&self) -> Option<Duration> {
        (self.round_trip != NO_ROUND_TRIP).then(|| Duration::from_nanos(self.round_trip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_may_wrap() {
        let config = Config::default();
        let mut now = Instant::now();
        let mut heartbeat = Heartbeat { oldest: u32::MAX, ..Heartbeat::new(now) };
        for number in [u32::MAX, 0, 1] {
            now += Duration::from_secs(10);
            assert_eq!(heartbeat.handle_timeout(now, &config), Beat::Ping(number));
        }
        heartbeat.answered(&0_u32.to_be_bytes(), now);
        assert_eq!(heartbeat.unanswered(), 1);
        heartbeat.answered(&1_u32.to_be_bytes(), now);
        assert_eq!(heartbeat.unanswered(), 0);
        assert!(heartbeat.sent.is_none());
    }
}
