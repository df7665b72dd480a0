"""Every signature that crosses the network, as the proxies see it: who signed what, for which place."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import Any

from sbi_network.errors import SBIError
from sbi_network.protocol.address import check_address
from sbi_network.protocol.json_form import Signed, decode_signed
from sbi_network.protocol.messages import Observation, Report, registry_domain
from sbi_network.protocol.signature import Signature
from tests.chaos.proxy import Request, Response

Place = tuple[str, str, bytes, int, int]
"""Signer, kind, configuration, epoch, view."""


class Signatures:
    """Digests by place. Two for one place is what no honest oracle may ever have."""

    def __init__(self) -> None:
        self.domain: tuple[int, str] = (0, "")
        self._digests: dict[Place, set[bytes]] = {}
        self._lock = threading.Lock()

    def watch(self, request: Request, response: Response) -> None:
        """Take what is in a request and its answer. What does not read as a message is not one."""
        with suppress(SBIError, ValueError, KeyError, TypeError, RecursionError):
            self._take(request, response)

    def of(self, signer: str) -> set[Place]:
        """The places that an account signed for."""
        with self._lock:
            return {place for place in self._digests if place[0] == signer}

    def doubled(self) -> dict[Place, set[bytes]]:
        """The places that somebody signed twice for."""
        with self._lock:
            return {place: set(digests) for place, digests in self._digests.items() if len(digests) > 1}

    @property
    def count(self) -> int:
        with self._lock:
            return len(self._digests)

    def _take(self, request: Request, response: Response) -> None:
        path = request.path
        if path == "/v1/observations":
            self._observation(json.loads(request.body)["observation"])
        elif path.startswith("/v1/observations/") and response.status == 200:
            self._observation(json.loads(response.body)["observation"])
        elif path == "/v1/reports":
            self._note(decode_signed(Report, request.body))
        elif path == "/v1/proposals":
            given = json.loads(request.body)
            signed = decode_signed(Report, json.dumps(given["report"]))
            self._note(signed)
            for each in given["observations"]:
                self._observation(each["observation"])
            if response.status == 200:
                compact = bytes.fromhex(json.loads(response.body)["signature"][2:])
                self._note(Signed(signed.message, Signature.from_compact(compact)))

    def _observation(self, given: Any) -> None:
        self._note(decode_signed(Observation, json.dumps(given)))

    def _note(self, signed: Signed[Any]) -> None:
        chain_id, registry = self.domain
        domain = registry_domain(chain_id, check_address("registry", registry))
        message, digest = signed.message, signed.message.digest(domain)
        view = getattr(message, "view_number", 0)
        place = (str(signed.signer(domain)), type(message).__name__, message.config_digest, message.epoch, view)
        with self._lock:
            self._digests.setdefault(place, set()).add(digest)
