"""What can go wrong with rolls, below `RollError`.

RollError
├── InputError           inputs from which no roll can be built as they are
│   └── FaultyInputError     lines that cannot be enrolled; each is told by file and line
├── InputChangedError    the input is another than when the interrupted build began
└── MissingExtraError    a command needs packages that are installed with `sbi-network[roll]`
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sbi_network.errors import RollError

if TYPE_CHECKING:
    from sbi_network.roll.faults import ToldFault

_SHOWN: Final = 20


class InputError(RollError):
    """Inputs from which no roll can be built as they are."""


class FaultyInputError(InputError):
    """Lines that cannot be enrolled.

    Attributes: `count` of all, the `faults` told (a great many, but not always all), and the `report` they are in.
    """

    def __init__(self, count: int, faults: Sequence[ToldFault], report: Path) -> None:
        super().__init__(count, faults, report)
        self.count = count
        self.faults = faults
        self.report = report

    def __str__(self) -> str:
        lines = [f"{self.count:,} faults in the input; nothing was written but the report {self.report}"]
        lines += [str(fault) for fault in self.faults[:_SHOWN]]
        if self.count > _SHOWN:
            lines.append(f"… and {self.count - _SHOWN:,} more")
        if self.count > len(self.faults):
            lines.append(f"the report holds the first {len(self.faults):,}")
        return "\n".join(lines)


class InputChangedError(RollError):
    """The input, or what was asked for, is another than when the build began. Attribute: its `path`, if known."""

    def __init__(self, path: Path | None) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        what = f"{self.path} has changed" if self.path else "the files or settings given are others"
        return f"{what} since the build began: restore it, or begin anew with --restart"


class MissingExtraError(RollError):
    """A command needs packages that the core does not."""

    def __init__(self, module: str) -> None:
        super().__init__(module)
        self.module = module

    def __str__(self) -> str:
        return f"this command needs the package {self.module}: pip install 'sbi-network[roll]'"
