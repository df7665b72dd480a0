"""Keys: who signs, behind one interface. A key is never in a flag, in a log or in the environment.

`Signer` waits, because a signer may be another machine: this one has its key in an encrypted keystore file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from sbi_network.chain.errors import KeyFileError
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.signature import Signature, sign_digest


class Signer(Protocol):
    """An account that signs, here or elsewhere.

    It is given what is to be hashed rather than the digest: a remote signer of the `eth1` kind hashes what it gets, and
    one that takes bare digests signs what it cannot see.
    """

    @property
    def address(self) -> ChecksumAddress:
        """The account whose signatures these are."""

    async def sign(self, preimage: bytes) -> Signature:
        """The signature over keccak256(preimage). Raises SBIError where none can be had."""


class KeystoreSigner:
    """A key decrypted from a keystore file (version 3) with the password in another file."""

    __slots__ = ("_account",)

    def __init__(self, account: LocalAccount) -> None:
        self._account = account

    def __repr__(self) -> str:
        return f"KeystoreSigner({self.address})"

    @property
    def address(self) -> ChecksumAddress:
        """The account whose signatures these are."""
        address: ChecksumAddress = self._account.address
        return address

    @property
    def public_key(self) -> bytes:
        """The key's public half: 64 bytes, without a prefix."""
        return self._account._key_obj.public_key.to_bytes()

    async def sign(self, preimage: bytes) -> Signature:
        """The signature over keccak256(preimage)."""
        return sign_digest(self._account, keccak256(preimage))

    @classmethod
    def load(cls, keystore: Path, password_file: Path) -> KeystoreSigner:
        """Raises KeyFileError, whose text says which file is wrong and no more."""
        encrypted, password = _text(keystore), read_password(password_file)
        try:
            key = Account.decrypt(json.loads(encrypted), password)
        except ValueError as error:
            if "MAC" in str(error):
                raise KeyFileError(f"{keystore}: the password in {password_file} does not open it") from None
            raise KeyFileError(f"{keystore}: is not an Ethereum keystore (version 3)") from None
        except (KeyError, TypeError, AttributeError, NotImplementedError):
            raise KeyFileError(f"{keystore}: is not an Ethereum keystore (version 3)") from None
        return cls(Account.from_key(key))


def is_open_to_others(path: Path) -> bool:
    """Whether other users of this machine may read a file."""
    return bool(path.stat().st_mode & 0o077)


def read_password(path: Path) -> str:
    """The password in a file, without the line's end. Raises KeyFileError."""
    return _text(path).rstrip("\r\n")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise KeyFileError(f"{path}: is not UTF-8 text") from None
