"""Rare days of a nation on Anvil, each played to its end: what chance brings too seldom for the explorer's tests.

Each scene leaves the nation able to go on, but for `a_colluding_quorum`, after which only the standby set reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from eth_account import Account

from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.messages import Ballot, governor_domain
from tests.support.actors import Actors, Person, Told, exhibit, roll_of
from tests.support.anvil_nation import DISPUTE_SECONDS, OPERATORS, ORACLES, PEOPLE, REGION, REGISTRAR, Nation, person

FOR, AGAINST, ABSTAIN = 1, 0, 2
TIMELOCK_SECONDS: Final = 6
DEFEATED, SUCCEEDED, QUEUED, EXPIRED, EXECUTED, CANCELLED = 3, 4, 5, 6, 7, 2
GUARDIAN: Final = 11
CIVIL_SOCIETY: Final = 14
OPERATORS_SEAT, REGISTRARS_SEAT, CIVIL_SEAT = 0, 2, 3
JUMP: Final = ((900_000, 0, 0), (900_000, 900_000, 900_000))
"""Above the recipe's floor, and more than twice any peak before."""
ABOVE: Final = ((1_000_001, 0, 0), (0, 300, 0))
CROWD: Final = 100_000_001
"""One more than the recipe lets any region grow by in a period."""


def newcomer(nation: Nation) -> Person:
    """Somebody without ether: others send for them."""
    return Person(cast("Any", None), Account.from_key(nation.chance.randbytes(32)))


def govern(nation: Nation, role: str, function: str, *arguments: Any) -> None:
    """The founder schedules a call, and executes it when it is due."""
    data = bytes.fromhex(nation.contract(role).encode_abi(function, list(arguments))[2:])
    salt = nation.chance.randbytes(32)
    nation.actors.schedule(nation.deployer, role, data, TIMELOCK_SECONDS, salt)
    nation.warp(TIMELOCK_SECONDS + 1)
    nation.actors.execute(nation.deployer, role, data, salt)


class Proposal:
    """What citizens decide: calls and a text, as the governor takes them."""

    def __init__(self, nation: Nation, text: str, *calls: tuple[str, str, Sequence[Any]]) -> None:
        self.nation = nation
        self.text = text
        data = [nation.contract(role).encode_abi(function, list(arguments)) for role, function, arguments in calls]
        self._calls = [nation.addresses[role] for role, _, _ in calls], [0] * len(calls), data
        self.number = int(nation.contract("governor").functions.hashProposal(*self._calls, self._hash).call())

    @property
    def _hash(self) -> bytes:
        return keccak256(self.text.encode())

    @property
    def state(self) -> int:
        return int(self._ask("state"))

    def propose(self, proposer: Person) -> None:
        self.nation.send(proposer, "governor", "propose", *self._calls, self.text)

    def open(self) -> None:
        """Until voting has begun."""
        self._pass_to(self._ask("proposalSnapshot") + 1)

    def close(self) -> None:
        """Until voting is over."""
        self._pass_to(self._ask("proposalDeadline") + 1)

    def vote(self, voter: Person, support: int) -> None:
        self.nation.send(voter, "governor", "castVote", self.number, support)

    def vote_with_reason(self, voter: Person, support: int) -> None:
        self.nation.send(
            voter, "governor", "castVoteWithReasonAndParams", self.number, support, "<b>because</b>", b"\xff\xfe"
        )

    def carry(self, voter: Person, support: int) -> None:
        """A ballot, signed by one and sent by another."""
        nonce = int(self.nation.contract("governor").functions.nonces(voter.address).call())
        domain = governor_domain(self.nation.chain_id, self.nation.addresses["governor"])  # type: ignore[arg-type]
        ballot = Ballot(self.number, support, voter.address, nonce)  # type: ignore[arg-type]
        signature = ballot.sign(voter.key, domain).to_bytes()
        self.nation.send(
            self.nation.deployer, "governor", "castVoteBySig", self.number, support, voter.address, signature
        )

    def pass_by(self, voters: Sequence[Person]) -> None:
        """Proposed, voted for by all of these, and queued."""
        self.propose(voters[0])
        self.open()
        for voter in voters:
            self.vote(voter, FOR)
        self.close()
        self.queue()

    def queue(self) -> None:
        self._decided("queue")

    def execute(self) -> None:
        """When it is due, the second chamber's delay included."""
        self._pass_to(self._ask("proposalEta"))
        self._decided("execute")

    def cancel(self, proposer: Person) -> None:
        self.nation.send(proposer, "governor", "cancel", *self._calls, self._hash)

    def _decided(self, function: str) -> None:
        self.nation.send(self.nation.deployer, "governor", function, *self._calls, self._hash)

    def _ask(self, function: str) -> int:
        return int(self.nation.contract("governor").functions[function](self.number).call())

    def _pass_to(self, time: int) -> None:
        self.nation.warp(max(1, time - self.nation.now))


