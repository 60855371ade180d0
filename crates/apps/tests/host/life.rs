//! How processes are started, watched, and started anew.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio_tungstenite::tungstenite::Message;

use super::common::{app, endpoint, lines, logged, serve, serve_all, soon};

use aerys::{Host, Server};
use aerys_apps::{Application, ProcessOptions};

/// Why a server with this application does not start.
async fn refusal(options: ProcessOptions) -> String {
    let host = Host::any().websocket("/", Application::processes(options));
    let server = Server::new().listen("127.0.0.1:0").host(host).workers(1);
    match soon("the start", server.start()).await {
        Ok(_) => panic!("it has started"),
        Err(error) => format!("{:#}", aerys::Failure::from(error)),
    }
}

#[tokio::test]
async fn a_server_does_not_start_without_its_application_and_says_why() {
    let (usual, long) = (Duration::from_secs(10), Duration::from_secs(4));
    let short = Duration::from_millis(300);
    for (mode, period, sentence) in [
        ("too new", usual, "speaks version 2 of the protocol, and this server version 1 alone"),
        ("ends at once", usual, "it has ended (exit status: 3)"),
        ("silent", short, "it has not said HELLO within 300ms (start_period)"),
        ("never ready", long, "it has not said READY within 4s (start_period)"),
    ] {
        let told = refusal(app(mode, "refused").start_period(period)).await;
        assert!(told.contains(sentence), "{mode}: {told}");
    }
    assert!(refusal(ProcessOptions::new(["no-such-program"])).await.contains("cannot be started"));
    logged(&["nothing to do", "ends at once refused"]).await;
}

#[tokio::test]
async fn nobody_is_let_in_before_the_process_is_ready() {
    let began = Instant::now();
    let server = serve(app("slow start", "slow")).await;
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(server.connect("").await.ask("hello").await, "hello");
    server.stop().await;
}

#[tokio::test]
async fn a_process_that_is_killed_under_load_closes_its_clients_alone_and_is_soon_back() {
    let started = Instant::now();
    let server = serve(app("", "killed")).await;
    // So long it takes here for a process to get ready, which is none of the server's doing.
    let start = started.elapsed();
    let mut native = server.connect("/native").await;
    let clients = join_all((0..20).map(|_| server.connect(""))).await;
    let mut clients: Vec<_> = clients.into_iter().collect();
    let pid = clients[0].ask("pid").await;
    for client in &mut clients {
        for _ in 0..20 {
            client.say("load").await;
        }
    }
    clients[0].say("die").await;
    for client in &mut clients {
        assert_eq!(client.closed().await, (1012, "the application is restarted".to_owned()));
    }
    let died = Instant::now();
    let back = async {
        loop {
            assert_eq!(native.ask("undisturbed").await, "undisturbed");
            match server.try_connect("", &[]).await {
                Ok((client, _)) => return client,
                Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => {
                    assert_eq!(answer.status(), 503);
                    assert_eq!(answer.headers()["retry-after"], "1");
                }
                Err(error) => panic!("{error}"),
            }
        }
    };
    let mut client = soon("it is back", back).await;
    let took = died.elapsed();
    assert!(took < Duration::from_millis(700) + 2 * start, "{took:?}, and a start {start:?}");
    assert_ne!(client.ask("pid").await, pid);
    logged(&["has ended (signal: 9 (SIGKILL))", "clients=20", "killed"]).await;
    server.stop().await;
}

#[tokio::test]
async fn a_client_whose_process_dies_before_its_answer_is_answered_503() {
    let server = serve(app("", "unanswered")).await;
    assert_eq!(server.refused("?die").await.status(), 503);
    server.stop().await;
}

#[tokio::test]
async fn a_process_that_answers_no_ping_is_killed() {
    let options = app("deaf", "stuck").heartbeat_period(Duration::from_millis(20));
    let server = serve(options.stuck_period(Duration::from_millis(300))).await;
    let mut client = server.connect("").await;
    assert_eq!(client.closed().await.0, 1012);
    logged(&["deaf stuck", "is killed: it has not answered a PING for 300ms (stuck_period)"]).await;
    server.stop().await;
}

