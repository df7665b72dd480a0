// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

/// @title BitLib
/// @dev Sets of up to 32 members as bits of a word.
library BitLib {
    /// @dev How many of the lowest 32 bits are set: pairs, nibbles and bytes are added side by side.
    function count(uint256 bits) internal pure returns (uint256) {
        unchecked {
            bits = (bits & 0x55555555) + (bits >> 1 & 0x55555555);
            bits = (bits & 0x33333333) + (bits >> 2 & 0x33333333);
            bits = (bits & 0x0f0f0f0f) + (bits >> 4 & 0x0f0f0f0f);
            return bits * 0x01010101 >> 24 & 0xff;
        }
    }
}
