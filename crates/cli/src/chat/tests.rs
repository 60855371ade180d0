//! What is promised to those in a room, in memory and under paused time.

use aerys::{
    Host, Server,
    test::{TestClient, TestServer},
};
use serde_json::{Value, json};

use super::*;

async fn serve() -> TestServer {
    let hosts = [host(&Chats::default(), "localhost", "/chat")];
    start(hosts).await
}

fn host(chats: &Chats, name: &str, lobby: &str) -> Host {
    Host::new(name).websocket_with(lobby, chats.application(), options()).websocket_with(
        format!("{lobby}{ROOM}"),
        chats.application(),
        options(),
    )
}

async fn start(hosts: impl IntoIterator<Item = Host>) -> TestServer {
    let server = hosts.into_iter().fold(Server::new(), Server::host);
    TestServer::start(server).await.expect("it starts")
}

/// What comes next, but for lists of rooms.
async fn hear(client: &mut TestClient) -> Value {
    loop {
        let heard = hear_any(client).await;
        if heard["type"] != "rooms" {
            break heard;
        }
    }
}

async fn hear_any(client: &mut TestClient) -> Value {
    serde_json::from_str(&client.hear().await).expect("it is JSON")
}

/// The next list of rooms, as names with counts; nothing else comes before it.
async fn hear_rooms(client: &mut TestClient) -> Vec<(String, u64)> {
    let heard = hear_any(client).await;
    assert_eq!(heard["type"], "rooms", "{heard}");
    let rooms = heard["rooms"].as_array().expect("a list").iter();
    let room = |it: &Value| (it["name"].as_str().unwrap().into(), it["count"].as_u64().unwrap());
    rooms.map(room).collect()
}

fn rooms<const N: usize>(rooms: [(&str, u64); N]) -> Vec<(String, u64)> {
    rooms.map(|(name, count)| (name.to_owned(), count)).into()
}

/// Joins, and is welcomed to a room of so many.
async fn join(server: &TestServer, path: &str, name: &str, count: usize) -> TestClient {
    let mut client = server.connect(path).await;
    send_join(&mut client, name, count).await;
    client
}

async fn send_join(client: &mut TestClient, name: &str, count: usize) {
    client.send(json!({ "type": "join", "name": name }).to_string()).await;
    let welcome = hear_any(client).await;
    assert_eq!((&welcome["type"], &welcome["count"]), (&json!("welcome"), &json!(count)));
}

async fn say(client: &mut TestClient, text: &str) {
    client.send(json!({ "type": "say", "text": text }).to_string()).await;
}

