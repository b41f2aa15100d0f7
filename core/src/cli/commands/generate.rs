//! `completions SHELL` and `man DIR`: what people install beside the program, made from its commands and flags.

use super::snapshot::write_whole;
use crate::cli::{self, CompletionsArgs, Failure, ManArgs, Outcome, Output, Platform, args::suggest::names};
use clap::{
    Arg, Command, ValueHint,
    builder::{PossibleValue, PossibleValuesParser},
};
use clap_complete::Shell;
use clap_mangen::Man;
use std::{fs, io, path::Path};

/// What clap does not know, in the order of the sections of a page.
const EXIT_STATUS: &str = r".SH EXIT STATUS
.TP
.B 0
Done, or stopped by SIGINT or SIGTERM.
.TP
.B 1
Failed while it ran. The reason is one line on standard error.
.TP
.B 2
Wrong usage.
";

const ENVIRONMENT: &str = r#".SH ENVIRONMENT
.TP
.B EYELET_TOKEN
The token that
.B serve
requires, and that
.B watch
and
.B top
send, where no flag gives one. Unlike arguments, other users cannot see it.
.TP
.BR http_proxy ", " https_proxy ", " all_proxy ", " no_proxy
The proxy for connections to other servers, and the hosts that need none; also in capitals.
.TP
.B NO_COLOR
If set and not empty, nothing is coloured.
.TP
.B TERM
If it is
.BR dumb ,
empty or not set, there are neither colours nor lines that change.
.TP
.BR LISTEN_FDS ", " LISTEN_PID
Sockets that systemd has opened for
.BR serve .
.TP
.BR NOTIFY_SOCKET ", " WATCHDOG_USEC
Where systemd is told that
.B serve
is ready, and how often that it is well.
"#;

const FILES: &str = r".SH FILES
.TP
.I /etc/eyelet.toml
Flags for
.B serve
on a board where ci/deploy.sh has installed it. Elsewhere
.B \-\-config
names a file.
";

/// Prints the completions, for a file that the shell reads.
pub(super) fn completions<D: Platform>(args: &CompletionsArgs, output: &Output) -> Outcome {
    let mut script = Vec::new();
    let command = cli::command::<D>().mut_subcommands(|command| command.mut_args(completed));
    // The program knows `help COMMAND` without clap, which takes names that live as long as the process.
    let commands: Vec<&'static str> =
        command.get_subcommands().map(|command| &*command.get_name().to_owned().leak()).collect();
    let help = Arg::new("COMMAND").value_parser(PossibleValuesParser::new(commands));
    let help = Command::new("help").about("Print the help of a command").disable_help_flag(true).arg(help);
    let command = command.subcommand(help);
    // The flags of the default command may also stand alone.
    let serve: Vec<_> = command
        .find_subcommand("serve")
        .into_iter()
        .flat_map(|serve| serve.get_arguments().cloned())
        .collect();
    let mut command = command.args(serve);
    clap_complete::generate(args.shell, &mut command, D::PROGRAM, &mut script);
    // clap_complete 4.6.11 spells a name with a hyphen in two ways in one script, which then completes nothing.
    let [wrong, right] = ["__subcmd__", "__"].map(|hyphen| D::PROGRAM.replace('-', hyphen));
    let mut script = String::from_utf8_lossy(&script).replace(&wrong, &right);
    if args.shell == Shell::Fish {
        // Its script for fish takes a flag whose value is still to come for wrong usage.
        let name = D::PROGRAM.replace('-', "_");
        let parse = |words| format!("argparse -s (__fish_{name}_global_optspecs) -- {words} 2>/dev/null\n");
        let with_value = parse("$cmd") + "    or " + &parse("$cmd VALUE");
        script = script.replace(&parse("$cmd"), &with_value);
    }
    for command in command.get_subcommands() {
        match args.shell {
            Shell::Bash => bash_argument(command, D::PROGRAM, &mut script),
            Shell::Fish => fish_argument(command, D::PROGRAM, &mut script),
            _ => {}
        }
    }
    output.bytes(script.as_bytes())
}

