"""Superfluid: a pool of its General Distribution Agreement, with its published bytecode and its own deployer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from hexbytes import HexBytes
from web3.contract import Contract
from web3.contract.contract import ContractFunction

from benchmarks.peers.node import OFFICE, Figure, Node, person
from benchmarks.peers.packages import modules, published

PACKAGE: Final = "@superfluid-finance/ethereum-contracts"
_BUILD: Final = f"{PACKAGE}/build/hardhat/contracts"
_STEPS: Final = f"{_BUILD}/utils/SuperfluidFrameworkDeploymentSteps.t.sol"
_REGISTRY_1820: Final = "0x1820a4B7618BdE71Dce8cdc73aAB6C95905faD24"
_DEPLOYERS: Final = (
    "CFAv1ForwarderDeployerLibrary",
    "GDAv1ForwarderDeployerLibrary",
    "ProxyDeployerLibrary",
    "SuperTokenDeployerLibrary",
    "SuperTokenFactoryDeployerLibrary",
    "SuperfluidCFAv1DeployerLibrary",
    "SuperfluidGDAv1DeployerLibrary",
    "SuperfluidGovDeployerLibrary",
    "SuperfluidHostDeployerLibrary",
    "SuperfluidIDAv1DeployerLibrary",
    "SuperfluidPeripheryDeployerLibrary",
    "SuperfluidPoolLogicDeployerLibrary",
    "SuperfluidPoolNFTLogicDeployerLibrary",
    "TokenDeployerLibrary",
)
SUPPLY: Final = 10**30
ISSUE: Final = 10**21


def framework(node: Node) -> Contract:
    """The whole protocol, by its own deployer."""
    at = {
        "SlotsBitmapLibrary": node.deploy(published(f"{_BUILD}/libs/SlotsBitmapLibrary.sol/SlotsBitmapLibrary.json")),
        "SuperfluidPoolDeployerLibrary": node.deploy(
            published(f"{_BUILD}/agreements/gdav1/SuperfluidPoolDeployerLibrary.sol/SuperfluidPoolDeployerLibrary.json")
        ),
    }
    places = {name: str(contract.address) for name, contract in at.items()}
    for name in _DEPLOYERS:
        library = published(f"{_STEPS}/{name}.json")
        places[name] = str(node.deploy(library, libraries=places).address)
    _place_1820(node)
    deployer = published(f"{_BUILD}/utils/SuperfluidFrameworkDeployer.t.sol/SuperfluidFrameworkDeployer.json")
    found = node.deploy(deployer, libraries=places)
    for step in range(found.functions.getNumSteps().call()):
        node.send(found.functions.executeStep(step))
    return found


def _place_1820(node: Node) -> None:
    """The registry of ERC-1820, which every public chain has at this address."""
    source = modules() / PACKAGE / "contracts" / "libs" / "ERC1820RegistryCompiled.sol"
    code = re.search(r'BYTECODE = bytes\(hex"([0-9a-f]+)"\)', source.read_text(encoding="utf-8"))
    assert code is not None, f"{source} holds no bytecode"
    node.request("anvil_setCode", _REGISTRY_1820, f"0x{code[1]}")


@dataclass(frozen=True)
class Pool:
    """A pool whose members have equal units, and the agreement that serves it."""

    node: Node
    host: Contract
    agreement: Contract
    token: Contract
    pool: Contract

    def call(self, call: ContractFunction, sender: str = OFFICE) -> int:
        """Calls the agreement through the host, as everybody must."""
        data = HexBytes(call._encode_transaction_data())
        return self.node.send(self.host.functions.callAgreement(self.agreement.address, data, b""), sender)

    def join(self, member: str) -> tuple[int, int]:
        """One unit from the office, and the member's own connection: what each cost."""
        units = self.node.send(self.pool.functions.updateMemberUnits(member, 1))
        return units, self.call(self.agreement.functions.connectPool(self.pool.address, b""), member)

    def distribute(self, amount: int) -> int:
        """Shares an amount among all members' units."""
        return self.call(
            self.agreement.functions.distribute(self.token.address, OFFICE, self.pool.address, amount, b"")
        )


def pool_of(node: Node, deployer: Contract) -> Pool:
    """A token of fixed supply, all of it with the office, and a pool of it."""
    parts = deployer.functions.getFramework().call()
    kinds = cast(Any, deployer.get_function_by_name("getFramework").abi)["outputs"][0]["components"]
    at = {kind["name"]: address for kind, address in zip(kinds, parts, strict=True)}
    create = deployer.functions.deployPureSuperToken("Income", "INC", SUPPLY)
    token = create.call({"from": OFFICE})
    node.send(create)
    agreement = node.at(_abi("agreements/gdav1/GeneralDistributionAgreementV1"), at["gda"])
    pooling = agreement.functions.createPool(token, OFFICE, (False, False))
    pool = pooling.call({"from": OFFICE})
    node.send(pooling)
    return Pool(
        node,
        node.at(_abi("superfluid/Superfluid"), at["host"]),
        agreement,
        node.at(_abi("superfluid/SuperToken"), token),
        node.at(_abi("agreements/gdav1/SuperfluidPool"), pool),
    )


def _abi(path: str) -> list[dict[str, Any]]:
    return published(f"{_BUILD}/{path}.sol/{path.rsplit('/', 1)[-1]}.json").abi


def measure(node: Node, deployer: Contract, citizens: Sequence[str]) -> dict[str, Figure]:
    """Every work that it has, with as many members as there are citizens, all connected."""
    made = pool_of(node, deployer)
    token = made.token.functions
    payer, payee, outsider, other = (*citizens[:2], person("outsider"), person("other"))
    for idle in (outsider, other):
        node.send(token.transfer(idle, ISSUE))
    plain = [node.send(token.transfer(other, 10**15), outsider) for _ in range(2)][-1]
    joined = [made.join(citizen) for citizen in citizens]
    waiting = person("waiting")
    node.send(made.pool.functions.updateMemberUnits(waiting, 1))
    paid = [made.distribute(ISSUE) for _ in range(2)][-1]
    node.send(token.transfer(payee, 1), payer)
    claims = []
    for _ in range(2):
        claims.append(node.send(made.pool.functions.claimAll(waiting), waiting))
        made.distribute(ISSUE)
    before = token.balanceOf(payer).call()
    made.distribute(ISSUE)
    assert token.balanceOf(payer).call() > before, "the pool paid nothing"
    spent = node.send(token.transfer(payee, token.balanceOf(payer).call() - 10**12), payer)
    return {
        "epoch": Figure(paid, f"`distribute` to a pool of {len(citizens):,} connected members"),
        "epoch_transaction": Figure(paid, "`distribute` to the pool; that is all"),
        "receive": Figure(0, "a connected member's balance counts its share; no transaction"),
        "receive_unconnected": Figure(claims[-1], "`claimAll` by a member that is not connected"),
        "spend_income": Figure(spent, "`transfer` by a connected member, of what the pool paid"),
        "transfer": Figure(plain, "`transfer` of a PureSuperToken between holders in no agreement"),
        "enrol": Figure(sum(units for units, _ in joined), "`updateMemberUnits` for each"),
        "join": Figure(sum(joined[-1]), "`updateMemberUnits`, and the member's `connectPool`"),
    }
