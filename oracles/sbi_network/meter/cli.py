"""`sbi meter`: run, measure, check."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sbi_network.chain.keys import is_open_to_others
from sbi_network.chain.settings import NetworkSettings
from sbi_network.errors import SBIError
from sbi_network.log import log_as_json
from sbi_network.meter.measurement import EpochSpan, Measurement, Meter
from sbi_network.meter.network import Network
from sbi_network.meter.process import build_meter, run_meter
from sbi_network.meter.settings import HostSource, MeterSettings, load_meter_settings
from sbi_network.meter.store import Identity, ReadingStore
from sbi_network.protocol.units import ComputeClass
from sbi_network.serving import bound_socket


@dataclass(frozen=True, slots=True)
class Reached:
    """The network as read from the chain, and the time of the chain's newest block."""

    network: Network
    head_timestamp: int


Connect = Callable[[NetworkSettings], Reached]

_CLOCK_TOLERANCE_SECONDS = 30.0
_POLL_SECONDS = 0.2

_out = Console()
_err = Console(stderr=True)

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The meter's meter.toml.")]


def reach(settings: NetworkSettings) -> Reached:
    """Read what never changes from the chain, once. Raises ChainError."""
    # Imported here: web3 takes a second, which `measure` need not wait for.
    from sbi_network.chain.clock import read_clock
    from sbi_network.chain.connection import connected

    async def reached() -> Reached:
        async with connected(settings.rpc_urls, chain_id=settings.chain_id) as chain:
            return Reached(await read_clock(chain, settings.registry_address), (await chain.head()).timestamp)

    return asyncio.run(reached())


def build_app(connect: Connect = reach) -> typer.Typer:
    """The sub-command, with the chain reached through `connect`."""
    app = typer.Typer(no_args_is_help=True, help="Measures a facility's computing and serves signed readings.")

    @app.command()
    def run(config: ConfigOption = Path("meter.toml")) -> None:
        """Measure, sign and serve readings until told to stop (SIGTERM or SIGINT)."""
        log_as_json()
        with _told():
            settings = load_meter_settings(config)
            asyncio.run(run_meter(settings, connect(settings.network).network))

    @app.command()
    def measure(
        config: Annotated[Path | None, typer.Option("--config", "-c", help="Without it, this machine.")] = None,
        seconds: Annotated[int, typer.Option(min=1, help="Length of the measurement.")] = 10,
        epoch: Annotated[int, typer.Option(min=0, help="Which epoch, where records are replayed.")] = 0,
    ) -> None:
        """Measure once, now, and say what the reading would be. Signs nothing and needs no chain."""
        log_as_json(logging.WARNING)
        with _told():
            section = load_meter_settings(config).meter if config else HostSource()
            meter = build_meter(section, time.time, seconds)
            _print_measurement(meter.kind, asyncio.run(_measure_now(meter, seconds, epoch)))

    @app.command()
    def check(config: ConfigOption = Path("meter.toml")) -> None:
        """Try everything that `run` needs, one after the other, and say what is wrong. Signs nothing."""
        log_as_json(logging.WARNING)
        with _told():
            _check(load_meter_settings(config), connect)
        _out.print("[green]ready[/green]")

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
        return meter.measure(EpochSpan(epoch, start, start + seconds))
    finally:
        stop.set()
        await asyncio.wait([observing])


def _print_measurement(kind: str, measurement: Measurement) -> None:
    table = Table(title=f"{kind} meter, {measurement.span.seconds} s")
    for heading in ("class", "capacity, Gop/s", "utilisation", "output, raw nGAICPh"):
        table.add_column(heading, justify="left" if heading == "class" else "right")
    for compute_class, figures in zip(ComputeClass, measurement.figures, strict=True):
        capacity, used = f"{figures.capacity / 1e9:,.1f}", f"{figures.utilisation_ppm / 10_000:.1f} %"
        table.add_row(compute_class.name.lower(), capacity, used, f"{figures.raw:,}")
    _out.print(table)
    covered = f"{measurement.covered_ms / 1000:.1f} of {measurement.span.seconds} s observed"
    for line in (measurement.method, f"{covered}, in {measurement.samples} samples", *measurement.notes):
        _out.print(line, markup=False, soft_wrap=True)


def _check(settings: MeterSettings, connect: Connect) -> None:
    _ok("meter.toml", f"facility {settings.facility}")
    signer = settings.key.load()
    _ok("key", f"signs as {signer.address}")
    for path in (settings.key.keystore, settings.key.password_file):
        if is_open_to_others(path):
            _warn("key", f"{path} can be read by other users: chmod 600")
    reached = connect(settings.network)
    network = reached.network
    _ok("chain", f"{network.domain.chain_id}, epochs of {network.epoch_seconds} s since {network.genesis}")
    head_age = network.now() - reached.head_timestamp
    if abs(head_age) > _CLOCK_TOLERANCE_SECONDS:
        _warn("clock", f"the chain's last block is {head_age:,.0f} s from this machine's time: one of them is off")
    with bound_socket(settings.http):
        _ok("http", f"{settings.http.host} port {settings.http.port} is free")
    _check_state(settings, Identity(settings.facility, signer.address, network.domain))
    meter = build_meter(settings.meter, network.now, network.epoch_seconds)
    _ok("meter", f"{meter.kind}; `sbi meter measure` tells what an epoch would be")


def _check_state(settings: MeterSettings, identity: Identity) -> None:
    """A state file that is there is opened; one that is not is not made, for its age counts."""
    if not settings.state.exists():
        _warn("state", f"{settings.state} is not there: readings begin with the epoch in which `run` makes it")
        return
    store = ReadingStore(settings.state, identity, time.time())
    kept = store.last(1)
    store.close()
    _ok("state", f"{settings.state}, last epoch {kept[0].epoch}" if kept else f"{settings.state}, no reading yet")


def _ok(what: str, said: str) -> None:
    _out.print(f"ok    {what}: {said}", markup=False, highlight=False, soft_wrap=True)


def _warn(what: str, said: str) -> None:
    _out.print(f"look  {what}: {said}", markup=False, highlight=False, soft_wrap=True, style="yellow")
