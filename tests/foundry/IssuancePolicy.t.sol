// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IIssuancePolicy} from "../../contracts/interfaces/IIssuancePolicy.sol";
import {IssuancePolicy} from "../../contracts/IssuancePolicy.sol";
import {SuiteTest} from "./SuiteTest.sol";

/// Branches covered here.
///
/// constructor: rate below and above its range (RateOutOfRange), released share likewise (ReleaseOutOfRange), the bounds
/// rate, releaseBps, MIN_RATE, MAX_RATE, MIN_RELEASE_BPS, MAX_RELEASE_BPS
/// assess: the interface's worked example, nothing, exact entitlement, release rounded down and never above the reserve
contract IssuancePolicyTest is SuiteTest {
    function setUp() public override {}

    function _policy(uint256 rate, uint256 releaseBps) private returns (IssuancePolicy) {
        return IssuancePolicy(_create("IssuancePolicy", abi.encode(rate, releaseBps)));
    }

    function test_constructor__rateOutOfRange__refused() public {
        _expectCreateReverts(
            abi.encodeWithSelector(IIssuancePolicy.RateOutOfRange.selector, 0, 1, 1e18),
            "IssuancePolicy",
            abi.encode(0, 5000)
        );
        _expectCreateReverts(
            abi.encodeWithSelector(IIssuancePolicy.RateOutOfRange.selector, 1e18 + 1, 1, 1e18),
            "IssuancePolicy",
            abi.encode(1e18 + 1, 5000)
        );
    }

    function test_constructor__releaseOutOfRange__refused() public {
        _expectCreateReverts(
            abi.encodeWithSelector(IIssuancePolicy.ReleaseOutOfRange.selector, 99, 100, 10_000),
            "IssuancePolicy",
            abi.encode(1, 99)
        );
        _expectCreateReverts(
            abi.encodeWithSelector(IIssuancePolicy.ReleaseOutOfRange.selector, 10_001, 100, 10_000),
            "IssuancePolicy",
            abi.encode(1, 10_001)
        );
    }

    function test_constructor__atTheBounds__keepsBoth() public {
        IssuancePolicy least = _policy(1, 100);
        assertEq(least.rate(), 1);
        assertEq(least.releaseBps(), 100);
        IssuancePolicy most = _policy(1e18, 10_000);
        assertEq(most.rate(), 1e18);
        assertEq(most.releaseBps(), 10_000);
        assertEq(most.MIN_RATE(), 1);
        assertEq(most.MAX_RATE(), 1e18);
        assertEq(most.MIN_RELEASE_BPS(), 100);
        assertEq(most.MAX_RELEASE_BPS(), 10_000);
    }

    function test_assess__theInterfacesExample__comesOut() public {
        (uint256 entitlement, uint256 release) = _policy(1e9, 2500).assess(8e9, 12e18);
        assertEq(entitlement, 8e18);
        assertEq(release, 5e18);
    }

    function test_assess__nothing__isNothing() public {
        (uint256 entitlement, uint256 release) = _policy(1e18, 10_000).assess(0, 0);
        assertEq(entitlement, 0);
        assertEq(release, 0);
    }

    function test_assess__doesNotDivide__roundsTheReleaseDown() public {
        // Half of 3 wei.
        (uint256 entitlement, uint256 release) = _policy(1, 5000).assess(1, 2);
        assertEq(entitlement, 1);
        assertEq(release, 1);
        // A hundredth of 99 wei.
        (, release) = _policy(1, 100).assess(0, 99);
        assertEq(release, 0);
    }

    function testFuzz_assess__anyFigures__neverReleasesMoreThanThereIs(
        uint64 output,
        uint112 reserve,
        uint256 rate,
        uint256 releaseBps
    ) public {
        IssuancePolicy rule = _policy(bound(rate, 1, 1e18), bound(releaseBps, 100, 10_000));
        (uint256 entitlement, uint256 release) = rule.assess(output, reserve);
        if (output != 0) assertEq(entitlement / output, rule.rate());
        assertLe(release, reserve + entitlement);
        // The share is met to the last wei that it can be.
        assertLe(release * 10_000, (reserve + entitlement) * rule.releaseBps());
        assertGt((release + 1) * 10_000, (reserve + entitlement) * rule.releaseBps());
    }
}
