"""What takes the place of a chain, a clock and a metering source in the meter's tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eth_account import Account

from sbi_network.chain.keys import KeystoreSigner
from sbi_network.meter.errors import NotMeasuredError
from sbi_network.meter.measurement import Capacity, ClassFigures, EpochSpan, Measurement
from sbi_network.protocol.address import address_of
from sbi_network.protocol.messages import registry_domain
from sbi_network.protocol.typed_data import Domain
from sbi_network.protocol.units import OPERATIONS_PER_NANO_GAICPH

GENESIS = 1_700_000_000
EPOCH_SECONDS = 10
REGISTRY = address_of(b"\xab" * 20)
DOMAIN = registry_domain(31_337, REGISTRY)
FACILITY = 3
KEY = "42" * 32
PASSWORD = "correct horse battery staple"  # noqa: S105 - opens a key made for the tests


def signer() -> KeystoreSigner:
    return KeystoreSigner(Account.from_key(KEY))


@dataclass
class ManualNetwork:
    """A network whose time the test sets."""

    time: float = float(GENESIS)
    genesis: int = GENESIS
    epoch_seconds: int = EPOCH_SECONDS
    domain: Domain = DOMAIN

    def now(self) -> float:
        return self.time

    def go_to_end_of(self, epoch: int) -> None:
        self.time = float(self.genesis + (epoch + 1) * self.epoch_seconds)


@dataclass
class StubMeter:
    """Says what it is told to say: `output` for every epoch that is not in `unknown`."""

    output: int = 1000
    unknown: set[int] = field(default_factory=set)
    kind: str = "stub"

    def capacity(self) -> Capacity:
        return (7_000_000_000, 0, 0)

    async def run(self, stop: asyncio.Event) -> None:
        await stop.wait()

    async def offer(self) -> Sequence[str]:
        return ["a stub"]

    async def measure(self, span: EpochSpan) -> Measurement:
        if span.epoch in self.unknown:
            raise NotMeasuredError(f"epoch {span.epoch}: nobody looked")
        return measurement(span.epoch, self.output)


def measurement(epoch: int, output: int) -> Measurement:
    start = GENESIS + epoch * EPOCH_SECONDS
    figures = (
        ClassFigures(7_000_000_000, 500_000, output * OPERATIONS_PER_NANO_GAICPH),
        ClassFigures(),
        ClassFigures(),
    )
    return Measurement(EpochSpan(epoch, start, start + EPOCH_SECONDS), "stub", figures, 10_000, 10)


def write_key(folder: Path, password: str = PASSWORD) -> None:
    """A keystore of few rounds, so that tests are quick."""
    keystore = Account.encrypt(bytes.fromhex(KEY), PASSWORD, kdf="scrypt", iterations=2)
    (folder / "key.json").write_text(json.dumps(keystore))
    (folder / "key.password").write_text(password + "\n")
    for name in ("key.json", "key.password"):
        (folder / name).chmod(0o600)


def config_text(meter: str, port: int = 8600) -> str:
    return f"""
facility = {FACILITY}
state = "meter.sqlite"
[network]
rpc_url = "http://127.0.0.1:1/secret-access-key"
registry = "{REGISTRY}"
[key]
keystore = "key.json"
password_file = "key.password"
[http]
port = {port}
[meter]
{meter}
"""


def write_config(folder: Path, meter: str = 'kind = "accounting"\nsample = "small-facility"', port: int = 8600) -> Path:
    write_key(folder)
    path = folder / "meter.toml"
    path.write_text(config_text(meter, port))
    return path
