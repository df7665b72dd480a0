"""The scripts and the console, tried by somebody who has a deployed suite and reads `--help`.

scripts  └── help, dry run, effect, refusal, exit code
console  └── a session as it is typed: help, units, an epoch, a balance, a report, a refusal
sources  └── what verification services are given compiles to what is on chain, the same bytes from any folder
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ape
import click
import pytest
from click.testing import CliRunner, Result
from scripts import _deploy, deploy, handover, status
from scripts._artifacts import _settings as compiler_settings
from scripts._artifacts import compile_suite, standard_input
from scripts._bonds import bond_oracles
from scripts._commands import ConnectedCommand
from scripts._console import Refused, namespaces
from scripts._deploy import finished, load_suite, read_record, write_record
from scripts._plan import CONTRACTS, plan_suite
from scripts._recipe import RECIPES, load_recipe
from scripts._sending import Manner, Sender

from sbi_network.protocol.amounts import SBI, GAICPh
from tests.conftest import OVERRIDES, PEOPLE, People
from tests.integration.anvil import ROOT, Anvil, free_port, running_anvil
from tests.rehearsal.nodes import EVERY, limited_endpoint
from tests.stories.town import Town
from tests.support.actors import Actors, Person, through_ape

if TYPE_CHECKING:
    from scripts._deploy import Suite

pytestmark = pytest.mark.integration


class _AnvilChain:
    """What the town wants of Ape's chain, over a node that Ape reaches by its address."""

    def __init__(self, anvil: Anvil) -> None:
        self._anvil = anvil

    @property
    def blocks(self) -> Any:
        return ape.chain.blocks

    @property
    def pending_timestamp(self) -> int:
        raise AttributeError

    @pending_timestamp.setter
    def pending_timestamp(self, time: int) -> None:
        self._anvil("evm_setNextBlockTimestamp", time)

    def mine(self) -> None:
        self._anvil.mine()


