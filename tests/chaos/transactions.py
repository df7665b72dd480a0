"""Every transaction that an oracle gave an endpoint, as the proxies see it: what each nonce was to do."""

from __future__ import annotations

import json
import threading
from contextlib import suppress

import rlp
from eth_account import Account

from tests.chaos.proxy import Request

SEND = "eth_sendRawTransaction"
Nonce = tuple[str, int]
"""Account and nonce."""

Purpose = tuple[bytes, int, bytes]
"""Called contract, wei, data."""


class Transactions:
    """Purposes by nonce. A second one is what no outbox may ever sign: one of the two would never be heard of again."""

    def __init__(self) -> None:
        self._purposes: dict[Nonce, set[Purpose]] = {}
        self._lock = threading.Lock()

    def watch(self, request: Request) -> None:
        """Take what is in a request, whatever becomes of it."""
        with suppress(ValueError, KeyError, TypeError, rlp.exceptions.RLPException):
            asked = json.loads(request.body)
            if asked["method"] == SEND:
                self._take(bytes.fromhex(asked["params"][0][2:]))

    def doubled(self) -> dict[Nonce, set[Purpose]]:
        """The nonces with two purposes. That an empty transaction takes a nonce instead is no second one."""
        with self._lock:
            return {nonce: set(found) for nonce, found in self._purposes.items() if len(found) > 1}

    @property
    def count(self) -> int:
        """How many nonces were used."""
        with self._lock:
            return len(self._purposes)

    def _take(self, raw: bytes) -> None:
        _, nonce, _, _, _, to, value, data, *_ = rlp.decode(raw[1:])
        purpose = (bytes(to), int.from_bytes(value), bytes(data))
        account = Account.recover_transaction(raw)
        is_blank = not purpose[1] and not purpose[2] and purpose[0].hex() == account[2:].lower()
        with self._lock:
            found = self._purposes.setdefault((account, int.from_bytes(nonce)), set())
            if not is_blank:
                found.add(purpose)
