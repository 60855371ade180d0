//! RFC 6455 §5.5.2, §5.5.3: pings as a keepalive, on a virtual clock.

use std::time::Duration;

use aerys_proto::{CloseCode, Config};

use crate::client::{CLOSE, FIN, PING, PONG, Sent, Session, TEXT, close_payload, closed, frame};

const PERIOD: Duration = Duration::from_secs(10);
const MOMENT: Duration = Duration::from_millis(1);

fn session() -> Session {
    Session::new(Config { heartbeat_period: Some(PERIOD), ..Config::default() })
}

/// Lets a period pass and takes the ping that it must bring.
fn ping_after(session: &mut Session, period: Duration) -> Vec<u8> {
    assert_eq!(session.after(period), None);
    let sent: [Sent; 1] = session.transmit().try_into().expect("a single frame");
    let [(first, payload)] = sent;
    assert_eq!(first, PING);
    payload
}

#[test]
fn a_silent_peer_is_pinged_once_a_period() {
    let mut session = session();
    assert_eq!(session.wakes_in(), Some(PERIOD));
    assert_eq!(session.after(PERIOD - MOMENT), None);
    assert_eq!(session.transmit(), []);
    let first = ping_after(&mut session, MOMENT);
    assert_eq!(session.wakes_in(), Some(PERIOD));
    assert_eq!(session.after(PERIOD - MOMENT), None);
    assert_eq!(session.transmit(), []);
    let second = ping_after(&mut session, MOMENT);
    assert_ne!(first, second);
    assert_eq!(session.connection.pings_outstanding(), 2);
}

#[test]
fn any_byte_is_a_sign_of_life() {
    let mut session = session();
    for byte in frame(FIN | TEXT, "ab") {
        assert_eq!(session.after(PERIOD - MOMENT), None);
        session.receive([byte]);
        assert_eq!(session.wakes_in(), Some(PERIOD));
    }
    assert_eq!(session.transmit(), []);
}

#[test]
fn nothing_received_is_no_sign_of_life() {
    let mut session = session();
    session.now += PERIOD - MOMENT;
    session.receive([]);
    assert_eq!(session.wakes_in(), Some(MOMENT));
}

#[test]
fn silence_is_excused_while_nobody_listens() {
    let mut session = session();
    for _ in 0..3 {
        ping_after(&mut session, PERIOD);
    }
    // Pings go on, and those before do not count.
    for outstanding in [1, 2, 3] {
        session.connection.excuse_silence();
        assert_eq!(session.connection.pings_outstanding(), 0);
        for outstanding in 1..=outstanding {
            ping_after(&mut session, PERIOD);
            assert_eq!(session.connection.pings_outstanding(), outstanding);
        }
    }
    assert_eq!(session.after(PERIOD), Some(closed(CloseCode::POLICY, "no answer to pings")));
}

#[test]
fn one_that_takes_what_it_is_sent_is_given_all_its_time_anew() {
    let mut session = session();
    for _ in 0..3 {
        ping_after(&mut session, PERIOD);
    }
    session.now += PERIOD - MOMENT;
    session.connection.handle_progress(session.now);
    assert_eq!(session.connection.pings_outstanding(), 0);
    for _ in 0..3 {
        ping_after(&mut session, PERIOD);
    }
    assert_eq!(session.after(PERIOD - MOMENT), None);
    assert_eq!(session.after(MOMENT), Some(closed(CloseCode::POLICY, "no answer to pings")));
}

#[test]
fn a_peer_that_answers_no_ping_is_given_up() {
    let mut session = session();
    for outstanding in 1..=3 {
        ping_after(&mut session, PERIOD);
        assert_eq!(session.connection.pings_outstanding(), outstanding);
    }
    let reason = "no answer to pings";
    assert_eq!(session.after(PERIOD - MOMENT), None);
    assert_eq!(session.after(MOMENT), Some(closed(CloseCode::POLICY, reason)));
    assert_eq!(session.transmit(), [(CLOSE, close_payload(1008, reason))]);
    assert!(session.connection.is_draining());
    assert_eq!(session.wakes_in(), Some(Duration::from_secs(3)));
}

