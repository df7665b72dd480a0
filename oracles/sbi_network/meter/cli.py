"""`sbi meter`: run, measure, check."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from eth_typing import ChecksumAddress
from rich.console import Console
from rich.table import Table

from sbi_network.chain.keys import is_open_to_others
from sbi_network.chain.settings import KeySettings, RemoteKeySettings
from sbi_network.errors import SBIError
from sbi_network.log import log_as_json
from sbi_network.meter.bounds import PPM
from sbi_network.meter.counting import CountingMeter
from sbi_network.meter.errors import CapacityError
from sbi_network.meter.evidence import Witness
from sbi_network.meter.measurement import Basis, EpochSpan, Measurement, Meter
from sbi_network.meter.network import Network, running_epoch, span_of
from sbi_network.meter.probing import take_probe
from sbi_network.meter.proof.challenge import Challenge
from sbi_network.meter.proof.obligations import Asked, device_name
from sbi_network.meter.proof_records import Duty, ProofRecords
from sbi_network.meter.settings import MeterSettings, load_meter_settings
from sbi_network.meter.sources import EvidenceSection, HostSource, build_meter
from sbi_network.meter.store import Identity, ReadingStore
from sbi_network.protocol.units import FIRST_WEIGHTS_X16, WEIGHT_ONE, ComputeClass, format_gaicph, weighted_x16
from sbi_network.serving import bound_socket
from sbi_network.signer.opening import opened_signer
from sbi_network.signer.remote import RemoteSigner


@dataclass(frozen=True, slots=True)
class Reached:
    """The network as read from the chain, and the time of the chain's newest block."""

    network: Network
    head_timestamp: int
    duty: Duty | None = None
    """What must be proved now; None where the network has nowhere to say it."""


Connect = Callable[[MeterSettings], Reached]

_CLOCK_TOLERANCE_SECONDS = 30.0
_POLL_SECONDS = 0.2
_MOST_TRIED = 10**12
"""Operations of the most that `check` tries: seconds, on nearly any machine."""
_LONGEST_TRIAL = 60.0

_out = Console()
_err = Console(stderr=True)

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The meter's meter.toml.")]


def reach(settings: MeterSettings) -> Reached:
    """Read what never changes from the chain, and what must be proved now, once. Raises ChainError."""
    # Imported here: web3 takes a second, which `measure` need not wait for.
    from sbi_network.chain.clock import read_clock
    from sbi_network.chain.connection import connected
    from sbi_network.meter.proof.calendar import open_calendar

    async def reached() -> Reached:
        at = settings.network
        async with connected(at.rpc_urls, chain_id=at.chain_id) as chain:
            clock, head = await read_clock(chain, at.registry_address), await chain.head()
            calendar = await open_calendar(chain, clock)
            if calendar is None:
                return Reached(clock, head.timestamp)
            epoch = max(0, clock.epoch_at(clock.now()))
            rules = await calendar.rules_at(epoch)
            obligation = await calendar.terms.obligation_of(settings.facility, epoch)
            return Reached(clock, head.timestamp, Duty(epoch, rules, obligation))

    return asyncio.run(reached())


def build_app(connect: Connect = reach) -> typer.Typer:
    """The sub-command, with the chain reached through `connect`."""
    app = typer.Typer(no_args_is_help=True, help="Measures a facility's computing and serves signed readings.")

    @app.command()
    def run(config: ConfigOption = Path("meter.toml")) -> None:
        """Measure, sign and serve readings until told to stop (SIGTERM or SIGINT)."""
        # Imported here, as in `reach`.
        from sbi_network.meter.process import run_meter

        log_as_json()
        with _told():
            settings = load_meter_settings(config)
            asyncio.run(run_meter(settings, connect(settings).network))

    @app.command()
    def measure(
        config: Annotated[Path | None, typer.Option("--config", "-c", help="Without it, this machine.")] = None,
        seconds: Annotated[int, typer.Option(min=1, help="Length of the measurement.")] = 10,
        epoch: Annotated[int, typer.Option(min=0, help="Which epoch, where records are replayed.")] = 0,
    ) -> None:
        """Measure once, now, and say what the reading would be. Signs nothing and needs no chain."""
        log_as_json(logging.WARNING)
        with _told():
            meter = _meter_of(config, seconds)
            _print_measurement(meter.kind, asyncio.run(_measure_now(meter, seconds, epoch)))

    @app.command()
    def check(config: ConfigOption = Path("meter.toml")) -> None:
        """Try everything that `run` needs, one after the other, and say what is wrong. Signs nothing."""
        log_as_json(logging.WARNING)
        with _told():
            _check(load_meter_settings(config), connect)
        _out.print("[green]ready[/green]")

    @app.command()
    def probe(
        config: ConfigOption = Path("meter.toml"),
        seconds: Annotated[int, typer.Option(min=1, help="Length of the probe.")] = 5,
        within: Annotated[int, typer.Option(min=0, help="Begin at a random moment of so many seconds.")] = 0,
        capacity: Annotated[
            int | None, typer.Option(min=1, help="Operations a second in all; without it, what was proved.")
        ] = None,
    ) -> None:
        """Measure what of this machine is free, displacing nothing, and note it in the file of `evidence.audits`.

        For processors: it computes at the lowest priority there is. A reading that claims more use is refuted.
        """
        with _told():
            settings = load_meter_settings(config)
            _probe(settings, seconds, within, capacity or _proven(settings))

    return app


