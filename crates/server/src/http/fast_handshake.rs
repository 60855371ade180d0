//! A handshake that is whole in the first read and answered at once: most are. It needs none of what
//! hyper sets up for a connection (bench/NOTES.md#handshakes); whatever is not that plain is hyper's, from
//! its first byte.

use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::Uri;
use http_body_util::Empty;
use tokio::time::sleep;

use super::{
    AcceptContext, answer,
    service::{self, Answering, Service, Way},
};
use crate::{
    app::RequestHead,
    connection::Answer,
    transport::{Transport, with_read_buffer},
};

/// The longest request that is answered here, in bytes. No limit of hyper's is lower.
const ROOM: usize = 8 * 1024;

/// How many headers a request that is answered here may have.
const MAX_HEADERS: usize = 48;

/// Headers of requests that ask for more than a look.
const NOT_PLAIN: [&str; 3] = ["content-length", "transfer-encoding", "expect"];

/// What came of the first read.
pub(super) enum Start {
    /// The peer has hung up.
    Nothing,
    /// The 101 has been sent but for this rest of it, mostly nothing.
    Switched { unsent: Vec<u8>, early: Bytes },
    /// These bytes are for hyper, and so is the answer to the request in them if there is one.
    Plain(Bytes, Option<Box<Answering>>),
}

/// Reads once, and answers what was read if that is as plain as it may be here.
pub(super) fn poll_start(
    transport: &impl Transport,
    service: &Service,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Start>> {
    let read = ready!(poll_read(transport, cx))?;
    if read.is_empty() {
        return Poll::Ready(Ok(Start::Nothing));
    }
    Poll::Ready(start(transport, service, read, cx))
}

/// A copy, which is as large as what was read.
fn poll_read(transport: &impl Transport, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
    with_read_buffer(|buffer| {
        let size = ready!(transport.poll_read(cx, &mut buffer[..ROOM]))?;
        Poll::Ready(Ok(Bytes::copy_from_slice(&buffer[..size])))
    })
}

fn start(
    transport: &impl Transport,
    service: &Service,
    read: Bytes,
    cx: &mut Context<'_>,
) -> io::Result<Start> {
    let site = service.context.site.load();
    let most = site.limits.max_headers.min(MAX_HEADERS);
    let Some((head, len)) = parse(&read, most) else { return Ok(Start::Plain(read, None)) };
    if let Some(answer) = service.listener_answer(&head, &site) {
        return Ok(Start::Plain(read, Some(Box::new(answer))));
    }
    let Ok(claims) = site.proxies.claims(&service.peer, &head) else {
        return Ok(Start::Plain(read, None));
    };
    let Way::Endpoint(found) = site.way(&head, &claims) else {
        return Ok(Start::Plain(read, None));
    };
    let mut answer = service.handshake(found, head, claims, &Empty::<Bytes>::new());
    let Answering::Handshake(handshake) = &mut answer else {
        return Ok(Start::Plain(read, Some(Box::new(answer))));
    };
    match handshake.poll_at_once(cx) {
        Poll::Ready(Answer::Switch(headers)) => {
            let mut unsent = handshake.encode_switching(&headers);
            send(transport, &mut unsent, cx)?;
            // A copy, mostly of nothing, so that the request is given back.
            let early = Bytes::copy_from_slice(&read[len..]);
            Ok(Start::Switched { unsent, early })
        }
        Poll::Ready(Answer::Refuse(refusal)) => {
            let refused = service::ready(answer::refused(refusal));
            Ok(Start::Plain(read, Some(Box::new(refused))))
        }
        Poll::Pending => Ok(Start::Plain(read, Some(Box::new(answer)))),
    }
}

/// Sends what a socket that was full has left of a 101. It takes so little that it counts as
/// progress when there is room again.
pub(super) async fn send_rest(
    transport: &impl Transport,
    mut unsent: Vec<u8>,
    context: &AcceptContext,
) -> io::Result<()> {
    let mut out_of_time = pin!(context.out_of_time());
    let period = context.limits().stall_period.unwrap_or(Duration::MAX);
    while !unsent.is_empty() {
        let before = unsent.len();
        let has_sent = poll_fn(|cx| match send(transport, &mut unsent, cx) {
            Ok(()) if unsent.len() == before => Poll::Pending,
            outcome => Poll::Ready(outcome),
        });
        tokio::select! {
            outcome = has_sent => outcome?,
            () = sleep(period) => return Err(io::ErrorKind::TimedOut.into()),
            () = &mut out_of_time => return Err(io::ErrorKind::TimedOut.into()),
        }
    }
    Ok(())
}

fn send(transport: &impl Transport, unsent: &mut Vec<u8>, cx: &mut Context<'_>) -> io::Result<()> {
    if let Poll::Ready(sent) = transport.poll_write(cx, unsent, false)? {
        unsent.drain(..sent);
    }
    Ok(())
}

/// The request at the beginning of `read` and its length, if it is whole and has nothing that asks
/// for more than a look. Faults are for hyper to find and to answer.
fn parse(read: &Bytes, most_headers: usize) -> Option<(RequestHead, usize)> {
    let mut headers = [MaybeUninit::uninit(); MAX_HEADERS];
    let mut head = httparse::Request::new(&mut []);
    let parsed = head.parse_with_uninit_headers(read, &mut headers[..most_headers]).ok()?;
    let (httparse::Status::Complete(len), "GET", 1) = (parsed, head.method?, head.version?) else {
        return None;
    };
    let is_plain = |field: &httparse::Header<'_>| {
        !NOT_PLAIN.iter().any(|name| field.name.eq_ignore_ascii_case(name))
    };
    if !head.headers.iter().all(is_plain) {
        return None;
    }
    let uri = Uri::from_maybe_shared(read.slice_ref(head.path?.as_bytes())).ok()?;
    let fields = head.headers.iter().map(|field| (field.name.as_bytes(), field.value));
    Some((RequestHead::read(read.clone(), uri, fields)?, len))
}

