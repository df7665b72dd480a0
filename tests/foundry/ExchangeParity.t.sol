// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Vm} from "forge-std/Vm.sol";

import {IComputeExchange} from "../../contracts/interfaces/IComputeExchange.sol";
import {ExchangeTest} from "./ExchangeTest.sol";

/// Branches covered here: parity, for any figures.
///
/// what is issued for output is what the same output costs, rounded up to the wei at most
/// fee, recirculated and recycled parts add up to what was paid, to the wei, over any deliveries
contract ExchangeParityTest is ExchangeTest {
    function testFuzz_priceOf__anyUnitsAndRate__isWhatTheSameOutputEntitlesTo(uint64 units, uint256 rate) public {
        Settings memory chosen = _defaults();
        chosen.rate = bound(rate, 1, 1e18);
        _deploySuite(chosen);
        for (uint256 computeClass = 0; computeClass < 3; ++computeClass) {
            uint256 weight = chosen.weightsX16[computeClass];
            // As docs/protocol.md counts public output, before it is rounded down.
            uint256 entitlement16 = uint256(units) * weight * vault.rateAt(vault.currentEpoch());
            uint256 price = exchange.priceOf(computeClass, units);
            assertGe(price * 16, entitlement16);
            assertLt(price * 16, entitlement16 + 16);
        }
    }

    function testFuzz_settle__anySharesAndDeliveries__addUpToWhatWasPaid(uint256 fee, uint256 given, uint256 seed)
        public
    {
        fee = bound(fee, 0, 3000);
        given = bound(given, 0, 10_000 - fee);
        _asGovernor();
        exchange.setShares(fee, given);
        uint256 units = 1 + seed % 50;
        uint256 voucher = _buy(alice, units);
        uint256 paid = exchange.voucherOf(voucher).price;
        uint256 sum;
        for (uint256 delivered = 0; delivered < units;) {
            seed = uint256(keccak256(abi.encode(seed)));
            delivered += 1 + seed % (units - delivered);
            vm.recordLogs();
            exchange.settle(voucher, delivered, _sign(_citizenKey("alice"), exchange.receiptDigest(voucher, delivered)));
            Vm.Log[] memory logs = vm.getRecordedLogs();
            for (uint256 i = 0; i < logs.length; ++i) {
                if (logs[i].topics[0] != IComputeExchange.ComputeDelivered.selector) continue;
                (, uint256 a, uint256 b, uint256 c) = abi.decode(logs[i].data, (uint256, uint256, uint256, uint256));
                sum += a + b + c;
            }
        }
        assertEq(sum, paid);
        assertEq(exchange.escrow(), 0);
        assertEq(token.balanceOf(address(exchange)), 0);
    }
}
