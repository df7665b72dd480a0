// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {FacilityTerms, IComputeOracleRegistry, Report} from "../../contracts/interfaces/IComputeOracleRegistry.sol";
import {SuiteTest} from "./SuiteTest.sol";

/// Branches covered here: what reports are judged by.
///
/// constructor
/// ├── no epoch length, no report window: InvalidTiming; an extension past 32 bits: AboveField
/// ├── a ring that is too short: RetentionTooShort; the shortest that will do
/// └── a set that scheduleConfig would refuse
/// scheduleConfig
/// ├── by another than the timelock: AccessManagedUnauthorized
/// ├── from an epoch that has begun: ChangeTooSoon; past 32 bits: AboveField
/// ├── n other than 3f + 1, below 4, above 31: InvalidOracleCount
/// ├── a zero member: ZeroOracle; a double one: DuplicateOracle; a weight past 16 bits: AboveField
/// ├── holds from its epoch on, and not before; same weights keep their version
/// └── replaces what was scheduled for the same or a later epoch, not for an earlier one
/// configAt, weightsAt: each epoch's own, however many there are
/// registerFacility
/// ├── by another: AccessManagedUnauthorized; zero addresses: ZeroFacilityAddress; share: ShareAboveWhole
/// ├── region, capacity past their fields: AboveField
/// └── counts from the next epoch to begin
/// scheduleFacilityTerms: likewise, UnknownFacility, ChangeTooSoon, replacing
/// facilityOf, facilityTermsAt: UnknownFacility; before it was registered
/// facilityCount, currentEpoch, genesis, epochLength, reportWindow, disputeWindow, maxExtension, ringSize, retention,
/// finality, bonds
contract ComputeOracleRegistryConfigTest is SuiteTest {
    uint256[3] private weights = [uint256(32), 16, 64];
    uint256[3] private capacities = [uint256(7), 8, 9];

    function _arguments(Settings memory chosen, address[] memory set) private view returns (bytes memory) {
        return _registryArguments(address(manager), chosen, set);
    }

    function _schedule(string memory set, uint256[3] memory w, uint256 fromEpoch) private {
        address[] memory members = _oracleSet(set, 4);
        _asGovernor();
        oracles.scheduleConfig(members, w, _verifiers(), fromEpoch);
    }

    function _configIs(uint256 epoch, uint256 version, uint256 weightsVersion, string memory set, uint256 weight)
        private
        view
    {
        (uint256 v, bytes32 digest, uint256 wv, uint256[3] memory w, address[] memory members) = oracles.configAt(epoch);
        assertEq(v, version);
        assertEq(wv, weightsVersion);
        assertEq(members, _oracleSet(set, 4));
        assertEq(w[0], weight);
        assertEq(oracles.weightsAt(epoch)[0], weight);
        assertEq(digest, keccak256(abi.encode(block.chainid, address(oracles), v, wv, w, members)));
    }

    /* CONSTRUCTION */

    function test_constructor__noEpochLengthOrWindow__refused() public {
        Settings memory bad = _defaults();
        bad.epochLength = 0;
        _expectCreateReverts(
            abi.encodeWithSelector(IComputeOracleRegistry.InvalidTiming.selector, 0, 1800),
            "ComputeOracleRegistry",
            _arguments(bad, _oracleSet("oracle", 4))
        );
        bad = _defaults();
        bad.reportWindow = 0;
        _expectCreateReverts(
            abi.encodeWithSelector(IComputeOracleRegistry.InvalidTiming.selector, 3600, 0),
            "ComputeOracleRegistry",
            _arguments(bad, _oracleSet("oracle", 4))
        );
    }

    function test_constructor__ringTooShort__refused() public {
        Settings memory bad = _defaults();
        bad.ringSize = 2;
        // 2 × 3,600 s is not more than 2,100 + 600 + 900 + 3,600 s.
        bad.reportWindow = 2100;
        _expectCreateReverts(
            abi.encodeWithSelector(IComputeOracleRegistry.RetentionTooShort.selector, 7200, 7200),
            "ComputeOracleRegistry",
            _arguments(bad, _oracleSet("oracle", 4))
        );
        bad.reportWindow = 2099;
        _create("ComputeOracleRegistry", _arguments(bad, _oracleSet("oracle", 4)));
        bad.ringSize = 0;
        _expectCreateReverts(
            abi.encodeWithSelector(IComputeOracleRegistry.RetentionTooShort.selector, 0, 7199),
            "ComputeOracleRegistry",
            _arguments(bad, _oracleSet("oracle", 4))
        );
    }

    function test_constructor__extensionPastTheField__refused() public {
        Settings memory bad = _defaults();
        bad.ringSize = 1e9;
        bad.maxExtension = uint256(1) << 32;
        _expectCreateReverts(
            _aboveField(uint256(1) << 32, type(uint32).max),
            "ComputeOracleRegistry",
            _arguments(bad, _oracleSet("oracle", 4))
        );
    }

    function test_constructor__wrongSet__refused() public {
        _expectCreateReverts(
            abi.encodeWithSelector(IComputeOracleRegistry.InvalidOracleCount.selector, 3, 4),
            "ComputeOracleRegistry",
            _arguments(_defaults(), _oracleSet("oracle", 3))
        );
    }

    function test_constructor__deployed__holdsItsSpans() public {
        assertEq(oracles.genesis(), GENESIS);
        assertEq(oracles.epochLength(), 3600);
        assertEq(oracles.reportWindow(), 1800);
        assertEq(oracles.disputeWindow(), 600);
        assertEq(oracles.ringSize(), 48);
        assertEq(oracles.retention(), 172_800);
        assertEq(oracles.maxExtension(), 900);
        assertEq(oracles.finality(), 3300);
        assertEq(oracles.bonds(), address(bonds));
        assertEq(oracles.facilityCount(), 2);
        _configIs(0, 1, 1, "oracle", 32);
        vm.warp(GENESIS - 1);
        assertEq(oracles.currentEpoch(), 0);
        vm.warp(GENESIS + 7199);
        assertEq(oracles.currentEpoch(), 1);
        vm.warp(GENESIS + 7200);
        assertEq(oracles.currentEpoch(), 2);
    }

    function test_constructor__event__namesTheFirstConfiguration() public {
        address[] memory members = _oracleSet("oracle", 4);
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        vm.expectEmit(next);
        emit IComputeOracleRegistry.ConfigScheduled(
            1, 0, keccak256(abi.encode(block.chainid, next, 1, 1, weights, members)), 1, weights, members, _verifiers()
        );
        _create("ComputeOracleRegistry", _arguments(_defaults(), members));
    }

    /* CONFIGURATIONS */

    function test_scheduleConfig__byAnother__refused() public {
        address[] memory members = _oracleSet("next", 4);
        vm.expectRevert(_unauthorized(deployer));
        vm.prank(deployer);
        oracles.scheduleConfig(members, weights, _verifiers(), 5);
    }

    function test_scheduleConfig__ofAnEpochThatHasBegun__refused() public {
        address[] memory members = _oracleSet("next", 4);
        _warpTo(5);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.ChangeTooSoon.selector, 5, 6));
        _asGovernor();
        oracles.scheduleConfig(members, weights, _verifiers(), 5);
        vm.warp(block.timestamp - 1);
        _asGovernor();
        oracles.scheduleConfig(members, weights, _verifiers(), 5);
    }

    function test_scheduleConfig__beforeGenesis__mayChangeTheFirstEpoch() public {
        vm.warp(GENESIS - 1);
        _schedule("next", weights, 0);
        _configIs(0, 2, 1, "next", 32);
    }

    function test_scheduleConfig__epochPastTheField__refused() public {
        address[] memory members = _oracleSet("next", 4);
        vm.expectRevert(_aboveField(uint256(1) << 32, type(uint32).max));
        _asGovernor();
        oracles.scheduleConfig(members, weights, _verifiers(), uint256(1) << 32);
    }

    function test_scheduleConfig__weightTooHigh__refused() public {
        address[] memory members = _oracleSet("next", 4);
        for (uint256 class = 0; class < 3; ++class) {
            uint256[3] memory heavy = weights;
            heavy[class] = 1025;
            vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.WeightTooHigh.selector, class, 1025, 1024));
            _asGovernor();
            oracles.scheduleConfig(members, heavy, _verifiers(), 5);
        }
    }

    function test_scheduleConfig__countThatIsNo3fPlus1__refused() public {
        uint256[9] memory given = [uint256(0), 1, 3, 5, 6, 8, 30, 32, 34];
        uint256[9] memory nearest = [uint256(4), 4, 4, 4, 4, 7, 28, 31, 31];
        for (uint256 i = 0; i < given.length; ++i) {
            address[] memory members = _oracleSet("next", given[i]);
            vm.expectRevert(
                abi.encodeWithSelector(IComputeOracleRegistry.InvalidOracleCount.selector, given[i], nearest[i])
            );
            _asGovernor();
            oracles.scheduleConfig(members, weights, _verifiers(), 5);
        }
    }

    function test_scheduleConfig__every3fPlus1__accepted() public {
        for (uint256 n = 4; n <= 31; n += 3) {
            address[] memory members = _oracleSet("next", n);
            _asGovernor();
            oracles.scheduleConfig(members, weights, _verifiers(), n);
            (,,,, address[] memory read) = oracles.configAt(n);
            assertEq(read, members);
        }
    }

    function test_scheduleConfig__aZeroMember__refused() public {
        for (uint256 place = 0; place < 4; ++place) {
            address[] memory members = _oracleSet("next", 4);
            members[place] = address(0);
            vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.ZeroOracle.selector, place));
            _asGovernor();
            oracles.scheduleConfig(members, weights, _verifiers(), 5);
        }
    }

    function test_scheduleConfig__aDoubleMember__refused() public {
        for (uint256 second = 1; second < 4; ++second) {
            for (uint256 first = 0; first < second; ++first) {
                address[] memory members = _oracleSet("next", 4);
                members[second] = members[first];
                vm.expectRevert(
                    abi.encodeWithSelector(
                        IComputeOracleRegistry.DuplicateOracle.selector, members[first], first, second
                    )
                );
                _asGovernor();
                oracles.scheduleConfig(members, weights, _verifiers(), 5);
            }
        }
    }

    function test_scheduleConfig__fromAnEpochOn__leavesTheOnesBefore() public {
        address[] memory members = _oracleSet("next", 4);
        uint256[3] memory other = [uint256(31), 16, 64];
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.ConfigScheduled(
            2,
            5,
            keccak256(abi.encode(block.chainid, address(oracles), 2, 2, other, members)),
            2,
            other,
            members,
            _verifiers()
        );
        _asGovernor();
        oracles.scheduleConfig(members, other, _verifiers(), 5);
        _configIs(4, 1, 1, "oracle", 32);
        _configIs(5, 2, 2, "next", 31);
        _configIs(1_000_000, 2, 2, "next", 31);
    }

    function test_scheduleConfig__sameWeights__keepTheirVersion() public {
        _schedule("next", weights, 5);
        _configIs(5, 2, 1, "next", 32);
    }

    function test_scheduleConfig__backToTheWeightsInForce__keepTheirVersion() public {
        _schedule("b", [uint256(31), 16, 64], 5);
        _schedule("c", weights, 5);
        _configIs(5, 3, 1, "c", 32);
    }

    function test_scheduleConfig__forTheSameOrALaterEpoch__replaces() public {
        _schedule("b", weights, 5);
        _schedule("c", weights, 8);
        _schedule("d", weights, 5);
        _configIs(4, 1, 1, "oracle", 32);
        _configIs(5, 4, 1, "d", 32);
        _configIs(8, 4, 1, "d", 32);
        _schedule("e", weights, 7);
        _configIs(6, 4, 1, "d", 32);
        _configIs(7, 5, 1, "e", 32);
    }

    function test_scheduleConfig__onceBegun__isNotReplaced() public {
        _schedule("b", weights, 5);
        _warpTo(5);
        _schedule("c", weights, 6);
        _configIs(4, 1, 1, "oracle", 32);
        _configIs(5, 2, 1, "b", 32);
        _configIs(6, 3, 1, "c", 32);
    }

    /// A version of the weights names one table, even if it never came into force: it was announced.
    function test_scheduleConfig__otherWeightsInsteadOfScheduledOnes__haveAVersionOfTheirOwn() public {
        _schedule("oracle", [uint256(31), 16, 64], 5);
        (,, uint256 announced,,) = oracles.configAt(5);
        _schedule("oracle", [uint256(30), 16, 64], 5);
        (,, uint256 replacing,,) = oracles.configAt(5);
        assertNotEq(replacing, announced);
    }

    function test_submitReport__acrossAChangeOfSet__eachEpochHasItsOwn() public {
        _schedule("next", weights, 1);
        _warpToEndOf(0);
        // Epoch 1 is running, but epoch 0 is the old set's to report.
        _report(0, 100);
        _warpToEndOf(1);
        Report memory report = _reportOf(1, 200);
        bytes memory signatures = _signedByQuorum(report);
        vm.expectRevert(_refusedSignature(_oracleSet("next", 4)[0], vm.addr(oracleKeys[0])));
        oracles.submitReport(report, signatures);
        _bondSet("next", 4);
        for (uint256 i = 0; i < 4; ++i) {
            oracleKeys[i] = _oracleKey("next", i);
        }
        _report(1, 200);
        assertEq(oracles.recordOf(0).configVersion, 1);
        assertEq(oracles.recordOf(1).configVersion, 2);
    }

    function testFuzz_configAt__manyChanges__eachEpochHasItsOwn(uint256 seed) public {
        uint256[] memory starts = new uint256[](9);
        for (uint256 i = 1; i < 9; ++i) {
            starts[i] = starts[i - 1] + 1 + (seed >> (8 * i)) % 5;
            address[] memory members = _oracleSet("next", 4);
            _asGovernor();
            oracles.scheduleConfig(members, [i, 16, 64], _verifiers(), starts[i]);
        }
        for (uint256 i = 1; i < 9; ++i) {
            assertEq(oracles.weightsAt(starts[i])[0], i);
            assertEq(oracles.weightsAt(starts[i] - 1)[0], i == 1 ? 32 : i - 1);
        }
    }

    /* FACILITIES */

    function test_registerFacility__byAnother__refused() public {
        vm.expectRevert(_unauthorized(stranger));
        vm.prank(stranger);
        oracles.registerFacility(operator, readingKey, 1, capacities, 10_000);
    }

    function test_registerFacility__good__countsFromTheNextEpoch() public {
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.FacilityRegistered(2, stranger, relayer, 3);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.FacilityTermsScheduled(2, FacilityTerms(7, 8, 9, 1, 2500, true));
        _asGovernor();
        assertEq(oracles.registerFacility(stranger, relayer, 3, capacities, 2500), 2);
        assertEq(oracles.facilityCount(), 3);
        (address who, address key, uint256 region) = oracles.facilityOf(2);
        assertEq(who, stranger);
        assertEq(key, relayer);
        assertEq(region, 3);
        assertFalse(oracles.facilityTermsAt(2, 0).active);
        assertEq(oracles.facilityTermsAt(2, 0).capacityGeneral, 0);
        FacilityTerms memory terms = oracles.facilityTermsAt(2, 1);
        assertTrue(terms.active);
        assertEq(terms.capacityGeneral, 7);
        assertEq(terms.capacityIntelligent, 8);
        assertEq(terms.capacitySuper, 9);
        assertEq(terms.publicShareBps, 2500);
        assertEq(terms.fromEpoch, 1);
    }

    function test_registerFacility__beforeGenesis__countsFromTheFirstEpoch() public view {
        assertTrue(oracles.facilityTermsAt(0, 0).active);
        assertEq(oracles.facilityTermsAt(0, 0).fromEpoch, 0);
    }

    function test_registerFacility__zeroAddresses__refused() public {
        vm.expectRevert(
            abi.encodeWithSelector(IComputeOracleRegistry.ZeroFacilityAddress.selector, address(0), readingKey)
        );
        _asGovernor();
        oracles.registerFacility(address(0), readingKey, 1, capacities, 1);
        vm.expectRevert(
            abi.encodeWithSelector(IComputeOracleRegistry.ZeroFacilityAddress.selector, operator, address(0))
        );
        _asGovernor();
        oracles.registerFacility(operator, address(0), 1, capacities, 1);
    }

    function test_registerFacility__shareAboveWhole__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.ShareAboveWhole.selector, 10_001, 10_000));
        _asGovernor();
        oracles.registerFacility(operator, readingKey, 1, capacities, 10_001);
    }

    function test_registerFacility__figuresPastTheirFields__refused() public {
        vm.expectRevert(_aboveField(uint256(1) << 32, type(uint32).max));
        _asGovernor();
        oracles.registerFacility(operator, readingKey, uint256(1) << 32, capacities, 1);
        for (uint256 class = 0; class < 3; ++class) {
            uint256[3] memory given = capacities;
            given[class] = uint256(1) << 56;
            vm.expectRevert(_aboveField(uint256(1) << 56, type(uint56).max));
            _asGovernor();
            oracles.registerFacility(operator, readingKey, 1, given, 1);
        }
        assertEq(oracles.facilityCount(), 2);
    }

    function test_scheduleFacilityTerms__byAnother__refused() public {
        vm.expectRevert(_unauthorized(operator));
        vm.prank(operator);
        oracles.scheduleFacilityTerms(0, capacities, 1, true, 5);
    }

    function test_scheduleFacilityTerms__fromAnEpochOn__leavesTheOnesBefore() public {
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.FacilityTermsScheduled(0, FacilityTerms(7, 8, 9, 5, 1, false));
        _asGovernor();
        oracles.scheduleFacilityTerms(0, capacities, 1, false, 5);
        assertEq(oracles.facilityTermsAt(0, 4).capacityGeneral, 1000);
        assertTrue(oracles.facilityTermsAt(0, 4).active);
        assertEq(oracles.facilityTermsAt(0, 5).capacityGeneral, 7);
        assertFalse(oracles.facilityTermsAt(0, 5).active);
        // The other facility's are its own.
        assertTrue(oracles.facilityTermsAt(1, 5).active);
    }

    function test_scheduleFacilityTerms__forTheSameOrALaterEpoch__replaces() public {
        vm.startPrank(address(timelock));
        oracles.scheduleFacilityTerms(0, [uint256(5), 0, 0], 1, true, 5);
        oracles.scheduleFacilityTerms(0, [uint256(8), 0, 0], 1, true, 8);
        oracles.scheduleFacilityTerms(0, [uint256(6), 0, 0], 1, true, 5);
        vm.stopPrank();
        assertEq(oracles.facilityTermsAt(0, 4).capacityGeneral, 1000);
        assertEq(oracles.facilityTermsAt(0, 5).capacityGeneral, 6);
        assertEq(oracles.facilityTermsAt(0, 8).capacityGeneral, 6);
    }

    function test_scheduleFacilityTerms__insteadOfTheFirstOnes__replaces() public {
        vm.startPrank(address(timelock));
        uint256 facility = oracles.registerFacility(operator, readingKey, 1, capacities, 1);
        oracles.scheduleFacilityTerms(facility, [uint256(5), 0, 0], 1, true, 1);
        vm.stopPrank();
        assertFalse(oracles.facilityTermsAt(facility, 0).active);
        assertEq(oracles.facilityTermsAt(facility, 1).capacityGeneral, 5);
    }

    function test_scheduleFacilityTerms__refusals() public {
        _warpTo(5);
        vm.startPrank(address(timelock));
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.UnknownFacility.selector, 2, 2));
        oracles.scheduleFacilityTerms(2, capacities, 1, true, 6);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.ChangeTooSoon.selector, 5, 6));
        oracles.scheduleFacilityTerms(0, capacities, 1, true, 5);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.ShareAboveWhole.selector, 10_001, 10_000));
        oracles.scheduleFacilityTerms(0, capacities, 10_001, true, 6);
        vm.expectRevert(_aboveField(uint256(1) << 32, type(uint32).max));
        oracles.scheduleFacilityTerms(0, capacities, 1, true, uint256(1) << 32);
        vm.expectRevert(_aboveField(uint256(1) << 56, type(uint56).max));
        oracles.scheduleFacilityTerms(0, [uint256(1) << 56, 0, 0], 1, true, 6);
        vm.stopPrank();
        assertEq(oracles.facilityTermsAt(0, 6).capacityGeneral, 1000);
    }

    function test_facilityOf__neverRegistered__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.UnknownFacility.selector, 2, 2));
        oracles.facilityOf(2);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.UnknownFacility.selector, type(uint256).max, 2));
        oracles.facilityTermsAt(type(uint256).max, 0);
    }
}
