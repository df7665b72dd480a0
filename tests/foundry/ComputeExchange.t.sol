// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {MockPolicy} from "../../contracts/mocks/MockPolicy.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {IComputeExchange, Voucher} from "../../contracts/interfaces/IComputeExchange.sol";
import {IComputeOracleRegistry} from "../../contracts/interfaces/IComputeOracleRegistry.sol";
import {Authorization, ISBIToken} from "../../contracts/interfaces/ISBIToken.sol";
import {MockWallet} from "../../contracts/mocks/MockWallet.sol";
import {ExchangeTest} from "./ExchangeTest.sol";

/// Branches covered here: offers, prices and purchases. Delivery and refund have their own file.
///
/// constructor: shares too large: SharesTooLarge; what it holds
/// offer
/// ├── by another: NotOperator; of no facility: UnknownFacility; of no class: UnknownClass
/// ├── for an epoch that is over: EpochOver; past 32 bits: AboveField
/// ├── above capacity, of a facility that is not active: OfferAboveCapacity; below what is sold: OfferBelowSold
/// └── sets, raises, lowers
/// priceOf: by class, rounded up, at the rate and weights of this moment; no class: UnknownClass; past 64 bits: AboveField
/// buy
/// ├── dearer than accepted: PriceAboveLimit; past 112 bits: AboveField
/// ├── nothing, more than remains, above a capacity that was lowered since: NotOnOffer
/// ├── for an epoch that is over: EpochOver; no class: UnknownClass
/// ├── beyond balance or allowance: the token's errors
/// └── good: voucher, escrow, events, paid from accrued income
/// buyWithAuthorization
/// ├── not the price: PaymentNotPrice; not bound to this purchase: PurchaseNotBound
/// ├── forged, used, expired, to another, high s: the token's errors
/// └── good, by anyone, for a wallet too
/// setShares: AccessManagedUnauthorized, SharesTooLarge, later purchases only
/// voucherOf, offerOf, expiryOf, escrow, voucherCount, shares, settlementWindow, purchaseNonce, MAX_FEE_BPS, ERC-721
contract ComputeExchangeTest is ExchangeTest {
    /* CONSTRUCTION */

    function test_constructor__deployed__holdsItsFigures() public view {
        assertEq(address(exchange.token()), address(token));
        assertEq(address(exchange.vault()), address(vault));
        assertEq(address(exchange.oracles()), address(oracles));
        assertEq(exchange.settlementWindow(), 7200);
        assertEq(exchange.MAX_FEE_BPS(), 3000);
        (uint256 fee, uint256 recirculate) = exchange.shares();
        assertEq(fee, 1000);
        assertEq(recirculate, 2000);
        assertEq(exchange.escrow(), 0);
        assertEq(exchange.voucherCount(), 0);
        assertEq(exchange.name(), "SBI computing voucher");
        assertEq(exchange.symbol(), "SBIV");
        assertTrue(exchange.supportsInterface(type(IERC721).interfaceId));
        assertFalse(exchange.supportsInterface(0xffffffff));
    }

    function test_constructor__sharesTooLarge__refused() public {
        _expectCreateReverts(
            abi.encodeWithSelector(IComputeExchange.SharesTooLarge.selector, 3001, 0, 3000),
            "ComputeExchange",
            abi.encode(address(manager), address(token), address(vault), address(oracles), 7200, 3001, 0)
        );
    }

    function test_eip712Domain__always__describesTheDomain() public view {
        (bytes1 fields, string memory name, string memory version, uint256 chainId, address verifier,,) =
            exchange.eip712Domain();
        assertEq(fields, bytes1(0x0f));
        assertEq(name, "ComputeExchange");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(verifier, address(exchange));
    }

    /* OFFERS */

    function test_offer__byTheOperator__setsRaisesAndLowers() public {
        vm.expectEmit(address(exchange));
        emit IComputeExchange.OfferChanged(0, INTELLIGENT, EPOCH, 100, 2000);
        _offer(INTELLIGENT, EPOCH, 2000);
        (uint256 offered, uint256 sold) = exchange.offerOf(0, INTELLIGENT, EPOCH);
        assertEq(offered, 2000);
        assertEq(sold, 0);
        vm.expectEmit(address(exchange));
        emit IComputeExchange.OfferChanged(0, INTELLIGENT, EPOCH, 2000, 0);
        _offer(INTELLIGENT, EPOCH, 0);
        (offered,) = exchange.offerOf(0, INTELLIGENT, EPOCH);
        assertEq(offered, 0);
        (offered,) = exchange.offerOf(0, GENERAL, EPOCH);
        assertEq(offered, 0);
    }

    function test_offer__byAnother__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.NotOperator.selector, stranger, operator));
        vm.prank(stranger);
        exchange.offer(0, INTELLIGENT, EPOCH, 1);
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.NotOperator.selector, address(timelock), operator));
        _asGovernor();
        exchange.offer(0, INTELLIGENT, EPOCH, 1);
    }

    function test_offer__ofNoFacility__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.UnknownFacility.selector, 2, 2));
        vm.prank(operator);
        exchange.offer(2, INTELLIGENT, EPOCH, 1);
    }

    function test_offer__ofNoClass__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.UnknownClass.selector, 3, 2));
        _offer(3, EPOCH, 1);
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.UnknownClass.selector, type(uint256).max, 2));
        _offer(type(uint256).max, EPOCH, 1);
    }

    function test_offer__anEpochThatIsOver__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.EpochOver.selector, 0, 1));
        _offer(INTELLIGENT, 0, 1);
        // The one that runs is not.
        _offer(INTELLIGENT, 1, 1);
    }

    function test_offer__epochPastTheField__refused() public {
        vm.expectRevert(_aboveField(uint256(1) << 32, type(uint32).max));
        _offer(INTELLIGENT, uint256(1) << 32, 1);
    }

    function test_offer__aboveCapacity__refused() public {
        uint256[3] memory capacity = [uint256(1000), 2000, 3000];
        for (uint256 class = 0; class < 3; ++class) {
            _offer(class, EPOCH, capacity[class]);
            vm.expectRevert(
                abi.encodeWithSelector(
                    IComputeExchange.OfferAboveCapacity.selector, capacity[class] + 1, capacity[class]
                )
            );
            _offer(class, EPOCH, capacity[class] + 1);
        }
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.OfferAboveCapacity.selector, type(uint256).max, 1000));
        _offer(GENERAL, EPOCH, type(uint256).max);
    }

    function test_offer__ofAFacilityThatIsNotActive__refused() public {
        _asGovernor();
        oracles.scheduleFacilityTerms(0, [uint256(1000), 2000, 3000], 10_000, false, 5);
        _offer(GENERAL, 4, 1);
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.OfferAboveCapacity.selector, 1, 0));
        _offer(GENERAL, 5, 1);
    }

    function test_offer__belowWhatIsSold__refused() public {
        _buy(alice, 40);
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.OfferBelowSold.selector, 39, 40));
        _offer(INTELLIGENT, EPOCH, 39);
        _offer(INTELLIGENT, EPOCH, 40);
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.NotOnOffer.selector, 1, 0));
        this.buyAs(bob, 1);
    }

    /// @dev A purchase as one call, so that its refusal can be expected.
    function buyAs(address buyer, uint256 units) external {
        vm.prank(buyer);
        exchange.buy(0, INTELLIGENT, EPOCH, units, type(uint256).max);
    }

    /* PRICES */

    function test_priceOf__eachClass__isItsWeightTimesTheRate() public view {
        assertEq(exchange.priceOf(GENERAL, 10), 20 * SBI);
        assertEq(exchange.priceOf(INTELLIGENT, 10), 10 * SBI);
        assertEq(exchange.priceOf(SUPER, 10), 40 * SBI);
        assertEq(exchange.priceOf(SUPER, 0), 0);
    }

    function test_priceOf__noClass__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.UnknownClass.selector, 3, 2));
        exchange.priceOf(3, 1);
    }

    function test_priceOf__unitsPastTheField__refused() public {
        vm.expectRevert(_aboveField(type(uint256).max, type(uint64).max));
        exchange.priceOf(GENERAL, type(uint256).max);
    }

    function test_priceOf__doesNotDivide__roundsUp() public {
        Settings memory fine = _defaults();
        fine.rate = 1;
        fine.weightsX16 = [uint256(1), 3, 16];
        _deploySuite(fine);
        assertEq(exchange.priceOf(GENERAL, 1), 1);
        assertEq(exchange.priceOf(GENERAL, 16), 1);
        assertEq(exchange.priceOf(GENERAL, 17), 2);
        assertEq(exchange.priceOf(INTELLIGENT, 5), 1);
        assertEq(exchange.priceOf(INTELLIGENT, 6), 2);
        assertEq(exchange.priceOf(SUPER, 7), 7);
    }

    function test_priceOf__weightsChange__followsFromTheirEpochOn() public {
        _asGovernor();
        oracles.scheduleConfig(_oracleSet("oracle", 4), [uint256(32), 24, 64], _verifiers(), 2);
        assertEq(exchange.priceOf(INTELLIGENT, 10), 10 * SBI);
        _warpTo(2);
        assertEq(exchange.priceOf(INTELLIGENT, 10), 15 * SBI);
    }

    function test_priceOf__rateChanges__followsFromItsEpochOn() public {
        address half = _create("IssuancePolicy", abi.encode(0.5e18, 5000));
        _asGovernor();
        vault.scheduleTerms(half, address(oracles), 4);
        vm.warp(GENESIS + 4 * HOUR - 1);
        assertEq(exchange.priceOf(INTELLIGENT, 10), 10 * SBI);
        _warpTo(4);
        assertEq(exchange.priceOf(INTELLIGENT, 10), 5 * SBI);
    }

    /// SBI buys what it was issued for: at whole weights, a reading's entitlement is the price of its output.
    function testFuzz_priceOf__anyUnits__isTheSmallestWholeWeiThatCovers(uint64 units, uint16 weight, uint64 rate)
        public
    {
        Settings memory any = _defaults();
        any.rate = bound(rate, 1, 1e18);
        any.weightsX16 = [bound(weight, 1, 1024), 16, 64];
        _deploySuite(any);
        uint256 exact16 = uint256(units) * any.weightsX16[0] * any.rate;
        uint256 price = exchange.priceOf(GENERAL, units);
        assertGe(price * 16, exact16);
        assertLt(price * 16, exact16 + 16);
    }

    /* PURCHASES */

    function test_buy__good__givesAVoucherForWhatIsPaid() public {
        vm.startPrank(alice);
        token.approve(address(exchange), 40 * SBI);
        vm.expectEmit(address(exchange));
        emit IERC721.Transfer(address(0), alice, 0);
        vm.expectEmit(address(exchange));
        emit IComputeExchange.ComputeBought(0, alice, 0, INTELLIGENT, EPOCH, 40, 40 * SBI);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(0), alice, 1000 * SBI);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(alice, address(exchange), 40 * SBI);
        assertEq(exchange.buy(0, INTELLIGENT, EPOCH, 40, 40 * SBI), 0);
        vm.stopPrank();

        assertEq(exchange.ownerOf(0), alice);
        assertEq(exchange.escrow(), 40 * SBI);
        assertEq(token.balanceOf(address(exchange)), 40 * SBI);
        assertEq(token.balanceOf(alice), 960 * SBI);
        assertEq(exchange.voucherCount(), 1);
        (uint256 offered, uint256 sold) = exchange.offerOf(0, INTELLIGENT, EPOCH);
        assertEq(offered, 100);
        assertEq(sold, 40);
        Voucher memory voucher = exchange.voucherOf(0);
        assertEq(voucher.units, 40);
        assertEq(voucher.delivered, 0);
        assertEq(voucher.facility, 0);
        assertEq(voucher.epoch, 3);
        assertEq(voucher.computeClass, 1);
        assertEq(voucher.feeBps, 1000);
        assertEq(voucher.recirculateBps, 2000);
        assertEq(voucher.price, 40 * SBI);
        assertEq(voucher.released, 0);
        assertEq(voucher.transferCount, 0);
    }

    function test_buy__allThatIsOffered__andNotOneMore() public {
        _buy(alice, 60);
        _buy(bob, 40);
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.NotOnOffer.selector, 1, 0));
        this.buyAs(carol, 1);
    }

    function test_buy__nothingOrMoreThanRemains__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.NotOnOffer.selector, 0, 100));
        this.buyAs(alice, 0);
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.NotOnOffer.selector, 101, 100));
        this.buyAs(alice, 101);
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.NotOnOffer.selector, type(uint64).max, 100));
        this.buyAs(alice, type(uint64).max);
    }

    /// A policy whose rate falls to zero makes computing free for nobody.
    function test_buy__atARateOfZero__refused() public {
        Settings memory free = _defaults();
        MockPolicy rule = new MockPolicy(0);
        free.policy = address(rule);
        _deploySuite(free);
        _offer(INTELLIGENT, EPOCH, 100);
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.NothingToPay.selector, INTELLIGENT, 7));
        this.buyAs(alice, 7);
    }

    function test_buy__whatNobodyOffers__refused() public {
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.NotOnOffer.selector, 1, 0));
        exchange.buy(1, INTELLIGENT, EPOCH, 1, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.NotOnOffer.selector, 1, 0));
        exchange.buy(99, INTELLIGENT, EPOCH, 1, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.NotOnOffer.selector, 1, 0));
        exchange.buy(0, INTELLIGENT, type(uint256).max, 1, type(uint256).max);
        vm.stopPrank();
    }

    /// Once the audited capacity is lowered, what was offered above it is not for sale.
    function test_buy__capacityLoweredSince__refused() public {
        _buy(alice, 40);
        _asGovernor();
        oracles.scheduleFacilityTerms(0, [uint256(0), 45, 0], 10_000, true, 2);
        vm.prank(bob);
        token.approve(address(exchange), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.NotOnOffer.selector, 10, 5));
        this.buyAs(bob, 10);
    }

    function test_buy__facilityPutOutOfActionSince__refused() public {
        _asGovernor();
        oracles.scheduleFacilityTerms(0, [uint256(1000), 2000, 3000], 10_000, false, 2);
        vm.prank(bob);
        token.approve(address(exchange), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.NotOnOffer.selector, 10, 0));
        this.buyAs(bob, 10);
    }

    function test_buy__noClass__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.UnknownClass.selector, 3, 2));
        vm.prank(alice);
        exchange.buy(0, 3, EPOCH, 1, type(uint256).max);
    }

    function test_buy__anEpochThatIsOver__refused() public {
        vm.warp(_endOf(EPOCH) - 1);
        _buy(alice, 1);
        vm.warp(_endOf(EPOCH));
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.EpochOver.selector, 3, 4));
        this.buyAs(alice, 1);
    }

    function test_buy__dearerThanAccepted__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.PriceAboveLimit.selector, 40 * SBI, 40 * SBI - 1));
        vm.prank(alice);
        exchange.buy(0, INTELLIGENT, EPOCH, 40, 40 * SBI - 1);
    }

    function test_buy__unitsPastTheField__refused() public {
        vm.expectRevert(_aboveField(type(uint256).max, type(uint64).max));
        this.buyAs(alice, type(uint256).max);
    }

    function test_buy__pricePastTheField__refused() public {
        _asGovernor();
        oracles.scheduleFacilityTerms(0, [uint256(0), type(uint56).max, 0], 10_000, true, 2);
        _offer(INTELLIGENT, EPOCH, type(uint56).max);
        vm.expectRevert(_aboveField(uint256(type(uint56).max) * SBI, type(uint112).max));
        this.buyAs(alice, type(uint56).max);
    }

    function test_buy__withoutAllowanceOrBalance__refused() public {
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(exchange), 0, 10 * SBI)
        );
        this.buyAs(alice, 10);
        vm.prank(stranger);
        token.approve(address(exchange), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, stranger, 0, 10 * SBI));
        this.buyAs(stranger, 10);
        assertEq(exchange.escrow(), 0);
        assertEq(exchange.voucherCount(), 0);
    }

    /* PURCHASES BY SIGNATURE */

    function _order(Authorization memory payment, uint256 units, bytes32 salt) private returns (uint256) {
        vm.prank(relayer);
        return exchange.buyWithAuthorization(0, INTELLIGENT, EPOCH, units, salt, payment);
    }

    function test_buyWithAuthorization__sentByAnyone__isTheSigners() public {
        Authorization memory payment = _alicesOrder(40, "salt");
        vm.expectEmit(address(exchange));
        emit IComputeExchange.ComputeBought(0, alice, 0, INTELLIGENT, EPOCH, 40, 40 * SBI);
        vm.expectEmit(address(token));
        emit ISBIToken.AuthorizationUsed(alice, payment.nonce);
        assertEq(_order(payment, 40, "salt"), 0);
        assertEq(exchange.ownerOf(0), alice);
        assertEq(exchange.escrow(), 40 * SBI);
        assertEq(token.balanceOf(alice), 960 * SBI);
    }

    function test_buyWithAuthorization__twoSalts__twoVouchers() public {
        _order(_alicesOrder(40, "a"), 40, "a");
        _order(_alicesOrder(40, "b"), 40, "b");
        assertEq(exchange.balanceOf(alice), 2);
    }

    function test_buyWithAuthorization__twice__refused() public {
        Authorization memory payment = _alicesOrder(40, "salt");
        _order(payment, 40, "salt");
        vm.expectRevert(abi.encodeWithSelector(ISBIToken.AuthorizationUsedOrCanceled.selector, alice, payment.nonce));
        _order(payment, 40, "salt");
    }

    function test_buyWithAuthorization__notThePrice__refused() public {
        Authorization memory payment = _alicesOrder(40, "salt");
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.PaymentNotPrice.selector, 40 * SBI, 39 * SBI));
        _order(payment, 39, "salt");
        payment.value = 41 * SBI;
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.PaymentNotPrice.selector, 41 * SBI, 40 * SBI));
        _order(payment, 40, "salt");
    }

    function test_buyWithAuthorization__priceChangedSince__refused() public {
        Authorization memory payment = _alicesOrder(40, "salt");
        _asGovernor();
        oracles.scheduleConfig(_oracleSet("oracle", 4), [uint256(32), 24, 64], _verifiers(), 2);
        _warpTo(2);
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.PaymentNotPrice.selector, 40 * SBI, 60 * SBI));
        _order(payment, 40, "salt");
    }

    function test_buyWithAuthorization__boundToAnotherPurchase__refused() public {
        _offer(INTELLIGENT, 4, 100);
        vm.prank(operator);
        exchange.offer(1, GENERAL, EPOCH, 100);
        Authorization memory payment = _alicesOrder(40, "salt");
        vm.startPrank(relayer);
        _expectUnbound(payment.nonce, exchange.purchaseNonce(0, INTELLIGENT, 4, 40, "salt"));
        exchange.buyWithAuthorization(0, INTELLIGENT, 4, 40, "salt", payment);
        _expectUnbound(payment.nonce, exchange.purchaseNonce(1, INTELLIGENT, EPOCH, 40, "salt"));
        exchange.buyWithAuthorization(1, INTELLIGENT, EPOCH, 40, "salt", payment);
        _expectUnbound(payment.nonce, exchange.purchaseNonce(0, GENERAL, EPOCH, 20, "salt"));
        exchange.buyWithAuthorization(0, GENERAL, EPOCH, 20, "salt", payment);
        _expectUnbound(payment.nonce, exchange.purchaseNonce(0, INTELLIGENT, EPOCH, 40, "other"));
        exchange.buyWithAuthorization(0, INTELLIGENT, EPOCH, 40, "other", payment);
        vm.stopPrank();
    }

    function _expectUnbound(bytes32 given, bytes32 expected) private {
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.PurchaseNotBound.selector, given, expected));
    }

    function test_buyWithAuthorization__signedByAnother__refused() public {
        Authorization memory payment = _alicesOrder(40, "salt");
        payment = _signPayment("Receive", bobKey, payment);
        vm.expectRevert(_refusedSignature(alice, bob));
        _order(payment, 40, "salt");
        assertEq(exchange.voucherCount(), 0);
    }

    function test_buyWithAuthorization__signedForTransferring__refused() public {
        Authorization memory payment = _alicesOrder(40, "salt");
        payment = _signPayment("Transfer", aliceKey, payment);
        address recovered = _recover(_paymentDigest("Receive", payment), payment.signature);
        vm.expectRevert(_refusedSignature(alice, recovered));
        _order(payment, 40, "salt");
    }

    function test_buyWithAuthorization__toAnother__refused() public {
        Authorization memory payment = _alicesOrder(40, "salt");
        payment.to = relayer;
        payment = _signPayment("Receive", aliceKey, payment);
        vm.expectRevert(abi.encodeWithSelector(ISBIToken.UnexpectedCaller.selector, address(exchange), relayer));
        _order(payment, 40, "salt");
    }

    function test_buyWithAuthorization__expired__refused() public {
        Authorization memory payment = _alicesOrder(40, "salt");
        payment.validBefore = block.timestamp;
        payment = _signPayment("Receive", aliceKey, payment);
        vm.expectRevert(
            abi.encodeWithSelector(ISBIToken.AuthorizationExpired.selector, block.timestamp, block.timestamp)
        );
        _order(payment, 40, "salt");
    }

    function test_buyWithAuthorization__highS__refused() public {
        Authorization memory payment = _alicesOrder(40, "salt");
        uint256 highS;
        (payment.signature, highS) = _malleated(payment.signature);
        vm.expectRevert(_refusedHighS(highS));
        _order(payment, 40, "salt");
    }

    function test_buyWithAuthorization__nothingOrTooMuch__refused() public {
        Authorization memory none = _alicesOrder(0, "salt");
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.NotOnOffer.selector, 0, 100));
        _order(none, 0, "salt");
        Authorization memory much = _alicesOrder(101, "salt");
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.NotOnOffer.selector, 101, 100));
        _order(much, 101, "salt");
    }

    function test_buyWithAuthorization__anEpochThatIsOver__refused() public {
        Authorization memory payment = _alicesOrder(40, "salt");
        vm.warp(_endOf(EPOCH));
        vm.expectRevert(abi.encodeWithSelector(IComputeExchange.EpochOver.selector, 3, 4));
        _order(payment, 40, "salt");
    }

    function test_buyWithAuthorization__aWallets__isTheWallets() public {
        address wallet = address(new MockWallet(alice, MockWallet.Answer.Honest));
        vm.prank(alice);
        token.transfer(wallet, 50 * SBI);
        Authorization memory payment = _alicesOrder(40, "salt");
        payment.from = wallet;
        payment = _signPayment("Receive", aliceKey, payment);
        _order(payment, 40, "salt");
        assertEq(exchange.ownerOf(0), wallet);
        assertEq(token.balanceOf(wallet), 10 * SBI);
    }

    function testFuzz_purchaseNonce__anyTwoPurchases__differ(uint256[5] memory a, uint256[5] memory b) public view {
        bytes32 first = exchange.purchaseNonce(a[0], a[1], a[2], a[3], bytes32(a[4]));
        assertEq(first, keccak256(abi.encode(a)));
        bool same = keccak256(abi.encode(a)) == keccak256(abi.encode(b));
        assertEq(first == exchange.purchaseNonce(b[0], b[1], b[2], b[3], bytes32(b[4])), same);
    }

    /* SHARES */

    function test_setShares__byAnother__refused() public {
        vm.expectRevert(_unauthorized(operator));
        vm.prank(operator);
        exchange.setShares(1, 1);
    }

    function test_setShares__tooLarge__refused() public {
        uint256[2][4] memory bad =
            [[uint256(3001), 0], [uint256(3000), 7001], [uint256(0), 10_001], [type(uint256).max, type(uint256).max]];
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IComputeExchange.SharesTooLarge.selector, bad[i][0], bad[i][1], 3000)
            );
            _asGovernor();
            exchange.setShares(bad[i][0], bad[i][1]);
        }
    }

    function test_setShares__good__holdsForLaterPurchasesOnly() public {
        _buy(alice, 10);
        vm.expectEmit(address(exchange));
        emit IComputeExchange.SharesChanged(1000, 2000, 3000, 7000);
        _asGovernor();
        exchange.setShares(3000, 7000);
        (uint256 fee, uint256 recirculate) = exchange.shares();
        assertEq(fee, 3000);
        assertEq(recirculate, 7000);
        _buy(alice, 10);
        assertEq(exchange.voucherOf(0).feeBps, 1000);
        assertEq(exchange.voucherOf(0).recirculateBps, 2000);
        assertEq(exchange.voucherOf(1).feeBps, 3000);
        assertEq(exchange.voucherOf(1).recirculateBps, 7000);
    }

    /* VIEWS */

    function test_voucherOf__neverSold__isAllZero() public view {
        assertEq(exchange.voucherOf(5).units, 0);
        assertEq(exchange.voucherOf(5).price, 0);
    }

    function test_expiryOf__anEpoch__isTheWindowAfterItsEnd() public view {
        assertEq(exchange.expiryOf(3), GENESIS + 4 * HOUR + 7200);
    }

    function test_expiryOf__pastTheField__refused() public {
        vm.expectRevert(_aboveField(uint256(1) << 32, type(uint32).max));
        exchange.expiryOf(uint256(1) << 32);
    }

    function test_tokenURI__aVoucher__isEmpty() public {
        _buy(alice, 1);
        assertEq(exchange.tokenURI(0), "");
        vm.expectRevert(_noSuchVoucher(1));
        exchange.tokenURI(1);
    }
}
