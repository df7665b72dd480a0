"""contracts/DistributionVault.sol, in Python integers: aggregates only, every rounding and clamp as on chain.

A differential test drives the deployed vault with what the simulation asks of this one and finds the same issue,
dividend and state, to the wei. Units are the contract's: wei, seconds, heads; index and dividend in units of 1e6 wei.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sbi_network.errors import RangeError
from sbi_network.protocol.figure import UINT64_MAX
from sbi_network.protocol.outcome import Outcome
from sbi_network.simulation.policy import WHOLE_BPS, IssuancePolicy, part_down

INDEX_UNIT = 10**6
"""Wei per unit of the dividend index: contracts/libraries/IndexLib.sol."""

MAX_PASSED = 64
"""Epochs that one call of `distribute` deals with at most."""

MIN_RELEASE_FLOOR = INDEX_UNIT << 40

_PEAK_DECAY = 8
"""An eighth less each epoch: how the peak that output is compared with comes down."""

_UINT32_MAX = 2**32 - 1
MOST_HEADS = 2**40 - 1
"""A headcount's field on chain."""
_UINT80_MAX = 2**80 - 1
_UINT96_MAX = 2**96 - 1
UINT112_MAX = 2**112 - 1


Source = Callable[[int], tuple[Outcome, int]]
"""Answers an epoch's outcome and, where it is final, its public output in nGAICPh."""

PolicyAt = Callable[[int], IssuancePolicy]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a vault has fixed for ever. Seconds, wei, basis points. Raises RangeError where the constructor reverts."""

    genesis: int
    epoch_length: int
    expiry_age: int
    max_rate: int
    release_floor: int
    growth_bps: int
    halt_span: int
    brake_span: int
    jump_floor: int
    jump_bps: int

    def __post_init__(self) -> None:
        if self.growth_bps < WHOLE_BPS or self.growth_bps > _UINT32_MAX:
            raise RangeError("growth", self.growth_bps, f"{WHOLE_BPS} to {_UINT32_MAX} basis points")
        if self.release_floor < MIN_RELEASE_FLOOR:
            raise RangeError("release_floor", self.release_floor, f"at least {MIN_RELEASE_FLOOR} wei")
        if not 0 <= self.max_rate <= _UINT96_MAX:
            raise RangeError("max_rate", self.max_rate, f"an integer from 0 to {_UINT96_MAX}")
        if not WHOLE_BPS <= self.jump_bps <= _UINT32_MAX:
            raise RangeError("jump", self.jump_bps, f"{WHOLE_BPS} to {_UINT32_MAX} basis points")

    def end_of(self, epoch: int) -> int:
        """The second at which an epoch is over."""
        return self.genesis + (epoch + 1) * self.epoch_length


@dataclass(frozen=True, slots=True)
class Issue:
    """The event DividendDistributed: an epoch's figures, wei but for `output` (nGAICPh) and `headcount`."""

    epoch: int
    output: int
    entitlement: int
    issued: int
    dividend: int
    headcount: int
    reserve: int


@dataclass(frozen=True, slots=True)
class Passed:
    """An epoch without a dividend: skipped, void, or (None) expired."""

    epoch: int
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class Braked:
    """The event EpochBraked: an epoch that waits for its jump. `output` and `most` are nGAICPh, `until` seconds."""

    epoch: int
    output: int
    most: int
    until: int


Event = Issue | Passed | Braked


class NotYetError(Exception):
    """The next epoch cannot be distributed yet: it is not final, or held back, or there is nobody to distribute to."""


class RefusedError(Exception):
    """A halt, or the end of one, that the contract refuses."""


