//! The `aerys` binary: a websocket server that a file describes, or one with a chat to try it on.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod adapters;
mod applications;
mod arguments;
mod broadcast;
mod chat;
mod echo;
mod files;
mod listeners;
mod log;
mod manual;
mod operator;
mod page;
mod script;
mod self_signed;

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use aerys::{Cluster, ConfigError, Host, Log, Server, ServerError};
use aerys_apps::{Application, ProcessOptions};
use aerys_nats::NatsBus;
use clap::{CommandFactory, Parser};
use tokio::runtime::Builder;
use tracing::{debug, warn};

use crate::{
    arguments::{Arguments, Program, Settings, Task},
    chat::Chats,
    echo::Echo,
    listeners::listeners,
    page::Page,
};

fn main() -> ExitCode {
    let outcome = match Arguments::parse().into_task() {
        Task::Chat(settings) => {
            log::start(&Log::default(), settings.debug);
            raise_file_limit();
            on_a_runtime(serve(*settings))
        }
        Task::Run(settings, program) => {
            log::start(&Log::default(), settings.debug);
            raise_file_limit();
            on_a_runtime(run(*settings, program))
        }
        Task::Serve(file, overrides) => files::serve(file, overrides),
        Task::Check(file) => files::check(file),
        Task::Defaults => files::defaults(),
        Task::Show(file, overrides) => files::show(file, overrides),
        Task::Completions(shell) => {
            files::print(&manual::completions(shell, Arguments::command()));
            Ok(())
        }
        Task::Man => {
            files::print(&manual::page(Arguments::command()));
            Ok(())
        }
        Task::Ask(order, place) => match operator::ask(order, place) {
            Ok(Err(error)) => return complain(&format_args!("aerys: {error}")),
            Ok(Ok(())) => Ok(()),
            Err(error) => Err(error),
        },
    };
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    match error {
        // Each says which file it is about, as compilers do.
        ConfigError::Faults { .. } => complain(&error),
        error => complain(&format_args!("aerys: {error}")),
    }
}

/// Whether anybody hears it or not; `eprintln!` would panic.
fn complain(sentence: &dyn Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "{sentence}");
    ExitCode::FAILURE
}

/// Each client is an open file, and the usual soft limit of 1024 is soon reached.
fn raise_file_limit() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => debug!(files, "this many files, and so clients, may be open"),
        Err(error) => warn!(%error, "the limit of open files, and so of clients, is left as it is"),
    }
}

fn on_a_runtime(serving: impl Future<Output = Result<(), ConfigError>>) -> Result<(), ConfigError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(ServerError::System)?;
    let outcome = runtime.block_on(serving);
    runtime.shutdown_background();
    outcome
}

/// Serves the chat, without a file.
async fn serve(settings: Settings) -> Result<(), ConfigError> {
    let chats = Chats::default();
    let host = host(&settings)
        .websocket_with("/chat", chats.application(), chat::options())
        .websocket_with("/chat/{room}", chats.application(), chat::options())
        .websocket("/echo", Echo);
    let host = match &settings.root {
        Some(folder) => host.root(folder),
        None => host.service(Page::new()),
    };
    serve_host(settings, host).await
}

/// Serves a program as an application, without a file.
async fn run(settings: Settings, program: Program) -> Result<(), ConfigError> {
    let Program { command, path, processes, lines } = program;
    let options = ProcessOptions::new(command).processes(processes);
    let options = adapters::with_variables(options);
    options.check().map_err(|error| ServerError::System(io::Error::other(error)))?;
    let application =
        if lines { Application::lines(options) } else { Application::processes(options) };
    let host = host(&settings).websocket(path, application);
    let host = match &settings.root {
        Some(folder) => host.root(folder),
        None => host,
    };
    serve_host(settings, host).await
}

/// A host of the names that were asked for.
fn host(settings: &Settings) -> Host {
    let any = settings.hosts.iter().any(|name| name == "*");
    let host = if any { Host::any() } else { Host::new("localhost") };
    settings.hosts.iter().filter(|name| *name != "*").fold(host, Host::alias)
}

async fn serve_host(settings: Settings, host: Host) -> Result<(), ConfigError> {
    let (listeners, announcement) = listeners(&settings)?;
    let server = listeners.into_iter().fold(Server::new(), Server::listen).host(host);
    let mut server = server.trusted_proxies(settings.trusted_proxies);
    if let Some(workers) = settings.workers {
        server = server.workers(workers);
    }
    // Each was looked at when the command line was.
    if let Ok(bus) = NatsBus::new(&settings.cluster) {
        server = server.cluster(Cluster::new(bus));
    }
    let running = server.start().await?;
    let addresses = running.addresses().to_vec();
    // In this order, so that who has read the address may send a signal at once.
    let signalled = running.until_signalled();
    announcement.print(&addresses);
    Ok(signalled.await?)
}
