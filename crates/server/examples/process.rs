//! Gives each client a process of its own: what the client says is written to its stdin whenever
//! that takes something, and each line that it prints is sent to the client. It ends with its client.
//!
//! ```text
//! cargo run --example process -- 127.0.0.1:1337 bc --quiet
//! ```
//!
//! Then run `websocat ws://127.0.0.1:1337/` and enter `6 * 7`.

mod common;
#[path = "common/lines.rs"]
mod lines;

use std::{
    env,
    fs::File,
    io::{self, ErrorKind::WouldBlock, Write},
    process::{Child, Command, ExitCode, Stdio},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use aerys::{
    Accepted, Client, Departure, Failure, Handshake, Host, Message, Refusal, Watcher, Websocket,
};

use crate::lines::{Lines, nonblocking};

/// The program, and its arguments.
struct Launcher {
    words: Vec<String>,
}

/// What is kept for each client: its process, and what is still to be written to it.
struct Process {
    child: Mutex<Child>,
    stdin: Arc<File>,
    unwritten: Mutex<Vec<u8>>,
    writing: OnceLock<Watcher>,
}

impl Websocket<Process> for Launcher {
    async fn on_open(&self, handshake: Handshake<Process>) -> Result<Accepted<Process>, Refusal> {
        let (child, stdin, stdout) = self.launch()?;
        let client = handshake.accept_with(Process {
            child: Mutex::new(child),
            stdin: Arc::clone(&stdin),
            unwritten: Mutex::default(),
            writing: OnceLock::new(),
        });
        let mut lines = Lines::new(Arc::clone(&stdout));
        client.on_readable(stdout, move |client| {
            let lines = lines.read();
            async move {
                for line in lines? {
                    client.send(line).await?;
                }
                Ok(())
            }
        })?;
        let write = async |client: Client<Process>| Ok(client.state().write()?);
        let writing = client.on_writable(stdin, write)?;
        client.state().writing.get_or_init(|| writing);
        Ok(client)
    }

    async fn on_data(&self, client: &Client<Process>, message: Message) -> Result<(), Failure> {
        let process = client.state();
        let mut unwritten = lock(&process.unwritten);
        if unwritten.len() > MAX_UNWRITTEN {
            return Err(Failure::new("the process does not read what its client says"));
        }
        unwritten.extend_from_slice(message.as_bytes());
        unwritten.push(b'\n');
        process.writing.get().into_iter().for_each(Watcher::enable);
        Ok(())
    }

    async fn on_close(&self, gone: &Departure<Process>) {
        let mut child = lock(&gone.state().child);
        if let Err(error) = child.kill().and_then(|()| child.wait()) {
            eprintln!("process {} cannot be ended: {error}", child.id());
        }
    }
}

impl Launcher {
    /// A process, its stdin and its stdout.
    fn launch(&self) -> io::Result<(Child, Arc<File>, Arc<File>)> {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (stdin, stdout) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok((child, nonblocking(stdin.into())?, nonblocking(stdout.into())?))
    }
}

impl Process {
    /// Writes what there is room for; with nothing left to write there is nothing to wait for.
    fn write(&self) -> io::Result<()> {
        let mut unwritten = lock(&self.unwritten);
        if !unwritten.is_empty() {
            match (&*self.stdin).write(&unwritten) {
                Ok(count) => drop(unwritten.drain(..count)),
                Err(error) if error.kind() == WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if unwritten.is_empty() {
            self.writing.get().into_iter().for_each(Watcher::disable);
        }
        Ok(())
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

const MAX_UNWRITTEN: usize = 1024 * 1024;

fn main() -> ExitCode {
    let mut words: Vec<_> = env::args().skip(2).collect();
    if words.is_empty() {
        words.push("cat".to_owned());
    }
    common::run(Host::new("localhost").websocket("/", Launcher { words }))
}
