"""The deployment record: which contract of the suite is where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, ValidationError

from sbi_network.chain.errors import SettingsError
from sbi_network.govern import settings
from sbi_network.protocol.abi import available_abis
from sbi_network.protocol.address import check_address
from sbi_network.protocol.typed_data import Address

NEEDED: Final = ("token", "vault", "oracles", "citizens", "exchange", "bonds", "disputes")
"""Roles without which there is no suite to show. Others, such as a governor, are followed where the record has them."""

VOTING: Final = ("governor", "votes", "chamber", "timelock")
"""Roles that make votes appear, where the record has them all."""

_MOST_BYTES: Final = 1_000_000


class Deployment(settings.Deployment):
    """What the explorer follows: contract and address by role."""

    genesis: Annotated[int, Field(ge=0)]

    @cached_property
    def known(self) -> tuple[Contract, ...]:
        """The contracts whose ABI the package has."""
        packaged = set(available_abis())
        return tuple(
            Contract(role, entry.contract, check_address(role, entry.address))
            for role, entry in self.contracts.items()
            if entry.contract in packaged
        )

    @property
    def has_votes(self) -> bool:
        """Whether citizens can vote."""
        return all(role in self.contracts for role in VOTING)

    def roles(self) -> Iterator[tuple[str, Address]]:
        """Every role with its address."""
        return ((role, self.address_of(role)) for role in self.contracts)


@dataclass(frozen=True, slots=True)
class Contract:
    """One deployed contract: its role in the suite, the name of its ABI, its address."""

    role: str
    name: str
    address: Address


def load_deployment(path: Path) -> Deployment:
    """Read a deployment record. Raises SettingsError."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SettingsError(f"{path}: is no deployment record: more than {_MOST_BYTES:,} bytes")
        deployment = Deployment.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors(include_url=False))
        raise SettingsError(f"{path}: is no deployment record: {faults}") from None
    missing = [role for role in NEEDED if role not in deployment.contracts]
    if missing:
        raise SettingsError(f"{path}: lacks {', '.join(missing)}")
    return deployment
