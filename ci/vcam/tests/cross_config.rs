//! The two files that a cross build reads: what they must say, and nothing that an old `cross` would not know.

use std::{fs, path::Path};
use toml::{Table, Value};

const TARGET: &str = "riscv64gc-unknown-linux-musl";

fn read(name: &str) -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    fs::read_to_string(path).unwrap().parse().unwrap()
}

fn keys(table: &Value) -> Vec<&str> {
    table.as_table().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn cross_has_an_image_for_the_board() {
    let cross = read("Cross.toml");
    assert_eq!(cross.keys().collect::<Vec<_>>(), ["target"]);
    assert_eq!(keys(&cross["target"]), [TARGET]);
    // `dockerfile` without an engine makes cross 0.2.5 use the host's cargo and say nothing.
    assert_eq!(keys(&cross["target"][TARGET]), ["image"]);
    let image = cross["target"][TARGET]["image"].as_str().unwrap();
    let (name, tag) = image.rsplit_once(':').unwrap();
    assert!(name.contains('/') && name.ends_with(TARGET), "0.2.5 completes a bare name with its own tag");
    assert!(!tag.is_empty());
}

#[test]
fn board_gets_a_static_binary() {
    let config = read(".cargo/config.toml");
    // A `[build]` table would change what plain `cargo build` does on a laptop.
    assert_eq!(config.keys().collect::<Vec<_>>(), ["target"]);
    let board = &config["target"][TARGET];
    assert_eq!(board["linker"].as_str(), Some("rust-lld"));
    // An argument for rust-lld would break the gcc of cross' image, and the other way round.
    let is_static = ["-C", "target-feature=+crt-static"];
    let is_small = ["-C", "force-unwind-tables=no"];
    assert_eq!(board["rustflags"], Value::from([is_static, is_small].concat()));
    assert_eq!(board["rustdocflags"], Value::from(is_static.to_vec()));
}
