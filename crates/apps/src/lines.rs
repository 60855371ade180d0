//! Programs that know nothing of the protocol: one for each client, a line a message.

use std::{ffi::OsString, process::Stdio, sync::Arc, time::Duration};

use aerys::{Accepted, Client, CloseCode, Failure, Handshake, Message, Refusal};
use bytes::BytesMut;
use http::header;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{ChildStdin, ChildStdout},
    sync::Mutex,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    child::{Process, piped},
    endpoint::Held,
    options::{OptionsError, ProcessOptions},
    output::{self, Stream},
    request,
};

/// How long a line may be that a program writes; one that is longer is no message, and its client is closed.
const MAX_MESSAGE: usize = 1 << 20;

/// Programs of this kind.
pub(crate) struct LinesPrograms {
    options: Arc<ProcessOptions>,
    name: Arc<str>,
    running: TaskTracker,
}

/// One program's client.
pub(crate) struct LinesClient {
    input: Mutex<Option<ChildStdin>>,
    gone: CancellationToken,
}

impl LinesPrograms {
    pub(crate) fn new(options: ProcessOptions) -> Self {
        let name = options.name().into();
        Self { options: Arc::new(options), name, running: TaskTracker::new() }
    }

    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        self.options.check()
    }

    pub(crate) fn open(&self, handshake: Handshake<Held>) -> Result<Accepted<Held>, Refusal> {
        let mut command = piped(&self.options);
        command.envs(environment(&handshake)).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let (input, output, errors) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        if let Some(errors) = errors {
            let id = child.id().unwrap_or_default();
            tokio::spawn(output::log(errors, Stream::Err, Arc::clone(&self.name), id));
        }
        let gone = CancellationToken::new();
        let process = Process::new(child);
        let held = LinesClient { input: Mutex::new(input), gone: gone.clone() };
        let accepted = handshake.accept_with(Held::of_lines(held));
        let (client, period) = (Client::clone(&accepted), self.options.stop_period);
        self.running.spawn(run(process, output, client, gone, period));
        Ok(accepted)
    }

    /// Waits until all have ended whose clients have gone.
    pub(crate) async fn stop(&self) {
        self.running.close();
        self.running.wait().await;
    }
}

impl LinesClient {
    pub(crate) async fn data(
        &self,
        client: &Client<Held>,
        message: Message,
    ) -> Result<(), Failure> {
        let Some(text) = message.as_text() else {
            client
                .close()
                .code(CloseCode::UNSUPPORTED)
                .reason("texts alone are understood here")
                .nowait();
            return Ok(());
        };
        // One message is one line, whatever the client has put into it.
        let mut line = text.replace(['\n', '\r'], " ");
        line.push('\n');
        let mut input = self.input.lock().await;
        if let Some(stdin) = input.as_mut()
            && self
                .gone
                .run_until_cancelled(stdin.write_all(line.as_bytes()))
                .await
                .is_some_and(|it| it.is_err())
        {
            // It reads no more, and may write on.
            *input = None;
        }
        Ok(())
    }

    /// The client has gone.
    pub(crate) fn end(&self) {
        self.gone.cancel();
    }
}

/// Has a program speak with its client until one of them ends.
async fn run(
    mut process: Process,
    output: Option<ChildStdout>,
    client: Client<Held>,
    gone: CancellationToken,
    period: Duration,
) {
    let speaking = async {
        if let Some(output) = output {
            speak(output, &client).await;
        }
        process.wait().await
    };
    if let Some(status) = gone.run_until_cancelled(speaking).await {
        let has_failed = status.is_none_or(|status| !status.success());
        let code = if has_failed { CloseCode::INTERNAL } else { CloseCode::NORMAL };
        client.close().code(code).nowait();
        return;
    }
    // It learns of it by the end of what it reads.
    if let Some(held) = client.state().lines() {
        held.input.lock().await.take();
    }
    if timeout(period, process.wait()).await.is_err() {
        process.terminate().await;
    }
}

/// Sends what a program writes, line by line, as fast as the client takes it.
async fn speak(mut output: ChildStdout, client: &Client<Held>) {
    let mut buffer = BytesMut::new();
    while output.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
        while let Some(end) = buffer.iter().position(|it| *it == b'\n') {
            let line = buffer.split_to(end + 1);
            if client.send(message(&line[..end])).await.is_err() {
                return;
            }
        }
        if buffer.len() > MAX_MESSAGE {
            client.close().code(CloseCode::INTERNAL).nowait();
            return;
        }
    }
    if !buffer.is_empty() {
        client.send(message(&buffer)).nowait();
    }
}

/// A text, with U+FFFD for what is none.
fn message(line: &[u8]) -> Message {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Message::text(String::from_utf8_lossy(line).into_owned())
}

/// What a program learns of a request (RFC 3875 §4.1).
fn environment(handshake: &Handshake<Held>) -> Vec<(OsString, OsString)> {
    let parts = handshake.request();
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let port = request::port_of(host).unwrap_or(if handshake.is_secure() { 443 } else { 80 });
    let peer = handshake.peer_addr().socket_addr();
    let protocol = format!("HTTP/{}", request::version(parts.version));
    let mut variables: Vec<(String, String)> = [
        ("GATEWAY_INTERFACE", "CGI/1.1".to_owned()),
        ("SERVER_SOFTWARE", concat!("aerys/", env!("CARGO_PKG_VERSION")).to_owned()),
        ("SERVER_PROTOCOL", protocol),
        ("SERVER_NAME", request::without_port(host).to_owned()),
        ("SERVER_PORT", port.to_string()),
        ("REQUEST_METHOD", parts.method.to_string()),
        ("REQUEST_URI", parts.uri.path_and_query().map_or("/", |it| it.as_str()).to_owned()),
        ("SCRIPT_NAME", parts.uri.path().to_owned()),
        ("PATH_INFO", String::new()),
        ("QUERY_STRING", parts.uri.query().unwrap_or_default().to_owned()),
        ("REMOTE_ADDR", handshake.client_ip().map(|ip| ip.to_string()).unwrap_or_default()),
        ("REMOTE_PORT", peer.map(|peer| peer.port().to_string()).unwrap_or_default()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    if handshake.is_secure() {
        variables.push(("HTTPS".to_owned(), "on".to_owned()));
    }
    for (name, value) in &parts.headers {
        // A client must not choose the proxy of its program, nor is its password for everybody to see (§4.1.18).
        let is_left_out =
            ["proxy", "authorization", "proxy-authorization"].contains(&name.as_str());
        if !is_left_out {
            let name = format!("HTTP_{}", name.as_str().to_ascii_uppercase().replace('-', "_"));
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            match variables.iter_mut().find(|(before, _)| *before == name) {
                Some((_, before)) => *before += &format!(", {value}"),
                None => variables.push((name, value)),
            }
        }
    }
    for name in request::params(handshake.endpoint().path()) {
        if let Some(value) = handshake.param(name) {
            variables.push((format!("PARAM_{}", name.to_ascii_uppercase()), value.to_owned()));
        }
    }
    // A NUL ends what the system takes for a value.
    variables.retain(|(_, value)| !value.contains('\0'));
    variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}
