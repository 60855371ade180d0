//! RFC 6455 §5.5: CLOSE, PING and PONG as frames. What a CLOSE leads to is §7.

use aerys_proto::{CloseCode, Config};

use crate::client::{
    CLOSE, FIN, PING, PONG, Session, TEXT, close_payload, frame, header, outcome, refused_after,
    text,
};

#[test]
fn a_control_frame_over_125_bytes_is_a_protocol_error() {
    let config = Config::default();
    for first in [PING, PONG, CLOSE] {
        for len in [126, 127, 0xffff, 0x10000, 1 << 62] {
            let bytes = header(first, len);
            outcome(&config, &bytes).assert_refused(CloseCode::PROTOCOL, &[], "too long");
            assert_eq!(refused_after(&config, &bytes), Some(2));
        }
    }
}

#[test]
fn a_fragmented_control_frame_is_a_protocol_error() {
    let config = Config::default();
    for first in [PING, PONG, CLOSE] {
        let bytes = frame(first & !FIN, "");
        outcome(&config, &bytes).assert_refused(CloseCode::PROTOCOL, &[], "fragmented");
        assert_eq!(refused_after(&config, &bytes), Some(1));
    }
}

#[test]
fn control_frames_are_no_matter_of_the_limits_on_data() {
    let config =
        Config { max_frame_size: 1, max_msg_size: 1, text_only: true, ..Config::default() };
    let outcome = outcome(&config, &frame(PING, [7; 125]));
    assert_eq!(outcome.sent, [(PONG, vec![7; 125])]);
    assert_eq!(outcome.events, []);
}

#[test]
fn each_ping_is_answered_with_its_payload_and_in_order() {
    let payloads: [&[u8]; 4] = [b"", b"a", &[0; 125], b"\xff not UTF-8"];
    let bytes: Vec<u8> = payloads.iter().flat_map(|payload| frame(PING, payload)).collect();
    let outcome = outcome(&Config::default(), &bytes);
    assert_eq!(outcome.events, []);
    assert_eq!(outcome.sent, payloads.map(|payload| (PONG, payload.to_vec())));
}

#[test]
fn pongs_that_nobody_reads_are_bounded() {
    let mut session = Session::new(Config::default());
    for number in 0..1000_u16 {
        session.receive(frame(PING, number.to_be_bytes()));
    }
    let sent = session.transmit();
    let newest = 999_u16.to_be_bytes().to_vec();
    assert_eq!(sent.len(), 128);
    assert_eq!(sent[0], (PONG, vec![0, 0]));
    assert_eq!(sent[127], (PONG, newest));
}

#[test]
fn unsolicited_pongs_are_ignored() {
    let bytes = [frame(PONG, ""), frame(PONG, [0; 4]), frame(PONG, [1; 125])].concat();
    let outcome = outcome(&Config::default(), &[bytes, frame(FIN | TEXT, "a")].concat());
    assert_eq!(outcome.events, [text("a")]);
    assert_eq!(outcome.sent, []);
}

#[test]
fn a_close_with_half_a_code_is_a_protocol_error() {
    let config = Config::default();
    let bytes = frame(CLOSE, [3]);
    outcome(&config, &bytes).assert_refused(CloseCode::PROTOCOL, &[], "one byte");
    assert_eq!(refused_after(&config, &bytes), Some(2));
}

#[test]
fn a_code_that_may_not_be_sent_is_a_protocol_error() {
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 0xffff] {
        let bytes = frame(CLOSE, close_payload(code, "why"));
        let outcome = outcome(&Config::default(), &bytes);
        outcome.assert_refused(CloseCode::PROTOCOL, &[], &code.to_string());
    }
}

#[test]
fn a_reason_that_is_not_utf8_is_invalid_data() {
    for reason in [&b"\xff"[..], b"fine\xc3", b"\xed\xa0\x80"] {
        let bytes = frame(CLOSE, close_payload(1000, reason));
        let outcome = outcome(&Config::default(), &bytes);
        outcome.assert_refused(CloseCode::INVALID, &[], "reason");
    }
}
