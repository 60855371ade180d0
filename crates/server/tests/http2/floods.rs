//! Who makes the server work for nothing is cut off, and has made it work for little.

use std::time::Duration;

use aerys::Options;
use http::{Request, StatusCode};
use tokio::time::sleep;

use crate::{
    Stage,
    frames::{
        self, CANCEL, COMPRESSION_ERROR, CONTINUATION, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM,
        HEADERS, PROTOCOL_ERROR, RST_STREAM, Raw, WINDOW_UPDATE, frame, integer,
    },
    soon,
};

/// How many streams are opened by one who is to be cut off long before that.
const FLOOD: u32 = 20_000;

/// Opens streams, each with what `make` makes of its number, until it is cut off: with which code, and how many
/// it had opened when it could write no more.
async fn flood(raw: &mut Raw, make: impl Fn(u32) -> Vec<u8>) -> (Option<u32>, u32) {
    for number in 0..FLOOD {
        if raw.write(&make(2 * number + 1)).await.is_err() {
            return (raw.goes_away().await, number);
        }
    }
    (raw.goes_away().await, FLOOD)
}

/// How many websockets were let in.
fn let_in(stage: &mut Stage) -> usize {
    std::iter::from_fn(|| stage.guests.try_recv().ok()).count()
}

#[tokio::test]
async fn who_resets_what_it_has_asked_for_again_and_again_is_cut_off() {
    let mut stage = Stage::usual().await;
    for block in [frames::handshake("/silent"), frames::request("GET", "/large.bin")] {
        let mut raw = stage.raw().await;
        let (code, _) = flood(&mut raw, |stream| {
            let reset = frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
            [frame(HEADERS, END_HEADERS, stream, &block), reset].concat()
        })
        .await;
        assert!(matches!(code, None | Some(ENHANCE_YOUR_CALM)), "{code:?}");
        // Those of one turn of reading come on top of the burst.
        let opened = let_in(&mut stage);
        assert!(opened < 1000, "{opened} handlers ran");
    }
    let mut client = stage.client().await;
    assert_eq!(client.get("/file.txt").await.1, crate::FILE);
    soon(stage.server.stop()).await;
}

#[tokio::test]
async fn who_has_the_server_reset_its_streams_is_cut_off_too() {
    let mut stage = Stage::usual().await;
    let block = frames::handshake("/silent");
    let mut raw = stage.raw().await;
    // RFC 9113 §6.9.1: a window beyond 2^31-1 is an error of its stream.
    let (code, _) = flood(&mut raw, |stream| {
        let too_much = frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes());
        [frame(HEADERS, END_HEADERS, stream, &block), too_much].concat()
    })
    .await;
    assert!(matches!(code, None | Some(ENHANCE_YOUR_CALM)), "{code:?}");
    let opened = let_in(&mut stage);
    assert!(opened < 1000, "{opened} handlers ran");
    soon(stage.server.stop()).await;
}

#[tokio::test]
async fn a_stream_beyond_a_hundred_is_refused_and_may_be_asked_for_again() {
    let mut stage = Stage::usual().await;
    let mut raw = stage.raw().await;
    for number in 0..101 {
        let handshake = frames::handshake("/silent");
        raw.write(&frame(HEADERS, END_HEADERS, 2 * number + 1, &handshake)).await.unwrap();
    }
    let refused = raw.next_of(RST_STREAM).await.expect("it is refused");
    // REFUSED_STREAM
    assert_eq!((refused.stream, &refused.payload[..]), (201, &[0, 0, 0, 7][..]));
    for _ in 0..100 {
        stage.guest().await;
    }
    soon(stage.server.stop()).await;
}

