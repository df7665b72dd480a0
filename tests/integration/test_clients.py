"""Two clients that share no code with us, `cast` and viem, agree with our Python to the wei and to the byte.

Everybody talks to one Anvil, on which the deploy script deployed the suite; three citizens have an epoch's income that
no transaction has touched.

balanceOf, totalSupply, DOMAIN_SEPARATOR
├── read by cast: what Python reads
└── read by viem: what Python reads
transferWithAuthorization (ERC-3009), paid from accrued income
├── signed and sent by cast: paid
├── signed and sent by viem: paid, with its events
└── signed by all three: one signature, accepted
console
└── on the deployed suite: the contracts are at hand by role
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3 import HTTPProvider, Web3

from sbi_network.chain.connection import connected
from sbi_network.chain.registry import Registry
from sbi_network.chain.token import Token
from sbi_network.chain.vault import Vault
from sbi_network.protocol.abi import load_abi
from sbi_network.protocol.messages import Bond, TransferWithAuthorization, bonds_domain, token_domain
from sbi_network.protocol.oracle_set import OracleConfig
from tests.integration.shadow import BIN, anvil, deploy, make_shadow, run
from tests.support.actors import Actors, Person, roll_of, split

pytestmark = [pytest.mark.slow, pytest.mark.integration]

CLIENT = Path(__file__).parent / "clients" / "pay.mjs"
MNEMONIC = "test test test test test test test test test test test junk"
DEPLOYER, ORACLES, REGISTRAR, READING_KEYS = 0, (1, 2, 3, 4), 5, (7, 9)
"""Development accounts by role, as the recipe `local` names them."""

RAW_OUTPUTS = ((123_457, 0, 0), (17, 7_919, 65_537))
FOREVER = 2**48
T = TypeVar("T")


@dataclass(frozen=True)
class Payment:
    """What an ERC-3009 payment says, in the standard's words."""

    payer: LocalAccount
    to: ChecksumAddress
    value: int
    nonce: bytes

    def as_json(self) -> dict[str, str]:
        return {
            "from": self.payer.address,
            "to": self.to,
            "value": str(self.value),
            "validAfter": "0",
            "validBefore": str(FOREVER),
            "nonce": "0x" + self.nonce.hex(),
        }

    def as_message(self) -> TransferWithAuthorization:
        return TransferWithAuthorization(self.payer.address, self.to, self.value, 0, FOREVER, self.nonce)


@dataclass(frozen=True)
class Network:
    """A deployed suite with three citizens who have never sent a transaction."""

    folder: Path
    rpc_url: str
    chain_id: int
    contracts: dict[str, ChecksumAddress]
    citizens: tuple[LocalAccount, ...]

    @property
    def token(self) -> ChecksumAddress:
        return self.contracts["token"]

    @property
    def relayer(self) -> LocalAccount:
        return _development_account(DEPLOYER)

    def balances(self, *accounts: str) -> list[int]:
        """As our Python reads them."""

        async def read() -> list[int]:
            async with connected(self.rpc_url) as chain:
                token = Token(chain, self.token)
                return [await token.balance_of(cast("ChecksumAddress", account)) for account in accounts]

        return asyncio.run(read())

    def total_supply(self) -> int:
        async def read() -> int:
            async with connected(self.rpc_url) as chain:
                return await Token(chain, self.token).total_supply()

        return asyncio.run(read())

    def payment(self, citizen: int, value: int | None = None) -> Payment:
        """Of one citizen to somebody new; without a value all but one wei of what the citizen has."""
        payer = self.citizens[citizen]
        amount = self.balances(payer.address)[0] - 1 if value is None else value
        return Payment(payer, Account.create().address, amount, secrets.token_bytes(32))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    folder = make_shadow(tmp_path_factory.mktemp("clients") / "project")
    with anvil(folder) as rpc_url:
        deploy(rpc_url, folder)
        record = json.loads((folder / "scripts" / "_deployments" / "31337.json").read_text())
        contracts = {role: entry["address"] for role, entry in record["contracts"].items()}
        citizens = tuple(Account.create() for _ in range(3))
        suite = Network(folder, rpc_url, record["chain_id"], contracts, citizens)
        _live_one_epoch(suite, record["genesis"])
        yield suite


