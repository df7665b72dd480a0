"""OpenZeppelin and Solady: libraries of sources. The least token of each is compiled with our own compiler."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from web3.contract import Contract

from benchmarks.peers.node import DAY, OFFICE, Figure, Node, person
from benchmarks.peers.packages import OURS, Built, compiled

OPENZEPPELIN: Final = "@openzeppelin/contracts"
SOLADY: Final = "solady"
SUPPLY: Final = 10**30
RUNS: Final = 10_000
_AUTHORIZATION: Final = {
    "from": "address",
    "to": "address",
    "value": "uint256",
    "validAfter": "uint256",
    "validBefore": "uint256",
    "nonce": "bytes32",
}
"""The fields of ERC-3009's message."""

_EPOCH: Final = 10**21
_DEPOSIT: Final = 10**18


@cache
def _tokens() -> dict[str, Built]:
    return compiled("Tokens.sol", OURS, {"optimizer": {"enabled": True, "runs": RUNS}, "evmVersion": "prague"})


def plain_token(node: Node) -> Contract:
    """OpenZeppelin's ERC-20, its supply with the office."""
    return node.deploy(_tokens()["OpenZeppelinToken"], OFFICE, SUPPLY)


def measure_openzeppelin(node: Node) -> dict[str, Figure]:
    """A transfer."""
    return {"transfer": _transfer(node, plain_token(node), "`transfer` of an `ERC20`")}


def measure_signed(node: Node) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """A transfer by signature, which a relayer sends: in the form for keys alone, and in the one for any signer."""
    forms = {"uint8,bytes32,bytes32": "keys' signatures alone", "bytes": "any signer, a contract's too (ERC-1271)"}
    figures = []
    for (form, whose), gas in zip(forms.items(), _relayed(node, list(forms)), strict=True):
        did = f"`transferWithAuthorization(…,{form})` of an `ERC20TransferAuthorization`: {whose}"
        alone = Figure(gas, f"{did}; each alone, since it has no batch")
        figures.append({"relayed": Figure(gas, did), "relayed_100": alone})
    return figures[0], figures[1]


def measure_solady(node: Node) -> dict[str, Figure]:
    """A transfer."""
    token = node.deploy(_tokens()["SoladyToken"], OFFICE, SUPPLY)
    return {"transfer": _transfer(node, token, "`transfer` of an `ERC20`")}


def _transfer(node: Node, token: Contract, did: str) -> Figure:
    payer, payee = person("payer"), person("payee")
    for holder in (payer, payee):
        node.send(token.functions.transfer(holder, 10**18))
    return Figure(node.send(token.functions.transfer(payee, 10**15), payer), did)


def _relayed(node: Node, forms: Sequence[str]) -> list[int]:
    """A payment in each form of the signature, the payer's nonces being in use."""
    token = node.deploy(_tokens()["OpenZeppelinSignedToken"], OFFICE, SUPPLY)
    payer: LocalAccount = Account.from_key(keccak(text="peers payer"))
    payee = person("payee")
    for holder in (payer.address, payee):
        node.send(token.functions.transfer(holder, 10**18))
    domain = {
        "name": "Income",
        "version": "1",
        "chainId": node.web3.eth.chain_id,
        "verifyingContract": token.address,
    }
    spent = []
    for nonce, form in enumerate([forms[0], *forms]):  # the first use of a payer's nonces takes a new slot
        values = (payer.address, payee, 10**15, 0, 2**48, nonce.to_bytes(32))
        fields = [{"name": name, "type": kind} for name, kind in _AUTHORIZATION.items()]
        message = dict(zip(_AUTHORIZATION, values, strict=True))
        signed = payer.sign_typed_data(domain, {"TransferWithAuthorization": fields}, message)
        halves = (signed.v, signed.r.to_bytes(32), signed.s.to_bytes(32))
        signature = (bytes(signed.signature),) if form == "bytes" else halves
        kinds = ",".join((*_AUTHORIZATION.values(), form))
        pay = token.get_function_by_signature(f"transferWithAuthorization({kinds})")
        spent.append(node.send(pay(*values, *signature)))
    return spent[1:]


def measure_vault(node: Node, citizens: Sequence[str]) -> dict[str, Figure]:
    """An ERC-4626 vault of equal shares, to which each epoch's income is given."""
    asset = plain_token(node)
    vault = node.deploy(_tokens()["OpenZeppelinVault"], asset.address)
    joined = []
    for citizen in citizens:
        node.send(asset.functions.transfer(citizen, 2 * _DEPOSIT))
        approved = node.send(asset.functions.approve(vault.address, _DEPOSIT), citizen)
        joined.append(approved + node.send(vault.functions.deposit(_DEPOSIT, citizen), citizen))
    share = _EPOCH // len(citizens) // 2
    paid, drawn, spent = 0, [0], 0
    for _ in range(2):
        paid = node.send(asset.functions.transfer(vault.address, _EPOCH))
        node.wait(DAY)
        drawn = [node.send(vault.functions.withdraw(share, citizen, citizen), citizen) for citizen in citizens]
        spent = node.send(vault.functions.withdraw(share // 2, citizens[0], citizens[-1]), citizens[-1])
    return {
        "epoch": Figure(paid + sum(drawn), f"a transfer to the vault, and `withdraw` by each of {len(citizens):,}"),
        "epoch_transaction": Figure(
            paid, "a transfer to the vault: no report is read, nothing issued, no epoch kept, no balance changed"
        ),
        "receive": Figure(drawn[-1], "`withdraw` of the income"),
        "spend_income": Figure(spent, "`withdraw` of income straight to the payee"),
        "enrol": Figure(sum(joined), "`approve` and `deposit` by each"),
        "join": Figure(joined[-1], "`approve` and `deposit`"),
    }
