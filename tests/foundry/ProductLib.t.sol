// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Test} from "forge-std/Test.sol";

import {ChaChaLib} from "../../contracts/libraries/ChaChaLib.sol";
import {ProductLib} from "../../contracts/libraries/ProductLib.sol";

/// @dev The block function of RFC 8439 written plainly, word by word: what the library is held against.
library PlainChaCha {
    function blockOf(bytes32 seed, uint256 counter) internal pure returns (bytes memory out) {
        uint32[16] memory first;
        (first[0], first[1], first[2], first[3]) = (0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);
        for (uint256 i = 0; i < 32; ++i) {
            first[4 + i / 4] |= uint32(uint8(seed[i])) << uint32(8 * (i % 4));
        }
        first[12] = uint32(counter);
        uint32[16] memory s;
        for (uint256 i = 0; i < 16; ++i) {
            s[i] = first[i];
        }
        for (uint256 i = 0; i < 10; ++i) {
            for (uint256 j = 0; j < 4; ++j) {
                _quarter(s, j, 4 + j, 8 + j, 12 + j);
            }
            for (uint256 j = 0; j < 4; ++j) {
                _quarter(s, j, 4 + (j + 1) % 4, 8 + (j + 2) % 4, 12 + (j + 3) % 4);
            }
        }
        out = new bytes(64);
        unchecked {
            for (uint256 i = 0; i < 64; ++i) {
                out[i] = bytes1(uint8((s[i / 4] + first[i / 4]) >> (8 * (i % 4))));
            }
        }
    }

    function _quarter(uint32[16] memory s, uint256 a, uint256 b, uint256 c, uint256 d) private pure {
        unchecked {
            s[a] += s[b];
            s[d] = _rotated(s[d] ^ s[a], 16);
            s[c] += s[d];
            s[b] = _rotated(s[b] ^ s[c], 12);
            s[a] += s[b];
            s[d] = _rotated(s[d] ^ s[a], 8);
            s[c] += s[d];
            s[b] = _rotated(s[b] ^ s[c], 7);
        }
    }

    function _rotated(uint32 x, uint32 bits) private pure returns (uint32) {
        return x << bits | x >> (32 - bits);
    }
}

contract ProductLibTest is Test {
    /// @dev Both blocks, as bytes.
    function _blocks(bytes32 first, uint256 firstNumber, bytes32 second, uint256 secondNumber)
        private
        pure
        returns (bytes memory one, bytes memory other)
    {
        (uint256 low, uint256 high) = ChaChaLib.keysOf(first, second);
        uint256[4] memory rows;
        (rows[0], rows[1], rows[2], rows[3]) = ChaChaLib.blocksOf(low, high, firstNumber << 128 | secondNumber);
        (one, other) = (new bytes(64), new bytes(64));
        for (uint256 i = 0; i < 64; ++i) {
            // Sixteen bytes a row; little-endian words in lanes, the first lowest: byte after byte.
            one[i] = bytes1(uint8(rows[i / 16] >> (128 + 8 * (i % 16))));
            other[i] = bytes1(uint8(rows[i / 16] >> (8 * (i % 16))));
        }
    }

    /// @dev RFC 8439, appendix A.1, test vectors 1 to 3: all of nonce zero.
    function test_blocksOf__asInTheStandard__areTheSame() public pure {
        bytes memory first =
            hex"76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586";
        bytes memory second =
            hex"9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f";
        bytes memory third =
            hex"3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0";
        (bytes memory one, bytes memory other) = _blocks(0, 0, 0, 1);
        assertEq(one, first);
        assertEq(other, second);
        (one, other) = _blocks(bytes32(uint256(1)), 1, 0, 0);
        assertEq(one, third);
        assertEq(other, first);
    }

    function testFuzz_blocksOf__anySeedsAndNumbers__areThePlainOnes(bytes32 x, uint32 i, bytes32 y, uint32 j)
        public
        pure
    {
        (bytes memory one, bytes memory other) = _blocks(x, i, y, j);
        assertEq(one, PlainChaCha.blockOf(x, i));
        assertEq(other, PlainChaCha.blockOf(y, j));
    }

    function _plainDot(bytes32 seedA, uint256 startA, bytes32 seedB, uint256 startB, uint256 from, uint256 to)
        private
        pure
        returns (int256 sum)
    {
        for (uint256 at = from / 64; at < to / 64; ++at) {
            bytes memory a = PlainChaCha.blockOf(seedA, startA + at);
            bytes memory b = PlainChaCha.blockOf(seedB, startB + at);
            for (uint256 i = 0; i < 64; ++i) {
                sum += int256(int8(uint8(a[i])) >> 3) * (int8(uint8(b[i])) >> 3);
            }
        }
    }

    function _dot(bytes32 seedA, uint256 row, bytes32 seedB, uint256 column, uint256 from, uint256 to)
        private
        pure
        returns (int256)
    {
        return ProductLib.dot(ProductLib.pairOf(seedA, row, seedB, column, 512), from, to);
    }

    /// forge-config: default.fuzz.runs = 32
    function testFuzz_dot__anySeedsAndPlaces__isThePlainSum(
        bytes32 seedA,
        uint16 row,
        bytes32 seedB,
        uint16 column,
        uint256 from,
        uint256 to
    ) public pure {
        to = 64 * bound(to, 0, 4);
        from = 64 * bound(from, 0, to / 64);
        // A row of 512 terms begins with every eighth block.
        int256 plain = _plainDot(seedA, 8 * uint256(row), seedB, 8 * uint256(column), from, to);
        assertEq(_dot(seedA, row, seedB, column, from, to), plain);
    }

    /// forge-config: default.fuzz.runs = 32
    function testFuzz_dot__inTwoParts__addsUp(bytes32 seedA, bytes32 seedB, uint256 cut) public pure {
        uint256 at = 64 * bound(cut, 0, 8);
        int256 parts = _dot(seedA, 3, seedB, 5, 0, at) + _dot(seedA, 3, seedB, 5, at, 512);
        assertEq(parts, _dot(seedA, 3, seedB, 5, 0, 512));
    }
}
