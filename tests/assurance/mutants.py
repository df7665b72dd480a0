"""Lists every mutant that slither's operators make of the production contracts. Runs in slither's own environment:

    python mutants.py <project> <artifacts> <out.json>

The project has been compiled with `--build-info --ast`. A mutant is a file, an operator, and bytes to replace in it.
"""

import json
import sys
from pathlib import Path

from slither import Slither
from slither.core.declarations import Contract
from slither.tools.mutator.mutators import all_mutators
from slither.tools.mutator.mutators.abstract_mutator import AbstractMutator

LEFT_OUT = ("contracts/mocks/", "contracts/interfaces/")


def operators() -> list[type[AbstractMutator]]:
    """Slither's operators, in the order of their names."""
    found = (getattr(all_mutators, name) for name in dir(all_mutators))
    kinds = [kind for kind in found if isinstance(kind, type) and issubclass(kind, AbstractMutator)]
    return sorted((kind for kind in kinds if kind is not AbstractMutator), key=lambda kind: kind.NAME)


def function_at(contract: Contract, start: int) -> str:
    """The function that a byte of a contract's file is in; empty for none."""
    spans = ((each.name, each.source_mapping) for each in contract.functions_and_modifiers_declared)
    return next((name for name, span in spans if span.start <= start < span.start + span.length), "")


def main(project: str, artifacts: str, out: str) -> None:
    """Write all mutants of all contracts, each once."""
    root = Path(project).resolve()
    slither = Slither(str(root), ignore_compile=True, foundry_out_directory=artifacts)
    mutants: dict[tuple[str, int, int, str], dict[str, object]] = {}
    for unit in slither.compilation_units:
        for contract in unit.contracts:
            path = Path(contract.source_mapping.filename.absolute)
            name = str(path.relative_to(root)) if path.is_relative_to(root) else ""
            if not name.startswith("contracts/") or name.startswith(LEFT_OUT):
                continue
            for operator in operators():
                mutator = operator(unit, 0, "", "", contract, None, False, root, [])
                for file, patches in mutator._mutate().get("patches", {}).items():
                    if Path(file) != path:
                        continue
                    for patch in patches:
                        new = patch["new_string"]
                        key = (name, patch["start"], patch["end"], new)
                        mutants.setdefault(
                            key,
                            {
                                "file": name,
                                "contract": contract.name,
                                "function": function_at(contract, patch["start"]),
                                "operator": operator.NAME,
                                "line": patch["line_number"],
                                "start": patch["start"],
                                "end": patch["end"],
                                "old": patch["old_string"],
                                "new": new,
                            },
                        )
    listed = [mutants[key] for key in sorted(mutants)]
    Path(out).write_text(json.dumps(listed, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
