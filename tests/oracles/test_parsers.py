"""Every parser of `tests/assurance/parsers.py` on what real programs write, and on that changed at random.

The coverage-guided campaign over the same table is `make fuzz-parsers`; what it found stays among the seeds.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.assurance.parsers import MAX_BYTES, PARSERS
from tests.assurance.seeds import seeds_of

EXAMPLES = 25


@st.composite
def changed(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A seed with some spans cut out, repeated, or replaced by other bytes or a span of another seed."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        other = draw(st.sampled_from(seeds))
        place = draw(st.integers(0, len(other)))
        new = draw(
            st.sampled_from((b"", data[start:end] * 3, other[place : place + 40]))
            | st.binary(max_size=8)
            | st.sampled_from((b"1e999", b"NaN", b"-1", b"null", b"[", b'"', b"\0", b"9" * 5000, b"\xff", b"\n"))
        )
        data = data[:start] + new + data[end:]
    return data[:MAX_BYTES]


@pytest.mark.parametrize("name", PARSERS)
def test_parsers__what_real_programs_write__is_read_or_refused(name: str) -> None:
    for seed in seeds_of(name):
        PARSERS[name].words(seed)


@pytest.mark.parametrize("name", PARSERS)
def test_parsers__that_changed_at_random__is_read_or_refused(name: str) -> None:
    parser, seeds = PARSERS[name], seeds_of(name)

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(changed(seeds))
    def act(data: bytes) -> None:
        parser.words(data)

    act()
