"""Deployment records of public networks as package data, one `<chain id>.json` each (copied in by `make abi`).

Which contract is where, since which block, and what it was made with: `scripts/_deploy.py` writes them.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from sbi_network.errors import RecordError


def recorded_chains() -> list[int]:
    """The chains that a record is packaged for."""
    files = resources.files(__name__).iterdir()
    return sorted(int(each.name.removesuffix(".json")) for each in files if each.name.endswith(".json"))


def load_record(chain_id: int) -> dict[str, Any]:
    """The record of a chain. Raises RecordError for a chain that has none."""
    try:
        text = (resources.files(__name__) / f"{chain_id}.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        known = ", ".join(map(str, recorded_chains())) or "none yet"
        raise RecordError(f"no deployment is recorded for chain {chain_id}; recorded: {known}") from None
    record: dict[str, Any] = json.loads(text)
    return record
