"""docs/oracle-network.md gives the figures of benchmarks/oracle.json."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "oracle-network.md").read_text(encoding="utf-8")
FOUND = json.loads((ROOT / "benchmarks" / "oracle.json").read_text(encoding="utf-8"))


def test_page__latency__is_what_was_measured() -> None:
    assert [row["oracles"] for row in FOUND["latency"]] == [4, 7, 16, 31]
    for row in FOUND["latency"]:
        cells = (
            f"{row['oracles']}",
            f"{row['seconds_median']} s, {row['seconds_max']} s",
            f"{row['processor_seconds_per_epoch']:.1f} s",
            f"{100 * row['share_of_all_cores']:.0f} %",
            f"{row['gas_median']:,}",
        )
        assert f"| {' | '.join(cells)} |" in PAGE


def test_page__sizes_and_rates__are_what_was_measured() -> None:
    words = " ".join(PAGE.split())
    largest, verifying = FOUND["size"][-1], FOUND["verifying"]
    assert (largest["oracles"], largest["facilities"]) == (31, 10_000)
    for said in (
        f"an observation weighs {largest['observation_bytes']:,} bytes",
        f"sends {largest['sent_by_each_oracle_bytes'] / 1e6:.0f} MB an epoch",
        f"busy for {largest['one_oracle_processor_seconds']:.1f} s",
        f"agreement takes about {largest['agreement_seconds']:.0f} s",
        f"checks {verifying['observations_per_second_coincurve']:.0f} observations of {verifying['facilities']} ",
        f"`coincurve`, {verifying['observations_per_second_python']:.0f} without",
    ):
        assert said in words, said
