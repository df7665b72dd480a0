"""What is rehearsed, act by act. Runs in the project folder that `__main__` prepared."""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ape
import yaml
from eth_account import Account
from eth_account.signers.local import LocalAccount
from scripts import _deploy
from scripts._demo.network import BIN, write_keystore
from scripts._demo.processes import DemoError, Process, Processes, answers
from scripts._deploy import load_suite

from sbi_network.roll import Batch, CitizenLeaf
from tests.rehearsal.nodes import (
    CHAIN_ID,
    HOST,
    Rpc,
    Weather,
    anvil_command,
    hardhat_command,
    limited_endpoint,
    public_hardhat,
)

ROOT = Path(__file__).resolve().parents[2]
DEPLOYER, ORACLES, REGISTRAR, SENDERS = 0, (1, 2, 3, 4), 5, (10, 11, 12, 13)
OPERATORS, READING_KEYS, GUARDIAN, KEEPER, FOUNDER = (6, 8), (7, 9), 14, 15, 16
NEWCOMER, NEWCOMER_SENDER = 17, 18
LEAVER = 3
"""The oracle, by its place, that another takes the place of."""

EPOCHS = 3
"""To live before the oracle set changes; one more after."""

SCALED = {
    # A twelfth and less, of what the recipe says: the whole run takes minutes.
    "clock": {
        "genesis_delay_s": 200,
        "epoch_length_s": 20,
        "report_window_s": 120,
        "dispute_window_s": 4,
        "max_extension_s": 30,
        "ring_epochs": 256,
    },
    "vault": {"expiry_age_s": 1800, "min_notice_epochs": 2, "halt_span_s": 240, "brake_span_s": 60},
    "citizens": {"objection_delay_s": 60, "turnover_period_s": 86_400},
    "exchange": {"settlement_window_s": 600},
    "disputes": {
        "required_bond_wei": 50_000_000_000_000_000,
        "lock_time_s": 1800,
        "evidence_horizon_s": 900,
        "reveal_window_s": 20,
    },
    "governance": {
        "set_up_s": 200,
        "founding_s": 86_400,
        "timelock_delay_s": 10,
        "ripening_s": 10,
        "voting_delay_s": 4,
        "voting_period_s": 20,
        "grace_s": 600,
        "chamber_delay_s": 30,
    },
    "audits": {"slots": 0},
}


