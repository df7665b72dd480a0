"""Deployments that are interrupted, on a real Anvil: whatever happens, each step is on chain once.

stopped at each stage of each step, in turn   → gone on with, one transaction a nonce
dropped by the mempool, reorganised, too cheap → sent again, the same nonce
killed (-9) as a process                       → the same command goes on
what cannot go on                              → says so, and sends nothing
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ape
import pytest
from click.testing import CliRunner
from scripts import _deploy, deploy
from scripts._deploy import GWEI, DeploymentError, read_record
from scripts._plan import CONTRACTS
from scripts._preview import preview
from scripts._progress import Progress, ProgressError, alone
from scripts._recipe import RecipeError, load_recipe
from scripts._sending import Manner, Sender, SendingError, Stage
from scripts._undertaking import Undertaking, undertake

from tests.integration.anvil import ROOT, Anvil, running_anvil

if TYPE_CHECKING:
    from scripts._plan import Step
    from scripts._recipe import Recipe

pytestmark = pytest.mark.integration

MANNER = Manner(1_000 * GWEI, poll_s=0.01)


class Stopped(BaseException):
    """The process ends here, as by a kill: no handler of the code under test sees to anything."""


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe("local")


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("scripts._deploy.DEPLOYMENTS", tmp_path / "records")
    return tmp_path / "records"


def connected(node: Anvil) -> Any:
    return ape.networks.parse_network_choice(f"ethereum:local:{node.url}")


@pytest.fixture
def anvil(tmp_path: Path) -> Iterator[Anvil]:
    """One that mines when it is told to."""
    with (
        running_anvil(tmp_path, "--no-mining") as node,
        ape.networks.parse_network_choice(f"ethereum:local:{node.url}"),
    ):
        yield node


@pytest.fixture
def deployer(anvil: Anvil) -> Any:
    return ape.accounts.test_accounts[0]


def begun(recipe: Recipe, deployer: Any, **options: Any) -> Undertaking:
    return undertake(recipe, deployer.address, deployer.nonce, **options)


def mining(anvil: Anvil) -> Any:
    """Mines what is sent."""

    def tell(step: Step, stage: Stage, remark: str) -> None:
        if stage is Stage.SENT:
            anvil.mine()

    return tell


def assert_deployed_once(anvil: Anvil, deployer: Any, steps: int) -> None:
    """The chain's own word: as many transactions as steps, each in a block, and the record says where."""
    assert deployer.nonce == steps
    record = read_record(31337)
    found = []
    for height in range(1, anvil.height + 1):
        found += anvil("eth_getBlockByNumber", hex(height), True)["transactions"]
    sent = {each["hash"]: each for each in found if each["from"].lower() == deployer.address.lower()}
    assert sorted(int(each["nonce"], 16) for each in sent.values()) == list(range(steps))
    assert record.set_up is not None
    assert {e.transaction for e in record.contracts.values()} | {e.transaction for e in record.set_up} == set(sent)
    assert all(int(sent[e.transaction]["blockNumber"], 16) == e.block for e in record.contracts.values())
    assert not list(_deploy.DEPLOYMENTS.glob("*.begun.json"))


def test_deployment__stopped_at_every_stage_of_every_step__each_on_chain_once(
    anvil: Anvil, recipe: Recipe, deployer: Any, records: Path
) -> None:
    """Eighty-one deaths: signed but not sent, sent but not seen, seen but not gone on from; of each step in turn."""
    met: set[tuple[int, Stage]] = set()

    def die_once_each(step: Step, stage: Stage, remark: str) -> None:
        if stage is Stage.SENT and anvil.waiting(deployer.address):
            anvil.mine()
        if (step.nonce, stage) not in met:
            met.add((step.nonce, stage))
            raise Stopped

    deaths = 0
    while True:
        undertaking = begun(recipe, deployer)
        assert undertaking.resumed == (deaths > 0)
        try:
            undertaking.carry_out(deployer, MANNER, die_once_each)
            break
        except Stopped:
            deaths += 1
    steps = len(undertaking.plan.steps)
    # One that was mined before the next look is not told of again: what is on chain needs no word.
    assert {step for step, stage in met if stage is Stage.SIGNED} == set(range(steps))
    assert {step for step, stage in met if stage is Stage.SENT} == set(range(steps))
    assert deaths >= 2 * steps
    assert_deployed_once(anvil, deployer, steps)
    again = begun(recipe, deployer, restart=True)
    assert again.plan.first_nonce == steps
    with pytest.raises(DeploymentError, match=r"31337\.json: a suite is deployed on chain 31337 already"):
        begun(recipe, deployer)


