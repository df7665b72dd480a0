// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IDistributionVault} from "../interfaces/IDistributionVault.sol";

/// @title IndexLib
/// @dev The dividend index: its grain, and how a payment that settles reads it.
library IndexLib {
    /// @dev Wei per unit of the dividend index: fine enough that what a dividend rounds away is a millionth of a
    /// millionth of an SBI a head, coarse enough that the index fits 80 bits.
    uint256 internal constant UNIT = 1e6;

    /// @dev `vault.dividendIndex()` in scratch space, which saves the payment 140 gas. Reverts where no word is given.
    function current(IDistributionVault vault) internal view returns (uint256 index) {
        bytes4 selector = IDistributionVault.dividendIndex.selector;
        assembly ("memory-safe") {
            mstore(0x00, selector)
            if iszero(and(gt(returndatasize(), 0x1f), staticcall(gas(), vault, 0x00, 0x04, 0x00, 0x20))) {
                revert(0x00, 0x00)
            }
            index := mload(0x00)
        }
    }
}
