//! What is said of files that make no sense, and what is in force by those that do.

use std::time::Duration;

use aerys_proto::deflate::Compression;

use super::*;
use crate::{
    app::{Accepted, Handshake},
    error::Refusal,
    http_server::{Host, Root},
    options::{Origins, Overflow},
    server::Drain,
    transport::{Forwarded, Listener},
};

struct Silent;

impl Websocket for Silent {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }
}

/// A host, to which sections are added.
const HOST: &str = "[[host]]\nname = \"localhost\"\n";

fn config(text: &str) -> Config {
    let config = Config::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    config.application_with("chat", || Silent).application("one", Silent)
}

/// Every fault, as a line, a column and a sentence.
fn faults(text: &str) -> Vec<(usize, usize, String)> {
    let faults = match config(text).check() {
        Ok(sound) => panic!("{text}: {sound}"),
        Err(ConfigError::Faults { faults, .. }) => faults,
        Err(error) => panic!("{text}: {error}"),
    };
    faults.into_iter().map(|it| (it.line, it.column, it.sentence)).collect()
}

/// The only fault.
fn fault(text: &str) -> (usize, usize, String) {
    let faults = faults(text);
    let [fault] = &faults[..] else { panic!("{text}: {faults:?}") };
    fault.clone()
}

#[test]
fn a_key_that_is_unknown_is_refused_with_the_nearest_known_one() {
    for (text, line, sentence) in [
        (
            "[limits]\nmax_conections = 1",
            4,
            "unknown key \"max_conections\" of [limits]; did you mean \"max_connections\"?",
        ),
        ("workers = 1", 3, "unknown key \"workers\" of a host; it stands before the first section"),
        ("header = 1", 3, "unknown key \"header\" of a host; did you mean \"headers\"?"),
        ("max_msg_size = 1", 3, "unknown key \"max_msg_size\" of a host; it is one of an endpoint"),
        (
            "[drain]\ncode = 1012",
            4,
            "unknown key \"code\" of [drain]: there is delay, spread, restart",
        ),
        (
            "[[host.websocket]]\npath = '/'\napplication = 'chat'\nmax_mesage_size = 1",
            6,
            "unknown key \"max_mesage_size\" of an endpoint; did you mean \"max_msg_size\"?",
        ),
        (
            "[host.root]\nfolder = '/'\nfolow_links = true",
            5,
            "unknown key \"folow_links\" of a document root; did you mean \"follow_links\"?",
        ),
    ] {
        assert_eq!(fault(&format!("{HOST}{text}")), (line, 1, sentence.to_owned()));
    }
    let text = format!("worker = 1\n{HOST}");
    let sentence = "unknown key \"worker\" of the file; did you mean \"workers\"?";
    assert_eq!(fault(&text), (1, 1, sentence.to_owned()));
}

#[test]
fn all_that_is_wrong_is_told_at_once_in_the_order_of_its_lines() {
    let text = r#"
        workers = "many"
        [drain]
        delay = "8 s"
        [[listen]]
        address = "localhost:80"
        [[host]]
        name = "a b"
        [[host.websocket]]
        path = "/x"
        application = "chta"
        max_frame_size = "1 MB"
        [[host.websocket]]
        path = "/x"
        application = "chat"
        queued_ping_limit = 0
        [limts]
    "#;
    let found = faults(text);
    let lines: Vec<_> = found.iter().map(|(line, ..)| *line).collect();
    assert_eq!(lines, [2, 4, 6, 8, 11, 12, 14, 16, 17], "{found:#?}");
    let shown = config(text).server().unwrap_err().to_string();
    let first =
        "config:2:19: \"workers\" is \"many\": write a whole number from 1 to 65535, or \"auto\"\n";
    assert!(shown.starts_with(first), "{shown}");
    assert_eq!(shown.lines().count(), 9);
}

