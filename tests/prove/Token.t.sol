// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IDistributionVault} from "../../contracts/interfaces/IDistributionVault.sol";
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
        given += amount;
    }
}

/// @title TokenProof
/// @dev The token, with any accounts, any dividend index and any supply within the stated capacity: all balances together
/// fit 112 bits, the index 80, and no account is settled to an index that is still to come.
contract TokenProof is Prover {
    uint256 private constant UNIT = 1e6;

    VaultStub private vault;
    SBIToken private token;
    address private citizens = address(0xc171);

    function setUp() public {
        vault = new VaultStub();
        token = new SBIToken(IDistributionVault(address(vault)), citizens);
        svm.enableSymbolicStorage(address(token));
        vault.set(svm.createUint(80, "index"), svm.createUint(112, "issued"));
    }

    /// A transfer between two accounts leaves the sum of their balances, accrued included, as it was, moves exactly its
    /// amount, touches no third account, and changes no supply.
    function check_transfer__conservesValue(address from, address to, address third, uint256 amount) external {
        vm.assume(from != to && from != third && to != third);
        (uint256 ofFrom, uint256 ofTo) = (_balance(from), _balance(to));
        vm.assume(ofFrom + ofTo <= type(uint112).max);
        (uint256 ofThird, uint256 supply) = (_balance(third), token.totalSupply());
        vm.prank(from);
        try token.transfer(to, amount) returns (bool ok) {
            assert(ok && amount <= ofFrom);
            assert(token.balanceOf(from) == ofFrom - amount);
            assert(token.balanceOf(to) == ofTo + amount);
            assert(token.balanceOf(third) == ofThird);
            assert(token.totalSupply() == supply);
        } catch {
            assert(amount > ofFrom || to == address(0));
        }
    }

    /// Paying oneself changes nothing.
    function check_transfer__toOneself__changesNothing(address who, uint256 amount) external {
        uint256 balance = _balance(who);
        vm.prank(who);
        try token.transfer(who, amount) {
            assert(token.balanceOf(who) == balance);
        } catch {}
    }

    /// Recycling takes exactly its amount from the holder and from the supply.
    function check_recycle__takesFromHolderAndSupply(address who, uint256 amount) external {
        uint256 balance = _balance(who);
        uint256 supply = token.totalSupply();
        // Invariant 2: no balance exceeds the supply.
        vm.assume(balance <= supply);
        vm.prank(who);
        try token.recycle(amount) {
            assert(token.balanceOf(who) == balance - amount);
            assert(token.totalSupply() == supply - amount);
        } catch {
            assert(amount > balance);
        }
    }

    /// Recirculating takes exactly its amount from holder and supply, and the vault is told that very amount.
    function check_recirculate__isTakenAndPassedOn(address who, uint256 amount) external {
        (uint256 balance, uint256 supply, uint256 given) = (_balance(who), token.totalSupply(), vault.given());
        vm.assume(balance <= supply);
        vm.prank(who);
        try token.recirculate(amount) {
            assert(token.balanceOf(who) == balance - amount);
            assert(token.totalSupply() == supply - amount);
            assert(vault.given() == given + amount);
        } catch {
            assert(amount > balance);
        }
    }

    /// No payment by allowance takes more than was allowed, or from anybody who did not allow it.
    function check_transferFrom__isWithinTheAllowance(address spender, address from, address to, uint256 amount)
        external
    {
        vm.assume(spender != from && from != to);
        (uint256 ofFrom, uint256 ofTo) = (_balance(from), _balance(to));
        vm.assume(ofFrom + ofTo <= type(uint112).max);
        uint256 allowed = token.allowance(from, spender);
        vm.prank(spender);
        try token.transferFrom(from, to, amount) {
            assert(amount <= allowed);
            assert(token.balanceOf(from) == ofFrom - amount);
            uint256 left = allowed == type(uint256).max ? allowed : allowed - amount;
            assert(token.allowance(from, spender) == left);
        } catch {}
    }

    /// Whoever is not the citizen registry starts, ends and pays no accrual.
    function check_accrual__byOthers__refused(address caller, address account, uint256 from, uint256 to) external {
        vm.assume(caller != citizens);
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
    function check_endAccrual__losesNothing(address account, uint80 later) external {
        uint256 balance = _balance(account);
        vm.assume(later >= vault.dividendIndex());
        vm.prank(citizens);
        try token.endAccrual(account) {
            vault.set(later, vault.issued());
            assert(token.balanceOf(account) == balance);
        } catch {}
    }

    /// Nothing that anybody calls on the token, but the registry's `payRange`, raises the sum of a stranger's and the
    /// caller's balances above what the supply was, or the supply at all.
    function check_anyPlainCall__raisesNoSupply(address caller, address to, uint256 amount, uint256 which) external {
        vm.assume(which < 5);
        uint256 supply = token.totalSupply();
        uint256 balance = _balance(caller);
        vm.assume(balance <= supply);
        vm.prank(caller);
        if (which == 0) try token.transfer(to, amount) {} catch {}
        else if (which == 1) try token.approve(to, amount) {} catch {}
        else if (which == 2) try token.recycle(amount) {} catch {}
        else if (which == 3) try token.recirculate(amount) {} catch {}
        else try token.startAccrual(to, amount) {} catch {}
        assert(token.totalSupply() <= supply);
    }

    /// @dev A balance of an account in a state that can be.
    function _balance(address account) private view returns (uint256 balance) {
        (uint256 settled, uint256 index, bool accruing) = token.accountOf(account);
        uint256 current = vault.dividendIndex();
        vm.assume(!accruing || index <= current);
        if (accruing) vm.assume(settled + (current - index) * UNIT <= type(uint112).max);
        // Within the capacity: what was destroyed was issued.
        vm.assume(token.recycled() <= vault.issued());
        return token.balanceOf(account);
    }
}
