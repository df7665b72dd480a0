// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {Authorization, ISBIToken} from "../../contracts/interfaces/ISBIToken.sol";
import {SignatureLib} from "../../contracts/libraries/SignatureLib.sol";
import {MockWallet} from "../../contracts/mocks/MockWallet.sol";
import {TokenTest} from "./TokenTest.sol";

/// Branches covered here.
///
/// transferWithAuthorizations
/// ├── none, all good, from accrued income
/// └── an item that is bad is skipped with its reason, its nonce unspent, the others paid:
///     not yet valid, expired, used, twice in the batch, another's, high s, refusing wallet, gas-burning wallet,
///     to the zero address, beyond the balance, beyond what earlier items of the batch left
contract SBITokenBatchTest is TokenTest {
    function _nonce(uint256 i) private pure returns (bytes32) {
        return bytes32(i);
    }

    function _from(uint256 key, uint256 value, uint256 i) private view returns (Authorization memory) {
        return _signPayment("Transfer", key, _payment(vm.addr(key), stranger, value, _nonce(i)));
    }

    /// @dev Sends a good item of Alice's, the bad one and a good item of Bob's; expects the bad one to be skipped for
    /// this reason and to leave no trace.
    function _skips(Authorization memory bad, bytes4 reason) private {
        bool spent = token.authorizationState(bad.from, bad.nonce);
        uint256 paid = token.balanceOf(stranger);
        Authorization[] memory batch = new Authorization[](3);
        (batch[0], batch[1], batch[2]) = (_from(aliceKey, 7, 1001), bad, _from(bobKey, 8, 1002));
        vm.expectEmit(address(token));
        emit IERC20.Transfer(alice, stranger, 7);
        vm.expectEmit(address(token));
        emit ISBIToken.AuthorizationSkipped(bad.from, bad.nonce, reason);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(bob, stranger, 8);
        vm.prank(relayer);
        token.transferWithAuthorizations(batch);
        assertEq(token.authorizationState(bad.from, bad.nonce), spent);
        assertEq(token.balanceOf(stranger), paid + 15);
    }

    function test_transferWithAuthorizations__none__doesNothing() public {
        vm.recordLogs();
        token.transferWithAuthorizations(new Authorization[](0));
        assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_transferWithAuthorizations__allGood__paysAllFromAccruedIncome() public {
        Authorization[] memory batch = new Authorization[](4);
        batch[0] = _from(aliceKey, 100 * SBI, 1);
        batch[1] = _from(bobKey, 200 * SBI, 1);
        batch[2] = _from(aliceKey, 900 * SBI, 2);
        batch[3] = _from(bobKey, 0, 2);
        vm.expectEmit(address(token));
        emit ISBIToken.AuthorizationUsed(alice, _nonce(1));
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(0), alice, 1000 * SBI);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(alice, stranger, 100 * SBI);
        vm.prank(relayer);
        token.transferWithAuthorizations(batch);
        assertEq(token.balanceOf(stranger), 1200 * SBI);
        assertEq(token.balanceOf(alice), 0);
        assertEq(token.balanceOf(bob), 800 * SBI);
        assertTrue(token.authorizationState(bob, _nonce(2)));
    }

    function test_transferWithAuthorizations__notYetValid__skipped() public {
        Authorization memory bad = _payment(alice, stranger, 1, _nonce(5));
        bad.validAfter = block.timestamp;
        _skips(_signPayment("Transfer", aliceKey, bad), ISBIToken.AuthorizationNotYetValid.selector);
    }

    function test_transferWithAuthorizations__expired__skipped() public {
        Authorization memory bad = _payment(alice, stranger, 1, _nonce(5));
        bad.validBefore = block.timestamp;
        _skips(_signPayment("Transfer", aliceKey, bad), ISBIToken.AuthorizationExpired.selector);
    }

    function test_transferWithAuthorizations__used__skipped() public {
        Authorization memory bad = _from(aliceKey, 1, 5);
        token.transferWithAuthorization(bad);
        _skips(bad, ISBIToken.AuthorizationUsedOrCanceled.selector);
    }

    function test_transferWithAuthorizations__twiceInTheBatch__paidOnce() public {
        Authorization[] memory batch = new Authorization[](2);
        batch[0] = batch[1] = _from(aliceKey, 5, 1);
        vm.expectEmit(address(token));
        emit ISBIToken.AuthorizationSkipped(alice, _nonce(1), ISBIToken.AuthorizationUsedOrCanceled.selector);
        token.transferWithAuthorizations(batch);
        assertEq(token.balanceOf(stranger), 5);
    }

    function test_transferWithAuthorizations__signedByAnother__skipped() public {
        Authorization memory bad = _signPayment("Transfer", bobKey, _payment(alice, stranger, 1, _nonce(5)));
        _skips(bad, SignatureLib.InvalidSignature.selector);
    }

    function test_transferWithAuthorizations__signedForReceiving__skipped() public {
        Authorization memory bad = _signPayment("Receive", aliceKey, _payment(alice, stranger, 1, _nonce(5)));
        _skips(bad, SignatureLib.InvalidSignature.selector);
    }

    function test_transferWithAuthorizations__emptySignature__skipped() public {
        _skips(_payment(alice, stranger, 1, _nonce(5)), SignatureLib.InvalidSignature.selector);
    }

    function test_transferWithAuthorizations__fromTheZeroAddress__skipped() public {
        Authorization memory bad = _payment(address(0), stranger, 0, _nonce(5));
        bad.signature = new bytes(65);
        _skips(bad, SignatureLib.InvalidSignature.selector);
    }

    function test_transferWithAuthorizations__highS__skipped() public {
        Authorization memory bad = _from(aliceKey, 1, 5);
        (bad.signature,) = _malleated(bad.signature);
        _skips(bad, SignatureLib.MalleableSignature.selector);
    }

    function test_transferWithAuthorizations__toTheZeroAddress__skipped() public {
        Authorization memory bad = _signPayment("Transfer", aliceKey, _payment(alice, address(0), 1, _nonce(5)));
        _skips(bad, IERC20Errors.ERC20InvalidReceiver.selector);
    }

    function test_transferWithAuthorizations__beyondBalance__skipped() public {
        _skips(_from(aliceKey, 1000 * SBI, 5), IERC20Errors.ERC20InsufficientBalance.selector);
    }

    function test_transferWithAuthorizations__amountsPastTheField__skipped() public {
        _skips(_from(aliceKey, uint256(type(uint112).max) + 1, 5), IERC20Errors.ERC20InsufficientBalance.selector);
        Authorization[] memory batch = new Authorization[](1);
        batch[0] = _from(aliceKey, type(uint256).max, 6);
        vm.expectEmit(address(token));
        emit ISBIToken.AuthorizationSkipped(alice, _nonce(6), IERC20Errors.ERC20InsufficientBalance.selector);
        token.transferWithAuthorizations(batch);
    }

    function test_transferWithAuthorizations__beyondWhatEarlierItemsLeft__skipped() public {
        Authorization[] memory batch = new Authorization[](3);
        batch[0] = _from(aliceKey, 600 * SBI, 1);
        batch[1] = _from(aliceKey, 600 * SBI, 2);
        batch[2] = _from(aliceKey, 400 * SBI, 3);
        vm.expectEmit(address(token));
        emit ISBIToken.AuthorizationSkipped(alice, _nonce(2), IERC20Errors.ERC20InsufficientBalance.selector);
        token.transferWithAuthorizations(batch);
        assertEq(token.balanceOf(stranger), 1000 * SBI);
        assertFalse(token.authorizationState(alice, _nonce(2)));
    }

    function test_transferWithAuthorizations__fundedByAnEarlierItem__paid() public {
        uint256 key = _citizenKey("newcomer");
        Authorization[] memory batch = new Authorization[](2);
        batch[0] = _signPayment("Transfer", aliceKey, _payment(alice, vm.addr(key), 9, _nonce(1)));
        batch[1] = _from(key, 9, 1);
        token.transferWithAuthorizations(batch);
        assertEq(token.balanceOf(stranger), 9);
    }

    function test_transferWithAuthorizations__walletsThatDoNotSayYes__skipped() public {
        MockWallet.Answer[5] memory answers = [
            MockWallet.Answer.Refuse,
            MockWallet.Answer.Revert,
            MockWallet.Answer.BurnGas,
            MockWallet.Answer.Megabytes,
            MockWallet.Answer.Short
        ];
        Authorization[] memory batch = new Authorization[](7);
        for (uint256 i = 0; i < 5; ++i) {
            address wallet = address(new MockWallet(alice, answers[i]));
            batch[i] = _signPayment("Transfer", aliceKey, _payment(wallet, stranger, 0, _nonce(i)));
        }
        address honest = address(new MockWallet(alice, MockWallet.Answer.Honest));
        vm.prank(carol);
        token.transfer(honest, 5);
        batch[5] = _signPayment("Transfer", aliceKey, _payment(honest, stranger, 5, _nonce(5)));
        batch[6] = _from(bobKey, 6, 6);
        for (uint256 i = 0; i < 5; ++i) {
            vm.expectEmit(address(token));
            emit ISBIToken.AuthorizationSkipped(batch[i].from, _nonce(i), SignatureLib.InvalidSignature.selector);
        }
        token.transferWithAuthorizations(batch);
        assertEq(token.balanceOf(stranger), 11);
    }

    function test_transferWithAuthorizations__gasBurningWallet__leavesGasToTheOthers() public {
        address burner = address(new MockWallet(alice, MockWallet.Answer.BurnGas));
        Authorization[] memory batch = new Authorization[](2);
        batch[0] = _signPayment("Transfer", aliceKey, _payment(burner, stranger, 0, _nonce(1)));
        batch[1] = _from(bobKey, 6, 1);
        token.transferWithAuthorizations{gas: 300_000}(batch);
        assertEq(token.balanceOf(stranger), 6);
    }

    /// Each item that the batch skips, the single call refuses; each that it pays, the single call would have paid.
    function testFuzz_transferWithAuthorizations__anyItem__doesWhatTheSingleCallWould(
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        uint8 fault
    ) public {
        Authorization memory item = _payment(alice, stranger, bound(value, 0, 1500 * SBI), _nonce(fault));
        item.validAfter = bound(validAfter, block.timestamp - 2, block.timestamp + 1);
        item.validBefore = bound(validBefore, block.timestamp - 1, block.timestamp + 2);
        if (fault % 7 == 0) item.to = address(0);
        item = _signPayment("Transfer", fault % 5 == 0 ? bobKey : aliceKey, item);
        if (fault % 3 == 0) (item.signature,) = _malleated(item.signature);

        uint256 snapshot = vm.snapshotState();
        bytes4 reason;
        try token.transferWithAuthorization(item) {}
        catch (bytes memory refusal) {
            reason = bytes4(refusal);
        }
        uint256 expected = token.balanceOf(stranger);
        vm.revertToState(snapshot);

        Authorization[] memory batch = new Authorization[](1);
        batch[0] = item;
        if (reason != 0) {
            vm.expectEmit(address(token));
            emit ISBIToken.AuthorizationSkipped(alice, item.nonce, reason);
        }
        token.transferWithAuthorizations(batch);
        assertEq(token.balanceOf(stranger), expected);
        assertEq(token.authorizationState(alice, item.nonce), reason == 0);
    }
}