#[test]
fn what_makes_no_sense_together_is_told_where_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (here, file) = (folder.path().display(), folder.path().join("file"));
    fs::write(&file, "no certificate").unwrap();
    let file = file.display();
    for (text, line, column, part) in [
        ("", 1, 1, "there is no host"),
        ("[[host]]", 1, 1, "a host has a \"name\""),
        ("[[host]]\nname = 'a'\nany = true", 3, 1, "has none of its own"),
        ("[[host]]\nname = 'a'\n[[host]]\nname = 'A.'", 4, 1, "two hosts named \"A.\""),
        ("[[host]]\nname = 'a'\naliases = ['b', 'a']", 3, 1, "two hosts named \"a\""),
        ("[[host]]\nany = true\n[[host]]\nany = true", 4, 1, "for any name already"),
        ("[[host]]\nname = 'a'\naliases = ['b', '*.b']", 3, 17, "there are no wildcards"),
        ("[[host]]\nname = 'a'\nservice = 'page'", 3, 1, "no service is named \"page\""),
        ("[[host]]\nname = 'a'\nroot = 'none'", 3, 8, "cannot serve files from"),
        (
            &format!("[[host]]\nname = 'a'\nroot = {{ folder = '{here}', fallback = 'x' }}"),
            3,
            23 + here.to_string().len(),
            "the fallback \"x\" cannot be served",
        ),
        ("[[host]]\nname = 'a'\nredirects = { '/a' = 'b' }", 3, 22, "nobody can be sent"),
        ("[[host]]\nname = 'a'\nredirects = { '/a' = '/b', '/%61' = '/c' }", 3, 1, "twice"),
        ("[[host]]\nname = 'a'\nheaders = { Date = 'x' }", 3, 20, "for the server itself"),
        ("[host]\nname = 'a'", 1, 1, "in two brackets"),
        (
            "[[host]]\nname = 'a'\n[[host.websocket]]\npath = '/'",
            3,
            1,
            "\"application\" is missing",
        ),
        (
            "[[host]]\nname = 'a'\n[[host.websocket]]\npath = 'x'\napplication = 'chat'",
            4,
            8,
            "write \"/x\"",
        ),
        (
            "[[host]]\nname = 'a'\n[[host.websocket]]\npath = '/'\napplication = 'chat'\n\
             max_frame_size = '20 MiB'",
            6,
            1,
            "which no frame may exceed",
        ),
        (
            "[[host]]\nname = 'a'\n[[host.websocket]]\npath = '/'\napplication = 'chat'\n\
             allowed_origins = ['a.example']",
            6,
            1,
            "write \"https://a.example\"",
        ),
        (
            &format!("{HOST}[[listen]]\naddress = '127.0.0.1:80'\nproxy_protocol = true"),
            5,
            1,
            "name them by \"trusted_proxies\"",
        ),
        (
            &format!("{HOST}[[listen]]\naddress = '127.0.0.1:80'\nmode = 0o660"),
            5,
            1,
            "for the file of a Unix socket",
        ),
        (
            &format!("{HOST}[[listen]]\naddress = '[::]:80'\n[[listen]]\naddress = '[::]:80'"),
            6,
            1,
            "listened on already",
        ),
        (
            &format!("{HOST}[[listen]]\naddress = 'systemd:0'\n[[listen]]\naddress = 'systemd:0'"),
            6,
            1,
            "listened on already",
        ),
        (
            &format!("{HOST}[[listen]]\naddress = '[::]:80'\nacme_webroot = 'none'"),
            5,
            1,
            "cannot answer challenges",
        ),
        (
            &format!("{HOST}[[listen]]\naddress = '[::]:80'\n[listen.tls]\nkey = '{file}'"),
            5,
            1,
            "no \"certificate\" for it",
        ),
        (
            &format!(
                "{HOST}[[listen]]\naddress = '[::]:80'\n[listen.tls]\ncertificate = '{file}'\nkey = 'none'"
            ),
            7,
            1,
            "none cannot be read",
        ),
        (
            &format!(
                "{HOST}[[listen]]\naddress = '[::]:80'\n[listen.tls]\nkey = '{file}'\ncertificate = '{file}'"
            ),
            7,
            1,
            "there is no certificate in",
        ),
        (
            &format!("trusted_proxies = ['10.0.0.1', 'proxy']\n{HOST}"),
            1,
            32,
            "\"proxy\" is neither",
        ),
        (
            &format!("{HOST}[[listen]]\naddress = 'systemd:0'\nreuse_port = true"),
            5,
            1,
            "only the port of an IP address can be shared",
        ),
        (&format!("{HOST}[log.targets]\n\"a b\" = 'warn'"), 4, 9, "\"a b\" is no target"),
        (&format!("{HOST}[drain]\nspread = '8 s'"), 4, 1, "of the 10 s that \"stop_period\""),
        (&format!("{HOST}[log]\nlevel = '${{NO_SUCH_VARIABLE}}'"), 4, 9, "is not set"),
    ] {
        let (at, in_column, sentence) = fault(text);
        assert!(sentence.contains(part), "{text}\n{sentence}");
        assert_eq!((at, in_column), (line, column), "{text}\n{sentence}");
    }
}

