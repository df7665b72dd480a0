"""Hypothesis strategies for what the protocol is made of."""

from __future__ import annotations

import dataclasses
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from hypothesis import strategies as st

from sbi_network.protocol.address import address_of
from sbi_network.protocol.messages import EXCHANGE_NAME, MESSAGE_TYPES
from sbi_network.protocol.typed_data import Domain, TypedMessage

CONTRACT = address_of(bytes.fromhex("000000000000000000000000000000000000dEaD"))
"""Stands for any contract."""

addresses = st.binary(min_size=20, max_size=20).map(address_of)
words = st.binary(min_size=32, max_size=32)
uint32s = st.integers(0, 2**32 - 1)
uint64s = st.integers(0, 2**64 - 1)
uint256s = st.integers(0, 2**256 - 1)

BY_FIELD: dict[str, st.SearchStrategy[Any]] = {
    "facility": uint32s,
    "facility_count": uint32s,
    "batch": uint32s,
    "index": uint32s,
    "m": uint32s,
    "n": uint32s,
    "k": uint32s,
    "due_at": uint64s,
    "epoch": uint64s,
    "view_number": uint64s,
    "weights_version": uint64s,
    "raw_general": uint64s,
    "raw_intelligent": uint64s,
    "raw_super": uint64s,
    "public_output": uint64s,
    "transfer_count": uint64s,
    "delivered": uint64s,
    "voucher": uint256s,
    "value": uint256s,
    "deadline": uint256s,
    "valid_after": uint256s,
    "valid_before": uint256s,
    "evidence": words,
    "config_digest": words,
    "readings": words,
    "root": words,
    "device": words,
    "beacon": words,
    "account": addresses,
    "previous": addresses,
    "successor": addresses,
    "holder": addresses,
    "signer_": addresses,
    "owner": addresses,
    "spender": addresses,
    "from_": addresses,
    "to": addresses,
    "authorizer": addresses,
    "proposal_id": uint256s,
    "support": st.integers(0, 2**8 - 1),
    "voter": addresses,
}


def messages_of(message_type: type[TypedMessage]) -> st.SearchStrategy[TypedMessage]:
    """Any valid message of a type. A Permit's and a Ballot's nonce counts, an authorisation's is a word."""
    nonce = uint256s if message_type.__name__ in ("Permit", "Ballot") else words
    fields = {name: BY_FIELD.get(name, nonce) for name in (field.name for field in dataclasses.fields(message_type))}
    return st.builds(message_type, **fields)


messages = st.sampled_from(list(MESSAGE_TYPES)).flatmap(messages_of)


def account(number: int) -> LocalAccount:
    """A fixed account for each number above zero."""
    made: LocalAccount = Account.from_key(number.to_bytes(32, "big"))
    return made


def domain_of(message: TypedMessage) -> Domain:
    """Some domain in which the message means something."""
    return Domain(message.DOMAIN_NAME, 31337, address_of(bytes([7] * 20)))


def other_domain_name(message: TypedMessage) -> str:
    """The name of a domain in which it means nothing."""
    return EXCHANGE_NAME if message.DOMAIN_NAME != EXCHANGE_NAME else "ComputeOracleRegistry"