def voters(nation: Nation, people: Sequence[Person] = ()) -> Sequence[Person]:
    """People whose votes are ripe: these, or four."""
    chosen = people or nation.people[:4]
    nation.enrol([each.address for each in chosen])
    batch = max(nation.rolls)
    for index, each in enumerate(chosen):
        if not nation.contract("citizens").functions.citizenOf(each.address).call()[0]:
            nation.actors.activate(nation.deployer, batch, nation.rolls[batch], index)
    nation.warp(10)
    return chosen


def proposals(nation: Nation) -> dict[str, Proposal]:
    """One of each fate. What the first changes is how votes are held."""
    citizens = voters(nation)
    # The recipe's, but for twice the quorum's share, and no floor: nobody is counted on the first day.
    terms = (1, 8, 0, 2_000)
    told = Proposal(nation, "Twice the quorum", ("governor", "setVoteTerms", [terms]))
    told.propose(citizens[0])
    told.open()
    told.vote(citizens[0], FOR)
    told.carry(citizens[1], FOR)
    told.vote_with_reason(citizens[2], ABSTAIN)
    told.vote(citizens[3], AGAINST)
    # Who has no vote may cast it all the same, and it weighs nothing.
    told.vote(nation.deployer, AGAINST)
    nation.send(person(OPERATORS[0]), "chamber", "objectTo", told.number, OPERATORS_SEAT)
    told.close()
    told.queue()
    nation.send(person(CIVIL_SOCIETY), "chamber", "objectTo", told.number, CIVIL_SEAT)
    told.execute()
    nation.send(person(REGISTRAR), "chamber", "passOn", REGISTRARS_SEAT, nation.people[8].address)

    defeated = Proposal(nation, "Nobody cares", ("vault", "rearm", []))
    defeated.propose(citizens[0])
    cancelled = Proposal(nation, "Thought better of", ("vault", "rearm", []))
    cancelled.propose(citizens[0])
    cancelled.cancel(citizens[0])
    defeated.open()
    defeated.close()

    stopped = Proposal(nation, "Stopped by the founder", ("exchange", "setShares", [0, 0]))
    stopped.pass_by(citizens[:3])
    scheduled = nation.contract("timelock").events.CallScheduled.get_logs(from_block=0)[-1]["args"]["id"]
    nation.send(nation.deployer, "timelock", "cancel", scheduled)

    expired = Proposal(nation, "Left alone", ("exchange", "setShares", [0, 1]))
    expired.pass_by(citizens[:3])
    nation.warp(700)
    waiting = Proposal(nation, "In progress", ("exchange", "setShares", [500, 500]), ("vault", "rearm", []))
    waiting.propose(citizens[0])
    waiting.open()
    waiting.vote(citizens[0], FOR)
    return {
        "executed": told,
        "defeated": defeated,
        "cancelled": cancelled,
        "stopped": stopped,
        "expired": expired,
        "active": waiting,
    }


def halts(nation: Nation) -> None:
    """The guardian halts, a vote resumes and re-arms, and it halts again."""
    nation.send(person(GUARDIAN), "vault", "halt")
    govern(nation, "vault", "resume")
    govern(nation, "vault", "rearm")
    nation.warp(130)
    nation.send(person(GUARDIAN), "vault", "halt")


