"""New keys. Nothing that is there is overwritten, and no file is readable by others, not even for a moment."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Final

from eth_account import Account
from eth_typing import ChecksumAddress

from sbi_network.chain.errors import KeyFileError
from sbi_network.chain.keys import read_password

_PASSWORD_BYTES: Final = 32


def make_keystore(keystore: Path, password_file: Path) -> ChecksumAddress:
    """Make a key, encrypted by the password in a file, or by a new one. Its account. Raises KeyFileError."""
    if keystore.exists():
        raise KeyFileError(f"{keystore}: is there already")
    if not password_file.exists():
        _write_new(password_file, secrets.token_urlsafe(_PASSWORD_BYTES))
    password = read_password(password_file)
    if not password:
        raise KeyFileError(f"{password_file}: is empty")
    account = Account.create()
    _write_new(keystore, json.dumps(account.encrypt(password)))
    address: ChecksumAddress = account.address
    return address


def _write_new(path: Path, text: str) -> None:
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be made ({error.strerror})") from None
    with os.fdopen(file, "w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
