//! `aerys status`, `reload` and `stop`, beside a server that runs.

use std::{fs, os::unix::fs::PermissionsExt};

use rcgen::generate_simple_self_signed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;

use super::{
    File,
    common::{http, server::run, soon, tls},
    connect, hear, say, text, utf8,
};

/// A host with these endpoints, that is soon back when it stops.
fn serving(paths: &[&str]) -> String {
    let endpoint =
        |path: &&str| format!("[[host.websocket]]\npath = '{path}'\napplication = 'echo'\n");
    format!(
        "workers = 2\n[admin]\nsocket = 'admin.sock'\n[drain]\nrestart = true\n[[listen]]\n\
         address = '127.0.0.1:0'\n[[host]]\nname = 'localhost'\n{}",
        paths.iter().map(endpoint).collect::<String>()
    )
}

/// What a command says that is given the file, if it succeeds.
async fn told(file: &File, arguments: &[&str]) -> String {
    let ended = file.run(arguments).await;
    assert_eq!((text(&ended.stderr), ended.status.code()), ("", Some(0)), "{arguments:?}");
    text(&ended.stdout).to_owned()
}

/// What it says if it does not.
async fn refused(file: &File, arguments: &[&str]) -> String {
    let ended = file.run(arguments).await;
    assert_eq!((text(&ended.stdout), ended.status.code()), ("", Some(1)), "{arguments:?}");
    text(&ended.stderr).to_owned()
}

#[tokio::test]
async fn the_status_shows_where_a_server_listens_and_who_is_there() {
    let file = File::new(&serving(&["/echo", "/a/longer/path"]));
    let server = file.serve(&[]).await;
    let _client = connect(&server, "localhost", "/echo").await;
    let status = told(&file, &["status", "-c"]).await;
    let lines: Vec<_> = status.lines().collect();
    let first =
        format!("aerys {}, process {}: ready, up for ", env!("CARGO_PKG_VERSION"), server.id());
    assert!(lines[0].starts_with(&first), "{status}");
    let socket = file.0.path().join("admin.sock");
    assert_eq!(lines[1], format!("listening on {}", server.address()));
    assert_eq!(lines[2], format!("listening on unix:{}", socket.display()));
    let table = [
        "endpoint                 clients",
        "localhost/echo                 1",
        "localhost/a/longer/path        0",
    ];
    assert_eq!(lines[3..], table);
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let by_socket = run(&["status", "--socket", utf8(&socket)]).await;
    assert!(text(&by_socket.stdout).starts_with(&first));
}

#[tokio::test]
async fn a_reload_says_what_has_changed_or_the_sentence_for_which_nothing_has() {
    let file = File::new(&serving(&["/echo", "/goes"]));
    let server = file.serve(&[]).await;
    let mut stays = connect(&server, "localhost", "/echo").await;
    fs::write(file.path(), serving(&["/echo", "/new", "/newer"])).unwrap();
    let changed = told(&file, &["reload", "-c"]).await;
    assert_eq!(changed, "Reloaded; endpoints: 1 kept, 2 started, 1 ended\n");
    connect(&server, "localhost", "/newer").await;

    fs::write(file.path(), serving(&["/echo", "/echo"])).unwrap();
    let sentence = refused(&file, &["reload", "-c"]).await;
    let told = format!(
        "aerys: the server refuses: {}:14:1: the path \"/echo\" has an endpoint already\n",
        file.path().display()
    );
    assert_eq!(sentence, told);
    say(&mut stays, "still here").await;
    assert_eq!(hear(&mut stays).await, Message::text("still here"));
}

#[tokio::test]
async fn a_stop_sees_clients_off_and_waits_until_the_process_has_ended() {
    for (arguments, code) in [(&["stop", "-c"][..], 1012), (&["stop", "--now", "-c"], 1001)] {
        let file = File::new(&serving(&["/echo"]));
        let mut server = file.serve(&[]).await;
        let mut client = connect(&server, "localhost", "/echo").await;
        let client = async {
            let Message::Close(Some(close)) = hear(&mut client).await else { panic!("a close") };
            assert_eq!(u16::from(close.code), code);
            drop(client);
        };
        let (stopped, ()) = tokio::join!(told(&file, arguments), client);
        assert_eq!(stopped, "Stopped\n");
        assert!(!file.0.path().join("admin.sock").exists());
        assert!(server.has_ended(), "its process is still there");
        assert_eq!(soon("its end", server.ended()).await.code(), Some(0));
    }
}

