"""Campaigns that show how far the contracts can be trusted; each a make target that writes its result."""

from pathlib import Path
from typing import Final

LOCKS: Final = Path(__file__).parent
"""Where the campaigns' tools are locked, each in a folder of its own."""
