//! TCP addresses: from when on, and until when, they are listened on.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use aerys::{
    Accepted, Endpoint, Failure, Handshake, Host, Refusal, Server, ServerError, Websocket,
};
use tokio::net::TcpStream;

use crate::common::{Echo, PATIENCE, Raw, Scene, handshake, soon};

/// Takes its time to start, and may fail.
struct Slow {
    scene: Scene,
    fails: bool,
}

impl Websocket for Slow {
    async fn on_start(&self, _: &Endpoint) -> Result<(), Failure> {
        self.scene.note("starting");
        self.scene.cued().await;
        self.scene.note("started");
        if self.fails { Err(Failure::new("no database")) } else { Ok(()) }
    }

    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        self.scene.note("open");
        Ok(handshake.accept())
    }
}

#[tokio::test]
async fn every_address_is_listened_on() {
    let server = Server::new()
        .listen(([127, 0, 0, 1], 0))
        .listen(([127, 0, 0, 2], 0))
        .host(Host::new("localhost").websocket("/", Echo { waits: false }));
    let server = server.start().await.expect("the server starts");
    assert_eq!(server.addresses().len(), 2);
    assert_eq!(server.addresses()[0], server.address());
    assert_eq!(server.addresses()[1].ip().to_string(), "127.0.0.2");
    for address in server.addresses() {
        let mut raw = Raw::from(soon(TcpStream::connect(address)).await.unwrap());
        assert_eq!(raw.ask(handshake("/", "")).await.status(), 101, "{address}");
    }
    let addresses = server.addresses().to_vec();
    server.stop().await;
    for address in addresses {
        assert_refuses(address).await;
    }
}

async fn assert_refuses(address: SocketAddr) {
    let error = soon(TcpStream::connect(address)).await.expect_err("nobody is to listen there");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "{address}");
}

#[tokio::test]
async fn a_listener_that_is_not_to_be_had_is_found_out_before_anything_starts() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("there are free ports");
    let address = taken.local_addr().expect("it is bound");
    let scene = Scene::default();
    let slow = Slow { scene: scene.clone(), fails: false };
    let server = Server::new()
        .host(Host::new("localhost").websocket("/", slow))
        .listen(([127, 0, 0, 1], 0))
        .listen(address)
        .workers(1);
    let error = soon(server.start()).await.map(drop).expect_err("it cannot start");
    assert!(
        matches!(&error, ServerError::Listen { address: it, .. } if *it == address.to_string()),
        "{error}"
    );
    assert_eq!(scene.journal.lines(), [""; 0]);
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("there are free ports");
    let address = taken.local_addr().expect("it is bound");
    let again =
        Server::new().host(Host::new("b").websocket("/", Echo { waits: false })).listen(address);
    let error = again.start().await.expect_err("the port is taken");
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {address}: another program is listening there")
    );
    assert!(
        matches!(error, ServerError::Listen { address: asked, .. } if asked == address.to_string())
    );
}

/// A port that is free on an address that nobody else uses.
fn free(address: [u8; 4]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::from(address), 0)).unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
async fn an_on_start_that_fails_leaves_nothing_behind() {
    let scene = Scene::default();
    let slow = Slow { scene: scene.clone(), fails: true };
    let address = free([127, 91, 7, 3]);
    let server = Server::new().host(Host::new("a").websocket("/slow", slow)).listen(address);
    scene.cue();
    let error = soon(server.start()).await.expect_err("on_start fails");
    assert_eq!(error.to_string(), "the application at \"/slow\" could not start: no database");
    assert!(matches!(&error, ServerError::Start { path, .. } if path == "/slow"), "{error:?}");
    assert_refuses(address).await;
}

#[tokio::test]
async fn nobody_is_let_in_before_on_start_has_ended() {
    let scene = Scene::default();
    let slow = Slow { scene: scene.clone(), fails: false };
    let address = free([127, 91, 7, 4]);
    let server = Server::new().host(Host::new("a").websocket("/", slow)).listen(address);
    let starting = tokio::spawn(server.start());
    scene.journal.until_noted("starting").await;
    let mut raw = Raw::from(soon(TcpStream::connect(address)).await.unwrap());
    raw.write(handshake("/", "")).await;
    tokio::time::sleep(PATIENCE / 400).await;
    assert!(raw.is_silent());
    assert_eq!(scene.journal.lines(), ["starting"]);
    scene.cue();
    assert_eq!(raw.answer().await.status(), 101);
    assert_eq!(scene.journal.lines(), ["starting", "started", "open"]);
    drop(raw);
    let server = soon(starting).await.unwrap().expect("it starts");
    server.stop().await;
}

#[tokio::test]
async fn nobody_is_listened_to_once_a_server_has_ended() {
    for stops in [true, false] {
        let host = Host::new("localhost").websocket("/", Echo { waits: false });
        let server = Server::new().host(host).listen(([127, 0, 0, 1], 0)).workers(1);
        let server = soon(server.start()).await.expect("the server starts");
        let address = server.address();
        if stops {
            server.stop().await;
            assert_refuses(address).await;
        } else {
            drop(server);
            soon(async { while TcpStream::connect(address).await.is_ok() {} }).await;
        }
    }
}
