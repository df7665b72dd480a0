// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Authorization} from "../../contracts/interfaces/ISBIToken.sol";
import {TokenTest} from "./TokenTest.sol";

/// @dev A nation of four in epoch 1, each with 1,000 SBI, and a facility that offers 100 nGAICPh of intelligent output
/// in epoch 3, at 1 SBI each.
abstract contract ExchangeTest is TokenTest {
    uint256 internal constant GENERAL = 0;
    uint256 internal constant INTELLIGENT = 1;
    uint256 internal constant SUPER = 2;
    uint256 internal constant EPOCH = 3;

    function setUp() public virtual override {
        super.setUp();
        _offer(INTELLIGENT, EPOCH, 100);
    }

    function _offer(uint256 computeClass, uint256 epoch, uint256 units) internal {
        vm.prank(operator);
        exchange.offer(0, computeClass, epoch, units);
    }

    /// @dev Somebody buys intelligent output of epoch 3.
    function _buy(address buyer, uint256 units) internal returns (uint256 voucher) {
        vm.startPrank(buyer);
        token.approve(address(exchange), type(uint256).max);
        voucher = exchange.buy(0, INTELLIGENT, EPOCH, units, type(uint256).max);
        vm.stopPrank();
    }

    /// @dev Alice's signed payment for `units` of intelligent output of epoch 3, at 1 SBI each.
    function _alicesOrder(uint256 units, bytes32 salt) internal view returns (Authorization memory) {
        bytes32 nonce = exchange.purchaseNonce(0, INTELLIGENT, EPOCH, units, salt);
        return _signPayment("Receive", aliceKey, _payment(alice, address(exchange), units * SBI, nonce));
    }

    /// @dev The holder signs for what was delivered so far.
    function _receipt(uint256 key, uint256 voucher, uint256 delivered) internal view returns (bytes memory) {
        return _sign(key, exchange.receiptDigest(voucher, delivered));
    }

    function _deliver(uint256 key, uint256 voucher, uint256 delivered) internal {
        bytes memory receipt = _receipt(key, voucher, delivered);
        vm.prank(relayer);
        exchange.settle(voucher, delivered, receipt);
    }

    function _noSuchVoucher(uint256 voucher) internal pure returns (bytes memory) {
        return abi.encodeWithSignature("ERC721NonexistentToken(uint256)", voucher);
    }
}
