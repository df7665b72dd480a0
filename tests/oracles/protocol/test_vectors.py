"""The shared vectors are what this package computes today. Solidity's side of the same file is in tests/contracts."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

from sbi_network.errors import SBIError

VECTORS = Path(__file__).parents[2] / "vectors"


def test_vectors__written_again__are_those_committed() -> None:
    made = runpy.run_path(str(VECTORS / "make_vectors.py"))["make_vectors"]()
    assert json.loads((VECTORS / "protocol.json").read_text()) == json.loads(json.dumps(made))


def test_products__written_again__are_those_committed() -> None:
    made = runpy.run_path(str(VECTORS / "make_products.py"))["make_vectors"]()
    assert json.loads((VECTORS / "products.json").read_text()) == json.loads(json.dumps(made))


def test_errors__tree_in_the_docstring__is_the_tree() -> None:
    from sbi_network import errors

    names = {name for name, value in vars(errors).items() if isinstance(value, type) and not name.startswith("_")}
    assert all(issubclass(getattr(errors, name), SBIError) for name in names)
    assert all(name in (errors.__doc__ or "") for name in names)