#[tokio::test]
async fn where_nobody_is_there_one_sentence_says_so() {
    let file = File::new(&serving(&["/echo"]));
    for command in ["status", "reload", "stop"] {
        let sentence = refused(&file, &[command, "-c"]).await;
        let socket = file.0.path().join("admin.sock");
        let begin = format!("aerys: no server can be asked at {}: No such file", socket.display());
        assert!(sentence.starts_with(&begin) && sentence.lines().count() == 1, "{sentence}");
    }
    let file = File::new("[[host]]\nname = 'localhost'\n");
    let sentence = refused(&file, &["stop", "-c"]).await;
    let path = file.path();
    let told = format!(
        "aerys: {} names no socket: write a section [admin] with a \"socket\"\n",
        path.display()
    );
    assert_eq!(sentence, told);
}

#[tokio::test]
async fn a_socket_that_is_listened_on_already_is_a_fault_of_the_file() {
    let text = serving(&["/echo"]) + "[[listen]]\naddress = 'unix:admin.sock'\n";
    let sentence = refused(&File::new(&text), &["check"]).await;
    assert!(
        sentence.contains(":3:1: \"unix:") && sentence.contains("listened on already"),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_page_says_where_it_is_with_its_token_unless_somebody_has_chosen_that() {
    let random =
        File::new(&serving(&["/echo"]).replace("[admin]\n", "[admin]\npage = '127.0.0.1:0'\n"));
    let mut server = random.serve(&[]).await;
    let line = server.line().await;
    let (page, token) = line.split_once("/#token=").expect("a token");
    let address = page.strip_prefix("Admin page on http://").expect("an address").parse().unwrap();
    assert_eq!(token.len(), 22);
    let answer = http::get(address, "/").await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("<title>Aerys admin</title>") && !answer.body.contains(token));
    assert_eq!(http::get(address, "/status").await.status, 401);
    // Whoever has lost it and may ask is told again.
    let status = told(&random, &["status", "-c"]).await;
    assert!(
        status.contains(&format!("\nadmin page on http://{address}/#token={token}\n")),
        "{status}"
    );
    // A reload keeps it.
    told(&random, &["reload", "-c"]).await;
    assert_eq!(told(&random, &["status", "-c"]).await.lines().nth(3), status.lines().nth(3));

    let chosen = "page = '127.0.0.1:0'\ntoken = 'file:token'\nnames = ['admin.mysite.com']\n";
    let chosen =
        File::new(&serving(&["/echo"]).replace("[admin]\n", &format!("[admin]\n{chosen}")));
    fs::write(chosen.0.path().join("token"), "chosen-by-somebody\n").unwrap();
    let mut server = chosen.serve(&[]).await;
    let line = server.line().await;
    assert!(
        line.starts_with("Admin page on http://admin.mysite.com:") && line.ends_with('/'),
        "{line}"
    );
    for command in ["status", "show"] {
        let said = told(&chosen, &[command, "-c"]).await;
        assert!(!said.contains("chosen-by-somebody"), "{said}");
    }
}

#[tokio::test]
async fn a_file_with_a_page_alone_names_no_socket() {
    let file = File::new("[admin]\npage = '127.0.0.1:0'\n[[host]]\nname = 'localhost'\n");
    let sentence = refused(&file, &["status", "-c"]).await;
    assert!(
        sentence.contains("names no socket: write a section [admin] with a \"socket\""),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_page_that_others_reach_speaks_tls() {
    let pair = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let page = "page = '0.0.0.0:0'\ntls = { certificate = 'own.pem', key = 'own.key' }\n";
    let file = File::new(&serving(&["/echo"]).replace("[admin]\n", &format!("[admin]\n{page}")));
    fs::write(file.0.path().join("own.pem"), pair.cert.pem()).unwrap();
    fs::write(file.0.path().join("own.key"), pair.signing_key.serialize_pem()).unwrap();
    let mut server = file.serve(&[]).await;
    let line = server.line().await;
    let (page, _) = line.split_once("/#token=").expect("a token");
    let port = page.strip_prefix("Admin page on https://0.0.0.0:").expect("where it is");
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    let print: Vec<_> = tls::sha256(pair.cert.der()).iter().map(|it| format!("{it:02X}")).collect();
    let mut stream =
        tls::connect(tls::pinning(&print.join(":")), address, "localhost").await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    soon("the request", stream.write_all(request)).await.unwrap();
    let mut answer = String::new();
    soon("the page", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("<title>Aerys admin"),
        "{answer}"
    );
}
