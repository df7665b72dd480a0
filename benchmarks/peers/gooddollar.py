"""GoodDollar: its daily UBI scheme, identity and token, with their published bytecode, each behind its proxy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3.contract import Contract

from benchmarks.peers.node import DAY, NOBODY, OFFICE, Figure, Node
from benchmarks.peers.packages import OURS, compiled, published

PACKAGE: Final = "@gooddollar/goodprotocol"
_ARTIFACTS: Final = f"{PACKAGE}/artifacts/contracts"
_LEAST_CLAIMERS: Final = 1_000
_POOL: Final = 10**24


@dataclass(frozen=True)
class Scheme:
    """The parts that a citizen meets."""

    node: Node
    identity: Contract
    token: Contract
    ubi: Contract


def scheme(node: Node, superfluid: Contract) -> Scheme:
    """The scheme with a funded pool. `superfluid` deployed the protocol that the token is built on."""
    adapters = compiled("Adapters.sol", OURS, {"optimizer": {"enabled": True}})
    controller = node.deploy(adapters["DaoController"], OFFICE)
    names = _proxied(node, "utils/NameService.sol/NameService", controller.address, [], [])
    identity = _proxied(node, "identity/IdentityV4.sol/IdentityV4", OFFICE, NOBODY)
    node.send(identity.functions.initDAO(names.address))
    token = _token(node, superfluid, identity)
    parts = {"IDENTITY": identity.address, "GOODDOLLAR": token.address}
    hashes = [keccak(text=name) for name in parts]
    node.send(names.functions.setAddresses(hashes, list(parts.values())))
    ubi = _proxied(node, "ubi/UBISchemeV2.sol/UBISchemeV2", names.address, _LEAST_CLAIMERS)
    node.send(token.functions.mint(ubi.address, _POOL))
    return Scheme(node, identity, token, ubi)


def _proxied(node: Node, path: str, *arguments: object) -> Contract:
    built = published(f"{_ARTIFACTS}/{path}.json")
    logic = node.deploy(built)
    proxy = node.deploy(published(f"{_ARTIFACTS}/utils/ProxyFactory1967.sol/ERC1967Proxy.json"))
    start = logic.functions.initialize(*arguments)._encode_transaction_data()
    node.send(proxy.functions.initialize(logic.address, HexBytes(start)))
    return node.at(built.abi, proxy.address)


def _token(node: Node, superfluid: Contract, identity: Contract) -> Contract:
    built = published(f"{_ARTIFACTS}/token/superfluid/SuperGoodDollar.sol/SuperGoodDollar.json")
    formula = node.deploy(published(f"{_ARTIFACTS}/token/MultichainFeeFormula.sol/MultichainFeeFormula.json"))
    logic = node.deploy(built, superfluid.functions.getFramework().call()[1])
    proxy = node.deploy(published(f"{_ARTIFACTS}/token/superfluid/UUPSProxy.sol/UUPSProxy.json"))
    node.send(proxy.functions.initializeProxy(logic.address))
    token = node.at(built.abi, proxy.address)
    start = token.get_function_by_signature("initialize(string,string,uint256,address,address,address,address)")
    node.send(start("GoodDollar", "G$", 0, formula.address, identity.address, OFFICE, OFFICE))
    return token


def measure(node: Node, superfluid: Contract, citizens: Sequence[str]) -> dict[str, Figure]:
    """Every work that it has. The day that counts is the second: each has claimed before."""
    made = scheme(node, superfluid)
    listed = [node.send(made.identity.functions.addWhitelisted(citizen)) for citizen in citizens]
    claim = made.ubi.functions.claim()
    for citizen in citizens:
        node.send(claim, citizen)
    node.wait(DAY)
    for citizen in citizens:
        node.send(made.identity.functions.authenticate(citizen))
    before = made.token.functions.balanceOf(citizens[-1]).call()
    claims = [node.send(claim, citizen) for citizen in citizens]
    income = made.token.functions.balanceOf(citizens[-1]).call() - before
    assert income > 0, "the scheme paid nothing"
    spent = node.send(made.token.functions.transfer(citizens[0], income), citizens[-1])
    return {
        "epoch": Figure(sum(claims), f"`claim` by each of {len(citizens):,}, on a day after the first"),
        "epoch_transaction": Figure(claims[0], "the day's first `claim`, which fixes the day's share"),
        "receive": Figure(claims[-1], "`claim`, on a day after the first"),
        "spend_income": Figure(claims[-1] + spent, "`claim`, then `transfer`"),
        "transfer": Figure(spent, "`transfer` of SuperGoodDollar"),
        "enrol": Figure(sum(listed), "`addWhitelisted` for each"),
        "join": Figure(listed[-1], "`addWhitelisted`; not counted: an authentication on day 1 and 7, then each 180"),
    }
