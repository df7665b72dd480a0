// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Account} from "../../contracts/libraries/AccountLib.sol";
import {Prover} from "./Prover.sol";

/// @title AccountsProof
/// @dev The word that the token keeps of an account, within the stated capacity: 112 bits of balance, 80 of index.
contract AccountsProof is Prover {
    uint256 private constant UNIT = 1e6;

    /// Settling moves what has accrued into the settled balance, to the wei; the index is then the vault's, and nothing
    /// else in the word changes: no field runs into its neighbour.
    function check_settle__conservesValue(uint256 word, uint80 index) external pure {
        Account held = Account.wrap(word);
        vm.assume(held.index() <= index);
        uint256 accrued = (index - held.index()) * UNIT;
        vm.assume(held.settled() + accrued <= type(uint112).max);
        Account after_ = held.settledAt(index);
        assert(after_.settled() == held.settled() + accrued);
        assert(after_.index() == index);
        assert(Account.unwrap(after_) >> 192 == word >> 192);
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
    function check_payment__conservesValue(uint256 payer, uint256 payee, uint80 index, uint112 amount) external pure {
        (Account from, Account to) = (Account.wrap(payer), Account.wrap(payee));
        vm.assume(from.index() <= index && to.index() <= index);
        uint256 fromBefore = from.settled() + (index - from.index()) * UNIT;
        uint256 toBefore = to.settled() + (index - to.index()) * UNIT;
        vm.assume(fromBefore + toBefore <= type(uint112).max && amount <= fromBefore);
        from = from.settledAt(index).minus(amount);
        to = to.plus(amount);
        uint256 toAfter = to.settled() + (index - to.index()) * UNIT;
        assert(from.settled() == fromBefore - amount && from.index() == index);
        assert(toAfter == toBefore + amount);
        assert(from.settled() + toAfter == fromBefore + toBefore);
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
