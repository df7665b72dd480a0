"""What goes wrong, one class a kind: how it is brought about, how one sees that it took effect, how it ends.

To add a kind, write its class and list it in `KINDS`.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import signal
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar, Final, cast

import httpx
from eth_utils.crypto import keccak

from sbi_network.chain.outbox_worker import Step
from sbi_network.protocol.exhibit import decode_leaves
from sbi_network.protocol.sumtree import SumTree
from tests.chaos.network import Network, Slot
from tests.chaos.processes import Child
from tests.chaos.proxy import Forward, Request, Response, Treatment, passed_on
from tests.chaos.transactions import SEND

FAKETIME: Final = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


class Fault(ABC):
    """One fault. Those that are of one oracle have its slot; the others meet whoever they meet."""

    kind: ClassVar[str]
    is_of_a_slot: ClassVar[bool] = True
    uses_its_slot: ClassVar[bool] = True
    """Whether no other fault of an oracle may be there meanwhile."""

    meets_whoever: ClassVar[bool] = False
    """Which oracle it is of shows when it takes effect: until then its slot is any, and nobody is unable to work."""

    holds: ClassVar[float] = 2.0
    """Seconds for which it stays once it has taken effect."""

    def __init__(self, network: Network, slot: Slot, chance: random.Random) -> None:
        self.network = network
        self.slot = slot
        self.chance = chance

    @classmethod
    def missing(cls) -> str | None:
        """What this machine has not that it needs."""
        return None

    @abstractmethod
    def inject(self) -> None:
        """Bring it about."""

    @abstractmethod
    def has_taken_effect(self) -> bool:
        """Whether one sees that it did."""

    @abstractmethod
    def heal(self) -> None:
        """Take it away."""

    def is_healed(self) -> bool:
        """Whether its oracle can work again."""
        return self.slot.process.has_told("oracle_started")

    def spare(self, slots: Collection[Slot]) -> None:  # noqa: B027 - there is mostly nothing to do
        """Where it meets whoever: not these, in which other faults are at work."""

    def unable_through(self) -> int:
        """Of a fault that is healed: the newest epoch that its oracle cannot work on all the same; -1 for none."""
        return -1


class Kill(Fault):
    """`kill -9`, at any moment."""

    kind = "kill"

    def inject(self) -> None:
        self.slot.process.kill()

    def has_taken_effect(self) -> bool:
        return not self.slot.is_running

    def heal(self) -> None:
        self.network.launch(self.slot)


class KillAt(Kill):
    """`kill -9` as soon as an oracle has done a certain step."""

    event: ClassVar[str]

    def inject(self) -> None:
        self._since = time.time()

    def has_taken_effect(self) -> bool:
        if self.slot.is_running and self.slot.process.has_told(self.event, self._since):
            self.slot.process.kill()
        return not self.slot.is_running

    def heal(self) -> None:
        if not self.slot.is_running:
            self.network.launch(self.slot)


class KillAtGathered(KillAt):
    kind, event = "kill_before_observing", "gathered"


class KillAtObserved(KillAt):
    """And when it comes back, it sees less than before: it must say the same all the same."""

    kind, event = "kill_after_observing", "observed"

    def heal(self) -> None:
        self._healed_at = time.time()
        for link in self.slot.meters:
            link.treatment = self._cut
        super().heal()

    def is_healed(self) -> bool:
        # Or, should it have nothing to gather for any more, as soon as an epoch is settled.
        told = (self.slot.process.has_told(event, self._healed_at) for event in ("gathered", "accepted"))
        if not any(told):
            return False
        for link in self.slot.meters:
            link.treatment = passed_on
        return True

    async def _cut(self, request: Request, forward: Forward) -> Response | None:
        return None


class KillAtCosigned(KillAt):
    kind, event = "kill_after_signing", "co_signed"


class KillAtStep(Kill):
    """`kill -9` of whoever comes to a step of the outbox first: see `armed`."""

    meets_whoever = True
    holds = 0.0
    step: ClassVar[Step]

    @property
    def _trap(self) -> Path:
        return self.network.children.folder / f"trap-{self.step}"

    def inject(self) -> None:
        """It is laid as it is told whom to spare."""

    def spare(self, slots: Collection[Slot]) -> None:
        if not self._taken():
            laid = self._trap.with_suffix(".laid")
            laid.write_text(json.dumps([slot.name for slot in self.network.slots if slot not in slots]))
            laid.rename(self._trap)

    def has_taken_effect(self) -> bool:
        for slot in self.network.slots:
            taken = self._taken_by(slot)
            if taken.exists() and slot.process.status == -signal.SIGKILL:
                self.slot = slot
                return True
        return False

    def heal(self) -> None:
        self._trap.unlink(missing_ok=True)
        for slot in self.network.slots:
            if self._taken_by(slot).exists():
                self._taken_by(slot).unlink()
                self.network.launch(slot)

    def _taken(self) -> bool:
        return any(self._taken_by(slot).exists() for slot in self.network.slots)

    def _taken_by(self, slot: Slot) -> Path:
        return self._trap.with_name(f"{self._trap.name}-took-{slot.name}")


def _killing_at(step: Step) -> type[KillAtStep]:
    own = {"kind": f"kill_at_outbox_{step}", "step": step}
    return cast("type[KillAtStep]", type(f"KillAt{step.name}", (KillAtStep,), own))


OUTBOX_KILLS: Final = tuple(_killing_at(step) for step in Step)
"""One kind for each step."""


class Rpc(Fault):
    """An endpoint that does something else than it should, before one oracle."""

    holds = 4.0

    def inject(self) -> None:
        self.hits = 0
        self.slot.rpc.treatment = self._treated

    async def _treated(self, request: Request, forward: Forward) -> Response | None:
        answer, is_hit = await self.answer(request, forward)
        self.hits += is_hit
        return answer

    @abstractmethod
    async def answer(self, request: Request, forward: Forward) -> tuple[Response | None, bool]:
        """What the endpoint answers, and whether that is the fault."""

    def has_taken_effect(self) -> bool:
        return self.hits > 0

    def heal(self) -> None:
        self.slot.rpc.treatment = passed_on


class RpcTooMany(Rpc):
    kind = "rpc_429"

    async def answer(self, request: Request, forward: Forward) -> tuple[Response | None, bool]:
        return Response(429, "text/plain", b"slow down"), True


class RpcGarbage(Rpc):
    kind = "rpc_garbage"

    async def answer(self, request: Request, forward: Forward) -> tuple[Response | None, bool]:
        bodies = (
            b"<html>",
            b'{"jsonrpc": "2.0"}',
            b'{"result": [[[',
            b"",
            b'{"id": 1, "result": "0xzz"}',
        )
        return Response(200, "application/json", self.chance.choice(bodies)), True


class RpcStale(Rpc):
    """A node that stands still: its newest block is the one it had."""

    kind = "rpc_stale"

    def inject(self) -> None:
        self._block = hex(self.network.chain.web3.eth.block_number)
        super().inject()

    async def answer(self, request: Request, forward: Forward) -> tuple[Response | None, bool]:
        asked = json.loads(request.body)
        if _method(asked) in ("eth_sendRawTransaction", "eth_getTransactionReceipt"):
            return _result(asked, None), True
        stale = _each(asked, lambda one: {**one, "params": [self._stale(param) for param in one["params"]]})
        body = json.dumps(stale).encode()
        return await forward(Request(request.method, request.path, request.headers, body)), stale != asked

    def _stale(self, param: Any) -> Any:
        return self._block if param in ("latest", "pending", "finalized") else param


class RpcOtherChain(Rpc):
    """A node of a chain where none of this is."""

    kind = "rpc_other_chain"

    async def answer(self, request: Request, forward: Forward) -> tuple[Response | None, bool]:
        asked = json.loads(request.body)
        answers: dict[str, Any] = {"eth_chainId": "0x1", "eth_call": "0x", "eth_getCode": "0x", "eth_getLogs": []}
        if _method(asked) in answers:
            return _result(asked, answers[_method(asked)]), True
        return await forward(request), False


class OnSending(Fault):
    """Waits for whoever sends next, at the endpoint."""

    is_of_a_slot = uses_its_slot = False
    holds = 0.0

    def inject(self) -> None:
        self._hit = False
        for slot in self.network.slots:
            if slot.rpc.treatment is passed_on:
                slot.rpc.treatment = self._treated

    async def _treated(self, request: Request, forward: Forward) -> Response | None:
        if self._hit or _method(json.loads(request.body)) != SEND:
            return await forward(request)
        self._hit = True
        return await self.on_sending(request, forward)

    @abstractmethod
    async def on_sending(self, request: Request, forward: Forward) -> Response | None:
        """What becomes of the transaction."""

    def has_taken_effect(self) -> bool:
        return self._hit

    def heal(self) -> None:
        for slot in self.network.slots:
            if slot.rpc.treatment == self._treated:
                slot.rpc.treatment = passed_on

    def is_healed(self) -> bool:
        return True


class RpcDiesSending(OnSending):
    """The node has the transaction, and its answer is lost."""

    kind = "rpc_killed_mid_send"

    async def on_sending(self, request: Request, forward: Forward) -> Response | None:
        await forward(request)
        return None


class TransactionDropped(OnSending):
    """The node says that it has the transaction, and forgets it."""

    kind = "transaction_dropped"

    async def on_sending(self, request: Request, forward: Forward) -> Response | None:
        asked = json.loads(request.body)
        raw = bytes.fromhex(asked["params"][0][2:])
        return _result(asked, "0x" + keccak(raw).hex())


class Reorg(Fault):
    """The blocks with a report are replaced by others without it."""

    kind = "reorg_under_a_report"
    is_of_a_slot = uses_its_slot = False
    holds = 0.0

    def inject(self) -> None:
        self._epoch = self.network.chain.running()
        self._done = False

    def has_taken_effect(self) -> bool:
        chain = self.network.chain
        # Not over a transaction of the deployer's, who would not send it again.
        is_free = chain.sent_at < chain.web3.eth.block_number
        if not self._done and is_free and chain.record(self._epoch) is not None:
            chain.ask("anvil_reorg", 1, [])
            if chain.record(self._epoch) is None:
                self._done = True
            else:
                self._epoch = chain.running()
        return self._done

    def heal(self) -> None:
        pass

    def is_healed(self) -> bool:
        return True


class FeeSpike(Fault):
    """The base fee is a thousand times what it was, and falls slowly."""

    kind = "fee_spike"
    is_of_a_slot = uses_its_slot = False
    fee: ClassVar[int] = 1_000 * 10**9

    def inject(self) -> None:
        self._from = self.network.chain.web3.eth.block_number
        self.network.chain.ask("anvil_setNextBlockBaseFeePerGas", hex(self.fee))

    def has_taken_effect(self) -> bool:
        eth = self.network.chain.web3.eth
        blocks = range(self._from + 1, eth.block_number + 1)
        return any(eth.get_block(number)["baseFeePerGas"] >= self.fee for number in blocks)

    def heal(self) -> None:
        self.network.chain.ask("anvil_setNextBlockBaseFeePerGas", hex(10**9))

    def is_healed(self) -> bool:
        return True


class ClockSkew(Fault):
    """An oracle whose clock is off by many views."""

    kind = "clock_skew"
    holds = 3.0

    @classmethod
    def missing(cls) -> str | None:
        return None if Path(FAKETIME).exists() else "Debian's faketime"

    def inject(self) -> None:
        self._offset = self.chance.choice((-40, -15, 15, 40))
        self.slot.process.kill()
        fake = {"LD_PRELOAD": FAKETIME, "FAKETIME": f"{self._offset:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self.network.launch(self.slot, **fake)

    def has_taken_effect(self) -> bool:
        try:
            shown = float(self.network.status(self.slot)["time"])
        except (httpx.HTTPError, ValueError):
            return False
        return abs(shown - time.time() - self._offset) < 2

    def heal(self) -> None:
        self.slot.process.kill()
        self.network.launch(self.slot)


class FullDisk(Fault):
    """Nothing more can be written: by a limit on the size of files."""

    kind = "full_disk"
    holds = 4.0

    def inject(self) -> None:
        self._since = time.time()
        self._limit(1)

    def has_taken_effect(self) -> bool:
        return any(at >= self._since and "sqlite" in str(line) for at, line in list(self.slot.process.events))

    def heal(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, most: int) -> None:
        if self.slot.is_running:
            _, hard = resource.prlimit(self.slot.process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(self.slot.process.pid, resource.RLIMIT_FSIZE, (most, hard))


class SecondProcess(Fault):
    """Somebody starts the same oracle once more."""

    kind = "two_processes_with_one_key"
    is_of_a_slot = False
    holds = 0.0
    second: Child

    def inject(self) -> None:
        name, config = f"second-{self.slot.number}", str(self.slot.config)
        self.second = self.network.children.sbi(name, "oracle", "run", "--config", config)

    def has_taken_effect(self) -> bool:
        return self.second.status == 1 and "another process uses" in self.second.tail

    def heal(self) -> None:
        self.second.end()

    def is_healed(self) -> bool:
        return True


class OldState(Fault):
    """The state file is put back from a copy that is older than what was signed."""

    kind = "state_file_restored"
    holds = 0.0

    def inject(self) -> None:
        self.slot.process.kill()
        copy = self.slot.state.with_suffix(".copy")
        present = self.slot.state.read_bytes()
        if copy.exists():
            shutil.copy(copy, self.slot.state)
        else:  # from a time before there was any
            self.slot.state.unlink()
        copy.write_bytes(present)
        self.network.launch(self.slot)

    def has_taken_effect(self) -> bool:
        return self.slot.process.has_told("state_file_old")

    def heal(self) -> None:
        self._over = self.network.chain.running() - 1

    def unable_through(self) -> int:
        return self._over


class Misbehaving(Fault):
    """A liar in the oracle's place, with its key, for a while; then it is honest again."""

    holds = 4.0
    event: ClassVar[str]

    def inject(self) -> None:
        self.slot.process.kill()
        self.network.launch(self.slot, misbehaving=self.kind)

    def has_taken_effect(self) -> bool:
        return self.slot.process.has_told(self.event)

    def heal(self) -> None:
        self.slot.process.kill()
        self.network.launch(self.slot)


