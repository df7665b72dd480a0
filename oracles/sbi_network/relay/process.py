"""The process `sbi relay run`: HTTP server and carrier, started together and stopped together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial

import structlog
from prometheus_client import Counter

from sbi_network.chain.checks import (
    Finding,
    account_of_key,
    balance_finding,
    block_time_finding,
    domain_finding,
    endpoint_findings,
    key_finding,
    outbox_finding,
)
from sbi_network.chain.citizens import Citizens
from sbi_network.chain.connection import Chain, connected
from sbi_network.chain.daemon import Footing, footing
from sbi_network.chain.errors import ChainError
from sbi_network.chain.stopping import until_stopped
from sbi_network.chain.token import Token
from sbi_network.chain.vault import Vault
from sbi_network.limits import guarded_protocol
from sbi_network.monitoring.metrics import Metrics
from sbi_network.protocol.address import check_address
from sbi_network.protocol.messages import citizens_domain, token_domain
from sbi_network.protocol.typed_data import Address
from sbi_network.relay.app import build_app
from sbi_network.relay.calls import Contracts
from sbi_network.relay.carrier import Carrier
from sbi_network.relay.gate import Gate, Terms
from sbi_network.relay.jobs import WAITING, FeeState, JobState
from sbi_network.relay.settings import RelaySettings
from sbi_network.relay.store import RelayStore
from sbi_network.serving import Server, bound_socket

_SHUTDOWN_SECONDS = 5
_STALE_SECONDS = 90.0
_STATUSES = 100

_log = structlog.get_logger("sbi.relay")


async def run_relay(settings: RelaySettings, stop: asyncio.Event) -> None:
    """Carry until `stop`. Raises SBIError where that cannot begin."""
    with bound_socket(settings.http) as listening:
        async with footing(settings.network, settings.sending, settings.outbox, settings.monitoring) as base:
            contracts = await _contracts(settings, base.chain)
            terms = await _terms(settings, base, contracts)
            identity = (
                f"account {terms.relayer}, token {terms.domain.verifying_contract}, chain {terms.domain.chain_id}"
            )
            with closing(RelayStore(settings.state, identity)) as store:
                name = f"{terms.domain.chain_id}/{terms.domain.verifying_contract}/relay"
                carrier = Carrier(settings, base.chain, contracts, store, base.outbox, name)
                gate = Gate(terms, contracts, store, lambda: carrier.head, carrier.wake, lambda: _trouble(base))
                answers = _add_figures(base, store, carrier)
                app = build_app(gate, store, settings.limits, lambda status: answers.labels(_class_of(status)).inc())
                server = Server(app, _SHUTDOWN_SECONDS)
                server.config.http = guarded_protocol(settings.limits)
                serving = asyncio.create_task(server.serve([listening]))
                _log.info("relay_started", relayer=terms.relayer, port=settings.http.port, collector=terms.collector)
                try:
                    await until_stopped(stop, carrier.run())
                finally:
                    server.should_exit = True
                    await serving
    _log.info("relay_stopped")


async def _contracts(settings: RelaySettings, chain: Chain) -> Contracts:
    token, citizens = settings.network.token_address, settings.network.citizens_address
    await chain.require_code("token", token)
    if citizens is not None:
        await chain.require_code("citizens", citizens)
    return Contracts(Token(chain, token), None if citizens is None else Citizens(chain, citizens))


async def _terms(settings: RelaySettings, base: Footing, contracts: Contracts) -> Terms:
    token = contracts.token
    relayer: Address = base.outbox.address
    given = None if settings.fees is None else settings.fees.collector
    return Terms(
        settings,
        token_domain(await base.chain.chain_id(), token.address),
        relayer,
        relayer if given is None else check_address("collector", given),
        await token.index_unit(),
        Vault(base.chain, await token.vault()),
    )


def _trouble(base: Footing) -> str | None:
    """Why nothing that is accepted could be sent now."""
    failing = base.health.not_ready()
    failing.pop("relay", None)
    return "; ".join(failing.values()) or None


def _add_figures(base: Footing, store: RelayStore, carrier: Carrier) -> Counter:
    metrics: Metrics = base.metrics
    jobs = metrics.gauge("sbi_relay_jobs", "Payments and permits that are kept", "state")
    for state in JobState:
        jobs.labels(state.value).set_function(partial(_count, store, state))
    fees = metrics.gauge("sbi_relay_fees", "Fees of what is kept", "state")
    for fee_state in FeeState:
        fees.labels(fee_state.value).set_function(partial(_count_fees, store, fee_state))
    metrics.follow("sbi_relay_oldest_waiting_seconds", "Of the oldest payment not in a block", lambda: _oldest(store))
    base.health.ready["relay"] = lambda: _late(carrier)
    return metrics.counter("sbi_relay_answers", "Answers by class of status", "status")


def _count(store: RelayStore, state: JobState) -> float:
    return store.counts()[state]


def _count_fees(store: RelayStore, state: FeeState) -> float:
    return store.fee_counts()[state]


def _oldest(store: RelayStore) -> float:
    oldest = store.oldest(WAITING)
    return 0.0 if oldest is None else max(0.0, time.time() - oldest)


def _late(carrier: Carrier) -> str | None:
    if carrier.looked_at is None:
        return "the relayer has not looked at the chain yet"
    age = time.monotonic() - carrier.looked_at
    return f"the relayer could not move on for {age:.0f} s" if age > _STALE_SECONDS else None


def _class_of(status: int) -> str:
    return str(status) if status in (409, 422, 429, 503) else f"{status // _STATUSES}xx"


async def relay_findings(settings: RelaySettings) -> AsyncIterator[Finding]:
    """Everything that `run` needs, in order. What needs the chain is left out where its own lines say why."""
    yield await key_finding("sending key", settings.sending)
    account = account_of_key(settings.sending)
    async with connected(settings.network.rpc_urls, chain_id=settings.network.chain_id) as chain:
        async for finding in endpoint_findings(chain):
            yield finding
        try:
            yield await block_time_finding(chain)
            async for finding in _contract_findings(settings, chain):
                yield finding
            if account is not None:
                yield await balance_finding(chain, account, settings.outbox.least_ether)
                yield outbox_finding(settings.outbox.file, account, await chain.chain_id())
        except ChainError as error:
            yield Finding("chain", False, str(error))
    yield _state_finding(settings)
    yield _fee_finding(settings)


async def _contract_findings(settings: RelaySettings, chain: Chain) -> AsyncIterator[Finding]:
    chain_id, token = await chain.chain_id(), settings.network.token_address
    yield await domain_finding("token", Token(chain, token), token_domain(chain_id, token))
    citizens = settings.network.citizens_address
    if citizens is None:
        yield Finding("citizens", True, "not given: first spends are not carried")
    else:
        yield await domain_finding("citizens", Citizens(chain, citizens), citizens_domain(chain_id, citizens))


def _state_finding(settings: RelaySettings) -> Finding:
    path = settings.state
    if path.exists():
        return Finding("state", True, f"{path}")
    return Finding("state", path.parent.is_dir(), f"{path} will be made" if path.parent.is_dir() else "no folder")


def _fee_finding(settings: RelaySettings) -> Finding:
    fees = settings.fees
    if fees is None:
        return Finding("fees", True, "none: whoever runs this pays for everybody")
    told = f"payment {fees.payment}, first spend {fees.first_spend}, permit {fees.permit} wei"
    return Finding("fees", True, f"{told}, to {fees.collector or 'the sending account'}")
