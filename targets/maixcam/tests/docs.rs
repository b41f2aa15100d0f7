//! `docs/reference.md` names the board's flags.

use eyelet_core::cli;
use eyelet_maixcam::Board;

const REFERENCE: &str = include_str!("../../../docs/reference.md");

#[test]
fn flags_are_those_of_the_reference() {
    for subcommand in cli::command::<Board>().get_subcommands() {
        for flag in
            subcommand.get_arguments().filter_map(|flag| flag.get_long()).filter(|&flag| flag != "help")
        {
            let documented = [" ", "`"].iter().any(|end| REFERENCE.contains(&format!("`--{flag}{end}")));
            assert!(documented, "--{flag} of {} is not in docs/reference.md", subcommand.get_name());
        }
    }
    let section = REFERENCE.split("### The board's own flags").nth(1).unwrap().split("###").next().unwrap();
    let serve = cli::command::<Board>();
    let serve = serve.find_subcommand("serve").unwrap();
    for line in section.lines().filter_map(|line| line.strip_prefix("| `--")) {
        let flag = line.split(['`', ' ']).next().unwrap();
        assert!(serve.get_arguments().any(|known| known.get_long() == Some(flag)), "there is no --{flag}");
    }
}