def _live_one_epoch(network: Network, genesis: int) -> None:
    """Enrols and activates the citizens, reports epoch 0, distributes: all through the Python side."""
    web3 = Web3(HTTPProvider(network.rpc_url))
    abis = {
        "citizens": load_abi("CitizenRegistry"),
        "oracles": load_abi("ComputeOracleRegistry"),
        "vault": load_abi("DistributionVault"),
    }

    def send(sender: Person, role: str, function: str, *arguments: Any) -> Any:
        contract = web3.eth.contract(network.contracts[role], abi=cast("Sequence[Any]", abis[role]))
        sent = contract.functions[function](*arguments).transact({"from": sender.address})
        receipt = web3.eth.wait_for_transaction_receipt(sent)
        assert receipt["status"] == 1, f"{role}.{function} failed"
        return receipt

    def warp(moment: int) -> None:
        web3.provider.make_request("evm_setNextBlockTimestamp", [moment])  # type: ignore[arg-type]
        web3.provider.make_request("evm_mine", [])  # type: ignore[arg-type]

    deployer, registrar = _person(DEPLOYER), _person(REGISTRAR)
    oracles, reading_keys = [[_person(n) for n in numbers] for numbers in (ORACLES, READING_KEYS)]
    actors: Actors[Any] = Actors(send, network.contracts, network.chain_id, oracles, reading_keys)
    bonds = web3.eth.contract(network.contracts["bonds"], abi=cast("Sequence[Any]", load_abi("SignerBonds")))
    for oracle in oracles:
        terms_of_bond = bonds_domain(network.chain_id, network.contracts["bonds"])
        consent = Bond(signer_=oracle.address, owner=deployer.address).sign(oracle.key, terms_of_bond)  # type: ignore[arg-type]
        sent = bonds.functions.bond(oracle.address, consent.to_bytes()).transact(
            {"from": deployer.address, "value": bonds.functions.requiredBond().call()}
        )
        assert web3.eth.wait_for_transaction_receipt(sent)["status"] == 1
    roll = roll_of(citizen.address for citizen in network.citizens)
    actors.enrol(registrar, roll, 1)
    for index in range(roll.size):
        actors.activate(deployer, 0, roll, index)
    config, epoch_length, dispute_window, shares = _ask(_terms(network))
    warp(genesis + epoch_length)
    terms = (config.digest, config.weights_version, config.weights_x16)
    told = actors.agree(0, RAW_OUTPUTS, terms, shares)
    actors.report(deployer, told, actors.co_sign(told, range(config.quorum)))
    warp(genesis + epoch_length + dispute_window + 10)
    actors.distribute(deployer)


async def _terms(network: Network) -> tuple[OracleConfig, int, int, list[int]]:
    async with connected(network.rpc_url) as chain:
        registry = Registry(chain, network.contracts["oracles"])
        shares = [(await registry.facility_terms(n, 0)).public_share_bps for n in range(len(RAW_OUTPUTS))]
        return await registry.config_at(0), await registry.epoch_length(), await registry.dispute_window(), shares


def _ask(question: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(question)


def _development_account(number: int) -> LocalAccount:
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}")
    return account


def _person(number: int) -> Person:
    """A person who sends through Anvil, which holds the key: there is no account of Ape's behind."""
    return Person(cast("Any", None), _development_account(number))


# cast


def _cast(network: Network, *arguments: str) -> str:
    return run((BIN / "cast", *arguments, "--rpc-url", network.rpc_url)).strip()


def _cast_call(network: Network, signature: str, *arguments: str) -> list[str]:
    """One result a line; cast puts a second form of large numbers beside them, in brackets."""
    return [line.split(" [")[0] for line in _cast(network, "call", network.token, signature, *arguments).splitlines()]


def _cast_signature(network: Network, payment: Payment) -> bytes:
    """What `cast wallet sign` makes of the standard's typed data, in the domain that the token itself names."""
    answer = _cast_call(
        network, "eip712Domain()(bytes1 fields,string name,string version,uint256 chain,address,bytes32,uint256[])"
    )
    _, name, version, chain_id, contract, *_ = answer
    members = ("from address", "to address", "value uint256", "validAfter uint256", "validBefore uint256")
    domain = ("name string", "version string", "chainId uint256", "verifyingContract address")
    typed_data = {
        "types": {
            "EIP712Domain": _members(domain),
            "TransferWithAuthorization": _members((*members, "nonce bytes32")),
        },
        "primaryType": "TransferWithAuthorization",
        "domain": {
            "name": json.loads(name),
            "version": json.loads(version),
            "chainId": int(chain_id),
            "verifyingContract": contract,
        },
        "message": payment.as_json(),
    }
    key = "0x" + payment.payer.key.hex()
    signed = run((BIN / "cast", "wallet", "sign", "--data", json.dumps(typed_data), "--private-key", key))
    return bytes.fromhex(signed.strip().removeprefix("0x"))


def _members(named: Sequence[str]) -> list[dict[str, str]]:
    return [dict(zip(("name", "type"), member.split(), strict=True)) for member in named]