class Lie(Misbehaving):
    kind, event = "lie", "lied"


class Flood(Misbehaving):
    kind, event = "flood", "flooded"


class Stall(Misbehaving):
    kind, event = "stall", "stalled"


class Equivocate(Misbehaving):
    """It is slashed for it, and goes on with another key once that is of the set."""

    kind, event = "equivocate", "equivocated"
    holds = 0.0
    from_epoch: int

    def inject(self) -> None:
        self._liar = self.slot.signer
        self.network.equivocators.add(self._liar)
        super().inject()

    def has_taken_effect(self) -> bool:
        return bool(self.network.chain.bonds.functions.isSlashed(self._liar).call())

    def heal(self) -> None:
        self.slot.process.kill()
        self.from_epoch = self.network.rotate(self.slot)
        self.network.launch(self.slot)

    def is_healed(self) -> bool:
        return super().is_healed() and self.network.chain.running() >= self.from_epoch

    def unable_through(self) -> int:
        return self.from_epoch - 1


class Partition(Fault):
    """An oracle hears nobody, and nobody hears it."""

    kind = "partition"
    holds = 6.0

    def inject(self) -> None:
        self._hits = 0
        self._links = list(self.slot.incoming.values())
        self._links += [other.incoming[self.slot.number] for other in self.network.slots if other is not self.slot]
        for link in self._links:
            link.treatment = self._cut

    async def _cut(self, request: Request, forward: Forward) -> Response | None:
        self._hits += 1
        return None

    def has_taken_effect(self) -> bool:
        return self._hits > 0

    def heal(self) -> None:
        cut: Treatment = self._cut
        for link in self._links:
            if link.treatment == cut:
                link.treatment = passed_on