#[test]
fn an_application_of_which_there_is_one_has_one_endpoint() {
    let endpoint = |path| format!("[[host.websocket]]\npath = '{path}'\napplication = 'one'\n");
    let text = format!("{HOST}{}{}", endpoint("/a"), endpoint("/b"));
    let (line, _, sentence) = fault(&text);
    assert_eq!(line, 8);
    assert!(
        sentence.starts_with("the application \"one\" is for one endpoint, and that is \"/a\"")
    );
    assert!(sentence.contains("Config::application_with"), "{sentence}");
    assert!(config(&format!("{HOST}{}", endpoint("/a"))).check().is_ok());
}

#[test]
fn what_is_no_toml_is_told_by_its_line() {
    for (text, line) in
        [("a = 1\nb", 2), ("[limits]\n[limits]", 2), ("a = 1\na = 2", 2), ("a = \"", 1)]
    {
        let error = Config::parse(text).unwrap_err();
        let ConfigError::Faults { faults, .. } = &error else { panic!("{error}") };
        assert_eq!((faults.len(), faults[0].line), (1, line), "{text}: {error}");
        assert!(faults[0].sentence.starts_with("this is no TOML: "), "{error}");
    }
    let error = Config::load("/nowhere/aerys.toml").unwrap_err().to_string();
    assert!(error.starts_with("cannot read /nowhere/aerys.toml: "), "{error}");
}

#[test]
fn what_is_shown_says_the_same_and_has_what_was_left_out() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("public")).unwrap();
    let file = folder.path().join("aerys.toml");
    let text = r#"
        trusted_proxies = ["10.0.0.0/8", "unix:"]
        [log]
        format = "json"
        targets = { "aerys::http_server" = "debug" }
        [limits]
        handshakes_per_ip = { per_second = 5, burst = 20 }
        max_connections = 1000
        stall_period = false
        [[listen]]
        address = "unix:run.sock"
        mode = 0o660
        owner = { group = 7 }
        forwarded = "Forwarded"
        [[host]]
        name = "mysite.com"
        aliases = ["www.mysite.com"]
        headers = { "X-A" = "5 $$ \"b\"", "X-B" = "c" }
        redirects = { "/z" = "/y", "/a" = "/b" }
        root = { folder = "public", cache_control = { "*.z" = "a", "*.a" = "b" } }
        [[host.websocket]]
        path = "/rooms/{room}"
        application = "chat"
        heartbeat_period = false
        overflow = "drop_oldest"
        allowed_origins = ["https://a.example"]
        compression = { level = 9 }
        [[host.websocket]]
        path = "/plain"
        application = "chat"
        compression = false
        max_clients = 10
        [[host]]
        any = true
    "#;
    fs::write(&file, text).unwrap();
    let load = |file: &Path| Config::load(file).unwrap().application_with("chat", || Silent);
    let shown = load(&file).workers(3).to_toml().unwrap();
    let socket = folder.path().join("run.sock");
    for line in [
        "workers = 3",
        "trusted_proxies = [\"10.0.0.0/8\", \"unix:\"]",
        "max_connections = 1000",
        "stall_period = false",
        "per_second = 5",
        "mode = 0o660",
        "group = 7",
        &format!("address = \"unix:{}\"", socket.display()),
        &format!("folder = \"{}\"", folder.path().join("public").display()),
        "header = \"Forwarded\"",
        "headers = { \"X-A\" = \"5 $$ \\\"b\\\"\", \"X-B\" = \"c\" }",
        "redirects = { \"/z\" = \"/y\", \"/a\" = \"/b\" }",
        "cache_control = { \"*.z\" = \"a\", \"*.a\" = \"b\" }",
        "heartbeat_period = false",
        "overflow = \"drop_oldest\"",
        "allowed_origins = [\"https://a.example\"]",
        "level = 9",
        "compression = false",
        "head_period = \"10 s\"",
        "[host.websocket.compression]",
    ] {
        assert!(shown.lines().any(|it| it == line), "{line} is not in\n{shown}");
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("copy.toml");
    fs::write(&copy, &shown).unwrap();
    assert_eq!(load(&copy).to_toml().unwrap(), shown);
    assert_eq!(load(&copy).check().unwrap().to_string(), "1 listener, 2 hosts, 2 endpoints");
    assert_eq!(load(&copy).log(), load(&file).log());
}

