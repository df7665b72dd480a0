// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Account} from "../../contracts/libraries/AccountLib.sol";
import {IndexLib} from "../../contracts/libraries/IndexLib.sol";
import {Prover} from "./Prover.sol";

/// @title AccountsProof
/// @dev The word that the token keeps of an account, within the stated capacity: 112 bits of balance, 80 of index.
///
/// The vault's index is written as the account's own and the units since: every index that is not before the account's
/// is one of those, and a solver need not take a product of a difference apart. No overflow in what is unchecked here:
/// products are below 2^100, sums below 2^114.
contract AccountsProof is Prover {
    /// Settling moves what has accrued into the settled balance, to the wei; the index is then the vault's, and nothing
    /// else in the word changes: no field runs into its neighbour.
    function check_settle__conservesValue(uint256 word, uint80 units) external pure {
        Account held = Account.wrap(word);
        (uint256 index, uint256 balance) = _at(held, units);
        vm.assume(index <= type(uint80).max && balance <= type(uint112).max);
        Account settled = held.settledAt(index);
        assert(settled.settled() == balance);
        assert(settled.index() == index);
        assert(Account.unwrap(settled) >> 192 == word >> 192);
    }

    /// @dev Index and balance, accrued included, so many units after the account was settled.
    function _at(Account held, uint256 units) private pure returns (uint256 index, uint256 balance) {
        unchecked {
            return (held.index() + units, held.settled() + units * IndexLib.UNIT);
        }
    }

    /// Adding to and taking from a settled balance touch that field alone.
    function check_plusAndMinus__touchNothingElse(uint256 word, uint112 amount) external pure {
        Account held = Account.wrap(word);
        if (held.settled() + amount <= type(uint112).max) {
            Account more = held.plus(amount);
            assert(more.settled() == held.settled() + amount && Account.unwrap(more) >> 112 == word >> 112);
        }
        if (amount <= held.settled()) {
            Account less = held.minus(amount);
            assert(less.settled() == held.settled() - amount && Account.unwrap(less) >> 112 == word >> 112);
        }
    }

    /// A payment out of accrued income conserves value: what payer and receiver hold together, accrued income of both
    /// included, is the same before and after, for any words, index and amount that the capacity allows.
    function check_payment__conservesValue(
        uint256 payer,
        uint256 payee,
        uint80 payerUnits,
        uint80 payeeUnits,
        uint112 amount
    ) external pure {
        (Account from, Account to) = (Account.wrap(payer), Account.wrap(payee));
        (uint256 index, uint256 fromBefore) = _at(from, payerUnits);
        (uint256 same, uint256 toBefore) = _at(to, payeeUnits);
        vm.assume(index <= type(uint80).max && index == same);
        unchecked {
            vm.assume(fromBefore + toBefore <= type(uint112).max && amount <= fromBefore);
            from = from.settledAt(index).minus(amount);
            to = to.plus(amount);
            (, uint256 toAfter) = _at(to, payeeUnits);
            assert(from.settled() == fromBefore - amount && from.index() == index);
            assert(toAfter == toBefore + amount && to.index() + payeeUnits == index);
        }
    }

    /// Starting and ending accrual, and setting the index, change neither balance nor any free bit.
    function check_flags__touchNoBalance(uint256 word, uint80 index) external pure {
        Account held = Account.wrap(word);
        Account begun = held.withIndex(index).asAccruing();
        assert(begun.settled() == held.settled() && begun.index() == index && begun.accruing());
        Account ended = begun.asStopped();
        assert(ended.settled() == held.settled() && ended.index() == index && !ended.accruing());
        assert(Account.unwrap(ended) >> 193 == word >> 193);
    }
}
