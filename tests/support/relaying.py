"""A relayer's process, and people who have it carry what they sign. For tests and benchmarks alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import httpx
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from sbi_network.protocol.figure import hex_of
from sbi_network.protocol.messages import Permit, TransferWithAuthorization, token_domain
from sbi_network.protocol.typed_data import Address, Domain
from tests.integration.shadow import HOST, ROOT, free_port, wait_until
from tests.support.actors import Person
from tests.support.anvil_nation import Nation, deployed_nation

SBI: Final = 10**18
PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - of a development key
HOUR: Final = 3_600


@dataclass(frozen=True)
class Signing:
    """Somebody who signs payments of one token."""

    key: LocalAccount
    domain: Domain

    @property
    def address(self) -> Address:
        return self.key.address

    def transfer(
        self, to: str, value: int, nonce: bytes, before: int, after: int = 0, payer: str | None = None
    ) -> dict[str, Any]:
        """A signed payment in its JSON form. Another `payer` than who signs: a wallet's, or a forgery."""
        message = TransferWithAuthorization(payer or self.address, to, value, after, before, nonce)  # type: ignore[arg-type]
        return {
            "from": message.from_,
            "to": to,
            "value": str(value),
            "validAfter": str(after),
            "validBefore": str(before),
            "nonce": hex_of(nonce),
            "signature": hex_of(message.sign(self.key, self.domain).to_bytes()),
        }

    def fee(self, quote: dict[str, Any], before: int, **changed: Any) -> dict[str, Any]:
        """The fee of a quote, signed."""
        told = {"to": quote["collector"], "value": int(quote["fee"]), "nonce": bytes.fromhex(quote["fee_nonce"][2:])}
        whole = self.transfer(**{**told, **changed}, before=before)
        return {name: whole[name] for name in ("value", "validAfter", "validBefore", "nonce", "signature")}

    def cancelled(self, nation: Nation, nonce: bytes) -> None:
        """By the payer, for ether, beside any relayer."""
        person = Person(cast("Any", None), self.key)
        nation.actors.cancel(nation.deployer, person, nonce)

    def permit(self, spender: str, value: int, nonce: int, deadline: int) -> dict[str, Any]:
        """A signed permit in its JSON form."""
        message = Permit(self.address, spender, value, nonce, deadline)  # type: ignore[arg-type]
        return {
            "owner": self.address,
            "spender": spender,
            "value": str(value),
            "nonce": nonce,
            "deadline": deadline,
            "signature": hex_of(message.sign(self.key, self.domain).to_bytes()),
        }


