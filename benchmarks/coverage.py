"""Lines and branches of the production contracts that forge's tests run: `make coverage`.

Writes `benchmarks/coverage.json`, shares of 1, and fails below 1. Tests of code size are left out: coverage compiles
without the optimizer. Branches inside assembly are not counted by forge; `TokenLibraries.t.sol`, `EcdsaVerifier.t.sol`,
`SignatureLib.t.sol` and `ProductLib.t.sol` hold each against a twin in plain Solidity, or take every way through it;
`DistributionVaultHostile.t.sol` has a policy answer in every way there is.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
OUT = Path(__file__).with_name("coverage.json")
TRACE = ROOT / "build" / "lcov.info"
PRODUCTION = "contracts/"
MOCKS = "contracts/mocks/"


@dataclass(frozen=True)
class Covered:
    """How much of something there is, and how much of it ran."""

    lines: int = 0
    lines_run: int = 0
    branches: int = 0
    branches_run: int = 0

    def __add__(self, other: Covered) -> Covered:
        return Covered(
            self.lines + other.lines,
            self.lines_run + other.lines_run,
            self.branches + other.branches,
            self.branches_run + other.branches_run,
        )

    def shares(self) -> dict[str, float]:
        """Shares of 1; what has no branch has all of them covered."""
        return {
            "lines": _share_down(self.lines_run, self.lines),
            "branches": _share_down(self.branches_run, self.branches),
        }


def _share_down(part: int, whole: int) -> float:
    """Rounded down to four places: one line missed of many is never all of them."""
    return part * 10_000 // whole / 10_000 if whole else 1.0


def read_trace(text: str) -> dict[str, Covered]:
    """What an LCOV trace says of each production contract. Raises ValueError for one that names none."""
    files: dict[str, Covered] = {}
    name, counts = "", dict.fromkeys(("LF", "LH", "BRF", "BRH"), 0)
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == "SF":
            name, counts = value, dict.fromkeys(counts, 0)
        elif key in counts:
            counts[key] = int(value)
        elif line == "end_of_record" and name.startswith(PRODUCTION) and not name.startswith(MOCKS):
            files[name] = Covered(counts["LF"], counts["LH"], counts["BRF"], counts["BRH"])
    if not files:
        raise ValueError(f"the trace names no file under {PRODUCTION}")
    return files


def main() -> None:
    """Run the tests with coverage, write what they reached, fail where that is not everything."""
    TRACE.parent.mkdir(parents=True, exist_ok=True)
    forge = Path(sys.executable).with_name("forge")
    command = [
        *(str(forge), "coverage", "--no-match-coverage", "^(tests|node_modules|contracts/mocks)/"),
        *("--no-match-test", "fitsTheChain", "--report", "lcov", "--report-file", str(TRACE)),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"coverage: the tests failed\n{done.stdout[-3000:]}\n{done.stderr[-1000:]}")
    files = read_trace(TRACE.read_text(encoding="utf-8"))
    whole = sum(files.values(), Covered())
    result = {
        **whole.shares(),
        "files": {name: covered.shares() for name, covered in sorted(files.items())},
        "about": {"command": "make coverage", "lines": whole.lines, "branches": whole.branches},
    }
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"lines {whole.lines_run} of {whole.lines}, branches {whole.branches_run} of {whole.branches}")
    short = [name for name, covered in files.items() if covered.shares() != {"lines": 1.0, "branches": 1.0}]
    if short:
        sys.exit(f"coverage: not everything is reached in {', '.join(sorted(short))}")


if __name__ == "__main__":
    main()
