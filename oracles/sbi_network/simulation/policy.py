"""contracts/IssuancePolicy.sol, in Python integers. A differential test holds it to the deployed contract."""

from __future__ import annotations

from dataclasses import dataclass

from sbi_network.errors import RangeError

WHOLE_BPS = 10_000

MIN_RATE, MAX_RATE = 1, 10**18
MIN_RELEASE_BPS, MAX_RELEASE_BPS = 100, WHOLE_BPS


def part_down(amount: int, bps: int) -> int:
    """`bps` basis points of `amount`, rounded down: contracts/libraries/BpsLib.sol."""
    return amount * bps // WHOLE_BPS


@dataclass(frozen=True, slots=True)
class IssuancePolicy:
    """Constant `rate` (wei per nGAICPh), constant released share (basis points). Raises RangeError where not within."""

    rate: int
    release_bps: int

    def __post_init__(self) -> None:
        if not MIN_RATE <= self.rate <= MAX_RATE:
            raise RangeError("rate", self.rate, f"an integer from {MIN_RATE} to {MAX_RATE} wei per nGAICPh")
        if not MIN_RELEASE_BPS <= self.release_bps <= MAX_RELEASE_BPS:
            raise RangeError("release", self.release_bps, f"{MIN_RELEASE_BPS} to {MAX_RELEASE_BPS} basis points")

    def assess(self, public_output: int, reserve: int) -> tuple[int, int]:
        """What an output (nGAICPh) entitles to, and what of the reserve may be released then, both wei."""
        entitlement = public_output * self.rate
        return entitlement, part_down(reserve + entitlement, self.release_bps)
