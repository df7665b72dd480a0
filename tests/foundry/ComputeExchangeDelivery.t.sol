// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {IComputeExchange} from "../../contracts/interfaces/IComputeExchange.sol";
import {Authorization, ISBIToken} from "../../contracts/interfaces/ISBIToken.sol";
import {MockReceiver} from "../../contracts/mocks/MockReceiver.sol";
import {MockWallet} from "../../contracts/mocks/MockWallet.sol";
import {ExchangeTest} from "./ExchangeTest.sol";

/// Branches covered here: what becomes of a voucher.
///
/// settle
/// ├── no such voucher: ERC721NonexistentToken; after expiry: VoucherExpired
/// ├── nothing more than before, more than was bought: InvalidDelivery
/// ├── signed by another, for another voucher or figure, on another chain: InvalidSignature; high s: MalleableSignature
/// ├── signed by an earlier holder, also after the voucher came back: InvalidSignature
/// └── good: in parts or at once; fee, recirculated, recycled; rounded down; a wallet's, 64 bytes
/// refund
/// ├── no such voucher, twice: ERC721NonexistentToken; before expiry: VoucherNotExpired
/// └── all, the rest, nothing; to the present holder
/// receiptDigest: ERC721NonexistentToken; binds voucher, holder, transfer count and figure
/// transferFrom, safeTransferFrom, approve: count the changes of hands; receivers that misbehave
contract ComputeExchangeDeliveryTest is ExchangeTest {
    uint256 private voucher;

    function setUp() public override {
        super.setUp();
        voucher = _buy(alice, 40);
    }

    function _hand(address from, address to) private {
        vm.prank(from);
        exchange.transferFrom(from, to, voucher);
    }

    function _invalidDelivery(uint256 given, uint256 delivered) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IComputeExchange.InvalidDelivery.selector, given, delivered, 40);
    }

    /* DELIVERY */

    function test_settle__aQuarter__splitsAQuarterOfThePrice() public {
        bytes memory receipt = _receipt(aliceKey, voucher, 10);
        uint256 destroyed = token.recycled();
        vm.expectEmit(address(exchange));
        emit IComputeExchange.ComputeDelivered(voucher, 0, 10, SBI, 2 * SBI, 7 * SBI);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(exchange), operator, SBI);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(exchange), address(0), 2 * SBI);
        vm.expectEmit(address(token));
        emit ISBIToken.Recirculated(address(exchange), 2 * SBI);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(exchange), address(0), 7 * SBI);
        vm.prank(stranger);
        exchange.settle(voucher, 10, receipt);

        assertEq(token.balanceOf(operator), SBI);
        assertEq(vault.recirculated(), 2 * SBI);
        assertEq(token.recycled() - destroyed, 9 * SBI);
        assertEq(exchange.escrow(), 30 * SBI);
        assertEq(token.balanceOf(address(exchange)), 30 * SBI);
        assertEq(exchange.voucherOf(voucher).delivered, 10);
        assertEq(exchange.voucherOf(voucher).released, 10 * SBI);
    }

    function test_settle__everything__emptiesTheEscrow() public {
        _deliver(aliceKey, voucher, 15);
        _deliver(aliceKey, voucher, 40);
        assertEq(exchange.escrow(), 0);
        assertEq(token.balanceOf(address(exchange)), 0);
        assertEq(token.balanceOf(operator), 4 * SBI);
        assertEq(vault.recirculated(), 8 * SBI);
        vm.expectRevert(_invalidDelivery(41, 40));
        exchange.settle(voucher, 41, "");
    }

    /// Six GAICPh, at a wei for a nGAICPh: figures beyond 32 bits.
    function test_settle__ofAVeryLargeFacility__keepsTheWholeFigure() public {
        uint256 units = 6e9;
        vm.startPrank(address(timelock));
        vault.scheduleTerms(_create("IssuancePolicy", abi.encode(1, 10_000)), address(oracles), 4);
        uint256 facility = oracles.registerFacility(operator, vm.addr(1), 1, [0, units, 0], 10_000);
        vm.stopPrank();
        _warpTo(4);
        vm.prank(operator);
        exchange.offer(facility, INTELLIGENT, 5, units);
        vm.startPrank(alice);
        token.approve(address(exchange), units);
        voucher = exchange.buy(facility, INTELLIGENT, 5, units, units);
        vm.stopPrank();
        _deliver(aliceKey, voucher, units - 1);
        assertEq(exchange.voucherOf(voucher).delivered, units - 1);
        _deliver(aliceKey, voucher, units);
        assertEq(exchange.voucherOf(voucher).released, units);
    }

    function test_settle__nothingMoreThanBefore__refused() public {
        bytes memory receipt = _receipt(aliceKey, voucher, 10);
        exchange.settle(voucher, 10, receipt);
        vm.expectRevert(_invalidDelivery(10, 10));
        exchange.settle(voucher, 10, receipt);
        receipt = _receipt(aliceKey, voucher, 9);
        vm.expectRevert(_invalidDelivery(9, 10));
        exchange.settle(voucher, 9, receipt);
    }

    function test_settle__zeroOrBeyondWhatWasBought__refused() public {
        bytes memory receipt = _receipt(aliceKey, voucher, 0);
        vm.expectRevert(_invalidDelivery(0, 0));
        exchange.settle(voucher, 0, receipt);
        uint256[3] memory beyond = [uint256(41), uint256(1) << 64 | 5, type(uint256).max];
        for (uint256 i = 0; i < 3; ++i) {
            receipt = _receipt(aliceKey, voucher, beyond[i]);
            vm.expectRevert(_invalidDelivery(beyond[i], 0));
            exchange.settle(voucher, beyond[i], receipt);
        }
    }

    function test_settle__noSuchVoucher__refused() public {
        vm.expectRevert(_noSuchVoucher(7));
        exchange.settle(7, 1, "");
    }

    function test_settle__atItsExpiry__settles() public {
        vm.warp(exchange.expiryOf(EPOCH));
        _deliver(aliceKey, voucher, 40);
        assertEq(exchange.escrow(), 0);
    }

    function test_settle__afterItsExpiry__refused() public {
        bytes memory receipt = _receipt(aliceKey, voucher, 40);
        uint256 expiry = exchange.expiryOf(EPOCH);
        vm.warp(expiry + 1);
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.VoucherExpired.selector, voucher, expiry, expiry + 1));
        exchange.settle(voucher, 40, receipt);
    }

    function test_settle__signedByAnother__refused() public {
        bytes memory receipt = _receipt(bobKey, voucher, 10);
        vm.expectRevert(_refusedSignature(alice, bob));
        exchange.settle(voucher, 10, receipt);
        // Nor by the operator, who would like to.
        vm.expectRevert(_refusedSignature(alice, address(0)));
        vm.prank(operator);
        exchange.settle(voucher, 10, "");
    }

    function test_settle__signedForAnotherFigure__refused() public {
        bytes memory receipt = _receipt(aliceKey, voucher, 10);
        address recovered = _recover(exchange.receiptDigest(voucher, 11), receipt);
        vm.expectRevert(_refusedSignature(alice, recovered));
        exchange.settle(voucher, 11, receipt);
    }

    function test_settle__signedForAnotherVoucher__refused() public {
        uint256 second = _buy(alice, 40);
        bytes memory receipt = _receipt(aliceKey, voucher, 10);
        address recovered = _recover(exchange.receiptDigest(second, 10), receipt);
        vm.expectRevert(_refusedSignature(alice, recovered));
        exchange.settle(second, 10, receipt);
    }

    function test_settle__signedOnAnotherChain__refused() public {
        bytes memory receipt = _receipt(aliceKey, voucher, 10);
        vm.chainId(424242);
        address recovered = _recover(exchange.receiptDigest(voucher, 10), receipt);
        vm.expectRevert(_refusedSignature(alice, recovered));
        exchange.settle(voucher, 10, receipt);
    }

    function test_settle__highS__refused() public {
        (bytes memory receipt, uint256 highS) = _malleated(_receipt(aliceKey, voucher, 10));
        vm.expectRevert(_refusedHighS(highS));
        exchange.settle(voucher, 10, receipt);
    }

    function test_settle__in64Bytes__settles() public {
        (bytes32 r, bytes32 vs) = vm.signCompact(aliceKey, exchange.receiptDigest(voucher, 10));
        exchange.settle(voucher, 10, abi.encodePacked(r, vs));
        assertEq(exchange.voucherOf(voucher).delivered, 10);
    }

    function test_settle__beforeItsEpoch__isTheHoldersToSign() public {
        assertEq(vault.currentEpoch(), 1);
        _deliver(aliceKey, voucher, 1);
        assertEq(exchange.voucherOf(voucher).delivered, 1);
    }

    function test_settle__aWalletsReceipt__settles() public {
        _hand(alice, address(new MockWallet(bob, MockWallet.Answer.Honest)));
        _deliver(bobKey, voucher, 10);
        assertEq(exchange.voucherOf(voucher).delivered, 10);
    }

    function test_settle__aWalletThatDoesNotSayYes__refused() public {
        address wallet = address(new MockWallet(bob, MockWallet.Answer.BurnGas));
        _hand(alice, wallet);
        bytes memory receipt = _receipt(bobKey, voucher, 10);
        vm.expectRevert(_refusedSignature(wallet, bob));
        exchange.settle(voucher, 10, receipt);
    }

    function test_settle__feesOnly__noneRecycled() public {
        _asGovernor();
        exchange.setShares(3000, 7000);
        uint256 second = _buy(bob, 10);
        uint256 destroyed = token.recycled();
        vm.recordLogs();
        _deliver(bobKey, second, 10);
        assertEq(token.balanceOf(operator), 3 * SBI);
        assertEq(token.recycled() - destroyed, 7 * SBI);
        assertEq(vault.recirculated(), 7 * SBI);
        // ComputeDelivered, fee, destroyed, Recirculated: no empty recycling.
        assertEq(vm.getRecordedLogs().length, 4);
    }

    function test_settle__noShares__allRecycled() public {
        _asGovernor();
        exchange.setShares(0, 0);
        uint256 second = _buy(bob, 10);
        vm.recordLogs();
        _deliver(bobKey, second, 10);
        assertEq(token.balanceOf(operator), 0);
        assertEq(vault.recirculated(), 0);
        assertEq(token.recycled(), 10 * SBI);
        assertEq(vm.getRecordedLogs().length, 2);
    }

    /* CHANGES OF HANDS */

    function test_settle__anEarlierHoldersReceipt__refused() public {
        bytes memory receipt = _receipt(aliceKey, voucher, 10);
        _hand(alice, bob);
        assertEq(exchange.voucherOf(voucher).transferCount, 1);
        address recovered = _recover(exchange.receiptDigest(voucher, 10), receipt);
        vm.expectRevert(_refusedSignature(bob, recovered));
        exchange.settle(voucher, 10, receipt);
        _deliver(bobKey, voucher, 10);
    }

    function test_settle__aReceiptFromBeforeItLeftAndCameBack__refused() public {
        bytes memory receipt = _receipt(aliceKey, voucher, 10);
        _hand(alice, bob);
        _hand(bob, alice);
        assertEq(exchange.voucherOf(voucher).transferCount, 2);
        address recovered = _recover(exchange.receiptDigest(voucher, 10), receipt);
        vm.expectRevert(_refusedSignature(alice, recovered));
        exchange.settle(voucher, 10, receipt);
        _deliver(aliceKey, voucher, 10);
    }

    function test_settle__theNextHolder__goesOnFromWhatWasDelivered() public {
        _deliver(aliceKey, voucher, 10);
        _hand(alice, bob);
        bytes memory receipt = _receipt(bobKey, voucher, 10);
        vm.expectRevert(_invalidDelivery(10, 10));
        exchange.settle(voucher, 10, receipt);
        _deliver(bobKey, voucher, 40);
        assertEq(exchange.escrow(), 0);
    }

    function test_transferFrom__toOneself__isAChangeOfHandsToo() public {
        _hand(alice, alice);
        assertEq(exchange.voucherOf(voucher).transferCount, 1);
    }

    function test_transferFrom__bySomebodyApproved__countsToo() public {
        vm.expectEmit(address(exchange));
        emit IERC721.Approval(alice, relayer, voucher);
        vm.prank(alice);
        exchange.approve(relayer, voucher);
        assertEq(exchange.getApproved(voucher), relayer);
        vm.prank(relayer);
        exchange.safeTransferFrom(alice, bob, voucher);
        assertEq(exchange.ownerOf(voucher), bob);
        assertEq(exchange.voucherOf(voucher).transferCount, 1);
        vm.prank(bob);
        exchange.setApprovalForAll(relayer, true);
        assertTrue(exchange.isApprovedForAll(bob, relayer));
        vm.prank(relayer);
        exchange.safeTransferFrom(bob, carol, voucher, "");
        assertEq(exchange.voucherOf(voucher).transferCount, 2);
        assertEq(exchange.balanceOf(carol), 1);
    }

    function test_transferFrom__byAnother__refused() public {
        vm.expectRevert(abi.encodeWithSignature("ERC721InsufficientApproval(address,uint256)", stranger, voucher));
        vm.prank(stranger);
        exchange.transferFrom(alice, stranger, voucher);
        assertEq(exchange.voucherOf(voucher).transferCount, 0);
    }

    /* RECEIVERS */

    function _receiver(MockReceiver.Behaviour behaviour) private returns (address) {
        return address(new MockReceiver(behaviour, carol));
    }

    /// A voucher is minted without asking: no receiver can make a purchase fail, or take part in it.
    function test_buyWithAuthorization__forAContractThatTakesNoTokens__mintsAllTheSame() public {
        address wallet = address(new MockWallet(bob, MockWallet.Answer.Honest));
        vm.prank(alice);
        token.transfer(wallet, 5 * SBI);
        bytes32 nonce = exchange.purchaseNonce(0, INTELLIGENT, EPOCH, 5, "");
        Authorization memory order =
            _signPayment("Receive", bobKey, _payment(wallet, address(exchange), 5 * SBI, nonce));
        uint256 bought = exchange.buyWithAuthorization(0, INTELLIGENT, EPOCH, 5, "", order);
        assertEq(exchange.ownerOf(bought), wallet);
    }

    function test_safeTransferFrom__receiverThatMisbehaves__leavesTheVoucherWhereItWas() public {
        MockReceiver.Behaviour[3] memory behaviours =
            [MockReceiver.Behaviour.WrongAnswer, MockReceiver.Behaviour.Revert, MockReceiver.Behaviour.BurnGas];
        for (uint256 i = 0; i < behaviours.length; ++i) {
            address receiver = _receiver(behaviours[i]);
            vm.expectRevert();
            vm.prank(alice);
            exchange.safeTransferFrom{gas: 500_000}(alice, receiver, voucher);
        }
        assertEq(exchange.ownerOf(voucher), alice);
        assertEq(exchange.voucherOf(voucher).transferCount, 0);
        _deliver(aliceKey, voucher, 10);
    }

    function test_safeTransferFrom__receiverThatPassesItOn__countsBothHands() public {
        address receiver = _receiver(MockReceiver.Behaviour.PassOn);
        bytes memory old = _receipt(aliceKey, voucher, 10);
        vm.prank(alice);
        exchange.safeTransferFrom(alice, receiver, voucher);
        assertEq(exchange.ownerOf(voucher), carol);
        assertEq(exchange.voucherOf(voucher).transferCount, 2);
        vm.expectPartialRevert(bytes4(keccak256("InvalidSignature(address,address)")));
        exchange.settle(voucher, 10, old);
    }

    function test_refund__toAReceiverThatMisbehaves__paysWithoutAsking() public {
        address receiver = _receiver(MockReceiver.Behaviour.Revert);
        _hand(alice, receiver);
        vm.warp(exchange.expiryOf(EPOCH) + 1);
        exchange.refund(voucher);
        assertEq(token.balanceOf(receiver), 40 * SBI);
    }

    /* REFUND */

    function test_refund__nothingDelivered__returnsAll() public {
        vm.warp(exchange.expiryOf(EPOCH) + 1);
        vm.expectEmit(address(exchange));
        emit IERC721.Transfer(alice, address(0), voucher);
        vm.expectEmit(address(exchange));
        emit IComputeExchange.VoucherRefunded(voucher, alice, 40 * SBI);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(exchange), alice, 40 * SBI);
        vm.prank(stranger);
        exchange.refund(voucher);
        assertEq(token.balanceOf(alice), 1000 * SBI);
        assertEq(exchange.escrow(), 0);
        assertEq(exchange.voucherOf(voucher).units, 0);
        assertEq(exchange.balanceOf(alice), 0);
    }

    function test_refund__partDelivered__returnsTheRestToThePresentHolder() public {
        _deliver(aliceKey, voucher, 10);
        _hand(alice, stranger);
        vm.warp(exchange.expiryOf(EPOCH) + 1);
        exchange.refund(voucher);
        assertEq(token.balanceOf(stranger), 30 * SBI);
        assertEq(token.balanceOf(alice), 960 * SBI);
        assertEq(token.balanceOf(address(exchange)), 0);
    }

    function test_refund__allDelivered__returnsNothing() public {
        _deliver(aliceKey, voucher, 40);
        vm.warp(exchange.expiryOf(EPOCH) + 1);
        vm.expectEmit(address(exchange));
        emit IComputeExchange.VoucherRefunded(voucher, alice, 0);
        vm.recordLogs();
        exchange.refund(voucher);
        assertEq(vm.getRecordedLogs().length, 2);
    }

    function test_refund__beforeItsExpiry__refused() public {
        uint256 expiry = exchange.expiryOf(EPOCH);
        vm.warp(expiry);
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.VoucherNotExpired.selector, voucher, expiry, expiry));
        exchange.refund(voucher);
    }

    function test_refund__twice__refused() public {
        vm.warp(exchange.expiryOf(EPOCH) + 1);
        exchange.refund(voucher);
        vm.expectRevert(_noSuchVoucher(voucher));
        exchange.refund(voucher);
        vm.expectRevert(_noSuchVoucher(voucher));
        exchange.settle(voucher, 10, "");
        vm.expectRevert(_noSuchVoucher(voucher));
        exchange.receiptDigest(voucher, 10);
    }

    function test_refund__noSuchVoucher__refused() public {
        vm.expectRevert(_noSuchVoucher(7));
        exchange.refund(7);
    }

    /* RECEIPTS */

    function test_receiptDigest__signedData__isEip712() public {
        _hand(alice, bob);
        bytes32 typehash = keccak256("Receipt(uint256 voucher,address holder,uint256 transferCount,uint256 delivered)");
        assertEq(
            exchange.receiptDigest(voucher, 12),
            _digest("ComputeExchange", address(exchange), keccak256(abi.encode(typehash, voucher, bob, 1, 12)))
        );
    }

    function test_receiptDigest__noSuchVoucher__refused() public {
        vm.expectRevert(_noSuchVoucher(7));
        exchange.receiptDigest(7, 1);
    }

    /* PROPERTIES */

    /// However a delivery is cut into parts, they add up to the price and no more; each part is rounded down on the
    /// whole, so the escrow never releases too early.
    function testFuzz_settle__inAnyParts__addsUpToThePrice(uint256 seed, uint256 rate) public {
        Settings memory odd = _defaults();
        odd.rate = bound(rate, 1, 1e18);
        odd.maxRate = 1e18;
        odd.weightsX16 = [uint256(32), 17, 64];
        _deploySuite(odd);
        _peopleANation();
        while (token.balanceOf(alice) < exchange.priceOf(INTELLIGENT, 97)) _income(1e6);
        uint256 epoch = vault.currentEpoch();
        vm.prank(operator);
        exchange.offer(0, INTELLIGENT, epoch, 100);
        vm.startPrank(alice);
        token.approve(address(exchange), type(uint256).max);
        uint256 bought = exchange.buy(0, INTELLIGENT, epoch, 97, type(uint256).max);
        vm.stopPrank();

        uint256 price = exchange.voucherOf(bought).price;
        uint256 destroyed = token.recycled();
        uint256 delivered;
        while (delivered < 97) {
            seed = uint256(keccak256(abi.encode(seed)));
            delivered += 1 + seed % (97 - delivered);
            _deliver(aliceKey, bought, delivered);
            uint256 released = exchange.voucherOf(bought).released;
            assertLe(released * 97, price * delivered);
            assertGt((released + 1) * 97, price * delivered);
            assertEq(exchange.escrow(), price - released);
            assertEq(token.balanceOf(address(exchange)), price - released);
        }
        assertEq(exchange.escrow(), 0);
        uint256 fee = token.balanceOf(operator);
        assertEq(fee + token.recycled() - destroyed, price);
        assertLe(fee, price / 10);
        assertLe(vault.recirculated(), price / 5);
    }

    /// The escrow covers all outstanding vouchers, through any purchases, deliveries and refunds.
    function testFuzz_escrow__anyCourse__coversAllVouchers(uint256 seed) public {
        uint256[] memory keys = new uint256[](2);
        (keys[0], keys[1]) = (aliceKey, bobKey);
        for (uint256 i = 0; i < 12; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 key = keys[seed % 2];
            uint256 chosen = (seed >> 32) % exchange.voucherCount();
            if (i == 9) vm.warp(exchange.expiryOf(EPOCH) + 1);
            if (i >= 9) {
                try exchange.refund(chosen) {} catch {}
            } else if (seed % 3 == 0) {
                (uint256 offered, uint256 sold) = exchange.offerOf(0, INTELLIGENT, EPOCH);
                if (offered > sold) _buy(vm.addr(key), 1 + (seed >> 64) % (offered - sold));
            } else {
                bytes memory receipt = _receipt(key, chosen, (seed >> 96) % 60);
                try exchange.settle(chosen, (seed >> 96) % 60, receipt) {} catch {}
            }
            uint256 outstanding;
            for (uint256 v = 0; v < exchange.voucherCount(); ++v) {
                outstanding += exchange.voucherOf(v).price - exchange.voucherOf(v).released;
            }
            assertEq(exchange.escrow(), outstanding);
            assertEq(token.balanceOf(address(exchange)), outstanding);
        }
    }
}
