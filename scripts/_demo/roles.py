"""Who takes part in the demo, and with which keys: public development accounts and keys made from a fixed text.

None of them is worth anything anywhere; they are the same in every run so that what is shown can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

_MNEMONIC = "test test test test test test test test test test test junk"

DEPLOYER, REGISTRAR = 0, 5
ORACLES = (1, 2, 3, 4)
ORACLE_SENDERS = (10, 11, 12, 13)
OPERATORS = (6, 8, 15)
READING_KEYS = (7, 9, 16)
KEEPER = 14
"""Development accounts by role, as in the local recipe, with a third facility; the oracles send from their own."""

CHEAT = 2
"""The facility that cheats, by its number."""

CITIZENS = 1_000


@lru_cache
def development_account(number: int) -> LocalAccount:
    """Account `number` of the mnemonic that Anvil and Ape share."""
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(_MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}")
    return account


@dataclass(frozen=True)
class Person:
    """A citizen of the demo: a number, a key, no ether."""

    number: int
    key: LocalAccount

    @property
    def address(self) -> str:
        return str(self.key.address)

    @property
    def commitment(self) -> bytes:
        """What a registrar would publish of the person."""
        return keccak(text=f"demo person {self.number}")


@lru_cache
def citizen(number: int) -> Person:
    """The demo's citizen `number`, from 0."""
    return Person(number, Account.from_key(keccak(text=f"demo citizen {number}")))
