//! The file that has every key.

use std::{fs, path::Path};

use super::{
    File,
    common::{http, server::run},
    connect, hear, say, text,
};

/// What the binary serves without a file, in the fewest words.
const FEWEST: &str = "
    [[host]]
    name = 'localhost'
    service = 'chat-page'
    [[host.websocket]]
    path = '/chat'
    application = 'chat'
    [[host.websocket]]
    path = '/chat/{room}'
    application = 'chat'
    [[host.websocket]]
    path = '/echo'
    application = 'echo'
";

async fn defaults() -> String {
    let ended = run(&["defaults"]).await;
    assert_eq!((text(&ended.stderr), ended.status.code()), ("", Some(0)));
    text(&ended.stdout).to_owned()
}

#[tokio::test]
async fn it_says_no_more_than_what_is_so_anyway() {
    let shown = File::new(&defaults().await).run(&["show", "-c"]).await;
    let fewest = File::new(FEWEST).run(&["show", "-c"]).await;
    assert_eq!(text(&shown.stdout), text(&fewest.stdout));
    assert_eq!(text(&run(&["show"]).await.stdout), text(&fewest.stdout));
}

#[tokio::test]
async fn it_serves_what_is_served_without_a_file() {
    let file = File::new(&defaults().await.replace(":1337", ":0"));
    let server = file.serve(&[]).await;
    let page = http::get(server.address(), "/").await;
    assert_eq!((page.status, &*page.body), (200, include_str!("../../page/index.html")));
    let mut chats = Vec::new();
    for (path, rooms) in [
        ("/chat/tea", r#"[{"name":"lobby","count":0},{"name":"tea","count":1}]"#),
        ("/chat", r#"[{"name":"lobby","count":1},{"name":"tea","count":1}]"#),
    ] {
        let mut chat = connect(&server, "localhost", path).await;
        say(&mut chat, r#"{"type":"join","name":"Ada"}"#).await;
        assert!(hear(&mut chat).await.to_string().contains("welcome"));
        let heard = hear(&mut chat).await.to_string();
        assert!(heard.contains(rooms), "{heard}");
        chats.push(chat);
    }
    connect(&server, "localhost", "/echo").await;
}

/// Every key of a file in which each section is written stands in it, if not in force then in a comment.
#[tokio::test]
async fn it_has_every_key_that_there_is() {
    let all = File::new(&format!(
        "{FEWEST}\n[host.root]\nfolder = '/'\n[[listen]]\naddress = 'unix:a'\nowner = {{}}\n[cluster]\nnats = ['localhost']\n[admin]\nsocket = 'b'\npage = '127.0.0.1:1'\n\
         [limits]\nhandshakes_per_ip = {{ per_second = 1, burst = 1 }}\n"
    ));
    let shown = all.run(&["show", "-c"]).await;
    let defaults = defaults().await;
    let keys: Vec<_> =
        text(&shown.stdout).lines().filter_map(|it| Some(it.split_once(" = ")?.0)).collect();
    assert!(keys.len() > 60, "{keys:?}");
    for key in keys {
        assert!(has(&defaults, key), "{key} is missing");
    }
}

/// What the library has to set stands in it, each under its own name.
#[tokio::test]
async fn it_has_every_option_of_the_library() {
    let defaults = defaults().await;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/src");
    // Those that are not for a file, and those that have another name there.
    let elsewhere = [
        ("listen", "address"),
        ("access_log", "access"),
        ("host", "[[host]]"),
        ("drain", "[drain]"),
        ("admin_page", "page"),
        ("websocket", "[[host.websocket]]"),
        ("websocket_with", "[[host.websocket]]"),
        ("alias", "aliases"),
        ("header", "headers"),
        ("redirect", "redirects"),
    ];
    // What a program alone can add.
    let in_code = ["metric"];
    let mut seen = 0;
    for file in [
        "options/mod.rs",
        "options/compression.rs",
        "../../proto/src/deflate/compression.rs",
        "server/mod.rs",
        "server/limits.rs",
        "server/drain.rs",
        "server/admin_page.rs",
        "admin/mod.rs",
        "http/host.rs",
        "http/files/root.rs",
        "transport/listener.rs",
        "transport/forwarded.rs",
        "transport/tls/mod.rs",
    ] {
        let code = fs::read_to_string(source.join(file)).unwrap();
        // A setter takes what it is called on by value, and may have its parameters in lines of their own.
        let setters = code.split("pub fn ").skip(1).filter_map(|rest| {
            let (signature, _) = rest.split_once('{')?;
            let is_setter = signature.contains("mut self") || signature.contains("(self,");
            (is_setter && signature.contains("-> Self")).then(|| rest.split(['(', '<']).next())?
        });
        for setter in setters.filter(|setter| !in_code.contains(setter)) {
            let name = elsewhere.iter().find(|(name, _)| *name == setter);
            let key = name.map_or(setter, |(_, key)| key);
            assert!(has(&defaults, key), "{setter} of {file} is missing: {key}");
            seen += 1;
        }
    }
    // Fewer are found if some have moved to a file that is not read.
    assert!(seen >= 78, "{seen}");
}

/// Whether it stands there as a word.
fn has(text: &str, key: &str) -> bool {
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
    text.match_indices(key).any(|(at, _)| {
        !text[..at].ends_with(is_part) && !text[at + key.len()..].starts_with(is_part)
    })
}