@pytest.fixture(scope="module")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    with (
        running_anvil(tmp_path_factory.mktemp("node")) as node,
        ape.networks.parse_network_choice(f"ethereum:local:{node.url}"),
    ):
        yield node


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project in another folder, where records and compiled sources are its own."""
    folder = tmp_path_factory.mktemp("elsewhere") / "suite"
    ignored = shutil.ignore_patterns("__pycache__", "_deployments")
    for name in ("scripts", "contracts"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("ape-config.yaml", "ape_console_extras.py"):
        shutil.copy(ROOT / name, folder / name)
    for name in (".build", "build/artifacts"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    (folder / "oracles").symlink_to(ROOT / "oracles")
    return folder


@pytest.fixture(scope="module")
def town(anvil: Anvil, checkout: Path) -> Iterator[Town]:
    """Two epochs of income, and the record where the scripts look for it."""
    people = People(tuple(Person.of(ape.accounts.test_accounts[number]) for number in range(PEOPLE)))
    recipe, compiled, deployer = load_recipe("local", OVERRIDES), compile_suite(), people.deployer.account
    plan = plan_suite(recipe, compiled, deployer.address, deployer.nonce, ape.chain.blocks.head.timestamp)
    mined = Sender(deployer, plan, Manner(10**12, poll_s=0.01)).run()
    deployment = finished(plan, compiled, mined)
    suite = deployment.suite
    bond_oracles(suite, deployer, (oracle.key for oracle in people.oracles))
    actors = Actors(through_ape(suite), suite.addresses(), 31337, people.oracles, people.reading_keys)
    told = Town(suite, recipe, people, actors, _AnvilChain(anvil))
    told.live_an_epoch()
    told.live_an_epoch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_deploy, "DEPLOYMENTS", checkout / "scripts" / "_deployments")
        write_record(suite, recipe, deployment)
        yield told


@pytest.fixture(scope="module")
def suite(town: Town) -> Suite:
    return load_suite(31337)


@pytest.fixture
def script(anvil: Anvil, town: Town) -> Any:
    """Runs a script in this process, as `ape run` would."""

    def run(name: str, *arguments: str, account: int | None = None) -> Result:
        command = __import__(f"scripts.{name}", fromlist=["cli"]).cli
        options = [*arguments, "--network", f"ethereum:local:{anvil.url}"] if name != "export_sources" else [*arguments]
        if account is not None:
            options += ["--account", f"TEST::{account}"]
        return CliRunner().invoke(command, options, input="y\n" * 40)

    return run


@pytest.fixture
def undone(anvil: Anvil) -> Iterator[None]:
    """What a test does is undone after it."""
    snapshot = anvil("evm_snapshot")
    yield
    anvil("evm_revert", snapshot)


SCRIPTS = (
    *("deploy", "status", "enrol", "distribute", "handover", "add_oracle", "add_facility", "pause"),
    *("export_abi", "export_sources"),
)


@pytest.mark.parametrize("name", SCRIPTS)
def test_script__help__says_what_it_does_and_has_a_dry_run(name: str) -> None:
    command = __import__(f"scripts.{name}", fromlist=["cli"]).cli
    told = CliRunner().invoke(command, ["--help"])
    assert told.exit_code == 0
    assert name == "status" or "--dry-run" in told.output
    assert command.help
    assert all(option.help for option in command.params if option.name in ("dry_run", "proposal", "yes", "restart"))


@click.command(cls=ConnectedCommand)
def _chain() -> None:
    click.echo(f"chain {ape.chain.chain_id}")


@pytest.mark.parametrize("before_the_refusal", range(3))
def test_script__endpoint_refuses_one_of_the_first_questions__asks_again(
    tmp_path: Path, before_the_refusal: int
) -> None:
    port = free_port()
    with running_anvil(tmp_path, "--chain-id", "11155111") as node, limited_endpoint(port, node.url) as endpoint:
        endpoint.asked = EVERY - 1 - before_the_refusal
        told = CliRunner().invoke(_chain, ["--network", f"ethereum:sepolia:http://127.0.0.1:{port}"])
    assert (told.exit_code, endpoint.refused) == (0, 1), told.exception
    assert "chain 11155111" in told.output


def test_script__no_endpoint__says_so_at_last() -> None:
    told = CliRunner().invoke(_chain, ["--network", f"ethereum:sepolia:http://127.0.0.1:{free_port()}"])
    assert told.exit_code == 1
    assert "Error: No (supported) node found" in told.output


def test_status__a_suite_at_work__says_how_it_stands(script: Any, town: Town) -> None:
    told = script("status", "--verify")
    assert told.exit_code == 0, told.output
    assert "oracles: 4 of 4 stand, quorum 3" in told.output
    assert f"issued {SBI.of(town.suite.vault.issued())}" in told.output
    assert "founding: goes on" in told.output
    said = script("status", "--json").output
    figures = json.loads(said[said.index("{\n") :])  # Ape says where it connects to, on standard error
    assert figures["headcount"] == 6
    assert figures["supply_wei"] == town.suite.token.totalSupply()


def test_status__fewer_than_a_quorum_stand__exit_code_3(script: Any, town: Town, undone: None) -> None:
    for oracle in town.people.oracles[:2]:
        town.suite.bonds.unbond(oracle.address, sender=town.people.deployer.account)
    told = script("status")
    assert told.exit_code == 3, told.output
    assert "2 oracles stand, fewer than the quorum of 3" in told.output


def test_distribute__nothing_final__refused_in_words_then_done(script: Any, town: Town, undone: None) -> None:
    refused = script("distribute", account=18)
    assert refused.exit_code == 1
    assert re.search(r"EpochNotFinal\(epoch=\d+, outcome=0\) \(Thrown when", refused.output), refused.output
    town.report(town.end_epoch())
    town.until_final()
    height = ape.chain.blocks.height
    dry = script("distribute", "--dry-run", account=18)
    assert (dry.exit_code, ape.chain.blocks.height) == (0, height), dry.output
    done = script("distribute", account=18)
    assert done.exit_code == 0, done.output
    assert " SBI to each of 6 citizens" in done.output


def test_script__what_it_cannot_read_write_or_reach__one_line(
    script: Any, town: Town, undone: None, tmp_path: Path
) -> None:
    some = town.people.citizens[0].address
    mistyped = some[:-1] + ("0" if some[-1] != "0" else "1")
    terms = ("--reading-key", some, "--region", "1", "--capacity", "1", "2", "3")
    for wrong in ("nonsense", mistyped, "0x0"):
        told = script("add_facility", "--operator", wrong, *terms, account=0)
        expected = f"'--operator': expected an address, 0x and 40 digits with a fitting checksum, given '{wrong}'"
        assert (told.exit_code, expected in told.output) == (2, True), told.output
        assert script("add_oracle", "--add", wrong, account=0).exit_code == 2
    told = script("enrol", "--root", "0x" + "zz" * 32, "--size", "3", "--region", "1", account=5)
    assert (told.exit_code, "expected 0x and 64 hexadecimal digits" in told.output) == (2, True), told.output
    nowhere = tmp_path / "no-such" / "proposal.toml"
    told = script("add_facility", "--operator", some, *terms, "--proposal", str(nowhere), account=0)
    assert (told.exit_code, f"Error: {nowhere}: No such file" in told.output) == (1, True), told.output
    there = CliRunner().invoke(status.cli, ["--network", f"ethereum:local:http://127.0.0.1:{free_port()}"])
    assert (there.exit_code, "Error: the node does not answer" in there.output) == (1, True), there.output


def test_add_oracle__addresses_in_small_letters__are_the_same_oracles(script: Any, town: Town) -> None:
    present = str(town.suite.oracles.configAt(0).oracles[0])
    new = town.people.citizens[0].address
    exchanged = script("add_oracle", "--add", new.lower(), "--remove", present.lower(), "--dry-run", account=0)
    assert (exchanged.exit_code, new in exchanged.output) == (0, True), exchanged.output
    assert "is an oracle already" in script("add_oracle", "--add", present.lower(), "--dry-run", account=0).output


def test_enrol__registrar_and_stranger__done_and_refused(script: Any, town: Town, undone: None) -> None:
    batch = ("--root", "0x" + "11" * 32, "--size", "3", "--region", "1")
    assert "NotRegistrar(account=" in script("enrol", *batch, account=18).output
    assert script("enrol", *batch, account=18).exit_code == 1
    assert script("enrol", "--root", "0x11", "--size", "3", "--region", "1", account=5).exit_code == 2
    assert script("enrol", *batch, "--dry-run", account=5).exit_code == 0
    assert town.suite.vault.headcount() == 6
    done = script("enrol", *batch, account=5)
    assert done.exit_code == 0, done.output
    assert town.suite.vault.headcount() == 9
    again = script("enrol", *batch, account=5)
    assert (again.exit_code, "is enrolled already, as batch 1" in again.output) == (1, True), again.output
    assert town.suite.vault.headcount() == 9


def test_pause__guardian_alone_and_once(script: Any, town: Town, undone: None) -> None:
    assert script("pause", "--yes", account=18).exit_code == 1
    assert script("pause", "--dry-run", account=11).exit_code == 0
    assert town.suite.vault.haltedUntil()[0] == 0
    done = script("pause", "--yes", account=11)
    assert done.exit_code == 0, done.output
    assert town.suite.vault.haltedUntil()[0] > town.now
    again = script("pause", "--yes", account=11)
    assert (again.exit_code, "HaltSpent" in again.output) == (1, True), again.output


def test_add_facility__founder__scheduled_then_executed(script: Any, town: Town, undone: None) -> None:
    new = town.people.citizens[0].address
    terms = ("--operator", new, "--reading-key", new, "--region", "1", "--capacity", "1", "2", "3")
    assert "it would go through" in script("add_facility", *terms, "--dry-run", account=0).output
    assert "expected the founder" in script("add_facility", *terms, account=18).output
    scheduled = script("add_facility", *terms, account=0)
    assert scheduled.exit_code == 0, scheduled.output
    early = script("add_facility", *terms, account=0)
    assert (early.exit_code, "due in" in early.output) == (1, True), early.output
    town.pass_to(town.now + town.recipe.governance.timelock_delay_s)
    done = script("add_facility", *terms, account=0)
    assert done.exit_code == 0, done.output
    assert town.suite.oracles.facilityCount() == 3
    assert script("add_facility", *terms, account=0).exit_code == 1


def test_add_oracle__three_more__new_set_from_its_epoch_on(
    script: Any, town: Town, undone: None, tmp_path: Path
) -> None:
    present = [str(each) for each in town.suite.oracles.configAt(0).oracles]
    newcomers = [citizen.address for citizen in town.people.citizens[:3]]
    added = [option for each in newcomers for option in ("--add", each)]
    assert "this makes 5" in script("add_oracle", "--add", newcomers[0], "--dry-run", account=0).output
    assert "is an oracle already" in script("add_oracle", "--add", present[0], "--dry-run", account=0).output
    scheduled = script("add_oracle", *added, "--from-epoch", "40", account=0)
    assert scheduled.exit_code == 0, scheduled.output
    town.pass_to(town.now + town.recipe.governance.timelock_delay_s)
    assert script("add_oracle", *added, "--from-epoch", "40", account=0).exit_code == 0
    assert list(town.suite.oracles.configAt(40).oracles) == present + newcomers
    assert list(town.suite.oracles.configAt(39).oracles) == present
    path = tmp_path / "proposal.toml"
    swapped = ("--remove", newcomers[0], "--add", town.people.citizens[3].address, "--from-epoch", "60")
    assert script("add_oracle", *swapped, "--proposal", str(path), account=18).exit_code == 0
    from sbi_network.govern.proposal import load_proposal
    from sbi_network.govern.settings import load_deployment

    record = _deploy.DEPLOYMENTS / "31337.json"
    proposal = load_proposal(path, load_deployment(record))
    assert proposal.calls[0].target == town.suite.oracles.address


def test_handover__founder__nothing_is_left(
    script: Any, town: Town, undone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert script("handover", "--check", account=0).exit_code == 1
    assert script("handover", account=18).exit_code == 1
    with monkeypatch.context() as too_few:
        too_few.setattr(handover, "votes_short", lambda suite: 3)
        early = script("handover", account=0)
    assert (early.exit_code, "lacks 3 citizens" in early.output) == (1, True), early.output
    done = script("handover", account=0)
    assert done.exit_code == 0, done.output
    assert script("handover", "--check", account=0).exit_code == 0


def test_export_sources__from_a_record__compiles_to_what_is_on_chain(
    script: Any, town: Town, suite: Suite, tmp_path: Path
) -> None:
    done = script("export_sources", "--chain", "31337", "--out", str(tmp_path))
    assert done.exit_code == 0, done.output
    given = (tmp_path / "standard-input.json").read_bytes()
    compiled = compile_suite()
    assert given == compiled.standard_input  # what the compiler was given, to the byte
    listed = json.loads((tmp_path / "contracts.json").read_text())["contracts"]
    assert {each["role"] for each in listed} == set(CONTRACTS)
    for each in listed:
        source, _, name = each["contract"].partition(":")
        made = compiled[name]
        assert made.source == source
        assert made.matches(bytes(ape.chain.provider.get_code(each["address"])))
        record = _deploy.read_record(31337).contracts[each["role"]]
        sent = ape.chain.provider.web3.eth.get_transaction(record.transaction)["input"]
        assert bytes(sent) == made.initcode + bytes.fromhex(each["constructor_arguments"])


def test_standard_input__from_another_folder__the_same_bytes(checkout: Path) -> None:
    assert standard_input(compiler_settings(), checkout) == compile_suite().standard_input


def test_export_sources__sources_changed_since__refused(script: Any, town: Town) -> None:
    path = _deploy.DEPLOYMENTS / "31337.json"
    before = path.read_text()
    path.write_text(before.replace(compile_suite().digest, "00" * 32))
    told = script("export_sources", "--chain", "31337", "--dry-run")
    path.write_text(before)
    assert (told.exit_code, "are not those that were deployed" in told.output) == (1, True), told.output


def test_console__names__units_help_and_words(town: Town, suite: Suite, undone: None) -> None:
    names = namespaces(suite)
    token, vault = names["token"], names["vault"]
    assert isinstance(token.totalSupply(), SBI)
    assert repr(token.totalSupply()).endswith(" SBI")
    assert token.totalSupply() == suite.token.totalSupply()
    assert isinstance(vault.peakOutput(), GAICPh)
    assert not isinstance(names["bonds"].requiredBond(), SBI)
    assert {"distribute", "headcount", "DividendDistributed", "help"} <= set(dir(vault))
    assert "next epoch's dividend" in vault.help("distribute")
    assert "returns wei" in vault.help("issued")
    assert "distribute" in vault.help()
    with pytest.raises(Refused, match=r"vault\.distribute: EpochNotFinal\(epoch=2, outcome=0\) \(Thrown when"):
        vault.distribute(sender=town.people.stranger.account)
    citizen = town.people.citizens[0]
    before = names["why"](citizen.address)
    first = next(iter(suite.vault.DividendDistributed.range(0, ape.chain.blocks.height + 1)))
    assert f"holds {SBI.of(suite.token.balanceOf(citizen.address))}" in before
    assert f"epoch 0: {SBI.of(first.dividend)}" in before
    assert "leaf 0 of batch 0" in before
    assert "no citizen" in names["why"](town.people.stranger.address)
    assert "to each of 6 citizens" in names["epoch"](0)
    assert "open: no report yet" in names["epoch"]()
    trail = names["trace"](1)
    assert "signed by 3 of 4 oracles" in trail
    assert f"oracle 0: {town.people.oracles[0].address}" in trail


def test_why__what_is_no_address__refused_and_never_another_account(town: Town, suite: Suite) -> None:
    names = namespaces(suite)
    address = town.people.citizens[0].address
    swapped = address.swapcase().replace("0X", "0x")
    for wrong in ("0x0", "x", "", address + "1", address[:-1], swapped, 5, None, b"", b"\1" * 20, "someone.eth"):
        with pytest.raises(ValueError, match="expected an address, 0x and 40 digits with a fitting checksum"):
            names["why"](wrong)
    assert names["why"](town.people.citizens[0].account) == names["why"](address) == names["why"](address.lower())
    assert names["vault"].address in names["why"](names["vault"])
    assert names["token"].balanceOf(names["vault"]) == suite.token.balanceOf(suite.vault.address)


def test_epoch_and_trace__what_is_none__refused(town: Town, suite: Suite) -> None:
    names = namespaces(suite)
    for wrong in (-1, 2**32, True, "3", 1.5):
        with pytest.raises(ValueError, match="expected an epoch's number, from 0 to 4294967295, given"):
            names["epoch"](wrong)
    for wrong in (-1, 2**300, True):
        with pytest.raises(ValueError, match="expected an epoch's number, from 0 to"):
            names["trace"](wrong)
    for odd in ("", "zz", "0x12", "0x" + "g" * 64, None, 1.5, b"\1"):
        with pytest.raises(ValueError, match="expected an epoch's number, or a transaction's hash of 64 hexadecimal"):
            names["trace"](odd)
    assert "no such transaction" in names["trace"](b"\1" * 32)
    assert "epoch 4294967295: " in names["epoch"](2**32 - 1)


def test_trace__a_contracts_creation__names_it(suite: Suite) -> None:
    record = read_record(31337).contracts["vault"]
    assert f"creation of vault at {suite.vault.address} by" in namespaces(suite)["trace"](record.transaction)


def test_trace__a_call_that_no_function_answers__refused_without_a_reason(
    anvil: Anvil, town: Town, suite: Suite, undone: None
) -> None:
    request = {"from": town.people.stranger.address, "to": suite.vault.address, "gas": hex(500_000)}
    told = namespaces(suite)["trace"](anvil("eth_sendTransaction", {**request, "data": "0xdeadbeef"}))
    assert told.endswith("refused: execution reverted, without a reason")


def test_logs__of_a_suite__from_its_first_block_on(suite: Suite) -> None:
    first = min(each.block or 0 for each in read_record(31337).contracts.values())
    assert suite.since == first > 0
    assert len(suite.logs(suite.vault.DividendDistributed)) == 2
    later = replace(suite, since=ape.chain.blocks.height)
    assert [log.epoch for log in later.logs(suite.vault.DividendDistributed)] == [1]


def test_epoch__that_nobody_reported__has_no_dividend_due(anvil: Anvil, town: Town, suite: Suite, undone: None) -> None:
    number = int(suite.vault.nextEpoch())
    ends = int(suite.vault.genesis()) + (number + 1) * int(suite.vault.epochLength())
    anvil("evm_setNextBlockTimestamp", ends + int(suite.oracles.reportWindow()) + 1)
    anvil.mine()
    told = namespaces(suite)["epoch"](number)
    assert "dividend: none; the next vault.distribute() passes the epoch over" in told


def test_trace__a_refused_transaction__says_why(anvil: Anvil, town: Town, suite: Suite, undone: None) -> None:
    request = {"from": town.people.stranger.address, "to": suite.vault.address, "gas": hex(500_000)}
    sent = anvil("eth_sendTransaction", {**request, "data": "0x" + suite.vault.distribute.encode_input().hex()})
    told = namespaces(suite)["trace"](sent)
    assert "vault.distribute by" in told
    assert "refused: EpochNotFinal(epoch=2, outcome=0)" in told
    paid = suite.token.transfer(town.people.stranger.address, 5, sender=town.people.citizens[0].account)
    assert "token: Transfer(" in namespaces(suite)["trace"](str(paid.txn_hash))


SESSION = """
token.totalSupply()
vault.help("distribute")
epoch(0)
why("{citizen}")
trace(1)
SBI("1.5") + SBI.of(10**18)
GAICPh("0.000000002").at(10**18)
vault.distribute(sender=accounts.test_accounts[3])
governor
powers()
"""


def test_console__a_session_as_typed__answers_in_words(anvil: Anvil, town: Town, checkout: Path) -> None:
    """The real program, in another folder than the checkout."""
    done = subprocess.run(
        [sys.executable, str(ROOT / ".venv" / "bin" / "ape"), "console", "--network", f"ethereum:local:{anvil.url}"],
        input=SESSION.format(citizen=town.people.citizens[0].address),
        capture_output=True,
        text=True,
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(ROOT / "oracles"), "NO_COLOR": "1", "TERM": "dumb"},
        timeout=120,
        check=False,
    )
    said = done.stdout
    for expected in (
        str(SBI.of(town.suite.token.totalSupply())),
        "Distributes the next epoch's dividend",
        "to each of 6 citizens",
        "leaf 0 of batch 0",
        "signed by 3 of 4 oracles",
        "2.5 SBI",
        "2 SBI",
        "EpochNotFinal(epoch=2, outcome=0)",
        "governor: SuiteGovernor at",
        "role='PROPOSER', holder='the founder'",
    ):
        assert expected in said, f"{expected!r} is missing in:\n{said}\n{done.stderr}"


def test_deploying_page__scripts_options_and_recipes_it_names__are_there() -> None:
    page = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    listed = set(
        re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`\w+`[^|]*)\| [^|]*\| [^|]*\|$", page, re.MULTILINE)))
    )
    assert set(SCRIPTS) - {"deploy"} <= listed
    options = {option for parameter in deploy.cli.params for option in parameter.opts}
    assert set(re.findall(r"^\| `(--[\w-]+)` \|", page, re.MULTILINE)) <= options
    recipes = dict(re.findall(r"^\| `([\w-]+)` \| [^|]+ \| (\d+) \|", page, re.MULTILINE))
    assert set(recipes) == {path.stem for path in RECIPES.glob("*.yaml")}
    for name, number in recipes.items():
        assert f"chain_ids: [{number}" in (RECIPES / f"{name}.yaml").read_text(encoding="utf-8")
    for command in re.findall(r"^ape run (\w+)", page, re.MULTILINE):
        assert command in SCRIPTS
