"""One parser under Atheris, in a process of its own: started by `fuzz_parsers`, with the fuzzer's interpreter.

Arguments: the parser, where to put inputs that show a fault, where to write the report, then libFuzzer's own.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import atheris

# What Numba compiles, it compiles from bytecode as it was written.
COMPILED = [f"sbi_network.roll.{name}" for name in ("keccak_lanes", "parsing", "sorting", "verify")]

# Whose branches guide the fuzzer. Not YAML's, which it would make ten times slower.
with atheris.instrument_imports(include=["sbi_network", "tomllib"], exclude=COMPILED, enable_loader_override=False):
    from tests.assurance import parsers


class Watch:
    """Runs inputs, and notes what no parser may do."""

    def __init__(self, parser: parsers.Parser, faults: Path, report: Path) -> None:
        self._parser = parser
        self._faults = faults
        self._report = report
        self._kinds: dict[str, str] = {}
        self._executions = 0
        self._slowest_ms = 0.0
        self._before_mb = _peak_mb()
        self._told_at = 0.0

    def run(self, data: bytes) -> None:
        """One input."""
        self._executions += 1
        started = time.thread_time()
        try:
            self._parser.words(data)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            self._note(_kind(error), data)
        took_ms = (time.thread_time() - started) * 1000
        if took_ms > self._slowest_ms:
            self._slowest_ms = took_ms
            if took_ms > parsers.MAX_CPU_MS:
                self._note(f"more than {parsers.MAX_CPU_MS} ms", data)
        if self._grown_mb() > parsers.MAX_MEMORY_MB:
            self._note(f"more than {parsers.MAX_MEMORY_MB} MB", data)
        # libFuzzer ends the process without a word to Python: the report is written while there is time.
        if time.monotonic() - self._told_at > _TELL_S:
            self._told_at = time.monotonic()
            self._tell()

    def _tell(self) -> None:
        told = {
            "slowest_cpu_ms": round(self._slowest_ms, 1),
            "peak_memory_mb": round(_peak_mb()),
            "grown_mb": round(self._grown_mb()),
            "faults": sorted(f"{kind} ({where})" for kind, where in self._kinds.items()),
        }
        self._report.write_text(json.dumps(told), encoding="utf-8")

    def _note(self, kind: str, data: bytes) -> None:
        if kind not in self._kinds:
            name = f"fault-{len(self._kinds)}"
            (self._faults / name).write_bytes(data)
            self._kinds[kind] = name
            self._tell()

    def _grown_mb(self) -> float:
        return _peak_mb() - self._before_mb


_TELL_S = 1.0


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _kind(error: Exception) -> str:
    """Its type, and the last place in the package: one fault, met a thousand times, is one."""
    frames = [each for each in traceback.extract_tb(error.__traceback__) if "sbi_network" in each.filename]
    last = frames[-1] if frames else None
    where = f"{Path(last.filename).name}:{last.lineno} {last.name}" if last else "outside the package"
    return f"{type(error).__name__} at {where}"


def main(read: Callable[[bytes], object] | None = None) -> None:
    """Fuzzes until libFuzzer's time is up; `read` stands in for the parser's own, in a control."""
    name, faults, report, *fuzzer = sys.argv[1:]
    parser = parsers.PARSERS[name]
    for seed in sorted(Path(fuzzer[0]).iterdir()):  # what comes first also imports and compiles
        with suppress(Exception):
            parser.words(seed.read_bytes())
    watch = Watch(parsers.Parser(read, parser.refuses) if read else parser, Path(faults), Path(report))
    atheris.Setup([sys.argv[0], *fuzzer], watch.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
