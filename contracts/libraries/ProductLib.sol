// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {ChaChaLib} from "./ChaChaLib.sol";

/// @title ProductLib
/// @dev Entries of a product of two matrices that follow from seeds (`docs/proof-of-compute.md`): byte i of a seed's key
/// stream, as a signed byte shifted right by three, is entry i of the matrix, A by rows, B by columns.
///
/// Entries are worked with sixteen at a time, in lanes of 16 bits, each raised by 16 so that it is from 0 to 31. One
/// multiplication of words, of which one has its lanes reversed, sums sixteen products in its highest lane: at most
/// 16·31², so that no lane overflows into the next. What the raising adds is taken off at the end.
library ProductLib {
    /// @dev Bytes of a block of the key stream, hence terms of a block.
    uint256 internal constant BLOCK = 64;

    uint256 private constant MIN_SIZE = 64;
    uint256 private constant MAX_ROWS = 2 ** 20;
    /// @dev 256 for each term is then below 2^31.
    uint256 private constant MAX_TERMS = 2 ** 22;
    /// @dev What the key stream of one seed holds.
    uint256 private constant MAX_OF_A = 2 ** 38;
    /// @dev What oracles can check exactly.
    uint256 private constant MAX_OF_B = 2 ** 37;

    /// @dev Sign bits of bytes.
    uint256 private constant SIGNS = 0x8080808080808080808080808080808080808080808080808080808080808080;
    /// @dev The low five bits of each lane.
    uint256 private constant FIVE_BITS = 0x001f001f001f001f001f001f001f001f001f001f001f001f001f001f001f001f;
    /// @dev Multiplied with this, a word's lanes are summed in the highest.
    uint256 private constant ONES = 0x0001000100010001000100010001000100010001000100010001000100010001;
    /// @dev Every other lane of 16 bits.
    uint256 private constant EVEN_16 = 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;
    /// @dev Every other lane of 32 bits.
    uint256 private constant EVEN_32 = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
    /// @dev Every other lane of 64 bits.
    uint256 private constant EVEN_64 = 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
    uint256 private constant LOW_HALF = type(uint128).max;
    /// @dev One more block, of the row and of the column.
    uint256 private constant BOTH = 1 << 128 | 1;

    /// @dev A row of A and a column of B, by their key streams.
    struct Pair {
        // The keys, as `ChaChaLib` takes them.
        uint256 low;
        uint256 high;
        // Numbers of the blocks with which they begin: | of the row 128 | of the column 128 |.
        uint256 start;
    }

    /// @dev Whether the protocol is defined for a product of an m × k by a k × n matrix.
    function areSizes(uint256 m, uint256 n, uint256 k) internal pure returns (bool) {
        // Not multiplied before they are known to be small.
        return
            _isSize(m, MAX_ROWS) && _isSize(n, MAX_ROWS) && _isSize(k, MAX_TERMS) && m * k <= MAX_OF_A
                && n * k <= MAX_OF_B;
    }

    function _isSize(uint256 size, uint256 most) private pure returns (bool) {
        return size >= MIN_SIZE && size <= most && size & (size - 1) == 0;
    }

    /// @dev A row of A and a column of B, of the matrices with these seeds and so many terms, a multiple of 64.
    function pairOf(bytes32 seedA, uint256 row, bytes32 seedB, uint256 column, uint256 terms)
        internal
        pure
        returns (Pair memory pair)
    {
        (pair.low, pair.high) = ChaChaLib.keysOf(seedA, seedB);
        // Blocks are whole: terms are a multiple of 64.
        // slither-disable-next-line divide-before-multiply
        pair.start = row * (terms / BLOCK) << 128 | column * (terms / BLOCK);
    }

    /// @dev Sum of the products of a pair's terms `from` to `to`, both multiples of 64.
    function dot(Pair memory pair, uint256 from, uint256 to) internal pure returns (int256) {
        // Zero to begin with.
        // slither-disable-next-line uninitialized-local
        uint256 products;
        // Zero to begin with.
        // slither-disable-next-line uninitialized-local
        uint256 raised;
        for (uint256 at = from / BLOCK; at < to / BLOCK; ++at) {
            // Blocks are whole: terms are a multiple of 64.
            // slither-disable-next-line divide-before-multiply
            (uint256 a, uint256 b, uint256 c, uint256 d) =
                ChaChaLib.blocksOf(pair.low, pair.high, pair.start + at * BOTH);
            (uint256 first, uint256 firstSum) = _dot32(a, b);
            (uint256 second, uint256 secondSum) = _dot32(c, d);
            unchecked {
                products += first + second;
                raised += firstSum + secondSum;
            }
        }
        // Σ(a − 16)(b − 16) = Σab − 16·Σ(a + b) + 256 for each term.
        return int256(products) - 16 * int256(raised) + 256 * int256(to - from);
    }

    /// @dev Of two rows of both states, 32 entries of A and 32 of B: the sum of the products of the raised entries, and the
    /// sum of all of them.
    function _dot32(uint256 one, uint256 other) private pure returns (uint256 products, uint256 sum) {
        unchecked {
            uint256 x = ((one & ~LOW_HALF) | other >> 128) ^ SIGNS;
            // The rows the other way round than of A: that reverses halves.
            uint256 y = _reverseHalves((one & LOW_HALF) | other << 128) ^ SIGNS;
            (uint256 evenX, uint256 evenY) = (x >> 3 & FIVE_BITS, y >> 3 & FIVE_BITS);
            (uint256 oddX, uint256 oddY) = (x >> 11 & FIVE_BITS, y >> 11 & FIVE_BITS);
            products = (evenX * evenY >> 240) + (oddX * oddY >> 240);
            // At most 4·31 a lane, hence 16 of them in 16 bits.
            sum = (evenX + evenY + oddX + oddY) * ONES >> 240;
        }
    }

    /// @dev Within each half, the eight lanes in reverse.
    function _reverseHalves(uint256 x) private pure returns (uint256) {
        x = (x & EVEN_16) << 16 | (x >> 16 & EVEN_16);
        x = (x & EVEN_32) << 32 | (x >> 32 & EVEN_32);
        return (x & EVEN_64) << 64 | (x >> 64 & EVEN_64);
    }
}