class Rehearsal:
    """One run."""

    def __init__(self, home: Path, node: str, base: int, processes: Processes) -> None:
        self.home, self.node, self.base, self.processes = home, node, base, processes
        self.node_url, self.url = f"http://{HOST}:{base}", f"http://{HOST}:{base + 1}"
        self.network = f"ethereum:sepolia:{self.url}"
        mnemonic = yaml.safe_load(Path("ape-config.yaml").read_text(encoding="utf-8"))["test"]["mnemonic"]
        Account.enable_unaudited_hdwallet_features()
        self.keys: list[LocalAccount] = [
            Account.from_mnemonic(mnemonic, account_path=f"m/44'/60'/0'/0/{number}") for number in range(20)
        ]
        self.mnemonic = mnemonic
        self.deaths = 0

    @property
    def endpoints(self) -> str:
        """Of two operators, as the pages for operators advise: one of them refuses now and then."""
        return f'["{self.url}", "{self.node_url}"]'

    def address(self, number: int) -> str:
        return str(self.keys[number].address)

    # The node

    def start_node(self) -> None:
        if self.node == "anvil":
            command = anvil_command(BIN / "anvil", self.base, self.mnemonic)
        else:
            command = list(hardhat_command(self.home / "hardhat", self.base, public_hardhat(self.mnemonic)))
        self.processes.start(self.node, command)
        self.processes.wait_until(f"{self.node} to answer", lambda: answers(HOST, self.base), 60)

    # Deploying

    def write_recipe(self) -> Path:
        """Sepolia's, with people and with spans to scale."""
        recipe = yaml.safe_load((Path("scripts") / "_recipes" / "sepolia.yaml").read_bytes())
        for section, values in SCALED.items():
            recipe[section].update(values)
        recipe["oracles"] = [self.address(number) for number in ORACLES]
        recipe["governance"].update(founder=self.address(FOUNDER), guardian=self.address(GUARDIAN))
        recipe["registrars"] = [self.address(REGISTRAR)]
        facility = {**recipe["facilities"][0], "capacities": [10**6] * 3, "fleets": []}
        recipe["facilities"] = [
            {**facility, "operator": self.address(operator), "reading_key": self.address(key)}
            for operator, key in zip(OPERATORS, READING_KEYS, strict=True)
        ]
        path = self.home / "pilot.yaml"
        path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
        return path

    def deploy(self, recipe: Path, rpc: Rpc) -> None:
        """Too little ether, then enough; killed once; the same command again."""
        command = ("deploy", "--account", f"TEST::{DEPLOYER}", "--recipe", str(recipe), "--yes", "--patience", "6")
        rpc(f"{self.node}_setBalance", self.address(DEPLOYER), hex(10**15))
        refused = self.script(*command, expected=1)
        require("the plan costs" in refused, f"expected a refusal for lack of ether, given:\n{refused}")
        rpc(f"{self.node}_setBalance", self.address(DEPLOYER), hex(10**18))
        self.script(*command, expected=-signal.SIGKILL, kill_at=r"^ *9  mined ")
        self.deaths += 1
        said = self.script(*command)
        require("resumed" in said, f"expected the deployment to be resumed, given:\n{said}")

    def script(self, *arguments: str, expected: int = 0, kill_at: str | None = None) -> str:
        """`ape run …`, its output also in a log."""
        name = arguments[0]
        command = [str(BIN / "ape"), "run", *arguments]
        if name != "export_sources":
            command += ["--network", self.network]
        child = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "COLUMNS": "120"},
        )
        lines: list[str] = []
        require(child.stdout is not None, "no output")
        with (self.home / "logs" / f"script-{name}.log").open("a", encoding="utf-8") as log:
            for line in child.stdout or ():
                lines.append(line)
                log.write(line)
                if kill_at and re.match(kill_at, line):
                    child.kill()
        status = child.wait()
        said = "".join(lines)
        require(status == expected, f"ape run {name}: expected status {expected}, given {status}:\n{said[-2000:]}")
        return said

    # Daemons

    def meter(self, number: int, registry: str) -> None:
        home = self._daemon_home(f"meter-{number}")
        write_keystore(home, "reading-key", self.keys[READING_KEYS[number]])
        judges = ", ".join(f'"http://{HOST}:{self._oracle_port(place)}"' for place in range(5))
        (home / "meter.toml").write_text(
            f'facility = {number}\nstate = "meter.sqlite"\n\n'
            f'[network]\nrpc_url = {self.endpoints}\nregistry = "{registry}"\n\n'
            '[key]\nkeystore = "reading-key.json"\npassword_file = "reading-key.password"\n\n'
            f'[http]\nhost = "{HOST}"\nport = {self._meter_port(number)}\n\n'
            '[meter]\nkind = "accounting"\nsample = "small-facility"\n\n'
            f"[proof]\noracles = [{judges}]\n",
            encoding="utf-8",
        )
        self.processes.start(f"meter-{number}", [BIN / "sbi", "meter", "run", "--config", home / "meter.toml"])

    def oracle(self, place: int, signer: int, sender: int, registry: str, peers: dict[int, int]) -> Process:
        """`peers`: places by signer."""
        home = self._daemon_home(f"oracle-{place}")
        write_keystore(home, "signing-key", self.keys[signer])
        write_keystore(home, "sending-key", self.keys[sender])
        listed = [f'"{self.address(s)}" = "http://{HOST}:{self._oracle_port(p)}"' for s, p in peers.items()]
        meters = [f'{n} = "http://{HOST}:{self._meter_port(n)}"' for n in range(len(READING_KEYS))]
        changes = {
            'rpc_url = "http://127.0.0.1:8545"': f"rpc_url = {self.endpoints}",
            'registry = "0x…"': f'registry = "{registry}"',
            'host = "0.0.0.0"': f'host = "{HOST}"',
            "port = 8700": f"port = {self._oracle_port(place)}",
            "port = 9700": f"port = {self._oracle_port(place) + 200}",
            "gather_seconds = 10": "gather_seconds = 3",
            "view_seconds = 15": "view_seconds = 8\npoll_seconds = 0.5\nrequest_seconds = 3",
            '"0x…" = "https://oracle-b.example:8700"': "\n".join(listed),
            '0 = "https://meter.example:8600"': "\n".join(meters),
        }
        (home / "oracle.toml").write_text(as_documented("oracle.toml", changes), encoding="utf-8")
        return self.processes.start(f"oracle-{place}", [BIN / "sbi", "oracle", "run", "--config", home / "oracle.toml"])

    def keeper(self, vault: str) -> None:
        home = self._daemon_home("keeper")
        write_keystore(home, "sending-key", self.keys[KEEPER])
        changes = {
            "poll_seconds = 12": "poll_seconds = 2",
            'rpc_url = "http://127.0.0.1:8545"': f"rpc_url = {self.endpoints}",
            'vault = "0x…"': f'vault = "{vault}"',
            "port = 9701": f"port = {self.base + 401}",
        }
        (home / "keeper.toml").write_text(as_documented("keeper.toml", changes), encoding="utf-8")
        self.processes.start("keeper", [BIN / "sbi", "keeper", "run", "--config", home / "keeper.toml"])

    def _daemon_home(self, name: str) -> Path:
        home = self.home / name
        home.mkdir(parents=True, exist_ok=True)
        return home

    def _oracle_port(self, place: int) -> int:
        return self.base + 101 + place

    def _meter_port(self, number: int) -> int:
        return self.base + 201 + number


