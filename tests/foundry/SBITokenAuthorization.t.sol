// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {Authorization, ISBIToken} from "../../contracts/interfaces/ISBIToken.sol";
import {MockWallet} from "../../contracts/mocks/MockWallet.sol";
import {TokenTest} from "./TokenTest.sol";

/// Branches covered here: ERC-3009 one at a time; batches have their own file.
///
/// transferWithAuthorization, in both forms
/// ├── signed by the payer, in 65 or 64 bytes: paid from accrued income, nonce spent, events
/// ├── at or before validAfter: AuthorizationNotYetValid; at or after validBefore: AuthorizationExpired
/// ├── used, cancelled: AuthorizationUsedOrCanceled
/// ├── of another, changed, of another chain, signed for receiving: InvalidSignature
/// ├── s in the upper half: MalleableSignature
/// ├── beyond the balance: ERC20InsufficientBalance; to zero: ERC20InvalidReceiver; nonce unspent
/// └── wallets: honest, refusing, reverting, gas-burning, lengthy, endless, short, unpadded
/// receiveWithAuthorization, in both forms
/// └── by the payee; by another (UnexpectedCaller); signed for transferring (InvalidSignature)
/// cancelAuthorization, in both forms
/// └── by the signer; twice, after use (AuthorizationUsedOrCanceled); of another (InvalidSignature)
/// authorizationState: neighbours in a word, far apart, per signer
contract SBITokenAuthorizationTest is TokenTest {
    bytes32 private constant NONCE = keccak256("nonce");

    function _alicePays(uint256 value) private view returns (Authorization memory) {
        return _signPayment("Transfer", aliceKey, _payment(alice, stranger, value, NONCE));
    }

    function _aliceGrants(uint256 value) private view returns (Authorization memory) {
        return _signPayment("Receive", aliceKey, _payment(alice, stranger, value, NONCE));
    }

    /// @dev The nine-argument form of ERC-3009.
    function _transfer(Authorization memory a) private {
        (bytes32 r, bytes32 s, uint8 v) = _parts(a.signature);
        token.transferWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, v, r, s);
    }

    function _receive(Authorization memory a) private {
        (bytes32 r, bytes32 s, uint8 v) = _parts(a.signature);
        token.receiveWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, v, r, s);
    }

    function _cancelDigest(address authorizer, bytes32 nonce) private view returns (bytes32) {
        bytes32 typehash = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
        return _digest("Smart Basic Income", address(token), keccak256(abi.encode(typehash, authorizer, nonce)));
    }

    /* TRANSFER */

    function test_transferWithAuthorization__signed__paysFromAccruedIncome() public {
        Authorization memory payment = _alicePays(300 * SBI);
        vm.expectEmit(address(token));
        emit ISBIToken.AuthorizationUsed(alice, NONCE);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(0), alice, 1000 * SBI);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(alice, stranger, 300 * SBI);
        vm.prank(relayer);
        token.transferWithAuthorization(payment);
        assertEq(token.balanceOf(stranger), 300 * SBI);
        assertEq(token.balanceOf(alice), 700 * SBI);
        assertTrue(token.authorizationState(alice, NONCE));
    }

    function test_transferWithAuthorization__inTheStandardForm__pays() public {
        Authorization memory payment = _alicePays(300 * SBI);
        vm.expectEmit(address(token));
        emit ISBIToken.AuthorizationUsed(alice, NONCE);
        vm.prank(relayer);
        _transfer(payment);
        assertEq(token.balanceOf(stranger), 300 * SBI);
        assertTrue(token.authorizationState(alice, NONCE));
    }

    function test_transferWithAuthorization__in64Bytes__pays() public {
        Authorization memory payment = _payment(alice, stranger, 1, NONCE);
        (bytes32 r, bytes32 vs) = vm.signCompact(aliceKey, _paymentDigest("Transfer", payment));
        payment.signature = abi.encodePacked(r, vs);
        token.transferWithAuthorization(payment);
        assertEq(token.balanceOf(stranger), 1);
    }

    function test_transferWithAuthorization__ofBothParities__pays() public {
        // Of twenty signatures both values of v occur.
        uint256 seen;
        for (uint256 i = 0; i < 20; ++i) {
            Authorization memory payment = _payment(alice, stranger, 1, bytes32(i));
            (bytes32 r, bytes32 vs) = vm.signCompact(aliceKey, _paymentDigest("Transfer", payment));
            payment.signature = abi.encodePacked(r, vs);
            seen |= 1 << (uint256(vs) >> 255);
            token.transferWithAuthorization(payment);
        }
        assertEq(seen, 3);
        assertEq(token.balanceOf(stranger), 20);
    }

    function test_transferWithAuthorization__atValidAfter__refused() public {
        Authorization memory payment = _payment(alice, stranger, 1, NONCE);
        payment.validAfter = block.timestamp;
        payment = _signPayment("Transfer", aliceKey, payment);
        bytes memory refusal =
            abi.encodeWithSelector(ISBIToken.AuthorizationNotYetValid.selector, block.timestamp, block.timestamp);
        vm.expectRevert(refusal);
        token.transferWithAuthorization(payment);
        vm.expectRevert(refusal);
        _transfer(payment);
        vm.warp(block.timestamp + 1);
        token.transferWithAuthorization(payment);
        assertEq(token.balanceOf(stranger), 1);
    }

    function test_transferWithAuthorization__atValidBefore__refused() public {
        Authorization memory payment = _alicePays(1);
        vm.warp(payment.validBefore);
        bytes memory refusal =
            abi.encodeWithSelector(ISBIToken.AuthorizationExpired.selector, payment.validBefore, payment.validBefore);
        vm.expectRevert(refusal);
        token.transferWithAuthorization(payment);
        vm.expectRevert(refusal);
        _transfer(payment);
        vm.warp(payment.validBefore - 1);
        token.transferWithAuthorization(payment);
    }

    function test_transferWithAuthorization__used__refused() public {
        Authorization memory payment = _alicePays(1);
        token.transferWithAuthorization(payment);
        bytes memory refusal = abi.encodeWithSelector(ISBIToken.AuthorizationUsedOrCanceled.selector, alice, NONCE);
        vm.expectRevert(refusal);
        token.transferWithAuthorization(payment);
        vm.expectRevert(refusal);
        _transfer(payment);
        // Nor for another payment of the same nonce.
        payment = _alicePays(2);
        vm.expectRevert(refusal);
        token.transferWithAuthorization(payment);
        assertEq(token.balanceOf(stranger), 1);
    }

    function test_transferWithAuthorization__signedByAnother__refused() public {
        Authorization memory payment = _signPayment("Transfer", bobKey, _payment(alice, stranger, 1, NONCE));
        vm.expectRevert(_refusedSignature(alice, bob));
        token.transferWithAuthorization(payment);
        vm.expectRevert(_refusedSignature(alice, bob));
        _transfer(payment);
    }

    function test_transferWithAuthorization__changedAfterwards__refused() public {
        for (uint256 field = 0; field < 6; ++field) {
            Authorization memory payment = _alicePays(1);
            address payer = alice;
            if (field == 0) payment.from = payer = bob;
            if (field == 1) payment.to = relayer;
            if (field == 2) payment.value = 2;
            if (field == 3) payment.validAfter = 1;
            if (field == 4) payment.validBefore += 1;
            if (field == 5) payment.nonce = keccak256("another");
            address recovered = _recover(_paymentDigest("Transfer", payment), payment.signature);
            assertNotEq(recovered, payer);
            vm.expectRevert(_refusedSignature(payer, recovered));
            token.transferWithAuthorization(payment);
        }
    }

    function test_transferWithAuthorization__ofAnotherChain__refused() public {
        Authorization memory payment = _alicePays(1);
        vm.chainId(424242);
        address recovered = _recover(_paymentDigest("Transfer", payment), payment.signature);
        vm.expectRevert(_refusedSignature(alice, recovered));
        token.transferWithAuthorization(payment);
    }

    function test_transferWithAuthorization__signedForReceiving__refused() public {
        Authorization memory payment = _aliceGrants(1);
        address recovered = _recover(_paymentDigest("Transfer", payment), payment.signature);
        vm.expectRevert(_refusedSignature(alice, recovered));
        token.transferWithAuthorization(payment);
    }

    function test_transferWithAuthorization__highS__refused() public {
        Authorization memory payment = _alicePays(1);
        uint256 highS;
        (payment.signature, highS) = _malleated(payment.signature);
        vm.expectRevert(_refusedHighS(highS));
        token.transferWithAuthorization(payment);
        vm.expectRevert(_refusedHighS(highS));
        _transfer(payment);
    }

    function test_transferWithAuthorization__highSIn64Bytes__refused() public {
        Authorization memory payment = _payment(alice, stranger, 1, NONCE);
        payment.signature = abi.encodePacked(bytes32(uint256(1)), HALF_ORDER + 1);
        vm.expectRevert(_refusedHighS(HALF_ORDER + 1));
        token.transferWithAuthorization(payment);
    }

    function test_transferWithAuthorization__beyondBalance__refusedAndNonceKept() public {
        Authorization memory payment = _alicePays(1001 * SBI);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, alice, 1000 * SBI, 1001 * SBI)
        );
        token.transferWithAuthorization(payment);
        assertFalse(token.authorizationState(alice, NONCE));
        // Another epoch's income covers it.
        _income(4000);
        token.transferWithAuthorization(payment);
        assertEq(token.balanceOf(stranger), 1001 * SBI);
    }

    function test_transferWithAuthorization__toTheZeroAddress__refused() public {
        Authorization memory payment = _signPayment("Transfer", aliceKey, _payment(alice, address(0), 1, NONCE));
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        token.transferWithAuthorization(payment);
    }

    function test_transferWithAuthorization__fromTheZeroAddress__refused() public {
        Authorization memory payment = _payment(address(0), stranger, 0, NONCE);
        payment.signature = new bytes(65);
        vm.expectRevert(_refusedSignature(address(0), address(0)));
        token.transferWithAuthorization(payment);
    }

    /* WALLETS */

    /// @dev A wallet that has 10 SBI, its owner Alice, and a payment of 1 SBI that she signed for it.
    function _wallet(MockWallet.Answer answer) private returns (address wallet, Authorization memory payment) {
        wallet = address(new MockWallet(alice, answer));
        vm.prank(alice);
        token.transfer(wallet, 10 * SBI);
        payment = _signPayment("Transfer", aliceKey, _payment(wallet, stranger, SBI, NONCE));
    }

    function test_transferWithAuthorization__honestWallet__pays() public {
        (address wallet, Authorization memory payment) = _wallet(MockWallet.Answer.Honest);
        token.transferWithAuthorization(payment);
        assertEq(token.balanceOf(wallet), 9 * SBI);
        assertTrue(token.authorizationState(wallet, NONCE));
    }

    function test_transferWithAuthorization__honestWalletInTheStandardForm__pays() public {
        (, Authorization memory payment) = _wallet(MockWallet.Answer.Honest);
        _transfer(payment);
        assertEq(token.balanceOf(stranger), SBI);
    }

    function test_transferWithAuthorization__honestWalletAnothersSignature__refused() public {
        (address wallet, Authorization memory payment) = _wallet(MockWallet.Answer.Honest);
        payment = _signPayment("Transfer", bobKey, payment);
        vm.expectRevert(_refusedSignature(wallet, bob));
        token.transferWithAuthorization(payment);
    }

    function test_transferWithAuthorization__walletWithALengthyAnswer__pays() public {
        (, Authorization memory payment) = _wallet(MockWallet.Answer.Lengthy);
        token.transferWithAuthorization(payment);
        assertEq(token.balanceOf(stranger), SBI);
    }

    function test_transferWithAuthorization__walletThatDoesNotSayYes__refused() public {
        MockWallet.Answer[6] memory answers = [
            MockWallet.Answer.Refuse,
            MockWallet.Answer.Revert,
            MockWallet.Answer.BurnGas,
            MockWallet.Answer.Megabytes,
            MockWallet.Answer.Short,
            MockWallet.Answer.Unpadded
        ];
        for (uint256 i = 0; i < answers.length; ++i) {
            (address wallet, Authorization memory payment) = _wallet(answers[i]);
            vm.expectRevert(_refusedSignature(wallet, alice));
            token.transferWithAuthorization(payment);
        }
    }

    function test_transferWithAuthorization__gasBurningWallet__costsABoundedAmount() public {
        (address burner, Authorization memory payment) = _wallet(MockWallet.Answer.BurnGas);
        uint256 before = gasleft();
        vm.expectRevert(_refusedSignature(burner, alice));
        token.transferWithAuthorization(payment);
        assertLt(before - gasleft(), 170_000);
    }

    function test_transferWithAuthorization__accountThatGotCode__itsOwnKeyStillSigns() public {
        vm.etch(alice, hex"60006000fd");
        token.transferWithAuthorization(_alicePays(SBI));
        assertEq(token.balanceOf(stranger), SBI);
    }

    /* DELEGATED ACCOUNTS (EIP-7702) */

    /// @dev From the next transaction on, Alice's account runs the code of a wallet that says yes to Bob.
    function _delegate(MockWallet.Answer answer) private {
        address wallet = address(new MockWallet(bob, answer));
        vm.signAndAttachDelegation(wallet, aliceKey);
        (bool ok,) = address(0xdead).call("");
        require(ok && alice.code.length == 23, "not delegated");
    }

    function test_transferWithAuthorization__delegatedAccount__itsOwnKeyAndItsCodeSign() public {
        _delegate(MockWallet.Answer.Honest);
        token.transferWithAuthorization(_alicePays(SBI));
        Authorization memory byCode = _payment(alice, stranger, 2 * SBI, bytes32(uint256(77)));
        token.transferWithAuthorization(_signPayment("Transfer", bobKey, byCode));
        assertEq(token.balanceOf(stranger), 3 * SBI);
        byCode.nonce = bytes32(uint256(78));
        byCode = _signPayment("Transfer", bobKey + 1, byCode);
        vm.expectRevert(_refusedSignature(alice, vm.addr(bobKey + 1)));
        token.transferWithAuthorization(byCode);
    }

    function test_transferWithAuthorization__delegatedToCodeThatBurnsGas__itsOwnKeyStillSigns() public {
        _delegate(MockWallet.Answer.BurnGas);
        token.transferWithAuthorization(_alicePays(SBI));
        assertEq(token.balanceOf(stranger), SBI);
    }

    function test_transfer__toAndFromADelegatedAccount__asAnyOther() public {
        _delegate(MockWallet.Answer.Revert);
        uint256 before = token.balanceOf(alice);
        vm.prank(bob);
        token.transfer(alice, SBI);
        vm.prank(alice);
        token.transfer(stranger, 2 * SBI);
        assertEq(token.balanceOf(alice), before - SBI);
    }

    /* RECEIVE */

    function test_receiveWithAuthorization__byThePayee__pays() public {
        Authorization memory payment = _aliceGrants(300 * SBI);
        vm.expectEmit(address(token));
        emit ISBIToken.AuthorizationUsed(alice, NONCE);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(0), alice, 1000 * SBI);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(alice, stranger, 300 * SBI);
        vm.prank(stranger);
        token.receiveWithAuthorization(payment);
        assertEq(token.balanceOf(stranger), 300 * SBI);
    }

    function test_receiveWithAuthorization__inTheStandardForm__pays() public {
        Authorization memory payment = _aliceGrants(300 * SBI);
        vm.prank(stranger);
        _receive(payment);
        assertEq(token.balanceOf(stranger), 300 * SBI);
        assertTrue(token.authorizationState(alice, NONCE));
    }

    function test_receiveWithAuthorization__byAnother__refused() public {
        Authorization memory payment = _aliceGrants(1);
        bytes memory refusal = abi.encodeWithSelector(ISBIToken.UnexpectedCaller.selector, relayer, stranger);
        vm.expectRevert(refusal);
        vm.prank(relayer);
        token.receiveWithAuthorization(payment);
        vm.expectRevert(refusal);
        vm.prank(relayer);
        _receive(payment);
    }

    function test_receiveWithAuthorization__signedForTransferring__refused() public {
        Authorization memory payment = _alicePays(1);
        address recovered = _recover(_paymentDigest("Receive", payment), payment.signature);
        vm.expectRevert(_refusedSignature(alice, recovered));
        vm.prank(stranger);
        token.receiveWithAuthorization(payment);
    }

    function test_receiveWithAuthorization__used__refused() public {
        Authorization memory payment = _aliceGrants(1);
        vm.startPrank(stranger);
        token.receiveWithAuthorization(payment);
        vm.expectRevert(abi.encodeWithSelector(ISBIToken.AuthorizationUsedOrCanceled.selector, alice, NONCE));
        token.receiveWithAuthorization(payment);
        vm.stopPrank();
    }

    function test_receiveWithAuthorization__expired__refused() public {
        Authorization memory payment = _aliceGrants(1);
        vm.warp(payment.validBefore);
        vm.expectRevert(
            abi.encodeWithSelector(ISBIToken.AuthorizationExpired.selector, payment.validBefore, payment.validBefore)
        );
        vm.prank(stranger);
        token.receiveWithAuthorization(payment);
    }

    function test_receiveWithAuthorization__highS__refused() public {
        Authorization memory payment = _aliceGrants(1);
        uint256 highS;
        (payment.signature, highS) = _malleated(payment.signature);
        vm.expectRevert(_refusedHighS(highS));
        vm.prank(stranger);
        token.receiveWithAuthorization(payment);
    }

    /* CANCEL */

    function test_cancelAuthorization__bySigner__spendsTheNonce() public {
        bytes memory signature = _sign(aliceKey, _cancelDigest(alice, NONCE));
        vm.expectEmit(address(token));
        emit ISBIToken.AuthorizationCanceled(alice, NONCE);
        vm.prank(relayer);
        token.cancelAuthorization(alice, NONCE, signature);
        assertTrue(token.authorizationState(alice, NONCE));

        Authorization memory payment = _alicePays(1);
        vm.expectRevert(abi.encodeWithSelector(ISBIToken.AuthorizationUsedOrCanceled.selector, alice, NONCE));
        token.transferWithAuthorization(payment);
    }

    function test_cancelAuthorization__inTheStandardForm__spendsTheNonce() public {
        (bytes32 r, bytes32 s, uint8 v) = _parts(_sign(aliceKey, _cancelDigest(alice, NONCE)));
        vm.expectEmit(address(token));
        emit ISBIToken.AuthorizationCanceled(alice, NONCE);
        token.cancelAuthorization(alice, NONCE, v, r, s);
        assertTrue(token.authorizationState(alice, NONCE));
    }

    function test_cancelAuthorization__ofAUsedNonce__refused() public {
        token.transferWithAuthorization(_alicePays(1));
        bytes memory signature = _sign(aliceKey, _cancelDigest(alice, NONCE));
        (bytes32 r, bytes32 s, uint8 v) = _parts(signature);
        bytes memory refusal = abi.encodeWithSelector(ISBIToken.AuthorizationUsedOrCanceled.selector, alice, NONCE);
        vm.expectRevert(refusal);
        token.cancelAuthorization(alice, NONCE, signature);
        vm.expectRevert(refusal);
        token.cancelAuthorization(alice, NONCE, v, r, s);
    }

    function test_cancelAuthorization__twice__refused() public {
        bytes memory signature = _sign(aliceKey, _cancelDigest(alice, NONCE));
        token.cancelAuthorization(alice, NONCE, signature);
        vm.expectRevert(abi.encodeWithSelector(ISBIToken.AuthorizationUsedOrCanceled.selector, alice, NONCE));
        token.cancelAuthorization(alice, NONCE, signature);
    }

    function test_cancelAuthorization__byAnother__refused() public {
        bytes memory signature = _sign(bobKey, _cancelDigest(alice, NONCE));
        (bytes32 r, bytes32 s, uint8 v) = _parts(signature);
        vm.expectRevert(_refusedSignature(alice, bob));
        token.cancelAuthorization(alice, NONCE, signature);
        vm.expectRevert(_refusedSignature(alice, bob));
        token.cancelAuthorization(alice, NONCE, v, r, s);
    }

    function test_cancelAuthorization__highS__refused() public {
        (bytes memory signature, uint256 highS) = _malleated(_sign(aliceKey, _cancelDigest(alice, NONCE)));
        vm.expectRevert(_refusedHighS(highS));
        token.cancelAuthorization(alice, NONCE, signature);
    }

    function test_cancelAuthorization__ofAWallet__spendsTheNonce() public {
        (address wallet, Authorization memory payment) = _wallet(MockWallet.Answer.Honest);
        token.cancelAuthorization(wallet, NONCE, _sign(aliceKey, _cancelDigest(wallet, NONCE)));
        vm.expectRevert(abi.encodeWithSelector(ISBIToken.AuthorizationUsedOrCanceled.selector, wallet, NONCE));
        token.transferWithAuthorization(payment);
    }

    /* NONCES */

    function test_authorizationState__anothersNonce__isUntouched() public {
        token.transferWithAuthorization(_alicePays(1));
        assertTrue(token.authorizationState(alice, NONCE));
        assertFalse(token.authorizationState(bob, NONCE));
    }

    /// A spent nonce spends no other: not its neighbours in the word, nor the same place in another word.
    function testFuzz_authorizationState__spentOne__spendsNoOther(bytes32 nonce, bytes32 other, uint8 near) public {
        Authorization memory payment = _signPayment("Transfer", aliceKey, _payment(alice, stranger, 1, nonce));
        token.transferWithAuthorization(payment);
        bytes32 neighbour = bytes32(uint256(nonce) ^ (uint256(near) | 1));
        bytes32 elsewhere = bytes32(uint256(nonce) ^ (uint256(1) << (8 + uint256(near) % 248)));
        assertTrue(token.authorizationState(alice, nonce));
        assertFalse(token.authorizationState(alice, neighbour));
        assertFalse(token.authorizationState(alice, elsewhere));
        if (other != nonce) assertFalse(token.authorizationState(alice, other));

        token.transferWithAuthorization(_signPayment("Transfer", aliceKey, _payment(alice, stranger, 1, neighbour)));
        token.transferWithAuthorization(_signPayment("Transfer", aliceKey, _payment(alice, stranger, 1, elsewhere)));
        assertEq(token.balanceOf(stranger), 3);
    }

    function test_authorizationState__aWholeWord__holds256Nonces() public {
        for (uint256 i = 0; i < 256; ++i) {
            assertFalse(token.authorizationState(alice, bytes32(i)));
            token.cancelAuthorization(alice, bytes32(i), _sign(aliceKey, _cancelDigest(alice, bytes32(i))));
            assertTrue(token.authorizationState(alice, bytes32(i)));
        }
        assertFalse(token.authorizationState(alice, bytes32(uint256(256))));
        assertFalse(token.authorizationState(alice, bytes32(type(uint256).max)));
    }
}
