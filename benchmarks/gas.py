"""Gas of the suite's work, from receipts on Anvil: `make gas`.

Every figure is `gasUsed` of a whole transaction in steady state: each slot it writes is non-zero before and after, and
the registry's ring has wrapped, unless the row says otherwise. Writes `benchmarks/gas.json` and the tables of
`docs/gas.md`; `--check` writes nothing, compares with the committed file and fails when a figure grew.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ape
from ape import accounts, chain, project
from ape.api import AccountAPI, ReceiptAPI
from ape.logging import LogLevel, logger
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from scripts._bonds import bond_oracles
from scripts._deploy import Suite, deploy_suite
from scripts._recipe import Recipe, load_recipe

from benchmarks.breakdown import Floor, Row, floor_of, grown, replace_tables, tables
from sbi_network.protocol.address import check_address
from sbi_network.protocol.messages import Report, TransferWithAuthorization, registry_domain, token_domain
from sbi_network.protocol.oracle_set import pack_signatures
from sbi_network.protocol.typed_data import Address, Domain
from sbi_network.roll.batch import Batch, build_batch
from sbi_network.roll.leaf import CitizenLeaf

OUT = Path(__file__).with_name("gas.json")
TABLES = Path(__file__).parents[1] / "docs" / "gas.md"
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
    "ProductDisputes",
    "CitizenVotes",
    "SecondChamber",
    "SuiteGovernor",
    "SuiteTimelock",
    "SuiteAccessManager",
    "AuditTerms",
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
MANY = 255
OUTPUT = 200_000

ROWS = {
    "distribute_headcount_1": Row("the next epoch's dividend, among one citizen", reach=52_000),
    f"distribute_headcount_{NATION}": Row(f"the same, among {NATION:,} citizens", reach=52_000),
    "distribute": Row(f"the same, among {TOWN:,} citizens", reach=52_000),
    "report_n31": Row(f"an epoch's report by {ORACLES} oracles, with {QUORUM} signatures", reach=150_000),
    f"report_n31_facilities_{MANY}": Row(f"the same, of {MANY} facilities instead of two", reach=150_000),
    "enrol_batch": Row("a batch of any number of citizens into a region", reach=110_000),
    "relayed_single": Row("a signed payment, relayed alone", reach=52_000),
    "relayed_batch100_per_head": Row(f"one of {PAYERS} signed payments relayed together", 28_000, PAYERS),
    "relayed_batch100_settling_per_head": Row("the same, each settling accrued income first", 30_000, PAYERS),
    "spend_settling": Row("a transfer that settles accrued income first", reach=41_500),
    "transfer": Row("a transfer out of the settled balance", reach=34_600),
    "recycle_settling": Row("a recycling that settles accrued income first", reach=41_500),
    "activate_2_20": Row("a citizen's activation in a batch of 2^20", reach=106_000),
    "activate_2_31": Row("a citizen's activation in a batch of 2^31", reach=115_000),
}
"""What each figure is; the reach is what it is to stay within."""


def account(label: str, number: int) -> LocalAccount:
    """A key that is the same in every run, so that calldata and its gas are too."""
    signer: LocalAccount = Account.from_key(keccak(text=f"gas benchmark {label} {number}"))
    return signer


def recipe(facilities: int, oracles: int) -> Recipe:
    """The local recipe with so many oracles and spans that let a ring of eight epochs wrap in a moment."""
    facility = {
        "operator": account("operator", 0).address,
        "reading_key": account("reading key", 0).address,
        "region": REGION,
        "capacities": [OUTPUT] * 3,
        "public_share_bps": 10_000,
    }
    return load_recipe(
        "local",
        {
            "clock.genesis_delay_s": 60 + 10 * facilities,  # a block a second while they are registered
            "facilities": [facility] * facilities,
            "clock.epoch_length_s": EPOCH,
            "clock.report_window_s": EPOCH,
            "clock.dispute_window_s": DISPUTE,
            "clock.max_extension_s": 2 * DISPUTE,
            "clock.ring_epochs": RING,
            "disputes.evidence_horizon_s": 5 * EPOCH,
            "disputes.lock_time_s": 6 * EPOCH,
            "disputes.reveal_window_s": DISPUTE,
            "vault.expiry_age_s": EPOCH * (RING - 2),
            "vault.halt_span_s": EPOCH,
            "vault.jump_floor_ngaicph": OUTPUT // 2,  # every output is compared with the peak
            "citizens.jump_floor": 2**40 - 1,
            "oracles": [account("oracle", i).address for i in range(oracles)],
        },
    )


@dataclass
class Bench:
    """One deployed suite and the verbs the benchmark needs."""

    suite: Suite
    registrar: AccountAPI
    relayer: AccountAPI
    genesis: int
    quorum: int
    epoch: int = 0
    batches: int = 0
    report: ReceiptAPI | None = None
    dividend: ReceiptAPI | None = None

    @property
    def token_domain(self) -> Domain:
        return token_domain(chain.chain_id, check_address("token", self.suite.token.address))

    def enrol(self, root: bytes, size: int) -> ReceiptAPI:
        """A batch into the one region."""
        self.batches += 1
        return self.suite.citizens.enrol(root, size, REGION, sender=self.registrar)

    def run_epoch(self) -> None:
        """Reports, finalises and distributes the next epoch; keeps the receipts of both."""
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
        domain = registry_domain(chain.chain_id, check_address("oracles", self.suite.oracles.address))
        signatures = pack_signatures({i: report.sign(account("oracle", i), domain) for i in range(self.quorum)})
        values = tuple(report.to_typed_data(domain)["message"].values())
        self.report = self.suite.oracles.submitReport(values, signatures, sender=self.relayer)
        chain.mine(timestamp=ends + 2 * DISPUTE)
        self.dividend = self.suite.vault.distribute(sender=self.relayer)
        self.epoch += 1

    def authorization(self, payer: LocalAccount, payee: Address, value: int, nonce: int) -> tuple[Any, ...]:
        """A signed payment as the contract's struct, with a 64-byte signature."""
        message = TransferWithAuthorization(
            from_=payer.address,
            to=payee,
            value=value,
            valid_after=0,
            valid_before=2**48,
            nonce=nonce.to_bytes(32),
        )
        signature = message.sign(payer, self.token_domain)
        return (*message.to_typed_data(self.token_domain)["message"].values(), signature.to_compact())


