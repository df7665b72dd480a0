"""Who multiplies: NumPy on any CPU, PyTorch on CPU or CUDA. All give the same C, to the bit (see `challenge`).

A backend holds B, is given rows of A and gives back rows of C. Generating, hashing and checking are the same for all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sbi_network.meter.proof.challenge import Matrix
from sbi_network.meter.proof.errors import BackendError
from sbi_network.meter.proof.tree import CBlock

FP32_TERMS = 65_536
"""Terms that FP32 adds exactly: 256 · 65,536 = 2^24. Longer products are split, the parts added in 32-bit integers."""

_TASK_BYTES = 1 << 20
"""Entries that one thread generates and converts at a time: they stay in its cache."""


class Backend(Protocol):
    """One way to multiply. Not for two threads at once."""

    @property
    def name(self) -> str:
        """Its library, device and arithmetic, for people to read."""

    @property
    def panel(self) -> int | None:
        """Rows of A that are multiplied at a time; None for all at once."""

    def load_b(self, b: Matrix) -> None:
        """Generate B and keep it until the next is loaded."""

    def load_a(self, a: Matrix, first: int, count: int) -> None:
        """Generate `count` rows of A from `first` on, in place of those before."""

    def multiply(self) -> Any:
        """Begin the product of the rows of A with B. What `fetch` takes; it may be still at work."""

    def fetch(self, running: Any) -> CBlock:
        """The rows of C, once they are computed, in memory that is the caller's."""


class NumpyBackend:
    """numpy's BLAS, FP32, on all the threads it takes."""

    name = "numpy"
    panel = None

    def __init__(self) -> None:
        self._a = self._b = np.empty((0, 0), dtype=np.float32)

    def load_b(self, b: Matrix) -> None:
        self._b = _resized(self._b, (b.count, b.k))
        fill_floats(b, 0, self._b)

    def load_a(self, a: Matrix, first: int, count: int) -> None:
        self._a = _resized(self._a, (count, a.k))
        fill_floats(a, first, self._a)

    def multiply(self) -> CBlock:
        terms = self._a.shape[1]
        if terms <= FP32_TERMS:
            return self._a @ self._b.T
        total = np.zeros((len(self._a), len(self._b)), dtype=np.int32)
        for at in range(0, terms, FP32_TERMS):
            total += (self._a[:, at : at + FP32_TERMS] @ self._b[:, at : at + FP32_TERMS].T).astype(np.int32)
        return total

    def fetch(self, running: CBlock) -> CBlock:
        return running


class TorchBackend:
    """PyTorch on `device`: "cpu" or "cuda". Raises BackendError where it, or the device, is missing.

    On a CPU it multiplies FP32. On a GPU it multiplies INT8 into INT32, exact for every k, or FP32 or FP64 where
    `arithmetic` says so; TF32, which would stand in for FP32, is turned off for this process.
    """

    def __init__(self, device: str = "cpu", arithmetic: str = "") -> None:
        self._torch = _torch()
        if device == "cuda" and not self._torch.cuda.is_available():
            raise BackendError("PyTorch sees no CUDA device on this machine")
        self._device = self._torch.device(device)
        self._arithmetic = arithmetic or ("int8" if device == "cuda" else "fp32")
        if self._arithmetic not in _ARITHMETIC:
            raise BackendError(f"arithmetic {arithmetic!r}: expected one of {', '.join(_ARITHMETIC)}")
        self._torch.backends.cuda.matmul.allow_tf32 = False
        self.name = f"torch-{device}-{self._arithmetic}"
        self.panel = None if device == "cpu" else 4096
        self._a = self._b = self._torch.empty((0, 0))

    def load_b(self, b: Matrix) -> None:
        self._b = self._on_device(b, 0, b.count, self._b)

    def load_a(self, a: Matrix, first: int, count: int) -> None:
        self._a = self._on_device(a, first, count, self._a)

    def multiply(self) -> Any:
        terms = self._a.shape[1]
        if self._arithmetic == "int8":
            return self._torch._int_mm(self._a, self._b.T)
        most = FP32_TERMS if self._arithmetic == "fp32" else terms
        if terms <= most:
            return self._a @ self._b.T
        parts = range(0, terms, most)
        products = ((self._a[:, at : at + most] @ self._b[:, at : at + most].T).int() for at in parts)
        return sum(products, start=self._torch.zeros(1, dtype=self._torch.int32, device=self._device))

    def fetch(self, running: Any) -> CBlock:
        block: CBlock = running.cpu().numpy()
        return block

    def synchronize(self) -> None:
        """Wait until the device has done all that it was given."""
        if self._device.type == "cuda":
            self._torch.cuda.synchronize(self._device)

    def _on_device(self, matrix: Matrix, first: int, count: int, former: Any) -> Any:
        if self._device.type == "cpu" and self._arithmetic == "fp32":
            floats = _resized(former.numpy(), (count, matrix.k))
            fill_floats(matrix, first, floats)
            return self._torch.from_numpy(floats)
        entries = np.empty((count, matrix.k), dtype=np.int8)
        _in_parts(matrix, entries, lambda at, part: matrix.fill(first + at, part))
        dtype = getattr(self._torch, _ARITHMETIC[self._arithmetic])
        return self._torch.from_numpy(entries).to(self._device).to(dtype)


_ARITHMETIC = {"int8": "int8", "fp32": "float32", "fp64": "float64"}

BACKENDS: dict[str, Callable[[], Backend]] = {
    "numpy": NumpyBackend,
    "torch": TorchBackend,
    "cuda": lambda: TorchBackend("cuda"),
}


def backend_named(name: str) -> Backend:
    """The backend of this name. Raises BackendError for one that does not exist, or that this machine has not."""
    make = BACKENDS.get(name)
    if make is None:
        raise BackendError(f"no backend is named {name!r}: expected one of {', '.join(BACKENDS)}")
    return make()


def fill_floats(matrix: Matrix, first: int, out: npt.NDArray[np.float32]) -> None:
    """Overwrite `out` with the matrix's rows (of B: columns) from `first` on, on all cores."""

    def fill(at: int, part: npt.NDArray[np.float32]) -> None:
        part[:] = matrix.rows(first + at, len(part))

    _in_parts(matrix, out, fill)


def _in_parts(matrix: Matrix, out: npt.NDArray[Any], fill: Callable[[int, Any], None]) -> None:
    step = max(1, _TASK_BYTES // matrix.k)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(lambda at: fill(at, out[at : at + step]), range(0, len(out), step)))


def _resized(array: Any, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """The array itself where it fits: memory that was touched before is quicker."""
    return array if array.shape == shape else np.empty(shape, dtype=np.float32)


def _torch() -> Any:
    try:
        return import_module("torch")
    except ImportError as error:
        raise BackendError("PyTorch is not installed: pip install 'sbi-network[torch]'") from error
