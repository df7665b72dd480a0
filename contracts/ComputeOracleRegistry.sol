// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {FacilityTerms, IComputeOracleRegistry, Record, Report} from "./interfaces/IComputeOracleRegistry.sol";
import {IReportSource, Outcome} from "./interfaces/IReportSource.sol";
import {BpsLib} from "./libraries/BpsLib.sol";
import {CodeBlobLib} from "./libraries/CodeBlob.sol";
import {EpochLib} from "./libraries/EpochLib.sol";
import {FieldLib} from "./libraries/FieldLib.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";
import {SumTreeLib} from "./libraries/SumTreeLib.sol";

/// @title ComputeOracleRegistry
/// @dev The interface is the manual.
contract ComputeOracleRegistry is IComputeOracleRegistry, AccessManaged, EIP712 {
    using FieldLib for uint256;

    /// @dev | 8 free | size 8 | weightsVersion 16 | version 32 | fromEpoch 32 | blob 160 |. The blob's code holds digest
    /// (32 bytes), weights (3 × 2 bytes) and oracles (size × 20 bytes).
    struct Config {
        address blob;
        uint32 fromEpoch;
        uint32 version;
        uint16 weightsVersion;
        uint8 size;
    }

    /// @dev | 64 free | region 32 | operator 160 | and | 96 free | readingKey 160 |.
    struct Facility {
        address operator;
        uint32 region;
        address readingKey;
    }

    /// @dev | 144 free | lastWeightsVersion 16 | lastVersion 32 | facilities 32 | configs 32 |: how many of each there
    /// are, and the last numbers given out, which replaced schedules keep.
    struct Counts {
        uint32 configs;
        uint32 facilities;
        uint32 lastVersion;
        uint16 lastWeightsVersion;
    }

    bytes32 private constant REPORT_TYPEHASH = keccak256(
        "Report(bytes32 configDigest,uint256 epoch,uint256 viewNumber,uint256 weightsVersion,uint256 facilityCount,bytes32 root,uint256 rawGeneral,uint256 rawIntelligent,uint256 rawSuper,uint256 publicOutput)"
    );

    /// @dev Number (1) ‖ r (32) ‖ vs (32).
    uint256 private constant SIGNATURE_ENTRY = 65;
    /// @dev Where oracles begin in a configuration's blob.
    uint256 private constant ORACLES_AT = 32 + 3 * 2;
    /// @dev Signer bits of a record are 32; 31 is the largest 3f + 1 below.
    uint256 private constant MAX_ORACLES = 31;

    /// @inheritdoc IReportSource
    uint256 public immutable genesis;
    /// @inheritdoc IReportSource
    uint256 public immutable epochLength;
    /// @inheritdoc IComputeOracleRegistry
    uint256 public immutable reportWindow;
    /// @inheritdoc IComputeOracleRegistry
    uint256 public immutable disputeWindow;
    /// @inheritdoc IComputeOracleRegistry
    uint256 public immutable ringSize;

    Counts private _counts;
    mapping(uint256 place => Config) private _configs;
    mapping(uint256 slot => Record) private _ring;
    mapping(uint256 facility => Facility) private _facilities;
    /// @dev Ascending in `fromEpoch`.
    mapping(uint256 facility => FacilityTerms[]) private _facilityTerms;

    /// @dev Spans of time, in seconds, and the number of epochs kept.
    struct Timing {
        uint256 genesis;
        uint256 epochLength;
        uint256 reportWindow;
        uint256 disputeWindow;
        uint256 ringSize;
    }

    constructor(address authority_, Timing memory timing, address[] memory oracles, uint256[3] memory weightsX16)
        AccessManaged(authority_)
        EIP712("ComputeOracleRegistry", "1")
    {
        require(
            timing.epochLength != 0 && timing.reportWindow != 0
                && timing.ringSize * timing.epochLength
                    > timing.reportWindow + timing.disputeWindow + timing.epochLength,
            InvalidTiming(timing.epochLength, timing.reportWindow, timing.ringSize)
        );
        genesis = timing.genesis;
        epochLength = timing.epochLength;
        reportWindow = timing.reportWindow;
        disputeWindow = timing.disputeWindow;
        ringSize = timing.ringSize;
        _addConfig(oracles, weightsX16, 1, 0);
    }

    /* REPORTS */

    /// @inheritdoc IComputeOracleRegistry
    function submitReport(Report calldata report, bytes calldata signatures) external {
        uint256 endsAt = EpochLib.endOf(report.epoch.to32(), genesis, epochLength);
        require(block.timestamp >= endsAt, EpochNotEnded(report.epoch, endsAt, block.timestamp));
        require(
            block.timestamp <= endsAt + reportWindow, StaleReport(report.epoch, endsAt + reportWindow, block.timestamp)
        );
        Record storage record = _ring[report.epoch % ringSize];
        (uint256 kept, uint256 acceptedAt) = (record.epoch, record.acceptedAt);
        require(kept != report.epoch || acceptedAt == 0, AlreadyReported(report.epoch, acceptedAt));

        Counts memory counts = _counts;
        require(
            report.facilityCount != 0 && report.facilityCount <= counts.facilities,
            WrongFacilityCount(report.facilityCount, counts.facilities)
        );
        Config memory config = _configAt(report.epoch, counts.configs);
        require(
            report.weightsVersion == config.weightsVersion,
            WrongWeightsVersion(report.weightsVersion, config.weightsVersion)
        );
        uint256 signers = _verify(report, signatures, config);

        uint256 sums = SumTreeLib.pack(report.rawGeneral, report.rawIntelligent, report.rawSuper, report.publicOutput);
        // Casts hold: the sums were packed, the epoch is past, there are at most 31 signers.
        _ring[report.epoch % ringSize] = Record({
            commitment: SumTreeLib.commit(report.facilityCount, report.root, sums),
            publicOutput: uint64(report.publicOutput),
            epoch: uint32(report.epoch),
            acceptedAt: uint40(block.timestamp),
            signers: uint32(signers),
            configVersion: config.version,
            isVoid: false
        });
        emit ReportAccepted(report.epoch, config.version, signers, report);
    }

    /// @dev Who signed, as bits. Reverts unless a quorum did.
    function _verify(Report calldata report, bytes calldata signatures, Config memory config)
        private
        view
        returns (uint256 signers)
    {
        bytes memory blob = CodeBlobLib.read(config.blob);
        bytes32 expected = bytes32(_word(blob, 0));
        require(report.configDigest == expected, WrongConfigDigest(report.configDigest, expected));
        require(signatures.length % SIGNATURE_ENTRY == 0, SignatureBytesMisaligned(signatures.length, SIGNATURE_ENTRY));
        uint256 count = signatures.length / SIGNATURE_ENTRY;
        uint256 quorum = _quorumOf(config.size);
        require(count >= quorum, QuorumNotReached(count, quorum));

        bytes32 digest = reportDigest(report);
        uint256 previous;
        for (uint256 i = 0; i < count; ++i) {
            (uint256 number, bytes32 r, bytes32 vs) = _entry(signatures, i);
            require(number < config.size, UnknownOracle(number, config.size));
            require(i == 0 || number > previous, SignersOutOfOrder(number, previous));
            address oracle = _oracle(blob, number);
            address recovered = SignatureLib.recoverCompact(digest, r, vs);
            require(recovered == oracle, SignatureLib.InvalidSignature(oracle, recovered));
            signers |= 1 << number;
            previous = number;
        }
    }

    /// @inheritdoc IComputeOracleRegistry
    function reportDigest(Report calldata report) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(REPORT_TYPEHASH, report)));
    }

    /// @inheritdoc IReportSource
    function outcomeOf(uint256 epoch) external view returns (Outcome outcome, uint256 publicOutput) {
        Record storage record = _ring[epoch % ringSize];
        (uint256 kept, uint256 acceptedAt) = (record.epoch, record.acceptedAt);
        if (kept == epoch && acceptedAt != 0) {
            if (record.isVoid) return (Outcome.Void, 0);
            bool disputable = block.timestamp <= acceptedAt + disputeWindow;
            return (disputable ? Outcome.Pending : Outcome.Final, record.publicOutput);
        }
        _requireKept(epoch);
        uint256 deadline = EpochLib.endOf(epoch, genesis, epochLength) + reportWindow;
        return (block.timestamp <= deadline ? Outcome.Open : Outcome.Skipped, 0);
    }

    /// @inheritdoc IComputeOracleRegistry
    function recordOf(uint256 epoch) external view returns (Record memory record) {
        _requireKept(epoch);
        Record memory kept = _ring[epoch % ringSize];
        if (kept.epoch == epoch) record = kept;
    }

    function _requireKept(uint256 epoch) private view {
        uint256 running = currentEpoch();
        // Not `require`, which would work out the oldest epoch, and underflow, before the ring has wrapped.
        if (running > epoch + ringSize) revert EpochForgotten(epoch, running - ringSize);
    }

    /* CONFIGURATION */

    /// @inheritdoc IComputeOracleRegistry
    function scheduleConfig(address[] calldata oracles, uint256[3] calldata weightsX16, uint256 fromEpoch)
        external
        restricted
    {
        _requireUpcoming(fromEpoch);
        Counts memory counts = _counts;
        // What was to begin then or later, and has not begun, gives way.
        while (_configs[counts.configs - 1].fromEpoch >= fromEpoch && counts.configs > 1) --counts.configs;
        _counts.configs = counts.configs;
        Config memory last = _configs[counts.configs - 1];
        bool same = keccak256(abi.encode(weightsX16)) == keccak256(abi.encode(_weights(CodeBlobLib.read(last.blob))));
        _addConfig(oracles, weightsX16, same ? last.weightsVersion : uint256(counts.lastWeightsVersion) + 1, fromEpoch);
    }

    function _addConfig(
        address[] memory oracles,
        uint256[3] memory weightsX16,
        uint256 weightsVersion,
        uint256 fromEpoch
    ) private {
        _requireSet(oracles);
        uint256 version = ++_counts.lastVersion;
        bytes32 digest =
            keccak256(abi.encode(block.chainid, address(this), version, weightsVersion, weightsX16, oracles));
        bytes memory blob = abi.encodePacked(digest, weightsX16[0].to16(), weightsX16[1].to16(), weightsX16[2].to16());
        for (uint256 i = 0; i < oracles.length; ++i) {
            blob = bytes.concat(blob, bytes20(oracles[i]));
        }
        if (weightsVersion > _counts.lastWeightsVersion) _counts.lastWeightsVersion = weightsVersion.to16();
        _configs[_counts.configs++] = Config({
            blob: CodeBlobLib.write(blob),
            fromEpoch: fromEpoch.to32(),
            version: uint32(version),
            weightsVersion: weightsVersion.to16(),
            size: uint8(oracles.length)
        });
        emit ConfigScheduled(version, fromEpoch, digest, weightsVersion, weightsX16, oracles);
    }

    function _requireSet(address[] memory oracles) private pure {
        uint256 n = oracles.length;
        require(n >= 4 && n <= MAX_ORACLES && n % 3 == 1, InvalidOracleCount(n, _nearestCount(n)));
        for (uint256 i = 0; i < n; ++i) {
            require(oracles[i] != address(0), ZeroOracle(i));
            for (uint256 j = 0; j < i; ++j) {
                require(oracles[j] != oracles[i], DuplicateOracle(oracles[i], j, i));
            }
        }
    }

    function _nearestCount(uint256 n) private pure returns (uint256) {
        if (n < 4) return 4;
        return n > MAX_ORACLES ? MAX_ORACLES : (n - 1) / 3 * 3 + 1;
    }

    /// @dev 2f + 1 of n = 3f + 1.
    function _quorumOf(uint256 n) private pure returns (uint256) {
        return 2 * (n - 1) / 3 + 1;
    }

    /// @inheritdoc IComputeOracleRegistry
    function configAt(uint256 epoch)
        external
        view
        returns (
            uint256 version,
            bytes32 digest,
            uint256 weightsVersion,
            uint256[3] memory weightsX16,
            address[] memory oracles
        )
    {
        Config memory config = _configAt(epoch, _counts.configs);
        bytes memory blob = CodeBlobLib.read(config.blob);
        oracles = new address[](config.size);
        for (uint256 i = 0; i < config.size; ++i) {
            oracles[i] = _oracle(blob, i);
        }
        return (config.version, bytes32(_word(blob, 0)), config.weightsVersion, _weights(blob), oracles);
    }

    /// @inheritdoc IComputeOracleRegistry
    function weightsAt(uint256 epoch) external view returns (uint256[3] memory) {
        return _weights(CodeBlobLib.read(_configAt(epoch, _counts.configs).blob));
    }

    /// @dev Looks back from the newest: an epoch of interest is recent, so that is one step, seldom two.
    function _configAt(uint256 epoch, uint256 configs) private view returns (Config memory config) {
        do {
            config = _configs[--configs];
        } while (config.fromEpoch > epoch);
    }

    /* FACILITIES */

    /// @inheritdoc IComputeOracleRegistry
    function registerFacility(
        address operator,
        address readingKey,
        uint256 region,
        uint256[3] calldata capacities,
        uint256 publicShareBps
    ) external restricted returns (uint256 facility) {
        require(operator != address(0) && readingKey != address(0), ZeroFacilityAddress(operator, readingKey));
        facility = _counts.facilities++;
        _facilities[facility] = Facility(operator, region.to32(), readingKey);
        emit FacilityRegistered(facility, operator, readingKey, region);
        _addFacilityTerms(facility, capacities, publicShareBps, true, EpochLib.upcoming(genesis, epochLength));
    }

    /// @inheritdoc IComputeOracleRegistry
    function scheduleFacilityTerms(
        uint256 facility,
        uint256[3] calldata capacities,
        uint256 publicShareBps,
        bool active,
        uint256 fromEpoch
    ) external restricted {
        _requireFacility(facility);
        _requireUpcoming(fromEpoch);
        FacilityTerms[] storage terms = _facilityTerms[facility];
        while (terms.length != 0 && terms[terms.length - 1].fromEpoch >= fromEpoch) terms.pop();
        _addFacilityTerms(facility, capacities, publicShareBps, active, fromEpoch);
    }

    function _addFacilityTerms(
        uint256 facility,
        uint256[3] calldata capacities,
        uint256 publicShareBps,
        bool active,
        uint256 fromEpoch
    ) private {
        require(publicShareBps <= BpsLib.WHOLE, ShareAboveWhole(publicShareBps, BpsLib.WHOLE));
        FacilityTerms memory terms = FacilityTerms({
            capacityGeneral: capacities[0].to64(),
            capacityIntelligent: capacities[1].to64(),
            capacitySuper: capacities[2].to64(),
            fromEpoch: fromEpoch.to32(),
            publicShareBps: uint16(publicShareBps),
            active: active
        });
        _facilityTerms[facility].push(terms);
        emit FacilityTermsScheduled(facility, terms);
    }

    /// @inheritdoc IComputeOracleRegistry
    function facilityOf(uint256 facility) external view returns (address operator, address readingKey, uint256 region) {
        _requireFacility(facility);
        Facility memory found = _facilities[facility];
        return (found.operator, found.readingKey, found.region);
    }

    /// @inheritdoc IComputeOracleRegistry
    function facilityTermsAt(uint256 facility, uint256 epoch) external view returns (FacilityTerms memory terms) {
        _requireFacility(facility);
        FacilityTerms[] storage all = _facilityTerms[facility];
        for (uint256 i = all.length; i > 0; --i) {
            if (all[i - 1].fromEpoch <= epoch) return all[i - 1];
        }
    }

    /// @inheritdoc IComputeOracleRegistry
    function facilityCount() external view returns (uint256) {
        return _counts.facilities;
    }

    /* TIME */

    /// @inheritdoc IComputeOracleRegistry
    function currentEpoch() public view returns (uint256) {
        return EpochLib.current(genesis, epochLength);
    }

    /// @inheritdoc IReportSource
    function retention() external view returns (uint256) {
        return ringSize * epochLength;
    }

    function _requireUpcoming(uint256 fromEpoch) private view {
        uint256 earliest = EpochLib.upcoming(genesis, epochLength);
        require(fromEpoch >= earliest, ChangeTooSoon(fromEpoch, earliest));
    }

    function _requireFacility(uint256 facility) private view {
        require(facility < _counts.facilities, UnknownFacility(facility, _counts.facilities));
    }

    /// @inheritdoc IERC5267
    function eip712Domain()
        public
        view
        override(EIP712, IERC5267)
        returns (bytes1, string memory, string memory, uint256, address, bytes32, uint256[] memory)
    {
        return super.eip712Domain();
    }

    /* BYTES */

    function _entry(bytes calldata signatures, uint256 i) private pure returns (uint256 oracle, bytes32 r, bytes32 vs) {
        // In bounds: the caller has checked that the length is a multiple of the entry's and that i is below it.
        assembly ("memory-safe") {
            let start := add(signatures.offset, mul(i, SIGNATURE_ENTRY))
            oracle := byte(0, calldataload(start))
            r := calldataload(add(start, 1))
            vs := calldataload(add(start, 33))
        }
    }

    function _oracle(bytes memory blob, uint256 number) private pure returns (address) {
        return address(uint160(_word(blob, ORACLES_AT + number * 20) >> 96));
    }

    function _weights(bytes memory blob) private pure returns (uint256[3] memory weightsX16) {
        uint256 packed = _word(blob, 32);
        return [packed >> 240, packed >> 224 & 0xffff, packed >> 208 & 0xffff];
    }

    /// @dev The 32 bytes at `offset`; what lies past the end is of no account to the callers, who mask it.
    function _word(bytes memory data, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), offset))
        }
    }
}
