// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IndexLib} from "./IndexLib.sol";

/// @dev What the token keeps of an account, in one slot.
///
///   | 63 free | accruing 1 | index 80 | settled 112 |
///
/// settled: wei. All that was ever issued fits 112 bits (5.1e15 SBI; the vault holds to it), so no sum of balances can
/// pass the field. index: units of 1e6 wei per citizen; 80 bits are 1.2e12 SBI a head.
type Account is uint256;

using AccountLib for Account global;

/// @title AccountLib
/// @dev Reads and changes an account as the word that it is: a payment reads each slot once and writes it once.
library AccountLib {
    uint256 private constant SETTLED = type(uint112).max;
    uint256 private constant INDEX = uint256(type(uint80).max) << 112;
    uint256 private constant ACCRUING = 1 << 192;

    /// @dev Balance written to the account, wei.
    function settled(Account held) internal pure returns (uint256) {
        return Account.unwrap(held) & SETTLED;
    }

    /// @dev The dividend index up to which income is in the settled balance.
    function index(Account held) internal pure returns (uint256) {
        return uint80(Account.unwrap(held) >> 112);
    }

    /// @dev Whether income accrues.
    function accruing(Account held) internal pure returns (bool) {
        return Account.unwrap(held) & ACCRUING != 0;
    }

    /// @dev An accruing account with its income settled up to this dividend index: both fields grow at once. No
    /// overflow: the index never falls, and both fit their fields.
    function settledAt(Account held, uint256 index_) internal pure returns (Account) {
        unchecked {
            uint256 units = index_ - held.index();
            return Account.wrap(Account.unwrap(held) + units * (1 << 112 | IndexLib.UNIT));
        }
    }

    /// @dev Adds to the settled balance. No overflow: see the field.
    function plus(Account held, uint256 amount) internal pure returns (Account) {
        unchecked {
            return Account.wrap(Account.unwrap(held) + amount);
        }
    }

    /// @dev Takes from the settled balance. `amount` is at most that.
    function minus(Account held, uint256 amount) internal pure returns (Account) {
        unchecked {
            return Account.wrap(Account.unwrap(held) - amount);
        }
    }

    /// @dev Sets the dividend index. The vault keeps it in 80 bits.
    function withIndex(Account held, uint256 index_) internal pure returns (Account) {
        return Account.wrap(Account.unwrap(held) & ~INDEX | uint256(uint80(index_)) << 112);
    }

    /// @dev Lets income accrue.
    function asAccruing(Account held) internal pure returns (Account) {
        return Account.wrap(Account.unwrap(held) | ACCRUING);
    }

    /// @dev Ends accrual; the account has been settled.
    function asStopped(Account held) internal pure returns (Account) {
        return Account.wrap(Account.unwrap(held) & ~ACCRUING);
    }
}
