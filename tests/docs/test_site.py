"""The documentation site as `make docs` builds it: whole, and alone in the world."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from docs._site.build import SITE
from docs._site.requests import requests_of

from tests.docs.blocks import ROOT, pages

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200)]


@pytest.fixture(scope="module")
def site() -> Path:
    """Built anew, as its make target does."""
    built = subprocess.run(
        [sys.executable, "-m", "docs._site.build"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return SITE


class _Page(HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            if name in ("href", "src") and value:
                self.links.append(value)


read = cache(_Page)


def test_site__every_page_of_docs__is_on_it(site: Path) -> None:
    for page in pages():
        name = page.removeprefix("docs/") if page.startswith("docs/") else f"project/{page}"
        assert (site / name).with_suffix(".html").is_file(), page
    assert (site / "reference" / "contracts" / "ISBIToken.html").is_file()
    assert "pragma" not in (site / "reference" / "contracts" / "ISBIToken.html").read_text(encoding="utf-8")


def test_site__no_page__loads_anything_from_elsewhere(site: Path) -> None:
    assert requests_of(site) == []


def test_site__no_link__is_dead(site: Path) -> None:
    dead = []
    for path in site.rglob("*.html"):
        for link in read(path).links:
            to = urlsplit(link)
            if to.scheme or to.netloc:
                continue
            target = (path.parent / unquote(to.path)).resolve() if to.path else path
            if not target.exists():
                dead.append(f"{path.relative_to(site)}: {link}")
            elif to.fragment and target.suffix == ".html" and unquote(to.fragment) not in read(target).ids:
                dead.append(f"{path.relative_to(site)}: {link} (no such place)")
    assert not dead


def test_site__the_help_of_sbi__is_as_it_is_printed(site: Path) -> None:
    text = re.sub(r"<[^>]+>", "", (site / "reference" / "commands.html").read_text(encoding="utf-8"))
    for words in ("sbi roll new-key", "sbi oracle bond", "Usage: sbi meter run"):
        assert words in text