#[tokio::test]
async fn a_process_that_loops_for_ever_is_found_and_killed() {
    let options = app("", "loops").heartbeat_period(Duration::from_millis(20));
    let server = serve(options.stuck_period(Duration::from_millis(400))).await;
    let mut client = server.connect("").await;
    client.say("hang").await;
    assert_eq!(client.closed().await.0, 1012);
    logged(&["loops", "is killed: it has not answered a PING"]).await;
    server.stop().await;
}

#[tokio::test]
async fn what_breaks_the_protocol_is_cut_off_with_one_sentence() {
    let server = serve(app("", "garbage")).await;
    for (said, sentence) in [
        (
            "garbage",
            "is killed: it breaks the protocol: a frame says that it is 1195725856 bytes long",
        ),
        (
            "done",
            "is killed: it breaks the protocol: a DONE is about an event that is not being handled",
        ),
    ] {
        let connected = async {
            loop {
                if let Ok((client, _)) = server.try_connect("", &[]).await {
                    return client;
                }
            }
        };
        let mut client = soon("a process", connected).await;
        client.say(said).await;
        assert_eq!(client.closed().await.0, 1012);
        logged(&["app.py  garbage", sentence]).await;
        assert_eq!(lines(&["app.py  garbage", sentence]).len(), 1);
    }
    server.stop().await;
}

