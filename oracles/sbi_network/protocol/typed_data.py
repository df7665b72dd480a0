"""EIP-712: domains, and messages whose type follows from their fields.

A message is a frozen dataclass whose annotations carry, beside the Python type, what the field is in Solidity and what
it may hold: `facility: Uint32` is a `uint256` that must stay below 2**32. The type string, the encoding, the check
at construction and the JSON form all follow from that one line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Annotated, Any, ClassVar, get_type_hints

from eth_typing import ChecksumAddress

from sbi_network.errors import RangeError
from sbi_network.protocol.address import address_bytes, check_address
from sbi_network.protocol.figure import UINT256_MAX, WORD_BYTES, check_uint, check_word
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.signature import Signature, Signer, sign_digest


@dataclass(frozen=True, slots=True)
class Kind:
    """What a field is in Solidity, and how its value is checked and encoded into one 32-byte word."""

    solidity: str
    check: Callable[[str, object], object]
    encode: Callable[[Any], bytes]


def _uint(bits: int, solidity: str = "uint256") -> Kind:
    maximum = 2**bits - 1
    return Kind(solidity, lambda name, value: check_uint(name, value, maximum), lambda value: value.to_bytes(32))


WORD_KIND = Kind("bytes32", check_word, lambda value: value)
ADDRESS_KIND = Kind("address", check_address, lambda value: address_bytes(value).rjust(WORD_BYTES, b"\0"))

Uint8 = Annotated[int, _uint(8, "uint8")]
Uint32 = Annotated[int, _uint(32)]
Uint64 = Annotated[int, _uint(64)]
Uint256 = Annotated[int, _uint(256)]
Word = Annotated[bytes, WORD_KIND]
Address = Annotated[ChecksumAddress, ADDRESS_KIND]

_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_DOMAIN_TYPE_HASH = keccak256(_DOMAIN_TYPE.encode())


@dataclass(frozen=True, slots=True)
class Domain:
    """What a signature is bound to beside its message. `separator` is its EIP-712 hash."""

    name: str
    chain_id: int
    verifying_contract: ChecksumAddress
    version: str = "1"
    separator: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_uint("chain_id", self.chain_id, UINT256_MAX)
        check_address("verifying_contract", self.verifying_contract)
        encoded = (
            _DOMAIN_TYPE_HASH
            + keccak256(self.name.encode())
            + keccak256(self.version.encode())
            + self.chain_id.to_bytes(WORD_BYTES)
            + ADDRESS_KIND.encode(self.verifying_contract)
        )
        object.__setattr__(self, "separator", keccak256(encoded))


@dataclass(frozen=True, slots=True)
class Layout:
    """What follows from a message's fields, worked out once for each class."""

    members: tuple[tuple[str, str, Kind], ...]
    """For each field its name in Python, its name in Solidity and JSON, and its kind."""

    type_string: str
    type_hash: bytes
    values: Callable[[object], tuple[Any, ...]]


def layout_of(message: type[TypedMessage]) -> Layout:
    """The layout of a message class."""
    layout = _layouts.get(message)
    if layout is None:
        layout = _layouts[message] = _laid_out(message)
    return layout


def _laid_out(message: type[TypedMessage]) -> Layout:
    hints = get_type_hints(message, include_extras=True)
    members = tuple((f.name, _member_name(f.name), hints[f.name].__metadata__[0]) for f in fields(message))
    type_string = f"{message.__name__}({','.join(f'{kind.solidity} {member}' for _, member, kind in members)})"
    return Layout(members, type_string, keccak256(type_string.encode()), attrgetter(*[name for name, _, _ in members]))


_layouts: dict[type[TypedMessage], Layout] = {}


@dataclass(frozen=True, slots=True)
class TypedMessage:
    """Base of every message: a frozen dataclass, named as its EIP-712 type, with annotations from this module.

    It has two fields or more: `attrgetter` of a single name would not return a tuple.
    """

    DOMAIN_NAME: ClassVar[str]
    """Name of the only domain in which this message means anything."""

    def __post_init__(self) -> None:
        """Check every field. Raises RangeError."""
        layout = layout_of(type(self))
        for (_, member, kind), value in zip(layout.members, layout.values(self), strict=True):
            kind.check(member, value)

    def values(self) -> tuple[Any, ...]:
        """The fields in order, as a contract takes the struct."""
        return layout_of(type(self)).values(self)

    def struct_hash(self) -> bytes:
        """EIP-712 hashStruct: 32 bytes."""
        layout = layout_of(type(self))
        words = [kind.encode(value) for (_, _, kind), value in zip(layout.members, layout.values(self), strict=True)]
        return keccak256(layout.type_hash + b"".join(words))

    def preimage(self, domain: Domain) -> bytes:
        """The 66 bytes whose hash is signed. Raises RangeError for another contract's domain."""
        if domain.name != self.DOMAIN_NAME:
            raise RangeError(f"domain of {type(self).__name__}", domain.name, repr(self.DOMAIN_NAME))
        return b"\x19\x01" + domain.separator + self.struct_hash()

    def digest(self, domain: Domain) -> bytes:
        """The 32 bytes that are signed. Raises RangeError for another contract's domain."""
        return keccak256(self.preimage(domain))

    def sign(self, signer: Signer, domain: Domain) -> Signature:
        """`signer`'s signature over this message."""
        return sign_digest(signer, self.digest(domain))

    def signer(self, signature: Signature, domain: Domain) -> ChecksumAddress:
        """The account that signed this message. Raises SignatureError if no account can have."""
        return signature.recover(self.digest(domain))

    def to_typed_data(self, domain: Domain) -> dict[str, Any]:
        """The full message for `eth_signTypedData_v4`, for wallets that show what is signed."""
        layout = layout_of(type(self))
        domain_members = _DOMAIN_TYPE.removeprefix("EIP712Domain(").removesuffix(")").split(",")
        values = zip(layout.members, layout.values(self), strict=True)
        return {
            "types": {
                "EIP712Domain": [_typed_member(*member.split(" ")) for member in domain_members],
                type(self).__name__: [_typed_member(kind.solidity, member) for _, member, kind in layout.members],
            },
            "primaryType": type(self).__name__,
            "domain": {
                "name": domain.name,
                "version": domain.version,
                "chainId": domain.chain_id,
                "verifyingContract": domain.verifying_contract,
            },
            "message": {member: value for (_, member, _), value in values},
        }


def _member_name(name: str) -> str:
    """`raw_general` is `rawGeneral` on chain; `from_` is `from`, which Python keeps for itself."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join([word.capitalize() for word in rest])


def _typed_member(solidity: str, name: str) -> dict[str, str]:
    return {"name": name, "type": solidity}
