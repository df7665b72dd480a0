"""What follows from each event, by the role of the contract and the event's name."""

from __future__ import annotations

from typing import Final

from sbi_network.explorer.events import UNDECODED, Event
from sbi_network.explorer.handlers import attestation, brakes, exchange, governance, money, roll
from sbi_network.explorer.work import Handler, Work, placed

HANDLERS: Final[dict[tuple[str, str], Handler]] = {
    (role, name): handler
    for module in (money, brakes, roll, attestation, exchange, governance)
    for role, handlers in module.HANDLERS.items()
    for name, handler in handlers.items()
}


def derive(work: Work, event: Event) -> None:
    """Change the state by one event. Raises InconsistentError. Events that change nothing derived are passed over."""
    handler = HANDLERS.get((event.role, event.name))
    if handler is not None and UNDECODED not in event.args:
        work.place = placed(event)
        handler(work, event)
