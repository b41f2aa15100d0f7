"""Reads what `cargo metadata` prints: no dependency wants a newer Rust than ours, and a document names that version."""

import json
import sys


def version(text):
    return tuple(int(part) for part in (text + ".0").split(".")[:2])


packages = json.load(sys.stdin)["packages"]
ours = next(package["rust_version"] for package in packages if package["name"] == "eyelet-core")
newer = [f"{package['name']} wants {package['rust_version']}" for package in packages
         if package["rust_version"] and version(package["rust_version"]) > version(ours)]
if newer:
    sys.exit(f"Cargo.toml says Rust {ours}: {', '.join(newer)}")
if f"Rust ({ours} or newer)" not in open(sys.argv[1], encoding="utf-8").read():
    sys.exit(f"{sys.argv[1]} does not say 'Rust ({ours} or newer)'")
print(f"Rust {ours} is enough for all {len(packages)} packages")
