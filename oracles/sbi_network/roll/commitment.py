"""Person commitments: one keyed function for all registrars, so that the same person is found wherever enrolled.

    person = BLAKE2b-256( key, personalisation "SBI person v1", canonical identifier )

The key is 32 random bytes that all registrars share and nobody else has. Without it a commitment says nothing: with it,
or without any key, identifiers are few enough to be tried one by one. An identifier is a number that the state gave a
person once, written with its kind, as in `NATIONAL-ID:11010519491231002X`.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sbi_network.chain.keys import is_open_to_others
from sbi_network.errors import FormatError, RollError, RollFormatError
from sbi_network.protocol.figure import hex_of

KEY_BYTES: Final = 32
HEADER: Final = ("account", "region", "identifier")
_PERSONALISATION: Final = b"SBI person v1"
_NAME_PERSONALISATION: Final = b"SBI key name v1"
_SEPARATORS: Final = re.compile(r"[\s\-./]+")
_CANONICAL: Final = re.compile(r"[A-Z][A-Z0-9]{0,31}:[A-Z0-9]{4,64}")
_HEX_KEY: Final = re.compile(r"[0-9a-f]{64}")


def canonical_identifier(text: str) -> str:
    """The one spelling of an identifier: NFKC, capitals, no white space, hyphens, full stops or slashes in the number.

    `national-id` and `NATIONALID` are one kind. Raises FormatError, which does not repeat what was given.
    """
    spelt = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()
    if _CANONICAL.fullmatch(spelt) is None:
        raise FormatError("identifier", "(not shown)", "a kind, a colon and a number, as in PASSPORT:C01234567")
    return spelt


def commit(key: bytes, identifier: str) -> bytes:
    """The 32-byte commitment to a person. Raises FormatError."""
    text = canonical_identifier(identifier).encode("ascii")
    return hashlib.blake2b(text, digest_size=32, key=key, person=_PERSONALISATION).digest()


def key_name(key: bytes) -> str:
    """Eight hexadecimal digits by which registrars see that they share a key. They tell nothing about it."""
    return hashlib.blake2b(b"", digest_size=4, key=key, person=_NAME_PERSONALISATION).hexdigest()


def make_key(path: Path) -> str:
    """Write a new key to a file that only its owner reads; its name. Raises RollError, also if the file is there."""
    key = secrets.token_bytes(KEY_BYTES)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise RollError(f"{path}: the key cannot be written ({error.strerror})") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(key.hex() + "\n")
    return key_name(key)


def read_key(path: Path) -> bytes:
    """The key in a file. Raises RollError, also if other users may read it; the text never holds what is in it."""
    try:
        if is_open_to_others(path):
            raise RollError(f"{path}: other users can read this key: chmod 600 {path}")
        text = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise RollError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        text = ""
    if _HEX_KEY.fullmatch(text) is None:
        raise RollError(f"{path}: is not a key of {KEY_BYTES} bytes as {2 * KEY_BYTES} lower-case hexadecimal digits")
    return bytes.fromhex(text)


def commit_file(key: bytes, given: Path, out: Path) -> int:
    """From a register with identifiers to a file for `sbi roll build`; how many citizens. Streams.

    `given` is CSV, UTF-8, with the header `account,region,identifier`. Accounts and regions pass as they are: `build`
    checks them. Raises RollFormatError with the line, or RollError; `out` is then not there.
    """
    if out.exists():
        raise RollError(f"{out}: is there already")
    unfinished = out.with_name(f".{out.name}.{os.getpid()}")
    count = 0
    try:
        with unfinished.open("x", encoding="ascii", newline="") as stream:
            stream.write("account,region,person\n")
            for account, region, person in _committed(key, given):
                stream.write(f"{account},{region},{person}\n")
                count += 1
        unfinished.rename(out)
    except OSError as error:
        raise RollError(f"{error.filename or out}: {error.strerror}") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def _committed(key: bytes, given: Path) -> Iterator[tuple[str, str, str]]:
    with given.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, strict=True)
        try:
            for columns in lines:
                if lines.line_num == 1:
                    if tuple(columns) != HEADER:
                        raise RollFormatError(1, f"expected the header {','.join(HEADER)}")
                    continue
                if len(columns) != len(HEADER):
                    raise RollFormatError(lines.line_num, f"{len(columns)} columns, expected {len(HEADER)}")
                account, region, identifier = columns
                if not (account.isascii() and region.isascii()) or set(account + region) & set(',"\r\n'):
                    raise RollFormatError(lines.line_num, "the account or region holds signs that neither has")
                yield account, region, hex_of(commit(key, identifier))
        except (FormatError, csv.Error) as error:
            raise RollFormatError(lines.line_num, str(error)) from None
        except UnicodeDecodeError:
            raise RollFormatError(lines.line_num + 1, "is not UTF-8 text") from None
