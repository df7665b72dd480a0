// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IDistributionVault} from "../../contracts/interfaces/IDistributionVault.sol";
import {SuiteTest} from "./SuiteTest.sol";

/// Branches covered here: what holds dividends back, and for how long.
///
/// brake
/// ├── output up to the floor, or up to twice the peak: no jump
/// ├── a jump: EpochBraked once, then EpochHeld until three hours after the epoch's end; then distributed, and the new peak
/// ├── a jump found while catching up: the call keeps what it passed
/// ├── jump after jump: each waits from its own end, none longer
/// ├── caught up with later than that: waits no more
/// ├── an outage and its end: the peak comes down slowly, so that recovery is no jump
/// └── f of four oracles, silent or lying: no jump (tests/stories/test_brakes.py plays it)
/// halt
/// ├── by another than the guardian: AccessManagedUnauthorized; a second time: HaltSpent; re-armed, too soon: HaltTooSoon
/// ├── while it lasts: IssuanceIsHalted; payments, recycling, enrolment, activation go on
/// ├── ends by itself; epochs that waited are all distributed, none is braked for it, none expires
/// └── ends by a vote
/// rearm: by another; when not spent: HaltNotSpent
/// resume: by another; of nothing: NothingToResume; of a held epoch; of a halt; does not re-arm
contract DistributionVaultBrakesTest is SuiteTest {
    uint256 private constant FLOOR = 1000;
    uint256 private constant HELD = 3 * HOUR;

    Roll private roll;

    function setUp() public override {
        Settings memory chosen = _defaults();
        chosen.jumpFloor = FLOOR;
        chosen.releaseBps = 10_000;
        _deploySuite(chosen);
        roll = _enrolMany(4);
        _activateAll(roll);
    }

    function _heldError(uint256 epoch) private view returns (bytes memory) {
        return abi.encodeWithSelector(IDistributionVault.EpochHeld.selector, epoch, _endOf(epoch) + HELD);
    }

    function _haltedError(uint256 until) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IDistributionVault.IssuanceIsHalted.selector, until);
    }

    function _halt() private returns (uint256 until) {
        vm.prank(guardian);
        vault.halt();
        return block.timestamp + 6 * HOUR;
    }

    /* BRAKE */

    function test_distribute__outputWithinFloorAndTwiceThePeak__isNoJump() public {
        _income(1000);
        assertEq(vault.peakOutput(), 1000);
        _income(2000);
        _income(4000);
        assertEq(vault.peakOutput(), 4000);
        assertEq(vault.nextEpoch(), 3);
    }

    function test_distribute__aJump__waitsAndIsReleasedByItself() public {
        _income(1000);
        uint256 epoch = _attest(2001);
        uint256 until = _endOf(epoch) + HELD;
        vm.expectEmit(address(vault));
        emit IDistributionVault.EpochBraked(epoch, 2001, 2000, until);
        assertEq(vault.distribute(), 0);
        assertEq(vault.nextEpoch(), epoch);
        vm.expectRevert(_heldError(epoch));
        vault.distribute();
        vm.warp(until - 1);
        vm.expectRevert(_heldError(epoch));
        vault.distribute();

        vm.warp(until);
        vm.expectEmit(address(vault));
        emit IDistributionVault.DividendDistributed(epoch, 2001, 2001 * SBI, 2001 * SBI, 500.25e18, 4, 0);
        vault.distribute();
        // It is the peak from now on: the same again is no jump.
        assertEq(vault.peakOutput(), 2001);
    }

    /// The first output of all is compared with the floor.
    function test_distribute__theFirstOutputAboveTheFloor__isAJump() public {
        uint256 epoch = _attest(1001);
        vm.expectEmit(address(vault));
        emit IDistributionVault.EpochBraked(epoch, 1001, 1000, _endOf(epoch) + HELD);
        vault.distribute();
    }

    function test_distribute__aJumpWhileCatchingUp__keepsWhatWasPassed() public {
        // Epoch 0 is skipped, epoch 1 is a jump.
        _warpToEndOf(1);
        _report(1, 5000);
        vm.warp(block.timestamp + 601);
        assertEq(vault.distribute(), 1);
        assertEq(vault.nextEpoch(), 1);
        vm.expectRevert(_heldError(1));
        vault.distribute();
    }

    /// Growth without end, epoch by epoch: every dividend comes, each three hours after its epoch and no later.
    function test_distribute__jumpAfterJump__eachWaitsFromItsOwnEnd() public {
        uint256 output = 5000;
        for (uint256 epoch = 0; epoch < 6; ++epoch) {
            _warpToEndOf(epoch);
            _report(epoch, output);
            output *= 3;
        }
        for (uint256 epoch = 0; epoch < 6; ++epoch) {
            uint256 until = _endOf(epoch) + HELD;
            if (block.timestamp < until) {
                vm.warp(until - 1);
                try vault.distribute() {} catch {}
                assertEq(vault.nextEpoch(), epoch);
                vm.warp(until);
            }
            vault.distribute();
            assertEq(vault.nextEpoch(), epoch + 1);
        }
    }

    function test_distribute__aJumpCaughtUpWithLate__waitsNoMore() public {
        uint256 epoch = _attest(1_000_000);
        vm.warp(_endOf(epoch) + HELD);
        vault.distribute();
        assertEq(vault.nextEpoch(), epoch + 1);
    }

    /// Facilities fail, and come back: nobody waits for that.
    function test_distribute__anOutageAndItsEnd__isNoJump() public {
        _income(1000);
        _income(2000);
        for (uint256 i = 0; i < 4; ++i) {
            _income(0);
        }
        // 2,000 less an eighth, four times, each eighth rounded down.
        assertEq(vault.peakOutput(), 1174);
        _income(2000);
        assertEq(vault.peakOutput(), 2000);
    }

    function testFuzz_distribute__anyOutputs__noEpochWaitsLongerThanTheBrake(uint256 seed) public {
        for (uint256 epoch = 0; epoch < 5; ++epoch) {
            seed = uint256(keccak256(abi.encode(seed)));
            _warpToEndOf(epoch);
            _report(epoch, uint64(seed) >> (seed >> 64) % 64);
        }
        for (uint256 epoch = 0; epoch < 5; ++epoch) {
            if (block.timestamp < _endOf(epoch) + HELD) vm.warp(_endOf(epoch) + HELD);
            vault.distribute();
            assertEq(vault.nextEpoch(), epoch + 1);
        }
    }

    /* HALT */

    function test_halt__byAnother__refused() public {
        address[3] memory others = [stranger, deployer, address(timelock)];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(_unauthorized(others[i]));
            vm.prank(others[i]);
            vault.halt();
        }
    }

    function test_halt__byTheGuardian__halts() public {
        uint256 until = block.timestamp + 6 * HOUR;
        vm.expectEmit(address(vault));
        emit IDistributionVault.IssuanceHalted(guardian, until);
        _halt();
        (uint256 said, bool isSpent) = vault.haltedUntil();
        assertEq(said, until);
        assertTrue(isSpent);
        _attest(100);
        vm.expectRevert(_haltedError(until));
        vault.distribute();
        vm.warp(until - 1);
        vm.expectRevert(_haltedError(until));
        vault.distribute();
        vm.warp(until);
        vault.distribute();
        assertEq(vault.issued(), 100 * SBI);
    }

    function test_halt__twice__refusedUntilAVoteReArmsIt() public {
        uint256 until = _halt();
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.HaltSpent.selector, until));
        vm.prank(guardian);
        vault.halt();
        vm.warp(until + 30 days);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.HaltSpent.selector, until));
        vm.prank(guardian);
        vault.halt();

        vm.expectRevert(_unauthorized(guardian));
        vm.prank(guardian);
        vault.rearm();
        vm.expectEmit(address(vault));
        emit IDistributionVault.HaltRearmed();
        _asGovernor();
        vault.rearm();
        assertEq(_halt(), block.timestamp + 6 * HOUR);
    }

    function test_halt__soonAfterTheLast__refused() public {
        uint256 until = _halt();
        _asGovernor();
        vault.rearm();
        vm.warp(until + 6 * HOUR - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IDistributionVault.HaltTooSoon.selector, until + 6 * HOUR, block.timestamp)
        );
        vm.prank(guardian);
        vault.halt();
        vm.warp(until + 6 * HOUR);
        _halt();
    }

    function test_rearm__notSpent__refused() public {
        vm.expectRevert(IDistributionVault.HaltNotSpent.selector);
        _asGovernor();
        vault.rearm();
    }

    /// Nothing else stops: people pay, give, recycle, enrol and activate as before.
    function test_halt__whileItLasts__peopleGoOn() public {
        _income(400);
        _halt();
        address payer = roll.accounts[0];
        vm.startPrank(payer);
        token.transfer(roll.accounts[1], 40 * SBI);
        token.recycle(10 * SBI);
        token.recirculate(10 * SBI);
        vm.stopPrank();
        Roll memory more = _enrol(_one(stranger));
        _activate(more, 0);
        assertEq(token.balanceOf(payer), 40 * SBI);
        assertEq(token.balanceOf(roll.accounts[1]), 140 * SBI);
    }

    /// After the longest halt: every epoch that waited brings its dividend, none is braked, none has expired.
    function test_distribute__afterAHalt__catchesUpWithEveryEpoch() public {
        _income(1000);
        uint256 until = _halt();
        for (uint256 epoch = 1; epoch < 7; ++epoch) {
            _warpToEndOf(epoch);
            _report(epoch, 1000 + epoch);
        }
        vm.warp(until + 1);
        for (uint256 epoch = 1; epoch < 6; ++epoch) {
            vm.expectEmit(true, false, false, false, address(vault));
            emit IDistributionVault.DividendDistributed(epoch, 0, 0, 0, 0, 0, 0);
            assertEq(vault.distribute(), 1);
        }
        assertEq(vault.nextEpoch(), 6);
    }

    /* RESUME */

    function test_resume__aHeldEpoch__isDistributed() public {
        uint256 epoch = _attest(5000);
        vault.distribute();
        vm.expectRevert(_unauthorized(guardian));
        vm.prank(guardian);
        vault.resume();
        vm.expectEmit(address(vault));
        emit IDistributionVault.IssuanceResumed(epoch);
        _asGovernor();
        vault.resume();
        vault.distribute();
        assertEq(vault.nextEpoch(), epoch + 1);

        // That epoch was let go, not the next one.
        epoch = _attest(50_000);
        vm.expectEmit(address(vault));
        emit IDistributionVault.EpochBraked(epoch, 50_000, 10_000, _endOf(epoch) + HELD);
        vault.distribute();
    }

    function test_resume__aHalt__endsItAndDoesNotReArm() public {
        _halt();
        _attest(100);
        _asGovernor();
        vault.resume();
        vault.distribute();
        assertEq(vault.issued(), 100 * SBI);
        (uint256 until, bool isSpent) = vault.haltedUntil();
        assertEq(until, block.timestamp);
        assertTrue(isSpent);
    }

    function test_resume__nothing__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.NothingToResume.selector, 0));
        _asGovernor();
        vault.resume();
        // Nor twice.
        _halt();
        _asGovernor();
        vault.resume();
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.NothingToResume.selector, 0));
        _asGovernor();
        vault.resume();
    }
}
