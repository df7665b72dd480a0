"""meter.toml: what it may say. Unknown keys are refused, and relative paths start at the file's own folder.

facility = 0                                # its number in the registry
state = "meter.sqlite"                      # the readings signed so far: keep it like the key

[network]
rpc_url = "http://127.0.0.1:8545"
registry = "0x…"                            # ComputeOracleRegistry, with its checksum

[key]
keystore = "reading-key.json"               # the facility's, encrypted; or, with a remote signer: url and address
password_file = "reading-key.password"

[http]
host = "127.0.0.1"
port = 8600

[meter]
kind = "host"                               # or "nvidia", "prometheus", "accounting": docs/meters.md

[proof]                                     # how challenges are answered
backend = "numpy"                           # or "torch", "cuda"
cluster = "tcp://10.0.0.5:8786"             # optional: a Dask cluster, a worker for each device; else this machine
oracles = ["http://127.0.0.1:8701"]         # optional: asked what they will accept, so that no reading says more

[evidence]                                  # optional: audits, energy, schedule, deliveries
audits = "audits.json"
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sbi_network.chain.settings import AnyKeySettings, ConfiguredPath, NetworkSettings, Section, load_settings
from sbi_network.meter.counting import Auditor, CountingMeter
from sbi_network.meter.devices import Devices, ThisMachine, dask_cluster
from sbi_network.meter.proof.backends import backend_named
from sbi_network.meter.sources import EvidenceSection, Source, build_meter
from sbi_network.meter.witnesses import Delivered
from sbi_network.protocol.address import check_address
from sbi_network.protocol.figure import UINT32_MAX
from sbi_network.serving import HttpSettings, Port


class MeterHttpSettings(HttpSettings):
    """Where readings are served."""

    port: Port = 8600


class ProofSection(Section):
    """How challenges are answered. `oracles` are asked, by their URLs, what they will accept."""

    backend: Literal["numpy", "torch", "cuda"] = "numpy"
    cluster: Annotated[str, Field(pattern=r"^(tcp|tls)://[^/]+:\d+$")] | None = None
    oracles: list[Annotated[str, Field(pattern=r"^https?://[^/]"), AfterValidator(lambda url: url.rstrip("/"))]] = (
        Field(default_factory=list, max_length=256)
    )

    @asynccontextmanager
    async def devices(self) -> AsyncIterator[Devices]:
        """What computes products. Raises MeterError where it, or its backend, is missing."""
        if self.cluster is None:
            backend_named(self.backend)
            yield ThisMachine(lambda: backend_named(self.backend))
        else:
            async with dask_cluster(self.cluster, self.backend) as devices:
                yield devices


class MeterSettings(Section):
    """The whole file."""

    facility: int = Field(ge=0, le=UINT32_MAX)
    state: ConfiguredPath
    network: NetworkSettings
    key: AnyKeySettings
    http: MeterHttpSettings = MeterHttpSettings()
    meter: Annotated[Source, Field(discriminator="kind")]
    evidence: EvidenceSection = EvidenceSection()
    proof: ProofSection = ProofSection()

    @property
    def proofs_path(self) -> Path:
        """Where it is kept what was proved: beside the state, and as precious."""
        return self.state.with_name(f"{self.state.stem}-proofs.sqlite")

    def build(self, now: Callable[[], float], epoch_seconds: float, auditor: Auditor | None = None) -> CountingMeter:
        """The meter that the file asks for, with all its evidence; audits are an `auditor`'s, if one is given.

        Raises MeterError.
        """
        return build_meter(self.meter, self.evidence, now, epoch_seconds, self._delivered(), auditor)

    def _delivered(self) -> Delivered | None:
        if self.evidence.deliveries is None:
            return None
        # Imported here: web3 takes a second, which a meter without this witness need not wait for.
        from sbi_network.chain.connection import connected
        from sbi_network.chain.exchange import Exchange
        from sbi_network.meter.deliveries import ExchangeDeliveries

        address = check_address("evidence.deliveries.exchange", self.evidence.deliveries.exchange)

        @asynccontextmanager
        async def exchange() -> AsyncIterator[Exchange]:
            async with connected(self.network.rpc_urls, chain_id=self.network.chain_id) as chain:
                yield Exchange(chain, address)

        return ExchangeDeliveries(exchange, self.facility)


def load_meter_settings(path: Path) -> MeterSettings:
    """Read meter.toml. Raises SettingsError, with one line for each thing that is wrong."""
    return load_settings(MeterSettings, path)
