"""`docs/scale.md`: what 1.4 billion citizens cost. `make scale` writes it from `scale_template.md`.

Every figure follows from the committed benchmarks and from the assumptions below; none is written by hand. A test works
it out again, so that the page cannot fall behind: whoever commits new benchmarks runs this.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
TEMPLATE: Final = FOLDER / "scale_template.md"
PAGE: Final = FOLDER.parent / "docs" / "scale.md"

DAY: Final = 86_400
GIB: Final = 2**30


@dataclass(frozen=True)
class Assumptions:
    """Of the world, not of this suite. Whoever knows better changes them here."""

    citizens: int = 1_400_000_000
    facilities: int = 10_000
    regions: int = 34
    """As many as China has provinces, municipalities, and regions."""
    epochs_a_day: int = 24
    payments_a_day: int = 1
    """Of each citizen."""
    activation_days: int = 365
    """A nation does not activate in a day."""
    newcomers_a_year: int = 12_000_000
    block_gas: int = 60_000_000
    """Ethereum's in 2026."""
    block_seconds: int = 12
    blobs_a_block: int = 14
    """The target since January 2026 (EIP-8135)."""
    blob_bytes: int = 4_096 * 31
    """EIP-4844: 4,096 field elements; 31 bytes of each are used."""
    rollup_gas_a_second: int = 100_000_000
    """A rollup of one sequencer on good hardware."""
    base_fee_gwei: float = 1.0
    slot_bytes: int = 64
    """Key and value. What a node keeps around them is several times that, and its client's affair."""


