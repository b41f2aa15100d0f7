"""What the pages hold: code blocks, code in the text, links and headings."""

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(.*)$")
NOT_RUN = re.compile(r"^<!-- *not run: *(.*?) *-->$")
SPAN = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass
class Block:
    """A fenced block: `language` is the first word after the fence, `words` are the others."""

    line: int
    language: str
    words: list
    text: str
    not_run: str | None  # why it cannot be run here


class Page:
    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        self.blocks, self.faults = [], []
        self.prose = self._split(path.read_text().splitlines())

    def _split(self, lines: list) -> str:
        """Fills `blocks`; returns the rest, in the same lines."""
        prose, inside, reason = [], None, None
        for number, line in enumerate(lines, 1):
            fence = FENCE.match(line)
            if inside is not None:
                if line == "```":
                    inside.text = "".join(f"{line}\n" for line in lines[inside.line : number - 1])
                    self.blocks.append(inside)
                    inside = None
                prose.append("")
            elif fence:
                language, *words = fence[1].split() or [""]
                inside = Block(number, language, words, "", reason)
                prose.append("")
            else:
                if line.startswith("    "):
                    self.faults.append(f"line {number}: code that is only indented; fence it, with its language")
                if "not run" in line and (line.startswith("<!--") and not NOT_RUN.match(line)):
                    self.faults.append(f"line {number}: not <!-- not run: REASON -->")
                prose.append(line)
            marked = NOT_RUN.match(line) if inside is None else None
            if reason is not None and not fence:
                self.faults.append(f"line {number - 1}: no block follows")
            reason = marked[1] if marked else None
            if marked and not marked[1]:
                self.faults.append(f"line {number}: a block that is not run needs a reason")
        if inside is not None:
            self.faults.append(f"line {inside.line}: this block never ends")
        return "\n".join(prose)

    def spans(self):
        """Each piece of code in the text, with its line."""
        for span in SPAN.finditer(self.prose):
            if "\n\n" not in span[2]:
                yield self.prose.count("\n", 0, span.start()) + 1, " ".join(span[2].split())

    def _plain(self) -> str:
        return SPAN.sub(lambda span: re.sub(r"[^\n]", "x", span[0]), self.prose)

    def links(self):
        """The target of each link and picture, with its line."""
        # Code has no links, but a link's text may be code.
        for link in LINK.finditer(self._plain()):
            yield self.prose.count("\n", 0, link.start()) + 1, link[1]

    def anchors(self) -> set:
        """The names of its headings, as GitHub makes them."""
        found = {}
        for heading in re.findall(r"^#+ +(.*?) *$", self.prose, re.MULTILINE):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
            name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found[name] = found.get(name, -1) + 1
            if found[name]:
                found[f"{name}-{found[name]}"] = 0
        return set(found)
