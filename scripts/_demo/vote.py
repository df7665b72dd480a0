"""The demo's vote: citizens halve the rate, by the commands that people use."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ape import accounts, chain, project
from eth_account.signers.local import LocalAccount
from scripts._demo.network import key_section, write_keystore
from scripts._demo.roles import DEPLOYER, Person, development_account
from scripts._deploy import DEPLOYMENTS

from sbi_network.chain.settings import load_settings
from sbi_network.govern import desk
from sbi_network.govern.governor import Support
from sbi_network.govern.settings import GovernSettings

if TYPE_CHECKING:
    from scripts._demo.loop import Loop
    from scripts._demo.processes import Processes

EPOCHS_AHEAD = 4
"""From the epoch of the proposal to the one it is about: vote, timelock and notice fit in between."""

GAS_MONEY = 10**17
RELEASE_BPS = 5_000
WAIT_SECONDS = 60.0


class Vote:
    """One proposal, from its file to its effect."""

    def __init__(self, loop: Loop, processes: Processes, folder: Path) -> None:
        self._loop, self._processes, self._folder = loop, processes, folder
        self._suite = loop.suite
        self.rate = int(loop.suite.policy.rate())
        self.new_rate = self.rate // 2
        self.from_epoch = 0
        self.number = 0

    def open(self, proposer: Person, voters: tuple[Person, ...]) -> None:
        """The proposer proposes; the voters, who have no ether, sign ballots that the relayer carries."""
        relayer = accounts.test_accounts[DEPLOYER]
        relayer.transfer(proposer.address, GAS_MONEY)
        self._wait("the voters' votes to be ripe", lambda: all(map(self._may_propose, voters)))
        rule = relayer.deploy(project.IssuancePolicy, self.new_rate, RELEASE_BPS)
        self.from_epoch = int(self._suite.vault.currentEpoch()) + EPOCHS_AHEAD
        path = self._write_proposal(str(rule.address))
        asyncio.run(desk.propose(self._settings("proposer", proposer.key), path))
        self.number = desk.number_of(self._settings("proposer", proposer.key), str(path))
        self._wait("voting to begin", lambda: self._suite.governor.state(self.number) == 1)
        for voter in voters:
            ballot = asyncio.run(
                desk.sign(self._settings(f"voter-{voter.number}", voter.key), self.number, Support.FOR)
            )
            paper = self._folder / f"voter-{voter.number}" / "ballot.json"
            paper.write_text(ballot.to_json(), encoding="utf-8")
            asyncio.run(desk.carry(self._relayer(), paper))

    def _may_propose(self, person: Person) -> bool:
        """Whether a vote was ripe before the newest block's own second, which is what a proposal asks."""
        before = chain.blocks.head.timestamp - 2
        return bool(self._suite.votes.getPastVotes(person.address, before))

    def queue(self) -> None:
        """Queues what was decided."""
        self._wait("the vote to end", lambda: self._suite.governor.state(self.number) != 1)
        asyncio.run(desk.queue(self._relayer(), self._folder / "proposal.toml"))

    def execute(self) -> None:
        """Executes it, after the timelock's delay."""
        due = int(self._suite.governor.proposalEta(self.number))
        self._wait("the timelock's delay", lambda: chain.blocks.head.timestamp >= due)
        asyncio.run(desk.execute(self._relayer(), self._folder / "proposal.toml"))

    def tally(self) -> tuple[int, int, int]:
        """Votes against, for and abstaining."""
        against, in_favour, abstaining = self._suite.governor.proposalVotes(self.number)
        return int(against), int(in_favour), int(abstaining)

    def _write_proposal(self, policy: str) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "proposal.toml"
        arguments = json.dumps([policy, "@oracles", self.from_epoch])
        path.write_text(
            'description = "Half the rate"\n\n'
            f'[[calls]]\ncontract = "vault"\nfunction = "scheduleTerms"\narguments = {arguments}\n',
            encoding="utf-8",
        )
        return path

    def _relayer(self) -> GovernSettings:
        return self._settings("relayer", development_account(DEPLOYER))

    def _settings(self, name: str, key: LocalAccount) -> GovernSettings:
        """govern.toml of somebody, in a folder of their own."""
        home = self._folder / name
        path = home / "govern.toml"
        if not path.exists():
            home.mkdir(parents=True, exist_ok=True)
            write_keystore(home, "key", key)
            record = DEPLOYMENTS / f"{chain.chain_id}.json"
            path.write_text(
                f'[network]\nrpc_url = "{self._loop.ports.rpc_url}"\ndeployment = "{record}"\n\n'
                f"[voting]\n{key_section('key')}\n[sending]\n{key_section('key')}",
                encoding="utf-8",
            )
        return load_settings(GovernSettings, path)

    def _wait(self, what: str, until: Callable[[], bool]) -> None:
        self._processes.wait_until(what, until, WAIT_SECONDS)