class Demanded(Fault):
    """Somebody demands every place of the newest report's tree."""

    kind = "tree_demanded"
    is_of_a_slot = uses_its_slot = False
    holds = 0.0

    def inject(self) -> None:
        self._epoch = self.network.chain.running()
        self._places: list[tuple[int, int]] = []

    def has_taken_effect(self) -> bool:
        """Whether all was shown, by whoever."""
        chain, epoch = self.network.chain, self._epoch
        if not self._places:
            if chain.record(epoch) is None:
                return False
            tree = self._tree()
            if tree is None:
                return False
            self._places = [(level, at) for level in range(tree.depth + 1) for at in range(1 << tree.depth - level)]
            for place in self._places:
                chain.demand(epoch, place, tree)
        return not any(chain.disputes.functions.demandOf((epoch, *place)).call()[3] for place in self._places)

    def _tree(self) -> SumTree | None:
        commitment = self.network.chain.record(self._epoch)[0]
        for slot in self.network.slots:
            tree = kept_tree(slot, self._epoch)
            if tree is not None and tree.commitment == commitment:
                return tree
        return None

    def heal(self) -> None:
        pass

    def is_healed(self) -> bool:
        return True


KINDS: Final[tuple[type[Fault], ...]] = (
    Kill,
    KillAtGathered,
    KillAtObserved,
    KillAtCosigned,
    *OUTBOX_KILLS,
    RpcTooMany,
    RpcGarbage,
    RpcStale,
    RpcOtherChain,
    RpcDiesSending,
    TransactionDropped,
    Reorg,
    FeeSpike,
    ClockSkew,
    FullDisk,
    SecondProcess,
    OldState,
    Lie,
    Equivocate,
    Flood,
    Stall,
    Partition,
    Demanded,
)


def kept_tree(slot: Slot, epoch: int) -> SumTree | None:
    """A tree of an epoch from an oracle's archive."""
    with closing(sqlite3.connect(f"file:{slot.archive}?mode=ro", uri=True, timeout=5)) as database:
        found = database.execute("SELECT leaves FROM trees WHERE epoch = ?", (epoch,)).fetchone()
    return None if found is None else decode_leaves(bytes(found[0]))


def _each(asked: Any, change: Callable[[Any], Any]) -> Any:
    """Of a request, or of each in a batch."""
    return [change(one) for one in asked] if isinstance(asked, list) else change(asked)


def _method(asked: Any) -> str:
    """What is asked; in a batch, which all ask the same."""
    method: str = (asked[0] if isinstance(asked, list) else asked)["method"]
    return method


def _result(asked: Any, result: Any) -> Response:
    answer = _each(asked, lambda one: {"jsonrpc": "2.0", "id": one["id"], "result": result})
    return Response(200, "application/json", json.dumps(answer).encode())