def output_jumps(nation: Nation) -> int:
    """An epoch's output jumps, and it is held. Wants a nation that has distributed nothing yet; answers the epoch."""
    epoch, _ = nation.end_epoch_reported(raws=JUMP, distributing=False)
    nation.warp(DISPUTE_SECONDS + 2)
    for _ in range(nation.contract("vault").functions.nextEpoch().call(), epoch + 1):
        nation.actors.distribute(nation.deployer)
    return epoch


def region_jumps(nation: Nation, region: int = 2) -> None:
    """A registrar enrols more than a region may grow by."""
    nation.send(nation.registrar, "citizens", "enrol", nation.chance.randbytes(32), CROWD, region)


def offices(nation: Nation) -> None:
    """Registrars come, move and go; caps change; the second office decides twice; a citizen outlives an end."""
    other, elsewhere = nation.people[7], nation.people[8]
    govern(nation, "citizens", "addRegistrar", other.address)
    govern(nation, "citizens", "setTurnoverCap", REGION, 900_000)
    govern(nation, "citizens", "setRegionCap", REGION, 90_000_000)
    sleeper = newcomer(nation)
    early = roll_of([sleeper.address, newcomer(nation).address], salt="the other office")
    first = int(nation.contract("citizens").functions.batchCount().call())
    nation.actors.enrol(other, early, REGION)
    _see_a_dividend(nation)
    nation.enrol([sleeper.address])
    _see_a_dividend(nation)
    nation.actors.start_retirement(nation.registrar, first + 1, 0)
    nation.warp(61)
    nation.actors.retire_by_proof(nation.deployer, first + 1, nation.rolls[first + 1], 0)
    _see_a_dividend(nation)
    nation.actors.activate(nation.deployer, first, early, 0)

    govern(nation, "citizens", "moveRegistrar", other.address, elsewhere.address)
    keys = [newcomer(nation), newcomer(nation)]
    nation.enrol([each.address for each in keys])
    batch = max(nation.rolls)
    for index, citizen in enumerate(keys):
        nation.actors.activate(nation.deployer, batch, nation.rolls[batch], index)
        for _ in range(2):
            nation.actors.start_retirement(nation.registrar, batch, index)
            due = nation.contract("citizens").functions.actOf(batch, index).call()[1]
            _, objection = nation.actors.objection(citizen, batch, index, due)
            nation.actors.object_to(nation.deployer, batch, index, citizen.address, objection)
        govern(nation, "citizens", "decideAct", batch, index, index == 0)
    nation.actors.retire(nation.deployer, batch, 0, keys[0].address)
    govern(nation, "citizens", "removeRegistrar", elsewhere.address)


def _see_a_dividend(nation: Nation) -> None:
    index = nation.contract("vault").functions.dividendIndex
    before = index().call()
    while index().call() == before:
        nation.end_epoch_reported()


def market(nation: Nation) -> None:
    """Computing is offered, bought, handed on, delivered in part and returned; SBI is paid by signature, given and
    destroyed."""
    _see_a_dividend(nation)
    buyer, other = nation.people[:2]
    exchange = nation.contract("exchange").functions
    place = (0, 0, int(nation.contract("vault").functions.currentEpoch().call()) + 1)
    nation.actors.offer(person(OPERATORS[0]), *place, 1_000)
    nation.actors.approve(buyer, nation.addresses["exchange"], 2**200)
    voucher = int(exchange.voucherCount().call())
    for _ in range(2):
        nation.actors.buy(buyer, place, 10, 2**100)
    _, signature = nation.actors.receipt(buyer, voucher, 0, 4)
    nation.actors.deliver(person(OPERATORS[0]), voucher, 4, signature)
    nation.actors.hand_over(buyer, buyer.address, other.address, voucher + 1)
    nation.actors.relay_all(
        nation.deployer, [nation.actors.promise(buyer, other.address, 5, nation.chance.randbytes(32))]
    )
    nation.actors.recycle(buyer, 7)
    nation.actors.recirculate(buyer, 11)
    nation.warp(700)
    for bought in (voucher, voucher + 1):
        nation.actors.refund(nation.deployer, bought)


