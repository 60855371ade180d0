//! What a package installs beside the program, made of the command line itself: completions and a manual page.

use std::io;

use clap::{Arg, Command};
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use roff::{Roff, bold, italic, roman};

/// Sections of the page that no option tells.
const SECTIONS: [(&str, &[(&str, &str)]); 3] = [
    (
        "SIGNALS",
        &[
            (
                "SIGTERM, SIGINT",
                "Close every client with 1001, or see them off as the file's [drain] says, and exit. A second one \
                 exits at once.",
            ),
            ("SIGHUP", "Read the file anew; without a file, as SIGTERM."),
        ],
    ),
    (
        "ENVIRONMENT",
        &[
            ("RUST_LOG", "What the log shows, such as aerys=info; it has the last word."),
            ("NO_COLOR", "The log has no colours."),
            ("LISTEN_FDS", "Sockets that systemd passes, which a file names systemd:0 and so on."),
            (
                "NOTIFY_SOCKET",
                "Who is told when the server is ready, reloads and stops: sd_notify(3).",
            ),
        ],
    ),
    (
        "EXIT STATUS",
        &[
            ("0", "It was stopped, or has printed what was asked for."),
            ("1", "It could not serve, or a file makes no sense."),
            ("2", "The command line makes no sense."),
        ],
    ),
];

/// What a shell reads to complete the command line.
pub(crate) fn completions(shell: Shell, mut command: Command) -> String {
    written(|page| {
        generate(shell, &mut command, "aerys", page);
        Ok(())
    })
}

/// The page that `man` shows, in roff.
pub(crate) fn page(command: Command) -> String {
    let man = Man::new(command.clone().subcommand_value_name("COMMAND"));
    let beginning = written(|page| {
        man.render_title(page)?;
        man.render_name_section(page)?;
        man.render_synopsis_section(page)?;
        man.render_description_section(page)?;
        man.render_options_section(page)
    });
    let mut roff = Roff::new();
    commands(command, &mut roff);
    for (name, entries) in SECTIONS {
        roff.control("SH", [name]);
        for (term, text) in entries {
            entry(&mut roff, term, text);
        }
    }
    format!("{beginning}{}", written(|page| roff.to_writer(page)))
}

/// Each with its options, on the same page: what is generated of them refers to pages of their own.
fn commands(mut command: Command, roff: &mut Roff) {
    command.build();
    roff.control("SH", ["COMMANDS"]);
    for command in command.get_subcommands().filter(|it| it.get_name() != "help") {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let mut usage = vec![bold(format!("aerys {}", command.get_name()))];
        for value in command.get_positionals().flat_map(Arg::get_value_names).flatten() {
            usage.extend([roman(" "), italic(value.as_str())]);
        }
        roff.control("TP", []).text(usage).text([roman(about)]);
        roff.control("RS", []);
        for option in command.get_opts().filter(|it| it.get_id() != "help") {
            let help = option.get_help().map(ToString::to_string).unwrap_or_default();
            let short = option.get_short().map(|it| format!("-{it}, ")).unwrap_or_default();
            entry(roff, &format!("{short}{option}"), &help);
        }
        roff.control("RE", []);
    }
}

fn entry(roff: &mut Roff, term: &str, text: &str) {
    roff.control("TP", []).text([bold(term)]).text([roman(text)]);
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut page = Vec::new();
    write(&mut page).expect("memory takes it");
    String::from_utf8(page).expect("it is made of texts")
}
