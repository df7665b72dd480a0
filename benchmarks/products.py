"""Gas of settling a wrong product, from receipts on Anvil: `make gas-products`.

Each figure is `gasUsed` of the one transaction that disproves a product of 8192 × 8192 by one entry: calldata, the leaf
of 16 KiB, its path, the row of A and the column of B expanded, the event and the slot. Nothing is computed of C but the
root: siblings are made up, and entries drawn as large as those of a product. Writes `benchmarks/products.json`;
`--check` writes nothing and fails when a figure grew. What comes of it (a slash, a leaf taken out) is further
transactions.
"""

from __future__ import annotations

import argparse
import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import ape
import numpy as np
from ape import accounts, project
from ape.logging import LogLevel, logger
from scripts._deploy import deploy_suite
from scripts._recipe import load_recipe

from benchmarks.breakdown import grown
from sbi_network.meter.proof import Challenge, Sizes
from sbi_network.meter.proof.tree import root_from_path
from sbi_network.protocol.keccak import keccak256

OUT = Path(__file__).with_name("products.json")
SIDE = 8192
TERMS = (1024, 4096, 8192, 16384)
REACH = {"disprove_k8192": 2_500_000}
ROW, COLUMN = 4_242, 8_000
ENTRY_DEVIATION = 85.5
"""Of the product of two entries, drawn evenly from -16 to 15."""


def shown(terms: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """A product and an entry of it, as the contract's structs."""
    asked = Challenge(0, 0, keccak256(b"device"), keccak256(b"beacon"), Sizes(SIDE, SIDE, terms))
    drawn = np.random.default_rng(terms).normal(0, ENTRY_DEVIATION * terms**0.5, asked.sizes.segment)
    segment = np.rint(drawn).astype("<i4").tobytes()
    per_row = SIDE // asked.sizes.segment
    path = [keccak256(b"sibling" + bytes([level])) for level in range((SIDE * per_row).bit_length() - 1)]
    place = ROW * per_row + COLUMN // asked.sizes.segment
    product = asked.product(root_from_path(sha256(segment).digest(), place, path))
    values = (product.facility, product.epoch, product.device, product.beacon, SIDE, SIDE, terms, product.root)
    return values, (ROW, COLUMN, segment, path)


def measure() -> dict[str, int]:
    """The gas by row."""
    deployer = accounts.test_accounts[0]
    suite = deploy_suite(load_recipe("local"), deployer)
    figures = {}
    for terms in TERMS:
        receipt = suite.products.disprove(*shown(terms), sender=deployer)
        figures[f"disprove_k{terms}"] = int(receipt.gas_used)
    return figures


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail if a figure grew; do not write")
    arguments = parser.parse_args()
    logger.set_level(LogLevel.WARNING)
    project.load_contracts()
    with ape.networks.parse_network_choice("ethereum:local:foundry"):
        figures = measure()
    result = {
        **figures,
        "reach": REACH,
        "about": {
            "command": "make gas-products",
            "measured": f"gasUsed of the receipt, whole transaction, Anvil, hardfork prague; m = n = {SIDE}",
        },
    }
    print(json.dumps(result, indent=2))
    committed = json.loads(OUT.read_text(encoding="utf-8")) if OUT.is_file() else {}
    worse = grown({**result, "code_size": {}}, committed)
    worse += [f"{row}: {figures[row]}, to reach {reach}" for row, reach in REACH.items() if figures[row] > reach]
    if worse:
        print("grew: " + "; ".join(worse), file=sys.stderr)
    if arguments.check:
        raise SystemExit(1 if worse else 0)
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