def test_deployment__mempool_drops_and_chain_reorganises__sent_again(
    anvil: Anvil, recipe: Recipe, deployer: Any, records: Path
) -> None:
    dropped: set[int] = set()

    def rough(step: Step, stage: Stage, remark: str) -> None:
        if stage is Stage.SENT:
            if step.nonce % 5 == 2 and step.nonce not in dropped:
                dropped.add(step.nonce)
                anvil("anvil_dropAllTransactions")
            else:
                anvil.mine()
        elif stage is Stage.MINED and step.nonce % 7 == 6 and -step.nonce not in dropped:
            dropped.add(-step.nonce)
            anvil.reorg(3)

    undertaking = begun(recipe, deployer)
    undertaking.carry_out(deployer, MANNER, rough)
    steps = len(undertaking.plan.steps)
    assert dropped == {*range(2, steps, 5), *(-step for step in range(6, steps, 7))}
    assert_deployed_once(anvil, deployer, steps)


def test_deployment__too_cheap_for_its_time__pays_more_under_the_same_nonce(
    anvil: Anvil, recipe: Recipe, deployer: Any, records: Path
) -> None:
    signed: dict[int, int] = {}

    def patient_with_one(step: Step, stage: Stage, remark: str) -> None:
        if stage is Stage.SIGNED:
            signed[step.nonce] = signed.get(step.nonce, 0) + 1
        if stage is Stage.SENT and (step.nonce != 4 or signed[4] == 3):
            anvil.mine()

    undertaking = begun(recipe, deployer)
    undertaking.carry_out(deployer, Manner(1_000 * GWEI, poll_s=0.01, patience_s=0.05), patient_with_one)
    assert signed[4] == 3
    assert_deployed_once(anvil, deployer, len(undertaking.plan.steps))