#[test]
fn an_endpoint_has_its_applications_options_unless_its_section_says_otherwise() {
    let options = Options::new().max_msg_size(1000).text_only(true).compression(None);
    let text = "[[host]]\nname = 'a'\n\
                [[host.websocket]]\npath = '/a'\napplication = 'chat'\n\
                [[host.websocket]]\npath = '/b'\napplication = 'chat'\nmax_msg_size = 7\n\
                compression = { threshold = 7 }\n";
    let shown = config(text).default_options("chat", options).to_toml().unwrap();
    let [_, a, b] = shown.split("[[host.websocket]]").collect::<Vec<_>>()[..] else { panic!() };
    assert!(a.contains("max_msg_size = \"1000 B\"") && a.contains("compression = false"), "{a}");
    assert!(b.contains("max_msg_size = \"7 B\"") && b.contains("threshold = \"7 B\""), "{b}");
    assert!(a.contains("text_only = true") && b.contains("text_only = true"));
    let misspelt = config(text).default_options("chta", Options::new()).server().unwrap_err();
    assert!(
        matches!(&misspelt, ConfigError::Unregistered { name } if name == "chta"),
        "{misspelt}"
    );
}

#[test]
fn nothing_of_the_file_is_in_what_is_debugged() {
    let config = config(&format!("{HOST}headers = {{ X-Secret = 'hush' }}\n"));
    assert!(!format!("{config:?}").contains("hush"));
}

/// Each key of a server comes to the setter of its name.
#[cfg(unix)]
#[test]
fn what_is_written_is_what_the_setters_would_have_set() {
    let second = Duration::from_secs;
    let folder = tempfile::tempdir().unwrap();
    let webroot = folder.path();
    let text = format!(
        r#"
        workers = 3
        trusted_proxies = ["10.0.0.0/8", "unix:"]
        [limits]
        max_connections = 101
        max_connections_per_ip = 102
        handshakes_per_ip = {{ per_second = 103, burst = 104 }}
        max_headers = 105
        max_head_size = "106 KiB"
        max_requests = 107
        head_period = "108 s"
        body_period = "109 s"
        min_body_rate = "110 B"
        stall_period = "111 s"
        min_response_rate = 112
        max_inbound_bytes = "113 MiB"
        stop_period = "114 s"
        [drain]
        delay = "15 s"
        spread = "16 s"
        restart = true
        [[listen]]
        address = "127.0.0.1:80"
        http2_prior_knowledge = true
        proxy_protocol = true
        [[listen]]
        address = "[::1]:80"
        redirect_to_https = 8443
        acme_webroot = "{0}"
        forwarded = {{ header = "Forwarded", scheme = true, host = true }}
        [[listen]]
        address = "unix:{0}/socket"
        mode = 0o617
        owner = {{ user = 18, group = 19 }}
        [[listen]]
        address = "systemd:2"
        metrics = true
        forwarded = {{ scheme = true }}
        [[host]]
        name = "mysite.com"
        aliases = ["a.mysite.com", "b.mysite.com"]
        root = {{ folder = "{0}", cache_control = {{ "*" = "no-store" }}, follow_links = true }}
        [[host]]
        any = true
        [[host.websocket]]
        path = "/chat"
        application = "chat"
        "#,
        webroot.display()
    );
    let forwarded = Forwarded::rfc7239().scheme().host();
    let server = Server::new()
        .workers(3)
        .trusted_proxies(["10.0.0.0/8", "unix:"])
        .max_connections(101)
        .max_connections_per_ip(102)
        .handshakes_per_ip(103, 104)
        .max_headers(105)
        .max_head_size(106 << 10)
        .max_requests(107)
        .head_period(second(108))
        .body_period(second(109))
        .min_body_rate(110)
        .stall_period(second(111))
        .min_response_rate(112)
        .max_inbound_bytes(113 << 20)
        .stop_period(second(114))
        .drain(Drain::new().delay(second(15)).spread(second(16)).restart())
        .listen(Listener::from("127.0.0.1:80").http2_prior_knowledge().proxy_protocol())
        .listen(
            Listener::from("[::1]:80")
                .redirect_to_https(8443)
                .acme_webroot(webroot)
                .forwarded(forwarded),
        )
        .listen(Listener::unix(webroot.join("socket")).mode(0o617).owner(Some(18), Some(19)))
        .listen(
            Listener::from("systemd:2").metrics().forwarded(Forwarded::x_forwarded_for().scheme()),
        )
        .host(
            Host::new("mysite.com")
                .alias("a.mysite.com")
                .alias("b.mysite.com")
                .root(Root::new(webroot).cache_control("*", "no-store").follow_links(true)),
        )
        .host(Host::any().websocket("/chat", Silent));
    let made = config(&text).server().unwrap();
    assert_eq!(format!("{made:#?}"), format!("{server:#?}"));
}

