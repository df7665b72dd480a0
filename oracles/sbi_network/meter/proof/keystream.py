"""The key stream that matrices, rows and vectors are read from: ChaCha20 as RFC 8439 has it, nonce zero."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK_BYTES = 64
MAX_STREAM = BLOCK_BYTES << 32
"""Bytes of one seed's stream: the block counter has 32 bits."""

_CHUNK = bytes(1 << 20)
"""What is encrypted to get the stream: zeros, and few enough to stay in the cache."""

Bytes = npt.NDArray[np.uint8]


def _with_openssl(ciphers: Any) -> Callable[[bytes, int, memoryview], None]:
    def fill(seed: bytes, block: int, out: memoryview) -> None:
        # Its nonce of 16 bytes begins with the counter.
        counter = block.to_bytes(4, "little") + bytes(12)
        stream = ciphers.Cipher(ciphers.algorithms.ChaCha20(seed, counter), mode=None).encryptor()
        for at in range(0, len(out), len(_CHUNK)):
            part = out[at : at + len(_CHUNK)]
            stream.update_into(_CHUNK[: len(part)] if len(part) < len(_CHUNK) else _CHUNK, part)

    return fill


def _with_pycryptodome(chacha: Any) -> Callable[[bytes, int, memoryview], None]:
    def fill(seed: bytes, block: int, out: memoryview) -> None:
        stream = chacha.new(key=seed, nonce=bytes(12))
        stream.seek(block * BLOCK_BYTES)
        for at in range(0, len(out), len(_CHUNK)):
            part = out[at : at + len(_CHUNK)]
            stream.encrypt(_CHUNK[: len(part)] if len(part) < len(_CHUNK) else _CHUNK, output=part)

    return fill


def _fastest() -> Callable[[bytes, int, memoryview], None]:
    """The quickest implementation that is installed: cryptography's, 5 GB/s a core; pycryptodome's makes a tenth."""
    try:
        return _with_openssl(import_module("cryptography.hazmat.primitives.ciphers"))
    except ImportError:
        return _with_pycryptodome(import_module("Crypto.Cipher.ChaCha20"))


_fill = _fastest()


def fill_from(seed: bytes, start: int, out: Bytes) -> None:
    """Overwrite `out`, contiguous, with the stream of a 32-byte seed from byte `start` on, a multiple of 64.

    Raises ValueError for another start, or where the stream ends before `out` does.
    """
    if start % BLOCK_BYTES or not 0 <= start <= MAX_STREAM - out.size:
        raise ValueError(f"{out.size} bytes from byte {start} of a stream")
    _fill(seed, start // BLOCK_BYTES, out.data)


def stream_of(seed: bytes, start: int, count: int) -> Bytes:
    """`count` bytes of the stream of a 32-byte seed, from byte `start` on."""
    out = np.empty(count, dtype=np.uint8)
    fill_from(seed, start, out)
    return out
