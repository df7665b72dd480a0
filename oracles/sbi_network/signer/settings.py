"""signer.toml: what it may say.

[http]
host = "127.0.0.1"              # whoever reaches this address can have things signed
port = 9000

[[keys]]
keystore = "signing-key.json"
password_file = "signing-key.password"
signs = "messages"              # EIP-712 messages alone

[[keys]]
keystore = "sending-key.json"
password_file = "sending-key.password"
signs = "transactions"
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from sbi_network.chain.settings import KeySettings, Section
from sbi_network.serving import HttpSettings, Port


class Kind(StrEnum):
    """What a key signs."""

    MESSAGES = "messages"
    TRANSACTIONS = "transactions"


class SignerHttpSettings(HttpSettings):
    """Where daemons reach this signer: web3signer's port."""

    port: Port = 9000


class SignerKeySettings(KeySettings):
    """A key, and what it is for: a key for messages never pays for a transaction."""

    signs: Kind


class SignerSettings(Section):
    """The whole file."""

    http: SignerHttpSettings = SignerHttpSettings()
    keys: list[SignerKeySettings] = Field(min_length=1)
