//! Groups: who is in them, who hears what is said there, and how many may be.

use std::time::Duration;

use aerys::{
    Accepted, Client, Departure, Handshake, JoinError, Options, Refusal, SendError, Websocket,
};

use crate::common::{
    Guests, Journal, Lobby, Running, Ws, connect, connect_to, errors_at, keep_errors, serve, soon,
    tally,
};

/// Some clients, spread over two workers.
async fn room(size: usize, options: Options) -> (Running, Guests, Vec<Ws>, Vec<Client>) {
    let (server, mut guests) = Lobby::serve(options).await;
    let (mut peers, mut clients) = (Vec::new(), Vec::new());
    for _ in 0..size {
        peers.push(connect(&server).await);
        clients.push(guests.next().await);
    }
    (server, guests, peers, clients)
}

fn names<S>(groups: impl IntoIterator<Item = aerys::Group<S>>) -> Vec<String> {
    let mut names: Vec<_> = groups.into_iter().map(|it| it.name().to_owned()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn those_hear_it_who_are_in_it_and_meant() {
    let (_server, _guests, mut peers, clients) = room(6, Options::new()).await;
    let endpoint = clients[0].endpoint();
    for index in [0, 1, 2, 4] {
        clients[index].join("tea").unwrap();
        clients[index].join("tea").unwrap();
    }
    let tea = endpoint.group("tea");
    assert_eq!((tea.len(), tea.is_empty(), tea.clients().len()), (4, false, 4));
    assert!(tea.contains(clients[4].id()) && !tea.contains(clients[5].id()));
    type Indices = &'static [usize];
    let cases: &[(Option<Indices>, Option<Indices>, Indices)] = &[
        (None, None, &[0, 1, 2, 4]),
        (None, Some(&[0, 5]), &[1, 2, 4]),
        (Some(&[1, 3, 5]), None, &[1]),
        (Some(&[1, 2]), Some(&[2]), &[1]),
        (Some(&[3, 5]), None, &[]),
        (Some(&[]), None, &[]),
    ];
    let ids = |indices: &[usize]| indices.iter().map(|it| clients[*it].id()).collect::<Vec<_>>();
    for (number, (only, except, hearers)) in cases.iter().enumerate() {
        for waits in [true, false] {
            let text = format!("{number} {waits}");
            let mut broadcast = tea.broadcast(&text);
            if let Some(only) = only {
                broadcast = broadcast.only(ids(only));
            }
            if let Some(except) = except {
                broadcast = broadcast.except(ids(except));
            }
            if waits {
                assert_eq!(soon(broadcast).await, tally(hearers.len(), 0, 0), "{text}");
            } else {
                broadcast.nowait();
            }
            for hearer in *hearers {
                assert_eq!(peers[*hearer].hear_text().await, text);
            }
        }
    }
    // Nobody has heard anything else.
    assert_eq!(soon(endpoint.broadcast("all")).await, tally(6, 0, 0));
    for peer in &mut peers {
        assert_eq!(peer.hear_text().await, "all");
    }
    assert_eq!(soon(endpoint.group("nobody's").broadcast("to no one")).await, tally(0, 0, 0));
}

#[tokio::test]
async fn a_broadcast_after_a_join_reaches_who_joined_and_one_before_does_not() {
    let (_server, _guests, mut peers, clients) = room(2, Options::new()).await;
    let (one, tea) = (&clients[0], clients[0].endpoint().group("tea"));
    for round in 0..200 {
        tea.broadcast("before").nowait();
        one.join("tea").unwrap();
        tea.broadcast(format!("within {round}")).nowait();
        one.send("said meanwhile").nowait();
        assert!(one.leave("tea"));
        tea.broadcast("after").nowait();
        assert!(!one.leave("tea"));
    }
    for round in 0..200 {
        assert_eq!(peers[0].hear_text().await, format!("within {round}"));
        assert_eq!(peers[0].hear_text().await, "said meanwhile");
    }
    assert!(tea.is_empty());
}

/// Has everybody join the groups that the query names, before anything is sent; and tells who was in one with whom
/// has gone.
struct Rooms(Journal);

impl Websocket for Rooms {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let query = handshake.request().uri.query().unwrap_or_default().to_owned();
        let client = handshake.accept();
        for name in query.split('&') {
            client.join(name)?;
            client.endpoint().group(name).broadcast(format!("into {name}")).nowait();
        }
        Ok(client)
    }

    async fn on_close(&self, gone: &Departure) {
        let groups = gone.groups();
        self.0.note(format!("{} were left", groups.len()));
        for group in groups {
            self.0.note(format!("{}: {} stay", group.name(), group.len()));
            group.broadcast(format!("out of {}", group.name())).nowait();
        }
        self.0.note(format!("{:?} have members", names(gone.endpoint().groups())));
        assert!(gone.endpoint().groups().iter().all(|group| !group.contains(gone.id())));
    }
}

#[tokio::test]
async fn a_client_joins_in_on_open_and_leaves_all_when_it_goes() {
    let journal = Journal::default();
    let server = serve(Rooms(journal.clone())).await;
    let mut one = connect_to(&server, "/?tea&milk").await;
    assert_eq!(one.hear_text().await, "into tea");
    assert_eq!(one.hear_text().await, "into milk");
    let mut other = connect_to(&server, "/?milk").await;
    assert_eq!(
        (one.hear_text().await, other.hear_text().await),
        ("into milk".into(), "into milk".into())
    );
    one.leave().await;
    assert_eq!(other.hear_text().await, "out of milk");
    let noted = ["2 were left", "tea: 0 stay", "milk: 1 stay", "[\"milk\"] have members"];
    assert_eq!(journal.until(4).await, noted);
}

#[tokio::test]
async fn a_client_that_has_gone_joins_nothing_and_its_handler_is_not_at_fault() {
    keep_errors();
    let (_server, guests, mut peers, clients) = room(2, Options::new()).await;
    let (stays, goes) = (&clients[0], &clients[1]);
    goes.join("tea").unwrap();
    stays.join("tea").unwrap();
    assert_eq!(names(goes.groups()), ["tea"]);
    peers.pop().unwrap().leave().await;
    guests.journal.until(1).await;
    assert_eq!(goes.join("tea"), Err(JoinError::ClientGone));
    assert!(!goes.leave("tea") && goes.groups().is_empty());
    assert_eq!(names(stays.endpoint().groups()), ["tea"]);
    assert_eq!(soon(stays.endpoint().group("tea").broadcast("you")).await, tally(1, 0, 0));
    assert_eq!(goes.send("you").await, Err(SendError::ClientGone));
}

/// Has a client that has gone join a group.
struct Late;

impl Websocket for Late {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        client.send("welcome").await?;
        client.gone().await;
        while client.join("tea").is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        client.join("tea")?;
        Ok(client)
    }
}

