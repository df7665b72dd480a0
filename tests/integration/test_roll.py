"""A registrar's day with `sbi roll`, against Anvil and the deployed suite.

enrol     a roll of two regions → both on chain, once; again → nothing more is sent
          killed while its transaction was under way, called again → enrolled once
          beside batches it was not searched against → refused; with them as earlier rolls → enrolled
verify, check, status  → what the chain has; a roll that is not there → refused
activate  by proof, some of them active already → the others
retire    of an active citizen, and of one who never activated: started, too early, carried out, again
recover   to an account that signed → the share moves; again → done already
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from typer.testing import CliRunner
from web3 import HTTPProvider, Web3

from sbi_network.chain.citizens import Citizen, Citizens
from sbi_network.chain.connection import connected
from sbi_network.protocol.abi import load_abi
from sbi_network.protocol.address import check_address
from sbi_network.protocol.messages import Succession, citizens_domain
from sbi_network.roll import CitizenLeaf
from sbi_network.roll.cli import app
from sbi_network.roll.layout import read_manifest
from sbi_network.roll.published import open_roll
from tests.integration.shadow import ROOT, anvil, deploy, make_shadow, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.integration]

MNEMONIC = "test test test test test test test test test test test junk"
REGISTRAR = 5
OBJECTION_DELAY = 60
"""Of the recipe `local`, in seconds."""


@dataclass(frozen=True)
class Office:
    """A registrar at a chain of its own: a folder with registrar.toml, and what `sbi roll` says in it."""

    folder: Path
    rpc_url: str
    citizens: ChecksumAddress
    people: tuple[LocalAccount, ...]

    @property
    def web3(self) -> Web3:
        return Web3(HTTPProvider(self.rpc_url))

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "sbi_network.cli", "roll", *arguments]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT / "oracles"), "COLUMNS": "200"}

    def sbi(self, *arguments: str, status: int = 0) -> str:
        """In this process: a new one spends two seconds on imports. `command` is for one that can be killed."""
        with chdir(self.folder):
            done = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)
        assert done.exit_code == status, (done.output, done.exception)
        return done.stdout if status == 0 else done.stderr

    def build(self, name: str, people: range, *options: str, region: int = 1) -> None:
        """Through `commit`, as a registrar would, from identifiers."""
        register = self.folder / f"{name}.register.csv"
        lines = [f"{self.people[number].address},{region},ID-CARD:{number:08}\n" for number in people]
        register.write_text("account,region,identifier\n" + "".join(lines))
        self.sbi("commit", register.name, "--key", "roll.key", "--out", f"{name}.csv")
        self.sbi("build", f"{name}.csv", "--out", name, *options)

    def batch_count(self) -> int:
        async def read() -> int:
            async with connected(self.rpc_url) as chain:
                return await Citizens(chain, self.citizens).batch_count()

        return asyncio.run(read())

    def standing(self, account: str) -> Citizen:
        async def read() -> Citizen:
            async with connected(self.rpc_url) as chain:
                return await Citizens(chain, self.citizens).citizen(check_address("account", account))

        return asyncio.run(read())

    def leaf(self, roll: str, account: str) -> CitizenLeaf:
        with open_roll(self.folder / roll) as opened:
            return opened.prove(check_address("account", account)).leaf

    def ask(self, method: str, *parameters: object) -> object:
        answer = self.web3.provider.make_request(method, list(parameters))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    def pass_time(self, seconds: int) -> None:
        self.ask("evm_increaseTime", seconds)
        self.ask("evm_mine")


@pytest.fixture
def office(deployed: tuple[Path, str, ChecksumAddress], tmp_path: Path) -> Iterator[Office]:
    """On the chain as it was after the deployment."""
    _, rpc_url, citizens = deployed
    registrar = _development_account(REGISTRAR)
    keystore = Account.encrypt(registrar.key, "public development key", kdf="pbkdf2", iterations=1_000)
    (tmp_path / "key.json").write_text(json.dumps(keystore))
    (tmp_path / "key.password").write_text("public development key\n")
    (tmp_path / "key.password").chmod(0o600)
    (tmp_path / "registrar.toml").write_text(
        f'[network]\nrpc_url = "{rpc_url}"\ncitizens = "{citizens}"\n\n'
        '[sending]\nkeystore = "key.json"\npassword_file = "key.password"\n'
    )
    people = tuple(Account.from_key(number.to_bytes(32, "big")) for number in range(1, 41))
    office = Office(tmp_path, rpc_url, citizens, people)
    snapshot = office.ask("evm_snapshot")
    office.sbi("new-key", "roll.key")
    yield office
    office.ask("evm_setAutomine", True)
    office.ask("evm_revert", snapshot)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, ChecksumAddress]]:
    folder = make_shadow(tmp_path_factory.mktemp("roll") / "project")
    with anvil(folder) as rpc_url:
        deploy(rpc_url, folder)
        record = json.loads((folder / "scripts" / "_deployments" / "31337.json").read_text())
        yield folder, rpc_url, check_address("citizens", record["contracts"]["citizens"]["address"])


def _development_account(number: int) -> LocalAccount:
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}")
    return account


def test_enrol__two_regions__are_on_chain_once(office: Office) -> None:
    one = [f"{office.people[number].address},{1 + number % 2},0x{number + 1:064x}\n" for number in range(20)]
    (office.folder / "roll.csv").write_text("account,region,person\n" + "".join(one))
    office.sbi("build", "roll.csv", "--out", "roll")
    assert "not enrolled" in office.sbi("status", "roll")
    assert "not all batches are enrolled" in office.sbi("verify", "roll", "--config", "registrar.toml", status=1)
    assert "enrolled as batch 1" in office.sbi("enrol", "roll")
    assert "transaction" not in office.sbi("enrol", "roll")
    assert office.batch_count() == 2
    told = office.sbi("status", "roll")
    assert "enrolled as batch 0" in told
    assert "region 1: 10 of at most 100,000,000 citizens" in told
    assert "enrolled as batch 1" in office.sbi("verify", "roll", "--config", "registrar.toml")


def test_status__enrolled_a_second_time_by_other_means__says_so(office: Office) -> None:
    office.build("roll", range(5))
    office.sbi("enrol", "roll")
    registry = office.web3.eth.contract(address=office.citizens, abi=load_abi("CitizenRegistry"))
    batch = read_manifest(office.folder / "roll").batches[0]
    enrol = registry.functions.enrol(batch.root, batch.size, batch.region)
    enrol.transact({"from": check_address("registrar", _development_account(REGISTRAR).address)})
    assert "enrolled a second time, as batches 1" in office.sbi("status", "roll")


def test_enrol__killed_with_its_transaction_under_way__enrols_once(office: Office) -> None:
    office.build("roll", range(5))
    office.ask("evm_setAutomine", False)
    command = office.command("enrol", "roll")
    with subprocess.Popen(command, cwd=office.folder, env=office.environment, stdout=subprocess.PIPE) as first:
        wait_until("the transaction in the pool", lambda: _pending(office) == 1, 60)
        first.send_signal(signal.SIGKILL)
    with subprocess.Popen(command, cwd=office.folder, env=office.environment, stdout=subprocess.PIPE) as second:
        with pytest.raises(subprocess.TimeoutExpired):  # it joins what is under way
            second.wait(5)
        assert _pending(office) == 1
        office.ask("evm_setAutomine", True)
        office.ask("evm_mine")
        assert second.wait(60) == 0
    assert office.batch_count() == 1


def _pending(office: Office) -> int:
    answer = office.ask("txpool_status")
    assert isinstance(answer, dict)
    return int(answer["pending"], 16)


def test_enrol__beside_batches_it_was_not_searched_against__is_refused(office: Office) -> None:
    office.build("first", range(5))
    office.sbi("enrol", "first")
    office.build("second", range(5, 9))
    assert "batches 0 of the chain were not searched" in office.sbi("enrol", "second", status=1)
    office.build("third", range(5, 9), "--earlier", "first")
    office.sbi("enrol", "third")
    assert office.batch_count() == 2
    register = office.folder / "third.csv"
    register.write_text((office.folder / "first.csv").read_text())
    told = office.sbi("build", "third.csv", "--out", "fourth", "--earlier", "first", "--earlier", "third", status=1)
    assert "the same account as index" in told
    assert "10 faults" in told
    office.build("unchecked", range(10, 12))
    office.sbi("enrol", "unchecked", "--unchecked")
    assert office.batch_count() == 3


def test_enrol__region_full_or_no_registrar__sends_nothing(office: Office) -> None:
    office.build("roll", range(5), region=3)
    assert "RegionFull" in office.sbi("enrol", "roll", status=1)
    office.build("other", range(5))
    stranger = Account.encrypt(_development_account(9).key, "public development key", kdf="pbkdf2", iterations=1_000)
    (office.folder / "key.json").write_text(json.dumps(stranger))
    (office.folder / "registrar-outbox.sqlite").unlink()  # an outbox is one account's
    assert "NotRegistrar" in office.sbi("enrol", "other", status=1)
    assert office.batch_count() == 0


def test_activate__some_of_them_active_already__activates_the_others(office: Office) -> None:
    office.build("roll", range(8))
    accounts = [office.people[number].address for number in range(3)]
    assert "is not enrolled" in office.sbi("activate", "roll", *accounts, status=1)
    office.sbi("enrol", "roll")
    office.sbi("activate", "roll", accounts[1])
    (office.folder / "accounts.txt").write_text("\n".join(accounts))
    told = office.sbi("activate", "roll", "--from-file", "accounts.txt")
    assert told.count(": activated, ") == 2
    assert told.count("active already") == 1
    assert all(office.standing(account).since for account in accounts)
    proof = office.sbi("prove", "roll", accounts[0])
    (office.folder / "proof.json").write_text(proof)
    assert "enrolled as batch 0; active since" in office.sbi("check", "proof.json", "--config", "registrar.toml")
    stranger = office.people[30].address
    assert "is not on this roll" in office.sbi("activate", "roll", accounts[0], stranger, status=1)


def test_retire__active_or_never_activated__step_by_step(office: Office) -> None:
    office.build("roll", range(8))
    office.sbi("enrol", "roll")
    active, silent = office.people[0].address, office.people[1].address
    office.sbi("activate", "roll", active)
    for account in (active, silent):
        assert "retirement started, due on" in office.sbi("retire", "roll", account)
        assert "give this command again then" in office.sbi("retire", "roll", account)
    assert "retirement due" in office.sbi("status", "roll", active)
    office.pass_time(OBJECTION_DELAY)
    for account in (active, silent):
        assert "retired, transaction" in office.sbi("retire", "roll", account)
        assert office.standing(account).until
        assert "income ended" in office.sbi("retire", "roll", account)


def test_recover__to_an_account_that_signed__moves_the_share(office: Office) -> None:
    office.build("roll", range(8))
    office.sbi("enrol", "roll")
    lost, successor = office.people[0], office.people[20]
    office.sbi("activate", "roll", lost.address)
    leaf = office.leaf("roll", lost.address)
    message = Succession(0, leaf.index, leaf.account, check_address("successor", successor.address))
    signature = message.sign(successor, citizens_domain(31337, office.citizens)).to_bytes().hex()
    step = ("recover", "roll", lost.address, "--successor", successor.address)
    assert "takes the successor's signature" in office.sbi(*step, status=1)
    assert "started, due on" in office.sbi(*step, "--signature", signature)
    assert "is pending about this leaf" in office.sbi("retire", "roll", lost.address, status=1)
    assert "give this command again then" in office.sbi(*step)
    office.pass_time(OBJECTION_DELAY)
    assert "share moved to" in office.sbi(*step)
    assert "holds the leaf already" in office.sbi(*step)
    assert office.standing(successor.address).leaf == leaf.index
    held = office.sbi("status", "roll", lost.address, "--holder", successor.address)
    assert "active since" in held
    assert "retirement started" in office.sbi("retire", "roll", lost.address, "--holder", successor.address)


def test_status__no_contract_or_no_chain__says_so(office: Office) -> None:
    office.build("roll", range(3))
    config = office.folder / "registrar.toml"
    text = config.read_text()
    config.write_text(text.replace(office.citizens, office.people[0].address))
    assert "there is no contract" in office.sbi("status", "roll", status=1)
    config.write_text(text.replace(office.rpc_url, "http://127.0.0.1:9"))
    assert "RPC endpoint" in office.sbi("status", "roll", status=1)
    config.write_text(text[: text.index("[sending]")])
    assert "has no section [sending]" in office.sbi("enrol", "roll", status=1)
    assert "not enrolled" in office.sbi("status", "roll")
