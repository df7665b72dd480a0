"""The timelock: which changes are scheduled. Votes have their place here, once there is a governor."""

from __future__ import annotations

from typing import Final

from sbi_network.explorer import schema
from sbi_network.explorer.events import Event
from sbi_network.explorer.work import Handler, Work, placed


def _scheduled(work: Work, event: Event) -> None:
    operation, ready_at = event.args["id"], work.timestamp + event.integer("delay")
    row = {"id": operation, "calls": event.integer("index") + 1, "ready_at": ready_at, "status": "scheduled"}
    work.state.put(schema.operations, {**row, **placed(event)})


def _ended(work: Work, event: Event) -> None:
    """The timelock lets nothing be executed or cancelled that was not scheduled."""
    status = "executed" if event.name == "CallExecuted" else "cancelled"
    work.change(schema.operations, event.args["id"], status=status)


HANDLERS: Final[dict[str, dict[str, Handler]]] = {
    "timelock": {"CallScheduled": _scheduled, "CallExecuted": _ended, "Cancelled": _ended}
}
