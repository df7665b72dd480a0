"""The pages: built files that are part of the package, read once, and the headers they are sent with."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from sbi_network.explorer.answers import Answer
from sbi_network.explorer.settings import PageSettings

_FOLDER: Final = "static"
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}
_NAMES: Final = {"": "index.html", "wallet": "wallet.html"}
"""Addresses of pages, and the files they are."""


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file as it is sent."""

    answer: Answer
    is_gzip: bool


class Pages:
    """Every file of the pages, by its address."""

    def __init__(self, settings: PageSettings) -> None:
        self.headers: Final = _headers(settings)
        self._plain: dict[str, PageFile] = {}
        self._gzipped: dict[str, PageFile] = {}
        for entry in files(__package__).joinpath(_FOLDER).iterdir():
            kind = _TYPES.get(entry.name.rpartition(".")[2])
            if kind is not None:
                self._add(entry.name, entry.read_bytes(), kind)

    def get(self, path: str, *, gzip: bool) -> PageFile | None:
        """The file at an address; None where there is none."""
        name = _NAMES.get(path, path)
        return (self._gzipped if gzip else self._plain).get(name)

    def _add(self, name: str, body: bytes, kind: str) -> None:
        digest = hashlib.sha256(body).hexdigest()[:32]
        self._plain[name] = PageFile(Answer(body, kind, f'"{digest}"'), is_gzip=False)
        self._gzipped[name] = PageFile(Answer(gzip.compress(body, mtime=0), kind, f'"{digest}-gzip"'), is_gzip=True)


def _headers(settings: PageSettings) -> dict[str, str]:
    """Nothing but our own files and the figures from here; and the endpoints that the operator named."""
    reached = [url for url in (settings.wallet_rpc_url, settings.relayer_url) if url]
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",  # of wallets, which announce their icons as data
        "connect-src": " ".join(["'self'", *reached]),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "cross-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
        "access-control-allow-origin": "*",
    }
