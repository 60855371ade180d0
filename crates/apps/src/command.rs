//! What starts a process: its program and arguments, where it works, its environment, and whom it runs as.

use std::{os::unix::process::CommandExt, path::Path, process::Command};

use crate::options::{ProcessOptions, SERVERS_OWN};

/// By which a program knows that the protocol is spoken with it, and which version at most.
pub(crate) const PROTOCOL: (&str, &str) = ("AERYS_PROTOCOL", "1");

/// What starts a process of these options, in a group of its own.
pub(crate) fn command(options: &ProcessOptions) -> Command {
    let mut command = Command::new(options.program());
    if let Some(folder) = &options.folder {
        // A relative path is one from the folder: else systems do not agree.
        let program = Path::new(options.program());
        if program.components().count() > 1 && program.is_relative() {
            command = Command::new(folder.join(program));
        }
        command.current_dir(folder);
    }
    command.args(options.command.iter().skip(1));
    for name in SERVERS_OWN {
        command.env_remove(name);
    }
    command.envs(options.environment.iter().map(|(name, value)| (name, value)));
    if let Some(group) = options.group {
        command.gid(group);
    }
    if let Some(user) = options.user {
        command.uid(user);
    }
    command.process_group(0);
    command
}
