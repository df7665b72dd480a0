"""Where the gas of a transaction goes, from its trace, and the tables of `docs/gas.md`.

The floor is what the gas schedule asks for, whatever the code; `docs/gas.md` says what is in each of its kinds. Cheaper
code moves only the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any, TypeAlias

Step: TypeAlias = Mapping[str, Any]

BASE = 21_000
ZERO_BYTE, OTHER_BYTE = 4, 16
LEAST_PER_TOKEN, TOKENS_OTHER_BYTE = 10, 4
COLD_SLOT, FIRST_CHANGE, COLD_ACCOUNT, WARM = 2_100, 2_900, 2_600, 100
MOST_REFUNDED = 5
"""A refund is at most this part of what was spent (EIP-3529)."""

BEGIN, END = "<!-- tables: written by `make gas UPDATE=1` -->", "<!-- end of tables -->"

CALLS = ("CALL", "CALLCODE", "DELEGATECALL", "STATICCALL")
ACCOUNT_READS = ("BALANCE", "EXTCODESIZE", "EXTCODECOPY", "EXTCODEHASH")


@dataclass
class Floor:
    """What the gas schedule asks for, by kind."""

    base: int = BASE
    calldata: int = 0
    slots: int = 0
    accounts: int = 0
    logs: int = 0
    precompiles: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return sum(astuple(self))

    def per(self, heads: int) -> Floor:
        """One head's part, rounded to the nearest."""
        return Floor(*(round(share / heads) for share in astuple(self)))


@dataclass(frozen=True)
class Row:
    """What a figure of the benchmark measures, and what it is to reach."""

    work: str
    reach: int | None = None
    heads: int = 1


def floor_of(data: bytes, steps: Sequence[Step], gas_used: int) -> Floor:
    """The floor of a transaction, from its calldata, its trace (`structLogs`) and the figure in its receipt."""
    zeros = data.count(0)
    others = len(data) - zeros
    assert gas_used > BASE + LEAST_PER_TOKEN * (zeros + TOKENS_OTHER_BYTE * others), "calldata sets the price"
    floor = Floor(calldata=zeros * ZERO_BYTE + others * OTHER_BYTE)
    spent = floor.total
    for step, cost, childless in _costs(steps):
        op = step["op"]
        spent += cost
        if (op == "SLOAD" and cost >= COLD_SLOT) or (op == "SSTORE" and cost >= FIRST_CHANGE):
            floor.slots += cost
        elif op.startswith("LOG"):
            floor.logs += cost
        elif op in CALLS and childless:
            floor.precompiles += cost - WARM
        elif op in CALLS + ACCOUNT_READS and cost >= COLD_ACCOUNT:
            floor.accounts += COLD_ACCOUNT
    assert 0 <= spent - gas_used <= spent // MOST_REFUNDED, "the trace does not add up to the receipt"
    return floor


def _costs(steps: Sequence[Step]) -> Iterator[tuple[Step, int, bool]]:
    """Each step with its own cost, a call's without what it calls, and whether it ran no other code."""
    callers: list[tuple[Step, int]] = []
    for step, following in zip(steps, [*steps[1:], None], strict=False):
        if following is None or following["depth"] < step["depth"]:
            yield step, step["gasCost"], True
            if following is not None:
                caller, given = callers.pop()
                used = given - (step["gas"] - step["gasCost"])
                yield caller, caller["gas"] - following["gas"] - used, False
        elif following["depth"] > step["depth"]:
            callers.append((step, following["gas"]))
        else:
            yield step, step["gas"] - following["gas"], True


def grown(new: Mapping[str, Any], old: Mapping[str, Any]) -> list[str]:
    """Every figure that is larger than the committed one, as a line."""
    pairs = [(key, value, old.get(key)) for key, value in new.items() if isinstance(value, int)]
    pairs += [(f"code_size.{k}", v, old.get("code_size", {}).get(k)) for k, v in new["code_size"].items()]
    return [f"{key}: {before} -> {after}" for key, after, before in pairs if before is not None and after > before]


def tables(rows: Mapping[str, Row], figures: Mapping[str, int], floors: Mapping[str, Floor]) -> str:
    """Both tables of `docs/gas.md`: what each figure is, and where it goes."""
    kinds = [field.name for field in fields(Floor)]
    what = [["row", "work", "gas", "reach", "floor"]]
    where = [["row", *kinds, "rest", "gas"]]
    for name, row in rows.items():
        floor = floors[name].per(row.heads)
        figure = figures[name]
        what.append([f"`{name}`", row.work, f"{figure:,}", f"{row.reach:,}" if row.reach else "", f"{floor.total:,}"])
        shares = [*astuple(floor), figure - floor.total, figure]
        where.append([f"`{name}`", *(f"{share:,}" for share in shares)])
    return f"{_table(what, texts=2)}\n\n{_table(where, texts=1)}"


def _table(lines: Sequence[Sequence[str]], texts: int) -> str:
    """A Markdown table whose columns after the first `texts` are figures."""
    head, *body = ("| " + " | ".join(line) + " |" for line in lines)
    rule = "|" + "---|" * texts + "---:|" * (len(lines[0]) - texts)
    return "\n".join([head, rule, *body])


def replace_tables(document: str, text: str) -> str:
    """The document with what stands between its two marker lines replaced."""
    before, rest = document.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"
