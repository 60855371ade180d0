//! What the examples share: where they listen, and when they end.

use std::{env, error::Error, io, net::SocketAddr, process::ExitCode};

use aerys::{Host, Server};
use tracing::Level;

/// Serves a host at the address in the program's first argument, by default 127.0.0.1:1337, until
/// Ctrl-C, SIGTERM or SIGHUP. What goes wrong in a handler is logged on stderr.
pub(crate) fn run(host: Host) -> ExitCode {
    tracing_subscriber::fmt().with_max_level(Level::WARN).with_writer(io::stderr).init();
    match serve(host) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve(host: Host) -> Result<(), Box<dyn Error>> {
    let running = Server::new().listen(address()?).host(host).start().await?;
    let address = running.address();
    // Before anyone is told the address, who may then send a signal at once.
    let signalled = running.until_signalled();
    println!("Listening on http://{address}");
    Ok(signalled.await?)
}

fn address() -> Result<SocketAddr, String> {
    let argument = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1337".to_owned());
    argument.parse().map_err(|_| format!("{argument:?} is no address such as 127.0.0.1:1337"))
}