#[tokio::test]
async fn handlers_of_streams_that_were_reset_are_few() {
    // They never decide, and go on when their streams are gone.
    let stage = Stage::usual().await;
    let mut raw = stage.raw().await;
    let block = frames::handshake("/thinking");
    let mut refused = None;
    for number in 0..220 {
        let stream = 2 * number + 1;
        let asked = frame(HEADERS, END_HEADERS, stream, &block);
        let ping = frame(frames::PING, 0, 0, &[0; 8]);
        raw.write(&[asked, ping].concat()).await.unwrap();
        loop {
            let answer = raw.next().await.expect("it is not cut off");
            if answer.kind == RST_STREAM {
                refused = refused.or(Some(number));
            }
            if answer.kind == frames::PING && answer.flags & frames::ACK != 0 {
                break;
            }
        }
        if refused.is_some() {
            break;
        }
        raw.write(&frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())).await.unwrap();
        // Slowly enough for the budget of resets.
        sleep(Duration::from_millis(15)).await;
    }
    // What refuses one may come behind the answer to its ping.
    assert!(matches!(refused, Some(200 | 201)), "{refused:?}");
    soon(stage.server.stop()).await;
}

#[tokio::test]
async fn a_head_without_an_end_is_cut_off() {
    let stage = Stage::usual().await;
    let filler = frames::block(&[("x-filler", &"a".repeat(16_000))]);
    for piece in [&filler[..], &[]] {
        let mut raw = stage.raw().await;
        let begun = frame(HEADERS, 0, 1, &frames::request("GET", "/file.txt"));
        raw.write(&begun).await.unwrap();
        // No more than what is said to be thrown away behind an error.
        for _ in 0..500 {
            if raw.write(&frame(CONTINUATION, 0, 1, piece)).await.is_err() {
                break;
            }
        }
        let code = raw.goes_away().await;
        assert!(matches!(code, None | Some(ENHANCE_YOUR_CALM | PROTOCOL_ERROR)), "{code:?}");
    }
    let mut client = stage.client().await;
    assert_eq!(client.get("/file.txt").await.1, crate::FILE);
    soon(stage.server.stop()).await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_answered_431() {
    let stage = Stage::usual().await;
    let mut client = stage.client().await;
    let large = Request::get("http://localhost/file.txt").header("x-large", "a".repeat(20_000));
    let (response, _) = client.ask(large.body(()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(client.get("/file.txt").await.1, crate::FILE);
    soon(stage.server.stop()).await;
}

#[tokio::test]
async fn a_head_that_is_small_on_the_wire_and_immense_in_memory_is_cut_off() {
    let stage = Stage::usual().await;
    let mut raw = stage.raw().await;
    let mut bomb = frames::request("GET", "/file.txt");
    // RFC 7541 §6.2.1: a field that is kept in the table, where it is number 62, and 40 MB of references to it.
    bomb.push(0x40);
    for text in ["x-bomb", &"a".repeat(3900)] {
        integer(&mut bomb, 7, text.len());
        bomb.extend_from_slice(text.as_bytes());
    }
    bomb.extend([0x80 | 62; 10_000]);
    raw.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb)).await.unwrap();
    let code = raw.goes_away().await;
    assert!(matches!(code, None | Some(ENHANCE_YOUR_CALM | COMPRESSION_ERROR)), "{code:?}");
    let mut client = stage.client().await;
    assert_eq!(client.get("/file.txt").await.1, crate::FILE);
    soon(stage.server.stop()).await;
}

#[tokio::test]
async fn pings_and_settings_that_nobody_reads_the_answers_of_take_no_memory_for_ever() {
    let stage =
        Stage::set(Options::new(), |server| server.stall_period(Duration::from_secs(2))).await;
    let mut raw = stage.raw().await;
    let pings = frame(frames::PING, 0, 0, &[1; 8]).repeat(1000);
    let mut sent = 0;
    // It is not read any more when its answers are not, and cut off then.
    let flooding = async {
        while raw.write_all_of(&pings).await.is_ok() {
            sent += pings.len();
        }
    };
    soon(flooding).await;
    assert!(sent < (256 << 20), "{sent} bytes were taken");
    let mut client = stage.client().await;
    assert_eq!(client.get("/file.txt").await.1, crate::FILE);
    soon(stage.server.stop()).await;
}
