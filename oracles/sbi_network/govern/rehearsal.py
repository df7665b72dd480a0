"""What a proposal would change: its calls, made by the timelock on a fork of the present state, when they could be.

An Anvil of one's own forks the chain; nothing reaches the chain itself. What is compared is everything that the suite's
contracts answer without arguments, before and after.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hexbytes import HexBytes
from web3.exceptions import Web3Exception

from sbi_network.chain.connection import BoundContract, Chain, asked, connected
from sbi_network.chain.errors import ChainError, ContractRefused, EndpointError
from sbi_network.govern.errors import RehearsalError
from sbi_network.govern.proposal import Call, Proposal, decode_call
from sbi_network.govern.settings import Deployment
from sbi_network.protocol.abi import load_abi
from sbi_network.protocol.abi.revert import signature_of
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.typed_data import Address

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.1
_FORK_REQUEST_SECONDS: Final = 60.0
_CALL_GAS: Final = 5_000_000
_COINS: Final = hex(10**20)
_NO_ANSWER: Final = "no answer"
_MEANINGLESS: Final = frozenset({"clock", "CLOCK_MODE", "eip712Domain"})


@dataclass(frozen=True, slots=True)
class Change:
    """One answer of a contract, before and after."""

    role: str
    view: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.role}.{self.view}: {self.before} → {self.after}"


@dataclass(frozen=True, slots=True)
class Step:
    """One call of the proposal in words, the events it brought about, and the error by which it was refused, if any."""

    call: str
    events: tuple[str, ...] = ()
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What happened on the fork. Calls after a refused one are not made: a proposal is executed whole or not at all."""

    steps: tuple[Step, ...]
    changes: tuple[Change, ...]

    @property
    def passes(self) -> bool:
        """Whether every call went through."""
        return all(step.refusal is None for step in self.steps)


async def rehearse(rpc_url: str, proposal: Proposal, deployment: Deployment, after_seconds: int) -> Rehearsal:
    """The proposal executed on a fork, `after_seconds` from now. Raises RehearsalError or ChainError."""
    async with _fork(rpc_url) as fork:
        await _request(fork, "evm_increaseTime", hex(after_seconds))
        await _request(fork, "evm_mine")
        before = await _answers(fork, deployment)
        steps = await _execute(fork, proposal, deployment)
        after = await _answers(fork, deployment)
    changed = [key for key in sorted(before | after) if before.get(key) != after.get(key)]
    changes = [Change(*key, before.get(key, _NO_ANSWER), after.get(key, _NO_ANSWER)) for key in changed]
    return Rehearsal(tuple(steps), tuple(changes))


async def _execute(fork: Chain, proposal: Proposal, deployment: Deployment) -> list[Step]:
    timelock = deployment.address_of("timelock")
    await _request(fork, "anvil_impersonateAccount", timelock)
    await _request(fork, "anvil_setBalance", timelock, _COINS)
    steps: list[Step] = []
    for call in proposal.calls:
        words = str(decode_call(call, deployment))
        if steps and steps[-1].refusal:
            steps.append(Step(words, refusal="not made, since the one before was refused"))
            continue
        try:
            steps.append(Step(words, await _make(fork, timelock, call, deployment)))
        except ContractRefused as refusal:
            steps.append(Step(words, refusal=str(refusal)))
    return steps


async def _make(fork: Chain, timelock: Address, call: Call, deployment: Deployment) -> tuple[str, ...]:
    """The events of a call that the timelock makes. Raises ContractRefused."""
    transaction: Any = {"from": timelock, "to": call.target, "data": HexBytes(call.data), "gas": _CALL_GAS}
    await asked(fork.web3.eth.call(transaction))
    sent = await asked(fork.web3.eth.send_transaction(transaction))
    # Anvil answers with the hash before the block is there.
    receipt = await asked(
        fork.web3.eth.wait_for_transaction_receipt(sent, timeout=_FORK_REQUEST_SECONDS, poll_latency=_POLL_SECONDS)
    )
    return tuple(_event(fork, log, deployment) for log in receipt["logs"])


def _event(fork: Chain, log: Any, deployment: Deployment) -> str:
    role = deployment.role_of(log["address"])
    if role is not None:
        abi = load_abi(deployment.contract_of(role))
        for item in abi:
            if item["type"] == "event" and keccak256(signature_of(item).encode()) == bytes(log["topics"][0]):
                contract = fork.web3.eth.contract(address=log["address"], abi=abi)
                found = contract.events[item["name"]]().process_log(log)
                given = ", ".join(f"{name}={value}" for name, value in found["args"].items())
                return f"{role}: {item['name']}({given})"
    return f"{role or log['address']}: an event that is not known"


async def _answers(fork: Chain, deployment: Deployment) -> dict[tuple[str, str], str]:
    """Everything that the contracts answer without being given anything. What reverts is no answer."""
    found = {}
    for role, entry in deployment.contracts.items():
        contract = _Bound(fork, deployment.address_of(role), entry.contract)
        for view in _views(entry.contract):
            with contextlib.suppress(ContractRefused):
                found[role, view] = str(await contract.read(view))
    return found


def _views(contract: str) -> list[str]:
    return sorted(
        item["name"]
        for item in load_abi(contract)
        if item["type"] == "function"
        and not item["inputs"]
        and item["stateMutability"] in ("view", "pure")
        and item["name"] not in _MEANINGLESS
    )


class _Bound(BoundContract):
    """Any contract of the suite."""

    def __init__(self, chain: Chain, address: Address, name: str) -> None:
        self.NAME = name
        super().__init__(chain, address)


@asynccontextmanager
async def _fork(rpc_url: str) -> AsyncIterator[Chain]:
    """An Anvil of our own, as a fork of the chain; ended with the block.

    The endpoint's URL, which may hold an access key, goes by a request and never by the command line.
    """
    beside = Path(sys.executable).parent / "anvil"
    program = str(beside) if beside.is_file() else shutil.which("anvil")
    if program is None:
        raise RehearsalError("anvil is not on the PATH: install Foundry, or activate the project's environment")
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        program, "--host", HOST, "--port", str(port), "--silent", stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with connected(f"http://{HOST}:{port}", _FORK_REQUEST_SECONDS) as chain:
            await _started(chain, process)
            await _request(chain, "anvil_reset", {"forking": {"jsonRpcUrl": rpc_url}})
            yield chain
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _started(chain: Chain, process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(START_SECONDS):
            while True:
                if process.returncode is not None:
                    raise RehearsalError(f"anvil ended by itself with status {process.returncode}")
                with contextlib.suppress(ChainError):
                    await chain.chain_id()
                    return
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise RehearsalError(f"anvil did not answer within {START_SECONDS:g} s") from None


async def _request(chain: Chain, method: str, *parameters: Any) -> None:
    try:
        answer = await chain.web3.provider.make_request(method, list(parameters))  # type: ignore[arg-type]
    except (Web3Exception, EndpointError) as error:
        raise RehearsalError(f"the fork: {method}: {type(error).__name__}") from None
    if "error" in answer:
        raise RehearsalError(f"the fork refused {method}: the chain cannot be forked from here")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])