#[tokio::test]
async fn several_processes_share_the_clients_and_each_client_stays() {
    let server = serve(app("", "several").processes(3)).await;
    let mut clients = join_all((0..9).map(|_| server.connect(""))).await;
    let mut pids = Vec::new();
    for client in &mut clients {
        pids.push((client.ask("pid").await, client.ask("pid").await));
    }
    assert!(pids.iter().all(|(first, second)| first == second), "{pids:?}");
    let mut different: Vec<_> = pids.iter().map(|(pid, _)| pid).collect();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 3, "{pids:?}");
    // A broadcast of one reaches those of all.
    clients[0].say("all hello").await;
    for client in &mut clients {
        assert_eq!(client.hear().await, "hello");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_path_parameter_says_which_process_it_is() {
    let server = serve(app("", "sharded").processes(4).shard_by("room")).await;
    let mut pids = std::collections::HashSet::new();
    for room in 0..12 {
        let path = format!("/app/{room}");
        let (mut ann, mut bob) = (server.connect(&path).await, server.connect(&path).await);
        let pid = ann.ask("pid").await;
        assert_eq!(bob.ask("pid").await, pid);
        pids.insert(pid);
    }
    assert!(pids.len() > 1, "{pids:?}");
    server.stop().await;
}

#[tokio::test]
async fn what_a_process_writes_is_in_the_log_within_limits() {
    let server = serve(app("", "writes")).await;
    let mut client = server.connect("").await;
    client.say("log all is well").await;
    logged(&["WARN", "aerys_apps::output", "writes", "all is well"]).await;
    client.say("flood 100000").await;
    client.say("exit 0").await;
    logged(&["writes", "lines were left out"]).await;
    let flood = lines(&["writes", "flood"]).len();
    assert!((1..5000).contains(&flood), "{flood}");
    server.stop().await;
}

#[tokio::test]
async fn a_stop_is_told_and_then_a_term_and_then_a_kill() {
    for (mode, mark, least, most) in [
        ("", "stops at once", 0, 2),
        ("slow to end", "stops by TERM", 1, 3),
        ("deaf to TERM", "stops by KILL", 6, 9),
    ] {
        let options = app(mode, mark).stop_period(Duration::from_secs(1));
        let server = serve(options).await;
        let mut client = server.connect("").await;
        assert_eq!(client.ask("hello").await, "hello");
        drop(client);
        let began = Instant::now();
        server.stop().await;
        let took = began.elapsed().as_secs();
        assert!((least..most).contains(&took), "{mark}: {took} s");
        logged(&[mark, "stopping"]).await;
    }
    logged(&["stops by TERM", "was stopped (signal: 15 (SIGTERM))"]).await;
    logged(&["stops by KILL", "was stopped (signal: 9 (SIGKILL))"]).await;
}

#[tokio::test]
async fn clients_are_seen_off_before_the_process_is() {
    let server = serve(app("tells of ends", "seen off")).await;
    let mut client = server.connect("").await;
    assert_eq!(client.ask("hello").await, "hello");
    let (closed, ()) = tokio::join!(client.closed(), server.stop());
    assert_eq!(closed.0, 1001);
    logged(&["seen off", "closed 1001"]).await;
    logged(&["seen off", "was stopped (exit status: 0)"]).await;
}

#[tokio::test]
async fn on_a_reload_newcomers_go_to_a_new_process_and_the_others_stay() {
    let server = serve(app("", "before")).await;
    let reloader = server.reloader.clone().unwrap();
    let mut ann = server.connect("").await;
    let before = ann.ask("pid").await;
    reloader.reload(app("", "after")).await.unwrap();
    let mut bob = server.connect("").await;
    assert_ne!(bob.ask("pid").await, before);
    assert_eq!(ann.ask("pid").await, before);
    // They are clients of one endpoint still.
    bob.say("all hello").await;
    assert_eq!((ann.hear().await, bob.hear().await), ("hello".to_owned(), "hello".to_owned()));
    logged(&["before", "stopping"]).await;
    drop(ann);
    logged(&["before", "was stopped (exit status: 0)"]).await;
    server.stop().await;
}

#[tokio::test]
async fn whoever_stays_too_long_with_the_old_process_is_closed() {
    let server = serve(app("", "drained").drain_period(Duration::from_millis(200))).await;
    let reloader = server.reloader.clone().unwrap();
    let mut ann = server.connect("").await;
    reloader.reload(app("", "next")).await.unwrap();
    assert_eq!(ann.closed().await.0, 1012);
    logged(&["drained", "was stopped"]).await;
    server.stop().await;
}

#[tokio::test]
async fn a_reload_that_fails_leaves_all_as_it_was() {
    let server = serve(app("", "stays")).await;
    let reloader = server.reloader.clone().unwrap();
    let mut ann = server.connect("").await;
    let pid = ann.ask("pid").await;
    let error = reloader.reload(app("ends at once", "fails")).await.unwrap_err().to_string();
    assert!(error.contains("did not get ready: it has ended (exit status: 3)"), "{error}");
    assert_eq!(ann.ask("pid").await, pid);
    assert_eq!(server.connect("").await.ask("pid").await, pid);
    server.stop().await;
}

#[tokio::test]
async fn lines_are_for_programs_that_know_nothing_of_it() {
    let script = r#"echo "$REQUEST_METHOD $QUERY_STRING $PARAM_ROOM $HTTP_X_COLOUR"
                    while read line; do echo "heard $line"; [ "$line" = end ] && exit; done
                    echo left >&2"#;
    let application = Application::lines(ProcessOptions::new(["sh", "-c", script, "by lines"]));
    let server = serve_all(None, application, endpoint()).await;
    let headers = [("x-colour", "blue")];
    let (mut ann, _) = server.try_connect("/app/tea?a=b", &headers).await.unwrap();
    assert_eq!(ann.hear().await, "GET a=b tea blue");
    // One message is one line.
    assert_eq!(ann.ask("two\nlines").await, "heard two lines");
    let mut bob = server.connect("").await;
    assert_eq!(bob.hear().await, "GET  lobby ");
    assert_eq!(bob.ask("end").await, "heard end");
    assert_eq!(bob.closed().await.0, 1000);
    ann.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(ann.closed().await.0, 1003);
    logged(&["by lines", "left"]).await;
    server.stop().await;
}
