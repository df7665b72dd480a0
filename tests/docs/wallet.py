"""What a reader's wallet does where a page says "sign": prints shell variables.

pay URL TOKEN KEYSTORE PASSWORD PAYEE WEI      a payment and its fee, by the relayer's quote
succeed REGISTRY BATCH INDEX LOST KEYSTORE PASSWORD    a successor's consent to a recovery
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from sbi_network.protocol.messages import Succession, TransferWithAuthorization, citizens_domain, token_domain

CHAIN_ID = 31337
FIVE_MINUTES = 300


def key_of(keystore: str, password: str) -> LocalAccount:
    opened = Account.decrypt(json.loads(Path(keystore).read_text()), Path(password).read_text().strip())
    account: LocalAccount = Account.from_key(opened)
    return account


def pay(url: str, token: Any, keystore: str, password: str, payee: Any, wei: str) -> None:
    key = key_of(keystore, password)
    with urllib.request.urlopen(f"{url}/v1/quotes?from={key.address}") as answer:  # noqa: S310
        quote = json.load(answer)
    until = int(time.time()) + FIVE_MINUTES
    fee_until = until + quote["fee_grace_seconds"]

    def signed(to: Any, value: int, last: int, nonce: str) -> str:
        message = TransferWithAuthorization(key.address, to, value, 0, last, bytes.fromhex(nonce[2:]))
        return "0x" + message.sign(key, token_domain(CHAIN_ID, token)).to_bytes().hex()

    print(f"until={until} fee_until={fee_until} nonce={quote['nonce']} fee_nonce={quote['fee_nonce']}")
    print(f"signature={signed(payee, int(wei), until, quote['nonce'])} quote={quote['quote']} fee={quote['fee']}")
    print(f"fee_signature={signed(quote['collector'], int(quote['fee']), fee_until, quote['fee_nonce'])}")


def succeed(registry: Any, batch: str, index: str, lost: Any, keystore: str, password: str) -> None:
    key = key_of(keystore, password)
    message = Succession(int(batch), int(index), lost, key.address)
    print(f"succession=0x{message.sign(key, citizens_domain(CHAIN_ID, registry)).to_bytes().hex()}")


if __name__ == "__main__":
    {"pay": pay, "succeed": succeed}[sys.argv[1]](*sys.argv[2:])
