"""Gas of the suite's work, from receipts on Anvil: `make gas`.

Every figure is `gasUsed` of a whole transaction in steady state: each slot it writes is non-zero before and after, and
the registry's ring has wrapped, unless the row says otherwise. Writes `benchmarks/gas.json`; `--check` compares with
the committed file and fails when a figure grew.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ape
from ape import accounts, chain, project
from ape.api import AccountAPI, ReceiptAPI
from ape.logging import LogLevel, logger
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak
from scripts._bonds import bond_oracles
from scripts._deploy import Suite, deploy_suite
from scripts._recipe import Recipe, load_recipe

from sbi_network.protocol.messages import Report, TransferWithAuthorization, registry_domain, token_domain
from sbi_network.protocol.oracle_set import pack_signatures
from sbi_network.protocol.typed_data import Domain
from sbi_network.roll.batch import Batch, build_batch
from sbi_network.roll.leaf import CitizenLeaf

OUT = Path(__file__).with_name("gas.json")
PRODUCTION = (
    "SBIToken",
    "DistributionVault",
    "ComputeOracleRegistry",
    "CitizenRegistry",
    "IssuancePolicy",
    "ComputeExchange",
    "EcdsaVerifier",
    "SignerBonds",
    "ComputeDisputes",
)
CODE_LIMIT = 24_576

EPOCH = 100
DISPUTE = 10
RING = 8
REGION = 2
ORACLES = 31
QUORUM = 21
PAYERS = 100
TOWN = 1_000
NATION = 1_400_000_000
OUTPUT = 200_000


def account(label: str, number: int) -> LocalAccount:
    """A key that is the same in every run, so that calldata and its gas are too."""
    signer: LocalAccount = Account.from_key(keccak(text=f"gas benchmark {label} {number}"))
    return signer


def recipe() -> Recipe:
    """The local recipe with 31 oracles and spans that let a ring of eight epochs wrap in a moment."""
    return load_recipe(
        "local",
        {
            "clock.epoch_length_s": EPOCH,
            "clock.report_window_s": EPOCH,
            "clock.dispute_window_s": DISPUTE,
            "clock.max_extension_s": 2 * DISPUTE,
            "clock.ring_epochs": RING,
            "disputes.evidence_horizon_s": 5 * EPOCH,
            "disputes.lock_time_s": 6 * EPOCH,
            "disputes.reveal_window_s": DISPUTE,
            "vault.expiry_age_s": EPOCH * (RING - 2),
            "oracles": [account("oracle", i).address for i in range(ORACLES)],
        },
    )


@dataclass
class Bench:
    """One deployed suite and the verbs the benchmark needs."""

    suite: Suite
    registrar: AccountAPI
    relayer: AccountAPI
    genesis: int
    epoch: int = 0
    batches: int = 0
    report_gas: int = 0
    distribute_gas: int = 0
    payments: int = 0
    citizens: dict[int, LocalAccount] = field(default_factory=dict)

    @property
    def token_domain(self) -> Domain:
        return token_domain(chain.chain_id, str(self.suite.token.address))  # type: ignore[arg-type]

    def enrol(self, root: bytes, size: int) -> ReceiptAPI:
        """A batch into the one region."""
        self.batches += 1
        return self.suite.citizens.enrol(root, size, REGION, sender=self.registrar)

    def run_epoch(self) -> None:
        """Reports, finalises and distributes the next epoch; keeps the gas of both."""
        ends = self.genesis + (self.epoch + 1) * EPOCH
        chain.mine(timestamp=ends + 1)
        _, digest, weights_version, _, _ = self.suite.oracles.configAt(self.epoch)
        report = Report(
            config_digest=bytes(digest),
            epoch=self.epoch,
            view_number=0,
            weights_version=int(weights_version),
            facility_count=int(self.suite.oracles.facilityCount()),
            root=keccak(text=f"root {self.epoch}"),
            raw_general=OUTPUT // 2 + self.epoch,
            raw_intelligent=OUTPUT // 3,
            raw_super=OUTPUT // 5,
            public_output=OUTPUT + self.epoch,
        )
        domain = registry_domain(chain.chain_id, str(self.suite.oracles.address))  # type: ignore[arg-type]
        signatures = pack_signatures({i: report.sign(account("oracle", i), domain) for i in range(QUORUM)})
        values = tuple(report.to_typed_data(domain)["message"].values())
        self.report_gas = self.suite.oracles.submitReport(values, signatures, sender=self.relayer).gas_used
        chain.mine(timestamp=ends + 2 * DISPUTE)
        self.distribute_gas = self.suite.vault.distribute(sender=self.relayer).gas_used
        self.epoch += 1

    def authorization(self, payer: LocalAccount, payee: str, value: int, nonce: int) -> tuple[Any, ...]:
        """A signed payment as the contract's struct, with a 64-byte signature."""
        message = TransferWithAuthorization(
            from_=payer.address,
            to=payee,  # type: ignore[arg-type]
            value=value,
            valid_after=0,
            valid_before=2**48,
            nonce=nonce.to_bytes(32),
        )
        signature = message.sign(payer, self.token_domain)
        return (*message.to_typed_data(self.token_domain)["message"].values(), signature.to_compact())


