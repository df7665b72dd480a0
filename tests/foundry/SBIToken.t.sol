// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Vm} from "forge-std/Vm.sol";

import {ISBIToken} from "../../contracts/interfaces/ISBIToken.sol";
import {TokenTest} from "./TokenTest.sol";

/// Branches covered here; signatures have their own file.
///
/// name, symbol, decimals, INDEX_UNIT, vault, citizens
/// balanceOf, accountOf, totalSupply
/// ├── accruing: settled + accrued; before and after settling
/// ├── not accruing: settled
/// └── enrolled, not active: nothing, then all of it on activation
/// transfer
/// ├── to the zero address: ERC20InvalidReceiver
/// ├── settled suffices: not settled
/// ├── accrued is needed: settled first, shown by Transfer from zero
/// ├── beyond settled + accrued: ERC20InsufficientBalance
/// └── to oneself, of zero, of all
/// transferFrom
/// ├── allowance suffices, is unlimited, is short: ERC20InsufficientAllowance
/// ├── beyond the balance: ERC20InsufficientBalance
/// └── from the zero address: ERC20InvalidSender
/// approve: sets, replaces, ERC20InvalidSpender
/// recycle, recirculate: settled or not, beyond the balance, zero
/// startAccrual: by the registry, by another (UnexpectedCaller), twice (AlreadyAccruing)
contract SBITokenTest is TokenTest {
    /* WHAT IT IS */

    function test_name__always__saysWhatItIs() public view {
        assertEq(token.name(), "Smart Basic Income");
        assertEq(token.symbol(), "SBI");
        assertEq(token.decimals(), 18);
        assertEq(token.INDEX_UNIT(), 1e6);
    }

    function test_constructor__deployed__knowsItsNeighbours() public view {
        assertEq(address(token.vault()), address(vault));
        assertEq(token.citizens(), address(citizens));
    }

    /* INCOME */

    function test_balanceOf__citizen__growsWithoutATransaction() public {
        assertEq(token.balanceOf(alice), 1000 * SBI);
        _attest(4000);
        assertEq(token.balanceOf(alice), 1000 * SBI);
        vm.prank(stranger);
        vault.distribute();
        // Reserve 4,000 + 4,000, half released, four heads.
        assertEq(token.balanceOf(alice), 2000 * SBI);
        assertEq(token.balanceOf(bob), 2000 * SBI);
    }

    function test_balanceOf__nobody__isZero() public view {
        assertEq(token.balanceOf(stranger), 0);
        assertEq(token.balanceOf(address(0)), 0);
    }

    function test_balanceOf__enrolledNotActive__isZeroAndThenEverything() public {
        assertEq(token.balanceOf(dave), 0);
        _activate(roll, 3);
        assertEq(token.balanceOf(dave), 1000 * SBI);
    }

    function test_balanceOf__receivedBeforeActivation__isAddedToTheIncome() public {
        vm.prank(alice);
        token.transfer(dave, 7 * SBI);
        assertEq(token.balanceOf(dave), 7 * SBI);
        _activate(roll, 3);
        assertEq(token.balanceOf(dave), 1007 * SBI);
    }

    function test_accountOf__citizen__tellsWhatTheSlotHolds() public {
        (uint256 settled, uint256 index, bool accruing) = token.accountOf(alice);
        assertEq(settled, 0);
        assertEq(index, 0);
        assertTrue(accruing);

        vm.prank(alice);
        token.transfer(stranger, 1);
        (settled, index, accruing) = token.accountOf(alice);
        assertEq(settled, 1000 * SBI - 1);
        // 1,000 SBI in units of 1e6 wei.
        assertEq(index, 1000e12);
        assertTrue(accruing);

        (settled, index, accruing) = token.accountOf(stranger);
        assertEq(settled, 1);
        assertEq(index, 0);
        assertFalse(accruing);
    }

    function test_totalSupply__issuedAndDestroyed__isTheDifference() public {
        assertEq(token.totalSupply(), 4000 * SBI);
        vm.prank(alice);
        token.recycle(100 * SBI);
        vm.prank(bob);
        token.recirculate(20 * SBI);
        assertEq(token.recycled(), 120 * SBI);
        assertEq(vault.issued(), 4000 * SBI);
        assertEq(token.totalSupply(), 3880 * SBI);
    }

    /* TRANSFER */

    function test_transfer__fromAccrued__settlesFirstAndShowsIt() public {
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(0), alice, 1000 * SBI);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(alice, stranger, 300 * SBI);
        vm.prank(alice);
        assertTrue(token.transfer(stranger, 300 * SBI));
        assertEq(token.balanceOf(alice), 700 * SBI);
        assertEq(token.balanceOf(stranger), 300 * SBI);
    }

    function test_transfer__settledSuffices__leavesTheRestAccruing() public {
        vm.prank(alice);
        token.transfer(stranger, 1);
        _income(4000);
        (, uint256 before,) = token.accountOf(alice);

        vm.recordLogs();
        vm.prank(alice);
        token.transfer(stranger, 999 * SBI);
        assertEq(vm.getRecordedLogs().length, 1);
        (uint256 settled, uint256 index,) = token.accountOf(alice);
        assertEq(settled, SBI - 1);
        assertEq(index, before);
        assertEq(token.balanceOf(alice), 1001 * SBI - 1);
    }

    function test_transfer__exactlyTheSettledPart__doesNotSettle() public {
        vm.prank(bob);
        token.transfer(alice, 5 * SBI);
        vm.recordLogs();
        vm.prank(alice);
        token.transfer(stranger, 5 * SBI);
        assertEq(vm.getRecordedLogs().length, 1);
        assertEq(token.balanceOf(alice), 1000 * SBI);
    }

    function test_transfer__oneWeiMoreThanSettled__settles() public {
        vm.prank(bob);
        token.transfer(alice, 5 * SBI);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(0), alice, 1000 * SBI);
        vm.prank(alice);
        token.transfer(stranger, 5 * SBI + 1);
        assertEq(token.balanceOf(alice), 1000 * SBI - 1);
    }

    function test_transfer__toACitizen__doesNotSettleThePayee() public {
        vm.prank(alice);
        token.transfer(bob, 10 * SBI);
        (uint256 settled, uint256 index,) = token.accountOf(bob);
        assertEq(settled, 10 * SBI);
        assertEq(index, 0);
        assertEq(token.balanceOf(bob), 1010 * SBI);
    }

    function test_transfer__everything__leavesZeroAndGoesOnAccruing() public {
        vm.prank(alice);
        token.transfer(stranger, 1000 * SBI);
        assertEq(token.balanceOf(alice), 0);
        _income(4000);
        assertEq(token.balanceOf(alice), 1000 * SBI);
    }

    function test_transfer__toOneself__changesNothing() public {
        vm.prank(alice);
        token.transfer(alice, 400 * SBI);
        assertEq(token.balanceOf(alice), 1000 * SBI);
        vm.prank(alice);
        token.transfer(alice, 1000 * SBI);
        assertEq(token.balanceOf(alice), 1000 * SBI);
        assertEq(_sumOfBalances(), 3000 * SBI);
    }

    function test_transfer__ofZero__settlesNothing() public {
        vm.recordLogs();
        vm.prank(alice);
        token.transfer(stranger, 0);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1);
        (uint256 settled,,) = token.accountOf(alice);
        assertEq(settled, 0);
    }

    function test_transfer__beyondBalance__refusedWithAllOfIt() public {
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, alice, 1000 * SBI, 1000 * SBI + 1)
        );
        vm.prank(alice);
        token.transfer(stranger, 1000 * SBI + 1);
    }

    function test_transfer__strangerWithNothing__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, stranger, 0, 1));
        vm.prank(stranger);
        token.transfer(alice, 1);
    }

    function test_transfer__amountsPastTheField__refused() public {
        uint256[3] memory amounts = [uint256(type(uint112).max) + 1, uint256(1) << 112 | 1, type(uint256).max];
        for (uint256 i = 0; i < amounts.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, alice, 1000 * SBI, amounts[i])
            );
            vm.prank(alice);
            token.transfer(stranger, amounts[i]);
        }
    }

    function test_transfer__toTheZeroAddress__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        vm.prank(alice);
        token.transfer(address(0), 1);
    }

    /* ALLOWANCES */

    function test_approve__replaced__holdsTheLast() public {
        vm.expectEmit(address(token));
        emit IERC20.Approval(alice, relayer, 5);
        vm.prank(alice);
        assertTrue(token.approve(relayer, 5));
        vm.prank(alice);
        token.approve(relayer, 3);
        assertEq(token.allowance(alice, relayer), 3);
        assertEq(token.allowance(relayer, alice), 0);
    }

    function test_approve__theZeroAddress__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidSpender.selector, address(0)));
        vm.prank(alice);
        token.approve(address(0), 1);
    }

    function test_transferFrom__withinAllowance__usesItUp() public {
        vm.prank(alice);
        token.approve(relayer, 500 * SBI);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(0), alice, 1000 * SBI);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(alice, stranger, 200 * SBI);
        vm.prank(relayer);
        assertTrue(token.transferFrom(alice, stranger, 200 * SBI));
        assertEq(token.allowance(alice, relayer), 300 * SBI);
        assertEq(token.balanceOf(stranger), 200 * SBI);
    }

    function test_transferFrom__unlimitedAllowance__doesNotDiminish() public {
        vm.prank(alice);
        token.approve(relayer, type(uint256).max);
        vm.prank(relayer);
        token.transferFrom(alice, stranger, 200 * SBI);
        assertEq(token.allowance(alice, relayer), type(uint256).max);
    }

    function test_transferFrom__beyondAllowance__refused() public {
        vm.prank(alice);
        token.approve(relayer, 5);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, relayer, 5, 6));
        vm.prank(relayer);
        token.transferFrom(alice, stranger, 6);
    }

    function test_transferFrom__withoutAllowance__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, relayer, 0, 1));
        vm.prank(relayer);
        token.transferFrom(alice, relayer, 1);
    }

    function test_transferFrom__beyondBalance__refused() public {
        vm.prank(alice);
        token.approve(relayer, type(uint256).max);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, alice, 1000 * SBI, 1001 * SBI)
        );
        vm.prank(relayer);
        token.transferFrom(alice, stranger, 1001 * SBI);
    }

    function test_transferFrom__toTheZeroAddress__refused() public {
        vm.prank(alice);
        token.approve(relayer, 5);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        vm.prank(relayer);
        token.transferFrom(alice, address(0), 5);
    }

    /// A Transfer from the zero address is what explorers take for issued income: nobody may write one at will.
    function test_transferFrom__nothingFromTheZeroAddress__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidSender.selector, address(0)));
        vm.prank(stranger);
        token.transferFrom(address(0), stranger, 0);
    }

    /* RECYCLE AND RECIRCULATE */

    function test_recycle__fromAccrued__settlesAndDestroys() public {
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(0), alice, 1000 * SBI);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(alice, address(0), 400 * SBI);
        vm.prank(alice);
        token.recycle(400 * SBI);
        assertEq(token.balanceOf(alice), 600 * SBI);
        assertEq(token.recycled(), 400 * SBI);
        assertEq(token.totalSupply(), 3600 * SBI);
        assertEq(vault.recirculated(), 0);
    }

    function test_recycle__beyondBalance__refused() public {
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, alice, 1000 * SBI, type(uint256).max)
        );
        vm.prank(alice);
        token.recycle(type(uint256).max);
    }

    function test_recirculate__bySomebody__reachesAllWithTheNextDividend() public {
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(0), alice, 1000 * SBI);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(alice, address(0), 400 * SBI);
        vm.expectEmit(address(token));
        emit ISBIToken.Recirculated(alice, 400 * SBI);
        vm.prank(alice);
        token.recirculate(400 * SBI);
        assertEq(token.balanceOf(alice), 600 * SBI);
        assertEq(token.totalSupply(), 3600 * SBI);
        assertEq(vault.recirculated(), 400 * SBI);

        // Reserve 4,000, nothing added, half released: 500 each; and 100 each of what Alice gave.
        _income(0);
        assertEq(token.balanceOf(alice), 1200 * SBI);
        assertEq(token.balanceOf(bob), 1600 * SBI);
        assertEq(vault.recirculated(), 0);
    }

    function test_recirculate__beyondBalance__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, stranger, 0, 1));
        vm.prank(stranger);
        token.recirculate(1);
    }

    function test_recirculate__byAHolderWhoIsNoCitizen__works() public {
        vm.prank(alice);
        token.transfer(stranger, 8 * SBI);
        vm.prank(stranger);
        token.recirculate(8 * SBI);
        assertEq(vault.recirculated(), 8 * SBI);
    }

    /* ACCRUAL */

    function test_startAccrual__byAnother__refused() public {
        vm.expectRevert(abi.encodeWithSelector(ISBIToken.UnexpectedCaller.selector, stranger, address(citizens)));
        vm.prank(stranger);
        token.startAccrual(stranger, 0);
    }

    function test_startAccrual__byTheTimelock__refused() public {
        vm.expectRevert(
            abi.encodeWithSelector(ISBIToken.UnexpectedCaller.selector, address(timelock), address(citizens))
        );
        _asGovernor();
        token.startAccrual(stranger, 0);
    }

    function test_startAccrual__twice__refused() public {
        vm.expectRevert(abi.encodeWithSelector(ISBIToken.AlreadyAccruing.selector, alice));
        vm.prank(address(citizens));
        token.startAccrual(alice, 0);
    }

    function test_startAccrual__byTheRegistry__accruesFromTheIndexGiven() public {
        vm.prank(address(citizens));
        token.startAccrual(stranger, 900e12);
        assertEq(token.balanceOf(stranger), 100 * SBI);
    }

    /* PROPERTIES */

    /// Whatever is paid, in whatever order, between whomever: nothing appears, nothing is lost, and only the payer pays.
    function testFuzz_transfer__anyPayments__conserve(uint256 seed, uint8 count) public {
        _activate(roll, 3);
        address[5] memory people = [alice, bob, carol, dave, stranger];
        for (uint256 i = 0; i < count % 12; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            (address from, address to) = (people[seed % 5], people[(seed >> 8) % 5]);
            uint256 held = token.balanceOf(from);
            uint256 other = token.balanceOf(to);
            uint256 amount = held == 0 ? 0 : (seed >> 16) % (held + 1);
            vm.prank(from);
            token.transfer(to, amount);
            if (from != to) {
                assertEq(token.balanceOf(from), held - amount);
                assertEq(token.balanceOf(to), other + amount);
            } else {
                assertEq(token.balanceOf(from), held);
            }
            if (seed % 3 == 0) _income((seed >> 200) % 10_000);
            assertEq(_sumOfBalances(), token.totalSupply());
        }
    }

    /// When income is settled makes no difference to anybody's balance.
    function testFuzz_transfer__settledOftenOrOnce__comesToTheSame(uint256 seed, uint8 epochs) public {
        for (uint256 i = 0; i < epochs % 8; ++i) {
            _payOneself(alice);
            _income(seed % 1e6);
            seed >>= 24;
        }
        assertEq(token.balanceOf(alice), token.balanceOf(bob));
        uint256 expected = token.balanceOf(bob);
        _payOneself(bob);
        assertEq(token.balanceOf(bob), expected);
    }

    /// @dev Settles, and changes nothing else.
    function _payOneself(address account) private {
        uint256 held = token.balanceOf(account);
        vm.prank(account);
        token.transfer(account, held);
    }

    /// Explorers that only add up Transfer events know every settled balance.
    function testFuzz_transfer__eventsAddedUp__giveTheSettledBalances(uint256 seed) public {
        vm.recordLogs();
        for (uint256 i = 0; i < 6; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            address from = seed % 2 == 0 ? alice : bob;
            uint256 amount = (seed >> 16) % (token.balanceOf(from) + 1);
            vm.prank(from);
            if (seed % 3 == 0) token.recycle(amount);
            else token.transfer(seed % 5 == 0 ? stranger : from == alice ? bob : alice, amount);
            if (seed % 7 < 3) _income(seed % 10_000);
        }
        Vm.Log[] memory logs = vm.getRecordedLogs();
        address[3] memory people = [alice, bob, stranger];
        for (uint256 p = 0; p < 3; ++p) {
            (uint256 settled,,) = token.accountOf(people[p]);
            assertEq(_netOf(logs, people[p]), settled);
        }
    }

    function _netOf(Vm.Log[] memory logs, address account) private view returns (uint256 net) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != address(token) || logs[i].topics[0] != IERC20.Transfer.selector) continue;
            uint256 amount = abi.decode(logs[i].data, (uint256));
            unchecked {
                if (logs[i].topics[1] == bytes32(uint256(uint160(account)))) net -= amount;
                if (logs[i].topics[2] == bytes32(uint256(uint160(account)))) net += amount;
            }
        }
    }

    function testFuzz_recirculate__anyAmount__countsInBothAndComesBack(uint256 amount) public {
        amount = bound(amount, 0, 1000 * SBI);
        vm.prank(alice);
        token.recirculate(amount);
        assertEq(token.totalSupply(), 4000 * SBI - amount);
        _income(0);
        // All of it is issued again, but for what four heads cannot share in units of 1e6 wei.
        assertApproxEqAbs(token.totalSupply(), 6000 * SBI, 4e6);
        assertLe(token.totalSupply(), 6000 * SBI);
        assertLe(_sumOfBalances(), token.totalSupply());
    }
}
