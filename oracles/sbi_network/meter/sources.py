"""The `[meter]` and `[evidence]` sections of meter.toml, and the meters that they ask for: see docs/meters.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from sbi_network.chain.settings import ConfiguredAddress, ConfiguredPath, RpcUrl, Seconds, Section
from sbi_network.meter.accounting import AccountingMeter, RecordFile, Replay
from sbi_network.meter.audit_file import AuditFile, NamedClass
from sbi_network.meter.bounds import CONFIDENCE_PPM, PPM
from sbi_network.meter.capacity import MAX_SIZE, MIN_SAMPLE_SECONDS, MIN_SIZE, MIN_WINDOW
from sbi_network.meter.counting import Auditor, CountingMeter, OtherWitness
from sbi_network.meter.device_table import read_device_table
from sbi_network.meter.evidence import Terms
from sbi_network.meter.host import HostMeter, HostSettings
from sbi_network.meter.measurement import Meter
from sbi_network.meter.nvidia import CardModel, NvidiaMeter, NvidiaSettings
from sbi_network.meter.prometheus import PRESETS, Asked, PrometheusMeter, PrometheusSettings
from sbi_network.meter.prometheus_api import Prometheus
from sbi_network.meter.published import published_peak
from sbi_network.meter.record_files import Columns, RecordForm
from sbi_network.meter.records import MOST_DEVICES
from sbi_network.meter.samples.generate import DAY_SECONDS
from sbi_network.meter.witnesses import Delivered, DeliveryWitness, EnergyWitness, PowerModel, ScheduleWitness
from sbi_network.protocol.units import ComputeClass

SAMPLE_FOLDER = Path(__file__).parent / "samples"
_MOST_TRACE_SECONDS = 2**40
_MOST_OPS = 2**63 - 1
_MOST_WATTS = 10**10
_SAMPLES_BESIDE_EPOCHS = 60.0

Now = Callable[[], float]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("is not a time zone, such as UTC or Europe/Paris") from None
    return name


_ClassName = Literal["general", "intelligent", "super"]
OpsPerSecond = Annotated[int, Field(ge=1, le=_MOST_OPS)]
Watts = Annotated[int, Field(ge=0, le=_MOST_WATTS)]
Devices = Annotated[int, Field(ge=1, le=MOST_DEVICES)]
Settle = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]


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

    def meter(self, now: Now, epoch_seconds: float) -> Meter:
        """The meter."""
        return HostMeter(self.settings(), now, retain=2 * epoch_seconds + _SAMPLES_BESIDE_EPOCHS)


class CardSection(Section):
    """One model of card: see `nvidia.CardModel`."""

    compute_class: NamedClass = ComputeClass.INTELLIGENT
    ops_per_second: OpsPerSecond
    idle_watts: Watts | None = None
    load_watts: Watts | None = None

    @model_validator(mode="after")
    def _watts_fit(self) -> CardSection:
        if (self.idle_watts is None) != (self.load_watts is None):
            raise ValueError("idle_watts and load_watts are needed together")
        if self.idle_watts is not None and self.load_watts is not None and self.load_watts <= self.idle_watts:
            raise ValueError("load_watts is not more than idle_watts")
        return self


class NvidiaSource(Section):
    """The NVIDIA cards of this machine, by model: see `nvidia`."""

    kind: Literal["nvidia"]
    models: dict[str, CardSection] = Field(min_length=1)
    interval: Seconds = 1.0
    max_gap: Seconds = 5.0

    @model_validator(mode="after")
    def _gap_fits(self) -> NvidiaSource:
        if self.max_gap < 2 * self.interval:
            raise ValueError("max_gap is less than twice interval: a late sample would void its interval")
        return self

    @model_validator(mode="after")
    def _no_more_than_published(self) -> NvidiaSource:
        for name, card in self.models.items():
            peak = published_peak(name, card.compute_class)
            if peak is not None and card.ops_per_second > peak:
                raise ValueError(f"models.{name}.ops_per_second is more than its published peak of {peak:,} a second")
        return self

    def meter(self, now: Now, epoch_seconds: float) -> Meter:
        """The meter."""
        models = {name: CardModel(**card.model_dump()) for name, card in self.models.items()}
        retain = 2 * epoch_seconds + _SAMPLES_BESIDE_EPOCHS
        return NvidiaMeter(NvidiaSettings(models, self.interval, self.max_gap), now, retain)


class _ServerSection(Section):
    """What is asked of a Prometheus server: one of `preset`, `series` and `query`."""

    url: RpcUrl
    series: str | None = Field(default=None, min_length=1)
    query: str | None = Field(default=None, min_length=1)
    step: int = Field(default=15, ge=1, le=3600)
    max_gap: Seconds = 60.0
    request_seconds: Seconds = 10.0

    @model_validator(mode="after")
    def _gap_fits(self) -> Self:
        if self.query is not None and self.max_gap < 2 * self.step:
            raise ValueError(
                "max_gap is less than twice step: a value that is missing would void more than its own time"
            )
        return self

    def server(self) -> Prometheus:
        """The client."""
        return Prometheus(self.url.get_secret_value(), self.request_seconds)

    def asked(self, series: str | None, *, counter: bool) -> Asked:
        """The question."""
        return Asked(series, self.query, counter=counter, step=self.step, max_gap=self.max_gap)


class PrometheusSource(_ServerSection):
    """Devices whose counters Prometheus collects: see `prometheus`."""

    kind: Literal["prometheus"]
    preset: Literal["node-exporter", "dcgm-exporter", "dcgm-exporter-fp64"] | None = None
    labels: str = ""
    reads: Literal["busy-seconds", "busy-devices"] | None = None
    compute_class: NamedClass | None = None
    devices: Devices
    ops_per_second: OpsPerSecond
    settle_seconds: Settle = 20.0

    @model_validator(mode="after")
    def _one_question(self) -> PrometheusSource:
        if sum(part is not None for part in (self.preset, self.series, self.query)) != 1:
            raise ValueError("exactly one of preset, series and query is needed")
        if self.preset is None and (self.reads is None or self.compute_class is None):
            raise ValueError("reads and compute_class are needed beside series or query")
        if self.preset is not None and (self.reads is not None or self.compute_class is not None):
            raise ValueError("reads and compute_class are the preset's: give series to choose others")
        if self.preset is None and self.labels:
            raise ValueError("labels go with a preset: write them into series or query")
        return self

    def question(self) -> Asked:
        """What is asked of the server."""
        if self.preset is None:
            return self.asked(self.series, counter=self.reads == "busy-seconds")
        series = PRESETS[self.preset].series.format(f",{self.labels}" if self.labels else "")
        return self.asked(series, counter=PRESETS[self.preset].reads == "busy-seconds")

    def meter(self, now: Now, epoch_seconds: float) -> Meter:
        """The meter."""
        compute_class = self.compute_class if self.preset is None else PRESETS[self.preset].compute_class
        if compute_class is None:
            raise AssertionError("settings were not validated")
        settings = PrometheusSettings(
            self.question(), compute_class, self.devices, self.ops_per_second, self.settle_seconds
        )
        return PrometheusMeter(settings, self.server(), now)


class ColumnsSection(Section):
    """The columns of a CSV file of records, by the names of its header: see `record_files.Columns`. An empty name for
    `devices` or `share_milli` says that there is no such column."""

    task: str = "task"
    model: str = "device_model"
    devices: str = "devices"
    share_milli: str = "share_milli"
    start: str = "start"
    end: str = "end"

    def columns(self) -> Columns:
        """For the reader."""
        return Columns(self.task, self.model, self.devices or None, self.share_milli or None, self.start, self.end)


class RecordsSection(Section):
    """Task records and the table of devices: `tasks` and `devices`, or the name of a bundled `sample`.

    With `trace_seconds` the records are a trace to be replayed (`offset` and `span` in its seconds: see
    `accounting.Replay`); without it their times are Unix time, or ISO 8601 in `timezone`. `models` turns what the
    records say into models of the table.
    """

    sample: Literal["small-facility"] | None = None
    tasks: ConfiguredPath | None = None
    devices: ConfiguredPath | None = None
    format: Literal["csv", "sacct"] = "csv"
    columns: ColumnsSection = ColumnsSection()
    models: dict[str, str] = Field(default_factory=dict)
    tres: Literal["gres/gpu", "cpu", "node"] = "gres/gpu"
    timezone: Annotated[str, AfterValidator(_zone)] | None = None
    trace_seconds: int | None = Field(default=None, ge=1, le=_MOST_TRACE_SECONDS)
    offset: int = Field(default=0, ge=0, le=_MOST_TRACE_SECONDS)
    span: int | None = Field(default=None, ge=1, le=_MOST_TRACE_SECONDS)
    settle_seconds: Settle = 0.0

    @model_validator(mode="after")
    def _one_source(self) -> RecordsSection:
        own = (self.tasks, self.devices)
        if self.sample is not None and any(part is not None for part in (*own, self.trace_seconds)):
            raise ValueError("sample is given beside tasks, devices or trace_seconds: give one or the other")
        if self.sample is None and any(part is None for part in own):
            raise ValueError('tasks and devices are needed, or sample = "small-facility"')
        if self.sample is None and self.trace_seconds is None and (self.offset or self.span is not None):
            raise ValueError("offset and span replay a trace: they need trace_seconds")
        return self

    def files(self) -> tuple[Path, Path, int | None]:
        """The files of tasks and of devices, and a trace's length."""
        if self.tasks is None or self.devices is None:
            return SAMPLE_FOLDER / "tasks.csv", SAMPLE_FOLDER / "devices.csv", DAY_SECONDS
        return self.tasks, self.devices, self.trace_seconds

    def replay(self) -> Replay | None:
        """Where epochs lie in the trace; None where the records are live."""
        seconds = self.files()[2]
        return None if seconds is None else Replay(seconds, self.offset, self.span)

    def accounting(self, now: Now) -> AccountingMeter:
        """The meter. Raises TraceError."""
        tasks, devices, seconds = self.files()
        zone = ZoneInfo(self.timezone) if self.timezone is not None else None
        form = RecordForm(read_device_table(devices), self.models, zone)
        columns = self.columns.columns() if self.format == "csv" else None
        source = RecordFile(tasks, columns, self.tres, form, seconds)
        live = seconds is None
        return AccountingMeter(source, self.replay(), now if live else None, self.settle_seconds if live else 0.0)


