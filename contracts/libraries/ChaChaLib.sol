// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

/// @title ChaChaLib
/// @dev The ChaCha20 block function of RFC 8439 with nonce zero, for two blocks of two seeds at once.
///
/// A word holds a row, four words of 32 bits, of each of the two states: | of the first 128 | of the second 128 |, a row's
/// first word in its lowest lane. A quarter round then works on eight columns together.
library ChaChaLib {
    /// @dev "expand 32-byte k", twice.
    uint256 private constant FIRST_ROWS = 0x6b20657479622d323320646e617078656b20657479622d323320646e61707865;

    /// @dev The rows that two seeds give, as `blocksOf` takes them.
    function keysOf(bytes32 first, bytes32 second) internal pure returns (uint256 low, uint256 high) {
        low = _row(uint256(first) >> 128) << 128 | _row(uint256(second) >> 128);
        high = _row(uint256(first)) << 128 | _row(uint256(second));
    }

    /// @dev Four little-endian words in lanes.
    /// @param packed 16 bytes, in order from the left, in the lower half.
    function _row(uint256 packed) private pure returns (uint256 row) {
        for (uint256 i = 0; i < 16; ++i) {
            row |= (packed >> (120 - 8 * i) & 0xff) << (8 * i);
        }
    }

    /// @dev The rows of two blocks, each of its own key stream.
    /// @param low First rows of the keys.
    /// @param high Second rows of the keys.
    /// @param numbers The blocks' numbers, below 2^32: | of the first 128 | of the second 128 |.
    // solhint-disable-next-line function-max-lines
    function blocksOf(uint256 low, uint256 high, uint256 numbers)
        internal
        pure
        returns (uint256 a, uint256 b, uint256 c, uint256 d)
    {
        // Written out twice, for columns and, once the rows are turned by one, two and three lanes, for diagonals: this is
        // what a dispute pays for. Lanes are added without their top bits, which would carry into the next lane; those
        // are added by xor. A rotation is two shifts, each cut to its own bits of the lane.
        assembly ("memory-safe") {
            a := FIRST_ROWS
            b := low
            c := high
            d := numbers
            for { let round := 0 } lt(round, 10) { round := add(round, 1) } {
                a := xor(
                    add(
                        and(a, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff),
                        and(b, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff)
                    ),
                    and(xor(a, b), 0x8000000080000000800000008000000080000000800000008000000080000000)
                )
                d := xor(d, a)
                d := or(
                    and(shl(16, d), 0xffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000),
                    and(shr(16, d), 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff)
                )
                c := xor(
                    add(
                        and(c, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff),
                        and(d, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff)
                    ),
                    and(xor(c, d), 0x8000000080000000800000008000000080000000800000008000000080000000)
                )
                b := xor(b, c)
                b := or(
                    and(shl(12, b), 0xfffff000fffff000fffff000fffff000fffff000fffff000fffff000fffff000),
                    and(shr(20, b), 0x00000fff00000fff00000fff00000fff00000fff00000fff00000fff00000fff)
                )
                a := xor(
                    add(
                        and(a, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff),
                        and(b, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff)
                    ),
                    and(xor(a, b), 0x8000000080000000800000008000000080000000800000008000000080000000)
                )
                d := xor(d, a)
                d := or(
                    and(shl(8, d), 0xffffff00ffffff00ffffff00ffffff00ffffff00ffffff00ffffff00ffffff00),
                    and(shr(24, d), 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff)
                )
                c := xor(
                    add(
                        and(c, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff),
                        and(d, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff)
                    ),
                    and(xor(c, d), 0x8000000080000000800000008000000080000000800000008000000080000000)
                )
                b := xor(b, c)
                b := or(
                    and(shl(7, b), 0xffffff80ffffff80ffffff80ffffff80ffffff80ffffff80ffffff80ffffff80),
                    and(shr(25, b), 0x0000007f0000007f0000007f0000007f0000007f0000007f0000007f0000007f)
                )
                b := or(
                    and(shr(32, b), 0x00000000ffffffffffffffffffffffff00000000ffffffffffffffffffffffff),
                    and(shl(96, b), 0xffffffff000000000000000000000000ffffffff000000000000000000000000)
                )
                c := or(
                    and(shr(64, c), 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff),
                    and(shl(64, c), 0xffffffffffffffff0000000000000000ffffffffffffffff0000000000000000)
                )
                d := or(
                    and(shr(96, d), 0x000000000000000000000000ffffffff000000000000000000000000ffffffff),
                    and(shl(32, d), 0xffffffffffffffffffffffff00000000ffffffffffffffffffffffff00000000)
                )

                a := xor(
                    add(
                        and(a, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff),
                        and(b, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff)
                    ),
                    and(xor(a, b), 0x8000000080000000800000008000000080000000800000008000000080000000)
                )
                d := xor(d, a)
                d := or(
                    and(shl(16, d), 0xffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000),
                    and(shr(16, d), 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff)
                )
                c := xor(
                    add(
                        and(c, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff),
                        and(d, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff)
                    ),
                    and(xor(c, d), 0x8000000080000000800000008000000080000000800000008000000080000000)
                )
                b := xor(b, c)
                b := or(
                    and(shl(12, b), 0xfffff000fffff000fffff000fffff000fffff000fffff000fffff000fffff000),
                    and(shr(20, b), 0x00000fff00000fff00000fff00000fff00000fff00000fff00000fff00000fff)
                )
                a := xor(
                    add(
                        and(a, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff),
                        and(b, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff)
                    ),
                    and(xor(a, b), 0x8000000080000000800000008000000080000000800000008000000080000000)
                )
                d := xor(d, a)
                d := or(
                    and(shl(8, d), 0xffffff00ffffff00ffffff00ffffff00ffffff00ffffff00ffffff00ffffff00),
                    and(shr(24, d), 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff)
                )
                c := xor(
                    add(
                        and(c, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff),
                        and(d, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff)
                    ),
                    and(xor(c, d), 0x8000000080000000800000008000000080000000800000008000000080000000)
                )
                b := xor(b, c)
                b := or(
                    and(shl(7, b), 0xffffff80ffffff80ffffff80ffffff80ffffff80ffffff80ffffff80ffffff80),
                    and(shr(25, b), 0x0000007f0000007f0000007f0000007f0000007f0000007f0000007f0000007f)
                )
                b := or(
                    and(shr(96, b), 0x000000000000000000000000ffffffff000000000000000000000000ffffffff),
                    and(shl(32, b), 0xffffffffffffffffffffffff00000000ffffffffffffffffffffffff00000000)
                )
                c := or(
                    and(shr(64, c), 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff),
                    and(shl(64, c), 0xffffffffffffffff0000000000000000ffffffffffffffff0000000000000000)
                )
                d := or(
                    and(shr(32, d), 0x00000000ffffffffffffffffffffffff00000000ffffffffffffffffffffffff),
                    and(shl(96, d), 0xffffffff000000000000000000000000ffffffff000000000000000000000000)
                )
            }
            a := xor(
                add(
                    and(a, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff),
                    and(FIRST_ROWS, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff)
                ),
                and(xor(a, FIRST_ROWS), 0x8000000080000000800000008000000080000000800000008000000080000000)
            )
            b := xor(
                add(
                    and(b, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff),
                    and(low, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff)
                ),
                and(xor(b, low), 0x8000000080000000800000008000000080000000800000008000000080000000)
            )
            c := xor(
                add(
                    and(c, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff),
                    and(high, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff)
                ),
                and(xor(c, high), 0x8000000080000000800000008000000080000000800000008000000080000000)
            )
            d := xor(
                add(
                    and(d, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff),
                    and(numbers, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff)
                ),
                and(xor(d, numbers), 0x8000000080000000800000008000000080000000800000008000000080000000)
            )
        }
    }
}
