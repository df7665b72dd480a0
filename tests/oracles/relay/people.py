"""Jobs for the relayer's unit tests, signed by nobody in particular."""

from __future__ import annotations

from sbi_network.chain.token import SignedTransfer
from sbi_network.protocol.address import address_of
from sbi_network.protocol.messages import TransferWithAuthorization, token_domain
from sbi_network.protocol.typed_data import Address
from sbi_network.relay.jobs import FeeState, Job, JobState, Record
from sbi_network.relay.requests import PaymentBody, read_job
from sbi_network.relay.store import Admitted


def somebody(number: int) -> Address:
    return address_of(number.to_bytes(20))


TOKEN, COLLECTOR = somebody(1), somebody(2)
DOMAIN = token_domain(31337, TOKEN)


def body(payer: int = 10, value: int = 5, nonce: int = 7, fee: int = 0, before: int = 1_000) -> PaymentBody:
    given = {
        "from": somebody(payer),
        "to": somebody(11),
        "value": str(value),
        "validAfter": 0,
        "validBefore": before,
        "nonce": "0x" + nonce.to_bytes(32).hex(),
        "signature": "0x" + "11" * 65,
    }
    if fee:
        signed = {"validAfter": 0, "validBefore": before + 600, "signature": "0x" + "22" * 65}
        given["fee"] = {"value": str(fee), "nonce": "0x" + (nonce + 1).to_bytes(32).hex(), **signed}
    return PaymentBody.model_validate(given)


def admitted(payer: int = 10, value: int = 5, nonce: int = 7, fee: int = 0, position: int | None = None) -> Admitted:
    job = read_job(body(payer, value, nonce, fee), COLLECTOR)
    return Admitted(job.name(DOMAIN), job, COLLECTOR, False, 50_000, 100, 9, position)


def record(number: int, gas: int = 50_000, *, is_wallet: bool = False, at: int = 0) -> Record:
    transfer = TransferWithAuthorization(somebody(10), somebody(11), 5, 0, 1_000, number.to_bytes(32))
    fee = SignedTransfer(TransferWithAuthorization(somebody(10), COLLECTOR, 1, 0, 2_000, number.to_bytes(32)), b"")
    return Record(
        number=number,
        name=f"0x{number:064x}",
        job=Job(SignedTransfer(transfer, bytes(65)), None, fee, ""),
        is_wallet=is_wallet,
        gas=gas,
        accepted_at=at,
        accepted_block=0,
        state=JobState.QUEUED,
        reason=None,
        transaction=None,
        block=None,
        is_final=False,
        tries=0,
        fee_state=FeeState.AWAITED,
        fee_transaction=None,
    )
