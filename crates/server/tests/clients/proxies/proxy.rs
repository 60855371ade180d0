//! A real proxy, started for one test and ended with it.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
    time::sleep,
};

use crate::{
    program::Program,
    stage::{POLL_PERIOD, soon},
};

/// nginx in the foreground, and as who started it: its workers have to get into the folder.
const NGINX: &str = "daemon off; pid pid; error_log stderr; user root root;";

/// What every handshake has to have. The key is that of RFC 6455 §1.3.
pub(super) const HANDSHAKE: &[&str] = &[
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/// Which one, with its configuration in `docs/proxy/`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proxy {
    Nginx,
    Haproxy,
}

impl Proxy {
    pub(super) const EACH: [Self; 2] = [Self::Nginx, Self::Haproxy];

    /// Its configuration, as the page shows it.
    pub(super) fn configuration(self) -> &'static str {
        match self {
            Self::Nginx => include_str!("../../../../../docs/proxy/nginx.conf"),
            Self::Haproxy => include_str!("../../../../../docs/proxy/haproxy.cfg"),
        }
    }

    /// Puts it in front of a server, with these changes to its configuration beside the two addresses.
    pub(super) async fn start(self, server: &str, changes: &[(&str, &str)]) -> RunningProxy {
        let folder = tempfile::tempdir().unwrap();
        let (reserved, address) = reserve();
        let path = folder.path().join("configuration");
        let listen = match self {
            Self::Nginx => ("listen 8080;", format!("listen {address};")),
            Self::Haproxy => ("bind :8080", format!("bind {address}")),
        };
        let own = [(listen.0, listen.1.as_str()), ("127.0.0.1:1337", server)];
        let all = own.iter().chain(changes).chain(self.for_a_test());
        let text = all.fold(self.configuration().to_owned(), |text, (from, to)| {
            assert_eq!(text.matches(from).count(), 1, "{from:?} in {text}");
            text.replace(from, to)
        });
        fs::write(&path, text).unwrap();
        let mut program = Program::start(&mut self.command(folder.path(), &path), self.missing());
        tokio::select! {
            () = answers(&address) => {}
            errors = program.early_end() => panic!("{self:?} has ended: {errors}"),
        }
        RunningProxy { address, _program: program, _folder: folder, _reserved: reserved }
    }

    fn command(self, folder: &Path, configuration: &Path) -> Command {
        let mut command = match self {
            Self::Nginx => Command::new("nginx"),
            Self::Haproxy => Command::new("haproxy"),
        };
        match self {
            Self::Nginx => command.args(["-e", "stderr", "-g", NGINX, "-p"]).arg(folder).arg("-c"),
            Self::Haproxy => command.args(["-db", "-f"]),
        };
        // Where they are installed is in the path of the superuser alone.
        let path = env::var("PATH").unwrap_or_default();
        command.arg(configuration).env("PATH", format!("{path}:/usr/sbin:/usr/local/sbin"));
        command
    }

    /// What lets it run as anybody, in a folder that will be gone.
    fn for_a_test(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Nginx => &[(
                "http {\n",
                "http {\naccess_log off;\nclient_body_temp_path body;\nproxy_temp_path proxy;\n\
                 fastcgi_temp_path fastcgi;\nuwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n",
            )],
            // It does not start unless so many files may be open twice.
            Self::Haproxy => &[("maxconn 20000", "maxconn 100")],
        }
    }

    fn missing(self) -> &'static str {
        match self {
            Self::Nginx => "These tests need nginx: apt-get install nginx-light",
            Self::Haproxy => "These tests need haproxy: apt-get install haproxy",
        }
    }
}

/// A proxy that runs. When it is dropped, it is killed.
pub(super) struct RunningProxy {
    address: String,
    _program: Program,
    _folder: TempDir,
    /// Keeps the port from being anybody else's, before and after the proxy listens on it.
    _reserved: Socket,
}

impl RunningProxy {
    /// `127.0.0.1:` and the port.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// Sends a request with these lines, and answers with the connection and the head of the response.
    pub(super) async fn request(&self, lines: &[&str]) -> (TcpStream, String) {
        let mut stream = soon(TcpStream::connect(&self.address)).await.expect("the proxy is there");
        let request = lines.join("\r\n") + "\r\n\r\n";
        soon(stream.write_all(request.as_bytes())).await.expect("the proxy reads");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon(stream.read_u8()).await.expect("the proxy answers"));
        }
        let head = String::from_utf8(head).expect("a head is text");
        (stream, head.to_ascii_lowercase())
    }

    /// The same for a handshake, with these lines beside those that every one has.
    pub(super) async fn handshake(&self, path: &str, lines: &[&str]) -> (TcpStream, String) {
        let first = format!("GET {path} HTTP/1.1");
        self.request(&[&[first.as_str()], HANDSHAKE, lines].concat()).await
    }
}

/// A port that the system gives to nobody else, and on which who asks for it by number can listen: both
/// sockets allow their address to be used again, and only one of them listens.
fn reserve() -> (Socket, String) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().expect("it is one of IP");
    (socket, address.to_string())
}

/// Waits until somebody listens.
async fn answers(address: &str) {
    soon(async {
        while TcpStream::connect(address).await.is_err() {
            sleep(POLL_PERIOD).await;
        }
    })
    .await;
}
