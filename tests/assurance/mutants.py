"""Lists every mutant that slither's operators make of the production contracts. Runs in slither's own environment:

    python mutants.py <project> <artifacts> <out.json>

The project has been compiled with `--build-info --ast`. A mutant is a file, an operator, and bytes to replace in it.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

from slither import Slither
from slither.core.compilation_unit import SlitherCompilationUnit
from slither.core.declarations import Contract, Function
from slither.core.solidity_types.elementary_type import MaxValues, MinValues
from slither.exceptions import SlitherException
from slither.tools.mutator.mutators import all_mutators
from slither.tools.mutator.mutators.abstract_mutator import AbstractMutator

LEFT_OUT = ("contracts/mocks/", "contracts/interfaces/")

# The operator that replaces literals stops at a truth value, whose ends slither 0.11.6 does not know.
MinValues["bool"], MaxValues["bool"] = "false", "true"


def operators() -> list[type[AbstractMutator]]:
    """Slither's operators, in the order of their names."""
    found = (getattr(all_mutators, name) for name in dir(all_mutators))
    kinds = [kind for kind in found if isinstance(kind, type) and issubclass(kind, AbstractMutator)]
    return sorted((kind for kind in kinds if kind is not AbstractMutator), key=lambda kind: kind.NAME)


def function_at(contract: Contract, start: int) -> str:
    """The function that a byte of a contract's file is in; empty for none."""
    spans = ((each.name, each.source_mapping) for each in contract.functions_and_modifiers_declared)
    return next((name for name, span in spans if span.start <= start < span.start + span.length), "")


class Patch(TypedDict):
    """What slither says of a mutant: the bytes of a file to replace, and by what."""

    start: int
    end: int
    old_string: str
    new_string: str


class Part:
    """A contract reduced to one of its functions, or to its state variables: an operator that cannot read a function,
    as some cannot read assembly, then still mutates the others."""

    def __init__(self, contract: Contract, functions: list[Function]) -> None:
        self._contract = contract
        self.functions_and_modifiers_declared = functions
        self.state_variables_declared = [] if functions else contract.state_variables_declared

    def __getattr__(self, name: str) -> object:
        return getattr(self._contract, name)


def patches_of(
    operator: type[AbstractMutator], unit: SlitherCompilationUnit, contract: Contract, root: Path
) -> Iterator[Patch]:
    """What an operator would write into the contract's own file."""
    path = Path(contract.source_mapping.filename.absolute)
    for functions in ([], *([each] for each in contract.functions_and_modifiers_declared)):
        mutator = operator(unit, 0, "", "", contract, None, False, root, [])
        mutator.contract = Part(contract, functions)
        try:
            found = mutator._mutate().get("patches", {})
        except (IndexError, SlitherException) as error:
            part = functions[0].name if functions else "its state"
            print(f"{operator.NAME} cannot read {contract.name}.{part}: {error}", file=sys.stderr)
            continue
        for file, patches in found.items():
            if Path(file) == path:
                yield from patches


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
                for patch in patches_of(operator, unit, contract, root):
                    mutants.setdefault(
                        (name, patch["start"], patch["end"], patch["new_string"]),
                        {
                            "file": name,
                            "contract": contract.name,
                            "function": function_at(contract, patch["start"]),
                            "operator": operator.NAME,
                            "start": patch["start"],
                            "end": patch["end"],
                            "old": patch["old_string"],
                            "new": patch["new_string"],
                        },
                    )
    listed = [mutants[key] for key in sorted(mutants)]
    Path(out).write_text(json.dumps(listed, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
