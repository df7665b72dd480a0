"""A parser with three planted bugs, for the same fuzzer: the campaign begins by seeing that all three are found."""

from __future__ import annotations

import time
from typing import Any, Final

import atheris

from tests.assurance.fuzz_one import main
from tests.assurance.parsers import MAX_CPU_MS, MAX_MEMORY_MB

_LEFT: Final = {"crash", "hang", "memory"}
"""Each once: a hang found again and again would leave no time for the rest."""

_HELD: Final[list[Any]] = []


@atheris.instrument_func  # type: ignore[untyped-decorator]
def planted(data: bytes) -> None:
    """Four bytes in a row stand before the bugs: by chance alone none is met in the time there is."""
    if len(data) < 5 or data[0] != 0x53 or data[1] != 0x42:
        return
    if data[2] != 0x49 or data[3] != 0x21:
        return
    if data[4] < 64 and "crash" in _LEFT:
        _LEFT.remove("crash")
        raise IndexError("planted")
    if 64 <= data[4] < 128 and "hang" in _LEFT:
        _LEFT.remove("hang")
        until = time.thread_time() + 1.5 * MAX_CPU_MS / 1000
        while time.thread_time() < until:
            pass
    if data[4] >= 128 and "memory" in _LEFT:
        _LEFT.remove("memory")
        _HELD.append(b"\1" * ((MAX_MEMORY_MB + 200) << 20))


if __name__ == "__main__":
    main(planted)
