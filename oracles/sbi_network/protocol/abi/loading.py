"""ABIs by contract name."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from sbi_network.errors import AbiError

AbiItem = dict[str, Any]
"""One function, event, error or constructor, as solc writes it."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def available_abis() -> tuple[str, ...]:
    """Names of all contracts whose ABI is in the package, in alphabetical order."""
    names = [entry.name for entry in files(__package__).iterdir()]
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


@cache
def load_abi(name: str) -> tuple[AbiItem, ...]:
    """The ABI of a contract. Raises AbiError if the package has none of that name, or not a valid one."""
    resource = files(__package__) / f"{name}.json"
    if _NAME.fullmatch(name) is None or not resource.is_file():
        known = ", ".join(available_abis()) or "none; `make abi` writes them"
        raise AbiError(f"no ABI of a contract {name!r} in the package (there are: {known})")
    try:
        items = json.loads(resource.read_text(encoding="utf-8"))
    except ValueError as error:
        raise AbiError(f"the ABI of {name} is not JSON: {error}") from error
    if not isinstance(items, list) or not all(isinstance(item, dict) and "type" in item for item in items):
        raise AbiError(f"the ABI of {name} is not a list of ABI items")
    return tuple(items)
