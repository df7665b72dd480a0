// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IndexLib} from "../../contracts/libraries/IndexLib.sol";
import {VaultProver} from "./VaultProver.sol";

/// @title DividendProof
/// @dev A distribution by the vault itself, of any output, from a vault that has issued nothing yet.
contract DividendProof is VaultProver {
    /// Dividend × headcount + remainder = issue: what is issued is the dividend times the heads exactly, and what does not
    /// divide is what the reserve holds, so that both are the output's worth together. For any headcount and any output; in
    /// the 112 bits of the fields, which the next theorems show to hold the products.
    function check_distribute__anyHeads__addsUp(uint40 heads, uint64 output) external {
        vm.assume(heads != 0);
        _distribute(heads, output);
        unchecked {
            assert(uint112(vault.dividendIndex() * heads * IndexLib.UNIT) == vault.issued());
            assert(uint112(vault.issued() + vault.reserve()) == output);
        }
    }

    /// What does not divide is less than a unit of the index for each head, and no more is issued than came in. For three
    /// heads, and any output.
    function check_distribute__threeHeads__remainderIsSmall(uint64 output) external {
        _remainderIsSmall(3, output);
    }

    /// The same for a million heads.
    function check_distribute__millionHeads__remainderIsSmall(uint64 output) external {
        _remainderIsSmall(1e6, output);
    }

    function _remainderIsSmall(uint256 heads, uint64 output) private {
        _distribute(heads, output);
        assert(vault.reserve() < heads * IndexLib.UNIT);
        assert(vault.issued() <= output);
    }

    function _distribute(uint256 heads, uint64 output) private {
        vault.admit(heads);
        source.set(output);
        vm.warp(100);
        vault.distribute();
    }
}
