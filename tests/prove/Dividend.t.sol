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

    /// The same for any number of heads below 256 and any output below 2^40.
    function check_distribute__anyHeads__issueDividesExactly(uint8 heads, uint40 output) external {
        vm.assume(heads != 0);
        _distributed(heads, output);
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
