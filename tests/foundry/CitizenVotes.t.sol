// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {ICitizenRegistry} from "../../contracts/interfaces/ICitizenRegistry.sol";
import {ICitizenVotes} from "../../contracts/interfaces/ICitizenVotes.sol";
import {RangeLib} from "../../contracts/libraries/RangeLib.sol";
import {GovernorTest} from "./GovernorTest.sol";

/// Branches covered here.
///
/// getVotes, getPastVotes
/// ├── from a week after activation to the second before retirement; one, whatever the balance
/// ├── never activated, retired without activation: none
/// ├── recovered: the account left keeps what its snapshots gave it, the successor ripens anew
/// └── of a time to come: TimeNotPassed
/// getPastTotalSupply: by whole days, a ripening later; of retirement, recovery; over many days, in every place of the record
/// delegate, delegateBySig: VotesStayWithTheirCitizen; delegates: oneself
/// activity, activityAt: a record for each day with changes
/// constructor: a ripening of nothing
contract CitizenVotesTest is GovernorTest {
    function _retire(uint256 index) private {
        vm.startPrank(registrar);
        citizens.startRetirement(0, index);
        vm.warp(block.timestamp + OBJECTION_DELAY);
        citizens.retire(0, index, _voter(index));
        vm.stopPrank();
    }

    function _recover(uint256 index, uint256 successorKey) private {
        address successor = vm.addr(successorKey);
        bytes32 typehash = keccak256("Succession(uint256 batch,uint256 index,address previous,address successor)");
        bytes32 digest = _digest(
            "CitizenRegistry", address(citizens), keccak256(abi.encode(typehash, 0, index, _voter(index), successor))
        );
        vm.startPrank(registrar);
        citizens.startRecovery(0, index, _voter(index), successor, _sign(successorKey, digest));
        vm.warp(block.timestamp + OBJECTION_DELAY);
        citizens.recover(0, index, _voter(index));
        vm.stopPrank();
    }

    function test_getPastVotes__aWeekAfterActivation__isOne() public {
        uint256 since = citizens.citizenOf(_voter(0)).since;
        assertEq(votes.getPastVotes(_voter(0), since + RIPENING - 1), 0);
        assertEq(votes.getPastVotes(_voter(0), since + RIPENING), 1);
        assertEq(votes.getVotes(_voter(0)), 1);
        assertEq(votes.getVotes(stranger), 0);
        assertEq(votes.ripening(), 7 days);
        assertEq(address(votes.citizens()), address(citizens));
    }

    function test_getPastVotes__retired__isNoneFromThenOn() public {
        _retire(0);
        uint256 until = block.timestamp;
        vm.warp(until + 1);
        assertEq(votes.getPastVotes(_voter(0), until - 1), 1);
        assertEq(votes.getPastVotes(_voter(0), until), 0);
        assertEq(votes.getVotes(_voter(0)), 0);
    }

    function test_getPastVotes__recovered__noHeadVotesTwice() public {
        uint256 key = _citizenKey("new key");
        _recover(3, key);
        (uint256 at, address successor) = (block.timestamp, vm.addr(key));
        vm.warp(at + RIPENING + 1);
        assertEq(votes.getPastVotes(_voter(3), at - 1), 1);
        assertEq(votes.getPastVotes(successor, at - 1), 0);
        assertEq(votes.getPastVotes(_voter(3), at), 0);
        assertEq(votes.getPastVotes(successor, at + RIPENING - 1), 0);
        assertEq(votes.getPastVotes(successor, at + RIPENING), 1);
        // One head less, and one more.
        (uint256 active,,) = citizens.activity();
        assertEq(active, 8);
    }

    function test_getPastVotes__ofATimeToCome__refused() public {
        bytes memory refusal =
            abi.encodeWithSelector(ICitizenVotes.TimeNotPassed.selector, block.timestamp, block.timestamp);
        vm.expectRevert(refusal);
        votes.getPastVotes(_voter(0), block.timestamp);
        vm.expectRevert(refusal);
        votes.getPastTotalSupply(block.timestamp);
    }

    function test_getPastTotalSupply__beforeAnyDayIsRipe__isNothing() public view {
        assertEq(votes.getPastTotalSupply(0), 0);
        assertEq(votes.getPastTotalSupply(RIPENING + 1 days - 1), 0);
    }

    function test_delegate__anyhow__refused() public {
        bytes memory refusal = abi.encodeWithSelector(ICitizenVotes.VotesStayWithTheirCitizen.selector, address(this));
        vm.expectRevert(refusal);
        votes.delegate(stranger);
        vm.expectRevert(refusal);
        votes.delegateBySig(stranger, 0, 0, 27, 0, 0);
        assertEq(votes.delegates(stranger), stranger);
        assertEq(votes.clock(), block.timestamp);
        assertEq(votes.CLOCK_MODE(), "mode=timestamp");
    }

    function test_constructor__noRipening__refused() public {
        _expectCreateReverts(
            abi.encodeWithSelector(RangeLib.OutOfRange.selector, 0, 1, 1_073_741_823),
            "CitizenVotes",
            abi.encode(citizens, 0)
        );
    }

    /// Whatever happens day by day, the total of a time is the count of active citizens at the end of the last whole day a
    /// week before it; and what was once said stays so.
    function testFuzz_getPastTotalSupply__days__isTheCountOfTheDay(uint256 seed) public {
        uint256 first = block.timestamp / 1 days;
        uint256[] memory counts = new uint256[](12);
        uint256 active = 8;
        uint256 newcomers;
        for (uint256 day = 0; day < counts.length; ++day) {
            vm.warp((first + day) * 1 days + 1 hours);
            seed = uint256(keccak256(abi.encode(seed)));
            for (uint256 i = 0; i < seed % 3; ++i) {
                _activate(_enrol(_one(_citizen(1000 + newcomers++))), 0);
                ++active;
            }
            if (seed >> 8 & 7 == 0 && active > 6) {
                for (uint256 i = 0; i < 8; ++i) {
                    if (citizens.citizenOf(_voter(i)).until != 0) continue;
                    vm.roll(block.number + 1);
                    _retireWithoutWaiting(i);
                    --active;
                    break;
                }
            }
            counts[day] = active;
        }
        vm.warp((first + 30) * 1 days);
        for (uint256 day = 1; day < counts.length; ++day) {
            uint256 time = (first + day) * 1 days + RIPENING + seed % 1 days;
            assertEq(votes.getPastTotalSupply(time), counts[day - 1]);
        }
        assertEq(votes.getPastTotalSupply((first - 1) * 1 days), 0);
        (uint256 now_,, uint256 records) = citizens.activity();
        assertEq(now_, active);
        assertLe(records, counts.length + 2);
    }

    /// @dev As `_retire`, within the day; the turnover cap is out of the way.
    function _retireWithoutWaiting(uint256 index) private {
        _asGovernor();
        citizens.setTurnoverCap(1, 1000);
        _retire(index);
    }

    function test_activityAt__eachDayWithChanges__isOnRecord() public {
        uint256 day = block.timestamp / 1 days;
        (uint256 active, uint256 since, uint256 records) = citizens.activity();
        assertEq(active, 8);
        assertEq(since, GENESIS / 1 days);
        assertEq(records, 1);
        (active, since) = citizens.activityAt(0);
        assertEq(active + since, 0);
        _activate(_enrol(_one(stranger)), 0);
        (active, since, records) = citizens.activity();
        assertEq(active, 9);
        assertEq(since, day);
        assertEq(records, 2);
        (active, since) = citizens.activityAt(1);
        assertEq(active, 8);
        assertEq(since, GENESIS / 1 days);
    }

    /* ENROLMENT'S BRAKE */

    function _smallRegion() private {
        Settings memory chosen = _defaults();
        chosen.regionJumpFloor = 100;
        _deploySuite(chosen);
    }

    function _enrolInto(uint256 region, uint256 heads) private {
        vm.prank(registrar);
        citizens.enrol(keccak256(abi.encode(heads)), heads, region);
    }

    function test_enrol__aJump__stopsThatRegionUntilThePeriodEnds() public {
        _smallRegion();
        uint256 until = (block.timestamp / TURNOVER_PERIOD + 1) * TURNOVER_PERIOD;
        _enrolInto(1, 100);
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.EnrolmentBraked(1, 101, 100);
        _enrolInto(1, 1);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.EnrolmentHeld.selector, 1, 101, 100));
        _enrolInto(1, 1);
        // No other region, and no income, waits for it.
        _enrolInto(2, 100);
        _income(100);

        vm.warp(until - 1);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.EnrolmentHeld.selector, 1, 101, 100));
        _enrolInto(1, 1);
        vm.warp(until);
        _enrolInto(1, 100);
        assertEq(citizens.regionOf(1).headcount, 201);
    }

    function test_enrol__aLargeRegion__mayGrowByHalfInAPeriod() public {
        _smallRegion();
        _enrolInto(1, 1000);
        vm.warp((block.timestamp / TURNOVER_PERIOD + 1) * TURNOVER_PERIOD);
        _enrolInto(1, 500);
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.EnrolmentBraked(1, 501, 500);
        _enrolInto(1, 1);
    }

    function test_setRegionCap__whileBraked__releases() public {
        _smallRegion();
        _enrolInto(1, 1000);
        vm.expectRevert();
        _enrolInto(1, 1);
        _asGovernor();
        citizens.setRegionCap(1, 1e6);
        _enrolInto(1, 1);
        assertEq(citizens.regionOf(1).enrolled, 1);
    }
}
