//! How long the page is there: as long as its server, whatever becomes of that.

use std::{
    sync::{Mutex, mpsc},
    time::Duration,
};

use aerys::{
    Accepted, AdminPage, Client, Drain, Failure, Handshake, Host, Message, Refusal, Server,
    ServerError, Websocket,
};
use futures_util::SinkExt;
use serde_json::Value;
use tokio::{net::TcpStream, sync::mpsc as events};
use tokio_tungstenite::tungstenite;

use crate::stage::{
    Echo, TOKEN, ask, ask_with, bare, closed, echo, handshake, knock, page, server, soon, start,
    told, until, visit, watch,
};

/// Blocks its thread, from a client's first message until it is let go on.
struct Blocks {
    begun: events::UnboundedSender<()>,
    released: Mutex<mpsc::Receiver<()>>,
}

impl Websocket for Blocks {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, _: &Client, _: Message) -> Result<(), Failure> {
        let _ = self.begun.send(());
        // Also if the test has failed.
        let _ = self.released.lock().expect("it does not panic").recv();
        Ok(())
    }
}

#[tokio::test]
async fn it_answers_while_every_worker_is_blocked_and_shows_who_is_there() {
    let (begun, mut has_begun) = events::unbounded_channel();
    let (releases, hosts): (Vec<_>, Vec<_>) = (0..2)
        .map(|number| {
            let (release, released) = mpsc::channel();
            let app = Blocks { begun: begun.clone(), released: Mutex::new(released) };
            (release, (format!("/{number}"), app))
        })
        .unzip();
    let host = hosts
        .into_iter()
        .fold(Host::new("localhost"), |host, (path, app)| host.websocket(path, app));
    let running = start(server(host)).await;
    let page = page(&running);
    // One after the other: whoever comes is driven by a worker that answers.
    let mut clients = Vec::new();
    for number in 0..2 {
        let mut client = visit(&running, &format!("/{number}")).await;
        client.send(tungstenite::Message::text("block")).await.unwrap();
        soon(has_begun.recv()).await;
        clients.push(client);
    }
    let mut feed = watch(page).await;
    assert_eq!(told(&mut feed, "slowest").await["looked_at"], 2);
    assert_eq!(told(&mut feed, "now").await["status"]["endpoints"][1]["clients"], 1);
    let status = ask(page, "GET /status").await;
    assert_eq!((status.status, &status.json()["state"]), (200, &"ready".into()));
    drop(releases);
    soon(running.stop()).await;
}

