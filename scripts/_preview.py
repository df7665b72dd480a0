"""What a deployment will do, before it does it: the whole plan, played on a chain of its own that is thrown away.

The gas is not guessed: the same bytes from the same account with the same nonces are run, and what they leave behind is
checked and read as it will be on the real chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ape import networks
from scripts._anvil import own_anvil
from scripts._artifacts import Compiled
from scripts._deploy import DeploymentError, check_suite, suite_at, verify_code
from scripts._permissions import Holding, holdings
from scripts._sending import MOST_GAS, current_fees, refusal_words
from web3.exceptions import ContractCustomError, ContractLogicError, ContractPanicError

if TYPE_CHECKING:
    from scripts._plan import Plan, Step
    from web3 import Web3

_GWEI = 10**9
_ETHER = 10**18
_OP_STACK_ORACLE = "0x420000000000000000000000000000000000000F"
"""Of rollups of the OP stack: tells what publishing a transaction on the chain below costs (getL1Fee(bytes))."""

_GET_L1_FEE = bytes.fromhex("49948e0e")


@dataclass(frozen=True)
class Preview:
    """Gas by step, what it comes to at the fees of now, and who holds which role afterwards."""

    plan: Plan
    gas: tuple[int, ...]
    base_fee_wei: int
    tip_wei: int
    data_fee_wei: int
    holdings: tuple[Holding, ...]
    done: int

    @property
    def cost_wei(self) -> int:
        """What is left to pay, if fees stay as they are."""
        return sum(self.gas[self.done :]) * (self.base_fee_wei + self.tip_wei) + self.data_fee_wei

    def lines(self) -> Iterator[str]:
        """For people."""
        plan = self.plan
        yield f"deployer  {plan.deployer}, nonces {plan.first_nonce} to {plan.steps[-1].nonce}"
        yield f"genesis   {plan.genesis}"
        yield ""
        for place, (step, gas) in enumerate(zip(plan.steps, self.gas, strict=True)):
            done = "done" if place < self.done else ""
            where = f"  {plan.addresses[step.role]}" if step.to is None else ""
            yield f"{step.nonce:>6}  {gas:>10,} gas  {done:>4}  {step.label}{where}"
        yield ""
        fee = f"{self.base_fee_wei / _GWEI:.4f} + {self.tip_wei / _GWEI:.4f} gwei"
        yield f"left to send: {len(self.gas) - self.done} transactions, {sum(self.gas[self.done :]):,} gas"
        yield f"at current fees ({fee} for a unit of gas): {self.cost_wei / _ETHER:.6f} coins"
        if self.data_fee_wei:
            yield f"of which for data on the chain below: {self.data_fee_wei / _ETHER:.6f} coins"
        yield ""
        yield "permissions afterwards:"
        for each in self.holdings:
            yield f"  {each.authority:<18}  {each.role:<13}  {each.holder}"


def preview(plan: Plan, compiled: Compiled, chain_id: int, web3: Web3, done: int) -> Preview:
    """Plays the plan on an Anvil of its own. `web3` is the real chain, of which only fees are asked; `done` steps are
    there already.

    Raises DeploymentError for a step that is refused, or a suite that is not what it should be.
    """
    flags = ("--chain-id", str(chain_id), "--timestamp", str(plan.started), "--accounts", "1")
    with own_anvil(*flags) as stage:
        gas = tuple(_play(stage, plan))
        with networks.parse_network_choice(f"ethereum:local:{stage.provider.endpoint_uri}"):  # type: ignore[attr-defined]
            suite = suite_at(plan.addresses)
            verify_code(plan.addresses, compiled)
            check_suite(suite)
            held = tuple(holdings(suite))
    base, tip = current_fees(web3)
    data_fee = sum(_data_fee(web3, step) for step in plan.steps[done:])
    return Preview(plan, gas, base, tip, data_fee, held, done)


def _play(stage: Web3, plan: Plan) -> Iterator[int]:
    """The gas of each step."""
    stage.provider.make_request("anvil_impersonateAccount", [plan.deployer])  # type: ignore[arg-type]
    stage.provider.make_request("anvil_setBalance", [plan.deployer, hex(1000 * _ETHER)])  # type: ignore[arg-type]
    stage.provider.make_request("anvil_setNonce", [plan.deployer, hex(plan.first_nonce)])  # type: ignore[arg-type]
    for step in plan.steps:
        request: dict[str, Any] = {"from": plan.deployer, "data": step.data, "gas": MOST_GAS}
        if step.to is not None:
            request["to"] = step.to
        try:
            stage.eth.call(request)  # type: ignore[arg-type]
        except (ContractCustomError, ContractLogicError, ContractPanicError) as refusal:
            raise DeploymentError(f"{step.label}: would be refused: {refusal_words(refusal)}") from None
        sent = stage.eth.send_transaction(request)  # type: ignore[arg-type]
        receipt = stage.eth.wait_for_transaction_receipt(sent)
        if receipt["status"] != 1:
            raise DeploymentError(f"{step.label}: fails, with {receipt['gasUsed']:,} of {MOST_GAS:,} gas used")
        yield int(receipt["gasUsed"])


def _data_fee(web3: Web3, step: Step) -> int:
    """What a rollup of the OP stack takes for a step's data; nothing elsewhere."""
    if not web3.eth.get_code(_OP_STACK_ORACLE):  # type: ignore[arg-type]
        return 0
    padded = step.data + bytes(-len(step.data) % 32)
    data = _GET_L1_FEE + (32).to_bytes(32) + len(step.data).to_bytes(32) + padded
    return int.from_bytes(web3.eth.call({"to": _OP_STACK_ORACLE, "data": data}))
