//! What is done with a file: served, checked, shown.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use aerys::{Config, ConfigError};
use tracing::warn;

use crate::{
    applications::{DEFAULTS, register},
    arguments::Overrides,
    log, on_a_runtime, raise_file_limit,
};

/// Serves what is in a file.
pub(crate) fn serve(file: PathBuf, overrides: Overrides) -> Result<(), ConfigError> {
    let config = load(file, overrides)?;
    let server = config.server()?;
    let levels = log::start(&config.log(), overrides.debug);
    raise_file_limit();
    on_a_runtime(async {
        let running = server.start().await?;
        let lines = config.listening(&running).into_iter();
        let mut lines: String = lines.map(|it| format!("Listening on {it}\n")).collect();
        if let Some(url) = running.admin_page_url() {
            lines += &format!("Admin page on {url}\n");
        }
        // In this order, so that who has read the address may send a signal at once.
        let signalled = running.until_signalled_reloading(move || {
            let config = config.reload()?;
            let server = config.server()?;
            levels.change(&config.log());
            Ok::<_, ConfigError>(server)
        });
        print(&lines);
        Ok(signalled.await?)
    })
}

/// Says whether it is sound.
pub(crate) fn check(file: PathBuf) -> Result<(), ConfigError> {
    let name = file.display().to_string();
    let sound = load(file, Overrides::default())?.check()?;
    print(&format!("{name} is sound: {sound}\n"));
    Ok(())
}

/// Prints one that has every key.
pub(crate) fn defaults() -> Result<(), ConfigError> {
    print(DEFAULTS);
    Ok(())
}

/// Prints what is in force, with the file or without one.
pub(crate) fn show(file: Option<PathBuf>, overrides: Overrides) -> Result<(), ConfigError> {
    let config = match file {
        Some(file) => load(file, overrides)?,
        None => overrides.apply(register(Config::parse(DEFAULTS)?)),
    };
    print(&config.to_toml()?);
    Ok(())
}

fn load(file: PathBuf, overrides: Overrides) -> Result<Config, ConfigError> {
    Ok(overrides.apply(register(Config::load(file)?)))
}

/// To stdout, which may be closed.
pub(crate) fn print(text: &str) {
    let mut out = io::stdout();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        warn!(%error, "stdout takes nothing");
    }
}
