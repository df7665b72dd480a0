// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

/// @title FloatLib
/// @dev Figures of 64 bits in 32, to at least five significant digits: | mantissa 30 | exponent 2 |, the value being
/// mantissa × 2^(12 × exponent). Figures below 2^30 are exact. Coarse steps of the exponent need no logarithm, so that
/// packing costs next to nothing.
library FloatLib {
    uint256 private constant MANTISSA_BITS = 30;
    uint256 private constant STEP_BITS = 12;

    /// @dev Rounds down. `value` is below 2^64.
    function pack(uint256 value) internal pure returns (uint32) {
        unchecked {
            uint256 exponent;
            while (value >> MANTISSA_BITS != 0) {
                value >>= STEP_BITS;
                ++exponent;
            }
            // Fits: 64 bits less three steps are 28.
            return uint32(value << 2 | exponent);
        }
    }

    function unpack(uint32 packed) internal pure returns (uint256) {
        unchecked {
            return uint256(packed >> 2) << STEP_BITS * (packed & 3);
        }
    }
}
