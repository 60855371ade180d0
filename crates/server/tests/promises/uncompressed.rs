//! Without the feature `compression` messages go as they are, whatever is offered.

use aerys::Options;
use http::header;

use crate::common::{Echo, Raw, frame, handshake, serve_with};

#[tokio::test]
async fn an_offer_to_compress_is_not_taken() {
    let server = serve_with(Echo { waits: false }, Options::new()).await;
    let mut raw = Raw::connect(&server).await;
    let answer = raw.ask(handshake("/", "Sec-WebSocket-Extensions: permessage-deflate\r\n")).await;
    assert_eq!(answer.status(), 101);
    assert_eq!(answer.header(header::SEC_WEBSOCKET_EXTENSIONS.as_str()), None);
    let message = vec![b'a'; 4096];
    raw.write(frame(1, &message)).await;
    assert_eq!(raw.frame().await, (0x81, message));
    // RFC 6455 §5.2: RSV1 "MUST be 0 unless an extension is negotiated".
    let mut compressed = frame(1, b"hello");
    compressed[0] |= 0x40;
    raw.write(compressed).await;
    assert_eq!(raw.hear_close().await.0, 1002);
    drop(raw);
    server.stop().await;
}
