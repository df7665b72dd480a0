"""Write tests/vectors/products.json: wrong products as Python makes and finds them, for the Solidity tests to settle.

    python tests/vectors/make_products.py

Of each product one entry is wrong, by one. One has leaves of half a row, one the terms of which the gas is stated.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sbi_network.meter.proof import Challenge, Evidence, OpenedRow, Sizes, find_wrong_entry
from sbi_network.meter.proof.tree import Tree, row_bytes, segment_hashes, top_of
from sbi_network.meter.proof.wrong_entry import row_of_product
from sbi_network.protocol.address import address_of
from sbi_network.protocol.figure import hex_of
from sbi_network.protocol.json_form import message_to_object
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.messages import products_domain

PATH = Path(__file__).with_name("products.json")

CHAIN_ID = 31337
CONTRACT = address_of(bytes.fromhex("000000000000000000000000000000000000dEaD"))
DOMAIN = products_domain(CHAIN_ID, CONTRACT)

WRONG = ((Sizes(128, 64, 256), 77, 13), (Sizes(64, 8192, 64), 63, 8190), (Sizes(64, 64, 8192), 0, 63))
"""Sizes, and the place of the entry that is wrong."""


def make_vectors() -> dict[str, Any]:
    """All vectors, ready for `json.dumps`."""
    products = [_vector(number, *wrong) for number, wrong in enumerate(WRONG)]
    evidence = Evidence([bytes.fromhex(product["digest"][2:]) for product in products])
    for product in products:
        path = evidence.path(bytes.fromhex(product["digest"][2:]))
        product["evidencePath"] = [hex_of(sibling) for sibling in path]
    return {
        "chainId": CHAIN_ID,
        "contract": CONTRACT,
        "domain": hex_of(DOMAIN.separator),
        "evidence": hex_of(evidence.root),
        "products": products,
    }


def _vector(number: int, sizes: Sizes, row: int, column: int) -> dict[str, Any]:
    asked = Challenge(2, 1, keccak256(f"device {number}".encode()), keccak256(b"beacon"), sizes)
    rows = [row_of_product(asked, place) for place in range(sizes.m)]
    rows[row][column] += 1
    hashed = [row_bytes(each[None])[0] for each in rows]
    tree = Tree([top_of(segment_hashes(memoryview(each), sizes)) for each in hashed])
    product = asked.product(tree.root)
    entry = find_wrong_entry(asked, row, OpenedRow(hashed[row].tobytes(), tree.path(row)))
    if entry is None:
        raise AssertionError("no entry is wrong")
    return {
        "message": message_to_object(product),
        "digest": hex_of(product.digest(DOMAIN)),
        "seedA": hex_of(asked.a.seed),
        "seedB": hex_of(asked.b.seed),
        "row": entry.row,
        "column": entry.column,
        "segment": hex_of(entry.segment),
        "path": [hex_of(sibling) for sibling in entry.path],
        "claimed": entry.claimed,
        "computed": entry.computed,
        "firstRow": [int(value) for value in rows[0][:8]],
    }


if __name__ == "__main__":
    PATH.write_text(json.dumps(make_vectors(), indent=1) + "\n", encoding="ascii")