def configurations(nation: Nation) -> None:
    """Another facility, and two configurations of which the second replaces the first before it begins."""
    key = nation.people[6].address
    govern(nation, "oracles", "registerFacility", key, key, REGION, [0, 5, 0], 5_000)
    epoch = int(nation.contract("vault").functions.currentEpoch().call())
    oracles = [person(number).address for number in ORACLES]
    told = nation.contract("oracles").events.ConfigScheduled.get_logs(from_block=0)[-1]["args"]
    weights, verifiers = list(told["weightsX16"]), tuple(told["verifiers"].values())
    for later in (40, 30):
        govern(nation, "oracles", "scheduleConfig", oracles, weights, verifiers, epoch + later)


def an_owner_leaves(nation: Nation) -> None:
    """An oracle's owner unbonds, waits, and has the bond back; then bonds it again."""
    signer = nation.actors.oracles[3]
    nation.send(nation.deployer, "bonds", "unbond", signer.address)
    nation.warp(901)
    nation.send(nation.deployer, "bonds", "withdrawBond", signer.address)
    amount = nation.contract("bonds").functions.requiredBond().call()
    consent = nation.actors.consent(signer.key, nation.deployer.address)
    nation.send(nation.deployer, "bonds", "bond", signer.address, consent, value=amount)


def an_epoch_expires(nation: Nation) -> None:
    """Nobody distributes for longer than the vault waits."""
    nation.warp(1_900)
    nation.actors.distribute(nation.deployer)


def a_colluding_quorum(nation: Nation) -> None:
    """A standby set is approved. Three oracles of four report above a capacity, the fourth signs two reports:
    both are proved, and the standby set takes over."""
    newcomers = [person(number) for number in PEOPLE[2:6]]
    nation.bond_oracles(newcomers)
    govern(nation, "oracles", "scheduleStandby", [each.address for each in newcomers])
    epoch, told = nation.end_epoch_reported(raws=ABOVE, signers=(0, 1, 2), distributing=False)
    nation.send(nation.deployer, "disputes", "disputeLeaf", epoch, 0, exhibit(told, 0))
    other = nation.agreed(epoch, ((1, 0, 0), (2, 0, 0)))
    liar = nation.actors.oracles[3]
    signatures = [_compact(nation, each, liar) for each in (told, other)]
    nation.send(nation.deployer, "disputes", "disputeReports", 3, told.as_argument(), other.as_argument(), *signatures)
    nation.actors = Actors(nation.send, nation.addresses, nation.chain_id, newcomers, nation.actors.reading_keys)


def demands(nation: Nation) -> None:
    """A place is demanded, and shown. Of the next report two are; one is not shown in time: the report is void, and the
    other is refunded."""
    nation.demand(*nation.end_epoch_reported(signers=(0, 1, 2), distributing=False), 0, shown=True)
    epoch, told = nation.end_epoch_reported(signers=(0, 1, 2), distributing=False)
    top = (told.tree.top.hash, int.from_bytes(told.tree.top.sums))
    for facility in range(2):
        bond = nation.contract("disputes").functions.bondOfDemand(epoch).call()
        place = (epoch, 0, facility)
        nation.send(nation.deployer, "disputes", "demand", place, told.tree.count, top, value=bond)
    nation.warp(11)
    nation.send(nation.deployer, "disputes", "lapse", (epoch, 0, 0))
    nation.send(nation.deployer, "disputes", "refund", (epoch, 0, 1))


def _compact(nation: Nation, told: Told, signer: Person) -> tuple[bytes, bytes]:
    """An oracle's signature of a report, as r and vs."""
    compact = told.report.sign(signer.key, nation.actors.registry_domain).to_compact()
    return compact[:32], compact[32:]
