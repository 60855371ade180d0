//! npm's `ws`.

use aerys::CloseCode;
use serde_json::json;

use crate::{
    foreign::{Language::Node, tell},
    stage::Stage,
};

#[tokio::test]
async fn what_it_says_without_compression_comes_back() {
    let mut stage = Stage::usual().await;
    let told = Node.run(&["echo"], &stage.url("/echo"), json!(false)).await;
    // The code is said back, the reason is not: RFC 6455 §5.5.1.
    assert_eq!((told.extensions.as_str(), told.closed.as_str()), ("", "4001 "));
    let (departure, stats) = stage.account().await;
    assert_eq!(departure, "4001 c'était beau");
    assert_eq!(told.passed, (stats.bytes_read, stats.bytes_sent), "both sides count alike");
    stage.strike().await;
}

#[tokio::test]
async fn it_hears_why_it_is_closed() {
    let mut stage = Stage::usual().await;
    for (code, reason) in [(1000, ""), (1012, "moving house"), (4000, "c'était beau")] {
        let program = Node.start(&["wait"], &stage.url("/echo"), &[json!(true)]).await;
        let (told, ()) = tokio::join!(tell(program), async {
            let guest = stage.guest().await;
            guest.close().code(CloseCode::new(code).unwrap()).reason(reason).await;
        });
        assert_eq!(told.closed, format!("{code} {reason}"));
        assert_eq!(stage.departure().await, format!("{code} {reason}"));
    }
    stage.strike().await;
}
