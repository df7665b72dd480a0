"""Puts together what Sphinx reads: the pages of docs/, generated reference pages, and the files that pages link to.

Links are written for readers of the repository. Here a link to an interface becomes one to its reference page, a link
to another page of the project one to a copy of that, and any other file comes along as a download.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Final

from docs._site.commands import commands_page
from docs._site.docstrings import package_page
from docs._site.natspec import interface_page

ROOT: Final = Path(__file__).resolve().parents[2]
PROJECT_PAGES: Final = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
INTERFACES: Final = "contracts/interfaces"
PACKAGE: Final = ROOT / "oracles" / "sbi_network"

_LINK = re.compile(r"(?P<text>!?\[[^\]\n]*(?:\n[^\]\n]*)?\]\()(?P<target>[^)\s]+)(?P<end>\))")
_CODE_OR_LINK = re.compile(rf"^`{{3,}}.*?^`{{3,}}[ \t]*$|{_LINK.pattern}|`[^`\n]+`", re.MULTILINE | re.DOTALL)


class SiteError(Exception):
    """The site cannot be built; the text says which page is wrong, and why."""


def stage(folder: Path) -> None:
    """Fills an empty folder. Raises SiteError for a link that leads nowhere."""
    staged = _Staged(folder)
    for path in sorted((ROOT / "docs").rglob("*.md")):
        staged.page(path, str(path.relative_to(ROOT / "docs")))
    for name in PROJECT_PAGES:
        staged.page(ROOT / name, f"project/{name}")
    shutil.copytree(ROOT / "docs" / "images", folder / "images")
    reference = _write_reference(folder / "reference")
    project = [f"project/{name}" for name in PROJECT_PAGES]
    project += sorted(name for name in staged.written if name.startswith("project/") and name not in project)
    index = folder / "index.md"
    toc = "".join((_toctree("Reference", reference), _toctree("The project", project)))
    index.write_text(index.read_text(encoding="utf-8") + toc, encoding="utf-8")


class _Staged:
    """The pages written so far, and the files that they need."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.written: set[str] = set()

    def page(self, source: Path, name: str) -> None:
        if name in self.written:
            return
        self.written.add(name)
        text = source.read_text(encoding="utf-8")
        text = relinked(text, lambda target: self._target(source, name, target))
        if PurePosixPath(name).name == "index.md":
            text += "".join(_toctree(title, pages) for title, pages in listed(text).items())
        _write(self._folder / name, text)

    def _target(self, source: Path, page: str, target: str) -> str:
        """Where a link of a page leads on the site."""
        if re.match(r"[a-z]+:|#", target):
            return target
        path, _, anchor = target.partition("#")
        found = (source.parent / path).resolve()
        if not found.exists() or not found.is_relative_to(ROOT):
            raise SiteError(f"{source.relative_to(ROOT)}: a link to {target}, where nothing is")
        place = self._place(found, source, target)
        return posixpath.relpath(place, posixpath.dirname(page) or ".") + (f"#{anchor}" if anchor else "")

    def _place(self, found: Path, source: Path, target: str) -> str:
        relative = found.relative_to(ROOT).as_posix()
        if found.is_dir():
            if relative == INTERFACES:
                return "reference/contracts/index.md"
            raise SiteError(f"{source.relative_to(ROOT)}: a link to {target}, a folder, which no page shows")
        if relative.startswith("docs/"):
            return relative.removeprefix("docs/")
        if relative.startswith(f"{INTERFACES}/"):
            return f"reference/contracts/{found.stem}.md"
        if found.suffix == ".md":
            self.page(found, f"project/{relative}")
            return f"project/{relative}"
        copy = self._folder / "files" / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(found, copy)
        return f"files/{relative}"


def relinked(text: str, target: Callable[[str], str]) -> str:
    """A page with each link's target, outside of code, replaced by what `target` says of it."""

    def replaced(found: re.Match[str]) -> str:
        return found["text"] + target(found["target"]) + found["end"] if found["target"] else found[0]

    return _CODE_OR_LINK.sub(replaced, text)


def listed(text: str) -> dict[str, list[str]]:
    """The pages that an index page links to, by its headings: the order of the site."""
    sections: dict[str, list[str]] = {}
    for section in re.split(r"^(?=#+ )", text, flags=re.MULTILINE):
        title = section.partition("\n")[0].lstrip("# ")
        pages = [found["target"] for found in _LINK.finditer(section) if not found["text"].startswith("!")]
        pages = [page for page in pages if page.endswith(".md") and not page.startswith("..")]
        if pages:
            sections[title] = list(dict.fromkeys(pages))
    return sections


def _toctree(title: str, pages: list[str]) -> str:
    return f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n" + "\n".join(pages) + "\n```\n"


def _write_reference(folder: Path) -> list[str]:
    contracts = sorted((ROOT / INTERFACES).glob("I*.sol"))
    for path in contracts:
        _write(folder / "contracts" / f"{path.stem}.md", interface_page(path))
    packages = sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file())
    for name in packages:
        _write(folder / "python" / f"{name}.md", package_page(PACKAGE / name, f"sbi_network.{name}"))
    _write_list(folder / "contracts", "Contracts", "From the NatSpec of the interfaces.", [p.stem for p in contracts])
    _write_list(folder / "python", "Python", "From the docstrings of the package `sbi_network`.", packages)
    _write(folder / "commands.md", commands_page())
    return ["reference/contracts/index", "reference/python/index", "reference/commands"]


def _write_list(folder: Path, title: str, said: str, names: list[str]) -> None:
    lines = "\n".join(f"- [{name}]({name}.md)" for name in names)
    _write(folder / "index.md", f"# {title}\n\n{said}\n\n{lines}\n{_toctree(title, names)}")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