#[test]
fn each_option_of_an_endpoint_comes_to_the_setter_of_its_name() {
    let second = Duration::from_secs;
    let text = r#"
        [[host]]
        name = "mysite.com"
        [[host.websocket]]
        path = "/chat"
        application = "chat"
        max_frame_size = "1 KiB"
        max_msg_size = "2 KiB"
        auto_frame_size = "3 KiB"
        max_queued_bytes = "4 KiB"
        overflow = "drop_newest"
        max_clients = 5
        heartbeat_period = "6 s"
        queued_ping_limit = 7
        message_period = "8 s"
        open_period = "9 s"
        close_period = "10 s"
        validate_utf8 = false
        text_only = true
        allowed_origins = ["https://a.example"]
        subprotocols = ["v2", "v1"]
        [host.websocket.compression]
        level = 1
        threshold = "12 B"
        server_context_takeover = true
        client_context_takeover = true
        server_max_window_bits = 13
        client_max_window_bits = 14
    "#;
    let compression = Compression::new()
        .level(1)
        .threshold(12)
        .server_context_takeover(true)
        .client_context_takeover(true)
        .server_max_window_bits(13)
        .client_max_window_bits(14);
    let options = Options::new()
        .max_frame_size(1024)
        .max_msg_size(2048)
        .auto_frame_size(3072)
        .max_queued_bytes(4096)
        .overflow(Overflow::DropNewest)
        .max_clients(5)
        .heartbeat_period(second(6))
        .queued_ping_limit(7)
        .message_period(second(8))
        .open_period(second(9))
        .close_period(second(10))
        .validate_utf8(false)
        .text_only(true)
        .allowed_origins(Origins::list(["https://a.example"]))
        .subprotocols(["v2", "v1"])
        .compression(compression);
    let top = config(text).sound().unwrap();
    let made = top.hosts[0].websockets[0].options();
    assert_eq!(format!("{made:#?}"), format!("{options:#?}"));
}

