"""The vault's halt and brake, and the registry's brake on a region: what waits, and until when."""

from __future__ import annotations

from typing import Final

from sbi_network.explorer import schema
from sbi_network.explorer.events import Event
from sbi_network.explorer.work import Handler, Work

HALT: Final = "halt"
OUTPUT: Final = "output"
REGION: Final = "region"
_OF_ALL: Final = 0


def pull(work: Work, kind: str, subject: int, until: int, reached: int | None = None, most: int | None = None) -> None:
    """A brake holds until a time, seconds."""
    held = {"reached": reached, "most": most, "until": until, "spent": kind == HALT}
    work.state.put(schema.brakes, {"kind": kind, "subject": subject, **held, **work.place})


def release(work: Work, kind: str, subject: int) -> None:
    """A brake that still holds does so no longer."""
    row = work.state.get(schema.brakes, kind, subject)
    if row is not None and row["until"] > work.timestamp:
        work.state.put(schema.brakes, {**row, "until": work.timestamp, **work.place})


def _halted(work: Work, event: Event) -> None:
    pull(work, HALT, _OF_ALL, event.integer("until"))


def _rearmed(work: Work, event: Event) -> None:
    work.change(schema.brakes, HALT, _OF_ALL, spent=False)


def _epoch_braked(work: Work, event: Event) -> None:
    reached, most = event.integer("publicOutput"), event.integer("most")
    pull(work, OUTPUT, event.integer("epoch"), event.integer("until"), reached, most)


def _resumed(work: Work, event: Event) -> None:
    """A vote ends both: the halt, and what holds the next epoch."""
    release(work, HALT, _OF_ALL)
    release(work, OUTPUT, event.integer("epoch"))


HANDLERS: Final[dict[str, dict[str, Handler]]] = {
    "vault": {
        "IssuanceHalted": _halted,
        "HaltRearmed": _rearmed,
        "EpochBraked": _epoch_braked,
        "IssuanceResumed": _resumed,
    }
}