def _cast_send(network: Network, payment: Payment, signature: bytes) -> dict[str, Any]:
    v, r, s = split(signature)
    receipt: dict[str, Any] = json.loads(
        _cast(
            network,
            "send",
            network.token,
            "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
            *payment.as_json().values(),
            *(str(v), "0x" + r.hex(), "0x" + s.hex()),
            *("--private-key", "0x" + network.relayer.key.hex(), "--json"),
        )
    )
    return receipt


def test_balance_of__read_by_cast__what_python_reads(network: Network) -> None:
    accounts = [citizen.address for citizen in network.citizens]
    read = [int(_cast_call(network, "balanceOf(address)(uint256)", account)[0]) for account in accounts]
    assert read == network.balances(*accounts)
    assert all(read)
    assert int(_cast_call(network, "totalSupply()(uint256)")[0]) == network.total_supply()
    separator = token_domain(network.chain_id, network.token).separator
    assert _cast_call(network, "DOMAIN_SEPARATOR()(bytes32)") == ["0x" + separator.hex()]


def test_transfer_with_authorization__signed_and_sent_by_cast__paid(network: Network) -> None:
    payment = network.payment(0)
    before, supply = network.balances(payment.payer.address)[0], network.total_supply()

    receipt = _cast_send(network, payment, _cast_signature(network, payment))

    assert int(receipt["status"], 16) == 1
    assert network.balances(payment.payer.address, payment.to) == [1, before - 1]
    assert int(_cast_call(network, "balanceOf(address)(uint256)", payment.to)[0]) == before - 1
    assert network.total_supply() == supply
    assert _cast(network, "nonce", payment.payer.address) == "0"
    assert _cast(network, "balance", payment.payer.address) == "0"


# viem


def _viem(network: Network, verb: str, **order: Any) -> dict[str, Any]:
    whole = {"rpc": network.rpc_url, "token": network.token, **order}
    answer: dict[str, Any] = json.loads(run(("node", CLIENT, verb), input=json.dumps(whole)))
    return answer


def test_balance_of__read_by_viem__what_python_reads(network: Network) -> None:
    accounts = [citizen.address for citizen in network.citizens]
    read = _viem(network, "read", accounts=accounts)
    assert [int(balance) for balance in read["balances"]] == network.balances(*accounts)
    assert all(network.balances(*accounts))
    assert int(read["totalSupply"]) == network.total_supply()
    assert read["domainSeparator"] == "0x" + token_domain(network.chain_id, network.token).separator.hex()


def test_transfer_with_authorization__signed_and_sent_by_viem__paid(network: Network) -> None:
    payment = network.payment(1)
    payer = payment.payer.address
    before = network.balances(payer)[0]

    key, relayer_key = ("0x" + account.key.hex() for account in (payment.payer, network.relayer))
    paid = _viem(network, "pay", key=key, relayerKey=relayer_key, payment=payment.as_json())

    assert paid["status"] == "success"
    assert paid["spent"] is True
    assert network.balances(payer, payment.to) == [1, before - 1]
    assert paid["events"] == [
        {"name": "AuthorizationUsed", "authorizer": payer, "nonce": "0x" + payment.nonce.hex()},
        {"name": "Transfer", "from": "0x" + 40 * "0", "to": payer, "value": str(before)},
        {"name": "Transfer", "from": payer, "to": payment.to, "value": str(before - 1)},
    ]


# All three


def test_transfer_with_authorization__signed_by_three_clients__one_signature(network: Network) -> None:
    payment = network.payment(2, value=1_000_000_007)
    domain = token_domain(network.chain_id, network.token)
    ours = payment.as_message().sign(payment.payer, domain).to_bytes()
    of_viem = _viem(network, "sign", key="0x" + payment.payer.key.hex(), payment=payment.as_json())["signature"]

    assert _cast_signature(network, payment).hex() == ours.hex()
    assert of_viem == "0x" + ours.hex()
    assert int(_cast_send(network, payment, ours)["status"], 16) == 1
    assert network.balances(payment.to) == [1_000_000_007]


def test_console__on_a_deployed_suite__contracts_by_role(network: Network) -> None:
    async def read() -> int:
        async with connected(network.rpc_url) as chain:
            return await Vault(chain, network.contracts["vault"]).headcount()

    command = (BIN / "ape", "console", "--network", f"ethereum:local:{network.rpc_url}", "--code")
    printed = run(
        (*command, "print(token.symbol(), vault.headcount(), suite.token.address == token.address)"), network.folder
    )
    assert printed.splitlines()[-1] == f"SBI {asyncio.run(read())} True"
    assert asyncio.run(read()) == len(network.citizens)