class AccountingSource(RecordsSection):
    """A facility by its scheduler's records."""

    kind: Literal["accounting"]

    def meter(self, now: Now, epoch_seconds: float) -> Meter:
        """The meter. Raises TraceError."""
        return self.accounting(now)


Source = HostSource | NvidiaSource | PrometheusSource | AccountingSource


class EnergySection(_ServerSection):
    """A power meter of one class's devices: see `witnesses.PowerModel`."""

    reads: Literal["joules", "watts"]
    compute_class: NamedClass
    idle_watts: Watts
    load_watts: Watts
    pue: float = Field(default=1.0, ge=1, le=10, allow_inf_nan=False)

    @model_validator(mode="after")
    def _fits(self) -> EnergySection:
        if (self.series is None) == (self.query is None):
            raise ValueError("exactly one of series and query is needed")
        if self.load_watts <= self.idle_watts:
            raise ValueError("load_watts is not more than idle_watts")
        return self

    def witness(self) -> EnergyWitness:
        """The witness. A PUE is rounded up, against the facility."""
        model = PowerModel(self.idle_watts, self.load_watts, -int(-self.pue * 1000 // 1))
        asked = self.asked(self.series, counter=self.reads == "joules")
        return EnergyWitness(self.server(), asked, self.compute_class, model)


class DeliveriesSection(Section):
    """The exchange whose receipts are a witness; it is read through `[network]`."""

    exchange: ConfiguredAddress


class EvidenceSection(Section):
    """What bears on a reading beside the meter. `confidence` is that of the capacity's bound; `unbacked` the share of
    each class's capacity that counts without a witness of demand, until governance keeps it on chain."""

    audits: ConfiguredPath | None = None
    energy: list[EnergySection] = Field(default_factory=list)
    schedule: RecordsSection | None = None
    deliveries: DeliveriesSection | None = None
    confidence: float = Field(default=CONFIDENCE_PPM / PPM, ge=0.5, le=0.999999)
    unbacked: dict[_ClassName, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)

    def audit_file(self) -> AuditFile | None:
        """The file of audits and probes, if there is one."""
        return AuditFile(self.audits) if self.audits is not None else None

    def terms(self) -> Terms:
        """How evidence is weighed: confidence rounded up, caps down."""
        first = Terms()
        caps = [
            int(self.unbacked[name] * PPM) if name in self.unbacked else first.unbacked_ppm[number]
            for number, name in enumerate(("general", "intelligent", "super"))
        ]
        return Terms(
            confidence_ppm=-int(-self.confidence * PPM // 1),
            probe_tolerance_ppm=first.probe_tolerance_ppm,
            unbacked_ppm=(caps[0], caps[1], caps[2]),
        )

    def witnesses(self, now: Now, delivered: Delivered | None) -> list[OtherWitness]:
        """All that are configured; what was delivered is read by `delivered`. Raises TraceError."""
        found: list[OtherWitness] = [energy.witness() for energy in self.energy]
        if self.schedule is not None:
            found.append(ScheduleWitness(self.schedule.accounting(now)))
        if delivered is not None:
            found.append(DeliveryWitness(delivered))
        return found


def build_meter(
    source: Source,
    evidence: EvidenceSection,
    now: Now,
    epoch_seconds: float,
    delivered: Delivered | None = None,
    auditor: Auditor | None = None,
) -> CountingMeter:
    """The metering source that a `[meter]` section asks for, with the evidence of `[evidence]`; an `auditor` stands for
    its file of audits. Raises MeterError."""
    auditor = auditor or evidence.audit_file()
    return CountingMeter(
        source.meter(now, epoch_seconds), auditor, evidence.witnesses(now, delivered), evidence.terms()
    )
