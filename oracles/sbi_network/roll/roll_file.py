"""Rolls as text files: a header and one citizen a line, read and written as a stream.

    index,account,person
    0,0x70997970C51812dc3A010C7d01b50e0d17dc79C8,0x5a…
    1,0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC,0x91…

The columns need no quoting, so that there is none. Addresses carry their EIP-55 checksum.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from eth_typing import ChecksumAddress, HexAddress, HexStr

from sbi_network.errors import ProtocolError, RollFormatError
from sbi_network.protocol.figure import WORD_BYTES, bytes_of_hex, hex_of
from sbi_network.roll.leaf import CitizenLeaf

HEADER = "index,account,person"

_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")


def read_leaves(lines: Iterable[str]) -> Iterator[CitizenLeaf]:
    """The citizens in the lines of a roll, one at a time. Raises RollFormatError, which names the line.

    Each leaf is checked by itself; `build_batch` checks them together.
    """
    number = 0
    for number, line in enumerate(lines, start=1):
        text = line.rstrip("\r\n")
        if number > 1:
            yield _leaf(number, text)
        elif text != HEADER:
            raise RollFormatError(number, f"given {text[:80]!r}, expected the header {HEADER!r}")
    if number == 0:
        raise RollFormatError(1, f"an empty file, expected the header {HEADER!r}")


def write_leaves(stream: TextIO, leaves: Iterable[CitizenLeaf]) -> None:
    """Write a header and these citizens."""
    stream.write(HEADER + "\n")
    for leaf in leaves:
        stream.write(f"{leaf.index},{leaf.account},{hex_of(leaf.person)}\n")


def read_roll(path: Path) -> Iterator[CitizenLeaf]:
    """The citizens in a file, one at a time. Raises RollFormatError, or OSError if it cannot be read."""
    # A byte-order mark, which spreadsheets like to write, is skipped; other bytes that are no ASCII fail in their line.
    with path.open(encoding="utf-8-sig", errors="replace", newline="\n") as stream:
        yield from read_leaves(stream)


def write_roll(path: Path, leaves: Iterable[CitizenLeaf]) -> None:
    """Write a file of these citizens. Raises OSError if it cannot be written."""
    with path.open("w", encoding="ascii", newline="\n") as stream:
        write_leaves(stream, leaves)


def _leaf(number: int, text: str) -> CitizenLeaf:
    columns = text.split(",")
    if len(columns) != HEADER.count(",") + 1:
        raise RollFormatError(number, f"{len(columns)} columns, expected {HEADER!r}")
    index, account, person = columns
    if _INDEX.fullmatch(index) is None:
        raise RollFormatError(number, f"index: given {index[:80]!r}, expected a decimal number without leading zeros")
    try:
        word = bytes_of_hex("person", person, WORD_BYTES)
        return CitizenLeaf(int(index), ChecksumAddress(HexAddress(HexStr(account))), word)
    except ProtocolError as error:
        raise RollFormatError(number, str(error)) from error
