"""Reference pages from the interfaces' NatSpec. Interfaces hold declarations alone, each under its own comment.

The sources are read, not the compiler's `devdoc`: that leaves out what an interface's structs and their fields mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TAG = re.compile(r"@(\w+)\s*(.*)")
_KINDS = {
    "function": "Functions",
    "event": "Events",
    "error": "Errors",
    "struct": "Types",
    "enum": "Types",
    "interface": "Types",
}


@dataclass(frozen=True)
class Declaration:
    """A declaration and its comment, tag by tag; text before the first tag is `dev`."""

    kind: str
    name: str
    code: str
    tags: tuple[tuple[str, str], ...]

    def texts(self, tag: str) -> list[str]:
        return [text for name, text in self.tags if name == tag]


def interface_page(path: Path) -> str:
    """Markdown of the interface that a file is named after: what it is, then all that the file declares, by kind, with
    its comments."""
    declared = list(declarations(path.read_text(encoding="utf-8")))
    interface = next(each for each in declared if (each.kind, each.name) == ("interface", path.stem))
    parts = [f"# {interface.name}", *interface.texts("dev")]
    for section in dict.fromkeys(_KINDS.values()):
        found = [each for each in declared if _KINDS[each.kind] == section and each is not interface]
        if found:
            parts += [f"## {section}", *(_described(each) for each in found)]
    return "\n\n".join(parts) + "\n"


def declarations(source: str) -> Iterator[Declaration]:
    """An interface file's declarations in order, the interface itself included."""
    comment: list[str] = []
    lines = iter(source.splitlines())
    for line in lines:
        text = line.strip()
        if text.startswith("///"):
            comment.append(text.removeprefix("///").removeprefix(" "))
            continue
        word = re.match(r"(abstract contract|\w+)", text)
        if word and word[1] in _KINDS:
            code = [line] if word[1] != "interface" else [text]
            while word[1] != "interface" and not _ends(code):
                code.append(next(lines))
            yield Declaration(word[1], _name(code), _dedented(code), tuple(_tags(comment)))
        comment = []


def _ends(code: list[str]) -> bool:
    whole = "\n".join(code)
    return whole.rstrip().endswith("}") if re.match(r"\s*(struct|enum)\b", whole) else whole.rstrip().endswith(";")


def _name(code: list[str]) -> str:
    return code[0].split()[1].split("(")[0].rstrip(";")


def _dedented(code: list[str]) -> str:
    margin = len(code[0]) - len(code[0].lstrip())
    return "\n".join(line[margin:] for line in code)


def _tags(comment: list[str]) -> Iterator[tuple[str, str]]:
    """Tag and text; a tag's text goes on until the next one, empty lines are kept."""
    tag, text = "dev", list[str]()
    for line in [*comment, "@end"]:
        if found := _TAG.match(line):
            if any(text):
                yield tag, "\n".join(text).strip()
            tag, text = found[1], [found[2]]
        else:
            text.append(line)


def _described(each: Declaration) -> str:
    lines = [f"### {each.name}", f"```solidity\n{each.code}\n```", *each.texts("dev"), *each.texts("notice")]
    named = [("param", text) for text in each.texts("param")] + [("return", text) for text in each.texts("return")]
    if named:
        lines.append("\n".join(f"- {_named(kind, text, each.code)}" for kind, text in named))
    return "\n\n".join(lines)


def _named(kind: str, text: str, code: str) -> str:
    """A parameter or result under its name; a result without one says what it is, or its unit."""
    name, _, meaning = " ".join(text.split()).partition(" ")
    if kind == "param":
        return f"`{name}`: {meaning}"
    _, _, results = code.partition("returns")
    return (
        f"returns `{name}`: {meaning}" if re.search(rf"\s{name}\b", results) else f"returns {name} {meaning}".rstrip()
    )
