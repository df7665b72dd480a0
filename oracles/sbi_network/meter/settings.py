"""meter.toml: what it may say. Unknown keys are refused, and relative paths start at the file's own folder.

facility = 0                                # its number in the registry
state = "meter.sqlite"                      # the readings signed so far: keep it like the key

[network]
rpc_url = "http://127.0.0.1:8545"
registry = "0x…"                            # ComputeOracleRegistry, with its checksum

[key]
keystore = "reading-key.json"               # the facility's reading key, encrypted
password_file = "reading-key.password"

[http]
host = "127.0.0.1"
port = 8600

[meter]
kind = "host"                               # or "nvidia", "prometheus", "accounting": docs/meters.md

[evidence]                                  # optional: audits, energy, schedule
audits = "audits.json"
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from sbi_network.chain.settings import ConfiguredPath, KeySettings, NetworkSettings, Section, load_settings
from sbi_network.meter.sources import EvidenceSection, Source
from sbi_network.protocol.figure import UINT32_MAX
from sbi_network.serving import HttpSettings, Port


class MeterHttpSettings(HttpSettings):
    """Where readings are served."""

    port: Port = 8600


class MeterSettings(Section):
    """The whole file."""

    facility: int = Field(ge=0, le=UINT32_MAX)
    state: ConfiguredPath
    network: NetworkSettings
    key: KeySettings
    http: MeterHttpSettings = MeterHttpSettings()
    meter: Annotated[Source, Field(discriminator="kind")]
    evidence: EvidenceSection = EvidenceSection()


def load_meter_settings(path: Path) -> MeterSettings:
    """Read meter.toml. Raises SettingsError, with one line for each thing that is wrong."""
    return load_settings(MeterSettings, path)
