// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {
    IComputeOracleRegistry,
    Observation,
    Reading,
    Record,
    Report
} from "../../contracts/interfaces/IComputeOracleRegistry.sol";
import {Outcome} from "../../contracts/interfaces/IReportSource.sol";
import {ISignatureFaults} from "../../contracts/interfaces/ISignatureVerifier.sol";
import {SuiteTest} from "./SuiteTest.sol";

/// Branches covered here: reports and their outcome. Configurations and facilities have their own file.
///
/// submitReport
/// ├── before the epoch's end: EpochNotEnded; after the deadline: StaleReport; both edges
/// ├── an epoch past 32 bits: AboveField
/// ├── reported before, the same or another report: AlreadyReported
/// ├── no facility, more than registered: WrongFacilityCount
/// ├── another weights version: WrongWeightsVersion; another configuration: WrongConfigDigest
/// ├── bytes that are no whole entries: SignatureBytesMisaligned
/// ├── fewer than 2f + 1: QuorumNotReached, for n = 4 and n = 31
/// ├── twice the same signer, descending: SignersOutOfOrder; a number out of the set: UnknownOracle
/// ├── forged, of another report, chain or registry: InvalidSignature; high s: MalleableSignature
/// ├── a lane past 64 bits: AboveField
/// └── accepted, by anyone, with a quorum or more: record, event
/// reportDigest: binds every field, chain and registry
/// outcomeOf: Open, Pending, Final, Skipped, at their edges; forgotten (EpochForgotten)
/// recordOf: none, one, overwritten, forgotten (EpochForgotten)
/// outcomeOf, recordOf: an epoch past 32 bits (AboveField)
/// takeOut, voidReport, openDemand, closeDemand
/// ├── by another than the epoch's disputes (NotDisputes); of a report that is none, void or final (EpochNotPending)
/// ├── takeOut: leaves the rest; all; more than is left, which voids
/// ├── openDemand: keeps a report pending, until it can have no answer: then void; past 16 bits (AboveField)
/// └── closeDemand: a dispute window from then, at most the extension; none open (NoDemandOpen)
/// observationDigest, readingDigest: EIP-712
contract ComputeOracleRegistryTest is SuiteTest {
    function _submit(Report memory report, bytes memory signatures) private {
        vm.prank(stranger);
        oracles.submitReport(report, signatures);
    }

    /// @dev A good report of epoch 0, which is over, signed by the first three oracles.
    function _good() private returns (Report memory report, bytes memory signatures) {
        _warpToEndOf(0);
        report = _reportOf(0, 8000);
        signatures = _signedByQuorum(report);
    }

    function _numbers(uint256 a, uint256 b, uint256 c) private pure returns (uint256[] memory numbers) {
        numbers = new uint256[](3);
        (numbers[0], numbers[1], numbers[2]) = (a, b, c);
    }

    function _outcomeIs(uint256 epoch, Outcome expected, uint256 expectedOutput) private view {
        (Outcome outcome, uint256 output) = oracles.outcomeOf(epoch);
        assertEq(uint256(outcome), uint256(expected));
        assertEq(output, expectedOutput);
    }

    /* ACCEPTED */

    function test_submitReport__byAQuorum__isRecorded() public {
        (Report memory report, bytes memory signatures) = _good();
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.ReportAccepted(0, 1, 7, report);
        _submit(report, signatures);

        Record memory record = oracles.recordOf(0);
        bytes memory sums = abi.encodePacked(uint64(1), uint64(2), uint64(3), uint64(8000));
        assertEq(record.commitment, keccak256(bytes.concat(hex"02", bytes4(uint32(2)), report.root, sums)));
        assertEq(record.publicOutput, 8000);
        assertEq(record.epoch, 0);
        assertEq(record.acceptedAt, block.timestamp);
        assertEq(record.signers, 7);
        assertEq(record.configVersion, 1);
        assertFalse(record.isVoid);
    }

    function test_submitReport__byOtherThreeOfFour__isRecorded() public {
        (Report memory report,) = _good();
        _submit(report, _signedBy(report, _numbers(0, 2, 3)));
        assertEq(oracles.recordOf(0).signers, 13);
    }

    function test_submitReport__byAll__isRecorded() public {
        (Report memory report,) = _good();
        _submit(report, _signedBy(report, _firstOracles(4)));
        assertEq(oracles.recordOf(0).signers, 15);
    }

    function test_submitReport__ofALaterView__isRecorded() public {
        (Report memory report,) = _good();
        report.viewNumber = type(uint256).max;
        _submit(report, _signedByQuorum(report));
        assertEq(oracles.recordOf(0).publicOutput, 8000);
    }

    function test_submitReport__lanesFull__isRecorded() public {
        (Report memory report,) = _good();
        report.rawGeneral = report.rawIntelligent = report.rawSuper = report.publicOutput = type(uint64).max;
        _submit(report, _signedByQuorum(report));
        assertEq(oracles.recordOf(0).publicOutput, type(uint64).max);
    }

    function test_submitReport__oneFacilityOfTwo__isRecorded() public {
        (Report memory report,) = _good();
        report.facilityCount = 1;
        _submit(report, _signedByQuorum(report));
        assertEq(oracles.recordOf(0).signers, 7);
    }

    function test_submitReport__of31Oracles__needs21() public {
        Settings memory wide = _defaults();
        wide.oracleCount = 31;
        _deploySuite(wide);
        _warpToEndOf(0);
        Report memory report = _reportOf(0, 8000);
        bytes memory signatures = _signedBy(report, _firstOracles(20));
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.QuorumNotReached.selector, 20, 21));
        _submit(report, signatures);
        _submit(report, _signedBy(report, _firstOracles(21)));
        assertEq(oracles.recordOf(0).signers, (1 << 21) - 1);
    }

    /* TIME */

    function test_submitReport__beforeTheEpochsEnd__refused() public {
        (Report memory report, bytes memory signatures) = _good();
        vm.warp(_endOf(0) - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IComputeOracleRegistry.EpochNotEnded.selector, 0, _endOf(0), _endOf(0) - 1)
        );
        _submit(report, signatures);
    }

    function test_submitReport__ofAFutureEpoch__refused() public {
        Report memory report = _reportOf(1000, 8000);
        bytes memory signatures = _signedByQuorum(report);
        vm.expectRevert(
            abi.encodeWithSelector(IComputeOracleRegistry.EpochNotEnded.selector, 1000, _endOf(1000), block.timestamp)
        );
        _submit(report, signatures);
    }

    function test_submitReport__atTheDeadline__isRecorded() public {
        (Report memory report, bytes memory signatures) = _good();
        vm.warp(_endOf(0) + 1800);
        _submit(report, signatures);
        assertEq(oracles.recordOf(0).publicOutput, 8000);
    }

    function test_submitReport__afterTheDeadline__refused() public {
        (Report memory report, bytes memory signatures) = _good();
        vm.warp(_endOf(0) + 1801);
        vm.expectRevert(
            abi.encodeWithSelector(IComputeOracleRegistry.StaleReport.selector, 0, _endOf(0) + 1800, _endOf(0) + 1801)
        );
        _submit(report, signatures);
    }

    function test_submitReport__longAfterTheRingWrapped__refused() public {
        (Report memory report, bytes memory signatures) = _good();
        vm.warp(_endOf(500));
        vm.expectRevert(
            abi.encodeWithSelector(IComputeOracleRegistry.StaleReport.selector, 0, _endOf(0) + 1800, _endOf(500))
        );
        _submit(report, signatures);
    }

    /// An epoch that no field holds meets a named error, as any other figure does.
    function test_submitReport__epochPastTheField__refused() public {
        (Report memory report,) = _good();
        report.epoch = type(uint256).max;
        bytes memory signatures = _signedByQuorum(report);
        vm.expectRevert(_aboveField(type(uint256).max, type(uint32).max));
        _submit(report, signatures);
    }

    /* REPLAY */

    function test_submitReport__twice__refused() public {
        (Report memory report, bytes memory signatures) = _good();
        _submit(report, signatures);
        uint256 acceptedAt = block.timestamp;
        vm.warp(acceptedAt + 60);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.AlreadyReported.selector, 0, acceptedAt));
        _submit(report, signatures);
    }

    function test_submitReport__anotherForTheSameEpoch__refused() public {
        (Report memory report, bytes memory signatures) = _good();
        _submit(report, signatures);
        report.publicOutput = 9000;
        signatures = _signedBy(report, _numbers(1, 2, 3));
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.AlreadyReported.selector, 0, block.timestamp));
        _submit(report, signatures);
        assertEq(oracles.recordOf(0).publicOutput, 8000);
    }

    function test_submitReport__aLaterViewOfTheSameEpoch__refused() public {
        (Report memory report, bytes memory signatures) = _good();
        _submit(report, signatures);
        report.viewNumber = 1;
        signatures = _signedByQuorum(report);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.AlreadyReported.selector, 0, block.timestamp));
        _submit(report, signatures);
    }

    function test_submitReport__signaturesOfAnEarlierEpoch__refused() public {
        (Report memory report, bytes memory signatures) = _good();
        _submit(report, signatures);
        _warpToEndOf(1);
        report.epoch = 1;
        address recovered = _signerOf(report, signatures);
        vm.expectRevert(_refusedSignature(vm.addr(oracleKeys[0]), recovered));
        _submit(report, signatures);
    }

    /// @dev Whom the first entry's signature makes the signer of a report.
    function _signerOf(Report memory report, bytes memory signatures) private view returns (address) {
        bytes32 r;
        bytes32 vs;
        assembly ("memory-safe") {
            r := mload(add(signatures, 0x21))
            vs := mload(add(signatures, 0x41))
        }
        return ecrecover(
            oracles.reportDigest(report),
            27 + uint8(uint256(vs) >> 255),
            r,
            bytes32(uint256(vs) & type(uint256).max >> 1)
        );
    }

    /* WHAT THE REPORT NAMES */

    function test_submitReport__noFacility__refused() public {
        (Report memory report,) = _good();
        report.facilityCount = 0;
        bytes memory signatures = _signedByQuorum(report);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.WrongFacilityCount.selector, 0, 2));
        _submit(report, signatures);
    }

    function test_submitReport__moreFacilitiesThanThereAre__refused() public {
        (Report memory report,) = _good();
        report.facilityCount = 3;
        bytes memory signatures = _signedByQuorum(report);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.WrongFacilityCount.selector, 3, 2));
        _submit(report, signatures);
    }

    function test_submitReport__anotherWeightsVersion__refused() public {
        (Report memory report,) = _good();
        report.weightsVersion = 2;
        bytes memory signatures = _signedByQuorum(report);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.WrongWeightsVersion.selector, 2, 1));
        _submit(report, signatures);
    }

    function test_submitReport__anotherConfiguration__refused() public {
        (Report memory report,) = _good();
        (, bytes32 expected,,,) = oracles.configAt(0);
        report.configDigest = keccak256("another");
        bytes memory signatures = _signedByQuorum(report);
        vm.expectRevert(
            abi.encodeWithSelector(IComputeOracleRegistry.WrongConfigDigest.selector, keccak256("another"), expected)
        );
        _submit(report, signatures);
    }

    function test_submitReport__theNextConfiguration__refused() public {
        _asGovernor();
        oracles.scheduleConfig(_oracleSet("oracle", 4), [uint256(32), 16, 64], _verifiers(), 1);
        (Report memory report,) = _good();
        (, bytes32 expected,,,) = oracles.configAt(0);
        (, report.configDigest,,,) = oracles.configAt(1);
        bytes memory signatures = _signedByQuorum(report);
        vm.expectRevert(
            abi.encodeWithSelector(IComputeOracleRegistry.WrongConfigDigest.selector, report.configDigest, expected)
        );
        _submit(report, signatures);
    }

    function test_submitReport__aLanePastItsField__refused() public {
        uint256 over = uint256(1) << 64;
        for (uint256 lane = 0; lane < 4; ++lane) {
            (Report memory report,) = _good();
            if (lane == 0) report.rawGeneral = over;
            if (lane == 1) report.rawIntelligent = over;
            if (lane == 2) report.rawSuper = over;
            if (lane == 3) report.publicOutput = over;
            bytes memory signatures = _signedByQuorum(report);
            vm.expectRevert(_aboveField(over, over - 1));
            _submit(report, signatures);
        }
    }

    /* WHO SIGNED */

    function test_submitReport__bytesThatAreNoEntries__refused() public {
        (Report memory report, bytes memory signatures) = _good();
        vm.expectRevert(abi.encodeWithSelector(ISignatureFaults.SignatureBytesMisaligned.selector, 196, 65));
        _submit(report, bytes.concat(signatures, hex"00"));
        vm.expectRevert(abi.encodeWithSelector(ISignatureFaults.SignatureBytesMisaligned.selector, 64, 65));
        _submit(report, new bytes(64));
    }

    function test_submitReport__tooFewSigners__refused() public {
        (Report memory report,) = _good();
        for (uint256 count = 0; count < 3; ++count) {
            bytes memory signatures = _signedBy(report, _firstOracles(count));
            vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.QuorumNotReached.selector, count, 3));
            _submit(report, signatures);
        }
    }

    function test_submitReport__aSignerTwice__refused() public {
        (Report memory report,) = _good();
        bytes memory signatures = _signedBy(report, _numbers(0, 1, 1));
        vm.expectRevert(abi.encodeWithSelector(ISignatureFaults.SignersOutOfOrder.selector, 1, 1));
        _submit(report, signatures);
        signatures = _signedBy(report, _numbers(0, 0, 1));
        vm.expectRevert(abi.encodeWithSelector(ISignatureFaults.SignersOutOfOrder.selector, 0, 0));
        _submit(report, signatures);
    }

    function test_submitReport__descendingSigners__refused() public {
        (Report memory report,) = _good();
        bytes memory signatures = _signedBy(report, _numbers(0, 2, 1));
        vm.expectRevert(abi.encodeWithSelector(ISignatureFaults.SignersOutOfOrder.selector, 1, 2));
        _submit(report, signatures);
    }

    function test_submitReport__aNumberOutOfTheSet__refused() public {
        (Report memory report, bytes memory signatures) = _good();
        bytes memory fourth = _entry(4, oracleKeys[3], oracles.reportDigest(report));
        vm.expectRevert(abi.encodeWithSelector(ISignatureFaults.UnknownOracle.selector, 4, 4));
        _submit(report, bytes.concat(signatures, fourth));
        fourth[0] = 0xff;
        vm.expectRevert(abi.encodeWithSelector(ISignatureFaults.UnknownOracle.selector, 255, 4));
        _submit(report, bytes.concat(signatures, fourth));
    }

    function test_submitReport__forgedBySomebody__refused() public {
        (Report memory report,) = _good();
        bytes32 digest = oracles.reportDigest(report);
        bytes memory signatures =
            bytes.concat(_entry(0, oracleKeys[0], digest), _entry(1, 0xBAD, digest), _entry(2, oracleKeys[2], digest));
        vm.expectRevert(_refusedSignature(vm.addr(oracleKeys[1]), vm.addr(0xBAD)));
        _submit(report, signatures);
    }

    function test_submitReport__anOracleInAnothersPlace__refused() public {
        (Report memory report,) = _good();
        bytes32 digest = oracles.reportDigest(report);
        bytes memory signatures = bytes.concat(
            _entry(0, oracleKeys[0], digest), _entry(1, oracleKeys[1], digest), _entry(2, oracleKeys[3], digest)
        );
        vm.expectRevert(_refusedSignature(vm.addr(oracleKeys[2]), vm.addr(oracleKeys[3])));
        _submit(report, signatures);
    }

    function test_submitReport__nobodysSignature__refused() public {
        (Report memory report, bytes memory signatures) = _good();
        bytes memory empty = new bytes(65);
        empty[0] = 0x03;
        vm.expectRevert(_refusedSignature(vm.addr(oracleKeys[3]), address(0)));
        _submit(report, bytes.concat(signatures, empty));
    }

    function test_submitReport__changedAfterSigning__refused() public {
        for (uint256 field = 0; field < 6; ++field) {
            (Report memory report, bytes memory signatures) = _good();
            if (field == 0) report.viewNumber += 1;
            if (field == 1) report.root = keccak256("another");
            if (field == 2) report.rawGeneral += 1;
            if (field == 3) report.rawIntelligent += 1;
            if (field == 4) report.rawSuper += 1;
            if (field == 5) report.publicOutput += 1;
            address recovered = _signerOf(report, signatures);
            vm.expectRevert(_refusedSignature(vm.addr(oracleKeys[0]), recovered));
            _submit(report, signatures);
        }
    }

    function test_submitReport__signedOnAnotherChain__refused() public {
        (Report memory report,) = _good();
        vm.chainId(424242);
        bytes memory signatures = _signedByQuorum(report);
        vm.chainId(31337);
        address recovered = _signerOf(report, signatures);
        vm.expectRevert(_refusedSignature(vm.addr(oracleKeys[0]), recovered));
        _submit(report, signatures);
    }

    function test_submitReport__signedForAnotherRegistry__refused() public {
        (Report memory report, bytes memory signatures) = _good();
        address elsewhere = address(oracles);
        // The same oracles serve a second suite; its configuration differs, since its address does.
        _deploySuite(_defaults());
        assertNotEq(address(oracles), elsewhere);
        _warpToEndOf(0);
        (, bytes32 expected,,,) = oracles.configAt(0);
        vm.expectRevert(
            abi.encodeWithSelector(IComputeOracleRegistry.WrongConfigDigest.selector, report.configDigest, expected)
        );
        _submit(report, signatures);
        report.configDigest = expected;
        address recovered = _signerOf(report, signatures);
        vm.expectRevert(_refusedSignature(vm.addr(oracleKeys[0]), recovered));
        _submit(report, signatures);
    }

    function test_submitReport__highS__refused() public {
        (Report memory report, bytes memory signatures) = _good();
        bytes memory high = abi.encodePacked(uint8(3), uint256(1), HALF_ORDER + 1);
        vm.expectRevert(_refusedHighS(HALF_ORDER + 1));
        _submit(report, bytes.concat(signatures, high));
    }

    function test_submitReport__theSecondFormOfASignature__refused() public {
        (Report memory report, bytes memory signatures) = _good();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(oracleKeys[3], oracles.reportDigest(report));
        // An s of the upper half has 256 bits; in 255 of them it is another s, and somebody else's signature.
        uint256 highS = ORDER - uint256(s);
        uint256 vs = highS | uint256(v == 27 ? 1 : 0) << 255;
        address recovered =
            ecrecover(oracles.reportDigest(report), uint8(27 + (vs >> 255)), r, bytes32(vs & type(uint256).max >> 1));
        vm.expectRevert(_refusedSignature(vm.addr(oracleKeys[3]), recovered));
        _submit(report, bytes.concat(signatures, abi.encodePacked(uint8(3), r, vs)));
    }

    /// No bytes that a quorum did not sign make a record.
    function testFuzz_submitReport__anyBytes__refused(bytes memory noise, uint8 place) public {
        (Report memory report, bytes memory signatures) = _good();
        uint256 spot = 1 + uint256(place) % (signatures.length - 1);
        signatures[spot] = bytes1(uint8(signatures[spot]) ^ (noise.length == 0 ? 1 : uint8(noise[0]) | 1));
        vm.expectRevert();
        _submit(report, signatures);
        vm.expectRevert();
        _submit(report, noise);
    }

    /* DIGEST */

    function test_reportDigest__signedData__isEip712() public {
        (Report memory report,) = _good();
        bytes32 typehash = keccak256(
            "Report(bytes32 configDigest,uint256 epoch,uint256 viewNumber,uint256 weightsVersion,uint256 facilityCount,bytes32 root,uint256 rawGeneral,uint256 rawIntelligent,uint256 rawSuper,uint256 publicOutput)"
        );
        bytes memory head = abi.encode(
            typehash,
            report.configDigest,
            report.epoch,
            report.viewNumber,
            report.weightsVersion,
            report.facilityCount,
            report.root
        );
        bytes memory tail = abi.encode(report.rawGeneral, report.rawIntelligent, report.rawSuper, report.publicOutput);
        assertEq(
            oracles.reportDigest(report),
            _digest("ComputeOracleRegistry", address(oracles), keccak256(bytes.concat(head, tail)))
        );
    }

    function test_eip712Domain__always__describesTheDomain() public view {
        (bytes1 fields, string memory name, string memory version, uint256 chainId, address verifier,,) =
            oracles.eip712Domain();
        assertEq(fields, bytes1(0x0f));
        assertEq(name, "ComputeOracleRegistry");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(verifier, address(oracles));
    }

    /* OUTCOMES */

    function test_outcomeOf__notReported__isOpenUntilTheDeadlineAndThenSkipped() public {
        _outcomeIs(0, Outcome.Open, 0);
        vm.warp(_endOf(0) + 1800);
        _outcomeIs(0, Outcome.Open, 0);
        vm.warp(_endOf(0) + 1801);
        _outcomeIs(0, Outcome.Skipped, 0);
    }

    function test_outcomeOf__reported__isPendingForTheWindowAndThenFinal() public {
        (Report memory report, bytes memory signatures) = _good();
        _submit(report, signatures);
        uint256 acceptedAt = block.timestamp;
        _outcomeIs(0, Outcome.Pending, 8000);
        vm.warp(acceptedAt + 600);
        _outcomeIs(0, Outcome.Pending, 8000);
        vm.warp(acceptedAt + 601);
        _outcomeIs(0, Outcome.Final, 8000);
    }

    function test_outcomeOf__reportedAtTheDeadline__isNotSkipped() public {
        (Report memory report, bytes memory signatures) = _good();
        vm.warp(_endOf(0) + 1800);
        _submit(report, signatures);
        vm.warp(block.timestamp + 1);
        _outcomeIs(0, Outcome.Pending, 8000);
    }

    function test_outcomeOf__aFutureEpoch__isOpen() public view {
        _outcomeIs(1, Outcome.Open, 0);
        _outcomeIs(1_000_000, Outcome.Open, 0);
    }

    function test_outcomeOf__aReportOfZero__isFinalAllTheSame() public {
        _warpToEndOf(0);
        _report(0, 0);
        vm.warp(block.timestamp + 601);
        _outcomeIs(0, Outcome.Final, 0);
    }

    /* THE RING: 48 EPOCHS */

    function test_outcomeOf__untilRetentionEnds__isKept() public {
        (Report memory report, bytes memory signatures) = _good();
        _submit(report, signatures);
        vm.warp(_endOf(0) + oracles.retention() - 1);
        _outcomeIs(0, Outcome.Final, 8000);
        assertEq(oracles.recordOf(0).publicOutput, 8000);
    }

    function test_recordOf__afterRetention__isForgotten() public {
        (Report memory report, bytes memory signatures) = _good();
        _submit(report, signatures);
        vm.warp(_endOf(0) + oracles.retention());
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.EpochForgotten.selector, 0, 1));
        oracles.recordOf(0);
    }

    function test_outcomeOf__unreportedAfterRetention__isForgotten() public {
        vm.warp(_endOf(3) + oracles.retention() - 1);
        _outcomeIs(3, Outcome.Skipped, 0);
        vm.warp(_endOf(3) + oracles.retention());
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.EpochForgotten.selector, 3, 4));
        oracles.outcomeOf(3);
    }

    function test_submitReport__onceTheRingHasWrapped__replacesTheOldest() public {
        (Report memory report, bytes memory signatures) = _good();
        _submit(report, signatures);
        _warpToEndOf(48);
        // The slot still holds epoch 0, of which nobody may hear as epoch 48.
        _outcomeIs(48, Outcome.Open, 0);
        assertEq(oracles.recordOf(48).acceptedAt, 0);
        assertEq(oracles.recordOf(48).commitment, bytes32(0));
        _report(48, 5000);
        assertEq(oracles.recordOf(48).publicOutput, 5000);
        assertEq(oracles.recordOf(48).epoch, 48);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.EpochForgotten.selector, 0, 1));
        oracles.outcomeOf(0);
    }

    function test_submitReport__threeRoundsOfTheSmallestRing__keepsTheLast() public {
        Settings memory small = _defaults();
        // 2 × 3,600 s must be more than 1,800 + 600 + 900 + 3,600 s; the vault's expiry must be below it.
        small.ringSize = 2;
        small.expiryAge = HOUR;
        (small.haltSpan, small.brakeSpan) = (0, 0);
        _deploySuite(small);
        for (uint256 epoch = 0; epoch < 7; ++epoch) {
            _warpToEndOf(epoch);
            _report(epoch, 1000 + epoch);
            assertEq(oracles.recordOf(epoch).publicOutput, 1000 + epoch);
            if (epoch > 0) _outcomeIs(epoch - 1, Outcome.Final, 999 + epoch);
            if (epoch > 1) {
                vm.expectRevert(
                    abi.encodeWithSelector(IComputeOracleRegistry.EpochForgotten.selector, epoch - 2, epoch - 1)
                );
                oracles.recordOf(epoch - 2);
            }
        }
    }

    function test_recordOf__notReported__isAllZero() public view {
        Record memory record = oracles.recordOf(7);
        assertEq(record.commitment, bytes32(0));
        assertEq(record.acceptedAt, 0);
        assertEq(record.signers, 0);
        assertEq(record.configVersion, 0);
    }

    function test_outcomeOf__epochPastTheField__refused() public {
        uint256[2] memory over = [uint256(1) << 32, type(uint256).max];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(_aboveField(over[i], type(uint32).max));
            oracles.outcomeOf(over[i]);
            vm.expectRevert(_aboveField(over[i], type(uint32).max));
            oracles.recordOf(over[i]);
            assertEq(oracles.verifiersAt(over[i]).disputes, address(disputes));
            assertEq(oracles.weightsAt(over[i])[0], 32);
            oracles.configAt(over[i]);
            oracles.standingAt(over[i]);
            oracles.facilityTermsAt(0, over[i]);
        }
    }

    /* WHAT DISPUTES DO */

    /// @dev Epoch 0 is reported, with this output.
    function _reported(uint256 output) private returns (uint256 acceptedAt) {
        _warpToEndOf(0);
        _report(0, output);
        return block.timestamp;
    }

    /// @dev All four, of epoch 0, as some caller.
    function _refuseAll(bytes memory refusal, address caller) private {
        vm.startPrank(caller);
        vm.expectRevert(refusal);
        oracles.takeOut(0, 1);
        vm.expectRevert(refusal);
        oracles.voidReport(0);
        vm.expectRevert(refusal);
        oracles.openDemand(0);
        vm.expectRevert(refusal);
        oracles.closeDemand(0);
        vm.stopPrank();
    }

    function test_takeOutAndOthers__byAnother__refused() public {
        _reported(8000);
        _refuseAll(
            abi.encodeWithSelector(IComputeOracleRegistry.NotDisputes.selector, address(timelock), address(disputes)),
            address(timelock)
        );
    }

    function test_takeOutAndOthers__withoutAPendingReport__refused() public {
        bytes4 error = IComputeOracleRegistry.EpochNotPending.selector;
        _refuseAll(abi.encodeWithSelector(error, 0, Outcome.Open), address(disputes));
        uint256 acceptedAt = _reported(8000);
        uint256 snapshot = vm.snapshotState();
        vm.warp(acceptedAt + 601);
        _refuseAll(abi.encodeWithSelector(error, 0, Outcome.Final), address(disputes));
        vm.revertToState(snapshot);
        vm.prank(address(disputes));
        oracles.voidReport(0);
        _refuseAll(abi.encodeWithSelector(error, 0, Outcome.Void), address(disputes));
    }

    /// Each epoch's report is its own configuration's to undo.
    function test_takeOut__afterAChangeOfDisputes__isTheEpochsOwn() public {
        address[] memory set = _oracleSet("oracle", 4);
        _asGovernor();
        oracles.scheduleConfig(set, [uint256(32), 16, 64], _verifiersWith(address(vault)), 1);
        _reported(8000);
        vm.expectRevert(
            abi.encodeWithSelector(IComputeOracleRegistry.NotDisputes.selector, address(vault), address(disputes))
        );
        vm.prank(address(vault));
        oracles.takeOut(0, 1);
        vm.prank(address(disputes));
        oracles.takeOut(0, 1);
        _outcomeIs(0, Outcome.Pending, 7999);
    }

    function test_takeOut__someAndAll__leavesTheRest() public {
        _reported(8000);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.OutputTakenOut(0, 8000, 5000);
        vm.prank(address(disputes));
        oracles.takeOut(0, 3000);
        _outcomeIs(0, Outcome.Pending, 5000);
        vm.prank(address(disputes));
        oracles.takeOut(0, 5000);
        _outcomeIs(0, Outcome.Pending, 0);
        vm.warp(block.timestamp + 601);
        _outcomeIs(0, Outcome.Final, 0);
    }

    /// The brake of upheld disputes: what was wrong in one place is looked at once more, within the same end.
    function test_takeOut__late__leavesAnotherDisputeWindow() public {
        uint256 acceptedAt = _reported(8000);
        vm.warp(acceptedAt + 500);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.FinalityPostponed(0, 0, acceptedAt + 1100);
        vm.prank(address(disputes));
        oracles.takeOut(0, 3000);
        vm.warp(acceptedAt + 1100);
        _outcomeIs(0, Outcome.Pending, 5000);
        // Again and again: never past the extension's end.
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.FinalityPostponed(0, 0, acceptedAt + 1500);
        vm.prank(address(disputes));
        oracles.takeOut(0, 1000);
        vm.warp(acceptedAt + 1500);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.FinalityPostponed(0, 0, acceptedAt + 1500);
        vm.prank(address(disputes));
        oracles.takeOut(0, 1000);
        vm.warp(acceptedAt + 1501);
        _outcomeIs(0, Outcome.Final, 3000);
    }

    function test_takeOut__moreThanIsLeft__voids() public {
        _reported(8000);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.ReportVoided(0, 8000);
        vm.prank(address(disputes));
        oracles.takeOut(0, 8001);
        _outcomeIs(0, Outcome.Void, 0);
        assertTrue(oracles.recordOf(0).isVoid);
    }

    function test_voidReport__pending__isVoidForGood() public {
        (Report memory report, bytes memory signatures) = _good();
        _submit(report, signatures);
        vm.prank(address(disputes));
        oracles.voidReport(0);
        _outcomeIs(0, Outcome.Void, 0);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.AlreadyReported.selector, 0, block.timestamp));
        _submit(report, signatures);
    }

    function test_openDemand__whileItIsOpen__staysPendingUntilItCanHaveNoAnswer() public {
        uint256 acceptedAt = _reported(8000);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.FinalityPostponed(0, 1, acceptedAt + 600);
        vm.prank(address(disputes));
        oracles.openDemand(0);
        assertEq(oracles.recordOf(0).demands, 1);
        vm.warp(acceptedAt + 601);
        _outcomeIs(0, Outcome.Pending, 8000);
        // A dispute window and the most that it can be extended by, both included.
        vm.warp(acceptedAt + 1500);
        _outcomeIs(0, Outcome.Pending, 8000);
        vm.warp(acceptedAt + 1501);
        _outcomeIs(0, Outcome.Void, 0);
        _refuseAll(
            abi.encodeWithSelector(IComputeOracleRegistry.EpochNotPending.selector, 0, Outcome.Void), address(disputes)
        );
    }

    function test_closeDemand__answered__leavesADisputeWindow() public {
        uint256 acceptedAt = _reported(8000);
        vm.startPrank(address(disputes));
        oracles.openDemand(0);
        oracles.openDemand(0);
        vm.warp(acceptedAt + 250);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.FinalityPostponed(0, 1, acceptedAt + 850);
        oracles.closeDemand(0);
        vm.warp(acceptedAt + 300);
        oracles.closeDemand(0);
        vm.stopPrank();
        assertEq(oracles.recordOf(0).extension, 300);
        assertEq(oracles.recordOf(0).demands, 0);
        vm.warp(acceptedAt + 900);
        _outcomeIs(0, Outcome.Pending, 8000);
        vm.warp(acceptedAt + 901);
        _outcomeIs(0, Outcome.Final, 8000);
    }

    /// Whatever a disputes contract does, a report is settled by then.
    function test_closeDemand__late__extendsNoFurtherThanAllowed() public {
        uint256 acceptedAt = _reported(8000);
        vm.startPrank(address(disputes));
        oracles.openDemand(0);
        vm.warp(acceptedAt + 1500);
        oracles.closeDemand(0);
        vm.stopPrank();
        assertEq(oracles.recordOf(0).extension, 900);
        _outcomeIs(0, Outcome.Pending, 8000);
        vm.warp(acceptedAt + 1501);
        _outcomeIs(0, Outcome.Final, 8000);
    }

    function test_closeDemand__noneOpen__refused() public {
        _reported(8000);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.NoDemandOpen.selector, 0));
        vm.prank(address(disputes));
        oracles.closeDemand(0);
    }

    function test_openDemand__pastTheField__refused() public {
        _reported(8000);
        // The slot that holds it: commitment and, beside it, | isVoid 8 | demands 16 | …, of epoch 0.
        bytes32 slot = bytes32(uint256(keccak256(abi.encode(0, 7))) + 1);
        vm.store(address(oracles), slot, vm.load(address(oracles), slot) | bytes32(uint256(0xffff) << 232));
        assertEq(oracles.recordOf(0).demands, 65_535);
        vm.expectRevert(_aboveField(65_536, 65_535));
        vm.prank(address(disputes));
        oracles.openDemand(0);
    }

    function testFuzz_finality__whateverHappens__settlesByThen(uint256 late, uint256 demandAt, uint256 answerAt)
        public
    {
        _warpToEndOf(0);
        vm.warp(block.timestamp + late % 1801);
        _report(0, 8000);
        uint256 acceptedAt = block.timestamp;
        vm.startPrank(address(disputes));
        vm.warp(acceptedAt + demandAt % 601);
        oracles.openDemand(0);
        vm.warp(block.timestamp + answerAt % (acceptedAt + 1501 - block.timestamp));
        if (answerAt % 2 == 1) oracles.closeDemand(0);
        vm.stopPrank();
        vm.warp(_endOf(0) + oracles.finality() + 1);
        _outcomeIs(0, answerAt % 2 == 1 ? Outcome.Final : Outcome.Void, answerAt % 2 == 1 ? 8000 : 0);
    }

    function test_observationAndReadingDigest__signedData__isEip712() public view {
        Observation memory observation = Observation(keccak256("config"), 7, keccak256("readings"));
        assertEq(
            oracles.observationDigest(observation),
            _digest(
                "ComputeOracleRegistry",
                address(oracles),
                keccak256(
                    abi.encode(
                        keccak256("Observation(bytes32 configDigest,uint256 epoch,bytes32 readings)"),
                        keccak256("config"),
                        7,
                        keccak256("readings")
                    )
                )
            )
        );
        bytes32 typehash = keccak256(
            "Reading(uint256 facility,uint256 epoch,uint256 rawGeneral,uint256 rawIntelligent,uint256 rawSuper,bytes32 evidence)"
        );
        assertEq(
            oracles.readingDigest(Reading(1, 2, 3, 4, 5, keccak256("evidence"))),
            _digest(
                "ComputeOracleRegistry",
                address(oracles),
                keccak256(abi.encode(typehash, 1, 2, 3, 4, 5, keccak256("evidence")))
            )
        );
    }
}
