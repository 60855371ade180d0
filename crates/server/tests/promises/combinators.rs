//! `all`, `any`, `some` over sends, one of them to a client that has gone.

use aerys::{Client, ClientGone, NoneSucceeded, Options, all, any, some};

use crate::common::{Lobby, Raw, Running, frame, soon};

/// The place of the one that has gone, of three.
const GONE: usize = 1;

/// Three clients, the middle one gone.
async fn three() -> (Running, Vec<Raw>, Vec<Client>) {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let (mut raws, mut clients) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        raws.push(Raw::open(&server).await);
        clients.push(guests.next().await);
    }
    raws[GONE].write(frame(8, &[])).await;
    guests.journal.until(1).await;
    drop(raws.remove(GONE));
    (server, raws, clients)
}

async fn all_hear(raws: &mut [Raw], text: &str) {
    for raw in raws {
        assert_eq!(raw.frame().await, (0x81, text.into()));
    }
}

#[tokio::test]
async fn all_answers_the_first_error_and_whoever_is_there_hears_it_all_the_same() {
    let (server, mut raws, clients) = three().await;
    let here = || clients.iter().enumerate().filter(|(index, _)| *index != GONE);
    assert_eq!(soon(all(here().map(|(_, it)| it.send("both")))).await, Ok(vec![(), ()]));
    all_hear(&mut raws, "both").await;
    let sends = clients.iter().map(|client| client.send("everybody"));
    assert_eq!(soon(all(sends)).await, Err(ClientGone));
    // A command that was given is carried out, whatever became of another.
    all_hear(&mut raws, "everybody").await;
    drop(raws);
    server.stop().await;
}

#[tokio::test]
async fn all_does_not_wait_for_the_others_once_one_has_failed() {
    let (server, raws, clients) = three().await;
    // What the first does not read keeps its own send waiting.
    let sends = [clients[0].send(vec![0; 64 << 20]), clients[GONE].send("?")];
    assert_eq!(soon(all(sends)).await, Err(ClientGone));
    drop(raws);
    server.stop().await;
}

#[tokio::test]
async fn any_tells_who_heard_it_and_who_had_gone() {
    let (server, mut raws, clients) = three().await;
    let outcomes = soon(any(clients.iter().map(|client| client.send("anybody")))).await;
    assert_eq!(outcomes.succeeded, [(0, ()), (2, ())]);
    assert_eq!(outcomes.failed, [(GONE, ClientGone)]);
    all_hear(&mut raws, "anybody").await;
    let nobody = soon(any(clients[..0].iter().map(|client| client.send("nobody")))).await;
    assert_eq!((nobody.succeeded, nobody.failed), (vec![], vec![]));
    drop(raws);
    server.stop().await;
}

#[tokio::test]
async fn some_fails_only_if_nobody_is_there() {
    let (server, mut raws, clients) = three().await;
    let outcomes = soon(some(clients.iter().map(|client| client.send("somebody")))).await;
    let outcomes = outcomes.expect("two are there");
    assert_eq!(outcomes.succeeded, [(0, ()), (2, ())]);
    assert_eq!(outcomes.failed, [(GONE, ClientGone)]);
    all_hear(&mut raws, "somebody").await;
    let gone = [clients[GONE].send("one"), clients[GONE].send("two")];
    let nobody = soon(some(gone)).await.expect_err("it has gone");
    assert_eq!(nobody, NoneSucceeded { errors: vec![ClientGone; 2] });
    let nothing = soon(some(clients[..0].iter().map(|client| client.send("nobody")))).await;
    assert_eq!(nothing, Err(NoneSucceeded { errors: vec![] }));
    drop(raws);
    server.stop().await;
}

#[tokio::test]
async fn commands_of_several_kinds_can_be_awaited_together() {
    let (server, mut raws, clients) = three().await;
    let endpoint = clients[0].endpoint();
    let broadcasts = ["one", "two"].map(|text| async move {
        let tally = endpoint.broadcast(text).await;
        if tally.gone == 0 { Ok(tally.delivered) } else { Err(tally) }
    });
    assert_eq!(soon(all(broadcasts)).await, Ok(vec![2, 2]));
    all_hear(&mut raws, "one").await;
    all_hear(&mut raws, "two").await;
    drop(raws);
    server.stop().await;
}