#[tokio::test]
async fn what_a_join_answers_about_a_client_that_has_gone_is_no_error_in_the_log() {
    keep_errors();
    let server = soon(aerys_server(Late)).await;
    let mut one = connect_to(&server, "/late-for-tea").await;
    assert_eq!(one.hear_text().await, "welcome");
    one.leave().await;
    server.stop().await;
    assert_eq!(errors_at("/late-for-tea"), Vec::<String>::new());
}

async fn aerys_server(app: Late) -> Running {
    let host = aerys::Host::new("localhost").websocket("/late-for-tea", app);
    crate::common::serve_host(host).await
}

#[tokio::test]
async fn each_limit_is_reached_and_not_crossed() {
    let options = Options::new().max_group_members(2).max_groups_per_client(3);
    let (_server, guests, mut peers, clients) = room(3, options).await;
    for client in &clients[..2] {
        client.join("tea").unwrap();
    }
    assert_eq!(clients[2].join("tea"), Err(JoinError::GroupFull { max: 2 }));
    for name in ["milk", "cake"] {
        clients[0].join(name).unwrap();
    }
    assert_eq!(clients[0].join("jam"), Err(JoinError::TooManyGroups { max: 3 }));
    clients[0].join("tea").unwrap();
    for len in [0, 256] {
        assert_eq!(clients[2].join("x".repeat(len)), Err(JoinError::Name { len }));
    }
    clients[2].join("x".repeat(255)).unwrap();
    // A place that was left is free.
    peers.remove(1).leave().await;
    guests.journal.until(1).await;
    clients[2].join("tea").unwrap();
    assert!(clients[0].leave("cake"));
    clients[0].join("jam").unwrap();
}
