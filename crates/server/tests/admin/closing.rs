//! One client that is closed by an operator.

use std::time::Duration;

use aerys::Host;
use futures_util::SinkExt;
use tokio_tungstenite::tungstenite::Message;

use crate::stage::{Echo, ask, closed, page, server, soon, start, told, until, visit, watch};

#[tokio::test]
async fn one_is_closed_by_its_endpoint_and_id_and_nobody_else() {
    let host = Host::new("localhost").websocket("/echo", Echo).websocket("/rooms/{room}", Echo);
    let running = start(server(host)).await;
    let page = page(&running);
    let mut stays = visit(&running, "/echo").await;
    for (path, endpoint, options, told) in [
        ("/echo", "localhost/echo", "", (1001, "")),
        ("/echo", "localhost%2Fecho", "&code=1008&reason=too+slow", (1008, "too slow")),
        ("/rooms/tea", "localhost/rooms/%7Broom%7D", "&code=4321", (4321, "")),
    ] {
        let mut client = visit(&running, path).await;
        let id = running.endpoint::<()>(path.replace("tea", "{room}").as_str()).unwrap().clients();
        let id = id.iter().map(|it| it.id()).max().expect("it is the last that came");
        let request = format!("POST /close?endpoint={endpoint}&client={id}{options}");
        let answer = ask(page, &request).await;
        assert_eq!((answer.status, answer.json()), (200, serde_json::json!({ "closed": true })));
        let (code, reason) = closed(&mut client).await;
        assert_eq!((code, &*reason), told);
        drop(client);
        while running.endpoint::<()>("/rooms/{room}").unwrap().client(id).is_some()
            || running.endpoint::<()>("/echo").unwrap().client(id).is_some()
        {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // Then it is not there any more.
        assert_eq!(ask(page, &request).await.json(), serde_json::json!({ "closed": false }));
    }
    stays.send(Message::text("still here")).await.unwrap();
    for (query, status) in [
        ("endpoint=localhost/echo", 400),
        ("client=1", 400),
        ("endpoint=localhost/echo&client=one", 400),
        ("endpoint=localhost/echo&client=1&code=1006", 400),
        ("endpoint=localhost/echo&client=1&code=99999", 400),
        ("endpoint=localhost/other&client=1", 404),
        ("endpoint=/echo&client=1", 404),
    ] {
        assert_eq!(ask(page, &format!("POST /close?{query}")).await.status, status, "{query}");
    }
    soon(running.stop()).await;
}

#[tokio::test]
async fn one_that_reads_nothing_is_gone_before_long_and_its_code_is_told() {
    let running = start(server(Host::new("localhost").websocket("/echo", Echo))).await;
    let page = page(&running);
    let mut feed = watch(page).await;
    let fields = told(&mut feed, "history").await["fields"].as_array().unwrap().len();
    let mut client = visit(&running, "/echo").await;
    let slow = tokio::spawn(async move {
        while client.send(Message::binary(vec![7; 1 << 20])).await.is_ok() {}
    });
    let id = until(&mut feed, "slowest", |found| {
        found["queued"].get(0).map(|client| client["client"].as_str().unwrap().to_owned())
    })
    .await;
    let request = format!("POST /close?endpoint=localhost/echo&client={id}&code=1008");
    assert_eq!(ask(page, &request).await.json()["closed"], true);
    let closes = until(&mut feed, "now", |now| now["sample"].get(fields).cloned()).await;
    assert_eq!(closes, serde_json::json!({ "1008": 1 }));
    slow.abort();
    soon(running.stop()).await;
}
