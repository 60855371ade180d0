//! Python's `websockets`, and npm's `ws`.

use aerys::CloseCode;
use serde_json::json;

use crate::{
    foreign::{
        Language::{Node, Python},
        tell,
    },
    stage::Stage,
};

#[tokio::test]
async fn what_they_say_without_compression_comes_back() {
    for language in [Python, Node] {
        let mut stage = Stage::usual().await;
        let told = language.run(&["echo"], &stage.url("/echo"), json!(false)).await;
        // The code is said back, the reason is not: RFC 6455 §5.5.1.
        let ours = (told.extensions.as_str(), told.closed.as_str());
        assert_eq!(ours, ("", "4001 "), "{language:?}");
        let (departure, stats) = stage.account().await;
        assert_eq!(departure, "4001 c'était beau", "{language:?}");
        let counted = (stats.bytes_read, stats.bytes_sent);
        assert_eq!(told.passed, counted, "both sides count alike: {language:?}");
        stage.strike().await;
    }
}

#[tokio::test]
async fn they_hear_why_they_are_closed() {
    let mut stage = Stage::usual().await;
    for language in [Python, Node] {
        for (code, reason) in [(1000, ""), (1012, "moving house"), (4000, "c'était beau")] {
            let program = language.start(&["wait"], &stage.url("/echo"), &[json!(true)]).await;
            let (told, ()) = tokio::join!(tell(program), async {
                let guest = stage.guest().await;
                guest.close().code(CloseCode::new(code).unwrap()).reason(reason).await;
            });
            assert_eq!(told.closed, format!("{code} {reason}"), "{language:?}");
            assert_eq!(stage.departure().await, format!("{code} {reason}"), "{language:?}");
        }
    }
    stage.strike().await;
}
