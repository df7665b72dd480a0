"""Keccak-256 of eight messages at a time, compiled to the machine's vector instructions.

The permutation is Keccak-f[1600] of the Keccak reference (version 3.0, section 1.2; round constants and rotations are
computed from its definitions), written once as LLVM vectors of eight 64-bit words: the compiler turns them into
AVX-512, AVX2, SSE2 or NEON, whichever there is. A message is at most 135 bytes here: one block each.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from sbi_network.roll.compiled import compiled

LANES: Final = 8
_WORDS: Final = 25
_ROUNDS: Final = 24

# 0x01 after the message and 0x80 at the end of the 136-byte block: Keccak's padding, not SHA-3's.
_FIRST_PAD: Final = np.uint64(1)
_LAST_PAD: Final = np.uint64(1 << 63)
_LAST_WORD: Final = 16


def _rotations() -> list[int]:
    """By word x + 5y; the walk of the reference's rho step."""
    amounts = [0] * _WORDS
    x, y = 1, 0
    for step in range(_ROUNDS):
        amounts[x + 5 * y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return amounts


def _round_constants() -> list[int]:
    """Bits of the linear feedback shift register x^8 + x^6 + x^5 + x^4 + 1, at the places 2^j - 1."""
    constants, register = [], 1
    for _ in range(_ROUNDS):
        constant = 0
        for j in range(7):
            constant |= (register & 1) << ((1 << j) - 1)
            register = register << 1 ^ (0x171 if register >> 7 else 0)
        constants.append(constant)
    return constants


_ROTATIONS: Final = _rotations()
_ROUND_CONSTANTS: Final = np.array(_round_constants(), dtype=np.uint64)


def _next_state(builder: ir.IRBuilder, words: list[Any], constant: Any) -> list[Any]:
    """One round over vectors: theta, rho and pi, chi, iota."""
    vector = words[0].type
    xor = builder.xor

    def rotated(value: Any, amount: int) -> Any:
        if amount == 0:
            return value
        left = builder.shl(value, ir.Constant(vector, [amount] * LANES))
        return builder.or_(left, builder.lshr(value, ir.Constant(vector, [64 - amount] * LANES)))

    parities = [
        xor(xor(xor(words[x], words[x + 5]), xor(words[x + 10], words[x + 15])), words[x + 20]) for x in range(5)
    ]
    theta = [xor(parities[(x + 4) % 5], rotated(parities[(x + 1) % 5], 1)) for x in range(5)]
    moved: list[Any] = [None] * _WORDS
    for y in range(5):
        for x in range(5):
            place = x + 5 * y
            moved[y + 5 * ((2 * x + 3 * y) % 5)] = rotated(xor(words[place], theta[x]), _ROTATIONS[place])
    chi = [
        xor(moved[x + 5 * y], builder.and_(builder.not_(moved[(x + 1) % 5 + 5 * y]), moved[(x + 2) % 5 + 5 * y]))
        for y in range(5)
        for x in range(5)
    ]
    return [xor(chi[0], constant), *chi[1:]]


def _permute(typing_context: Any, state: Any, constants: Any) -> Any:
    """Keccak-f[1600] on `state`: 25 words of 8 lanes each, as a flat array of 200 uint64."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        array, table = (
            make_array(kind)(context, builder, value) for kind, value in zip(signature.args, arguments, strict=True)
        )
        int32, int64 = ir.IntType(32), ir.IntType(64)
        vector = ir.VectorType(int64, LANES)
        memory = builder.bitcast(array.data, vector.as_pointer())
        places = [builder.gep(memory, [ir.Constant(int64, word)]) for word in range(_WORDS)]
        slots = [cgutils.alloca_once(builder, vector) for _ in range(_WORDS)]
        for place, slot in zip(places, slots, strict=True):
            builder.store(builder.load(place, align=8), slot)
        with cgutils.for_range(builder, ir.Constant(int64, _ROUNDS)) as loop:
            one = builder.insert_element(
                ir.Constant(vector, ir.Undefined), builder.load(builder.gep(table.data, [loop.index])), int32(0)
            )
            lanes = ir.Constant(ir.VectorType(int32, LANES), [0] * LANES)
            constant = builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), lanes)
            for slot, word in zip(slots, _next_state(builder, [builder.load(s) for s in slots], constant), strict=True):
                builder.store(word, slot)
        for place, slot in zip(places, slots, strict=True):
            builder.store(builder.load(slot), place, align=8)
        return context.get_dummy_value()

    return types.void(state, constants), generate


_permute_lanes: Any = intrinsic(_permute)


@compiled
def _keccak(state: Any) -> None:
    _permute_lanes(state, _ROUND_CONSTANTS)


@compiled
def _swapped(word: Any) -> Any:
    """The bytes of a word in the other order: as memory has it, or as numbers compare."""
    word = np.uint64(word)
    half = np.uint64(0x00FF00FF00FF00FF)
    word = (word >> np.uint64(8)) & half | (word & half) << np.uint64(8)
    quarter = np.uint64(0x0000FFFF0000FFFF)
    word = (word >> np.uint64(16)) & quarter | (word & quarter) << np.uint64(16)
    return word >> np.uint64(32) | word << np.uint64(32)


@compiled
def _joined(low: Any, high: Any) -> Any:
    return np.uint64(low) | np.uint64(high) << np.uint64(32)


@compiled
def hash_leaves(first_index: int, leaves: Any, hashes: Any) -> None:
    """The leaf hashes of `docs/protocol.md`.

    `leaves`: n rows of 13 uint32, an account's five words and a person's eight as memory has them; their indices run
    from `first_index`. `hashes`: n rows of 4 uint64, written.
    """
    count = leaves.shape[0]
    state = np.empty(_WORDS * LANES, np.uint64)
    for block in range(0, count, LANES):
        state[:] = 0
        for lane in range(LANES):
            row = min(block + lane, count - 1)
            state[3 * LANES + lane] = _swapped(first_index + row)
            state[5 * LANES + lane] = np.uint64(leaves[row, 0]) << np.uint64(32)
            for pair in range(6):
                state[(6 + pair) * LANES + lane] = _joined(leaves[row, 2 * pair + 1], leaves[row, 2 * pair + 2])
            state[12 * LANES + lane] = _FIRST_PAD
            state[_LAST_WORD * LANES + lane] = _LAST_PAD
        _keccak(state)
        state[4 * LANES :] = 0
        state[4 * LANES : 5 * LANES] = _FIRST_PAD
        state[_LAST_WORD * LANES : (_LAST_WORD + 1) * LANES] = _LAST_PAD
        _keccak(state)
        for lane in range(min(LANES, count - block)):
            for word in range(4):
                hashes[block + lane, word] = state[word * LANES + lane]


@compiled
def _is_above(nodes: Any, left: int, right: int) -> bool:
    for word in range(4):
        a, b = _swapped(nodes[left, word]), _swapped(nodes[right, word])
        if a != b:
            return bool(a > b)
    return False


@compiled
def hash_pairs(children: Any, parents: Any) -> None:
    """Nodes from their children: `children` 2n rows of 4 uint64, two neighbours a pair; `parents` n rows, written."""
    count = parents.shape[0]
    state = np.empty(_WORDS * LANES, np.uint64)
    for block in range(0, count, LANES):
        state[:] = 0
        for lane in range(LANES):
            left = 2 * min(block + lane, count - 1)
            turned = 1 if _is_above(children, left, left + 1) else 0
            for word in range(4):
                state[word * LANES + lane] = children[left + turned, word]
                state[(4 + word) * LANES + lane] = children[left + 1 - turned, word]
            state[8 * LANES + lane] = _FIRST_PAD
            state[_LAST_WORD * LANES + lane] = _LAST_PAD
        _keccak(state)
        for lane in range(min(LANES, count - block)):
            for word in range(4):
                parents[block + lane, word] = state[word * LANES + lane]


@compiled
def mark_capitals(accounts: Any, marks: Any) -> None:
    """Which digits of addresses EIP-55 writes as capitals, where they are letters.

    `accounts`: n rows that begin with 20 bytes. `marks`: n uint64, written; bit i is for digit i from the left.
    """
    count = accounts.shape[0]
    state = np.empty(_WORDS * LANES, np.uint64)
    for block in range(0, count, LANES):
        state[:] = 0
        for lane in range(LANES):
            row = min(block + lane, count - 1)
            for word in range(5):
                text = np.uint64(0)
                for digit in range(8):
                    byte = accounts[row, 4 * word + digit // 2]
                    value = np.uint64(byte >> 4 if digit % 2 == 0 else byte & 15)
                    sign = value + (np.uint64(48) if value < 10 else np.uint64(87))  # 0-9, a-f
                    text |= sign << np.uint64(8 * digit)
                state[word * LANES + lane] = text
            state[5 * LANES + lane] = _FIRST_PAD
            state[_LAST_WORD * LANES + lane] = _LAST_PAD
        _keccak(state)
        for lane in range(min(LANES, count - block)):
            mark = np.uint64(0)
            for byte in range(20):
                value = state[byte // 8 * LANES + lane] >> np.uint64(8 * (byte % 8))
                mark |= (value >> np.uint64(7) & np.uint64(1)) << np.uint64(2 * byte)
                mark |= (value >> np.uint64(3) & np.uint64(1)) << np.uint64(2 * byte + 1)
            marks[block + lane] = mark