#[test]
fn a_pong_measures_the_round_trip() {
    let mut session = session();
    assert_eq!(session.connection.round_trip(), None);
    let ping = ping_after(&mut session, PERIOD);
    session.now += Duration::from_millis(42);
    session.receive(frame(PONG, ping));
    assert_eq!(session.connection.round_trip(), Some(Duration::from_millis(42)));
    assert_eq!(session.connection.pings_outstanding(), 0);
    assert_eq!(session.wakes_in(), Some(PERIOD));
}

#[test]
fn a_pong_answers_all_pings_before_it() {
    let mut session = session();
    let pings: Vec<_> = (0..3).map(|_| ping_after(&mut session, PERIOD)).collect();
    session.now += MOMENT;
    session.receive(frame(PONG, &pings[1]));
    assert_eq!(session.connection.pings_outstanding(), 1);
    assert_eq!(session.connection.round_trip(), Some(PERIOD + MOMENT));
    // It was answered already.
    session.receive(frame(PONG, &pings[0]));
    session.receive(frame(PONG, &pings[1]));
    assert_eq!(session.connection.pings_outstanding(), 1);
    session.receive(frame(PONG, &pings[2]));
    assert_eq!(session.connection.pings_outstanding(), 0);
    assert_eq!(session.connection.round_trip(), Some(MOMENT));
}

#[test]
fn a_pong_to_another_ping_answers_nothing() {
    let mut session = session();
    let ping = ping_after(&mut session, PERIOD);
    let mut longer = ping.clone();
    longer.push(0);
    let mut next = ping.clone();
    *next.last_mut().expect("a number") += 1;
    for payload in [&b""[..], &ping[1..], &longer, &next, &[0xff; 4]] {
        session.receive(frame(PONG, payload));
    }
    assert_eq!(session.connection.pings_outstanding(), 1);
    assert_eq!(session.connection.round_trip(), None);
}

#[test]
fn a_peer_that_answers_is_pinged_forever() {
    let mut session = session();
    for _ in 0..1000 {
        let ping = ping_after(&mut session, PERIOD);
        session.receive(frame(PONG, ping));
    }
    assert!(session.connection.is_open());
}

#[test]
fn a_late_wake_up_brings_one_ping_only() {
    let mut session = session();
    ping_after(&mut session, PERIOD * 7);
    assert_eq!(session.connection.pings_outstanding(), 1);
    assert_eq!(session.wakes_in(), Some(PERIOD));
}

#[test]
fn a_peer_that_speaks_instead_of_answering_is_not_silent() {
    let mut session = session();
    ping_after(&mut session, PERIOD);
    session.now += PERIOD - MOMENT;
    session.receive(frame(FIN | TEXT, "busy"));
    assert_eq!(session.wakes_in(), Some(PERIOD));
    assert_eq!(session.connection.pings_outstanding(), 1);
}

#[test]
fn a_ping_that_was_not_written_is_dropped_at_the_end() {
    let mut session = session();
    assert_eq!(session.after(PERIOD), None);
    session.receive(frame(CLOSE, []));
    assert_eq!(session.transmit(), [(CLOSE, vec![])]);
}

#[test]
fn of_pings_that_could_not_be_written_the_newest_remains() {
    let mut session = session();
    session.after(PERIOD);
    session.after(PERIOD);
    let [(_, ping)] = &session.transmit()[..] else {
        panic!("a single ping");
    };
    session.receive(frame(PONG, ping));
    assert_eq!(session.connection.pings_outstanding(), 0);
}

#[test]
fn without_a_period_nobody_is_pinged() {
    for heartbeat_period in [None, Some(Duration::MAX)] {
        let mut session = Session::new(Config { heartbeat_period, ..Config::default() });
        assert_eq!(session.wakes_in(), None);
        assert_eq!(session.after(Duration::from_secs(1 << 30)), None);
        assert_eq!(session.transmit(), []);
    }
}

#[test]
fn with_a_limit_of_zero_silence_is_enough() {
    let mut session = Session::new(Config { queued_ping_limit: 0, ..Config::default() });
    let closed = closed(CloseCode::POLICY, "no answer to pings");
    assert_eq!(session.after(PERIOD), Some(closed));
}

#[test]
fn nobody_is_pinged_while_closing() {
    let mut session = Session::new(Config { close_period: PERIOD * 10, ..Config::default() });
    session.connection.close(CloseCode::NORMAL.into(), session.now);
    assert_eq!(session.transmit().len(), 1);
    assert_eq!(session.after(PERIOD * 9), None);
    assert_eq!(session.transmit(), []);
}