#[cfg(test)]
mod tests {
    use aerys_proto::Fields;
    use http::HeaderName;

    use super::*;

    #[test]
    fn what_is_not_plain_is_left_to_hyper() {
        let plain = "GET /a HTTP/1.1\r\nHost: b\r\nX: c\r\nX: d\r\n\r\n";
        let behind = [plain, "more"].concat();
        for (request, len) in [
            (plain, Some(plain.len())),
            (&behind, Some(plain.len())),
            (&plain[..plain.len() - 1], None),
            (&plain.replace("GET", "POST"), None),
            (&plain.replace("1.1", "1.0"), None),
            (&plain.replace("/a", "/a b"), None),
            (&plain.replace("X: c", "Content-Length: 0"), None),
            (&plain.replace("X: c", "Transfer-Encoding: chunked"), None),
            (&plain.replace("X: c", "Expect: 100-continue"), None),
            (&plain.replace("X: c", "X c"), None),
            (&plain.replace("X: c\r\n", &"X: c\r\n".repeat(MAX_HEADERS)), None),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
        ] {
            let parsed = parse(&Bytes::copy_from_slice(request.as_bytes()), MAX_HEADERS);
            assert_eq!(parsed.map(|(_, len)| len), len, "{request:?}");
        }
        assert!(parse(&Bytes::from(plain), 2).is_none());
        let (head, _) = parse(&Bytes::from(plain), 3).unwrap();
        assert_eq!(head.uri(), "/a");
        assert!(head.values_of(HeaderName::from_static("x")).eq([b"c", b"d"]));
    }

    #[test]
    fn what_is_found_in_a_head_is_what_is_in_its_parts() {
        let request =
            b"GET /a?b HTTP/1.1\r\nHost: c\r\nX: 1\r\nHOST:  d \r\nEmpty:\r\nx: \xff\t2\r\n\r\n";
        let (head, _) = parse(&Bytes::from_static(request), MAX_HEADERS).unwrap();
        let parts = head.parts();
        assert_eq!((&parts.method, parts.version), (head.method(), head.version()));
        assert_eq!((&parts.uri, parts.headers.len()), (head.uri(), 5));
        let found: [(_, &[&[u8]]); 4] =
            [("host", &[b"c", b"d"]), ("x", &[b"1", b"\xff\t2"]), ("empty", &[b""]), ("y", &[])];
        for (name, values) in found {
            let name = HeaderName::from_static(name);
            assert!(head.values_of(name.clone()).eq(values.iter().copied()), "{name}");
            assert!(parts.headers.values_of(name.clone()).eq(values.iter().copied()), "{name}");
        }
    }

    #[test]
    fn no_byte_that_the_parser_lets_pass_is_lost() {
        for byte in 0..=u8::MAX {
            for (before, after) in [
                ("GET /", " HTTP/1.1\r\nN: V\r\n\r\n"),
                ("GET / HTTP/1.1\r\nN", "M: V\r\n\r\n"),
                ("GET / HTTP/1.1\r\nN: V", "W\r\n\r\n"),
            ] {
                let request = [before.as_bytes(), &[byte], after.as_bytes()].concat();
                if let Some((head, _)) = parse(&request.into(), MAX_HEADERS) {
                    assert_eq!(head.parts().headers.len(), 1, "{byte} behind {before:?}");
                }
            }
        }
    }
}