class RehearsalError(RuntimeError):
    """Something was not as it should be."""


def as_documented(name: str, changes: dict[str, str]) -> str:
    """A daemon's file as the operators' page shows it, with what begins these lines changed."""
    page = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    found = re.search(rf"^```toml[^\n]*\n(# {re.escape(name)}\n.*?)^```", page, re.MULTILINE | re.DOTALL)
    require(found is not None, f"docs/operators.md shows no {name}")
    lines = found[1].splitlines() if found else []
    for given, wanted in changes.items():
        places = [place for place, line in enumerate(lines) if re.match(rf"{re.escape(given)}(\s|$)", line)]
        require(len(places) == 1, f"docs/operators.md, {name}: expected one line {given!r}, given {len(places)}")
        lines[places[0]] = wanted
    return "\n".join(lines) + "\n"


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RehearsalError(otherwise)


def retried(act: Callable[[], Any], settled: Callable[[], bool], rpc: Rpc) -> None:
    """An act of a person who looks whether it is on chain, and does it again where the network forgot it."""
    for _ in range(12):
        if settled():
            return
        try:
            act()
        except Exception as error:  # noqa: BLE001 - as a person would: whatever it was, look and try again
            print(f"    again, after: {type(error).__name__}")
        time.sleep(2)
    require(settled(), "tried a dozen times in vain")


def sent(
    run: Rehearsal, number: int, contract: Any, function: str, *arguments: Any, value: int = 0
) -> Callable[[], None]:
    """A transaction by one of the accounts, that does not wait for a receipt."""
    web3 = ape.chain.provider.web3

    def act() -> None:
        key = run.keys[number]
        transaction = {
            "type": 2,
            "chainId": CHAIN_ID,
            "to": contract.address,
            "data": getattr(contract, function).encode_input(*arguments),
            "from": key.address,
            "value": value,
            "nonce": web3.eth.get_transaction_count(key.address),
            "maxFeePerGas": 40 * 10**9,
            "maxPriorityFeePerGas": 10**9,
        }
        transaction["gas"] = web3.eth.estimate_gas(transaction) * 12 // 10
        web3.eth.send_raw_transaction(key.sign_transaction(transaction).raw_transaction)
        time.sleep(2)

    return act


