"""How this part compiles its loops: with Numba, without the interpreter's lock, kept between runs.

Compiling takes some seconds once on a machine; what came of it lies in the user's cache folder
(`$XDG_CACHE_HOME/sbi-network`), or where `NUMBA_CACHE_DIR` says.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba import njit

F = TypeVar("F", bound=Callable[..., Any])

if not numba.config.CACHE_DIR:
    _caches = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    numba.config.CACHE_DIR = str(Path(_caches) / "sbi-network" / "numba")


def compiled(function: F) -> F:
    """A function over NumPy arrays as machine code. Arithmetic wraps and indices are not checked, as in C."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy")(function))