#[test]
fn operators_are_to_be_asked_somewhere_and_not_to_be_listened_in_on() {
    let text = |admin: &str| format!("{admin}\n{HOST}");
    for (admin, line, column, sentence) in [
        (
            "[admin]",
            1,
            1,
            "[admin] says nowhere where operators may ask: write a \"socket\", a \"page\", or both",
        ),
        (
            "[admin]\nsocket = \"a\"\ntoken = \"0123456789abcdef\"",
            3,
            1,
            "\"token\" is for a page, and there is none: write page = \"127.0.0.1:9001\"",
        ),
        (
            "[admin]\npage = \"127.0.0.1:9001\"\ntoken = \"short\"",
            3,
            9,
            "the \"token\" is shorter than 16 characters: write a longer one, as by `openssl rand -hex 16`",
        ),
        (
            "[admin]\npage = \"0.0.0.0:9001\"",
            2,
            1,
            "a \"page\" that other machines reach needs \"tls\", since its token could be read on the way: write a \
             section [admin.tls], or an address of this machine alone, such as \"127.0.0.1:9001\"",
        ),
        (
            "[admin]\npage = \"unix:/run/page\"",
            2,
            8,
            "\"page\" is \"unix:/run/page\": write an IP address and a port, as in \"127.0.0.1:9001\", or \
             \"systemd:0\", or false",
        ),
        (
            "listen = [{ address = \"127.0.0.1:9001\" }]\n[admin]\npage = \"127.0.0.1:9001\"",
            3,
            1,
            "\"127.0.0.1:9001\" is listened on already",
        ),
        (
            "[admin]\npage = \"127.0.0.1:9001\"\n[admin.tls]\ncertificate = \"none.pem\"",
            3,
            1,
            "there is a certificate, and no \"key\" for it",
        ),
    ] {
        let (at_line, at_column, told) = fault(&text(admin));
        assert_eq!((&*told, at_line), (sentence, line), "{admin}");
        assert_eq!(at_column, column, "{admin}");
    }
}

#[test]
fn the_token_of_the_page_is_shown_to_nobody() {
    let admin = "[admin]\npage = \"[::1]:9001\"\ntoken = \"not-to-be-seen-by-anybody\"\n\
                 names = [\"admin.mysite.com\"]\n";
    let config = config(&format!("{admin}{HOST}"));
    let shown = config.to_toml().unwrap();
    assert!(
        shown.contains("page = \"[::1]:9001\"\n") && shown.contains("socket = false\n"),
        "{shown}"
    );
    assert!(shown.contains("token = \"${SECRET_THAT_WAS_LEFT_OUT}\"\n"), "{shown}");
    let server = config.server().unwrap();
    for told in [shown, format!("{config:?}"), format!("{server:?}")] {
        assert!(!told.contains("not-to-be-seen"), "{told}");
    }
    // What is shown without a page can be read again.
    let shown = self::config(&format!("[admin]\nsocket = \"a\"\n{HOST}")).to_toml().unwrap();
    assert!(self::config(&shown).check().is_ok(), "{shown}");
}

#[test]
fn a_bus_is_to_be_had_and_whoever_connects_is_whole() {
    let with_bus = |text: &str| {
        config(text).bus(|settings| match settings.servers.as_slice() {
            [] => Err("no server"),
            _ => Ok(crate::cluster::LocalBus::new()),
        })
    };
    let text = |cluster: &str| format!("[cluster]\n{cluster}\n{HOST}");
    for (cluster, line, sentence) in [
        ("nats = []", 2, "no server"),
        (
            "nats = [\"nats://me:secret@localhost\"]",
            2,
            "who it is that connects is said by \"user\" and \"password\", or by \"token\"",
        ),
        ("nats = [\"a\"]\nuser = \"me\"", 3, "there is a \"user\", and no \"password\""),
        ("nats = [\"a\"]\npassword = \"me\"", 3, "there is a \"password\", and no \"user\""),
        (
            "nats = [\"a\"]\nuser = \"me\"\npassword = \"b\"\ntoken = \"c\"",
            5,
            "write a \"user\" and a \"password\", or a \"token\"",
        ),
        ("nats = [\"a\"]\nkey = \"me\"", 3, "there is a key, and no \"certificate\" for it"),
    ] {
        let Err(ConfigError::Faults { faults, .. }) = with_bus(&text(cluster)).check() else {
            panic!("{cluster}")
        };
        let [fault] = faults.as_slice() else { panic!("{faults:?}") };
        assert_eq!((fault.line, &*fault.sentence), (line, sentence), "{cluster}");
    }
    let sound = text("nats = [\"a\"]\ntoken = \"secret\"\nlease = \"30 s\"");
    let shown = with_bus(&sound).to_toml().unwrap();
    assert!(shown.contains("lease = \"30 s\"") && !shown.contains("\"secret\""), "{shown}");
    let (line, _, told) = fault(&sound);
    assert_eq!((line, &*told), (2, "this program has no bus, and is a node of no cluster"));
}