def start(heads: int, facilities: int = 2, oracles: int = ORACLES) -> Bench:
    """A suite with one batch of `heads`, its ring wrapped and its vault in steady state.

    Of `oracles`, 3f + 1 in number, 2f + 1 sign.
    """
    deployer = accounts.test_accounts[0]
    registrar = accounts.test_accounts[5]
    suite = deploy_suite(recipe(facilities, oracles), deployer)
    bond_oracles(suite, deployer, (account("oracle", i) for i in range(oracles)))
    bench = Bench(suite, registrar, deployer, suite.oracles.genesis(), quorum=2 * ((oracles - 1) // 3) + 1)
    chain.mine(timestamp=bench.genesis)
    bench.enrol(keccak(text="the rest of the roll"), heads)
    for _ in range(RING + 2):
        bench.run_epoch()
    return bench


def enrol_payers(bench: Bench) -> list[LocalAccount]:
    """A real batch of payers, all activated, all with income settled once and tokens in hand."""
    payers = [account("payer", i) for i in range(PAYERS)]
    leaves = [CitizenLeaf(i, payer.address, keccak(text=f"person {i}")) for i, payer in enumerate(payers)]
    batch: Batch = build_batch(leaves)
    number = bench.suite.citizens.batchCount()
    bench.enrol(batch.root, batch.size)
    for leaf in batch.leaves:
        bench.suite.citizens.activate(
            number, leaf.index, leaf.account, leaf.person, list(batch.proof(leaf.index)), sender=bench.relayer
        )
    bench.run_epoch()
    return payers


def activation(bench: Bench, depth: int) -> ReceiptAPI:
    """One activation in a roll of 2**depth leaves, a neighbour's bit already set in its word.

    The tree is not built: siblings of a real size are made up and the root follows from them, which is all a proof is.
    """
    index = 2**depth - 2
    number = bench.suite.citizens.batchCount()
    siblings = [keccak(text=f"sibling {depth} {i}") for i in range(depth)]
    neighbours = [CitizenLeaf(index + i, account("citizen", depth + i).address, keccak(text=f"p {i}")) for i in (0, 1)]
    node = _pair(neighbours[0].hash(), neighbours[1].hash())
    for sibling in siblings[1:]:
        node = _pair(node, sibling)
    bench.enrol(node, 2**depth)
    for mine, other in ((0, 1), (1, 0)):
        leaf = neighbours[mine]
        proof = [neighbours[other].hash(), *siblings[1:]]
        receipt = bench.suite.citizens.activate(
            number, leaf.index, leaf.account, leaf.person, proof, sender=bench.relayer
        )
    return receipt


def _pair(left: bytes, right: bytes) -> bytes:
    return keccak(min(left, right) + max(left, right))


def payment_rows(bench: Bench, payers: list[LocalAccount]) -> dict[str, ReceiptAPI]:
    """Relayed payments, alone and in batches of 100 heads, each to a payee of its own, nonce words in use."""
    token = bench.suite.token

    def pay_batch(value: Callable[[LocalAccount], int], nonce: int) -> ReceiptAPI:
        items = [
            bench.authorization(payer, account("payee", i).address, value(payer), nonce)
            for i, payer in enumerate(payers)
        ]
        receipt = token.transferWithAuthorizations(items, sender=bench.relayer)
        assert not list(receipt.decode_logs(token.AuthorizationSkipped)), "a payment of the batch was skipped"
        return receipt

    pay_batch(lambda payer: token.accountOf(payer.address)[0] + 1, 0)  # first use of each nonce word; settles
    settled = pay_batch(lambda _: 7 * 10**15, 1)
    bench.run_epoch()
    settling = pay_batch(lambda payer: token.accountOf(payer.address)[0] + 10**12, 2)
    message = bench.authorization(payers[0], account("payee", 1).address, 10**15, 3)
    single = token.transferWithAuthorization(message, sender=bench.relayer)
    return {
        "relayed_single": single,
        "relayed_batch100_per_head": settled,
        "relayed_batch100_settling_per_head": settling,
    }


def own_rows(bench: Bench, payers: list[LocalAccount]) -> dict[str, ReceiptAPI]:
    """What a citizen with ether does: transfers and recycling, with and without settling."""
    token = bench.suite.token
    payer, payee = payers[0].address, payers[1].address
    with impersonated(payer) as citizen:
        token.recycle(1, sender=citizen)
        plain = token.transfer(payee, 10**15, sender=citizen)
        bench.run_epoch()
        spend = token.transfer(payee, token.accountOf(payer)[0] + 10**15, sender=citizen)
        bench.run_epoch()
        recycle = token.recycle(token.accountOf(payer)[0] + 10**15, sender=citizen)
    return {"spend_settling": spend, "transfer": plain, "recycle_settling": recycle}


@contextmanager
def impersonated(address: str) -> Iterator[AccountAPI]:
    """A citizen of the batch as a sender, with ether lent by the node."""
    chain.provider.set_balance(address, 10**18)
    with accounts.use_sender(address) as sender:
        yield sender


def measure() -> dict[str, ReceiptAPI]:
    """The transaction of each row."""
    heads = {"distribute_headcount_1": 1, f"distribute_headcount_{NATION}": NATION}
    receipts = {name: start(headcount).dividend for name, headcount in heads.items()}
    receipts[f"report_n31_facilities_{MANY}"] = start(TOWN, MANY).report
    town = start(TOWN)
    receipts |= {"distribute": town.dividend, "report_n31": town.report}
    receipts["enrol_batch"] = town.enrol(keccak(text="another batch"), TOWN)
    payers = enrol_payers(town)
    receipts |= payment_rows(town, payers)
    receipts |= own_rows(town, payers)
    receipts["activate_2_20"] = activation(town, 20)
    receipts["activate_2_31"] = activation(town, 31)
    return receipts


def results(figures: dict[str, int]) -> dict[str, Any]:
    """What `gas.json` holds. Keys are those of the issue that asked for them."""
    return {
        **figures,
        "code_size": {name: code_size(name) for name in PRODUCTION},
        "about": {
            "command": "make gas",
            "measured": "gasUsed of the receipt, whole transaction, Anvil, hardfork prague, steady state",
            "ring": f"wrapped (ring of {RING} epochs); before it wraps, report_n31 costs 2 × 17,100 more",
            "report_n31": f"n = {ORACLES}, {QUORUM} signatures",
            "headcounts": {"distribute": TOWN},
        },
    }


def floor(receipt: ReceiptAPI) -> Floor:
    """What the gas schedule asks of this transaction, from the node's trace."""
    options = {"disableStorage": True, "disableMemory": True, "disableStack": True}
    trace = chain.provider.make_request("debug_traceTransaction", [receipt.txn_hash, options])
    transaction = chain.provider.make_request("eth_getTransactionByHash", [receipt.txn_hash])
    return floor_of(bytes.fromhex(transaction["input"][2:]), trace["structLogs"], receipt.gas_used)


def code_size(name: str) -> int:
    """Bytes of deployed code."""
    runtime = project.get_contract(name).contract_type.get_runtime_bytecode() or b""
    if len(runtime) >= CODE_LIMIT:
        raise SystemExit(f"{name}: {len(runtime)} bytes of code, the limit is below {CODE_LIMIT}")
    return len(runtime)


def main() -> None:
    """Command line of `make gas`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if a figure grew; do not write")
    arguments = parser.parse_args()
    logger.set_level(LogLevel.WARNING)
    project.load_contracts()  # before the chain's clock starts
    with ape.networks.parse_network_choice("ethereum:local:foundry"):
        receipts = measure()
        floors = {} if arguments.check else {name: floor(receipt) for name, receipt in receipts.items()}
    figures = {name: -(-int(receipts[name].gas_used) // row.heads) for name, row in ROWS.items()}
    result = results(figures)
    print(json.dumps(result, indent=2))
    committed = json.loads(OUT.read_text(encoding="utf-8")) if OUT.is_file() else {}
    worse = grown(result, committed)
    if worse:
        print("grew: " + "; ".join(worse), file=sys.stderr)
    if arguments.check:
        raise SystemExit(1 if worse else 0)
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    document = replace_tables(TABLES.read_text(encoding="utf-8"), tables(ROWS, figures, floors))
    TABLES.write_text(document, encoding="utf-8")


if __name__ == "__main__":
    main()
