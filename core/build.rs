//! Joins the parts of eyelet's pages (`src/http/routes/page`) into one document each, compresses them and hashes their script
//! and style for their `Content-Security-Policy`.

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::{env, fs, io::Write, path::Path};

#[path = "src/http/routes/page/script.rs"]
mod script;

const PARTS: &str = "src/http/routes/page";

fn main() {
    println!("cargo::rerun-if-changed={PARTS}");
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR").expect("cargo names a folder");
    for name in ["page", "cameras"] {
        let html = joined(&format!("{name}.html")) + "\n";
        for tag in ["script", "style"] {
            let variable = format!("{name}_{tag}").to_uppercase();
            println!(
                "cargo::rustc-env={variable}=sha256-{}",
                BASE64_STANDARD.encode(Sha256::digest(inline(&html, tag)))
            );
        }
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(html.as_bytes()).expect("memory takes all");
        let file = Path::new(&out).join(name);
        fs::write(file.with_extension("html.gz"), gzip.finish().expect("memory takes all"))
            .expect("cargo's folder takes files");
    }
}

/// A part, with those that its lines `<!--NAME.TYPE-->` name. Comments and spaces that are for
/// readers of the source stay here.
fn joined(part: &str) -> String {
    let path = Path::new(PARTS).join(part);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut html = String::new();
    for (number, line) in text.lines().map(str::trim).enumerate() {
        let named = line.strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->"));
        if let Some(name) = named.filter(|name| name.contains('.')) {
            html += &joined(name);
            continue;
        }
        let line = match part.rsplit_once('.') {
            Some((_, "js")) => match script::shortened(line) {
                Ok(line) => {
                    script::append(&mut html, &line);
                    continue;
                }
                Err(problem) => panic!("{}:{}: {problem}: {line}", path.display(), number + 1),
            },
            Some((_, "css")) => shortened(
                line,
                &[
                    (": ", ":"),
                    (", ", ","),
                    ("; ", ";"),
                    (" {", "{"),
                    ("{ ", "{"),
                    (" }", "}"),
                    (";}", "}"),
                    (" > ", ">"),
                    (" / ", "/"),
                    (" !", "!"),
                ],
            ),
            _ => line.to_owned(),
        };
        html += &line;
        // A rule of a style ends by itself; so does a tag, and no space between two of them shows.
        if !line.is_empty() && !line.ends_with(['{', '}', ';', ',', '>']) {
            html.push('\n');
        }
    }
    html
}

/// The line with each of these replaced, one after the other.
fn shortened(line: &str, pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(line.to_owned(), |line, (long, short)| line.replace(long, short))
}

/// What is between the only `<TAG>` and its end.
fn inline<'a>(html: &'a str, tag: &str) -> &'a str {
    let (_, rest) = html.split_once(&format!("<{tag}>")).expect("one of each");
    rest.split_once(&format!("</{tag}>")).expect("an end of each").0
}
