"""Blocks by their time."""

from __future__ import annotations

from sbi_network.chain.connection import Chain, asked


async def first_block_since(chain: Chain, moment: float) -> int:
    """The number of the first block whose time is not before `moment`; that of the newest where none is.

    Asks for about twenty-five headers on a chain of twenty million blocks. Raises EndpointError.
    """
    low, high = 0, (await chain.head()).number
    while low < high:
        middle = (low + high) // 2
        if int((await asked(chain.web3.eth.get_block(middle)))["timestamp"]) < moment:
            low = middle + 1
        else:
            high = middle
    return low
