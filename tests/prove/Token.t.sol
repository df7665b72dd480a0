// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IDistributionVault} from "../../contracts/interfaces/IDistributionVault.sol";
import {IndexLib} from "../../contracts/libraries/IndexLib.sol";
import {SBIToken} from "../../contracts/SBIToken.sol";
import {Prover} from "./Prover.sol";

/// @dev The three figures of a vault that a token meets.
contract VaultStub {
    uint256 public dividendIndex;
    uint256 public issued;
    uint256 public given;

    function set(uint256 index, uint256 issued_) external {
        (dividendIndex, issued) = (index, issued_);
    }

    function noteRecirculated(uint256 amount) external {
        unchecked {
            given += amount;
        }
    }
}

/// @title TokenProof
/// @dev The token itself, with any accounts and allowances, any dividend index and any supply within the stated capacity:
/// all balances together fit 112 bits, the index 80, and no account is settled to an index that is still to come.
///
/// As in `AccountsProof` the vault's index is written as that of the account which pays and the units since. What an account
/// has after an act is told by its parts, since what accrues follows from index and flag (`_given` holds `balanceOf` to it).
contract TokenProof is Prover {
    VaultStub private vault;
    SBIToken private token;
    address private constant CITIZENS = address(0xc171);

    struct Held {
        uint256 settled;
        uint256 index;
        bool accruing;
    }

    function setUp() public {
        vault = new VaultStub();
        token = new SBIToken(IDistributionVault(address(vault)), CITIZENS);
        svm.enableSymbolicStorage(address(token));
    }

    /// A transfer takes exactly its amount out of the payer's balance, accrued income included, and adds it to the payee's
    /// settled balance; the payee's accrual goes on as it was, a third account is not touched, no supply changes; and it is
    /// refused only if the payer has less, or there is no payee.
    function check_transfer__conservesValue(address from, address to, address third, uint256 amount, uint80 units)
        external
    {
        vm.assume(from != to && from != third && to != third);
        (Held memory payer, uint256 balance) = _given(from, units);
        (Held memory payee, Held memory other) = (_held(to), _held(third));
        unchecked {
            vm.assume(payee.settled + balance <= type(uint112).max);
        }
        uint256 recycled = token.recycled();
        vm.prank(from);
        try token.transfer(to, amount) returns (bool ok) {
            assert(ok && amount <= balance);
            unchecked {
                _assertHas(from, balance - amount, payer, units);
                _assertHolds(to, payee.settled + amount, payee);
            }
            _assertHolds(third, other.settled, other);
            assert(token.recycled() == recycled);
        } catch {
            assert(amount > balance || to == address(0));
        }
    }

    /// Paying oneself changes nothing.
    function check_transfer__toOneself__changesNothing(address who, uint256 amount, uint80 units) external {
        (Held memory payer, uint256 balance) = _given(who, units);
        vm.prank(who);
        try token.transfer(who, amount) {
            _assertHas(who, balance, payer, units);
        } catch {}
    }

    /// Recycling takes exactly its amount from the holder, and from the supply by adding it to what is recycled; it is
    /// refused only if the holder has less.
    function check_recycle__takesFromHolderAndSupply(address who, uint256 amount, uint80 units) external {
        (Held memory holder, uint256 balance) = _given(who, units);
        uint256 recycled = token.recycled();
        vm.assume(recycled <= type(uint112).max);
        vm.prank(who);
        try token.recycle(amount) {
            unchecked {
                assert(amount <= balance && token.recycled() == recycled + amount);
                _assertHas(who, balance - amount, holder, units);
            }
        } catch {
            assert(amount > balance);
        }
    }

    /// Recirculating takes exactly its amount from holder and supply, and the vault is told that very amount.
    function check_recirculate__isTakenAndPassedOn(address who, uint256 amount, uint80 units) external {
        (Held memory holder, uint256 balance) = _given(who, units);
        uint256 recycled = token.recycled();
        vm.assume(recycled <= type(uint112).max);
        vm.prank(who);
        try token.recirculate(amount) {
            unchecked {
                assert(amount <= balance && token.recycled() == recycled + amount);
                _assertHas(who, balance - amount, holder, units);
            }
            assert(vault.given() == amount);
        } catch {
            assert(amount > balance);
        }
    }

    /// No payment by allowance takes more than was allowed: what is allowed falls by the amount, unless it is without limit.
    function check_transferFrom__isWithinTheAllowance(
        address spender,
        address from,
        address to,
        uint256 amount,
        uint80 units
    ) external {
        vm.assume(from != to);
        (Held memory payer, uint256 balance) = _given(from, units);
        uint256 allowed = token.allowance(from, spender);
        vm.prank(spender);
        try token.transferFrom(from, to, amount) {
            assert(amount <= allowed && amount <= balance);
            unchecked {
                _assertHas(from, balance - amount, payer, units);
                uint256 left = allowed == type(uint256).max ? allowed : allowed - amount;
                assert(token.allowance(from, spender) == left);
            }
        } catch {}
    }

    /// Whoever is not the citizen registry starts, ends and pays no accrual.
    function check_accrual__byOthers__refused(address caller, address account, uint256 from, uint256 to) external {
        vm.assume(caller != CITIZENS);
        vm.prank(caller);
        try token.startAccrual(account, from) {
            assert(false);
        } catch {}
        vm.prank(caller);
        try token.endAccrual(account) {
            assert(false);
        } catch {}
        vm.prank(caller);
        try token.payRange(account, from, to) {
            assert(false);
        } catch {}
    }

    /// Ending accrual pays out what had accrued: the balance stays what it was, whatever the index does later.
    function check_endAccrual__losesNothing(address account, uint80 units, uint80 later) external {
        (, uint256 balance) = _given(account, units);
        vm.prank(CITIZENS);
        try token.endAccrual(account) {
            vault.set(later, 0);
            assert(token.balanceOf(account) == balance);
        } catch {}
    }

    /// No path raises supply but `distribute`, the token's half: supply is what the vault has issued less what is recycled,
    /// and no call that needs no signature, by anybody, with any arguments, lowers what is recycled. (`IssueProof` has the
    /// other half. What is signed for ends in the same payments and approvals.)
    function check_anyCall__lowersNotWhatIsRecycled(
        address caller,
        address a,
        address b,
        uint256 x,
        uint256 y,
        uint256 which,
        uint80 units
    ) external {
        vm.assume(which < 8);
        _given(which == 1 ? a : caller, units);
        uint256 recycled = token.recycled();
        vm.assume(recycled <= type(uint112).max);
        bytes memory data = _call(which, a, b, x, y);
        vm.prank(caller);
        (bool ok,) = address(token).call(data);
        if (ok) assert(token.recycled() >= recycled);
    }

    function _call(uint256 which, address a, address b, uint256 x, uint256 y) private view returns (bytes memory) {
        if (which == 0) return abi.encodeCall(token.transfer, (a, x));
        if (which == 1) return abi.encodeCall(token.transferFrom, (a, b, x));
        if (which == 2) return abi.encodeCall(token.approve, (a, x));
        if (which == 3) return abi.encodeCall(token.recycle, (x));
        if (which == 4) return abi.encodeCall(token.recirculate, (x));
        if (which == 5) return abi.encodeCall(token.startAccrual, (a, x));
        if (which == 6) return abi.encodeCall(token.endAccrual, (a));
        return abi.encodeCall(token.payRange, (a, x, y));
    }

    /// @dev An account in any state that can be, so many units of the index after it was settled.
    /// @return held What it was settled to.
    /// @return balance Accrued income included, wei.
    function _given(address account, uint80 units) private returns (Held memory held, uint256 balance) {
        held = _held(account);
        unchecked {
            uint256 index = held.index + units;
            vm.assume(index <= type(uint80).max);
            vault.set(index, type(uint112).max);
            balance = held.accruing ? held.settled + units * IndexLib.UNIT : held.settled;
        }
        vm.assume(balance <= type(uint112).max);
        // What is read is that: `balanceOf` adds up what it should.
        assert(token.balanceOf(account) == balance);
    }

    function _held(address account) private view returns (Held memory held) {
        (held.settled, held.index, held.accruing) = token.accountOf(account);
    }

    /// @dev Either nothing was settled, and as many units accrue as before, or all was, and none does.
    function _assertHas(address account, uint256 balance, Held memory before, uint256 units) private view {
        Held memory held = _held(account);
        assert(held.accruing == before.accruing);
        unchecked {
            if (held.index == before.index) {
                assert(held.settled + (held.accruing ? units * IndexLib.UNIT : 0) == balance);
            } else {
                assert(held.index == before.index + units && held.settled == balance);
            }
        }
    }

    function _assertHolds(address account, uint256 settled, Held memory before) private view {
        Held memory held = _held(account);
        assert(held.settled == settled && held.index == before.index && held.accruing == before.accruing);
    }
}
