"""Static analysis of the production contracts: `make static`. Writes `benchmarks/static.json`.

Fails on any finding of slither of high, medium or low severity, on a point of ERC-20, ERC-2612 or ERC-721 that
slither-check-erc misses, on a warning of solhint or of the compiler. What a tool is wrong about is argued where it is,
in a comment above the one that switches the finding off; how many there are is part of the result.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

from scripts._tools import ARTIFACTS, FORGE, ROOT, attempt, node_tool, python_tool, run

from tests.assurance import LOCKS

OUT = ROOT / "benchmarks" / "static.json"
MOCKS = "contracts/mocks"
STANDARDS = (("SBIToken", "ERC20"), ("SBIToken", "ERC2612"), ("ComputeExchange", "ERC721"))
# Of ERC-20 itself, not of this token: `approve` sets the allowance, whatever was used of the one before. Who is wary of
# that signs the very payment instead (ERC-3009).
KNOWN_GAPS = ("is not protected for the ERC20 approval race condition",)
SEVERITIES = ("High", "Medium", "Low")


def main() -> None:
    """All tools, one after the other; then what they found."""
    slither = python_tool(LOCKS / "slither")
    solhint = node_tool(LOCKS / "solhint") / ".bin" / "solhint"
    _compile()
    findings = _findings(slither)
    standards = {f"{contract} {standard}": _standard(slither, contract, standard) for contract, standard in STANDARDS}
    style = _style(solhint)
    result = {
        "slither": findings,
        "argued": _argued(),
        "standards": standards,
        "solhint": style,
        # `deny` in foundry.toml makes a warning an error: `_compile` would not have come back.
        "compiler_warnings": 0,
        "about": {"command": "make static"},
    }
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    if any(findings.values()) or style or not all(standards.values()):
        sys.exit("static: something was found; see above")


def _compile() -> None:
    # A build before this one would be read beside it.
    shutil.rmtree(ARTIFACTS / "build-info", ignore_errors=True)
    run(str(FORGE), "build", "--build-info", "--ast", "--force", env={"FOUNDRY_PROFILE": "contracts"})


def _project() -> tuple[str, ...]:
    return ("--ignore-compile", "--foundry-out-directory", str(ARTIFACTS.relative_to(ROOT)))


def _findings(slither: Path) -> dict[str, int]:
    """How many findings there are of each severity that counts; each is printed."""
    report = ROOT / "build" / "slither.json"
    report.unlink(missing_ok=True)
    done = attempt(
        *(str(slither / "slither"), ".", *_project(), "--filter-paths", f"node_modules|{MOCKS}"),
        *("--exclude-informational", "--exclude-optimization", "--json", str(report)),
    )
    if not report.is_file():
        sys.exit(f"static: slither gave no report\n{done.stdout[-3000:]}")
    answer = json.loads(report.read_text(encoding="utf-8"))
    if not answer["success"]:
        sys.exit(f"static: slither failed\n{answer['error']}")
    found = answer["results"].get("detectors", [])
    for item in found:
        print(f"{item['impact']} {item['check']}: {item['description']}")
    counts = Counter(item["impact"] for item in found)
    return {severity.lower(): counts[severity] for severity in SEVERITIES}


def _argued() -> dict[str, int]:
    """Comments that switch a finding off, by its name."""
    counts: Counter[str] = Counter()
    for path in _sources():
        for names in re.findall(r"(?:slither|solhint)-disable(?:-start|-next-line)? (\S+)", path.read_text("utf-8")):
            counts.update(names.split(","))
    return dict(sorted(counts.items()))


def _sources() -> list[Path]:
    sources = (ROOT / "contracts").rglob("*.sol")
    return sorted(path for path in sources if not path.is_relative_to(ROOT / MOCKS))


def _standard(slither: Path, contract: str, standard: str) -> bool:
    """Whether a contract has every function, return type and event of a standard."""
    said = run(str(slither / "slither-check-erc"), ".", contract, "--erc", standard, *_project())
    points = [line.strip() for line in said.splitlines() if re.match(r"\s*\[.\]", line)]
    missed = [point for point in points if not point.startswith("[✓]") and not point.endswith(KNOWN_GAPS)]
    for point in missed or ([] if points else ["nothing was checked"]):
        print(f"{contract} {standard}: {point}")
    return bool(points) and not missed


def _style(solhint: Path) -> int:
    """Warnings and errors of solhint; each is printed."""
    config = LOCKS / "solhint" / "solhint.json"
    names = [str(path.relative_to(ROOT)) for path in _sources()]
    done = attempt(str(solhint), "--disc", "--noPoster", "-c", str(config), "-f", "json", *names)
    match = re.search(r"^\[.*\]", done.stdout, re.S | re.M)
    if match is None:
        sys.exit(f"static: solhint gave no report\n{done.stdout[-3000:]}")
    problems = [item for item in json.loads(match[0]) if "ruleId" in item]
    for item in problems:
        print(f"{item['filePath']}:{item['line']}: {item['message']} [{item['ruleId']}]")
    return len(problems)


if __name__ == "__main__":
    main()
