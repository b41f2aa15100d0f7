//! Completions and manual pages.

use crate::support::command;
use std::{collections::BTreeSet, fs, path::Path, process::Command};

fn printed(arguments: &[&str]) -> String {
    let output = command(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn completions_of_every_shell_have_the_programs_own_commands_and_flags() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        for word in ["eyelet-sim", "receive", "unplug-after", "max-viewers", "completions"] {
            assert!(script.contains(word), "{shell} knows no {word}");
        }
    }
    let output = command(&["completions", "tcsh"]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && text.contains("[possible values: bash, "), "{text}");
}

#[test]
fn bash_completes_commands_and_flags() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("completions");
    fs::write(&script, printed(&["completions", "bash"])).unwrap();
    let ask = r#". "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        "$(complete -p eyelet-sim | sed "s/.* -F \([^ ]*\).*/\1/")" "$1" "${@: -1}" "${@: -2:1}"; echo "${COMPREPLY[@]}""#;
    let completed = |words: &[&str]| {
        let mut bash = Command::new("bash");
        let output = bash.args(["-c", ask]).arg(&script).args(words).current_dir(&dir).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(completed(&["eyelet-sim", "wa"]), "watch");
    assert_eq!(completed(&["eyelet-sim", "serve", "--unplug-a"]), "--unplug-after");
    assert_eq!(completed(&["eyelet-sim", "--unplug-a"]), "--unplug-after", "serve is the default command");
    assert_eq!(completed(&["eyelet-sim", "completions", "z"]), "zsh");
    assert_eq!(completed(&["eyelet-sim", "serve", "--overlay-at", "bottom-l"]), "bottom-left");
    assert_eq!(completed(&["eyelet-sim", "snapshot", "--format", "yu"]), "yuv422p yuyv");
    assert_eq!(completed(&["eyelet-sim", "help", "wa"]), "watch");
    // Flags were offered, and the hyphen that they begin with was typed.
    fs::create_dir(dir.path().join("two words")).unwrap();
    for (command, want) in [("snapshot", ""), ("upload", ""), ("receive", "two words"), ("man", "two words")]
    {
        assert_eq!(completed(&["eyelet-sim", command, ""]), want, "{command}");
        assert!(completed(&["eyelet-sim", command, "-"]).contains("--help"), "{command}");
    }
}

/// Files were offered: a flag that has no value yet was wrong usage to the script.
#[test]
fn fish_completes_the_value_of_a_flag_without_a_command() {
    let script = printed(&["completions", "fish"]);
    let parses: Vec<_> = script.lines().filter(|line| line.contains("argparse -s")).collect();
    let [first, second] = &*parses else { panic!("{parses:#?}") };
    assert!(first.ends_with("_global_optspecs) -- $cmd 2>/dev/null"), "{first}");
    assert_eq!(*second, first.replace("argparse", "or argparse").replace("$cmd", "$cmd VALUE"));

    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("script"), &script).unwrap();
    fs::write(dir.path().join("yuck"), "").unwrap();
    for (line, want) in [
        ("eyelet-sim --format yu", "yuv422p\nyuyv\n"),
        ("eyelet-sim serve --format yu", "yuv422p\nyuyv\n"),
        ("eyelet-sim --config yu", "yuck\n"),
        ("eyelet-sim --quality 80 rec", "receive\t"),
    ] {
        let ask = format!("source script; complete -C '{line}'");
        let mut fish = Command::new("fish");
        // Not every machine has it.
        let Ok(output) = fish.args(["--no-config", "-c", &ask]).current_dir(&dir).output() else { return };
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(want), "{line}: {text}");
    }
}

/// Files were offered for everything that is no flag.
#[test]
fn fish_completes_folders_where_they_belong_and_words_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("script"), printed(&["completions", "fish"])).unwrap();
    fs::create_dir(dir.path().join("pictures")).unwrap();
    for (words, want) in [
        ("completions ", "bash elvish fish powershell zsh"),
        ("receive ", "pictures/"),
        ("man ", "pictures/"),
        ("snapshot ", "pictures/ script"),
        ("upload ", ""),
        ("serve ", ""),
        ("serve --html ", "pictures/ script"),
        ("help wa", "watch"),
        ("hel", "help"),
    ] {
        let ask = format!("source script; complete -C 'eyelet-sim {words}'");
        let mut fish = Command::new("fish");
        // Not every machine has it.
        let Ok(output) = fish.args(["--no-config", "-c", &ask]).current_dir(&dir).output() else { return };
        let text = String::from_utf8(output.stdout).unwrap();
        let offered: Vec<_> = text.lines().map(|line| line.split('\t').next().unwrap()).collect();
        assert_eq!(offered.join(" "), want, "{words}");
    }
}

/// One quote too many, and zsh completes nothing of the command: "_arguments: invalid argument".
#[test]
fn every_flag_of_the_zsh_completions_is_one_word() {
    let script = printed(&["completions", "zsh"]);
    let flags: Vec<_> =
        script.lines().filter_map(|line| line.strip_prefix('\'')?.strip_suffix("' \\")).collect();
    assert!(flags.iter().any(|flag| flag.starts_with("*--upload-header=")), "{script}");
    for flag in flags {
        assert!(!flag.replace("'\\''", "").contains('\''), "{flag}");
    }
}

#[test]
fn manual_has_a_page_for_the_program_and_each_command() {
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("new/man1");
    for round in ["new", "written over"] {
        assert_eq!(printed(&["man", pages.to_str().unwrap()]), "", "{round}");
    }
    let names: BTreeSet<_> =
        fs::read_dir(&pages).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    let command = eyelet_core::cli::command::<eyelet_sim::Simulator>();
    let commands = command.get_subcommands().map(|sub| format!("eyelet-sim-{}.1", sub.get_name()));
    assert_eq!(names, commands.chain(["eyelet-sim.1".to_owned()]).collect(), "and nothing half-written");

    let text = |name: &str| fs::read_to_string(pages.join(name)).unwrap().replace("\\-", "-");
    let program = text("eyelet-sim.1");
    for word in ["EXIT STATUS", "ENVIRONMENT", "EYELET_TOKEN", "NO_COLOR", "FILES", "eyelet-sim-receive(1)"] {
        assert!(program.contains(word), "{word}: {program}");
    }
    let serve = text("eyelet-sim-serve.1");
    assert!(serve.contains("--unplug-after") && serve.contains(".SH SEE ALSO"), "{serve}");
    for name in &names {
        assert_is_clean(&text(name), name);
    }
}

/// Every line is text, or a request that `man` knows.
fn assert_is_clean(page: &str, name: &str) {
    assert!(page.is_ascii() || !page.contains('\u{fffd}'), "{name}");
    for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
        let request = line.split(' ').next().unwrap();
        let known = [".TH", ".SH", ".TP", ".B", ".I", ".BR", ".br", ".ie", ".el", ".RS", ".RE", ".IP", ".PP"];
        assert!(known.contains(&request), "{name}: {line}");
    }
}

#[test]
fn manual_for_a_folder_that_cannot_be_is_an_error() {
    let output = command(&["man", "/proc/nowhere/man1"]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text.starts_with("error: cannot write /proc/nowhere/man1: ") && text.lines().count() == 1,
        "{text}"
    );
    assert!(!Path::new("/proc/nowhere").exists());
}
