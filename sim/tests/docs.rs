//! `docs/reference.md` describes what the code does: every flag, command, route and metric, and no others.

use eyelet_core::{cli, http, metrics::Metrics};
use eyelet_sim::Simulator;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const REFERENCE: &str = include_str!("../../docs/reference.md");
const RELIABILITY: &str = include_str!("../../docs/reliability.md");

/// The page without what only the board has, which the board's own test compares.
fn reference() -> impl Iterator<Item = &'static str> {
    let (before, rest) = REFERENCE.split_once("### The board's own flags").unwrap();
    before.lines().chain(rest.split_once("### Configuration file").unwrap().1.lines())
}

/// What stands in backticks in the first column of the tables, or in the second where `column` is 1.
fn table_cells(column: usize) -> impl Iterator<Item = &'static str> {
    reference()
        .filter(|line| line.starts_with("| `"))
        .filter_map(move |line| line.split('|').nth(column + 1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
}

fn sorted<'a>(items: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    items.into_iter().map(str::to_owned).collect()
}

#[test]
fn reference_lists_exactly_the_flags() {
    let command = cli::command::<Simulator>();
    let code = command
        .get_subcommands()
        .flat_map(clap::Command::get_arguments)
        .filter_map(|flag| flag.get_long())
        .filter(|&flag| flag != "help")
        .map(|flag| format!("--{flag}"))
        .collect::<BTreeSet<_>>();
    let flag = |cell: &'static str| cell.starts_with("--").then(|| cell.split(' ').next().unwrap());
    let documented = sorted(table_cells(0).chain(table_cells(1)).filter_map(flag));
    assert_eq!(documented, code);
}

#[test]
fn reference_lists_the_defaults() {
    for subcommand in cli::command::<Simulator>().get_subcommands() {
        for flag in subcommand.get_arguments().filter(|flag| !flag.get_default_values().is_empty()) {
            let default = flag.get_default_values()[0].to_str().unwrap();
            let name = flag.get_long().unwrap();
            let line = reference()
                .find(|line| line.contains(&format!("`--{name} ")) && line.contains(&format!("`{default}`")));
            assert!(line.is_some(), "--{name} has the default {default}");
        }
    }
}

#[test]
fn reference_lists_exactly_the_commands() {
    let command = cli::command::<Simulator>();
    let code = sorted(command.get_subcommands().map(clap::Command::get_name));
    let section = REFERENCE.split("## Commands").nth(1).unwrap().split("### ").next().unwrap();
    let documented = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|line| line.split(['`', ' ']).next().unwrap());
    assert_eq!(sorted(documented), code);
}

#[test]
fn reference_lists_exactly_the_routes() {
    let documented = sorted(table_cells(0).filter(|cell| cell.starts_with('/')));
    assert_eq!(documented, sorted(http::ROUTES.iter().copied()));
}

#[test]
fn reference_lists_exactly_the_metrics() {
    let text = Metrics::new().render();
    let code = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| match line.split_once(' ').unwrap() {
            (name, "counter") => format!("{name}_total"),
            (name, _) => name.to_owned(),
        })
        .collect::<BTreeSet<_>>();
    let documented = sorted(table_cells(0).filter(|cell| cell.starts_with("eyelet_")));
    assert_eq!(documented, code);
}

/// The rows below this heading of `docs/reliability.md`, as cells.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let section = RELIABILITY.split(heading).nth(1).unwrap().split("\n##").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    rows.map(|row| row.trim_matches('|').split('|').collect()).collect()
}

fn in_backticks(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Every source file of the repository, with its path from the top.
fn sources() -> Vec<(PathBuf, String)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders: Vec<_> =
        ["hal", "core", "sim", "targets", "benches", "ci"].map(|folder| top.join(folder)).into();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let extension = path.extension().unwrap_or_default();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if extension == "rs" || extension == "py" {
                sources
                    .push((path.strip_prefix(top).unwrap().to_owned(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    sources
}

#[test]
fn faults_in_the_reliability_page_have_tests() {
    let sources = sources();
    let rows = rows("## What happens when");
    assert!(rows.len() > 10);
    for row in rows {
        let tests: Vec<_> = in_backticks(row[4]).collect();
        assert!(!tests.is_empty(), "no test of: {}", row[0]);
        for test in tests {
            let heads = [format!("fn {test}("), format!("def {test}(")];
            let there = sources.iter().any(|(_, text)| heads.iter().any(|head| text.contains(head)));
            assert!(there, "there is no test {test}");
        }
    }
}

#[test]
fn unsafe_files_are_those_in_the_reliability_page() {
    let documented: BTreeSet<_> =
        rows("## Unsafe code").iter().map(|row| in_backticks(row[0]).next().unwrap().to_owned()).collect();
    let allowed = |text: &str| text.lines().any(|line| line.trim() == "#![allow(unsafe_code)]");
    let code: BTreeSet<_> = sources()
        .iter()
        .filter(|(_, text)| allowed(text))
        .map(|(path, _)| path.to_str().unwrap().to_owned())
        .collect();
    assert_eq!(documented, code);
}

/// Which `ci/e2e/test_examples.py` runs.
#[test]
fn pages_embed_a_server_as_the_example_does() {
    let example = include_str!("../examples/embed.rs");
    for page in [include_str!("../../README.md"), include_str!("../../docs/embed.md")] {
        let block = page.split("```rust no_run\n").nth(1).unwrap().split("```").next().unwrap();
        let block = block.replace("\"127.0.0.1:8000\"", "&address()");
        assert!(example.contains(&block), "{block}");
    }
}

#[test]
fn every_example_is_run_by_the_end_to_end_tests_and_says_how_to_run_it() {
    let runs =
        concat!(include_str!("../../ci/e2e/test_examples.py"), include_str!("../../ci/e2e/test_data.py"));
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let ways = [format!("examples/{name}\""), format!("streaming(run, free_port, \"{name}\"")];
        assert!(ways.iter().any(|way| runs.contains(way)), "nothing runs the example {name}");
        // It is in no default member of the workspace.
        let command = format!("cargo run --release -p eyelet-sim --example {name}");
        assert!(fs::read_to_string(&path).unwrap().contains(&command), "{name}");
    }
}
