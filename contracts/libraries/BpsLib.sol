// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

/// @title BpsLib
/// @dev Shares in basis points.
library BpsLib {
    uint256 internal constant WHOLE = 10_000;

    /// @dev `bps` basis points of `amount`, rounded down.
    function partDown(uint256 amount, uint256 bps) internal pure returns (uint256) {
        return amount * bps / WHOLE;
    }
}
