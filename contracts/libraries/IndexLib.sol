// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

/// @title IndexLib
/// @dev The dividend index's grain.
library IndexLib {
    /// @dev Wei per unit of the dividend index: fine enough that what a dividend rounds away is a millionth of a
    /// millionth of an SBI a head, coarse enough that the index fits 80 bits.
    uint256 internal constant UNIT = 1e6;
}
