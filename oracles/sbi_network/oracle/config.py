"""oracle.toml: what it may say. Unknown keys are refused, and relative paths start at the file's own folder.

state = "oracle.sqlite"                     # what was signed so far: keep it like the key, never put back a copy
archive = "oracle-archive.sqlite"           # trees and evidence: this is the default, beside the state

[network]
rpc_url = "http://127.0.0.1:8545"           # or a list of several, the preferred one first
registry = "0x…"                            # ComputeOracleRegistry, with its checksum

[http]
host = "127.0.0.1"
port = 8700

[signing]                                   # the key that the registry knows
keystore = "signing-key.json"
password_file = "signing-key.password"

[sending]                                   # the key that pays for transactions
keystore = "sending-key.json"               # or, with a remote signer: url = "http://…" and address = "0x…"
password_file = "sending-key.password"

[outbox]                                    # all of it may be left out
file = "oracle-outbox.sqlite"               # what was sent: keep it with the state
max_fee_gwei = 300

[monitoring]                                # without it, none
port = 9700

[peers]                                     # the others' signing addresses
"0x…" = "http://127.0.0.1:8701"

[facilities]                                # by number
0 = "http://127.0.0.1:8600"

[timings]
gather_seconds = 10
view_seconds = 15
poll_seconds = 1
request_seconds = 5
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from sbi_network.chain.daemon import OutboxSection
from sbi_network.chain.settings import (
    AnyKeySettings,
    ConfiguredAddress,
    ConfiguredPath,
    NetworkSettings,
    Seconds,
    Section,
    load_settings,
)
from sbi_network.monitoring.app import MonitoringSettings
from sbi_network.protocol.address import check_address
from sbi_network.protocol.figure import UINT32_MAX
from sbi_network.protocol.typed_data import Address
from sbi_network.serving import HttpSettings, Port

ServiceUrl = Annotated[str, Field(pattern=r"^https?://[^/]"), AfterValidator(lambda url: url.rstrip("/"))]
"""Where a peer or a facility serves, with or without a slash at the end."""


class OracleHttpSettings(HttpSettings):
    """Where peers reach this oracle."""

    port: Port = 8700


class Timings(Section):
    """Seconds. All oracles of a network use the same `gather_seconds` and `view_seconds`."""

    gather_seconds: Seconds = 10.0
    """After an epoch's end, how long readings are asked for; the first view ends a `view_seconds` later."""

    view_seconds: Seconds = 15.0
    """What a silent leader costs. After every f + 1 views they become longer: see `views`."""

    poll_seconds: Seconds = 1.0
    """How often the chain is looked at, and how soon what got no answer is tried again."""

    request_seconds: Seconds = 5.0
    """The longest that a facility or a peer may take to answer."""


class OracleSettings(Section):
    """The whole file."""

    state: ConfiguredPath
    archive: ConfiguredPath | None = None
    network: NetworkSettings
    http: OracleHttpSettings = OracleHttpSettings()
    signing: AnyKeySettings
    sending: AnyKeySettings
    outbox: OutboxSection
    monitoring: MonitoringSettings | None = None
    peers: dict[ConfiguredAddress, ServiceUrl] = Field(default_factory=dict)
    facilities: dict[Annotated[int, Field(ge=0, le=UINT32_MAX)], ServiceUrl]
    timings: Timings = Timings()

    @property
    def archive_path(self) -> Path:
        """Where trees and evidence are kept."""
        return self.archive or self.state.with_name(f"{self.state.stem}-archive.sqlite")

    @property
    def audits_path(self) -> Path:
        """Where it is kept what facilities proved, and what they did not."""
        return self.state.with_name(f"{self.state.stem}-audits.sqlite")

    @property
    def peer_urls(self) -> dict[Address, str]:
        """Where peers serve, by addresses known to be some."""
        return {check_address("peer", address): url for address, url in self.peers.items()}


def load_oracle_settings(path: Path) -> OracleSettings:
    """Read oracle.toml. Raises SettingsError, with one line for each thing that is wrong."""
    return load_settings(OracleSettings, path)
