"""The fenced blocks of README.md and of docs/, and what a reader does with each.

The info string tells. Its first word is the language; the words after it say more:

sh                   commands; every one is run, but for blocks that say `public-network` or `hardware`
text output          what the commands before it print: its lines in order, `…` for anything; there may be more
python console       what is typed at `ape console`
<language> <file>    a word with a full stop in it: the reader saves the block under this name

A daemon (`anvil`, `sbi … run`, `make demo KEEP=1`) keeps its terminal; the reader goes on in another.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
TAGS: Final = ("public-network", "hardware")
"""Why a block of commands cannot be run by a test. There is no third reason."""

_FENCE = re.compile(r"^(?P<fence>`{3,})(?P<info>[^`\n]*)\n(?P<text>.*?)^(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^(?: {4}[^\n]*\n)+", re.MULTILINE)
_DAEMON = re.compile(
    r"(?:anvil\b|sbi (?:meter|oracle|keeper|relay|explorer|signer) run\b|make demo KEEP=1|make demo-page)"
)


@dataclass(frozen=True)
class Block:
    """One fenced block: where it is, what its info string says, what is in it."""

    page: str
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def language(self) -> str:
        return self._words[0] if self._words else ""

    @property
    def words(self) -> tuple[str, ...]:
        """The info string after the language."""
        return self._words[1:]

    @property
    def _words(self) -> tuple[str, ...]:
        return tuple(self.info.split())

    @property
    def is_commands(self) -> bool:
        return self.language == "sh"

    @property
    def is_typed(self) -> bool:
        return self.language == "python" and "console" in self.words

    @property
    def is_output(self) -> bool:
        return self.language == "text" and "output" in self.words

    @property
    def tag(self) -> str | None:
        """Why it is not run, if it is not."""
        return next((word for word in self.words if word in TAGS), None)

    @property
    def file(self) -> str | None:
        """The name that the reader saves it under."""
        return next((word for word in self.words if "." in word), None)


def pages(root: Path = ROOT) -> list[str]:
    """README.md and every page of docs/, as paths in the project."""
    return ["README.md", *sorted(str(path.relative_to(root)) for path in (root / "docs").rglob("*.md"))]


def blocks_of(page: str, root: Path = ROOT) -> list[Block]:
    """A page's blocks in the order in which they are read."""
    text = (root / page).read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found["info"].strip(), found["text"])
        for found in _FENCE.finditer(text)
    ]


def prose_of(page: str, root: Path = ROOT) -> str:
    """A page without its fenced blocks; as many lines as before."""
    text = (root / page).read_text(encoding="utf-8")
    return _FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)


def indented_code(page: str) -> list[str]:
    """The code that a page indents instead of fencing it."""
    return [found[0] for found in _INDENTED.finditer(prose_of(page))]


def commands(script: str) -> Iterator[str]:
    """The commands that begin at a line's first column, whole: continued lines, loops, functions, here-documents."""
    pending: list[str] = []
    for line in script.splitlines():
        pending.append(line)
        if _is_whole("\n".join(pending)):
            command = "\n".join(pending)
            if command.strip():
                yield command
            pending = []
    if pending:
        yield "\n".join(pending)


def _is_whole(command: str) -> bool:
    """Whether bash would not wait for more; it only warns of a here-document that does not end."""
    if command.endswith("\\"):
        return False
    read = subprocess.run(["bash", "-n"], input=command + "\n", capture_output=True, text=True, check=False)
    return read.returncode == 0 and not read.stderr


def is_daemon(command: str) -> bool:
    """Whether a command keeps its terminal until it is told to stop."""
    said = re.sub(r"\s#\s.*", "", command)  # a comment may speak of another way
    return bool(_DAEMON.match(said)) and not re.search(r"(?<![&>])&(?![&\d])|--dry-run|--help", said)


def code_spans(page: str) -> list[str]:
    """What a page sets in `code` within its text."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose_of(page))]
