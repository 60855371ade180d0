//! Chromium: the `WebSocket` of a page.

use aerys::{CloseCode, Compression, Options, Stats};
use serde_json::json;

use crate::{browser::Browser, stage::Stage};

/// Opens a websocket, and has `heard` for the next message.
const OPEN: &str = r#"
    const socket = new WebSocket(given[0]);
    socket.binaryType = "arraybuffer";
    const closed = new Promise((resolve) => {
        socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean]);
    });
    await new Promise((resolve, reject) => {
        socket.onopen = resolve;
        socket.onerror = () => reject(Error("no connection"));
    });
    const heard = () => new Promise((resolve) => { socket.onmessage = ({ data }) => resolve(data) });
"#;

/// Says texts and bytes of many lengths, and hears the same; then closes.
const ECHO: &str = r#"
    for (const size of [0, 1, 125, 126, 1023, 1024, 65536, 200 << 10]) {
        const bytes = new Uint8Array(size);
        for (let i = 0; i < size; i += 65536) {
            crypto.getRandomValues(bytes.subarray(i, i + 65536));
        }
        for (const message of ["été 水 𝄞, ".repeat(size / 16), bytes, new Uint8Array(size)]) {
            const answer = heard();
            socket.send(message);
            const data = await answer;
            if (typeof message === "string") {
                if (data !== message) throw Error(`another text of ${size}`);
            } else {
                const other = new Uint8Array(data);
                const same = other.length === size && other.every((it, i) => it === message[i]);
                if (!same) throw Error(`other bytes of ${size}`);
            }
        }
    }
    socket.close(4001, "c'était beau");
    return [socket.extensions, await closed];
"#;

/// Says a long text and hears it.
const SAY: &str = r#"
    const text = "the tide and the lamp of " + "été 水 𝄞, ".repeat(7 << 10);
    const answer = heard();
    socket.send(text);
    if ((await answer) !== text) throw Error("another text");
    socket.close();
    await closed;
    return new TextEncoder().encode(text).length;
"#;

#[tokio::test]
async fn a_page_hears_what_it_said() {
    let mut stage = Stage::usual().await;
    let browser = Browser::at(&format!("http://{}/", stage.address())).await;
    let told = browser.run(&(OPEN.to_owned() + ECHO), vec![json!(stage.url("/echo"))]).await;
    // The code is said back, the reason is not: RFC 6455 §5.5.1.
    assert_eq!(told, json!([AGREED, [4001, "", true]]));
    let (departure, stats) = stage.account().await;
    assert_eq!(departure, "4001 c'était beau");
    assert_eq!((stats.messages_read, stats.messages_sent), (24, 24));

    let length = browser.run(&(OPEN.to_owned() + SAY), vec![json!(stage.url("/echo"))]).await;
    let length = length.as_u64().unwrap_or_else(|| panic!("{length}"));
    let (_, Stats { bytes_read, bytes_sent, .. }) = stage.account().await;
    assert!(length > 100 << 10);
    for bytes in [bytes_read, bytes_sent] {
        assert!(bytes < length / 20, "{bytes} of {length}");
    }
    browser.close().await;
    stage.strike().await;
}

#[tokio::test]
async fn a_page_takes_contexts_over_in_windows_as_small_as_the_server_wants_them() {
    let compression =
        Compression::new().server_context_takeover(true).client_context_takeover(true);
    let compression = compression.server_max_window_bits(13).client_max_window_bits(12);
    let mut stage = Stage::set(Options::new().compression(compression)).await;
    let browser = Browser::at(&format!("http://{}/", stage.address())).await;
    let told = browser.run(&(OPEN.to_owned() + ECHO), vec![json!(stage.url("/echo"))]).await;
    let agreed = "permessage-deflate; server_max_window_bits=13; client_max_window_bits=12";
    assert_eq!(told, json!([agreed, [4001, "", true]]));
    assert_eq!(stage.departure().await, "4001 c'était beau");
    browser.close().await;
    stage.strike().await;
}

#[tokio::test]
async fn a_page_is_told_why_it_is_closed() {
    let mut stage = Stage::usual().await;
    let browser = Browser::at(&format!("http://{}/", stage.address())).await;
    for (code, reason) in [(1000, ""), (1012, "moving house"), (4000, "c'était beau")] {
        let script = OPEN.to_owned() + "return closed;";
        let url = vec![json!(stage.url("/echo"))];
        let (told, ()) = tokio::join!(browser.run(&script, url), async {
            let guest = stage.guest().await;
            guest.close().code(CloseCode::new(code).unwrap()).reason(reason).await;
        });
        assert_eq!(told, json!([code, reason, true]));
        assert_eq!(stage.departure().await, format!("{code} {reason}"));
    }
    browser.close().await;
    stage.strike().await;
}

/// What is answered to Chromium's offer, `permessage-deflate; client_max_window_bits`.
const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