def test_deployment__confirmations_wanted__waits_for_them(
    anvil: Anvil, recipe: Recipe, deployer: Any, records: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undertaking = begun(recipe, deployer)
    looks: list[int] = []
    deep_enough = Sender._deep_enough

    def counted(sender: Sender) -> bool:
        looks.append(anvil.height)
        if len(looks) == 2:
            anvil.reorg(1)  # the last step is gone, and with it every confirmation
        elif len(looks) > 2:
            anvil.mine()
        return deep_enough(sender)

    monkeypatch.setattr(Sender, "_deep_enough", counted)
    deployment, _ = undertaking.carry_out(deployer, Manner(1_000 * GWEI, confirmations=3, poll_s=0.01), mining(anvil))
    assert anvil.height - deployment.mined[-1].block >= 3
    assert_deployed_once(anvil, deployer, len(undertaking.plan.steps))


def test_deployment__goes_on_after_genesis__facilities_prove_from_an_epoch_still_to_begin(
    anvil: Anvil, recipe: Recipe, deployer: Any, records: Path
) -> None:
    undertaking = begun(recipe, deployer)
    assert undertaking.plan.first_audited == (0, 0, 0)
    with pytest.raises(Stopped):
        undertaking.carry_out(deployer, MANNER, stop_after(undertaking.plan.audits_steps[0].nonce - 1, anvil))
    anvil("evm_setNextBlockTimestamp", undertaking.plan.genesis + 3 * recipe.clock.epoch_length_s)
    anvil.mine()
    late = begun(recipe, deployer)
    with pytest.raises(Stopped):
        late.carry_out(deployer, MANNER, stop_after(late.plan.audits_steps[0].nonce, anvil))
    first = late.plan.first_audited[0]
    assert first >= 5
    assert late.plan.first_audited == (first, first, first)
    # What is said once stays said, and what is not said yet names a later epoch, however late it gets.
    for place in (1, 2):
        anvil("evm_increaseTime", 3 * recipe.clock.epoch_length_s)
        anvil.mine()
        later = begun(recipe, deployer)
        assert later.plan.first_audited[:place] == late.plan.first_audited[:place]
        assert later.plan.first_audited[place] >= late.plan.first_audited[place] + 3
        late = later
        with pytest.raises(Stopped):
            late.carry_out(deployer, MANNER, stop_after(late.plan.audits_steps[place].nonce, anvil))
    deployment, _ = begun(recipe, deployer).carry_out(deployer, MANNER, mining(anvil))
    audits = deployment.suite.audits
    assert audits.rulesAt(first).fromEpoch == first
    assert audits.rulesAt(first - 1).slots == 0
    starts = [log.fromEpoch for log in audits.FleetsScheduled.range(0, anvil.height + 1)]
    assert tuple(starts) == late.plan.first_audited[1:]
    assert_deployed_once(anvil, deployer, len(late.plan.steps))


def test_deployment__set_up_ended_meanwhile__says_so_and_sends_nothing(
    anvil: Anvil, recipe: Recipe, deployer: Any, records: Path
) -> None:
    undertaking = begun(recipe, deployer)
    with pytest.raises(Stopped):
        undertaking.carry_out(deployer, MANNER, stop_after(3, anvil))
    ends = undertaking.plan.started + recipe.governance.set_up_s
    anvil("evm_setNextBlockTimestamp", ends)
    anvil.mine()
    with pytest.raises(DeploymentError, match=rf"set-up ended at {ends}, governance\.set_up_s .*begin another with"):
        begun(recipe, deployer)
    assert deployer.nonce == 4


def test_deployment__giving_up_admin_is_all_that_is_left__goes_on_after_set_up_ended(
    anvil: Anvil, recipe: Recipe, deployer: Any, records: Path
) -> None:
    undertaking = begun(recipe, deployer)
    steps = len(undertaking.plan.steps)
    with pytest.raises(Stopped):
        undertaking.carry_out(deployer, MANNER, stop_after(steps - 2, anvil))
    anvil("evm_setNextBlockTimestamp", undertaking.plan.started + recipe.governance.set_up_s)
    anvil.mine()
    begun(recipe, deployer).carry_out(deployer, MANNER, mining(anvil))
    assert_deployed_once(anvil, deployer, steps)


def test_deployment__node_goes_away__says_so_and_keeps_its_notes(
    anvil: Anvil, recipe: Recipe, deployer: Any, records: Path
) -> None:
    undertaking = begun(recipe, deployer)

    def gone(step: Step, stage: Stage, remark: str) -> None:
        mining(anvil)(step, stage, remark)
        if stage is Stage.MINED and step.nonce == 3:
            os.kill(anvil.pid, signal.SIGKILL)

    with pytest.raises(SendingError, match="the node did not answer 8 times in a row; run this again to go on"):
        undertaking.carry_out(deployer, MANNER, gone)
    notes = Progress.read(records / "31337.begun.json")
    assert notes is not None
    assert notes.signed(3)


def test_deploy_script__another_at_work__refused(anvil: Anvil, records: Path) -> None:
    path = records / "31337.begun.json"
    command = ["--network", f"ethereum:local:{anvil.url}", "--account", "TEST::0", "--records", str(records), "--yes"]
    with alone(path):
        told = CliRunner().invoke(deploy.cli, command)
    assert told.exit_code == 1
    assert "31337.begun.json: another process deploys by these notes" in told.output
    assert not path.exists()
    with alone(path):
        pass


def stop_after(nonce: int, anvil: Anvil) -> Any:
    def tell(step: Step, stage: Stage, remark: str) -> None:
        mining(anvil)(step, stage, remark)
        if stage is Stage.MINED and step.nonce == nonce:
            raise Stopped

    return tell


def test_deployment__nonce_used_by_something_else__says_so(
    anvil: Anvil, recipe: Recipe, deployer: Any, records: Path
) -> None:
    undertaking = begun(recipe, deployer)
    with pytest.raises(Stopped):
        undertaking.carry_out(deployer, MANNER, stop_after(3, anvil))
    anvil("eth_sendTransaction", {"from": deployer.address, "to": deployer.address})
    anvil.mine()
    height = anvil.height
    with pytest.raises(SendingError, match=r"IssuancePolicy: nonce 4 of 0xf39F\w+ was used by a transaction"):
        begun(recipe, deployer).carry_out(deployer, MANNER, mining(anvil))
    assert anvil.height == height


def test_deployment__something_changed_since__refused(
    anvil: Anvil, recipe: Recipe, deployer: Any, records: Path, tmp_path: Path
) -> None:
    undertaking = begun(recipe, deployer)
    with pytest.raises(Stopped):
        undertaking.carry_out(deployer, MANNER, stop_after(3, anvil))
    other = load_recipe("local", {"exchange.fee_bps": 999})
    with pytest.raises(DeploymentError, match="the recipe was changed, the plan is another one: go back"):
        begun(other, deployer)
    with pytest.raises(DeploymentError, match="the deployer is another account"):
        begun(recipe, ape.accounts.test_accounts[1])
    with pytest.raises(DeploymentError, match="was begun with genesis"):
        begun(recipe, deployer, genesis=1)
    # Chains that began in the same second are the same chain until their first block.
    with running_anvil(tmp_path, "--timestamp", "1700000000") as another, connected(another):
        another("anvil_setNonce", deployer.address, hex(4))
        with pytest.raises(DeploymentError, match="the chain is another one"):
            begun(recipe, deployer)
    path = records / "31337.begun.json"
    path.write_text(path.read_text()[:-40], encoding="utf-8")
    with pytest.raises(ProgressError, match=r"31337\.begun\.json: not the notes of a deployment"):
        begun(recipe, deployer)
    assert deployer.nonce == 4


def test_deployment__recipe_of_another_chain__nothing_is_sent(anvil: Anvil, deployer: Any, records: Path) -> None:
    with pytest.raises(RecipeError, match=r"network\.chain_ids: expected the connected chain, 31337 \(given 5\)"):
        begun(load_recipe("local", {"network.chain_ids": [5]}), deployer)
    assert deployer.nonce == 0


def test_deployment__account_runs_dry__goes_on_once_it_has_more(
    anvil: Anvil, recipe: Recipe, deployer: Any, records: Path
) -> None:
    undertaking = begun(recipe, deployer)

    def drained(step: Step, stage: Stage, remark: str) -> None:
        mining(anvil)(step, stage, remark)
        if stage is Stage.MINED and step.nonce == 5:
            anvil("anvil_setBalance", deployer.address, hex(10**15))

    with pytest.raises(SendingError, match=r"SBIToken: 0xf39F\w+ has only 0\.001000 of the native coin left; send it"):
        undertaking.carry_out(deployer, MANNER, drained)
    anvil("anvil_setBalance", deployer.address, hex(10**20))
    begun(recipe, deployer).carry_out(deployer, MANNER, mining(anvil))
    assert_deployed_once(anvil, deployer, len(undertaking.plan.steps))


def test_preview__local_recipe__gas_as_it_turns_out(anvil: Anvil, recipe: Recipe, deployer: Any, records: Path) -> None:
    undertaking = begun(recipe, deployer)
    shown = preview(undertaking.plan, undertaking.compiled, 31337, ape.chain.provider.web3, 0)
    assert deployer.nonce == 0
    deployment, _ = undertaking.carry_out(deployer, MANNER, mining(anvil))
    assert [each.gas_used for each in deployment.mined] == list(shown.gas)
    assert any(held.role == "ADMIN" and held.holder == "the timelock" for held in shown.holdings)
    assert not any(deployer.address == held.holder for held in shown.holdings)


def test_record__a_deployment__says_what_it_was_made_from(
    anvil: Anvil, recipe: Recipe, deployer: Any, records: Path
) -> None:
    undertaking = begun(recipe, deployer)
    _, path = undertaking.carry_out(deployer, MANNER, mining(anvil))
    record = json.loads(path.read_text())
    assert record["recipe_sha256"] == recipe.digest()
    assert record["compiler"]["version"].startswith("0.8.35+commit.")
    assert record["compiler"]["settings"]["optimizer"] == {"enabled": True, "runs": 10000}
    assert record["compiler"]["sources_sha256"] == undertaking.compiled.digest
    assert record["deployer"] == deployer.address
    assert len(record["set_up"]) == len(undertaking.plan.steps) - len(CONTRACTS)


@pytest.mark.slow
def test_deploy_script__killed_twice__the_same_command_goes_on(tmp_path: Path) -> None:
    """As it happens: the process is killed (-9), and whoever started it starts it again."""
    with running_anvil(tmp_path, "--block-time", "1", "--mixed-mining") as node:
        command = [
            sys.executable,
            str(ROOT / ".venv" / "bin" / "ape"),
            "run",
            "deploy",
            "--account",
            "TEST::0",
            "--yes",
        ]
        command += ["--network", f"ethereum:local:{node.url}", "--records", str(tmp_path / "records")]
        deaths = 0
        for stop in (r"^ *3  sent ", r"^ *17  mined ", None):
            process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
            lines = []
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                if stop and re.match(stop, line):
                    process.send_signal(signal.SIGKILL)
                    deaths += 1
                    break
            process.stdout.close()
            status = process.wait()
            assert status == (-signal.SIGKILL if stop else 0), "".join(lines)
        assert deaths == 2
        record = json.loads((tmp_path / "records" / "31337.json").read_text())
        steps = len(record["contracts"]) + len(record["set_up"])
        assert node.count("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266") == steps
        assert any("resumed" in line for line in lines)
