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
kind = "host"                               # or "accounting": see the classes below
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sbi_network.chain.settings import (
    ConfiguredPath,
    KeySettings,
    NetworkSettings,
    Seconds,
    Section,
    load_settings,
)
from sbi_network.meter.accounting import Replay
from sbi_network.meter.capacity import MAX_SIZE, MIN_SAMPLE_SECONDS, MIN_SIZE, MIN_WINDOW
from sbi_network.meter.host import HostSettings
from sbi_network.meter.samples.generate import DAY_SECONDS
from sbi_network.protocol.figure import UINT32_MAX
from sbi_network.serving import HttpSettings, Port

SAMPLE_FOLDER = Path(__file__).parent / "samples"
_MOST_TRACE_SECONDS = 2**40


class MeterHttpSettings(HttpSettings):
    """Where readings are served."""

    port: Port = 8600


class HostSource(Section):
    """This machine: see `host.HostSettings`."""

    kind: Literal["host"] = "host"
    matrix_size: int = Field(default=2048, ge=MIN_SIZE, le=MAX_SIZE)
    sample_seconds: float = Field(default=1.0, ge=MIN_SAMPLE_SECONDS, le=60)
    window: int = Field(default=5, ge=MIN_WINDOW, le=1000)
    capacity_interval: Seconds = 60.0
    counter_interval: Seconds = 1.0
    max_gap: Seconds = 5.0

    @model_validator(mode="after")
    def _gap_fits(self) -> HostSource:
        if self.max_gap < 2 * self.counter_interval:
            raise ValueError("max_gap is less than twice counter_interval: a late sample would void its interval")
        return self

    def settings(self) -> HostSettings:
        """For HostMeter."""
        return HostSettings(**self.model_dump(exclude={"kind"}))


class AccountingSource(Section):
    """Recorded tasks: either `tasks`, `devices` and `trace_seconds`, or the name of a bundled `sample`.

    `offset` and `span` are seconds of the trace; see `accounting.Replay`.
    """

    kind: Literal["accounting"]
    sample: Literal["small-facility"] | None = None
    tasks: ConfiguredPath | None = None
    devices: ConfiguredPath | None = None
    trace_seconds: int | None = Field(default=None, ge=1, le=_MOST_TRACE_SECONDS)
    offset: int = Field(default=0, ge=0, le=_MOST_TRACE_SECONDS)
    span: int | None = Field(default=None, ge=1, le=_MOST_TRACE_SECONDS)

    @model_validator(mode="after")
    def _one_source(self) -> AccountingSource:
        own = (self.tasks, self.devices, self.trace_seconds)
        if self.sample is not None and any(part is not None for part in own):
            raise ValueError("sample is given beside tasks, devices or trace_seconds: give one or the other")
        if self.sample is None and any(part is None for part in own):
            raise ValueError('tasks, devices and trace_seconds are needed, or sample = "small-facility"')
        return self

    def files(self) -> tuple[Path, Path, int]:
        """The files of tasks and of devices, and the trace's length."""
        if self.tasks is None or self.devices is None or self.trace_seconds is None:
            return SAMPLE_FOLDER / "tasks.csv", SAMPLE_FOLDER / "devices.csv", DAY_SECONDS
        return self.tasks, self.devices, self.trace_seconds

    def replay(self) -> Replay:
        """For AccountingMeter."""
        return Replay(self.offset, self.span)


Source = HostSource | AccountingSource


class MeterSettings(Section):
    """The whole file."""

    facility: int = Field(ge=0, le=UINT32_MAX)
    state: ConfiguredPath
    network: NetworkSettings
    key: KeySettings
    http: MeterHttpSettings = MeterHttpSettings()
    meter: Annotated[Source, Field(discriminator="kind")]


def load_meter_settings(path: Path) -> MeterSettings:
    """Read meter.toml. Raises SettingsError, with one line for each thing that is wrong."""
    return load_settings(MeterSettings, path)
