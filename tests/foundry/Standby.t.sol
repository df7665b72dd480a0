// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IComputeOracleRegistry, Report, Verifiers} from "../../contracts/interfaces/IComputeOracleRegistry.sol";
import {SuiteTest} from "./SuiteTest.sol";

/// Branches covered here: whose signatures count, and who takes over when too few do.
///
/// setStanding
/// ├── by another than the bonds: NotBonds
/// ├── counts at once, in every configuration that can still be reported or is scheduled, and no older one
/// └── seats the standby set as soon as it is needed and ready, whichever comes last
/// submitReport: without those that do not stand; too few that do: QuorumNotReached; accepted reports stay
/// standingAt, stands, verifiersAt, standby: as they are
/// scheduleConfig: members that stand already do; verifiers without code (VerifierWithoutCode); no weight (ZeroWeight)
/// scheduleStandby: by another; a set that is none; replaces one before
/// seatStandby
/// ├── while enough stand: StandbyNotNeeded; without a set: NoStandby; without its quorum: StandbyNotReady
/// ├── from the next epoch on, with that epoch's weights and verifiers, before what is scheduled later
/// └── once
contract StandbyTest is SuiteTest {
    uint256[3] private weights = [uint256(32), 16, 64];
    uint256[3] private others = [uint256(31), 16, 64];

    function _schedule(string memory set, uint256[3] memory w, uint256 fromEpoch) private {
        address[] memory members = _oracleSet(set, 4);
        _asGovernor();
        oracles.scheduleConfig(members, w, _verifiers(), fromEpoch);
    }

    function _approve(string memory set) private {
        address[] memory members = _oracleSet(set, 4);
        _asGovernor();
        oracles.scheduleStandby(members);
    }

    /// @dev The owner of a member's bond gives it up.
    function _unbond(string memory set, uint256 number) private {
        vm.prank(bondOwner);
        bonds.unbond(_oracleSet(set, 4)[number]);
    }

    /// @dev Two of four are left: one too few.
    function _loseQuorum() private {
        _unbond("oracle", 0);
        _unbond("oracle", 1);
    }

    function _standingIs(uint256 epoch, uint256 expected) private view {
        (uint256 standing, uint256 quorum) = oracles.standingAt(epoch);
        assertEq(standing, expected);
        assertEq(quorum, 3);
    }

    function _setIs(uint256 epoch, string memory set) private view {
        (,,,, address[] memory members) = oracles.configAt(epoch);
        assertEq(members, _oracleSet(set, 4));
    }

    /* STANDING */

    /// A warning while there is still time: one of four may fail, and has.
    function test_setStanding__noMoreThanAQuorumLeft__warns() public {
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.FewOraclesStand(1, 3, 3);
        _unbond("oracle", 0);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.FewOraclesStand(1, 2, 3);
        _unbond("oracle", 1);
        // One that comes, or comes back, is no reason to.
        vm.recordLogs();
        vm.prank(address(bonds));
        oracles.setStanding(vm.addr(_oracleKey("oracle", 0)), true);
        assertEq(vm.getRecordedLogs().length, 1);
    }

    function test_setStanding__byAnother__refused() public {
        vm.expectRevert(
            abi.encodeWithSelector(IComputeOracleRegistry.NotBonds.selector, address(timelock), address(bonds))
        );
        vm.prank(address(timelock));
        oracles.setStanding(stranger, true);
    }

    function test_setStanding__givenUp__noLongerCountsAtOnce() public {
        _warpToEndOf(0);
        _standingIs(0, 15);
        _unbond("oracle", 2);
        _standingIs(0, 11);
        _standingIs(1, 11);
        assertFalse(oracles.stands(_oracleSet("oracle", 4)[2]));
        Report memory report = _reportOf(0, 5);
        bytes memory signatures = _signedBy(report, _firstOracles(3));
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.QuorumNotReached.selector, 2, 3));
        oracles.submitReport(report, signatures);
        // Its signature may come along; it is not among those on record.
        oracles.submitReport(report, _signedBy(report, _firstOracles(4)));
        assertEq(oracles.recordOf(0).signers, 11);
    }

    function test_setStanding__afterAReportIsAccepted__leavesIt() public {
        _warpToEndOf(0);
        _report(0, 5);
        for (uint256 i = 0; i < 4; ++i) {
            _unbond("oracle", i);
        }
        vm.warp(block.timestamp + 601);
        (, uint256 output) = oracles.outcomeOf(0);
        assertEq(output, 5);
        assertEq(oracles.recordOf(0).signers, 7);
    }

    function test_setStanding__ofANewSigner__countsInWhatIsScheduled() public {
        _schedule("next", weights, 5);
        _schedule("next", weights, 7);
        _standingIs(5, 0);
        _bond(_oracleKey("next", 1), BOND);
        _standingIs(5, 2);
        _standingIs(7, 2);
        _standingIs(4, 15);
    }

    function test_scheduleConfig__membersThatStand__doFromTheStart() public {
        _bond(_oracleKey("next", 0), BOND);
        _bond(_oracleKey("next", 3), BOND);
        _schedule("next", weights, 5);
        _standingIs(5, 9);
    }

    /// An epoch can be reported up to half an hour after its end: until then, and no longer, its set is kept up to date.
    function test_setStanding__ofAReplacedSet__countsWhileItCanReport() public {
        _schedule("next", weights, 1);
        vm.warp(_endOf(0) + 1800);
        _unbond("oracle", 0);
        _standingIs(0, 14);
        vm.warp(_endOf(0) + 1801);
        _unbond("oracle", 1);
        _standingIs(0, 14);
        assertFalse(oracles.stands(_oracleSet("oracle", 4)[1]));
    }

    function testFuzz_setStanding__anyMembers__areTheMask(uint8 who) public {
        _schedule("next", weights, 5);
        for (uint256 i = 0; i < 4; ++i) {
            if (who >> i & 1 == 1) _bond(_oracleKey("next", i), BOND);
            if (who >> (4 + i) & 1 == 1) _unbond("oracle", i);
        }
        _standingIs(0, 15 & ~(uint256(who) >> 4));
        _standingIs(5, who & 15);
    }

    /* VERIFIERS */

    function test_verifiersAt__anyEpoch__areItsConfigurations() public {
        address other = address(vault);
        address[] memory members = _oracleSet("oracle", 4);
        _asGovernor();
        oracles.scheduleConfig(members, weights, Verifiers(other, address(token)), 3);
        Verifiers memory found = oracles.verifiersAt(2);
        assertEq(found.signatures, address(ecdsa));
        assertEq(found.disputes, address(disputes));
        found = oracles.verifiersAt(3);
        assertEq(found.signatures, other);
        assertEq(found.disputes, address(token));
    }

    function test_scheduleConfig__verifiersWithoutCode__refused() public {
        address[] memory members = _oracleSet("oracle", 4);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.VerifierWithoutCode.selector, stranger));
        _asGovernor();
        oracles.scheduleConfig(members, weights, Verifiers(stranger, address(disputes)), 3);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.VerifierWithoutCode.selector, relayer));
        _asGovernor();
        oracles.scheduleConfig(members, weights, Verifiers(address(ecdsa), relayer), 3);
    }

    function test_constructor__verifierWithoutCode__refused() public {
        _expectCreateReverts(
            abi.encodeWithSelector(IComputeOracleRegistry.VerifierWithoutCode.selector, stranger),
            "ComputeOracleRegistry",
            abi.encode(
                address(manager),
                _timing(_defaults()),
                bonds,
                _oracleSet("oracle", 4),
                weights,
                Verifiers(stranger, address(disputes))
            )
        );
    }

    function test_scheduleConfig__aClassWithoutWeight__refused() public {
        address[] memory members = _oracleSet("oracle", 4);
        for (uint256 class = 0; class < 3; ++class) {
            uint256[3] memory light = weights;
            light[class] = 0;
            vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.ZeroWeight.selector, class));
            _asGovernor();
            oracles.scheduleConfig(members, light, _verifiers(), 3);
        }
        Settings memory chosen = _defaults();
        chosen.weightsX16[1] = 0;
        _expectCreateReverts(
            abi.encodeWithSelector(IComputeOracleRegistry.ZeroWeight.selector, 1),
            "ComputeOracleRegistry",
            _registryArguments(address(manager), chosen, members)
        );
    }

    /* THE STANDBY SET */

    function test_scheduleStandby__byAnother__refused() public {
        address[] memory members = _oracleSet("standby", 4);
        vm.expectRevert(_unauthorized(stranger));
        vm.prank(stranger);
        oracles.scheduleStandby(members);
    }

    function test_scheduleStandby__aSetThatIsNone__refused() public {
        address[] memory members = _oracleSet("standby", 5);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.InvalidOracleCount.selector, 5, 4));
        _asGovernor();
        oracles.scheduleStandby(members);
    }

    function test_scheduleStandby__approved__waits() public {
        assertEq(oracles.standby().length, 0);
        address[] memory members = _oracleSet("standby", 4);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.StandbyScheduled(members);
        _asGovernor();
        oracles.scheduleStandby(members);
        assertEq(oracles.standby(), members);
        _bondSet("standby", 4);
        assertEq(oracles.standby(), members);
        _setIs(1, "oracle");
        _approve("other");
        assertEq(oracles.standby(), _oracleSet("other", 4));
    }

    function test_setStanding__quorumLost__seatsTheStandby() public {
        _approve("standby");
        _bondSet("standby", 3);
        _unbond("oracle", 0);
        _setIs(1, "oracle");
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.StandbySeated(2, 1);
        _unbond("oracle", 1);
        _setIs(0, "oracle");
        _setIs(1, "standby");
        _setIs(1_000_000, "standby");
        _standingIs(1, 7);
        assertEq(oracles.standby().length, 0);
        (uint256 version, bytes32 digest, uint256 weightsVersion, uint256[3] memory w,) = oracles.configAt(1);
        assertEq(weightsVersion, 1);
        assertEq(
            digest, keccak256(abi.encode(block.chainid, address(oracles), version, 1, w, _oracleSet("standby", 4)))
        );
        assertEq(oracles.verifiersAt(1).disputes, address(disputes));
    }

    /// Whichever comes last: the set that is lost, or the one that is ready.
    function test_setStanding__standbyReadyLater__isSeatedThen() public {
        _approve("standby");
        _loseQuorum();
        _setIs(1, "oracle");
        _bondSet("standby", 2);
        _setIs(1, "oracle");
        _bond(_oracleKey("standby", 2), BOND);
        _setIs(1, "standby");
    }

    function test_setStanding__standbySeated__reportsFromItsEpochOn() public {
        _approve("standby");
        _bondSet("standby", 4);
        _loseQuorum();
        _warpToEndOf(1);
        Report memory report = _reportOf(1, 77);
        for (uint256 i = 0; i < 4; ++i) {
            oracleKeys[i] = _oracleKey("standby", i);
        }
        oracles.submitReport(report, _signedByQuorum(report));
        assertEq(oracles.recordOf(1).publicOutput, 77);
        assertEq(oracles.recordOf(1).configVersion, 2);
    }

    function test_setStanding__laterConfigurations__comeAfterTheStandby() public {
        _schedule("later", others, 4);
        _schedule("last", weights, 6);
        _approve("standby");
        _bondSet("standby", 4);
        _loseQuorum();
        _setIs(0, "oracle");
        _setIs(1, "standby");
        _setIs(3, "standby");
        _setIs(4, "later");
        _setIs(5, "later");
        _setIs(6, "last");
        assertEq(oracles.weightsAt(3)[0], 32);
        assertEq(oracles.weightsAt(4)[0], 31);
        // What comes later may be replaced as ever.
        _schedule("oracle", weights, 4);
        _setIs(3, "standby");
        _setIs(4, "oracle");
        _setIs(6, "oracle");
    }

    function test_seatStandby__insteadOfOneThatBeginsThen__hasItsWeights() public {
        _bondSet("standby", 4);
        _approve("standby");
        // Nobody of the next set stands.
        _schedule("next", others, 1);
        oracles.seatStandby();
        _setIs(0, "oracle");
        _setIs(1, "standby");
        assertEq(oracles.weightsAt(1)[0], 31);
        (uint256 version,, uint256 weightsVersion,,) = oracles.configAt(1);
        assertEq(version, 3);
        assertEq(weightsVersion, 2);
    }

    function test_seatStandby__whileEnoughStand__refused() public {
        _approve("standby");
        _bondSet("standby", 4);
        _unbond("oracle", 0);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.StandbyNotNeeded.selector, 3, 3));
        oracles.seatStandby();
    }

    function test_seatStandby__withoutOne__refused() public {
        _loseQuorum();
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.NoStandby.selector, 1));
        oracles.seatStandby();
    }

    function test_seatStandby__withoutItsQuorum__refused() public {
        _approve("standby");
        _bondSet("standby", 2);
        _loseQuorum();
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.StandbyNotReady.selector, 2, 3));
        oracles.seatStandby();
    }

    function test_seatStandby__oncePerApproval__thenNeedsAnother() public {
        _approve("standby");
        _bondSet("standby", 4);
        _loseQuorum();
        _setIs(1, "standby");
        _unbond("standby", 0);
        _unbond("standby", 1);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.NoStandby.selector, 1));
        oracles.seatStandby();
        // Another may be approved, and takes the place of the first even for the same epoch.
        _bondSet("third", 4);
        _approve("third");
        oracles.seatStandby();
        _setIs(1, "third");
    }

    /// A set without a quorum comes into force by time alone: nothing happens by itself, anybody may see to it.
    function test_seatStandby__aSetComesUpWithoutQuorum__byAnybody() public {
        _bondSet("standby", 4);
        _schedule("next", weights, 3);
        _approve("standby");
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.StandbyNotNeeded.selector, 4, 3));
        oracles.seatStandby();
        _warpTo(2);
        vm.prank(stranger);
        oracles.seatStandby();
        _setIs(2, "oracle");
        _setIs(3, "standby");
    }
}
