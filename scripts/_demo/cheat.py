"""A facility that cheats: it signs products of zeros, without computing, and claims what a real one would make.

    python -m scripts._demo.cheat --config meter.toml

Everything else of it is the meter that an honest facility runs. It shows its rows as well: were it to keep them back,
it would not be credited either, but would keep its bond.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click
import numpy as np

from sbi_network.chain.keys import Signer
from sbi_network.log import log_as_json
from sbi_network.meter.cli import reach
from sbi_network.meter.devices import HeldProduct, ThisMachine
from sbi_network.meter.process import run_meter
from sbi_network.meter.proof import NumpyBackend
from sbi_network.meter.proof.calendar import AuditCalendar, Beacon
from sbi_network.meter.proof.challenge import Matrix
from sbi_network.meter.proof.obligations import Asked
from sbi_network.meter.proof.tree import CBlock
from sbi_network.meter.proof.verifier import SharedCheck
from sbi_network.meter.proof_records import ProofRecords
from sbi_network.meter.prover import Answers, Prover
from sbi_network.meter.settings import MeterSettings, load_meter_settings


class NoWork(NumpyBackend):
    """Says that every entry is zero, at once."""

    name = "no work"

    def load_b(self, b: Matrix) -> None:
        self._b = np.empty((b.count, 0), dtype=np.float32)

    def load_a(self, a: Matrix, first: int, count: int) -> None:
        self._a = np.empty((count, 0), dtype=np.float32)

    def multiply(self) -> CBlock:
        return np.zeros((len(self._a), len(self._b)), dtype=np.float32)


class ShamelessProver(Prover):
    """Opens its rows without looking at them."""

    async def open_rows(
        self, asked: Asked, held: HeldProduct, second: Beacon, shared: dict[Matrix, SharedCheck], answers: Answers
    ) -> bool:
        answers.openings[asked.challenge.device] = (await held.open(second.word)).to_bytes()
        return True


@asynccontextmanager
async def cheating_prover(
    calendar: AuditCalendar, settings: MeterSettings, signer: Signer, records: ProofRecords
) -> AsyncIterator[Prover]:
    """For `run_meter`."""
    yield ShamelessProver(calendar, settings.facility, signer, records, ThisMachine(NoWork))


@click.command()
@click.option("--config", type=click.Path(path_type=Path), required=True, help="A meter.toml.")
def cli(config: Path) -> None:
    """Run a meter whose proofs are wrong."""
    log_as_json()
    settings = load_meter_settings(config)
    asyncio.run(run_meter(settings, reach(settings).network, cheating_prover))


if __name__ == "__main__":
    cli()
