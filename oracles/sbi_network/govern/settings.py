"""govern.toml: where the chain is, which suite, and with which keys to vote and to send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sbi_network.chain.errors import SettingsError
from sbi_network.chain.settings import ConfiguredAddress, ConfiguredPath, KeySettings, RpcUrl, Section
from sbi_network.protocol.address import check_address
from sbi_network.protocol.typed_data import Address

MAX_RECORD_BYTES = 1 << 20


class GovernNetwork(Section):
    """Where the chain is, and the suite's deployment record."""

    rpc_url: RpcUrl
    deployment: ConfiguredPath


class GovernSettings(Section):
    """govern.toml. Reading needs no key; `voting` signs ballots, `sending` pays for transactions."""

    network: GovernNetwork
    voting: KeySettings | None = None
    sending: KeySettings | None = None

    def voting_key(self) -> KeySettings:
        """Raises SettingsError without the section."""
        return _required(self.voting, "voting")

    def sending_key(self) -> KeySettings:
        """Raises SettingsError without the section."""
        return _required(self.sending, "sending")


class _Deployed(BaseModel):
    model_config = ConfigDict(frozen=True)

    contract: str
    address: ConfiguredAddress


class Deployment(BaseModel):
    """What the deploy script recorded of a suite; only what is needed here is looked at."""

    model_config = ConfigDict(frozen=True)

    chain_id: Annotated[int, Field(strict=True, gt=0)]
    contracts: dict[str, _Deployed]

    def address_of(self, role: str) -> Address:
        """A contract's address by its role. Raises SettingsError."""
        return check_address(role, self._entry(role).address)

    def contract_of(self, role: str) -> str:
        """A contract's name by its role. Raises SettingsError."""
        return self._entry(role).contract

    def role_of(self, address: str) -> str | None:
        """The role of a contract of the suite; None if it is none."""
        return next((role for role, entry in self.contracts.items() if entry.address == address), None)

    def _entry(self, role: str) -> _Deployed:
        if role not in self.contracts:
            raise SettingsError(f"no contract {role!r} in the deployment: expected one of {', '.join(self.contracts)}")
        return self.contracts[role]


def load_deployment(path: Path) -> Deployment:
    """Reads a deployment record. Raises SettingsError."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_RECORD_BYTES + 1)
        if len(text) > MAX_RECORD_BYTES:
            raise SettingsError(f"{path}: expected a deployment record, given more than {MAX_RECORD_BYTES} bytes")
        return Deployment.model_validate(json.loads(text))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise SettingsError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (ValueError, RecursionError):
        raise SettingsError(f"{path}: expected a deployment record in JSON") from None


def _required(section: KeySettings | None, name: str) -> KeySettings:
    if section is None:
        raise SettingsError(f"govern.toml: [{name}] is missing: this command needs its key")
    return section
