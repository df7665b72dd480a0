"""Keys from keystores.

load    ├── right password, with or without a line's end → the account, which signs
        └── no file, no text, no keystore, wrong password → which file, and nothing of what is in it
new     ├── → a keystore that opens by its new password, both for their user alone
        └── a keystore that is there, an empty password → refused, and nothing is changed
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from typer.testing import CliRunner

from sbi_network.chain.errors import KeyFileError
from sbi_network.chain.key_cli import app
from sbi_network.chain.keys import KeystoreSigner, is_open_to_others
from sbi_network.protocol.keccak import keccak256

ACCOUNT = Account.from_key(b"\7" * 32)


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(Account.encrypt(ACCOUNT.key, "pass word", kdf="pbkdf2", iterations=2)))
    return path


def _password(keystore: Path, text: bytes) -> Path:
    path = keystore.with_name("password")
    path.write_bytes(text)
    return path


@pytest.mark.parametrize("text", [b"pass word", b"pass word\n", b"pass word\r\n"])
def test_load__right_password__signs_for_the_account(keystore: Path, text: bytes) -> None:
    signer = KeystoreSigner.load(keystore, _password(keystore, text))
    assert asyncio.run(signer.sign(b"abc")).recover(keccak256(b"abc")) == ACCOUNT.address == signer.address
    assert "07" * 32 not in repr(signer)


@pytest.mark.parametrize("text", [b"other", b"", b"pass word ", b"\xff"])
def test_load__wrong_password__names_the_file_only(keystore: Path, text: bytes) -> None:
    with pytest.raises(KeyFileError, match="password") as caught:
        KeystoreSigner.load(keystore, _password(keystore, text))
    assert "other" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 1}', '{"version": 3, "crypto": {}}'])
def test_load__no_keystore__is_told(keystore: Path, text: str) -> None:
    password = _password(keystore, b"pass word")
    keystore.write_text(text)
    with pytest.raises(KeyFileError, match=r"key\.json"):
        KeystoreSigner.load(keystore, password)


def test_load__no_file__is_told(keystore: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read"):
        KeystoreSigner.load(keystore, keystore.with_name("none"))


def test_is_open_to_others__by_mode__is_told(keystore: Path) -> None:
    keystore.chmod(0o600)
    assert not is_open_to_others(keystore)
    keystore.chmod(0o640)
    assert is_open_to_others(keystore)


def _key_command(command: str, keystore: Path, password: Path) -> Any:
    return CliRunner().invoke(app, [command, "--keystore", str(keystore), "--password-file", str(password)])


def test_new__nothing_there__makes_a_key_for_its_user_alone(tmp_path: Path) -> None:
    keystore, password = tmp_path / "k.json", tmp_path / "k.password"
    made = _key_command("new", keystore, password)
    assert made.exit_code == 0, made.output
    assert [path.stat().st_mode & 0o777 for path in (keystore, password)] == [0o600, 0o600]
    assert len(password.read_text()) > 40
    shown = _key_command("show", keystore, password)
    assert shown.stdout == made.stdout
    assert KeystoreSigner.load(keystore, password).address == made.stdout.strip()
    assert password.read_text() not in made.output


def test_new__a_keystore_is_there__is_refused_and_stays(keystore: Path, tmp_path: Path) -> None:
    before, password = keystore.read_bytes(), tmp_path / "new.password"
    assert isinstance(_key_command("new", keystore, password).exception, KeyFileError)
    assert keystore.read_bytes() == before
    assert not password.exists()


def test_new__an_empty_password__is_refused(tmp_path: Path) -> None:
    keystore, password = tmp_path / "k.json", tmp_path / "k.password"
    password.write_text("\n")
    assert isinstance(_key_command("new", keystore, password).exception, KeyFileError)
    assert not keystore.exists()
