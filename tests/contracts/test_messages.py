"""The messages of `sbi_network.protocol` are the contracts' own, to the bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ape
import pytest

from sbi_network.protocol.messages import (
    citizens_domain,
    exchange_domain,
    governor_domain,
    registry_domain,
    token_domain,
)
from sbi_network.protocol.oracle_set import OracleConfig, quorum_of
from sbi_network.protocol.sumtree import commitment_of
from tests.contracts.test_deployment import EPOCH, pass_to
from tests.support.actors import roll_of

if TYPE_CHECKING:
    from scripts._deploy import Suite
    from scripts._recipe import Recipe

    from tests.conftest import People
    from tests.support.actors import Actors

DOMAINS = {
    "token": token_domain,
    "oracles": registry_domain,
    "citizens": citizens_domain,
    "exchange": exchange_domain,
    "governor": governor_domain,
}


@pytest.mark.parametrize("role", sorted(DOMAINS))
def test_eip712_domain__each_contract__is_the_protocols(suite: Suite, role: str) -> None:
    contract = getattr(suite, role)
    domain = DOMAINS[role](ape.chain.chain_id, contract.address)
    fields, name, version, chain_id, verifying_contract, salt, extensions = contract.eip712Domain()
    assert (name, version) == (domain.name, domain.version)
    assert (chain_id, verifying_contract) == (domain.chain_id, domain.verifying_contract)
    assert (bytes(fields), bytes(salt), list(extensions)) == (b"\x0f", bytes(32), [])


def test_domain_separator__token__is_the_protocols(suite: Suite) -> None:
    assert bytes(suite.token.DOMAIN_SEPARATOR()) == token_domain(ape.chain.chain_id, suite.token.address).separator


def config_of(suite: Suite, epoch: int) -> OracleConfig:
    """The configuration that the protocol derives from what the registry says."""
    config = suite.oracles.configAt(epoch)
    weights = tuple(map(int, config.weightsX16))
    return OracleConfig(
        chain_id=ape.chain.chain_id,
        registry=suite.oracles.address,
        config_version=int(config.version),
        weights_version=int(config.weightsVersion),
        weights_x16=weights,  # type: ignore[arg-type]
        signers=tuple(config.oracles),
    )


def test_config_digest__first_config__is_the_protocols(suite: Suite, recipe: Recipe) -> None:
    config = config_of(suite, 0)
    assert bytes(suite.oracles.configAt(0).digest) == config.digest
    assert config.quorum == quorum_of(len(recipe.oracles)) == 3


def test_report_digest__any_report__is_the_protocols(suite: Suite, actors: Actors[Any]) -> None:
    config = config_of(suite, 0)
    told = actors.agree(
        3,
        [(2**32, 5, 7), (1, 2**40, 3)],
        (config.digest, config.weights_version, config.weights_x16),
        [10_000, 1],
        view=9,
    )
    assert bytes(suite.oracles.reportDigest(told.as_argument())) == told.report.digest(actors.registry_domain)


def test_permit_and_authorisations__signed_by_the_protocol__hold(
    suite: Suite, actors: Actors[Any], people: People
) -> None:
    payer, relayer = people.citizens[0], people.relayer
    permit, signature = actors.permit(payer, people.merchant.address, 5, 0, 2**40)
    actors.file_permit(relayer, permit, signature)
    permit, signature = actors.permit(payer, people.stranger.address, 6, 1, 2**40)
    actors.file_permit(relayer, permit, signature, standard=False)
    assert suite.token.allowance(payer.address, people.merchant.address) == 5
    assert suite.token.allowance(payer.address, people.stranger.address) == 6
    for nonce, standard in ((b"\x01" * 32, True), (b"\x02" * 32, False)):
        actors.relay(relayer, actors.promise(payer, people.merchant.address, 0, nonce), standard)
        assert suite.token.authorizationState(payer.address, nonce)
    for nonce, standard in ((b"\x03" * 32, True), (b"\x04" * 32, False)):
        actors.cancel(relayer, payer, nonce, standard)
        assert suite.token.authorizationState(payer.address, nonce)
    for nonce, standard in ((b"\x05" * 32, True), (b"\x06" * 32, False)):
        actors.collect(people.merchant, actors.promise_to(payer, people.merchant.address, 0, nonce), standard)
        assert suite.token.authorizationState(payer.address, nonce)


def test_choice_succession_objection__signed_by_the_protocol__hold(
    suite: Suite, actors: Actors[Any], people: People
) -> None:
    """Others send what the account signed; what was signed for another leaf, successor or date is refused."""
    alice, bob, carol = people.citizens[:3]
    roll = roll_of([bob.address, alice.address, alice.address])
    actors.enrol(people.registrar, roll, 1)
    actors.activate(people.relayer, 0, roll, 1)
    _, elsewhere = actors.choice(alice, 0, 1)
    with ape.reverts(suite.citizens.InvalidSignature, expected=alice.address):
        actors.choose_leaf(people.relayer, 0, roll, 2, elsewhere)
    _, signature = actors.choice(alice, 0, 2)
    actors.choose_leaf(people.relayer, 0, roll, 2, signature)
    standing = suite.citizens.citizenOf(alice.address)
    assert (standing.leaf, standing.chosen) == (2, True)

    _, otherwise = actors.succession(carol, 0, 2, bob.address)
    with ape.reverts(suite.citizens.InvalidSignature, expected=carol.address):
        actors.start_recovery(people.registrar, 0, 2, alice.address, carol.address, otherwise)
    _, signature = actors.succession(carol, 0, 2, alice.address)
    actors.start_recovery(people.registrar, 0, 2, alice.address, carol.address, signature)
    act = suite.citizens.actOf(0, 2)
    assert (act.kind, act.successor) == (2, carol.address)

    _, early = actors.objection(alice, 0, 2, act.dueAt - 1)
    with ape.reverts(suite.citizens.InvalidSignature, expected=alice.address):
        actors.object_to(people.relayer, 0, 2, alice.address, early)
    _, signature = actors.objection(alice, 0, 2, act.dueAt)
    actors.object_to(people.relayer, 0, 2, alice.address, signature)
    act = suite.citizens.actOf(0, 2)
    assert (act.kind, act.objected) == (0, True)


def test_loop__once_by_hand__every_message_fits(suite: Suite, actors: Actors[Any], people: People) -> None:
    """From enrolment to refund, through Ape's own contract objects, with the figures written out."""
    alice, bob = people.citizens[:2]
    roll = roll_of([alice.address, bob.address])
    actors.enrol(people.registrar, roll, 1)
    actors.activate(people.stranger, 0, roll, 0)
    with ape.reverts(suite.citizens.LeafUsed, batch=0, index=0):
        suite.citizens.activate(0, 0, people.merchant.address, bytes(32), [], sender=alice.account)

    # Epoch 0 brings 10 general units at weight 2: 20 SBI, of which half is released: 5 to each.
    genesis = suite.oracles.genesis()
    pass_to(ape.chain, genesis + EPOCH)
    config = config_of(suite, 0)
    known = (config.digest, config.weights_version, config.weights_x16)
    told = actors.agree(0, [(10, 0, 0), (0, 0, 0)], known, [10_000, 10_000])
    with ape.reverts(suite.oracles.QuorumNotReached, given=2, quorum=3):
        actors.report(people.stranger, told, actors.co_sign(told, [0, 1]))
    actors.report(people.stranger, told, actors.co_sign(told, [0, 2, 3]))
    assert bytes(suite.oracles.recordOf(0).commitment) == commitment_of(told.tree.count, told.tree.top)
    with ape.reverts(suite.vault.EpochNotFinal, epoch=0, outcome=1):
        actors.distribute(people.stranger)
    pass_to(ape.chain, ape.chain.blocks.head.timestamp + suite.oracles.disputeWindow() + 1)
    actors.distribute(people.stranger)
    sbi = 10**18
    assert suite.token.balanceOf(alice.address) == 5 * sbi
    assert suite.token.balanceOf(bob.address) == 0, "not activated yet"
    actors.activate(people.stranger, 0, roll, 1)
    assert suite.token.balanceOf(bob.address) == 5 * sbi
    assert suite.token.totalSupply() == suite.vault.issued() == 10 * sbi

    receipt = actors.relay(people.relayer, actors.promise(alice, people.merchant.address, 2 * sbi, bytes(32)))
    shown = [(log["from"], log.to, log.value) for log in receipt.decode_logs(suite.token.Transfer)]
    zero = "0x" + "0" * 40
    assert shown == [(zero, alice.address, 5 * sbi), (alice.address, people.merchant.address, 2 * sbi)]
    with ape.reverts(suite.token.ERC20InsufficientBalance, sender=alice.address, balance=3 * sbi, needed=3 * sbi + 1):
        actors.pay(alice, bob.address, 3 * sbi + 1)

    # One general unit costs 2 SBI. Bob buys two of four, receives one, hands the voucher on; the rest is refunded.
    epoch = suite.vault.currentEpoch() + 1
    place = (0, 0, epoch)
    actors.offer(people.operators[0], *place, 4)
    salt = b"\x07" * 32
    nonce = bytes(suite.exchange.purchaseNonce(*place, 2, salt))
    payment = actors.promise_to(bob, suite.exchange.address, 4 * sbi, nonce)
    actors.buy_signed(people.relayer, place, 2, salt, payment)
    assert suite.exchange.escrow() == suite.token.balanceOf(suite.exchange.address) == 4 * sbi
    message, signature = actors.receipt(bob, 0, 0, 1)
    assert bytes(suite.exchange.receiptDigest(0, 1)) == message.digest(actors.exchange_domain)
    actors.deliver(people.stranger, 0, 1, signature)
    assert suite.token.balanceOf(people.operators[0].address) == sbi // 5, "a tenth of two SBI"
    assert suite.vault.recirculated() == 2 * sbi // 5, "a fifth of them"
    assert suite.token.recycled() == 2 * sbi - sbi // 5, "the rest, and what was recirculated"
    actors.hand_over(bob, bob.address, alice.address, 0)
    stale, old = actors.receipt(bob, 0, 0, 2)
    assert bytes(suite.exchange.receiptDigest(0, 2)) != stale.digest(actors.exchange_domain)
    with ape.reverts(suite.exchange.InvalidSignature):
        actors.deliver(people.stranger, 0, 2, old)
    expiry = suite.exchange.expiryOf(epoch)
    pass_to(ape.chain, expiry + 1)
    before = suite.token.balanceOf(alice.address)
    actors.refund(people.stranger, 0)
    assert suite.token.balanceOf(alice.address) - before == 2 * sbi
    assert suite.exchange.escrow() == 0
