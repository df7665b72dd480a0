"""How `make coverage` reads a trace."""

from __future__ import annotations

import pytest
from benchmarks.coverage import Covered, read_trace

TRACE = """TN:
SF:contracts/Token.sol
LF:3
LH:2
BRF:2
BRH:1
end_of_record
SF:contracts/mocks/MockToken.sol
LF:9
LH:0
end_of_record
SF:tests/foundry/Token.t.sol
LF:9
LH:0
end_of_record
SF:contracts/libraries/Lib.sol
LF:1
LH:1
BRF:0
BRH:0
end_of_record
"""


def test_read_trace__of_several_files__counts_production_alone() -> None:
    assert read_trace(TRACE) == {
        "contracts/Token.sol": Covered(3, 2, 2, 1),
        "contracts/libraries/Lib.sol": Covered(1, 1, 0, 0),
    }


def test_read_trace__of_nothing__is_refused() -> None:
    with pytest.raises(ValueError, match="names no file under contracts/"):
        read_trace("TN:\n")


def test_shares__one_line_short__is_not_all() -> None:
    assert Covered(1_000_000, 999_999, 0, 0).shares() == {"lines": 0.9999, "branches": 1.0}