def start(heads: int) -> Bench:
    """A suite with one batch of `heads`, its ring wrapped and its vault in steady state."""
    deployer = accounts.test_accounts[0]
    registrar = accounts.test_accounts[5]
    suite = deploy_suite(recipe(), deployer)
    bond_oracles(suite, deployer, (account("oracle", i) for i in range(ORACLES)))
    bench = Bench(suite, registrar, deployer, suite.oracles.genesis())
    chain.mine(timestamp=bench.genesis)
    bench.enrol(keccak(text="the rest of the roll"), heads)
    for _ in range(RING + 2):
        bench.run_epoch()
    return bench


def enrol_payers(bench: Bench) -> list[LocalAccount]:
    """A real batch of payers, all activated, all with income settled once and tokens in hand."""
    payers = [account("payer", i) for i in range(PAYERS)]
    leaves = [CitizenLeaf(i, payer.address, keccak(text=f"person {i}")) for i, payer in enumerate(payers)]  # type: ignore[arg-type]
    batch: Batch = build_batch(leaves)
    number = bench.suite.citizens.batchCount()
    bench.enrol(batch.root, batch.size)
    for leaf in batch.leaves:
        bench.suite.citizens.activate(
            number, leaf.index, leaf.account, leaf.person, list(batch.proof(leaf.index)), sender=bench.relayer
        )
    bench.run_epoch()
    return payers


def activation_gas(bench: Bench, depth: int) -> int:
    """One activation in a roll of 2**depth leaves, a neighbour's bit already set in its word.

    The tree is not built: siblings of a real size are made up and the root follows from them, which is all a proof is.
    """
    index = 2**depth - 2
    number = bench.suite.citizens.batchCount()
    siblings = [keccak(text=f"sibling {depth} {i}") for i in range(depth)]
    neighbours = [CitizenLeaf(index + i, account("citizen", depth + i).address, keccak(text=f"p {i}")) for i in (0, 1)]  # type: ignore[arg-type]
    node = _pair(neighbours[0].hash(), neighbours[1].hash())
    for sibling in siblings[1:]:
        node = _pair(node, sibling)
    bench.enrol(node, 2**depth)
    gas = 0
    for mine, other in ((0, 1), (1, 0)):
        leaf = neighbours[mine]
        proof = [neighbours[other].hash(), *siblings[1:]]
        receipt = bench.suite.citizens.activate(
            number, leaf.index, leaf.account, leaf.person, proof, sender=bench.relayer
        )
        gas = receipt.gas_used
    return gas


def _pair(left: bytes, right: bytes) -> bytes:
    return keccak(min(left, right) + max(left, right))


