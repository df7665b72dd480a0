"""What a person has on the table who votes: files, a key, and the commands of `sbi govern`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eth_account import Account
from scripts import _deploy

from sbi_network.chain.settings import load_settings
from sbi_network.govern import desk
from sbi_network.govern.governor import Support
from sbi_network.govern.settings import GovernSettings
from tests.stories.town import Town
from tests.support.actors import Person

QUEUED, EXECUTED, EXPIRED = 5, 7, 6
"""States of a proposal, in the governor's numbers."""


class Office:
    """A folder with the files that a person would have, and the commands on them."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.town, self.folder = town, folder
        _deploy.write_record(town.suite, town.recipe)
        self.deployment = _deploy.DEPLOYMENTS / f"{town.chain.chain_id}.json"

    def settings(self, person: Person) -> GovernSettings:
        """What the commands read of somebody."""
        return load_settings(GovernSettings, self.config(person))

    def config(self, person: Person) -> Path:
        """govern.toml of somebody who votes and sends with one key."""
        home = self.folder / person.address
        home.mkdir(exist_ok=True)
        keystore = Account.encrypt(person.key.key, "not secret", kdf="pbkdf2", iterations=2)
        (home / "key.json").write_text(json.dumps(keystore))
        (home / "key.password").write_text("not secret\n")
        key = 'keystore = "key.json"\npassword_file = "key.password"\n'
        (home / "govern.toml").write_text(
            f'[network]\nrpc_url = "{self.town.chain.provider.http_uri}"\ndeployment = "{self.deployment}"\n\n'
            f"[voting]\n{key}\n[sending]\n{key}"
        )
        return home / "govern.toml"

    def proposal(self, description: str, calls: Sequence[tuple[str, str, list[Any]]]) -> Path:
        """A proposal's file."""
        path = self.folder / f"{description.replace(' ', '-')}.toml"
        text = f'description = "{description}"\n'
        for role, function, arguments in calls:
            text += f'\n[[calls]]\ncontract = "{role}"\nfunction = "{function}"\narguments = {json.dumps(arguments)}\n'
        path.write_text(text)
        return path

    def carried_through(self, path: Path, voters: Sequence[Person], relayer: Person) -> int:
        """Proposed by the first voter, voted for by all of them through signed ballots, queued, and due."""
        town = self.town
        asyncio.run(desk.propose(self.settings(voters[0]), path))
        number = desk.number_of(self.settings(relayer), str(path))
        town.pass_to(town.now + town.recipe.governance.voting_delay_s + 1)
        for voter in voters:
            ballot = asyncio.run(desk.sign(self.settings(voter), number, Support.FOR))
            (self.folder / "ballot.json").write_text(ballot.to_json())
            asyncio.run(desk.carry(self.settings(relayer), self.folder / "ballot.json"))
        town.pass_to(int(town.suite.governor.proposalDeadline(number)) + 1)
        asyncio.run(desk.queue(self.settings(relayer), path))
        town.pass_to(int(town.suite.governor.proposalEta(number)))
        return number
