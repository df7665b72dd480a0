"""What a browser would load from elsewhere when it shows a page of a folder. There should be nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

_LOADING = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "img": ("src", "srcset"),
    "input": ("src",),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "track": ("src",),
    "use": ("href", "xlink:href"),
    "video": ("src", "poster"),
}
_ELSEWHERE = re.compile(r"(?:^|[\s,])(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_STYLE = re.compile(r"(?:url\(|@import)\s*['\"]?\s*((?:[a-z]+:)?//[^'\")\s;]+)", re.IGNORECASE)
_SCRIPT = re.compile(
    r"(?:fetch|import|importScripts|WebSocket|EventSource|sendBeacon)\s*\(\s*[`'\"]((?:[a-z]+:)?//[^`'\"]+)", re.I
)


def requests_of(folder: Path) -> list[str]:
    """Each request to another host, with the file that makes it."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".html", ".css", ".js", ".svg"):
            text = path.read_text(encoding="utf-8", errors="replace")
            told = [*requests_of_page(text)] if path.suffix in (".html", ".svg") else []
            told += _STYLE.findall(text) if path.suffix != ".js" else _SCRIPT.findall(text)
            found += [f"{path.relative_to(folder)}: {target}" for target in told]
    return found


def requests_of_page(html: str) -> list[str]:
    """Each request to another host that a page's tags make. Links to follow are none."""
    reader = _Reader()
    reader.feed(html)
    return reader.found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "link" and given.get("rel") in ("canonical", "alternate", "author", "license", "next", "prev"):
            return
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            self._note(given.get("content", ""))
        for name in _LOADING.get(tag, ()):
            self._note(given.get(name, ""))

    def _note(self, target: str) -> None:
        if _ELSEWHERE.search(target):
            self.found.append(target)