#[tokio::test(start_paused = true)]
async fn who_joins_and_speaks_is_told_to_those_in_the_room_and_to_nobody_else() {
    let server = serve().await;
    for path in ["/chat", "/chat/tea", "/chat/a%2Fb%20c"] {
        let mut ada = join(&server, path, "Ada", 1).await;
        let mut outside = server.connect(path).await;
        let mut elsewhere = join(&server, "/chat/elsewhere", "Eve", 1).await;
        hear_rooms(&mut elsewhere).await;
        let mut bob = join(&server, path, "Bob", 2).await;
        let joined = hear(&mut ada).await;
        assert_eq!((&joined["type"], &joined["name"]), (&json!("joined"), &json!("Bob")));
        say(&mut bob, "hello").await;
        for client in [&mut ada, &mut bob] {
            let said = hear(client).await;
            assert_eq!((&said["name"], &said["text"]), (&json!("Bob"), &json!("hello")));
        }
        assert_eq!(outside.now().await, None);
        assert_eq!(elsewhere.now().await, None);
        say(&mut outside, "let me in").await;
        assert_eq!(hear(&mut outside).await["type"], "error");
        drop(bob);
        assert_eq!(hear(&mut ada).await["type"], "left");
        drop((ada, elsewhere));
    }
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_lobby_is_one_room_by_either_path() {
    let server = serve().await;
    let mut ada = join(&server, "/chat", "Ada", 1).await;
    let mut bob = join(&server, "/chat/%20lobby%20", "Bob", 2).await;
    assert_eq!(hear(&mut ada).await["name"], "Bob");
    for (speaker, text) in [(0, "by the path"), (1, "by the name")] {
        let speaker = if speaker == 0 { &mut ada } else { &mut bob };
        say(speaker, text).await;
        assert_eq!(
            (&hear(&mut ada).await["text"], &hear(&mut bob).await["text"]),
            (&json!(text), &json!(text))
        );
    }
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_none_of_a_room_is_refused_with_the_reason() {
    let server = serve().await;
    for name in ["%20", "a%07b", &"a".repeat(33), &"%C3%A9".repeat(33)] {
        let refused = server.ask(&format!("/chat/{name}")).connect().await.expect_err(name);
        assert_eq!(refused.status(), 404, "{name}");
        let reason = String::from_utf8_lossy(refused.body());
        assert!(reason.contains("A room's name has 1 to 32 characters"), "{name}: {reason}");
    }
    join(&server, &format!("/chat/{}", "%C3%A9".repeat(32)), "Ada", 1).await;
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_rooms_are_told_with_the_welcome_and_when_they_change() {
    let server = serve().await;
    let mut ada = join(&server, "/chat", "Ada", 1).await;
    // Upon the welcome, and to everybody when the period is over.
    for _ in 0..2 {
        assert_eq!(hear_rooms(&mut ada).await, rooms([("lobby", 1)]));
    }
    let mut bob = join(&server, "/chat/tea", "Bob", 1).await;
    assert_eq!(hear_rooms(&mut bob).await, rooms([("lobby", 1), ("tea", 1)]));
    for client in [&mut ada, &mut bob] {
        assert_eq!(hear_rooms(client).await, rooms([("lobby", 1), ("tea", 1)]));
    }
    // The lobby is listed though it is empty, and a room that is empty is not.
    drop(ada);
    assert_eq!(hear_rooms(&mut bob).await, rooms([("lobby", 0), ("tea", 1)]));
    let mut ada = join(&server, "/chat/milk", "Ada", 1).await;
    drop(bob);
    assert_eq!(hear_rooms(&mut ada).await, rooms([("lobby", 0), ("milk", 1), ("tea", 1)]));
    assert_eq!(hear_rooms(&mut ada).await, rooms([("lobby", 0), ("milk", 1)]));
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_crowd_that_comes_at_once_makes_one_list_of_the_largest_rooms() {
    let server = serve().await;
    let mut watching = join(&server, "/chat", "Ada", 1).await;
    for _ in 0..2 {
        hear_rooms(&mut watching).await;
    }
    let mut crowd = Vec::new();
    for number in 0..60 {
        // Two are in each of the last ten.
        for who in 0..=u8::from(number >= 50) {
            let path = format!("/chat/room%20{number:02}");
            crowd.push(join(&server, &path, "Bob", usize::from(who) + 1).await);
        }
    }
    let listed = hear_rooms(&mut watching).await;
    let twos = (50..60).map(|number| (format!("room {number}"), 2));
    let ones = (0..39).map(|number| (format!("room {number:02}"), 1));
    let expected = [("lobby".to_owned(), 1)].into_iter().chain(twos).chain(ones);
    assert_eq!(listed, expected.collect::<Vec<_>>());
    assert_eq!(watching.now().await, None);
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn chats_of_other_hosts_and_paths_are_others() {
    let chats = Chats::default();
    let a = host(&chats, "a.com", "/chat");
    let a = a.websocket_with("/staff", chats.application(), options());
    let server = start([a, host(&chats, "b.com", "/chat")]).await;
    let mut clients = Vec::new();
    for (name, path) in [("a.com", "/chat/tea"), ("a.com", "/staff"), ("b.com", "/chat/tea")] {
        let mut client = server.ask(path).header("host", name).connect().await.expect("let in");
        send_join(&mut client, "Ada", 1).await;
        clients.push(client);
    }
    let heard = ["tea", "", "tea"].map(|room| match room {
        "" => rooms([("lobby", 1)]),
        room => rooms([("lobby", 0), (room, 1)]),
    });
    for (client, rooms) in clients.iter_mut().zip(heard) {
        assert_eq!(hear_rooms(client).await, rooms);
    }
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_whose_network_is_gone_leaves_the_room_in_two_minutes() {
    let server = serve().await;
    let mut ada = join(&server, "/chat", "Ada", 1).await;
    let bob = join(&server, "/chat", "Bob", 2).await;
    hear(&mut ada).await;
    bob.go_silent();
    let start = tokio::time::Instant::now();
    let left = hear(&mut ada).await;
    assert_eq!((&left["type"], &left["name"]), (&json!("left"), &json!("Bob")));
    assert!((40..120).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    server.stop().await;
}
