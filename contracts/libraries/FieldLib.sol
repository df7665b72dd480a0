// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

/// @title FieldLib
/// @dev Refuses what a packed field cannot hold. External functions take uint256 and narrow here, so that a figure that
/// is too large meets a named error instead of the ABI decoder's empty revert.
library FieldLib {
    /// @dev Thrown when a figure exceeds the field that is to hold it.
    /// @param given The figure.
    /// @param max The most the field holds.
    error AboveField(uint256 given, uint256 max);

    function to16(uint256 value) internal pure returns (uint16) {
        return uint16(_fit(value, type(uint16).max));
    }

    function to32(uint256 value) internal pure returns (uint32) {
        return uint32(_fit(value, type(uint32).max));
    }

    function to40(uint256 value) internal pure returns (uint40) {
        return uint40(_fit(value, type(uint40).max));
    }

    function to56(uint256 value) internal pure returns (uint56) {
        return uint56(_fit(value, type(uint56).max));
    }

    function to64(uint256 value) internal pure returns (uint64) {
        return uint64(_fit(value, type(uint64).max));
    }

    function to96(uint256 value) internal pure returns (uint96) {
        return uint96(_fit(value, type(uint96).max));
    }

    function to112(uint256 value) internal pure returns (uint112) {
        return uint112(_fit(value, type(uint112).max));
    }

    function _fit(uint256 value, uint256 max) private pure returns (uint256) {
        require(value <= max, AboveField(value, max));
        return value;
    }
}
