//! What is done with a file: served, checked, shown.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use aerys::{Config, ConfigError, ServerError};
use aerys_apps::{Plan, Programs};
use tracing::warn;

use crate::{
    adapters,
    applications::{DEFAULTS, register},
    arguments::Overrides,
    log, on_a_runtime, raise_file_limit,
    script::Script,
};

/// Serves what is in a file.
pub(crate) fn serve(file: PathBuf, overrides: Overrides) -> Result<(), ConfigError> {
    let (programs, source) = (Programs::new(), Source::of(file)?);
    let config = source.load(&programs.plan(), overrides)?;
    let config = programs.metrics().into_iter().fold(config, Config::metric);
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
            let plan = programs.plan();
            let config = source.reload(&config, &plan, overrides)?;
            let server = config.server()?;
            // What is not ready has all stay as it was.
            plan.apply().map_err(|error| ServerError::System(io::Error::other(error)))?;
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
    Source::of(file)?.load(&Programs::new().plan(), overrides)
}

/// What says what is to be served.
enum Source {
    File(PathBuf),
    Script(Script),
}

impl Source {
    fn of(file: PathBuf) -> Result<Self, ConfigError> {
        match Script::of(&file) {
            Some(script) => script.map(Self::Script),
            None => Ok(Self::File(file)),
        }
    }

    fn load(&self, plan: &Plan, overrides: Overrides) -> Result<Config, ConfigError> {
        let config = match self {
            Self::File(file) => Config::load(file)?,
            Self::Script(script) => Config::parse(script.to_toml()?)?,
        };
        Ok(overrides.apply(with_programs(register(config), plan)))
    }

    /// Reads it again, for the same applications.
    fn reload(
        &self,
        before: &Config,
        plan: &Plan,
        overrides: Overrides,
    ) -> Result<Config, ConfigError> {
        match self {
            Self::File(_) => Ok(with_programs(before.reload()?, plan)),
            // All that it has are processes.
            Self::Script(_) => self.load(plan, overrides),
        }
    }
}

fn with_programs(config: Config, plan: &Plan) -> Config {
    let plan = plan.clone();
    config.programs(move |settings| adapters::make(&plan, settings))
}

/// To stdout, which may be closed.
pub(crate) fn print(text: &str) {
    let mut out = io::stdout();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        warn!(%error, "stdout takes nothing");
    }
}