def payment_rows(bench: Bench, payers: list[LocalAccount]) -> dict[str, int]:
    """Relayed payments, alone and in batches of 100 heads, each to a payee of its own, nonce words in use."""
    token = bench.suite.token

    def pay_batch(value: Callable[[LocalAccount], int], nonce: int) -> int:
        items = [
            bench.authorization(payer, account("payee", i).address, value(payer), nonce)
            for i, payer in enumerate(payers)
        ]
        receipt = token.transferWithAuthorizations(items, sender=bench.relayer)
        assert not list(receipt.decode_logs(token.AuthorizationSkipped)), "a payment of the batch was skipped"
        return int(receipt.gas_used)

    pay_batch(lambda payer: token.accountOf(payer.address)[0] + 1, 0)  # first use of each nonce word; settles
    settled = pay_batch(lambda _: 7 * 10**15, 1)
    bench.run_epoch()
    settling = pay_batch(lambda payer: token.accountOf(payer.address)[0] + 10**12, 2)
    message = bench.authorization(payers[0], account("payee", 1).address, 10**15, 3)
    single = token.transferWithAuthorization(message, sender=bench.relayer).gas_used
    return {
        "relayed_single": single,
        "relayed_batch100_per_head": -(-settled // PAYERS),
        "relayed_batch100_settling_per_head": -(-settling // PAYERS),
    }


def own_rows(bench: Bench, payers: list[LocalAccount]) -> dict[str, int]:
    """What a citizen with ether does: transfers and recycling, with and without settling."""
    token = bench.suite.token
    payer, payee = payers[0].address, payers[1].address
    with impersonated(payer) as citizen:
        token.recycle(1, sender=citizen)
        plain = token.transfer(payee, 10**15, sender=citizen).gas_used
        bench.run_epoch()
        spend = token.transfer(payee, token.accountOf(payer)[0] + 10**15, sender=citizen).gas_used
        bench.run_epoch()
        recycle = token.recycle(token.accountOf(payer)[0] + 10**15, sender=citizen).gas_used
    return {"spend_settling": spend, "transfer": plain, "recycle_settling": recycle}


@contextmanager
def impersonated(address: str) -> Iterator[AccountAPI]:
    """A citizen of the batch as a sender, with ether lent by the node."""
    chain.provider.set_balance(address, 10**18)
    with accounts.use_sender(address) as sender:
        yield sender


def measure() -> dict[str, Any]:
    """All rows. Keys are those of the issue that asked for them."""
    heads = {"distribute_headcount_1": 1, f"distribute_headcount_{NATION}": NATION}
    rows = {name: start(headcount).distribute_gas for name, headcount in heads.items()}
    town = start(TOWN)
    rows |= {"distribute": town.distribute_gas, "report_n31": town.report_gas}
    rows["enrol_batch"] = town.enrol(keccak(text="another batch"), TOWN).gas_used
    payers = enrol_payers(town)
    rows |= payment_rows(town, payers)
    rows |= own_rows(town, payers)
    rows["activate_2_20"] = activation_gas(town, 20)
    rows["activate_2_31"] = activation_gas(town, 31)
    return {
        **rows,
        "code_size": {name: code_size(name) for name in PRODUCTION},
        "about": {
            "command": "make gas",
            "measured": "gasUsed of the receipt, whole transaction, Anvil, hardfork prague, steady state",
            "ring": f"wrapped (ring of {RING} epochs); before it wraps, report_n31 costs 2 × 17,100 more",
            "report_n31": f"n = {ORACLES}, {QUORUM} signatures",
            "headcounts": {"distribute": TOWN},
        },
    }


def code_size(name: str) -> int:
    """Bytes of deployed code."""
    runtime = project.get_contract(name).contract_type.get_runtime_bytecode() or b""
    if len(runtime) >= CODE_LIMIT:
        raise SystemExit(f"{name}: {len(runtime)} bytes of code, the limit is below {CODE_LIMIT}")
    return len(runtime)


def grown(new: dict[str, Any], old: dict[str, Any]) -> list[str]:
    """Every figure that is larger than the committed one, as a line."""
    pairs = [(key, value, old.get(key)) for key, value in new.items() if isinstance(value, int)]
    pairs += [(f"code_size.{k}", v, old.get("code_size", {}).get(k)) for k, v in new["code_size"].items()]
    return [f"{key}: {before} -> {after}" for key, after, before in pairs if before is not None and after > before]


def main() -> None:
    """Command line of `make gas`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if a figure grew; do not write")
    arguments = parser.parse_args()
    logger.set_level(LogLevel.WARNING)
    with ape.networks.parse_network_choice("ethereum:local:foundry"):
        result = measure()
    print(json.dumps(result, indent=2))
    committed = json.loads(OUT.read_text(encoding="utf-8")) if OUT.is_file() else {}
    worse = grown(result, committed)
    if worse:
        print("grew: " + "; ".join(worse), file=sys.stderr)
    if arguments.check:
        raise SystemExit(1 if worse else 0)
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