def kept_peak(output: int) -> int:
    """A figure of 64 bits as contracts/libraries/FloatLib.sol keeps it: 30 bits and steps of 12, rounded down."""
    dropped = max(0, -(-(output.bit_length() - 30) // 12)) * 12
    return output >> dropped << dropped


class Vault:
    """The vault's state and what changes it."""

    __slots__ = (
        "_braked",
        "_is_released",
        "_policy_at",
        "bounds",
        "halted_until",
        "headcount",
        "index",
        "is_spent",
        "issued",
        "last_release",
        "next_epoch",
        "peak",
        "recirculated",
        "reserve",
    )

    def __init__(self, bounds: Bounds, policy_at: PolicyAt) -> None:
        self.bounds = bounds
        self._policy_at = policy_at
        self.index = 0
        self.headcount = 0
        self.next_epoch = 0
        self.last_release = 0
        self.issued = 0
        self.reserve = 0
        self.recirculated = 0
        self.peak = 0
        self.halted_until = 0
        self.is_spent = False
        self._braked: int | None = None
        self._is_released = False

    def distribute(self, now: int, source: Source) -> list[Event]:
        """One call of `distribute` at a block of time `now`, seconds. Raises NotYetError where it reverts."""
        if self.headcount == 0 or now < self.halted_until:
            raise NotYetError(self.next_epoch)
        events: list[Event] = []
        while len(events) < MAX_PASSED:
            epoch = self.next_epoch
            ended_at = self.bounds.end_of(epoch)
            if now > ended_at + self.bounds.expiry_age:
                events.append(Passed(epoch, None))
            else:
                outcome, output = source(epoch) if now >= ended_at else (Outcome.OPEN, 0)
                if outcome is Outcome.FINAL:
                    output = min(output, UINT64_MAX)
                    if self._is_held(epoch, ended_at, output, now, events):
                        break
                    events.append(self._issue(output))
                    self.next_epoch += 1
                    break
                if outcome not in (Outcome.SKIPPED, Outcome.VOID):
                    if not events:
                        raise NotYetError(epoch)
                    break
                events.append(Passed(epoch, outcome))
            self.next_epoch += 1
        return events

    def _is_held(self, epoch: int, ended_at: int, output: int, now: int, events: list[Event]) -> bool:
        """Whether a jump waits, which is said once by an event. Raises NotYetError for one that was said to."""
        bounds, until = self.bounds, ended_at + self.bounds.brake_span
        if output <= bounds.jump_floor or output * WHOLE_BPS <= self.peak * bounds.jump_bps or now >= until:
            return False
        if self._braked == epoch:
            if not self._is_released:
                raise NotYetError(epoch)
            return False
        self._braked, self._is_released = epoch, False
        events.append(Braked(epoch, output, max(part_down(self.peak, bounds.jump_bps), bounds.jump_floor), until))
        return True

    def halt(self, now: int) -> None:
        """The guardian halts dividends. Raises RefusedError when it is spent, or too soon after the last."""
        earliest = self.halted_until + self.bounds.halt_span if self.halted_until else 0
        if self.is_spent or now < earliest:
            raise RefusedError
        self.halted_until, self.is_spent = now + self.bounds.halt_span, True

    def rearm(self) -> None:
        """A vote arms the guardian again. Raises RefusedError when it is armed."""
        if not self.is_spent:
            raise RefusedError
        self.is_spent = False

    def resume(self, now: int) -> None:
        """A vote ends a halt, and lets the next epoch go on that was said to wait. Raises RefusedError for nothing."""
        held, halted = self._braked == self.next_epoch and not self._is_released, now < self.halted_until
        if not (held or halted):
            raise RefusedError
        if held:
            self._is_released = True
        if halted:
            self.halted_until = now

    def _issue(self, output: int) -> Issue:
        given = self.recirculated
        entitlement, release = self._assess(output)
        per_unit = self.headcount * INDEX_UNIT
        amount = min(release + given, UINT112_MAX - self.issued)
        dividend = min(amount // per_unit, _UINT80_MAX - self.index)
        issuing = dividend * per_unit
        from_given = min(issuing, given)
        self.recirculated = given - from_given
        self.index += dividend
        self.last_release = min((issuing - from_given) // INDEX_UNIT, _UINT80_MAX)
        self.issued += issuing
        self.reserve += entitlement + from_given - issuing
        self.peak = kept_peak(max(output, self.peak - self.peak // _PEAK_DECAY))
        return Issue(self.next_epoch, output, entitlement, issuing, dividend * INDEX_UNIT, self.headcount, self.reserve)

    def _assess(self, output: int) -> tuple[int, int]:
        bounds, held = self.bounds, self.reserve
        entitlement, release = self._policy_at(self.next_epoch).assess(output, held)
        entitlement = min(entitlement, output * bounds.max_rate, UINT112_MAX - held)
        growth = part_down(self.last_release * INDEX_UNIT, bounds.growth_bps)
        return entitlement, min(release, held + entitlement, max(growth, bounds.release_floor))

    def note_recirculated(self, amount: int) -> None:
        """The token destroyed this much, wei, to be issued again with the next dividend."""
        self.recirculated += amount

    def admit(self, heads: int) -> int:
        """Enrols heads; answers the index at which they enter. Raises RangeError beyond the field."""
        if not 0 <= heads <= MOST_HEADS - self.headcount:
            raise RangeError("headcount", self.headcount + heads, f"an integer from 0 to {MOST_HEADS}")
        self.headcount += heads
        return self.index

    def dismiss(self, since: int, heads: int = 1) -> None:
        """Takes heads out that had entered at index `since`: what they got since then is un-issued, into the reserve.

        A retirement passes the present index, so that nothing is. As many calls as heads, on chain.
        """
        self._take_back((self.index - since) * heads)
        self.headcount -= heads

    def unissue(self, since: int, until: int) -> None:
        """Takes back what a head that is counted still received between two values of the index."""
        self._take_back(until - since)

    def _take_back(self, units: int) -> None:
        returned = units * INDEX_UNIT
        self.issued -= returned
        self.reserve = min(self.reserve + returned, UINT112_MAX)
