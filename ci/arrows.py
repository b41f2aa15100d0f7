#!/usr/bin/env python3
"""Compares the dependencies between core's rooms with ci/arrows.

    ci/arrows.py [--tree FOLDER] [--only-print]

A room is a file or folder directly below core/src. An arrow leads from a room to each other room that its paths name
(`crate::…`, `super::…`), tests excluded. Prints the arrows of each room in a line; fails on an arrow that ci/arrows
does not allow, and on a cycle. --tree examines another checkout; --only-print does not compare.
"""
import argparse
import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
# Comments, strings and characters: what is no code. A lifetime has no second quote.
NO_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|b?r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?\'(?:\\[^\n]*?|[^\'\\\n])\'', re.DOTALL
)
TESTS_ONLY = re.compile(r"#\[cfg\((?:all\()?test\b[^\]]*\]")
PATH = re.compile(r"\b(crate|super(?:\s*::\s*super)*)\s*::\s*")


def blank(text: str) -> str:
    """As many blanks, in the same lines."""
    return re.sub(r"[^\n]", " ", text)


def end_of_item(code: str, start: int) -> int:
    """Where the item that begins at `start` ends: at its semicolon, or with its braces."""
    depth = 0
    for at in range(start, len(code)):
        depth += (code[at] in "([{") - (code[at] in ")]}")
        if depth == 0 and code[at] in ";}":
            return at + 1
    return len(code)


def names(code: str, at: int) -> list[str]:
    """The first name of a path at `at`, or those of a group in braces."""
    if code[at : at + 1] != "{":
        name = re.match(r"\w+", code[at:])
        return [name[0]] if name else []
    found, depth = [], 0
    for token in re.finditer(r"[{},]|\w+", code[at:]):
        depth += (token[0] == "{") - (token[0] == "}")
        if depth == 0:
            break
        before = code[at : at + token.start()].rstrip()[-1:]
        if depth == 1 and token[0] not in "{}," and before in ("{", ","):
            found.append(token[0])
    return found


class Sources:
    def __init__(self, source: Path) -> None:
        self.source = source
        self.code, self.tests = {}, set()
        for file in sorted(source.rglob("*.rs")):
            self.code[file] = self.without_tests(file, NO_CODE.sub(lambda no: blank(no[0]), file.read_text()))
        self.code = {file: code for file, code in self.code.items() if not self.is_test(file)}
        self.rooms = {self.room(file) for file in self.code} - {"lib"}
        # What lib.rs gives out under another room's name.
        self.given_out = {}
        lib = self.code[source / "lib.rs"]
        for use in re.finditer(r"\buse\s+(?:crate\s*::\s*|self\s*::\s*)?(\w+)\s*::([^;]*);", lib):
            for name in re.findall(r"\w+", use[2]):
                self.given_out[name] = use[1]

    def without_tests(self, file: Path, code: str) -> str:
        for only in reversed(list(TESTS_ONLY.finditer(code))):
            end = end_of_item(code, only.end())
            module = re.search(r"\bmod\s+(\w+)\s*;", code[only.end() : end])
            if module:
                inner = file.parent if file.stem in ("mod", "lib") else file.with_suffix("")
                self.tests.add(inner / module[1])
            code = code[: only.start()] + blank(code[only.start() : end]) + code[end:]
        return code

    def is_test(self, file: Path) -> bool:
        return any(file.with_suffix("") == test or test in file.parents for test in self.tests)

    def room(self, file: Path) -> str:
        return file.relative_to(self.source).parts[0].removesuffix(".rs")

    def arrows(self) -> dict[tuple[str, str], str]:
        """From room to room, with the first place where it is seen."""
        found = {}
        for file, code in self.code.items():
            room = self.room(file)
            depth = len(file.relative_to(self.source).parts) - (file.stem == "mod")
            for path in PATH.finditer(code) if room != "lib" else ():
                if path[1] != "crate" and path[1].count("super") < depth:
                    continue  # it stays in the room
                for name in names(code, path.end()):
                    other = self.given_out.get(name, name)
                    if other in self.rooms and other != room:
                        line = code.count("\n", 0, path.start()) + 1
                        found.setdefault((room, other), f"{file.relative_to(self.source.parents[1])}:{line}")
        return found


def cycle(uses: dict[str, set[str]]) -> list[str] | None:
    done: set[str] = set()

    def walk(room: str, trail: list[str]) -> list[str] | None:
        if room in trail:
            return trail[trail.index(room) :] + [room]
        if room not in done:
            for other in sorted(uses.get(room, ())):
                if round_trip := walk(other, [*trail, room]):
                    return round_trip
            done.add(room)
        return None

    return next(filter(None, (walk(room, []) for room in sorted(uses))), None)


def plan(text: str) -> dict[str, set[str]]:
    lines = (line.split("#")[0] for line in text.splitlines())
    return {room.strip(): set(may.split()) for room, _, may in (line.partition(":") for line in lines if line.strip())}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, default=TOP, help=argparse.SUPPRESS)
    parser.add_argument("--only-print", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sources = Sources(arguments.tree / "core/src")
    arrows = sources.arrows()
    uses = {room: {other for one, other in arrows if one == room} for room in sources.rooms}
    for room in sorted(uses, key=lambda room: (len(uses[room]), room)):
        print(f"{room}: {' '.join(sorted(uses[room]))}".rstrip())
    wrong = []
    if round_trip := cycle(uses):
        places = "; ".join(arrows[pair] for pair in zip(round_trip, round_trip[1:]))
        wrong.append(f"a cycle: {' -> '.join(round_trip)}, by {places}")
    if not arguments.only_print:
        allowed = plan((TOP / "ci/arrows").read_text())
        if round_trip := cycle(allowed):
            wrong.append(f"ci/arrows: a cycle: {' -> '.join(round_trip)}")
        wrong += [f"ci/arrows has no room {room}" for room in sorted(sources.rooms - allowed.keys())]
        wrong += [f"ci/arrows: there is no room {room}" for room in sorted(allowed.keys() - sources.rooms)]
        wrong += [
            f"{place}: {room} may not use {other}, says ci/arrows"
            for (room, other), place in arrows.items()
            if other not in allowed.get(room, ())
        ]
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong and not arguments.only_print else 0


if __name__ == "__main__":
    sys.exit(main())
