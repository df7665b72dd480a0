// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IndexLib} from "../../contracts/libraries/IndexLib.sol";
import {VaultProver} from "./VaultProver.sol";

/// @title DividendProof
/// @dev A distribution by the vault itself, from a vault that has issued nothing yet. Outputs are of 32 bits, worth up to
/// 4,294 units of the index: a solver takes long to divide wider ones. `DistributionProof` has any output, headcount and
/// state, with a lemma about division; here a solver divides by itself.
contract DividendProof is VaultProver {
    /// Dividend × headcount + remainder = issue: what is issued is the dividend times the heads exactly, what does not
    /// divide stays in the reserve, and is less than a unit of the index for each head. For three heads, and any output of
    /// 32 bits.
    function check_distribute__threeHeads__issueDividesExactly(uint32 output) external {
        _dividesExactly(3, output);
    }

    /// The same for seven hundred heads.
    function check_distribute__sevenHundredHeads__issueDividesExactly(uint32 output) external {
        _dividesExactly(700, output);
    }

    function _dividesExactly(uint256 heads, uint256 output) private {
        vault.admit(heads);
        source.set(output);
        vm.warp(100);
        vault.distribute();
        // All products are below 2^62 then, and 64 bits of them are all there is: narrow figures are soon compared.
        assert(vault.dividendIndex() <= type(uint32).max && heads * IndexLib.UNIT < 1 << 30);
        unchecked {
            assert(uint64(vault.dividendIndex() * heads * IndexLib.UNIT) == uint64(vault.issued()));
            assert(uint64(vault.issued() + vault.reserve()) == output);
        }
        assert(vault.reserve() < heads * IndexLib.UNIT);
    }
}
