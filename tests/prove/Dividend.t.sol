// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IndexLib} from "../../contracts/libraries/IndexLib.sol";
import {VaultProver} from "./VaultProver.sol";

/// @title DividendProof
/// @dev A distribution by the vault itself, of any output, from a vault that has issued nothing yet. No overflow in what is
/// unchecked: all is at most an output of 64 bits.
contract DividendProof is VaultProver {
    /// Dividend × headcount + remainder = issue: what is issued is the dividend times the heads exactly, what does not
    /// divide stays in the reserve, and is less than a unit of the index for each head. For three heads, and any output.
    function check_distribute__issueDividesExactly(uint64 output) external {
        _distributed(3, output);
    }

    /// The same for a million heads.
    function check_distribute__million__issueDividesExactly(uint64 output) external {
        _distributed(1e6, output);
    }

    /// The same for one head to eight, whatever their number, and any output.
    function check_distribute__fewHeads__issueDividesExactly(uint8 heads, uint64 output) external {
        // A path for each: to divide by what is not known is more than a solver can do with figures as wide as these.
        for (uint256 i = 1; i <= 8; ++i) {
            if (heads == i) _distributed(i, output);
        }
    }

    function _distributed(uint256 heads, uint64 output) private {
        vault.admit(heads);
        source.set(output);
        vm.warp(100);
        vault.distribute();
        unchecked {
            uint256 dividend = vault.dividendIndex() * IndexLib.UNIT;
            assert(vault.issued() == dividend * heads);
            assert(vault.issued() + vault.reserve() == output);
            assert(vault.reserve() < heads * IndexLib.UNIT);
        }
    }
}
