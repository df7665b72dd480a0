// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

/// @title RangeLib
/// @dev Hard ranges of governed spans of time: from a quarter to four times of what the suite was founded with, so that no
/// vote makes governance instant, or endless.
library RangeLib {
    /// @dev Thrown when a figure is outside its hard range.
    /// @param given The figure.
    /// @param min The least accepted.
    /// @param max The most accepted.
    error OutOfRange(uint256 given, uint256 min, uint256 max);

    uint256 private constant FACTOR = 4;

    /// @dev A span to found with: of at least a second, and with room for the range in 32 bits.
    function requireSpan(uint256 span) internal pure {
        requireWithin(span, 1, type(uint32).max / FACTOR);
    }

    /// @dev A span near the one founded with. A quarter is rounded up, so that no range holds zero.
    function requireNear(uint256 span, uint256 founding) internal pure {
        requireWithin(span, (founding + FACTOR - 1) / FACTOR, founding * FACTOR);
    }

    function requireWithin(uint256 given, uint256 min, uint256 max) internal pure {
        require(given >= min && given <= max, OutOfRange(given, min, max));
    }
}
