"""The bugs that `make seeded-bugs` seeds still have their place in the contracts."""

from __future__ import annotations

import pytest

from tests.invariants.seeded_bugs.__main__ import ROOT, Bug, all_bugs


@pytest.mark.parametrize("bug", all_bugs(), ids=lambda bug: bug.name)
def test_seeded_bug__in_its_contract__finds_its_place(bug: Bug) -> None:
    source = (ROOT / bug.file).read_text(encoding="utf-8")
    assert bug.seeded(source) != source
