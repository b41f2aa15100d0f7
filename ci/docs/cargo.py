"""`cargo run` and `cargo install` for a reader: the program that was built already. cargo.py BINARIES ARGUMENT ..."""

import os
import sys
from pathlib import Path

from known import Known, Wrong


def main(binaries: Path, arguments: list) -> None:
    known = Known(binaries)
    known.cargo(arguments)
    if arguments[0] == "install":
        return
    at = arguments.index("--") if "--" in arguments else len(arguments)
    ours, own = arguments[:at], arguments[at + 1 :]
    values = dict(zip(ours, ours[1:]))
    if "--example" in values:
        program = binaries / "examples" / values["--example"]
    else:
        program = binaries / known.program_of(values.get("-p"), values)
    os.execv(program, [program, *own])


if __name__ == "__main__":
    # cargo itself has the user's own home.
    os.environ["HOME"] = os.environ["EYELET_DOCS_HOME"]
    os.environ["PATH"] = os.environ["PATH"].split(":", 1)[1]
    try:
        main(Path(sys.argv[1]), sys.argv[2:])
    except Wrong as wrong:
        sys.exit(f"error: {wrong}")
