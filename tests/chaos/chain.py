"""Anvil with the contracts that oracles deal with: registry, bonds, disputes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rlp
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_canonical_address, to_checksum_address
from eth_utils.crypto import keccak
from web3 import HTTPProvider, Web3

from sbi_network.protocol.address import check_address
from sbi_network.protocol.messages import Bond, bonds_domain
from sbi_network.protocol.sumtree import SumTree

ROOT = Path(os.environ.get("SBI_TOOLS_ROOT", Path(__file__).parents[2]))
"""Where node_modules and .build are."""

MNEMONIC = "test test test test test test test test test test test junk"
BOND = 10**18
CAPACITY = 10**15
WEIGHTS = [32, 16, 64]


@dataclass(frozen=True)
class Times:
    """Seconds, but for the ring."""

    epoch: int = 8
    report_window: int = 60
    dispute_window: int = 2
    max_extension: int = 12
    ring: int = 256
    reveal_window: int = 10
    evidence_horizon: int = 900
    lock: int = 1_000
    genesis_delay: int = 10


DEMAND_BOND = 10**15
NO_AUDITS = "0x" + "0" * 40
"""No proof is asked for: what is tested there is agreement."""

_NEVER = 2**40
"""Seconds: the deployer stays the admin."""


def development_account(number: int) -> LocalAccount:
    """A development account."""
    Account.enable_unaudited_hdwallet_features()
    made: LocalAccount = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}")
    return made


def anvil_command(port: int, accounts: int = 10) -> list[str]:
    """A block a second; two blocks later it is final."""
    anvil = sorted(ROOT.glob("node_modules/@foundry-rs/anvil-*/bin/anvil*"))
    if not anvil:
        raise FileNotFoundError(f"no native anvil under {ROOT}/node_modules: run `make setup`")
    flags = ["--block-time", "1", "--slots-in-an-epoch", "1", "--accounts", str(accounts), "--silent"]
    return [str(anvil[0]), "--port", str(port), *flags]


class RevertedError(RuntimeError):
    """A transaction of the deployer's that passed when it was estimated, and not in its block."""


class LocalChain:
    """The contracts on a node, and the deployer's powers over them."""

    def __init__(self, rpc_url: str, times: Times) -> None:
        self.rpc_url = rpc_url
        self.times = times
        self.web3 = Web3(HTTPProvider(rpc_url, request_kwargs={"timeout": 30}))
        self.registry: Any = None
        self.bonds: Any = None
        self.disputes: Any = None
        self.genesis = 0
        self.sent_at = 0
        """The block of the deployer's last transaction."""

    def deploy(self, oracles: Sequence[str], reading_keys: Sequence[str]) -> None:
        """Everything, by development account 0, and facilities with these reading keys."""
        eth, times = self.web3.eth, self.times
        owner = eth.default_account = eth.accounts[0]
        self.genesis = int(time.time()) + times.genesis_delay
        timing = (self.genesis, times.epoch, times.report_window, times.dispute_window, times.max_extension, times.ring)
        manager, verifier = self._create("SuiteAccessManager", owner, _NEVER), self._create("EcdsaVerifier")
        # The registry knows bonds and disputes by their addresses before they are there, as in a real deployment.
        nonce = eth.get_transaction_count(owner)
        bonds_at, disputes_at, products_at = (created_by(owner, nonce + after) for after in (1, 2, 3))
        verifiers = (verifier.address, disputes_at)
        registry = self._create(
            "ComputeOracleRegistry", manager.address, timing, bonds_at, list(oracles), WEIGHTS, verifiers
        )
        bonds = self._create("SignerBonds", registry.address, BOND, 4_000, times.lock)
        horizons = (times.evidence_horizon, times.reveal_window, DEMAND_BOND)
        disputes = self._create("ComputeDisputes", registry.address, bonds.address, products_at, *horizons)
        products = self._create("ProductDisputes", disputes.address, NO_AUDITS)
        assert (bonds.address, disputes.address, products.address) == (bonds_at, disputes_at, products_at)
        self.registry, self.bonds, self.disputes, self.verifiers = registry, bonds, disputes, verifiers
        self.send_all(
            [registry.functions.registerFacility(key, key, 1, [CAPACITY] * 3, 10_000) for key in reading_keys]
        )
        assert time.time() < self.genesis, "deploying took longer than the time before genesis"

    def put_up_bonds(self, signers: Sequence[LocalAccount]) -> None:
        """The deployer pays; each signer consents."""
        owner = check_address("owner", self.web3.eth.accounts[0])
        domain = bonds_domain(self.web3.eth.chain_id, check_address("bonds", self.bonds.address))
        accounts = [(signer, check_address("signer", signer.address)) for signer in signers]
        consents = [(account, Bond(account, owner).sign(signer, domain).to_bytes()) for signer, account in accounts]
        self.send_all([self.bonds.functions.bond(*consent) for consent in consents], value=BOND)

    def schedule(self, oracles: Sequence[str], from_epoch: int) -> None:
        """Another set from an epoch on."""
        self.send(self.registry.functions.scheduleConfig(list(oracles), WEIGHTS, self.verifiers, from_epoch))

    def demand(self, epoch: int, place: tuple[int, int], tree: SumTree) -> None:
        """Demand a place of an epoch's tree. Twice the bond, lest others demand first: what is not needed is due."""
        top = (tree.top.hash, int.from_bytes(tree.top.sums))
        bond = self.disputes.functions.bondOfDemand(epoch).call()
        self.send(self.disputes.functions.demand((epoch, *place), tree.count, top), value=2 * bond)

    def send(self, call: Any, **options: Any) -> Any:
        """A transaction of the deployer's that must succeed; its receipt."""
        return self.send_all([call], **options)[0]

    def send_all(self, calls: Sequence[Any], **options: Any) -> list[Any]:
        """Several of them, none of which needs another one's effect."""
        sent = [call.transact(options) for call in calls]
        receipts = [self.web3.eth.wait_for_transaction_receipt(each) for each in sent]
        for call, receipt in zip(calls, receipts, strict=True):
            if receipt["status"] != 1:
                raise RevertedError(call.fn_name)
            self.sent_at = max(self.sent_at, receipt["blockNumber"])
        return receipts

    def ask(self, method: str, *params: Any) -> Any:
        """A node's own method, such as `anvil_reorg`."""
        answer = self.web3.provider.make_request(method, list(params))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    def record(self, epoch: int) -> Any:
        """The report's record; None where there is none."""
        record = self.registry.functions.recordOf(epoch).call()
        return record if record[3] else None

    def running(self) -> int:
        """The epoch that runs by this machine's clock; negative before genesis."""
        return int(time.time() - self.genesis) // self.times.epoch

    def end_of(self, epoch: int) -> int:
        """When an epoch is over."""
        return self.genesis + (epoch + 1) * self.times.epoch

    def _create(self, name: str, *arguments: Any) -> Any:
        built = json.loads((ROOT / ".build" / "__local__.json").read_text())["contractTypes"][name]
        factory = self.web3.eth.contract(abi=built["abi"], bytecode=built["deploymentBytecode"]["bytecode"])
        receipt = self.web3.eth.wait_for_transaction_receipt(factory.constructor(*arguments).transact())
        return self.web3.eth.contract(address=receipt["contractAddress"], abi=built["abi"])


def created_by(owner: str, nonce: int) -> str:
    """Where an account's transaction of this number puts a contract."""
    return str(to_checksum_address(keccak(rlp.encode([to_canonical_address(owner), nonce]))[12:]))
