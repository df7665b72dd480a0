"""A process that pays one wei by its outbox, and kills itself (SIGKILL) at a step. Arguments: URL, file, to, step."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from sbi_network.chain.connection import connected
from sbi_network.chain.intent import Intent, Order
from sbi_network.chain.keys import KeystoreSigner
from sbi_network.chain.outbox import opened_outbox
from sbi_network.chain.outbox_worker import Step
from sbi_network.chain.transaction import Call
from sbi_network.protocol.address import check_address
from tests.integration.anvil import account


async def main(url: str, path: str, to: str, die_at: str) -> None:
    def reached(step: Step, _: Intent) -> None:
        if step.value == die_at:
            print(f"reached {step}", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

    async with connected(url) as chain:
        signer = KeystoreSigner(account(1))
        async with opened_outbox(chain, signer, Path(path), poll_seconds=0.05, reached=reached) as outbox:
            intent = outbox.submit(Call(check_address("to", to), "0x", 1), Order("the one payment"))
            receipt = await outbox.settled(intent.number)
            print(f"final in block {receipt.block_number}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
