//! Tasks beside a client's handlers.

use std::{
    future::pending,
    sync::{Arc, Barrier},
};

use aerys::{
    Accepted, Client, ClientGone, Departure, Endpoint, Failure, Handshake, Host, Message, Options,
    Refusal, Websocket,
};
use tokio::{sync::Notify, task::spawn_blocking};

use crate::common::{
    Door, Dropped, Journal, Lobby, Raw, departure, errors_at, frame, keep_errors, serve,
    serve_host, soon,
};

#[tokio::test]
async fn a_task_ends_with_its_client_and_is_dropped_where_it_waits() {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let mut raw = Raw::open(&server).await;
    let client = guests.next().await;
    let journal = Journal::default();
    let guard = Dropped(journal.clone());
    client.spawn(async move {
        guard.0.note("begins");
        pending::<()>().await;
        guard.0.note("never");
        Ok(())
    });
    journal.until(1).await;
    raw.write(frame(8, &[])).await;
    guests.journal.until(1).await;
    assert_eq!(journal.until(2).await, ["begins", "dropped"]);
    // There is no beginning for one that has gone.
    let guard = Dropped(journal.clone());
    client.spawn(async move { guard.0.told("late") });
    assert_eq!(journal.until(3).await[2], "dropped");
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn a_task_can_be_cancelled_and_not_paused() {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let raw = Raw::open(&server).await;
    let client = guests.next().await;
    let (journal, cue) = (Journal::default(), Arc::new(Notify::new()));
    let (guard, cued) = (Dropped(journal.clone()), Arc::clone(&cue));
    let task = client.spawn(async move {
        loop {
            guard.0.note("works");
            cued.notified().await;
        }
    });
    task.disable();
    journal.until(1).await;
    cue.notify_one();
    journal.until(2).await;
    task.cancel();
    assert_eq!(journal.until(3).await, ["works", "works", "dropped"]);
    assert_eq!(soon(client.send("still here")).await, Ok(()));
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn what_a_task_sends_arrives_in_order() {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let mut raw = Raw::open(&server).await;
    let client = guests.next().await;
    let friend = client.clone();
    client.spawn(async move {
        for number in 0..100 {
            match number % 3 {
                0 => friend.send(number.to_string()).await?,
                1 => friend.send(number.to_string()).nowait(),
                _ => friend.endpoint().broadcast(number.to_string()).nowait(),
            }
        }
        Ok(())
    });
    for number in 0..100 {
        assert_eq!(raw.frame().await, (0x81, number.to_string().into()));
    }
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn a_fault_in_a_task_closes_its_client_with_1011_and_is_not_told() {
    keep_errors();
    for (how, told) in [("fail", true), ("panic", true), ("gone", false)] {
        let path = format!("/spawn/{how}");
        let (lobby, mut guests) = Lobby::new();
        let server = serve_host(Host::new("localhost").websocket(&path, lobby)).await;
        let mut raw = Raw::open_at(&server, &path).await;
        let client = guests.next().await;
        let journal = Journal::default();
        let guard = Dropped(journal.clone());
        client.spawn(async move {
            let _guard = guard;
            match how {
                "fail" => Err(Failure::new("a secret")),
                "gone" => Err(ClientGone)?,
                _ => panic!("a secret"),
            }
        });
        journal.until(1).await;
        if told {
            assert_eq!(raw.hear_close().await, (1011, String::new()), "{how}");
            assert_eq!(soon(client.send("too late")).await, Err(ClientGone));
        } else {
            assert_eq!(soon(client.send("still here")).await, Ok(()));
        }
        drop(raw);
        server.stop().await;
        assert_eq!(errors_at(&path).len(), usize::from(told), "{how}");
    }
}

/// Each handler waits for what a task of its own does; `on_close` notes.
struct Parallel(Journal);

impl Websocket for Parallel {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        let (done, friend) = (Arc::new(Notify::new()), client.clone());
        let tell = Arc::clone(&done);
        client.spawn(async move {
            friend.send("welcome").await?;
            tell.notify_one();
            Ok(())
        });
        done.notified().await;
        self.0.note("opened");
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        let (done, friend) = (Arc::new(Notify::new()), client.clone());
        let tell = Arc::clone(&done);
        client.spawn(async move {
            friend.send(message).await?;
            friend.send("from beside").await?;
            tell.notify_one();
            Ok(())
        });
        done.notified().await;
        self.0.note("handled");
        if client.send("and from here").await.is_ok() {
            // Its client goes while it waits.
            pending::<()>().await;
        }
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        self.0.note(departure(gone));
    }
}

#[tokio::test]
async fn a_task_runs_while_a_handler_waits() {
    let journal = Journal::default();
    let server = serve(Parallel(journal.clone())).await;
    let mut raw = Raw::open(&server).await;
    raw.write(frame(1, b"hello")).await;
    for text in ["welcome", "hello", "from beside", "and from here"] {
        assert_eq!(raw.frame().await, (0x81, text.into()));
    }
    raw.write(frame(8, &[])).await;
    assert_eq!(journal.until(3).await, ["opened", "handled", "gone 1005"]);
    drop((raw, server));
}

#[tokio::test]
async fn an_endpoints_task_goes_on_without_clients_and_ends_with_the_server() {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let mut raw = Raw::open(&server).await;
    let endpoint: Endpoint = guests.next().await.endpoint().clone();
    let (journal, cue) = (Journal::default(), Arc::new(Notify::new()));
    let (guard, cued, everyone) = (Dropped(journal.clone()), Arc::clone(&cue), endpoint.clone());
    endpoint.spawn(async move {
        loop {
            guard.0.note(format!("{} here", everyone.len()));
            cued.notified().await;
        }
    });
    // A fault of another is its own end alone.
    endpoint.spawn(async { Err(Failure::new("a secret")) });
    journal.until(1).await;
    raw.write(frame(8, &[])).await;
    guests.journal.until(1).await;
    cue.notify_one();
    assert_eq!(journal.until(2).await, ["1 here", "0 here"]);
    drop(raw);
    soon(server.stop()).await;
    assert_eq!(journal.lines()[2..], ["dropped"]);
}

/// As with any tokio runtime: who comes from there has a pool of database connections in mind.
#[tokio::test]
async fn what_blocks_in_spawn_blocking_runs_at_once() {
    let door = Door::on_workers(1, |handshake, scene| async move {
        let together = Arc::new(Barrier::new(40));
        let blocking: Vec<_> = (0..40)
            .map(|_| {
                let together = Arc::clone(&together);
                spawn_blocking(move || together.wait().is_leader())
            })
            .collect();
        for it in blocking {
            if it.await? {
                scene.note("all of them");
            }
        }
        Ok(handshake.accept())
    })
    .await;
    let raw = Raw::open_at(&door.server, "/door/ann").await;
    drop(raw);
    assert_eq!(door.shut().await[0], "all of them");
}
