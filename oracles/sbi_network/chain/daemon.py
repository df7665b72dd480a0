"""What every daemon that sends transactions stands on, opened together and closed together.

The chain by its endpoints, which are watched; the sending key; the outbox; health and metrics.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationInfo

from sbi_network.chain.connection import Chain, connected
from sbi_network.chain.endpoint_watch import EndpointWatch
from sbi_network.chain.fees import GWEI, FeeRule
from sbi_network.chain.intent import State
from sbi_network.chain.outbox import Outbox, opened_outbox
from sbi_network.chain.outbox_worker import OutboxRules
from sbi_network.chain.pulse import Pulse
from sbi_network.chain.settings import AnyKeySettings, RpcSettings, Section, from_folder
from sbi_network.monitoring.app import MonitoringSettings, monitored
from sbi_network.monitoring.health import Health
from sbi_network.monitoring.metrics import WEI_PER_ETHER, Metrics
from sbi_network.signer.opening import opened_signer

_WATCH_SECONDS: Final = 10.0
_PULSE_SECONDS: Final = 10.0
_STALE_SECONDS: Final = 90.0
"""Without an answer, or a step of the outbox, for so long, a process is not ready."""

_STUCK_SECONDS: Final = 300.0
"""Without even a look for so long, its loop is stuck."""


_UNNAMED: Final = Path()


def _named(path: Path, info: ValidationInfo) -> Path:
    """Beside keeper.toml lies keeper-outbox.sqlite: daemons that share a folder have files of their own."""
    return Path(f"{(info.context or {}).get('name', 'sbi')}-outbox.sqlite") if path == _UNNAMED else path


class OutboxSettings(Section):
    """Where transactions are kept, and what they may cost."""

    file: Annotated[Path, AfterValidator(_named), AfterValidator(from_folder), Field(validate_default=True)] = _UNNAMED
    max_fee_gwei: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)] = 300.0
    """For a unit of gas. A transaction that needs more waits."""

    least_ether: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)] = 0.01
    """With less on the sending account, the process is not ready."""

    poll_seconds: Annotated[float, Field(gt=0, le=60)] = 1.0

    @property
    def rules(self) -> OutboxRules:
        """For the outbox."""
        return OutboxRules(fees=FeeRule(most=int(self.max_fee_gwei * GWEI)))


OutboxSection = Annotated[OutboxSettings, Field(default_factory=dict, validate_default=True)]
"""A section that may be left out."""


@dataclass(frozen=True, slots=True)
class Footing:
    """What a daemon works with. It may add probes and figures of its own."""

    chain: Chain
    outbox: Outbox
    metrics: Metrics
    health: Health


@asynccontextmanager
async def footing(
    network: RpcSettings, sending: AnyKeySettings, outbox: OutboxSettings, monitoring: MonitoringSettings | None
) -> AsyncIterator[Footing]:
    """Everything, until the end of the block. Raises SBIError where something cannot be had."""
    async with AsyncExitStack() as stack:
        signer = await stack.enter_async_context(opened_signer(sending, alone=True))
        chain = await stack.enter_async_context(connected(network.rpc_urls, chain_id=network.chain_id))
        metrics, health = Metrics(), Health()
        chain.pool.observers.append(metrics)
        opened = await stack.enter_async_context(
            opened_outbox(chain, signer, outbox.file, outbox.rules, outbox.poll_seconds)
        )
        watch, pulse = EndpointWatch(chain.pool), Pulse(chain, signer.address)
        add_figures(metrics, opened, watch, pulse)
        add_probes(health, opened, watch, pulse, int(outbox.least_ether * WEI_PER_ETHER))
        for work in (watch.run(_WATCH_SECONDS), pulse.run(_PULSE_SECONDS)):
            stack.push_async_callback(_ended, asyncio.create_task(work))
        await stack.enter_async_context(monitored(monitoring, metrics, health))
        yield Footing(chain, opened, metrics, health)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def add_figures(metrics: Metrics, outbox: Outbox, watch: EndpointWatch, pulse: Pulse) -> None:
    """What every daemon that sends tells of itself."""
    intents = metrics.gauge("sbi_outbox_intents", "Intents in the outbox", "state")
    for state in State:
        intents.labels(state.value).set_function(_counting(outbox, state))
    follow = metrics.follow
    follow("sbi_outbox_pending_age_seconds", "Of the oldest intent that is not settled", lambda: _pending_age(outbox))
    follow("sbi_outbox_finality_broken", "1 while the outbox stands still", lambda: _flag(outbox.store.broken()))
    follow("sbi_rpc_disagreement", "1 while endpoints have different final blocks", lambda: _flag(watch.disagreement))
    follow("sbi_chain_head_age_seconds", "Of the newest block", lambda: _known(pulse.head_age))
    follow("sbi_sending_balance_ether", "Of the sending account", lambda: _ether(pulse.balance))


def _counting(outbox: Outbox, state: State) -> Callable[[], float]:
    return lambda: outbox.store.counts()[state]


def _pending_age(outbox: Outbox) -> float:
    oldest = outbox.store.oldest_unsettled()
    return 0.0 if oldest is None else max(0.0, time.time() - oldest)


def _flag(text: str | None) -> float:
    return float(text is not None)


def _known(figure: float | None) -> float:
    return math.nan if figure is None else figure


def _ether(wei: int | None) -> float:
    return math.nan if wei is None else wei / WEI_PER_ETHER


def add_probes(health: Health, outbox: Outbox, watch: EndpointWatch, pulse: Pulse, least_wei: int) -> None:
    """What such a daemon needs to live, and to work."""
    health.alive["loop"] = lambda: _late("no look at the chain", pulse.looked_at, _STUCK_SECONDS)
    health.ready["chain"] = lambda: _late("no answer from any endpoint", pulse.answered_at, _STALE_SECONDS)
    health.ready["endpoints"] = lambda: watch.disagreement
    health.ready["outbox"] = lambda: (
        outbox.store.broken() or _late("the outbox could not move on", outbox.last_step_at, _STALE_SECONDS)
    )
    health.ready["balance"] = lambda: _poor(pulse.balance, least_wei)


def _late(what: str, when: float | None, most: float) -> str | None:
    if when is None:
        return f"{what} yet"
    age = time.monotonic() - when
    return f"{what} for {age:.0f} s" if age > most else None


def _poor(balance: int | None, least: int) -> str | None:
    if balance is None:
        return "the sending account's balance is not known yet"
    low = f"{balance / WEI_PER_ETHER:.6f} ether on the sending account, less than {least / WEI_PER_ETHER:g}"
    return low if balance < least else None
