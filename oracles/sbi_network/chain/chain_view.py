"""What the outbox looks at in one step: two blocks and the account's nonces at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eth_typing import ChecksumAddress

from sbi_network.chain.connection import FINAL, Block, Chain, Head, asked
from sbi_network.chain.fees import Market

_PENDING: Final = "pending"


@dataclass(frozen=True, slots=True)
class ChainView:
    """The newest and the last final block, and how many transactions the account has in blocks up to the newest."""

    head: Head
    final: Head
    nonce: int


async def look(chain: Chain, account: ChecksumAddress) -> ChainView:
    """One view. The nonce is that of just the head it stands beside. Raises EndpointError."""
    final = await chain.head(FINAL)
    head = await chain.head()
    return ChainView(head, final, await nonce_at(chain, account, head.number))


async def nonce_at(chain: Chain, account: ChecksumAddress, block: Block = _PENDING) -> int:
    """How many transactions an account has in blocks up to one; by default with those that wait."""
    return int(await asked(chain.web3.eth.get_transaction_count(account, block)))  # type: ignore[arg-type]


async def market(chain: Chain, head: Head) -> Market:
    """What a transaction costs now."""
    return Market(head.base_fee, int(await asked(chain.web3.eth.max_priority_fee)))