def play(run: Rehearsal, seed: int) -> str:
    """All acts; answers the last line."""
    started = time.monotonic()
    rpc = Rpc(run.node_url)
    run.start_node()
    recipe = run.write_recipe()
    with limited_endpoint(run.base + 1, run.node_url) as endpoint, Weather(rpc, kind=run.node, seed=seed) as weather:
        say("deploying by the recipe, in bad weather")
        run.deploy(recipe, rpc)
        weather.depth = 1  # a reorganisation of what is final would rightly stop the daemons
        with ape.networks.parse_network_choice(f"ethereum:sepolia:{run.node_url}"):
            suite = load_suite(CHAIN_ID)
            say("bonding oracles, enrolling a town")
            _bond(run, suite, rpc, (*ORACLES, NEWCOMER))
            roll = Batch([CitizenLeaf(i, Account.create().address, bytes([i + 1] * 32)) for i in range(100)])
            enrol = ("enrol", "--root", f"0x{roll.root.hex()}", "--size", str(roll.size), "--region", "1")
            run.script(*enrol, "--account", f"TEST::{REGISTRAR}", "--dry-run")
            retried(
                sent(run, REGISTRAR, suite.citizens, "enrol", roll.root, roll.size, 1),
                lambda: int(suite.vault.headcount()) == roll.size,
                rpc,
            )
            say("starting meters, oracles, keeper")
            registry = suite.oracles.address
            for number in range(len(READING_KEYS)):
                run.meter(number, registry)
            places = dict(zip(ORACLES, range(4), strict=True))
            started_oracles = [
                run.oracle(place, signer, sender, registry, {s: p for s, p in places.items() if s != signer})
                for place, (signer, sender) in enumerate(zip(ORACLES, SENDERS, strict=True))
            ]
            run.keeper(suite.vault.address)
            genesis, length = int(suite.vault.genesis()), int(suite.vault.epochLength())
            _await_dividends(run, suite, EPOCHS, genesis - _now(suite) + 12 * length)
            say("another oracle takes a place")
            change = int(suite.oracles.currentEpoch()) + 8
            _replace_oracle(run, suite, rpc, change)
            started_oracles[LEAVER].stop()
            kept = {s: p for s, p in places.items() if p != LEAVER}
            run.oracle(4, NEWCOMER, NEWCOMER_SENDER, registry, kept)
            for signer, place in kept.items():
                started_oracles[place].stop()
                peers = {**{s: p for s, p in kept.items() if s != signer}, NEWCOMER: 4}
                started_oracles[place] = run.oracle(place, signer, SENDERS[place], registry, peers)
            _await(run, "a report by the new set", lambda: _signed_by_newcomer(suite, change), 30 * length)
            signed = next(e for e in _reports(suite) if int(e.epoch) >= change)
            say(f"epoch {signed.epoch} was signed by {int(signed.signers).bit_count()} of the new set")
            say("handing over")
            _hand_over(run, suite, rpc)
            say("auditing")
            dividends = _audit(run, suite)
        weathered = ", ".join(f"{count} {name}" for name, count in weather.done.items())
        return (
            f"rehearsed on {run.node}: deployed, resumed after {run.deaths} kill, {dividends} epochs distributed, "
            f"oracle set changed, handed over, audited, in {time.monotonic() - started:.0f} s; weather: {weathered}, "
            f"{endpoint.refused} of {endpoint.asked} requests refused"
        )


def _bond(run: Rehearsal, suite: Any, rpc: Rpc, signers: tuple[int, ...]) -> None:
    from sbi_network.protocol.messages import Bond, bonds_domain

    domain = bonds_domain(CHAIN_ID, suite.bonds.address)
    amount = int(suite.bonds.requiredBond())
    for signer in signers:
        owner = run.keys[signer]
        consent = Bond(owner.address, owner.address).sign(owner, domain).to_bytes()
        retried(
            sent(run, signer, suite.bonds, "bond", owner.address, consent, value=amount),
            lambda owner=owner: bool(suite.oracles.stands(owner.address)),  # type: ignore[misc]
            rpc,
        )


def _replace_oracle(run: Rehearsal, suite: Any, rpc: Rpc, change: int) -> None:
    """As the founder does: the same command twice, the timelock's delay between."""
    leaver, newcomer = run.address(ORACLES[LEAVER]), run.address(NEWCOMER)
    proposal = run.home / "oracle-set.toml"
    command = ("add_oracle", "--add", newcomer, "--remove", leaver, "--from-epoch", str(change))
    run.script(*command, "--account", f"TEST::{FOUNDER}", "--proposal", str(proposal))
    require(newcomer in proposal.read_text(encoding="utf-8"), "the proposal does not name the new oracle")
    oracles = [str(each) for each in suite.oracles.configAt(change).oracles]
    oracles = [each for each in oracles if each != leaver] + [newcomer]
    trusted = suite.oracles.verifiersAt(change)
    weights = [int(each) for each in suite.oracles.weightsAt(change)]
    data = suite.oracles.scheduleConfig.encode_input(oracles, weights, (trusted.signatures, trusted.disputes), change)
    call = (suite.oracles.address, 0, data, bytes(32), bytes(32))
    operation = suite.timelock.hashOperation(*call)
    delay = int(suite.timelock.getMinDelay())
    retried(
        sent(run, FOUNDER, suite.timelock, "schedule", *call, delay),
        lambda: int(suite.timelock.getTimestamp(operation)) > 0,
        rpc,
    )
    _await(run, "the timelock", lambda: bool(suite.timelock.isOperationReady(operation)), 20 * delay)
    retried(
        sent(run, FOUNDER, suite.timelock, "execute", *call),
        lambda: bool(suite.timelock.isOperationDone(operation)),
        rpc,
    )