/// The argument with what a shell completes: names where they are a few, files only for files.
fn completed(arg: Arg) -> Arg {
    if !arg.get_possible_values().is_empty() || !arg.get_action().takes_values() {
        return arg;
    }
    let names = arg.get_long().map(|long| names(&format!("--{long}"))).unwrap_or_default();
    if !names.is_empty() {
        return arg.value_parser(PossibleValuesParser::new(names));
    }
    match arg.get_value_names().and_then(<[_]>::first).map(|name| name.as_str()) {
        Some("FILE" | "DEVICE") => arg.value_hint(ValueHint::FilePath),
        Some("DIR") => arg.value_hint(ValueHint::DirPath),
        // clap_complete 4.6.11 escapes no names of values, and to zsh a quote is the end of all the flags.
        Some(name) if name.contains(['\'', ':']) => arg.value_name("VALUE").value_hint(ValueHint::Other),
        _ => arg.value_hint(ValueHint::Other),
    }
}

/// What stands behind a command without a flag. clap_complete's script for bash offers the flags there, all of which begin with the
/// hyphen that bash then types.
fn bash_argument(command: &Command, program: &str, script: &mut String) {
    let Some(argument) = command.get_positionals().next() else { return };
    let otherwise = match argument.get_value_hint() {
        _ if !argument.get_possible_values().is_empty() => return,
        // Those are what bash itself offers.
        ValueHint::FilePath => "COMPREPLY=()",
        ValueHint::DirPath => {
            r#"local IFS=$'\n'
            COMPREPLY=( $(compgen -d -- "${cur}") )
            compopt -o filenames +o default +o bashdefault 2>/dev/null"#
        }
        _ => "COMPREPLY=(); compopt +o default +o bashdefault 2>/dev/null",
    };
    let block = format!(" {}__subcmd__{})\n", program.replace('-', "__"), command.get_name());
    let Some(begin) = script.find(&block) else { return };
    let (before, rest) = script.split_at(begin);
    let flags = r#"COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )"#;
    let last = format!("esac\n            {flags}");
    let rest = rest.replacen(" || ${COMP_CWORD} -eq 2 ]]", " ]]", 1);
    *script = before.to_owned() + &rest.replacen(&last, &format!("esac\n            {otherwise}"), 1);
}

/// The same for fish, where the script offers files.
fn fish_argument(command: &Command, program: &str, script: &mut String) {
    let argument = command.get_positionals().next();
    let values = argument.map(Arg::get_possible_values).unwrap_or_default();
    let names: Vec<_> = values.iter().map(PossibleValue::get_name).collect();
    let offered = match argument.map(Arg::get_value_hint) {
        _ if !names.is_empty() => format!(" -a '{}'", names.join(" ")),
        Some(ValueHint::FilePath) => return,
        Some(ValueHint::DirPath) => " -a '(__fish_complete_directories)'".to_owned(),
        _ => String::new(),
    };
    let (name, function) = (command.get_name(), program.replace('-', "_"));
    *script += &format!("complete -c {program} -n '__fish_{function}_using_subcommand {name}' -f{offered}\n");
}

/// Writes a page for the program and one for each command. Each appears whole or not at all.
pub(super) fn man<D: Platform>(args: &ManArgs) -> Outcome {
    let cannot = |path: &Path, e: io::Error| {
        let remedy = "name a folder that can be written";
        Failure::runtime(format!("cannot write {}: {e}; {remedy}", path.display()))
    };
    fs::create_dir_all(&args.dir).map_err(|e| cannot(&args.dir, e))?;
    let mut command = cli::command::<D>();
    command.build();
    let pages = command.get_subcommands().map(|sub| page::<D>(sub.clone(), &[EXIT_STATUS]));
    for page in pages.chain([page::<D>(command.clone(), &[EXIT_STATUS, ENVIRONMENT, FILES])]) {
        // Memory takes everything.
        let (name, text) = page.map_err(|e| cannot(&args.dir, e))?;
        let path = args.dir.join(name);
        write_whole(&path, &text).map_err(|e| cannot(&path, e))?;
    }
    Ok(())
}

/// A page's file name and text.
fn page<D: Platform>(command: clap::Command, sections: &[&str]) -> io::Result<(String, Vec<u8>)> {
    let is_command = !command.has_subcommands();
    let page = Man::new(command);
    let name = page.get_filename();
    let title = name.trim_end_matches(".1").to_uppercase();
    let page = page.title(title).source(D::PROGRAM);
    let mut text = Vec::new();
    page.render(&mut text)?;
    sections.iter().for_each(|section| text.extend_from_slice(section.as_bytes()));
    if is_command {
        text.extend_from_slice(
            format!(".SH SEE ALSO\n.BR {} (1)\n", D::PROGRAM.replace('-', "\\-")).as_bytes(),
        );
    }
    Ok((name, text))
}