def load() -> dict[str, Any]:
    """The committed benchmarks that the page rests on, by name."""
    names = ("gas", "roll", "relay")
    return {name: json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")) for name in names}


def figures(benchmarks: dict[str, Any], assumed: Assumptions = Assumptions()) -> dict[str, str]:
    """Every figure of the page, by the name it has in the template, as text."""
    gas, roll, relay = benchmarks["gas"], benchmarks["roll"], benchmarks["relay"]
    people, per_day = assumed.citizens, assumed.payments_a_day
    payment, fee = relay["gas_per_payment"]["100"], relay["gas_per_fee_at_100"]
    settling = relay["gas_per_payment_settling"]["100"]
    sizes = relay["bytes"]

    chain_day = assumed.block_gas * DAY // assumed.block_seconds
    rollup_day = assumed.rollup_gas_a_second * DAY
    blob_day = assumed.blobs_a_block * assumed.blob_bytes * DAY // assumed.block_seconds

    enrol_day = assumed.regions * gas["enrol_batch"]
    activate_all = people * gas["activate_2_31"]
    activate_day = activate_all // assumed.activation_days
    pay_day = people * per_day * payment
    settle_day = people * per_day * settling
    fee_day = people * per_day * fee
    report_day = assumed.epochs_a_day * gas["report_n31"]
    dividend_day = assumed.epochs_a_day * gas["distribute"]

    pay_bytes = people * per_day * sizes["payment_deflated"]
    activate_bytes = people * sizes["activation_2_31_deflated"] // assumed.activation_days
    leaves = assumed.facilities * sizes["leaf_of_a_report"]
    slots = relay["new_slots"]
    state = people * (slots["activation"] + slots["first_payment"]) * assumed.slot_bytes
    told = roll["extrapolation"]
    per_region = people // assumed.regions

    found: dict[str, int | float | str] = {
        "citizens": people,
        "facilities": assumed.facilities,
        "regions": assumed.regions,
        "epochs": assumed.epochs_a_day,
        "activation_days": assumed.activation_days,
        "newcomers": assumed.newcomers_a_year,
        "newcomers_a_day": assumed.newcomers_a_year // 365,
        "block_gas_million": assumed.block_gas // 10**6,
        "block_seconds": assumed.block_seconds,
        "blobs_a_block": assumed.blobs_a_block,
        "blob_bytes": assumed.blob_bytes,
        "rollup_million": assumed.rollup_gas_a_second // 10**6,
        "base_fee": f"{assumed.base_fee_gwei:g}",
        "slot_bytes": assumed.slot_bytes,
        "gas_enrol": gas["enrol_batch"],
        "gas_activate": gas["activate_2_31"],
        "gas_payment": payment,
        "gas_settling": settling,
        "gas_fee": fee,
        "gas_report": gas["report_n31"],
        "gas_distribute": gas["distribute"],
        "chain_day": _short(chain_day),
        "rollup_day": _short(rollup_day),
        "blob_day": _gb(blob_day),
        "enrol_day": _short(enrol_day),
        "enrol_share": _share(enrol_day, chain_day),
        "activate_all": _short(activate_all),
        "activate_days_of_chain": math.ceil(activate_all / chain_day),
        "activate_day": _short(activate_day),
        "activate_share": _share(activate_day, chain_day),
        "activate_ether": _ether(activate_day, assumed),
        "pay_day": _short(pay_day),
        "pay_share": _share(pay_day, chain_day),
        "pay_ether": _ether(pay_day, assumed),
        "settle_day": _short(settle_day),
        "settle_share": _share(settle_day, chain_day),
        "fee_day": _short(fee_day),
        "fee_share": _share(fee_day, chain_day),
        "report_day": _short(report_day),
        "report_share": _share(report_day, chain_day),
        "report_ether": _ether(report_day, assumed),
        "dividend_day": _short(dividend_day),
        "dividend_share": _share(dividend_day, chain_day),
        "enrol_ether": _ether(enrol_day, assumed),
        "pay_bytes_each": sizes["payment"],
        "pay_deflated_each": sizes["payment_deflated"],
        "activate_bytes_each": sizes["activation_2_31_deflated"],
        "pay_blob_day": _gb(pay_bytes),
        "pay_blobs": _short(math.ceil(pay_bytes / assumed.blob_bytes)),
        "pay_blob_share": _share(pay_bytes, blob_day),
        "activate_blob_day": _gb(activate_bytes),
        "activate_blob_share": _share(activate_bytes, blob_day),
        "leaf_bytes": sizes["leaf_of_a_report"],
        "leaves_epoch_blobs": math.ceil(leaves / assumed.blob_bytes),
        "leaves_day": _gb(leaves * assumed.epochs_a_day),
        "leaves_share": _share(leaves * assumed.epochs_a_day, blob_day),
        "slots_activation": slots["activation"],
        "slots_payment": slots["first_payment"],
        "slots_enrolment": slots["enrolment"],
        "state": _gb(state),
        "payers_chain": _short(chain_day // payment),
        "payers_rollup": _short(rollup_day // payment),
        "payers_blobs": _short(blob_day // sizes["payment_deflated"]),
        "payments_a_second": people * per_day // DAY,
        "people_a_region": _short(per_region),
        "region_gas_a_second": f"{per_region * per_day * payment / DAY / 1e6:.1f}",
        "region_share_of_rollup": _share(per_region * per_day * payment, rollup_day),
        "region_activate_share": _share(per_region * gas["activate_2_31"] // assumed.activation_days, rollup_day),
        "hub_day": _short(enrol_day + report_day + dividend_day),
        "hub_share": _share(enrol_day + report_day + dividend_day, chain_day),
        "index_messages": assumed.regions * assumed.epochs_a_day,
        "signature_bytes": 64,
        "without_signatures_blob_share": _share(people * per_day * max(0, sizes["payment_deflated"] - 64), blob_day),
        "relay_settled": relay["load"]["settled_per_second"],
        "relayers": _short(math.ceil(people * per_day / DAY / relay["load"]["settled_per_second"])),
        "roll_hours": told["hours"],
        "roll_memory": told["peak_memory_gib"],
        "roll_disk": told["roll_on_disk_gib"],
        "roll_temporary": told["peak_disk_gib"],
        "roll_register": told["register_gib"],
        "proof_ms": roll["sizes"][str(told["from_size"])]["proof"]["median_ms"],
        "roll_from": told["from_size"],
    }
    return {name: f"{value:,}" if isinstance(value, int) else str(value) for name, value in found.items()}


def render(template: str, values: dict[str, str]) -> str:
    """The page. Raises KeyError for a name in the template that no figure has."""
    return template.format_map(values)


def _short(number: int) -> str:
    """Three digits and a word, or all digits of a small one."""
    for power, word in ((12, "trillion"), (9, "billion"), (6, "million")):
        if number >= 10**power:
            return (
                f"{number / 10**power:.3g} {word}"
                if number < 10 ** (power + 3)
                else f"{number / 10**power:,.0f} {word}"
            )
    return f"{number:,}"


def _share(part: float, whole: float) -> str:
    ratio = part / whole
    return f"{ratio:,.1f} times" if ratio >= 1 else f"{100 * ratio:.2g} %"


def _ether(gas: int, assumed: Assumptions) -> str:
    amount = gas * assumed.base_fee_gwei / 1e9
    return f"{amount:,.0f}" if amount >= 10 else f"{amount:.2g}"


def _gb(size: int) -> str:
    return f"{size / 1e9:,.3g} GB" if size < 1e12 else f"{size / 1e12:,.3g} TB"


def main() -> None:
    """Command line of `make scale`."""
    PAGE.write_text(render(TEMPLATE.read_text(encoding="utf-8"), figures(load())), encoding="utf-8")


if __name__ == "__main__":
    main()
