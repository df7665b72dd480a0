"""relay.toml."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from sbi_network.chain.daemon import OutboxSection
from sbi_network.chain.settings import AnyKeySettings, ConfiguredAddress, RpcSettings, Seconds, Section, from_folder
from sbi_network.limits import VisitorLimits
from sbi_network.monitoring.app import MonitoringSettings
from sbi_network.protocol.address import check_address
from sbi_network.protocol.typed_data import Address
from sbi_network.serving import HttpSettings, Port

WEI_PER_SBI: Final = 10**18
_SBI: Final = re.compile(r"\d{1,12}(\.\d{1,18})?")
_UNNAMED: Final = Path()


def _wei(given: object) -> int:
    """An amount is text, so that no reader of TOML rounds it."""
    if not isinstance(given, str) or _SBI.fullmatch(given) is None:
        raise ValueError('is not an amount of SBI in quotes, as in "0.01"')
    return int(Decimal(given) * WEI_PER_SBI)


def _named(path: Path, info: ValidationInfo) -> Path:
    return Path(f"{(info.context or {}).get('name', 'relay')}.sqlite") if path == _UNNAMED else path


SbiAmount = Annotated[int, BeforeValidator(_wei)]
"""Wei, given in SBI."""


class RelayNetwork(RpcSettings):
    """Where the chain is, and token and citizen registry on it. Without the registry, nobody is activated."""

    token: ConfiguredAddress
    citizens: ConfiguredAddress | None = None

    @property
    def token_address(self) -> Address:
        """The token, known to be an address."""
        return check_address("token", self.token)

    @property
    def citizens_address(self) -> Address | None:
        """The citizen registry, known to be an address, if there is one."""
        return None if self.citizens is None else check_address("citizens", self.citizens)


class FeeSettings(Section):
    """What a payer is quoted. Without this section nobody pays anything."""

    collector: ConfiguredAddress | None = None
    """Who receives the fees; by default the sending account."""
    payment: SbiAmount
    first_spend: SbiAmount
    permit: SbiAmount
    quote_seconds: Annotated[int, Field(ge=10, le=86_400)] = 600
    """How long a quote holds, whatever the fees are by then."""
    grace_seconds: Annotated[int, Field(ge=60, le=31 * 86_400)] = 3_600
    """A fee is collected once its payment is made: so much longer than the payment its signature has to hold."""


class BundleSettings(Section):
    """How payments are sent together: as soon as one of these is reached."""

    payments: Annotated[int, Field(ge=1, le=500)] = 300
    gas: Annotated[int, Field(ge=100_000, le=100_000_000)] = 12_000_000
    """Some chains allow a transaction 2^24 gas (EIP-7825); the outbox adds a fifth to what it estimates."""
    wait_seconds: Annotated[float, Field(ge=0, le=3_600, allow_inf_nan=False)] = 3.0
    open: Annotated[int, Field(ge=1, le=16)] = 8
    """Most bundles at a time that are not in a block yet."""
    recheck_seconds: Annotated[float, Field(ge=0, le=3_600, allow_inf_nan=False)] = 15.0
    """A payer's balance is looked at again before sending what was checked longer ago than this."""


class RelayLimits(VisitorLimits):
    """What one visitor, one payer, and all together, may ask for."""

    requests_per_second: Annotated[float, Field(gt=0, le=100_000)] = 5.0
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 30
    payments_per_hour: Annotated[float, Field(gt=0, le=1_000_000)] = 60.0
    """Of one payer, on average, whoever hands them in."""
    payment_burst: Annotated[int, Field(ge=1, le=100_000)] = 10
    waiting_per_payer: Annotated[int, Field(ge=1, le=10_000)] = 8
    """Payments of one payer that are not in a block yet."""
    queue: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """Of all payers."""
    checks_at_once: Annotated[int, Field(ge=1, le=1_000)] = 8
    """Requests that ask the chain at the same time."""
    checks: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Of those, and of those who wait for it; more are told to come back."""


class RelayHttp(HttpSettings):
    """Where the relayer listens."""

    port: Port = 8700


class RelaySettings(Section):
    """`relay.toml`."""

    network: RelayNetwork
    sending: AnyKeySettings
    outbox: OutboxSection
    monitoring: MonitoringSettings | None = None
    http: RelayHttp = RelayHttp()
    fees: FeeSettings | None = None
    bundles: BundleSettings = BundleSettings()
    limits: RelayLimits = RelayLimits()
    state: Annotated[Path, AfterValidator(_named), AfterValidator(from_folder), Field(validate_default=True)] = _UNNAMED
    least_payment: Annotated[SbiAmount, Field(validate_default=True)] = "0.001"  # type: ignore[assignment]
    """Payments below this are not worth their gas."""
    contract_wallets: bool = True
    """Whether payers may be contracts that check signatures themselves (ERC-1271): each costs a transaction."""
    least_validity: Annotated[int, Field(ge=0, le=86_400)] = 60
    """How many seconds a payment must still hold when it is handed in."""
    most_ahead: Annotated[int, Field(ge=0, le=86_400)] = 600
    """A payment that is not valid yet waits here for so many seconds at most."""
    poll_seconds: Seconds = 1.0
    kept_days: Annotated[int, Field(ge=1, le=3_650)] = 30
    """How long it is remembered what became of a payment."""
