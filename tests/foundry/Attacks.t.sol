// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {ComputeExchange} from "../../contracts/ComputeExchange.sol";
import {ExchangeTest} from "./ExchangeTest.sol";

/// @dev Has a voucher refunded, again and again, before the transfer that brought it has ended.
contract GreedyReceiver {
    uint256 public refunds;

    function onERC721Received(address, address, uint256 voucher, bytes calldata) external returns (bytes4) {
        for (uint256 i = 0; i < 3; ++i) {
            try ComputeExchange(msg.sender).refund(voucher) {
                ++refunds;
            } catch {}
        }
        return this.onERC721Received.selector;
    }
}

/// @title AttacksTest
/// @dev Attacks of docs/security that no test of a single function shows.
contract AttacksTest is ExchangeTest {
    function test_refund__byAReceiverBeforeTheTransferEnds__paysOnce() public {
        uint256 voucher = _buy(alice, 10);
        _buy(bob, 10);
        vm.warp(exchange.expiryOf(EPOCH) + 1);
        GreedyReceiver receiver = new GreedyReceiver();
        vm.prank(alice);
        exchange.safeTransferFrom(alice, address(receiver), voucher);
        assertEq(receiver.refunds(), 1);
        assertEq(token.balanceOf(address(receiver)), 10 * SBI);
        assertEq(exchange.escrow(), 10 * SBI, "another's payment stays");
        assertEq(token.balanceOf(address(exchange)), 10 * SBI);
    }

    /// @dev Amounts far below a unit of the dividend index, many times over: no rounding is anybody's gain.
    function test_transfer__thousandsOfWei__makeNothing() public {
        uint256 before = _sumOfBalances();
        for (uint256 i = 0; i < 2000; ++i) {
            vm.prank(i % 2 == 0 ? alice : bob);
            token.transfer(i % 3 == 0 ? carol : i % 3 == 1 ? bob : alice, i % 2 == 0 ? 1 : 999_999);
        }
        assertEq(_sumOfBalances(), before);
    }

    /// @dev What is too little to divide waits in the vault, to the wei, and reaches all alike once it does.
    function test_recirculate__amountsTooSmallToDivide__waitAndReachEverybody() public {
        uint256 supply = token.totalSupply();
        for (uint256 i = 0; i < 1000; ++i) {
            vm.prank(alice);
            token.recirculate(1009);
        }
        assertEq(vault.recirculated(), 1_009_000);
        _income(0);
        assertEq(vault.recirculated() + token.totalSupply() + vault.reserve(), supply + 4000 * SBI, "nothing got lost");
    }

    /// @dev Parts of a delivery that each round down never release more than the whole, nor leave the escrow short.
    function test_settle__aUnitAtATime__releasesThePriceAndNoMore() public {
        uint256 voucher = _buy(alice, 97);
        uint256 price = exchange.escrow();
        for (uint256 i = 1; i <= 97; ++i) {
            _deliver(aliceKey, voucher, i);
            assertEq(exchange.escrow(), price - price * i / 97);
        }
        assertEq(exchange.escrow(), 0);
        assertEq(token.balanceOf(address(exchange)), 0);
    }
}