class Relay:
    """`sbi relay run` in a folder, on a nation's chain, paying with an account of its own."""

    def __init__(self, nation: Nation, folder: Path, key: LocalAccount, *sections: str) -> None:
        self.nation = nation
        self.folder = folder
        self.key = key
        self.port, self.monitoring = free_port(), free_port()
        self.base = f"http://{HOST}:{self.port}"
        self.domain = token_domain(nation.chain_id, nation.addresses["token"])  # type: ignore[arg-type]
        self.client = httpx.Client(base_url=self.base, trust_env=False, timeout=30)
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        keystore = Account.encrypt(key.key, PASSWORD, kdf="pbkdf2", iterations=2)
        (folder / "key.json").write_text(json.dumps(keystore))
        (folder / "key.password").write_text(PASSWORD)
        (folder / "key.password").chmod(0o600)
        self.configure(*sections)

    def configure(self, *sections: str) -> None:
        """Write relay.toml; the first of `sections` may be of keys before any table."""
        head = sections[0] if sections and not sections[0].startswith("[") else "poll_seconds = 0.1"
        tables = [each for each in sections if each.startswith("[")]
        network = f'[network]\nrpc_url = "{self.nation.rpc_url}"\ntoken = "{self.domain.verifying_contract}"\n'
        network += f'citizens = "{self.nation.addresses["citizens"]}"'
        sending = '[sending]\nkeystore = "key.json"\npassword_file = "key.password"'
        outbox = "[outbox]\npoll_seconds = 0.1"
        http = f"[http]\nport = {self.port}\n[monitoring]\nport = {self.monitoring}"
        (self.folder / "relay.toml").write_text("\n".join([head, network, sending, outbox, http, *tables]))

    def command(self, verb: str) -> list[str]:
        return [sys.executable, "-m", "sbi_network.cli", "relay", verb, "--config", "relay.toml"]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT / "oracles")}

    def start(self) -> subprocess.Popen[bytes]:
        """Until it answers."""
        with (self.folder / "relay.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command("run"), cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )
        wait_until("the relayer", self.is_ready, 150)
        return self.process

    def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        try:
            ready = httpx.get(f"http://{HOST}:{self.monitoring}/readyz", trust_env=False, timeout=5).is_success
            return ready and self.client.get("/v1/terms").is_success
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """As the machine would: SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def log(self) -> str:
        return (self.folder / "relay.log").read_text()

    def metric(self, line: str) -> float:
        text = httpx.get(f"http://{HOST}:{self.monitoring}/metrics", trust_env=False, timeout=5).text
        (found,) = [each for each in text.splitlines() if each.startswith(line + " ")]
        return float(found.split()[-1])

    def signing(self, key: LocalAccount) -> Signing:
        return Signing(key, self.domain)

    def post(self, body: dict[str, Any], path: str = "/v1/payments") -> httpx.Response:
        return self.client.post(path, json=body)

    def quote(self, payer: Signing, kind: str = "payment") -> dict[str, Any]:
        answer = self.client.get("/v1/quotes", params={"from": payer.address, "kind": kind})
        assert answer.status_code == httpx.codes.OK, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def body(
        self, payer: Signing, to: str, value: int, quote: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        """What a payer hands in: a payment by a quote, with its fee if there is one."""
        quote = quote or self.quote(payer, "first_spend" if "activation" in more else "payment")
        before = self.nation.now + HOUR
        body = payer.transfer(to, value, bytes.fromhex(quote["nonce"][2:]), before)
        body |= {"quote": quote["quote"], **more}
        if int(quote["fee"]):
            body["fee"] = payer.fee(quote, before + quote["fee_grace_seconds"])
        return body

    def pay(self, payer: Signing, to: str, value: int) -> dict[str, Any]:
        """Hand in a payment that is accepted; how it stands."""
        return self.accepted(self.body(payer, to, value))

    def accepted(self, body: dict[str, Any], path: str = "/v1/payments") -> dict[str, Any]:
        answer = self.post(body, path)
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        told: dict[str, Any] = answer.json()
        assert answer.headers["location"] == told["status_url"]
        return told

    def status(self, told: dict[str, Any]) -> dict[str, Any]:
        answer = self.client.get(told["status_url"])
        assert answer.status_code == httpx.codes.OK, answer.text
        now: dict[str, Any] = answer.json()
        return now

    def until(self, told: dict[str, Any], seconds: float = 90, **expected: Any) -> dict[str, Any]:
        """Wait for a status."""
        deadline = time.monotonic() + seconds
        while True:
            now = self.status(told)
            if all(_at(now, name) == value for name, value in expected.items()):
                return now
            assert time.monotonic() < deadline, (now, expected, self.log()[-3_000:])
            time.sleep(0.05)


def _at(told: dict[str, Any], name: str) -> Any:
    """`fee__state` is `told["fee"]["state"]`."""
    value: Any = told
    for part in name.split("__"):
        value = value[part]
    return value


@contextmanager
def paying_nation(folder: Path, active: int = 8) -> Iterator[Nation]:
    """A nation whose first people have income; the others are enrolled, in batch 1, and were never active."""
    with deployed_nation(folder, seed=1) as nation:
        nation.enrol([person.address for person in nation.people])
        for index in range(active):
            nation.actors.activate(nation.deployer, 1, nation.rolls[1], index)
        for _ in range(2):
            nation._see_a_dividend()
        yield nation


def fresh_key(nation: Nation, name: str, ether: int = 10) -> LocalAccount:
    """A key that nobody else in the test has, with ether."""
    key: LocalAccount = Account.from_key(keccak(text=name))
    nation.rpc("anvil_setBalance", key.address, hex(ether * 10**18))
    return key


@contextmanager
def relaying(nation: Nation, folder: Path, key: LocalAccount, *sections: str) -> Iterator[Relay]:
    """A relayer that runs until the end of the block."""
    relay = Relay(nation, folder, key, *sections)
    relay.start()
    try:
        yield relay
    finally:
        relay.kill()
        relay.client.close()
