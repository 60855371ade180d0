//! Shows every client what is appended to a file, or what comes in by a pipe, line by line: the
//! server calls back whenever there is something to read.
//!
//! ```text
//! cargo run --example tail -- 127.0.0.1:1337 /var/log/syslog
//! ping localhost | cargo run --example tail
//! ```
//!
//! Then run `websocat ws://127.0.0.1:1337/` in as many terminals as you like.

mod common;
#[path = "common/lines.rs"]
mod lines;

use std::{
    env,
    error::Error,
    fs::File,
    io::{self, IsTerminal},
    os::fd::AsFd,
    process::{Child, Command, ExitCode, Stdio},
    sync::Arc,
};

use aerys::{Accepted, Endpoint, Failure, Handshake, Host, Refusal, Websocket};

use crate::lines::{Lines, nonblocking};

struct Tail {
    source: Arc<File>,
}

impl Websocket for Tail {
    async fn on_start(&self, endpoint: &Endpoint) -> Result<(), Failure> {
        let mut lines = Lines::new(Arc::clone(&self.source));
        endpoint.on_readable(Arc::clone(&self.source), move |everyone| {
            let lines = lines.read();
            async move {
                for line in lines? {
                    everyone.broadcast(line).nowait();
                }
                Ok(())
            }
        })?;
        Ok(())
    }

    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        client.send("From now on:").await?;
        Ok(client)
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut child = env::args().nth(2).map(follow).transpose()?;
    let source = match &mut child {
        Some(child) => child.stdout.take().ok_or("tail has no stdout")?.into(),
        None if io::stdin().is_terminal() => {
            return Err("say where to listen and what file to follow".into());
        }
        None => io::stdin().as_fd().try_clone_to_owned()?,
    };
    let tail = Tail { source: nonblocking(source)? };
    let code = common::run(Host::new("localhost").websocket("/", tail));
    if let Some(mut child) = child {
        child.kill()?;
        child.wait()?;
    }
    Ok(code)
}

/// Follows a file by its name, so also one that is replaced.
fn follow(file: String) -> io::Result<Child> {
    Command::new("tail")
        .args(["-n", "0", "-F", "--"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
}
