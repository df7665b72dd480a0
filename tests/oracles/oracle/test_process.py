"""What keeps `sbi oracle run` from beginning, each said before anything is asked of the chain.

a password that does not open its keystore, this oracle among its own peers, a state file in use, a port in use
"""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest
from eth_account import Account

from sbi_network.chain.errors import KeyFileError, LockedError, SettingsError
from sbi_network.chain.locking import locked
from sbi_network.errors import ListenError, SBIError
from sbi_network.oracle.config import load_oracle_settings
from sbi_network.oracle.process import run_oracle
from tests.oracles.oracle.simulated import REGISTRY, oracle_key

PASSWORD = "opens it"  # noqa: S105 - of a key that everybody knows


def _config(folder: Path, *, peer: str, port: int = 1, password: str = PASSWORD) -> Path:
    keystore = Account.encrypt(oracle_key(0).key, PASSWORD, kdf="pbkdf2", iterations=2)
    (folder / "key.json").write_text(json.dumps(keystore))
    (folder / "key.password").write_text(password)
    config = folder / "oracle.toml"
    config.write_text(f"""
        state = "oracle.sqlite"
        network = {{rpc_url = "http://127.0.0.1:1", registry = "{REGISTRY}"}}
        http = {{port = {port}}}
        signing = {{keystore = "key.json", password_file = "key.password"}}
        sending = {{keystore = "key.json", password_file = "key.password"}}
        peers = {{"{peer}" = "http://127.0.0.1:2"}}
        facilities = {{}}
    """)
    return config


def _runs_into(config: Path, kind: type[SBIError], match: str) -> None:
    async def run() -> None:
        await run_oracle(load_oracle_settings(config), asyncio.Event())

    with pytest.raises(kind, match=match) as caught:
        asyncio.run(run())
    assert PASSWORD not in str(caught.value)


def test_run_oracle__wrong_password__names_the_file(tmp_path: Path) -> None:
    config = _config(tmp_path, peer=oracle_key(1).address, password="another")
    _runs_into(config, KeyFileError, r"key\.password does not open it")


def test_run_oracle__oneself_among_the_peers__is_refused(tmp_path: Path) -> None:
    _runs_into(_config(tmp_path, peer=oracle_key(0).address), SettingsError, "is this oracle itself")


def test_run_oracle__state_file_in_use__is_refused(tmp_path: Path) -> None:
    config = _config(tmp_path, peer=oracle_key(1).address)
    with locked(tmp_path / "oracle.sqlite", "state file"):
        _runs_into(config, LockedError, "state file: another process uses")


def test_run_oracle__port_in_use__is_refused_and_the_state_file_free_again(tmp_path: Path) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = _config(tmp_path, peer=oracle_key(1).address, port=listening.getsockname()[1])
        _runs_into(config, ListenError, "cannot listen")
    with locked(tmp_path / "oracle.sqlite", "state file"):
        pass