def _hand_over(run: Rehearsal, suite: Any, rpc: Rpc) -> None:
    from scripts._handover import TIMELOCK_ROLES, remaining_powers

    require(bool(remaining_powers(suite)), "the founder had no power before handover")
    founder = run.address(FOUNDER)
    for role in TIMELOCK_ROLES.values():
        if suite.timelock.hasRole(role, founder):
            retried(
                sent(run, FOUNDER, suite.timelock, "renounceRole", role, founder),
                lambda role=role: not suite.timelock.hasRole(role, founder),  # type: ignore[misc]
                rpc,
            )
    run.script("handover", "--check", "--account", f"TEST::{FOUNDER}")


def _audit(run: Rehearsal, suite: Any) -> int:
    """Nothing but what the chain says. Answers how many epochs brought a dividend."""
    run.script("status", "--verify")
    run.script("export_sources", "--chain", str(CHAIN_ID), "--dry-run")
    logs = _dividends(suite)
    epochs = [int(log.epoch) for log in logs]
    require(len(epochs) == len(set(epochs)), f"an epoch was distributed twice: {epochs}")
    for log in logs:
        require(log.issued == log.dividend * log.headcount, f"epoch {log.epoch}: issued is not dividend × headcount")
    require(int(suite.vault.issued()) == sum(int(log.issued) for log in logs), "issued is not what was distributed")
    supply = int(suite.vault.issued()) - int(suite.token.recycled())
    require(int(suite.token.totalSupply()) == supply, "supply is not issued less recycled")
    for name in ("deployer", "founder"):
        number = DEPLOYER if name == "deployer" else FOUNDER
        require(not suite.manager.hasRole(0, run.address(number))[0], f"the {name} is ADMIN")
    return len(logs)


def _signed_by_newcomer(suite: Any, change: int) -> bool:
    return any(int(log.epoch) >= change and int(log.signers) >> LEAVER & 1 for log in _reports(suite))


def _reports(suite: Any) -> list[Any]:
    return list(suite.oracles.ReportAccepted.range(0, ape.chain.blocks.height + 1))


def _dividends(suite: Any) -> list[Any]:
    return list(suite.vault.DividendDistributed.range(0, ape.chain.blocks.height + 1))


def _now(suite: Any) -> int:
    return int(ape.chain.blocks.head.timestamp)


def _await_dividends(run: Rehearsal, suite: Any, count: int, seconds: float) -> None:
    _await(run, f"{count} dividends", lambda: len(_dividends(suite)) >= count, seconds)
    for log in _dividends(suite):
        say(f"epoch {log.epoch}: output {log.publicOutput} nGAICPh, dividend {log.dividend} wei a head")


def _await(run: Rehearsal, what: str, holds: Callable[[], bool], seconds: float) -> None:
    run.processes.wait_until(what, holds, max(seconds, 60))


def say(text: str) -> None:
    print(f"  {text}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--node", required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port-base", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    given = parser.parse_args()
    _deploy.DEPLOYMENTS = Path.cwd() / "scripts" / "_deployments"
    try:
        with Processes(given.home / "logs") as processes:
            print(play(Rehearsal(given.home, given.node, given.port_base, processes), given.seed))
    except (RehearsalError, DemoError) as error:
        sys.exit(f"rehearsal: {error}")
    except KeyboardInterrupt:
        sys.exit("rehearsal: interrupted; every process was stopped")


if __name__ == "__main__":
    main()
