// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Compact, Exhibit, IComputeDisputes} from "../../contracts/interfaces/IComputeDisputes.sol";
import {
    IComputeOracleRegistry,
    Observation,
    Reading,
    Report
} from "../../contracts/interfaces/IComputeOracleRegistry.sol";
import {ISignerBonds} from "../../contracts/interfaces/ISignerBonds.sol";
import {Outcome} from "../../contracts/interfaces/IReportSource.sol";
import {SumProofLib} from "../../contracts/libraries/SumProofLib.sol";
import {TreeTest} from "./TreeTest.sol";

/// Branches covered here: what is shown to be wrong. What is demanded has its own file.
///
/// constructor: horizon (InvalidHorizon), answer (InvalidRevealWindow), lock (LockTooShort), other bonds (ForeignBonds),
/// no demand bond (DemandBondTooSmall); edges
/// disputeReports, disputeObservations, disputeReadings
/// ├── two of one: that signer alone is slashed; an epoch unreported, void or final makes no difference
/// ├── the same (SameMessage), of other epochs, views, facilities (Unrelated), another configuration (WrongConfigDigest)
/// ├── out of the set (UnknownOracle), another's signature (InvalidSignature), high s (MalleableSignature)
/// └── twice (SignerIsSlashed), too late (EvidenceTooLate), ahead (EpochNotBegun), epochs past 32 bits (AboveField)
/// disputeLeaf
/// ├── misplaced, inactive, above each capacity, wrong public output: taken out, all signers slashed
/// ├── once final: slashes only, once (SignersAlreadySlashed)
/// ├── nothing wrong (NoFault), twice (LeafAlreadyTakenOut), padding (NoSuchPlace), other sums counted (SumsDiffer)
/// └── of another tree (WrongCommitment), unreported, void (EpochNotDisputable), too late (EvidenceTooLate)
/// disputeStructure
/// ├── a node that does not add up, or overflows, at each level; a leaf counted otherwise; padding that is not empty
/// ├── nothing wrong (NoFault), a wrong preimage; voids, slashes; once final: slashes only
/// └── below another fault: its way up does not lead to the commitment
/// signers: those slashed before are not again; those who did not sign are not
contract ComputeDisputesTest is TreeTest {
    address private reporter = makeAddr("reporter");

    function _outcomeIs(Outcome expected, uint256 expectedOutput) private view {
        (Outcome outcome, uint256 output) = oracles.outcomeOf(EPOCH);
        assertEq(uint256(outcome), uint256(expected));
        assertEq(output, expectedOutput);
    }

    function _final() private {
        vm.warp(block.timestamp + settings.disputeWindow + 1);
    }

    /* CONSTRUCTION */

    function _arguments(uint256 horizon, uint256 window, uint256 bond) private view returns (bytes memory) {
        return abi.encode(oracles, bonds, products, horizon, window, bond);
    }

    function test_constructor__deployed__holdsItsTerms() public view {
        assertEq(address(disputes.registry()), address(oracles));
        assertEq(address(disputes.bonds()), address(bonds));
        assertEq(disputes.evidenceHorizon(), 3900);
        assertEq(disputes.revealWindow(), 300);
        assertEq(disputes.demandBond(), 0.1 ether);
    }

    function test_constructor__horizonOutOfBounds__refused() public {
        _expectCreateReverts(
            abi.encodeWithSelector(IComputeDisputes.InvalidHorizon.selector, 3299, 3300, 172_800),
            "ComputeDisputes",
            _arguments(3299, 300, 1)
        );
        _expectCreateReverts(
            abi.encodeWithSelector(IComputeDisputes.InvalidHorizon.selector, 172_800, 3300, 172_800),
            "ComputeDisputes",
            _arguments(172_800, 300, 1)
        );
        _create("ComputeDisputes", _arguments(3300, 300, 1));
    }

    function test_constructor__horizonPastTheLock__refused() public {
        // Bonds are locked for 7,500 s: an epoch of 3,600 s and 3,900 s.
        _expectCreateReverts(
            abi.encodeWithSelector(IComputeDisputes.LockTooShort.selector, 7500, 7501),
            "ComputeDisputes",
            _arguments(3901, 300, 1)
        );
        _create("ComputeDisputes", _arguments(3900, 300, 1));
    }

    function test_constructor__noTimeToAnswer__refused() public {
        _expectCreateReverts(
            abi.encodeWithSelector(IComputeDisputes.InvalidRevealWindow.selector, 0, 300),
            "ComputeDisputes",
            _arguments(3900, 0, 1)
        );
        // 900 s of extension less a dispute window of 600 s.
        _expectCreateReverts(
            abi.encodeWithSelector(IComputeDisputes.InvalidRevealWindow.selector, 301, 300),
            "ComputeDisputes",
            _arguments(3900, 301, 1)
        );
    }

    function test_constructor__extensionBelowTheDisputeWindow__refused() public {
        Settings memory tight = _defaults();
        tight.maxExtension = 599;
        address registry = _create("ComputeOracleRegistry", _registryArguments(address(manager), tight, _set()));
        _expectCreateReverts(
            abi.encodeWithSelector(IComputeDisputes.InvalidRevealWindow.selector, 1, 0),
            "ComputeDisputes",
            abi.encode(registry, bonds, products, 3900, 1, 1)
        );
    }

    function _set() private view returns (address[] memory) {
        return _oracleSet("oracle", 4);
    }

    function test_constructor__freeDemands__refused() public {
        _expectCreateReverts(
            abi.encodeWithSelector(IComputeDisputes.DemandBondTooSmall.selector, 0, 1),
            "ComputeDisputes",
            _arguments(3900, 300, 0)
        );
    }

    function test_constructor__otherBonds__refused() public {
        address other = _create("SignerBonds", abi.encode(oracles, 1, 4000, LOCK));
        _expectCreateReverts(
            abi.encodeWithSelector(IComputeDisputes.ForeignBonds.selector, other, address(bonds)),
            "ComputeDisputes",
            abi.encode(oracles, other, products, 3900, 300, 1)
        );
    }

    /* TWO REPORTS */

    /// @dev Two reports of one view, which somebody signed both.
    function _twoReports() private returns (Report memory first, Report memory second) {
        _warpToEndOf(EPOCH);
        first = _reportOf(EPOCH, 5);
        second = _reportOf(EPOCH, 6);
    }

    function _disputeReports(uint256 oracle, uint256 key, Report memory first, Report memory second) private {
        Compact memory ofFirst = _compact(key, oracles.reportDigest(first));
        Compact memory ofSecond = _compact(key, oracles.reportDigest(second));
        vm.prank(reporter);
        disputes.disputeReports(oracle, first, second, ofFirst, ofSecond);
    }

    function test_disputeReports__twoOfOneView__slashesTheSignerAlone() public {
        (Report memory first, Report memory second) = _twoReports();
        (bytes32 one, bytes32 other) = (oracles.reportDigest(first), oracles.reportDigest(second));
        vm.expectEmit(address(disputes));
        emit IComputeDisputes.DoubleSigningProven(_oracle(1), EPOCH, reporter, one, other);
        vm.expectEmit(address(bonds));
        emit ISignerBonds.SignerSlashed(_oracle(1), reporter, EPOCH, 10 ether, 4 ether);
        _disputeReports(1, oracleKeys[1], first, second);
        _slashedAre(false, true, false, false);
        assertEq(bonds.due(reporter), 4 ether);
        assertEq(bonds.forfeited(), 6 ether);
    }

    function test_disputeReports__theEpochReportedByThem__leavesItsReport() public {
        (Report memory first, Report memory second) = _twoReports();
        oracles.submitReport(first, _signedByQuorum(first));
        _disputeReports(1, oracleKeys[1], first, second);
        _outcomeIs(Outcome.Pending, 5);
        _final();
        _outcomeIs(Outcome.Final, 5);
        assertEq(oracles.recordOf(EPOCH).signers, 7);
    }

    function test_disputeReports__theSameTwice__refused() public {
        (Report memory first,) = _twoReports();
        bytes32 digest = oracles.reportDigest(first);
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.SameMessage.selector, digest));
        this.disputeReportsNow(1, oracleKeys[1], first, first);
    }

    /// @dev As a call of its own, so that what it asks before does not meet the expectation.
    function disputeReportsNow(uint256 oracle, uint256 key, Report memory first, Report memory second) external {
        _disputeReports(oracle, key, first, second);
    }

    function test_disputeReports__ofTwoViewsOrEpochs__refused() public {
        (Report memory first, Report memory second) = _twoReports();
        second.viewNumber = 1;
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.Unrelated.selector, 0, 1));
        this.disputeReportsNow(1, oracleKeys[1], first, second);
        second.viewNumber = 0;
        second.epoch = 0;
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.Unrelated.selector, 1, 0));
        this.disputeReportsNow(1, oracleKeys[1], first, second);
    }

    function test_disputeReports__ofAnotherConfiguration__refused() public {
        (Report memory first, Report memory second) = _twoReports();
        bytes32 expected = first.configDigest;
        second.configDigest = keccak256("another");
        bytes memory refusal =
            abi.encodeWithSelector(IComputeDisputes.WrongConfigDigest.selector, keccak256("another"), expected);
        vm.expectRevert(refusal);
        this.disputeReportsNow(1, oracleKeys[1], first, second);
        vm.expectRevert(refusal);
        this.disputeReportsNow(1, oracleKeys[1], second, first);
    }

    function test_disputeReports__outOfTheSet__refused() public {
        (Report memory first, Report memory second) = _twoReports();
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.UnknownOracle.selector, 4, 4));
        this.disputeReportsNow(4, oracleKeys[1], first, second);
    }

    /// Nobody is slashed for what another signed.
    function test_disputeReports__anothersSignature__refused() public {
        (Report memory first, Report memory second) = _twoReports();
        vm.expectRevert(_refusedSignature(_oracle(2), _oracle(1)));
        this.disputeReportsNow(2, oracleKeys[1], first, second);
        Compact memory ofFirst = _compact(oracleKeys[2], oracles.reportDigest(first));
        Compact memory ofSecond = _compact(oracleKeys[1], oracles.reportDigest(second));
        vm.expectRevert(_refusedSignature(_oracle(2), _oracle(1)));
        disputes.disputeReports(2, first, second, ofFirst, ofSecond);
    }

    function test_disputeReports__highS__refused() public {
        (Report memory first, Report memory second) = _twoReports();
        Compact memory ofFirst = Compact(bytes32(uint256(1)), bytes32(HALF_ORDER + 1));
        vm.expectRevert(_refusedHighS(HALF_ORDER + 1));
        disputes.disputeReports(1, first, second, ofFirst, ofFirst);
    }

    function test_disputeReports__twice__refused() public {
        (Report memory first, Report memory second) = _twoReports();
        _disputeReports(1, oracleKeys[1], first, second);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.SignerIsSlashed.selector, _oracle(1)));
        this.disputeReportsNow(1, oracleKeys[1], second, first);
    }

    function test_disputeReports__untilTheHorizon__thenRefused() public {
        (Report memory first, Report memory second) = _twoReports();
        vm.warp(_endOf(EPOCH) + HORIZON + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IComputeDisputes.EvidenceTooLate.selector, EPOCH, _endOf(EPOCH) + 3900, block.timestamp
            )
        );
        this.disputeReportsNow(1, oracleKeys[1], first, second);
        vm.warp(_endOf(EPOCH) + HORIZON);
        _disputeReports(1, oracleKeys[1], first, second);
    }

    /// Whoever gave up its bond is within reach for as long as there can be evidence.
    function test_disputeReports__ofABondGivenUp__slashesItAllTheSame() public {
        (Report memory first, Report memory second) = _twoReports();
        vm.prank(bondOwner);
        bonds.unbond(_oracle(1));
        vm.warp(_endOf(EPOCH) + HORIZON);
        _disputeReports(1, oracleKeys[1], first, second);
        assertEq(bonds.due(reporter), 4 ether);
    }

    function test_disputeReports__ofAnEpochAhead__refused() public {
        Report memory first = _reportOf(9, 5);
        Report memory second = _reportOf(9, 6);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.EpochNotBegun.selector, 9, 1));
        this.disputeReportsNow(1, oracleKeys[1], first, second);
    }

    function test_disputeReports__epochPastTheField__refused() public {
        Report memory first = _reportOf(type(uint256).max, 5);
        Report memory second = _reportOf(type(uint256).max, 6);
        vm.expectRevert(_aboveField(type(uint256).max, type(uint32).max));
        this.disputeReportsNow(1, oracleKeys[1], first, second);
    }

    /* TWO OBSERVATIONS */

    function _observation(bytes32 readings) private view returns (Observation memory observation) {
        (, observation.configDigest,,,) = oracles.configAt(EPOCH);
        observation.epoch = EPOCH;
        observation.readings = readings;
    }

    function disputeObservationsNow(uint256 oracle, uint256 key, Observation memory a, Observation memory b) public {
        Compact memory ofA = _compact(key, oracles.observationDigest(a));
        Compact memory ofB = _compact(key, oracles.observationDigest(b));
        vm.prank(reporter);
        disputes.disputeObservations(oracle, a, b, ofA, ofB);
    }

    function test_disputeObservations__twoOfOneEpoch__slashesTheSignerAlone() public {
        _warpTo(EPOCH);
        Observation memory a = _observation("a");
        Observation memory b = _observation("b");
        (bytes32 one, bytes32 other) = (oracles.observationDigest(a), oracles.observationDigest(b));
        vm.expectEmit(address(disputes));
        emit IComputeDisputes.DoubleSigningProven(_oracle(3), EPOCH, reporter, one, other);
        disputeObservationsNow(3, oracleKeys[3], a, b);
        _slashedAre(false, false, false, true);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.SignerIsSlashed.selector, _oracle(3)));
        this.disputeObservationsNow(3, oracleKeys[3], a, b);
    }

    function test_disputeObservations__refusals() public {
        _warpTo(EPOCH);
        Observation memory a = _observation("a");
        Observation memory b = _observation("b");
        bytes32 digest = oracles.observationDigest(a);
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.SameMessage.selector, digest));
        this.disputeObservationsNow(3, oracleKeys[3], a, a);
        b.epoch = 0;
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.Unrelated.selector, 1, 0));
        this.disputeObservationsNow(3, oracleKeys[3], a, b);
        b = _observation("b");
        b.configDigest = keccak256("another");
        vm.expectRevert(
            abi.encodeWithSelector(IComputeDisputes.WrongConfigDigest.selector, b.configDigest, a.configDigest)
        );
        this.disputeObservationsNow(3, oracleKeys[3], a, b);
        b = _observation("b");
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.UnknownOracle.selector, 7, 4));
        this.disputeObservationsNow(7, oracleKeys[3], a, b);
        vm.expectRevert(_refusedSignature(_oracle(0), _oracle(3)));
        this.disputeObservationsNow(0, oracleKeys[3], a, b);
        vm.warp(_endOf(EPOCH) + HORIZON + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IComputeDisputes.EvidenceTooLate.selector, EPOCH, _endOf(EPOCH) + 3900, block.timestamp
            )
        );
        this.disputeObservationsNow(3, oracleKeys[3], a, b);
    }

    /* TWO READINGS */

    function _reading(uint256 facility, uint256 raw) private pure returns (Reading memory) {
        return Reading(facility, EPOCH, raw, 0, 0, 0);
    }

    function disputeReadingsNow(uint256 key, Reading memory a, Reading memory b) public {
        Compact memory ofA = _compact(key, oracles.readingDigest(a));
        Compact memory ofB = _compact(key, oracles.readingDigest(b));
        vm.prank(reporter);
        disputes.disputeReadings(a, b, ofA, ofB);
    }

    function test_disputeReadings__twoOfOneEpoch__slashesTheReadingKey() public {
        _warpTo(EPOCH);
        _bond(_readingKey(2), 1 ether);
        Reading memory a = _reading(2, 1);
        Reading memory b = _reading(2, 1);
        b.evidence = keccak256("other evidence");
        (bytes32 one, bytes32 other) = (oracles.readingDigest(a), oracles.readingDigest(b));
        vm.expectEmit(address(disputes));
        emit IComputeDisputes.DoubleSigningProven(vm.addr(_readingKey(2)), EPOCH, reporter, one, other);
        disputeReadingsNow(_readingKey(2), a, b);
        assertTrue(bonds.isSlashed(vm.addr(_readingKey(2))));
        assertEq(bonds.due(reporter), 0.4 ether);
        _slashedAre(false, false, false, false);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.SignerIsSlashed.selector, vm.addr(_readingKey(2))));
        this.disputeReadingsNow(_readingKey(2), a, b);
    }

    function test_disputeReadings__refusals() public {
        _warpTo(EPOCH);
        Reading memory a = _reading(2, 1);
        bytes32 digest = oracles.readingDigest(a);
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.SameMessage.selector, digest));
        this.disputeReadingsNow(_readingKey(2), a, a);
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.Unrelated.selector, 2, 3));
        this.disputeReadingsNow(_readingKey(2), a, _reading(3, 1));
        Reading memory b = _reading(2, 2);
        b.epoch = 0;
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.Unrelated.selector, 1, 0));
        this.disputeReadingsNow(_readingKey(2), a, b);
        vm.expectRevert(_refusedSignature(vm.addr(_readingKey(2)), vm.addr(_readingKey(3))));
        this.disputeReadingsNow(_readingKey(3), a, _reading(2, 2));
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.UnknownFacility.selector, 5, 5));
        this.disputeReadingsNow(_readingKey(2), _reading(5, 1), _reading(5, 2));
        vm.warp(_endOf(EPOCH) + HORIZON + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IComputeDisputes.EvidenceTooLate.selector, EPOCH, _endOf(EPOCH) + 3900, block.timestamp
            )
        );
        this.disputeReadingsNow(_readingKey(2), a, _reading(2, 2));
    }

    /* LEAVES */

    function _disputeLeaf(Tree memory tree, uint256 facility) private {
        Exhibit memory shown = _show(tree, 0, facility);
        vm.prank(reporter);
        disputes.disputeLeaf(EPOCH, facility, shown);
    }

    /// @dev Facility 2's leaf is this one instead; public output in all is 1711 and that of the leaf.
    function _with(Leaf memory leaf) private pure returns (Leaf[] memory leaves) {
        leaves = _honest();
        leaves[2] = leaf;
    }

    function _takesOut(Leaf memory leaf) private {
        Tree memory tree = _submitLeaves(_with(leaf));
        uint256 publicOutput = uint64(leaf.sums);
        _outcomeIs(Outcome.Pending, 1711 + publicOutput);
        vm.expectEmit(address(disputes));
        emit IComputeDisputes.LeafFaultProven(EPOCH, 2, reporter, publicOutput, true);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.OutputTakenOut(EPOCH, 1711 + publicOutput, 1711);
        _disputeLeaf(tree, 2);
        _outcomeIs(Outcome.Pending, 1711);
        assertTrue(disputes.isTakenOut(EPOCH, 2));
        assertTrue(disputes.signersSlashed(EPOCH));
        _slashedAre(true, true, true, false);
        assertEq(bonds.due(reporter), 12 ether);
        assertEq(bonds.forfeited(), 18 ether);
        _final();
        _outcomeIs(Outcome.Final, 1711);
    }

    function test_disputeLeaf__ofAnotherFacility__isTakenOut() public {
        _takesOut(Leaf(3, _sums(1, 1, 1, 7), "digest"));
    }

    function test_disputeLeaf__ofAFacilityThatIsNone__isTakenOut() public {
        _takesOut(Leaf(4_000_000_000, _sums(1, 1, 1, 7), "digest"));
    }

    function test_disputeLeaf__generalAboveCapacity__isTakenOut() public {
        _takesOut(Leaf(2, _sums(1001, 0, 0, 2002), "digest"));
    }

    function test_disputeLeaf__intelligentAboveCapacity__isTakenOut() public {
        _takesOut(Leaf(2, _sums(0, 1001, 0, 1001), "digest"));
    }

    function test_disputeLeaf__superAboveCapacity__isTakenOut() public {
        _takesOut(Leaf(2, _sums(0, 0, 1001, 4004), "digest"));
    }

    function test_disputeLeaf__publicOutputTooHigh__isTakenOut() public {
        _takesOut(Leaf(2, _sums(1, 1, 1, 8), "digest"));
    }

    function test_disputeLeaf__publicOutputTooLow__isTakenOut() public {
        _takesOut(Leaf(2, _sums(1, 1, 1, 6), "digest"));
    }

    function test_disputeLeaf__publicOutputOfNothing__isTakenOut() public {
        _takesOut(Leaf(2, _sums(0, 0, 0, 1), 0));
    }

    function test_disputeLeaf__ofAnInactiveFacility__isTakenOut() public {
        vm.prank(address(timelock));
        oracles.scheduleFacilityTerms(2, [uint256(1000), 1000, 1000], 10_000, false, EPOCH);
        _takesOut(Leaf(2, _sums(1, 1, 1, 7), "digest"));
    }

    function test_disputeLeaf__rawOutputOfAnInactiveFacility__isTakenOut() public {
        vm.prank(address(timelock));
        oracles.scheduleFacilityTerms(2, [uint256(1000), 1000, 1000], 0, false, EPOCH);
        _takesOut(Leaf(2, _sums(1, 1, 1, 0), "digest"));
    }

    /// Which are out is kept in words of 256 facilities.
    function test_disputeLeaf__ofManyFacilities__takesOutThatOneAlone() public {
        Leaf[] memory leaves = new Leaf[](266);
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = i < 5 ? _honest()[i] : Leaf(i, 0, 0);
            if (i < 5) continue;
            vm.prank(address(timelock));
            oracles.registerFacility(operator, vm.addr(_readingKey(i)), 1, [uint256(1000), 1000, 1000], 10_000);
        }
        leaves[264] = Leaf(265, _sums(1, 1, 1, 7), "digest");
        Tree memory tree = _submitLeaves(leaves);
        _disputeLeaf(tree, 264);
        _outcomeIs(Outcome.Pending, HONEST_OUTPUT);
        for (uint256 i = 0; i < leaves.length; ++i) {
            assertEq(disputes.isTakenOut(EPOCH, i), i == 264);
        }
    }

    /// The terms are the epoch's: what was changed from the next one on is no fault.
    function test_disputeLeaf__withinTheEpochsTerms__isNoFault() public {
        Tree memory tree = _submitLeaves(_with(Leaf(2, _sums(1000, 1000, 1000, 7000), "digest")));
        vm.startPrank(address(timelock));
        oracles.scheduleFacilityTerms(2, [uint256(1), 1, 1], 1, false, EPOCH + 2);
        oracles.scheduleConfig(_set(), [uint256(1), 1, 1], _verifiers(), EPOCH + 2);
        vm.stopPrank();
        for (uint256 i = 0; i < 5; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.NoFault.selector, EPOCH, 0, i));
            this.disputeLeafNow(tree, i);
        }
        assertFalse(disputes.signersSlashed(EPOCH));
    }

    function disputeLeafNow(Tree memory tree, uint256 facility) external {
        _disputeLeaf(tree, facility);
    }

    function test_disputeLeaf__emptyOfAnInactiveFacility__isNoFault() public {
        vm.prank(address(timelock));
        oracles.scheduleFacilityTerms(3, [uint256(0), 0, 0], 0, false, EPOCH);
        Tree memory tree = _submitLeaves(_honest());
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.NoFault.selector, EPOCH, 0, 3));
        this.disputeLeafNow(tree, 3);
    }

    /// Public output is rounded down once, after the share.
    function testFuzz_disputeLeaf__anyPublicOutput__isAFaultUnlessItIsTheFloor(
        uint256 general,
        uint256 intelligent,
        uint256 super_,
        uint256 share,
        uint256 off
    ) public {
        share = bound(share, 0, 10_000);
        (general, intelligent, super_) = (bound(general, 0, 1e9), bound(intelligent, 0, 1e9), bound(super_, 0, 1e9));
        address[] memory set = _set();
        vm.startPrank(address(timelock));
        oracles.scheduleFacilityTerms(2, [uint256(1e9), 1e9, 1e9], share, true, EPOCH);
        oracles.scheduleConfig(set, [uint256(33), 17, 65], _verifiers(), EPOCH);
        vm.stopPrank();
        uint256 weighted = (general * 33 + intelligent * 17 + super_ * 65) * share;
        // The largest whole number of which sixteen times ten thousand do not exceed that.
        uint256 floor = weighted / 160_000;
        assertLe(floor * 160_000, weighted);
        uint256 claimed = floor + off % 3;
        Leaf[] memory leaves = new Leaf[](3);
        (leaves[0].facility, leaves[1].facility) = (0, 1);
        leaves[2] = Leaf(2, _sums(uint64(general), uint64(intelligent), uint64(super_), uint64(claimed)), "digest");
        Tree memory tree = _submitLeaves(leaves);
        if (claimed == floor) {
            vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.NoFault.selector, EPOCH, 0, 2));
            this.disputeLeafNow(tree, 2);
        } else {
            _disputeLeaf(tree, 2);
            _outcomeIs(Outcome.Pending, 0);
        }
    }

    function test_disputeLeaf__twoOfATree__areBothTakenOutAndSlashedForOnce() public {
        Leaf[] memory leaves = _with(Leaf(2, _sums(1, 1, 1, 8), "digest"));
        leaves[4] = Leaf(0, _sums(0, 10, 0, 10), "digest");
        Tree memory tree = _submitLeaves(leaves);
        _disputeLeaf(tree, 4);
        _disputeLeaf(tree, 2);
        _outcomeIs(Outcome.Pending, 1701);
        assertEq(bonds.due(reporter), 12 ether);
    }

    function test_disputeLeaf__twice__refused() public {
        Tree memory tree = _submitLeaves(_with(Leaf(2, _sums(1, 1, 1, 8), "digest")));
        _disputeLeaf(tree, 2);
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.LeafAlreadyTakenOut.selector, EPOCH, 2));
        this.disputeLeafNow(tree, 2);
        _outcomeIs(Outcome.Pending, 1711);
    }

    function test_disputeLeaf__onceFinal__slashesOnlyAndOnce() public {
        Leaf[] memory leaves = _with(Leaf(2, _sums(1, 1, 1, 8), "digest"));
        leaves[4] = Leaf(0, _sums(0, 10, 0, 10), "digest");
        Tree memory tree = _submitLeaves(leaves);
        _final();
        vm.expectEmit(address(disputes));
        emit IComputeDisputes.LeafFaultProven(EPOCH, 2, reporter, 8, false);
        _disputeLeaf(tree, 2);
        _outcomeIs(Outcome.Final, 1719);
        assertFalse(disputes.isTakenOut(EPOCH, 2));
        _slashedAre(true, true, true, false);
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.SignersAlreadySlashed.selector, EPOCH));
        this.disputeLeafNow(tree, 4);
    }

    function test_disputeLeaf__untilTheHorizon__thenRefused() public {
        Tree memory tree = _submitLeaves(_with(Leaf(2, _sums(1, 1, 1, 8), "digest")));
        vm.warp(_endOf(EPOCH) + HORIZON + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IComputeDisputes.EvidenceTooLate.selector, EPOCH, _endOf(EPOCH) + 3900, block.timestamp
            )
        );
        this.disputeLeafNow(tree, 2);
        vm.warp(_endOf(EPOCH) + HORIZON);
        _disputeLeaf(tree, 2);
    }

    function test_disputeLeaf__oneSlashedBefore__isNotSlashedAgain() public {
        Leaf[] memory leaves = _with(Leaf(2, _sums(1, 1, 1, 8), "digest"));
        Tree memory tree = _submitLeaves(leaves);
        vm.prank(address(disputes));
        bonds.slash(_oracle(1), stranger, EPOCH);
        _disputeLeaf(tree, 2);
        _slashedAre(true, true, true, false);
        assertEq(bonds.due(reporter), 8 ether);
        assertEq(bonds.due(stranger), 4 ether);
    }

    function test_disputeLeaf__ofPadding__refused() public {
        Tree memory tree = _submitLeaves(_honest());
        vm.expectRevert(abi.encodeWithSelector(SumProofLib.NoSuchPlace.selector, 0, 6, 5));
        this.disputeLeafNow(tree, 6);
    }

    function test_disputeLeaf__countedOtherwise__isAnothersDispute() public {
        Tree memory tree = _submitLie(0, 2, _sums(1, 1, 1, 700));
        vm.expectRevert(
            abi.encodeWithSelector(IComputeDisputes.SumsDiffer.selector, _sums(1, 1, 1, 7), _sums(1, 1, 1, 700))
        );
        this.disputeLeafNow(tree, 2);
    }

    function test_disputeLeaf__ofAnotherTree__refused() public {
        Tree memory tree = _submitLeaves(_honest());
        bytes32 expected = _commitment(tree);
        Tree memory other = _build(_with(Leaf(2, _sums(1, 1, 1, 8), "digest")));
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.WrongCommitment.selector, _commitment(other), expected));
        this.disputeLeafNow(other, 2);
        vm.expectRevert(abi.encodeWithSelector(SumProofLib.NoSuchPlace.selector, 0, 8, 5));
        this.disputeLeafAs(tree, 2, 8);
    }

    /// @dev Shows one leaf as another's.
    function disputeLeafAs(Tree memory tree, uint256 facility, uint256 as_) external {
        disputes.disputeLeaf(EPOCH, as_, _show(tree, 0, facility));
    }

    function test_disputeLeaf__ofAnEpochWithoutAReport__refused() public {
        Tree memory tree = _build(_honest());
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.EpochNotDisputable.selector, EPOCH, Outcome.Open));
        this.disputeLeafNow(tree, 2);
        vm.warp(_endOf(EPOCH) + 1801);
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.EpochNotDisputable.selector, EPOCH, Outcome.Skipped));
        this.disputeLeafNow(tree, 2);
    }

    /* STRUCTURE */

    function _disputeStructure(Tree memory tree, uint256 level, uint256 position) private {
        Exhibit memory shown = _show(tree, level, position);
        vm.prank(reporter);
        disputes.disputeStructure(_place(level, position), shown);
    }

    function disputeStructureNow(Tree memory tree, uint256 level, uint256 position) external {
        _disputeStructure(tree, level, position);
    }

    function _voids(Tree memory tree, uint256 level, uint256 position) private {
        uint256 output = uint64(_top(tree).sums);
        _outcomeIs(Outcome.Pending, output);
        vm.expectEmit(address(disputes));
        emit IComputeDisputes.StructureFaultProven(EPOCH, reporter, level, position, true);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.ReportVoided(EPOCH, output);
        _disputeStructure(tree, level, position);
        _outcomeIs(Outcome.Void, 0);
        _slashedAre(true, true, true, false);
        assertEq(bonds.due(reporter), 12 ether);
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.EpochNotDisputable.selector, EPOCH, Outcome.Void));
        this.disputeStructureNow(tree, level, position);
        // Void for good, and not to be reported again.
        vm.warp(block.timestamp + 1700);
        _outcomeIs(Outcome.Void, 0);
    }

    function test_disputeStructure__aNodeThatClaimsMore__voids() public {
        _voids(_submitLie(1, 0, _sums(201, 200, 300, 9999)), 1, 0);
    }

    function test_disputeStructure__aNodeThatClaimsLess__voids() public {
        _voids(_submitLie(2, 1, _sums(0, 10, 0, 9)), 2, 1);
    }

    function test_disputeStructure__aTopThatDoesNotAddUp__voids() public {
        _voids(_submitLie(3, 0, _sums(1, 2, 3, 4)), 3, 0);
    }

    function test_disputeStructure__aNodeThatOverflows__voids() public {
        Leaf[] memory leaves = _honest();
        leaves[2].sums = _sums(1, 1, 1, type(uint64).max - 6);
        leaves[3].sums = _sums(1, 1, 1, 7);
        // The lane begins anew at zero, and nothing above notices.
        Tree memory tree = _submitLeaves(leaves);
        assertEq(tree.nodes[1][1].sums, _sums(2, 2, 2, 0));
        _voids(tree, 1, 1);
    }

    function test_disputeStructure__aLeafCountedOtherwise__voids() public {
        _voids(_submitLie(0, 2, _sums(1, 1, 1, 700)), 0, 2);
    }

    function test_disputeStructure__paddingThatCounts__voids() public {
        _voids(_submitLie(0, 6, _sums(0, 0, 0, 500)), 0, 6);
    }

    /// A sixth leaf in the place of a padding: its hash alone is a fault.
    function test_disputeStructure__paddingThatIsALeaf__voids() public {
        Leaf[] memory leaves = new Leaf[](6);
        for (uint256 i = 0; i < 5; ++i) {
            leaves[i] = _honest()[i];
        }
        leaves[5] = Leaf(5, 0, 0);
        Tree memory tree = _build(leaves);
        tree.count = 5;
        _submit(tree);
        _voids(tree, 0, 5);
    }

    function test_disputeStructure__oneFacility__itsLeafIsTheTop() public {
        Leaf[] memory leaves = new Leaf[](1);
        leaves[0] = _honest()[0];
        Tree memory tree = _build(leaves, Lie(true, 0, 0, _sums(100, 200, 300, 1601)));
        _submit(tree);
        _voids(tree, 0, 0);
    }

    /// Each place of an honest tree, shown as it is, is no fault; nor does a fault lie at any other place than its own.
    function test_disputeStructure__soundPlaces__areNoFault() public {
        Tree memory tree = _submitLeaves(_honest());
        for (uint256 level = 0; level <= 3; ++level) {
            for (uint256 position = 0; position < tree.nodes[level].length; ++position) {
                vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.NoFault.selector, EPOCH, level, position));
                this.disputeStructureNow(tree, level, position);
            }
        }
        assertFalse(disputes.signersSlashed(EPOCH));
    }

    function test_disputeStructure__aLeafBesideTheFault__isNoFault() public {
        Tree memory tree = _submitLie(1, 0, _sums(201, 200, 300, 9999));
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.NoFault.selector, EPOCH, 0, 4));
        this.disputeStructureNow(tree, 0, 4);
        // Below the fault nothing adds up to the commitment: the fault itself is what to show.
        vm.expectPartialRevert(IComputeDisputes.WrongCommitment.selector);
        this.disputeStructureNow(tree, 0, 0);
        _disputeStructure(tree, 1, 0);
    }

    function test_disputeStructure__withAnotherPreimage__refused() public {
        Tree memory tree = _submitLeaves(_honest());
        Exhibit memory shown = _show(tree, 1, 0);
        shown.preimage = tree.preimages[1][1];
        vm.expectRevert(
            abi.encodeWithSelector(SumProofLib.WrongPreimage.selector, tree.nodes[1][1].hash, tree.nodes[1][0].hash)
        );
        disputes.disputeStructure(_place(1, 0), shown);
        shown.preimage = tree.preimages[0][0];
        vm.expectRevert(abi.encodeWithSelector(SumProofLib.MalformedPreimage.selector, 69, 129));
        disputes.disputeStructure(_place(1, 0), shown);
    }

    /// Another position is another path: a leaf of this place is shown at none beyond the tree.
    function test_disputeStructure__beyondTheTree__refused() public {
        Tree memory tree = _submitLeaves(_honest());
        Exhibit memory shown = _show(tree, 0, 2);
        vm.expectRevert(abi.encodeWithSelector(SumProofLib.NoSuchPlace.selector, 0, 10, 5));
        disputes.disputeStructure(_place(0, 10), shown);
        shown.facilityCount = (uint256(1) << 32) + 5;
        vm.expectRevert(_aboveField(shown.facilityCount, type(uint32).max));
        disputes.disputeStructure(_place(0, 2), shown);
    }

    function test_disputeStructure__onceFinal__slashesOnlyAndOnce() public {
        Tree memory tree = _submitLie(1, 0, _sums(201, 200, 300, 9999));
        _final();
        vm.expectEmit(address(disputes));
        emit IComputeDisputes.StructureFaultProven(EPOCH, reporter, 1, 0, false);
        _disputeStructure(tree, 1, 0);
        (Outcome outcome,) = oracles.outcomeOf(EPOCH);
        assertEq(uint256(outcome), uint256(Outcome.Final));
        _slashedAre(true, true, true, false);
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.SignersAlreadySlashed.selector, EPOCH));
        this.disputeStructureNow(tree, 1, 0);
    }

    function test_disputeStructure__afterTheHorizon__refused() public {
        Tree memory tree = _submitLie(1, 0, _sums(201, 200, 300, 9999));
        vm.warp(_endOf(EPOCH) + HORIZON + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IComputeDisputes.EvidenceTooLate.selector, EPOCH, _endOf(EPOCH) + 3900, block.timestamp
            )
        );
        this.disputeStructureNow(tree, 1, 0);
    }

    /// A report that is void issues nothing: the vault passes its epoch.
    function test_distribute__afterAVoidReport__passesItsEpoch() public {
        _enrolMany(2);
        _income(10);
        Tree memory tree = _submitLie(1, 0, _sums(201, 200, 300, 9999));
        _disputeStructure(tree, 1, 0);
        vault.distribute();
        assertEq(vault.nextEpoch(), 2);
        assertEq(vault.issued() + vault.reserve(), 10 * SBI);
    }

    function test_distribute__afterALeafIsTakenOut__issuesTheRest() public {
        _enrolMany(2);
        _income(10);
        Tree memory tree = _submitLeaves(_with(Leaf(2, _sums(1, 1, 1, 8), "digest")));
        _disputeLeaf(tree, 2);
        _final();
        vault.distribute();
        assertEq(vault.issued() + vault.reserve(), (10 + 1711) * SBI);
    }

    /* CODE */

    function test_code__ofTheDisputes__fitsTheChain() public view {
        address[4] memory all = [address(oracles), address(bonds), address(disputes), address(ecdsa)];
        for (uint256 i = 0; i < all.length; ++i) {
            assertLt(all[i].code.length, 24_576);
        }
    }
}
