"""Ballots as files: signed by a citizen who need not be online or hold coins, carried by anybody."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sbi_network.chain.keys import Signer
from sbi_network.errors import ProtocolError
from sbi_network.govern.errors import BallotError
from sbi_network.govern.governor import Support
from sbi_network.protocol.messages import Ballot, governor_domain
from sbi_network.protocol.signature import SIGNATURE_BYTES, Signature
from sbi_network.protocol.typed_data import Address, Domain

MAX_FILE_BYTES = 1 << 16
_FIELDS = {"chainId", "governor", "proposalId", "support", "voter", "nonce", "signature"}


@dataclass(frozen=True, slots=True)
class SignedBallot:
    """A ballot with its domain and the voter's signature."""

    domain: Domain
    ballot: Ballot
    signature: bytes

    def to_json(self) -> str:
        """The file's text. Large numbers are text, as JavaScript would round them."""
        return json.dumps(
            {
                "chainId": self.domain.chain_id,
                "governor": self.domain.verifying_contract,
                "proposalId": str(self.ballot.proposal_id),
                "support": Support(self.ballot.support).name.lower(),
                "voter": self.ballot.voter,
                "nonce": self.ballot.nonce,
                "signature": f"0x{self.signature.hex()}",
            },
            indent=1,
        )


async def sign_ballot(
    signer: Signer, chain_id: int, governor: Address, number: int, support: Support, nonce: int
) -> SignedBallot:
    """A citizen's ballot."""
    domain = governor_domain(chain_id, governor)
    ballot = Ballot(proposal_id=number, support=int(support), voter=signer.address, nonce=nonce)
    signature = await signer.sign(ballot.preimage(domain))
    return SignedBallot(domain, ballot, signature.to_bytes())


def load_ballot(path: Path) -> SignedBallot:
    """Reads a ballot and checks that its voter signed it. Raises BallotError.

    A wallet's signature (ERC-1271) cannot be checked here: it is the governor's to judge.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BallotError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        given = json.loads(text) if len(text) <= MAX_FILE_BYTES else None
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict) or given.keys() != _FIELDS:
        raise BallotError(f"{path}: expected a ballot with {', '.join(sorted(_FIELDS))}")
    try:
        return _read(given)
    except (ProtocolError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise BallotError(f"{path}: is not a ballot: {error}") from None


def _read(given: dict[str, Any]) -> SignedBallot:
    domain = governor_domain(given["chainId"], given["governor"])
    support = Support[str(given["support"]).upper()]
    ballot = Ballot(int(given["proposalId"]), int(support), given["voter"], given["nonce"])
    signature = bytes.fromhex(given["signature"].removeprefix("0x"))
    signed = SignedBallot(domain, ballot, signature)
    if len(signature) == SIGNATURE_BYTES:
        signer = ballot.signer(Signature.from_bytes(signature), domain)
        if signer != ballot.voter:
            raise BallotError(f"signed by {signer}, expected {ballot.voter}")
    return signed
