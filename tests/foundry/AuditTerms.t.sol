// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {AuditRules, Fleet, IAuditTerms} from "../../contracts/interfaces/IAuditTerms.sol";
import {IComputeOracleRegistry} from "../../contracts/interfaces/IComputeOracleRegistry.sol";
import {SuiteTest} from "./SuiteTest.sol";

/// @dev rules   from an epoch on, never back; each figure in its range; the count goes on unless the share changes
/// fleets      of a registered facility, from an epoch on; each of a kind that the protocol is defined for
/// who         the timelock, for a vote; nobody else
contract AuditTermsTest is SuiteTest {
    uint256 private constant FACILITY = 1;

    function _rules(uint32 fromEpoch) private pure returns (AuditRules memory) {
        return AuditRules({
            slots: 10,
            auditBps: 500,
            fromEpoch: fromEpoch,
            since: 0,
            graceMs: 15_000,
            tallyEpochs: 1000,
            confidencePpm: 950_000,
            unbackedBps: [uint16(5000), 4000, 3000]
        });
    }

    function _fleets(uint256 count) private pure returns (Fleet[] memory fleets) {
        fleets = new Fleet[](count);
        for (uint256 i = 0; i < count; ++i) {
            fleets[i] = Fleet(700e12, 1400e12, uint32(512 + i), 32_768, 32_768, 131_072, 1);
        }
    }

    function _schedule(AuditRules memory rules) private {
        vm.prank(address(timelock));
        audits.scheduleRules(rules);
    }

    function _scheduleFleets(Fleet[] memory fleets, uint256 fromEpoch) private {
        vm.prank(address(timelock));
        audits.scheduleFleets(FACILITY, fleets, true, fromEpoch);
    }

    function test_deployed__knowsItsNeighboursAndAsksForNothing() public view {
        assertEq(address(audits.registry()), address(oracles));
        assertEq(address(audits.exchange()), address(exchange));
        assertEq(audits.authority(), address(manager));
        assertEq(audits.rulesAt(5).slots, 0);
        (Fleet[] memory fleets,,) = audits.fleetsAt(FACILITY, 5);
        assertEq(fleets.length, 0);
    }

    function test_schedule__byAnybodyElse__isRefused() public {
        bytes memory refusal =
            abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, address(operator));
        vm.startPrank(operator);
        vm.expectRevert(refusal);
        audits.scheduleRules(_rules(3));
        vm.expectRevert(refusal);
        audits.scheduleFleets(FACILITY, _fleets(1), true, 3);
        vm.stopPrank();
    }

    /* RULES */

    function test_scheduleRules__holdFromTheirEpochOn() public {
        AuditRules memory expected = _rules(3);
        expected.since = 3;
        vm.expectEmit(address(audits));
        emit IAuditTerms.RulesScheduled(3, expected);
        _schedule(_rules(3));
        assertEq(audits.rulesAt(2).slots, 0);
        assertEq(keccak256(abi.encode(audits.rulesAt(3))), keccak256(abi.encode(expected)));
        assertEq(keccak256(abi.encode(audits.rulesAt(1_000_000))), keccak256(abi.encode(expected)));
    }

    function test_scheduleRules__forAnEpochThatHasBegun__isRefused() public {
        vm.warp(GENESIS + 4 * HOUR);
        vm.expectRevert(abi.encodeWithSelector(IAuditTerms.ChangeTooSoon.selector, 4, 5));
        _schedule(_rules(4));
        _schedule(_rules(5));
    }

    function test_scheduleRules__notBegun__isReplaced() public {
        _schedule(_rules(3));
        _schedule(_rules(6));
        AuditRules memory other = _rules(4);
        other.slots = 7;
        _schedule(other);
        assertEq(audits.rulesAt(3).slots, 10);
        assertEq(audits.rulesAt(4).slots, 7);
        assertEq(audits.rulesAt(6).slots, 7);
    }

    function test_scheduleRules__theShareStays__theCountGoesOn() public {
        _schedule(_rules(3));
        AuditRules memory other = _rules(5);
        (other.graceMs, other.confidencePpm, other.unbackedBps) = (1, 990_000, [uint16(0), 0, 0]);
        _schedule(other);
        assertEq(audits.rulesAt(5).since, 3);
        other = _rules(7);
        other.auditBps = 501;
        _schedule(other);
        assertEq(audits.rulesAt(7).since, 7);
    }

    /// What never came into force is as if it had never been: the count goes on from what did.
    function test_scheduleRules__anotherShareReplaced__theCountGoesOn() public {
        _schedule(_rules(3));
        AuditRules memory other = _rules(6);
        other.auditBps = 501;
        _schedule(other);
        _schedule(_rules(5));
        assertEq(audits.rulesAt(6).since, 3);
    }

    function test_scheduleRules__afterAuditsWereOff__theCountBeginsAnew() public {
        _schedule(_rules(3));
        AuditRules memory off = _rules(5);
        off.slots = 0;
        _schedule(off);
        _schedule(_rules(8));
        assertEq(audits.rulesAt(5).slots, 0);
        assertEq(audits.rulesAt(8).since, 8);
    }

    function test_scheduleRules__figureOutOfRange__isRefused() public {
        AuditRules memory rules = _rules(3);
        rules.slots = 3601;
        vm.expectRevert(abi.encodeWithSelector(IAuditTerms.TooManySlots.selector, 3601, 3600));
        _schedule(rules);
        rules = _rules(3);
        rules.tallyEpochs = 0;
        vm.expectRevert(IAuditTerms.NothingTallied.selector);
        _schedule(rules);
        rules = _rules(3);
        rules.auditBps = 0;
        _expectShare(rules, 0, 1, 10_000);
        rules.auditBps = 10_001;
        _expectShare(rules, 10_001, 1, 10_000);
        rules = _rules(3);
        rules.confidencePpm = 499_999;
        _expectShare(rules, 499_999, 500_000, 999_999);
        rules.confidencePpm = 1_000_000;
        _expectShare(rules, 1_000_000, 500_000, 999_999);
        for (uint256 i = 0; i < 3; ++i) {
            rules = _rules(3);
            rules.unbackedBps[i] = 10_001;
            _expectShare(rules, 10_001, 0, 10_000);
        }
    }

    function _expectShare(AuditRules memory rules, uint256 given, uint256 min, uint256 max) private {
        vm.expectRevert(abi.encodeWithSelector(IAuditTerms.ShareOutOfRange.selector, given, min, max));
        _schedule(rules);
    }

    /* FLEETS */

    function test_scheduleFleets__holdFromTheirEpochOn() public {
        vm.expectEmit(address(audits));
        emit IAuditTerms.FleetsScheduled(FACILITY, 3, _fleets(2), true);
        _scheduleFleets(_fleets(2), 3);
        _scheduleFleets(_fleets(1), 5);
        (Fleet[] memory fleets, bool recordsCount, uint256 fromEpoch) = audits.fleetsAt(FACILITY, 4);
        assertEq(keccak256(abi.encode(fleets)), keccak256(abi.encode(_fleets(2))));
        assertTrue(recordsCount);
        assertEq(fromEpoch, 3);
        (fleets,, fromEpoch) = audits.fleetsAt(FACILITY, 5);
        assertEq(fleets.length, 1);
        assertEq(fromEpoch, 5);
        (fleets, recordsCount,) = audits.fleetsAt(FACILITY, 2);
        assertEq(fleets.length, 0);
        assertFalse(recordsCount);
        // What has not begun gives way, the later one too.
        _scheduleFleets(_fleets(3), 4);
        (fleets,,) = audits.fleetsAt(FACILITY, 9);
        assertEq(fleets.length, 3);
    }

    function test_scheduleFleets__forAnEpochThatHasBegun__isRefused() public {
        vm.warp(GENESIS + 4 * HOUR);
        vm.expectRevert(abi.encodeWithSelector(IAuditTerms.ChangeTooSoon.selector, 4, 5));
        _scheduleFleets(_fleets(1), 4);
    }

    function test_scheduleFleets__ofNoFacility__isRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.UnknownFacility.selector, 2, 2));
        vm.prank(address(timelock));
        audits.scheduleFleets(2, _fleets(1), true, 3);
    }

    function test_scheduleFleets__tooMany__isRefused() public {
        _scheduleFleets(_fleets(64), 3);
        vm.expectRevert(abi.encodeWithSelector(IAuditTerms.TooManyFleets.selector, 65, 64));
        _scheduleFleets(_fleets(65), 3);
    }

    function test_scheduleFleets__thatNoProtocolIsDefinedFor__isRefused() public {
        for (uint256 i = 0; i < 10; ++i) {
            Fleet[] memory fleets = _fleets(2);
            Fleet memory odd = fleets[1];
            if (i == 0) odd.rate = 0;
            if (i == 1) odd.devices = 0;
            if (i == 2) odd.computeClass = 3;
            if (i == 3) odd.m = 100;
            if (i == 4) odd.n = 32;
            if (i == 5) odd.k = 2 ** 23;
            if (i == 6) odd.m = 2 ** 21;
            // Beyond one key stream, and beyond what oracles check exactly.
            if (i == 7) (odd.m, odd.k) = (2 ** 19, 2 ** 20);
            if (i == 8) (odd.n, odd.k) = (2 ** 18, 2 ** 20);
            if (i == 9) odd.pace = 700e12 - 1;
            vm.expectRevert(abi.encodeWithSelector(IAuditTerms.InvalidFleet.selector, 1, odd));
            _scheduleFleets(fleets, 3);
        }
    }
}