#[tokio::test]
async fn it_shows_the_drain_and_ends_with_it() {
    let drain = Drain::new().delay(Duration::from_secs(100)).spread(Duration::from_secs(100));
    let running = start(server(echo()).drain(drain).stop_period(Duration::from_secs(600))).await;
    let page = page(&running);
    let mut client = visit(&running, "/echo").await;
    let mut feed = watch(page).await;
    let serving = tokio::spawn(running.until_signalled());
    assert_eq!(ask(page, "POST /drain").await.status, 202);
    until(&mut feed, "now", |now| (now["status"]["state"] == "draining").then_some(())).await;
    assert_eq!(ask(page, "GET /status").await.json()["endpoints"][0]["clients"], 1);
    assert_eq!(ask(page, "POST /reload").await.status, 409);
    assert_eq!(ask(page, "POST /stop").await.status, 202);
    assert_eq!(closed(&mut client).await.0, 1001);
    drop(client);
    assert_eq!(closed(&mut feed).await.0, 1001);
    drop(feed);
    soon(serving).await.unwrap().unwrap();
    assert!(soon(TcpStream::connect(page)).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_reload_keeps_it_its_token_its_hour_and_who_looks() {
    let running = start(server(echo())).await;
    let page = page(&running);
    let mut feed = watch(page).await;
    let mut client = visit(&running, "/echo").await;
    client.send(tungstenite::Message::text("one")).await.unwrap();
    let has_one = |now: &Value| (now["figures"][0]["received_messages"] == 1).then_some(());
    until(&mut feed, "now", has_one).await;
    let next = move || {
        let host = echo().websocket("/news", Echo);
        Ok::<_, ServerError>(bare(host).admin_page(AdminPage::on("127.0.0.1:0")))
    };
    let shutdown = running.shutdown();
    let serving = tokio::spawn(running.until_signalled_reloading(next));
    let answer = ask(page, "POST /reload").await;
    assert_eq!(answer.json(), serde_json::json!({ "kept": 1, "started": 1, "ended": 0 }));
    // Neither the page nor the client was closed, and what is new is told.
    let has_two = |now: &Value| now["status"]["endpoints"].get(1).map(|_| ());
    until(&mut feed, "now", has_two).await;
    client.send(tungstenite::Message::text("two")).await.unwrap();
    let mut late = watch(page).await;
    let history = told(&mut late, "history").await;
    let index =
        history["fields"].as_array().unwrap().iter().position(|it| it == "received_messages");
    let samples = history["samples"].as_array().unwrap();
    assert!(samples.iter().any(|sample| sample[index.unwrap()] == 1), "{history}");
    shutdown.stop();
    assert_eq!(closed(&mut client).await.0, 1001);
    drop((client, feed, late));
    soon(serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reload_with_another_token_shows_out_whoever_had_the_first() {
    let mut running = start(server(echo())).await;
    let page = page(&running);
    let mut feed = watch(page).await;
    told(&mut feed, "now").await;
    let same = server(echo());
    soon(running.reload(same)).await.unwrap();
    told(&mut feed, "now").await;
    let token = "another-token-of-this-test";
    let other = bare(echo()).admin_page(AdminPage::on("127.0.0.1:0").token(token));
    soon(running.reload(other)).await.unwrap();
    assert_eq!(closed(&mut feed).await, (1008, "the token is another now".to_owned()));
    assert_eq!(ask(page, "GET /status").await.status, 401);
    let protocols = format!("aerys.admin, bearer, {TOKEN}");
    assert!(knock(page, handshake(page, &protocols)).await.is_err());
    let headers = format!("Host: {page}\r\nAuthorization: Bearer {token}\r\n");
    assert_eq!(ask_with(page, "GET /status", &headers).await.status, 200);
    drop(feed);
    soon(running.stop()).await;
}

#[tokio::test]
async fn a_reload_may_bring_one_move_it_and_end_it() {
    let mut running = start(bare(echo())).await;
    assert_eq!(running.admin_page_url(), None);
    soon(running.reload(server(echo()))).await.unwrap();
    let first = page(&running);
    let mut feed = watch(first).await;
    told(&mut feed, "history").await;

    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = elsewhere.local_addr().unwrap();
    let moved = bare(echo()).admin_page(AdminPage::on(elsewhere).token(TOKEN));
    soon(running.reload(moved)).await.unwrap();
    assert_eq!(page(&running), address);
    assert_eq!(ask(address, "GET /status").await.status, 200);
    // Whoever has it open goes on to be told; whoever comes has to come there.
    told(&mut feed, "now").await;
    while soon(TcpStream::connect(first)).await.is_ok() {
        tokio::task::yield_now().await;
    }

    soon(running.reload(bare(echo()))).await.unwrap();
    assert_eq!(running.admin_page_url(), None);
    assert_eq!(closed(&mut feed).await.0, 1001);
    drop(feed);
    while soon(TcpStream::connect(address)).await.is_ok() {
        tokio::task::yield_now().await;
    }
    soon(running.stop()).await;
}

#[tokio::test]
async fn a_reload_with_one_that_makes_no_sense_leaves_everything_as_it_was() {
    let mut running = start(server(echo())).await;
    let page = page(&running);
    let mut feed = watch(page).await;
    let nonsense: [fn() -> Server; 3] = [
        || {
            bare(echo().websocket("/new", Echo))
                .admin_page(AdminPage::on("127.0.0.1:0").token("short"))
        },
        || bare(echo().websocket("/new", Echo)).admin_page(AdminPage::on("0.0.0.0:0")),
        || server(echo().websocket("not-a-path", Echo)),
    ];
    for server in nonsense {
        soon(running.reload(server())).await.unwrap_err();
    }
    assert_eq!(ask(page, "GET /status").await.json()["endpoints"].as_array().unwrap().len(), 1);
    told(&mut feed, "now").await;
    drop(feed);
    soon(running.stop()).await;
}