app = build_app()


@contextmanager
def _told() -> Iterator[None]:
    """What can be foreseen to go wrong is told in words, with exit status 1."""
    try:
        yield
    except SBIError as error:
        _err.print(f"sbi meter: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _meter_of(config: Path | None, seconds: int) -> CountingMeter:
    """The configured meter; without a configuration this machine's, which needs none."""
    if config is None:
        return build_meter(HostSource(), EvidenceSection(), time.time, seconds)
    settings = load_meter_settings(config)
    if not settings.proofs_path.exists():
        return settings.build(time.time, seconds)
    records = ProofRecords.existing(settings.proofs_path)
    records.file = settings.evidence.audit_file()
    # What was proved lately stands for what would be proved of this while.
    return settings.build(time.time, seconds, records.of_latest())


async def _measure_now(meter: Meter, seconds: int, epoch: int) -> Measurement:
    stop = asyncio.Event()
    observing = asyncio.create_task(meter.run(stop))
    try:
        with _err.status("measuring capacity"):
            while not any(meter.capacity()) and not observing.done():
                await asyncio.wait([observing], timeout=_POLL_SECONDS)
        start = math.ceil(time.time())
        with _err.status(f"observing for {seconds} s"):
            await asyncio.wait([observing], timeout=start + seconds - time.time())
        if observing.done():
            await observing  # it ended before it was told to: this raises its failure
        return await meter.measure(EpochSpan(epoch, start, start + seconds))
    finally:
        stop.set()
        await asyncio.wait([observing])


def _proven(settings: MeterSettings) -> int:
    """Operations per second of the class `general`, as audits have shown. Raises SBIError where none have."""
    file, now = settings.evidence.audit_file(), EpochSpan(0, 0, 1)
    audits = file.audits(now) if file else ()
    if settings.proofs_path.exists():
        with closing(ProofRecords.existing(settings.proofs_path)) as records:
            audits = records.of_latest().audits(now) or audits
    proven = next((audit.proven for audit in audits if audit.compute_class is ComputeClass.GENERAL), 0)
    if not proven:
        raise CapacityError("nothing of the class general is proved yet: say by --capacity how much there is")
    return proven


def _probe(settings: MeterSettings, seconds: int, within: int, capacity: int) -> None:
    file = settings.evidence.audit_file()
    if file is None:
        raise CapacityError("no audits under [evidence] of meter.toml: a probe is noted in that file")
    with _err.status(f"waiting for a moment of the next {within} s"):
        time.sleep(secrets.randbelow(1000 * within + 1) / 1000)
    with _err.status(f"probing for {seconds} s"):
        probe, work = take_probe(seconds, capacity)
    file.add(probe, work)
    _out.print(
        f"{probe.free_ppm / 10_000:.1f} % of {capacity / 1e9:,.1f} Gop/s were free from {probe.start} to {probe.end}: "
        f"whoever claims more than {float(probe.most_used):.1%} in use around it is refuted"
    )


def _print_measurement(kind: str, measurement: Measurement) -> None:
    """What there is, how it was proved, and what the reading would be: in this order, in plain words."""
    table = Table(title=f"{kind} meter, {measurement.span.seconds} s")
    for heading in ("class", "capacity, Gop/s", "utilisation", "output, raw nGAICPh"):
        table.add_column(heading, justify="left" if heading == "class" else "right")
    for compute_class, figures in zip(ComputeClass, measurement.figures, strict=True):
        capacity, used = f"{figures.capacity / 1e9:,.1f}", f"{figures.utilisation_ppm / 10_000:.1f} %"
        table.add_row(compute_class.name.lower(), capacity, used, f"{figures.raw:,}")
    _out.print(table)
    covered = f"{measurement.covered_ms / 1000:.1f} of {measurement.span.seconds} s observed"
    for line in (measurement.method, f"{covered}, in {measurement.samples} samples", *measurement.notes):
        _tell(line)
    for compute_class, figures, basis in zip(ComputeClass, measurement.figures, measurement.basis, strict=True):
        if basis is not None and figures.capacity:
            _tell(f"{compute_class.name.lower()}: {_proved(basis)}; {_used_by(basis)}")
    weighted = weighted_x16(measurement.raw, FIRST_WEIGHTS_X16) // WEIGHT_ONE
    reading = ", ".join(f"{raw:,} {c.name.lower()}" for c, raw in zip(ComputeClass, measurement.raw, strict=True))
    _tell(f"the reading would be {reading} (raw nGAICPh): {format_gaicph(weighted)} by the first table of weights")


def _proved(basis: Basis) -> str:
    if basis.audit is None:
        return "capacity as the meter measures or its settings claim it, audited by nobody"
    audit = basis.audit
    proven = (
        f"{audit.proven / 1e9:,.1f} Gop/s proven in {audit.challenges - audit.failures} of {audit.challenges} audits"
    )
    return f"{proven}, of which {(PPM - basis.bound_ppm) / 10_000:.2f} % counts"


def _used_by(basis: Basis) -> str:
    told = ", ".join(f"{float(t.share) * 100:.1f} % by {t.witness}" for t in basis.statements)
    return f"used {told}: the least counts"


def _check(settings: MeterSettings, connect: Connect) -> None:
    _ok("meter.toml", f"facility {settings.facility}")
    signer = _check_key(settings.key)
    reached = connect(settings)
    network = reached.network
    _ok("chain", f"{network.domain.chain_id}, epochs of {network.epoch_seconds} s since {network.genesis}")
    head_age = network.now() - reached.head_timestamp
    if abs(head_age) > _CLOCK_TOLERANCE_SECONDS:
        _warn("clock", f"the chain's last block is {head_age:,.0f} s from this machine's time: one of them is off")
    with bound_socket(settings.http):
        _ok("http", f"{settings.http.host} port {settings.http.port} is free")
    identity = Identity(settings.facility, signer, network.domain)
    _check_state(settings, identity)
    with closing(_records_of(settings, identity, reached.duty)) as records:
        meter = settings.build(network.now, network.epoch_seconds, records if reached.duty else None)
        for line in asyncio.run(meter.offer()):
            _ok("meter", line)
        if reached.duty is not None:
            _check_proof(settings, reached.duty)
        _check_evidence(settings, reached, meter)


def _check_key(key: KeySettings | RemoteKeySettings) -> ChecksumAddress:
    """Whose key it is. Raises SBIError where it cannot be used: also with a remote signer nothing is signed."""

    async def usable() -> ChecksumAddress:
        async with opened_signer(key) as signer:
            if isinstance(signer, RemoteSigner):
                await signer.find_key()
            return signer.address

    account = asyncio.run(usable())
    _ok("key", f"signs as {account}" + (", with a remote signer" if isinstance(key, RemoteKeySettings) else ""))
    if isinstance(key, KeySettings) and is_open_to_others(key.keystore):
        _warn("key", f"{key.keystore} can be read by other users: chmod 600")
    return account


def _records_of(settings: MeterSettings, identity: Identity, duty: Duty | None) -> ProofRecords:
    """What was proved so far; with what is asked now, in memory alone, where nothing was."""
    made = settings.proofs_path.exists()
    records = ProofRecords(settings.proofs_path if made else ":memory:", identity, settings.evidence.audit_file())
    if duty is not None and (not made or records.duty(duty.epoch) is None):
        records.ask(duty, ())
    return records


def _check_proof(settings: MeterSettings, duty: Duty) -> None:
    """What the network asks of this facility, and whether this machine can answer: a product of each kind is tried."""
    if not duty.rules.asked:
        _ok("proof", "this network asks for none: readings count as they are signed")
        return
    if not duty.obligation.fleets:
        _warn("proof", "the network lists no device of this facility: its readings count as nothing")
        return
    asyncio.run(_try_products(settings, duty))


async def _try_products(settings: MeterSettings, duty: Duty) -> None:
    """As many products of each fleet as an epoch asks for, all at once, as `run` will have them computed."""
    async with settings.proof.devices() as devices:
        for place, fleet in enumerate(duty.obligation.fleets):
            sizes, drawn, terms = fleet.sizes, fleet.drawn(duty.rules), fleet.terms(duty.rules)
            allowed = terms.allowed_ms / 1000
            _ok(
                "proof",
                f"asked of {drawn} of {fleet.devices} {fleet.compute_class.name.lower()} devices in each epoch: a "
                f"product of {sizes.m} × {sizes.k} by {sizes.k} × {sizes.n} within {allowed:.1f} s, which shows "
                f"{fleet.pace / 1e9:,.1f} Gop/s each; counted are {fleet.rate / 1e9:,.1f}",
            )
            if drawn * sizes.operations > _MOST_TRIED:
                _ok("proof", "not tried: it takes long; `run` says what it took")
                continue
            names = [device_name(place, device) for device in range(drawn)]
            trials = [Challenge(settings.facility, duty.epoch, name, bytes(32), sizes) for name in names]
            started, longest = time.perf_counter(), max(_LONGEST_TRIAL, 2 * allowed)
            try:
                # Devices that are not there would keep it waiting for ever.
                async with asyncio.timeout(longest):
                    await asyncio.gather(*[devices.prove(Asked(fleet, each, terms)) for each in trials])
            except TimeoutError:
                said = f"{drawn} of them were not done in {longest:.0f} s; allowed are {allowed:.1f} s"
                _warn("proof", f"tried by {devices}: {said}")
                continue
            took = time.perf_counter() - started
            tell = _ok if took < allowed else _warn
            tell("proof", f"tried by {devices}: {drawn} of them took {took:.1f} s of {allowed:.1f} s")


def _check_evidence(settings: MeterSettings, reached: Reached, meter: CountingMeter) -> None:
    """How the capacity is proved, and the most that an epoch's reading could be."""
    network = reached.network
    span = span_of(network, reached.duty.epoch if reached.duty else max(running_epoch(network), 0))
    if settings.evidence.audits is None and (reached.duty is None or not reached.duty.rules.asked):
        _warn("proof", "no audits: an oracle that asks for proof counts this facility as zero")
    for line in meter.proofs(span):
        _ok("proof", line)
    most = meter.most(span)
    if not any(most):
        _ok("reading", "capacity is measured by `sbi meter measure` and by `run`, not here")
        return
    said = ", ".join(f"{raw:,} {c.name.lower()}" for c, raw in zip(ComputeClass, most, strict=True) if raw)
    _ok("reading", f"an epoch of {span.seconds} s in full use would be at most {said} (raw nGAICPh)")
    terms = meter.terms_of(span)
    caps = ", ".join(
        f"{ppm / 10_000:g} % {c.name.lower()}" for c, ppm in zip(ComputeClass, terms.unbacked_ppm, strict=True)
    )
    shown = "a scheduler's records or buyers' receipts" if Witness.SCHEDULE in terms.backing else "buyers' receipts"
    _ok("reading", f"without {shown}, of the capacity at most {caps}")


def _check_state(settings: MeterSettings, identity: Identity) -> None:
    """A state file that is there is opened; one that is not is not made, for its age counts."""
    if not settings.state.exists():
        _warn("state", f"{settings.state} is not there: readings begin with the epoch in which `run` makes it")
        return
    store = ReadingStore(settings.state, identity, time.time())
    kept = store.last(1)
    store.close()
    _ok("state", f"{settings.state}, last epoch {kept[0].epoch}" if kept else f"{settings.state}, no reading yet")


def _tell(line: str) -> None:
    _out.print(line, markup=False, highlight=False, soft_wrap=True)


def _ok(what: str, said: str) -> None:
    _out.print(f"ok    {what}: {said}", markup=False, highlight=False, soft_wrap=True)


def _warn(what: str, said: str) -> None:
    _out.print(f"look  {what}: {said}", markup=False, highlight=False, soft_wrap=True, style="yellow")
