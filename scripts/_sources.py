"""Compiles what the sources say now.

Ape's own cache is not enough: asking for one contract marks every changed file as compiled, and a changed library does
not compile the contracts that use it anew. Here one digest covers all of them and the compiler's settings.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from ape import project

ROOT = Path(__file__).resolve().parents[1]


def compile_sources() -> None:
    """Compiles everything if a source or a setting changed since the last time; a second call costs nothing."""
    sources = [*sorted((ROOT / "contracts").rglob("*.sol")), ROOT / "ape-config.yaml"]
    digest = hashlib.sha256()
    for source in sources:
        digest.update(f"{source.relative_to(ROOT)}\0".encode() + source.read_bytes())
    stamp = ROOT / ".build" / "sources.sha256"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest.hexdigest():
        return
    project.load_contracts(use_cache=False)
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(digest.hexdigest(), encoding="utf-8")
