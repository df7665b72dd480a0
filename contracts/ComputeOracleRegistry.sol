// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {
    FacilityTerms,
    IComputeOracleRegistry,
    Observation,
    Reading,
    Record,
    Report,
    Verifiers
} from "./interfaces/IComputeOracleRegistry.sol";
import {IReportSource, Outcome} from "./interfaces/IReportSource.sol";
import {ISignatureVerifier} from "./interfaces/ISignatureVerifier.sol";
import {BitLib} from "./libraries/BitLib.sol";
import {BpsLib} from "./libraries/BpsLib.sol";
import {ConfigBlobLib} from "./libraries/ConfigBlob.sol";
import {EpochLib} from "./libraries/EpochLib.sol";
import {FieldLib} from "./libraries/FieldLib.sol";
import {SumTreeLib} from "./libraries/SumTreeLib.sol";

// Time: see `EpochLib`.
// Predicted before deployment, and checked after it: zero would be as wrong as any other.
// slither-disable-start timestamp,missing-zero-check

/// @title ComputeOracleRegistry
/// @dev The interface is the manual.
contract ComputeOracleRegistry is IComputeOracleRegistry, AccessManaged, EIP712 {
    using FieldLib for uint256;

    /// @dev | standing 32 | version 32 | fromEpoch 32 | blob 160 |. What does not change is in the blob (`ConfigBlobLib`).
    /// standing: bit i set, oracle i stands; kept up to date while an epoch of the configuration can be reported.
    struct Config {
        address blob;
        uint32 fromEpoch;
        uint32 version;
        uint32 standing;
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

    bytes32 private constant OBSERVATION_TYPEHASH =
        keccak256("Observation(bytes32 configDigest,uint256 epoch,bytes32 readings)");
    bytes32 private constant READING_TYPEHASH = keccak256(
        "Reading(uint256 facility,uint256 epoch,uint256 rawGeneral,uint256 rawIntelligent,uint256 rawSuper,bytes32 evidence)"
    );

    /// @dev Signer bits of a record are 32; 31 is the largest 3f + 1 below.
    uint256 private constant MAX_ORACLES = 31;
    /// @dev 64: operands of 1,024 bits. With it and three capacities of 56 bits a public output stays below 2^64.
    uint256 private constant MAX_WEIGHT_X16 = 1024;

    /// @inheritdoc IReportSource
    uint256 public immutable genesis;
    /// @inheritdoc IReportSource
    uint256 public immutable epochLength;
    /// @inheritdoc IComputeOracleRegistry
    uint256 public immutable reportWindow;
    /// @inheritdoc IComputeOracleRegistry
    uint256 public immutable disputeWindow;
    /// @inheritdoc IComputeOracleRegistry
    uint256 public immutable maxExtension;
    /// @inheritdoc IComputeOracleRegistry
    uint256 public immutable ringSize;
    /// @inheritdoc IComputeOracleRegistry
    address public immutable bonds;

    Counts private _counts;
    /// @dev The standby set, as a blob whose head is empty; zero if there is none.
    address private _standby;
    /// @inheritdoc IComputeOracleRegistry
    mapping(address signer => bool) public stands;
    /// @dev Ascending in `fromEpoch`; of two from the same epoch the later place holds.
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
        uint256 maxExtension;
        uint256 ringSize;
    }

    /// @param bonds_ May have no code yet, as `verifiers.disputes` may not: both are deployed after the registry.
    constructor(
        address authority_,
        Timing memory timing,
        address bonds_,
        address[] memory oracles,
        uint256[3] memory weightsX16,
        Verifiers memory verifiers
    ) AccessManaged(authority_) EIP712("ComputeOracleRegistry", "1") {
        _requireTiming(timing);
        genesis = timing.genesis;
        epochLength = timing.epochLength;
        reportWindow = timing.reportWindow;
        disputeWindow = timing.disputeWindow;
        maxExtension = timing.maxExtension.to32();
        ringSize = timing.ringSize;
        bonds = bonds_;
        _requireCode(verifiers.signatures);
        _requireSet(oracles);
        _requireWeights(weightsX16);
        _place(0, oracles, ConfigBlobLib.Head("", 1, weightsX16, verifiers), 0);
    }

    function _requireTiming(Timing memory timing) private pure {
        require(
            timing.epochLength != 0 && timing.reportWindow != 0, InvalidTiming(timing.epochLength, timing.reportWindow)
        );
        uint256 kept = timing.ringSize * timing.epochLength;
        uint256 needed = timing.reportWindow + timing.disputeWindow + timing.maxExtension + timing.epochLength;
        require(kept > needed, RetentionTooShort(kept, needed));
    }

    /* REPORTS */

    /// @inheritdoc IComputeOracleRegistry
    function submitReport(Report calldata report, bytes calldata signatures) external {
        uint256 epoch = report.epoch.to32();
        _requireReportable(epoch);
        Record storage record = _ring[epoch % ringSize];
        (uint256 kept, uint256 acceptedAt) = (record.epoch, record.acceptedAt);
        require(kept != epoch || acceptedAt == 0, AlreadyReported(epoch, acceptedAt));

        (uint256 version, uint256 signers) = _judge(epoch, report, signatures);
        uint256 sums = SumTreeLib.pack(report.rawGeneral, report.rawIntelligent, report.rawSuper, report.publicOutput);
        // Casts hold: the sums were packed, the signers are within the standing ones.
        _ring[epoch % ringSize] = Record({
            commitment: SumTreeLib.commit(report.facilityCount, report.root, sums),
            publicOutput: uint64(report.publicOutput),
            epoch: uint32(epoch),
            acceptedAt: uint40(block.timestamp),
            signers: uint32(signers),
            configVersion: uint32(version),
            extension: 0,
            demands: 0,
            isVoid: false
        });
        emit ReportAccepted(epoch, version, signers, report);
    }

    function _requireReportable(uint256 epoch) private view {
        uint256 endsAt = EpochLib.endOf(epoch, genesis, epochLength);
        require(block.timestamp >= endsAt, EpochNotEnded(epoch, endsAt, block.timestamp));
        uint256 deadline = endsAt + reportWindow;
        require(block.timestamp <= deadline, StaleReport(epoch, deadline, block.timestamp));
    }

    /// @dev Whether the epoch's configuration bears a report out.
    /// @return version The configuration's.
    /// @return signers Those that signed and stand, as bits: a quorum.
    function _judge(uint256 epoch, Report calldata report, bytes calldata signatures)
        private
        view
        returns (uint256 version, uint256 signers)
    {
        (uint256 facilities, uint256 configs) = (_counts.facilities, _counts.configs);
        uint256 given = report.facilityCount;
        // Here and below not `require`, which would work out the error first: this is what every report pays.
        if (given == 0 || given > facilities) revert WrongFacilityCount(given, facilities);
        Config memory config = _configAt(epoch, configs);
        (bytes32 digest, uint256 weightsVersion, address verifier) = ConfigBlobLib.readTerms(config.blob);
        if (report.weightsVersion != weightsVersion) {
            revert WrongWeightsVersion(report.weightsVersion, weightsVersion);
        }
        if (report.configDigest != digest) revert WrongConfigDigest(report.configDigest, digest);
        version = config.version;
        signers = ISignatureVerifier(verifier).verify(reportDigest(report), config.blob, signatures) & config.standing;
        (uint256 count, uint256 quorum) = (BitLib.count(signers), _quorumOf(ConfigBlobLib.countOf(config.blob)));
        if (count < quorum) revert QuorumNotReached(count, quorum);
    }

    /// @inheritdoc IComputeOracleRegistry
    function reportDigest(Report calldata report) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(REPORT_TYPEHASH, report)));
    }

    /// @inheritdoc IComputeOracleRegistry
    function observationDigest(Observation calldata observation) external view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(OBSERVATION_TYPEHASH, observation)));
    }

    /// @inheritdoc IComputeOracleRegistry
    function readingDigest(Reading calldata reading) external view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(READING_TYPEHASH, reading)));
    }

    /// @inheritdoc IReportSource
    function outcomeOf(uint256 epoch) public view returns (Outcome outcome, uint256 publicOutput) {
        Record storage record = _ring[epoch % ringSize];
        // All of one slot, read at once: dividends pay for this.
        (uint256 kept, uint256 acceptedAt, uint256 extension, uint256 demands, bool isVoid) =
            (record.epoch, record.acceptedAt, record.extension, record.demands, record.isVoid);
        publicOutput = record.publicOutput;
        if (kept != epoch || acceptedAt == 0) return (_unreported(epoch), 0);
        if (isVoid) return (Outcome.Void, 0);
        uint256 disputableUntil = acceptedAt + disputeWindow;
        if (block.timestamp <= disputableUntil + extension) return (Outcome.Pending, publicOutput);
        if (demands == 0) return (Outcome.Final, publicOutput);
        // Every demand could have been answered by then: that one was not decides the epoch, whoever says so.
        return block.timestamp <= disputableUntil + maxExtension ? (Outcome.Pending, publicOutput) : (Outcome.Void, 0);
    }

    function _unreported(uint256 epoch) private view returns (Outcome) {
        _requireKept(epoch);
        uint256 deadline = EpochLib.endOf(epoch, genesis, epochLength) + reportWindow;
        return block.timestamp <= deadline ? Outcome.Open : Outcome.Skipped;
    }

    /// @inheritdoc IComputeOracleRegistry
    function recordOf(uint256 epoch) external view returns (Record memory record) {
        _requireKept(epoch);
        Record memory kept = _ring[epoch % ringSize];
        if (kept.epoch == epoch) record = kept;
    }

    function _requireKept(uint256 epoch) private view {
        // Called for its error alone.
        // slither-disable-next-line unused-return
        epoch.to32();
        uint256 running = currentEpoch();
        // Not `require`, which would work out the oldest epoch, and underflow, before the ring has wrapped.
        if (running > epoch + ringSize) revert EpochForgotten(epoch, running - ringSize);
    }

    /* DISPUTES */

    /// @inheritdoc IComputeOracleRegistry
    function takeOut(uint256 epoch, uint256 publicOutput) external {
        Record storage record = _disputed(epoch);
        uint256 previous = record.publicOutput;
        if (publicOutput > previous) return _void(epoch, record);
        record.publicOutput = uint64(previous - publicOutput);
        emit OutputTakenOut(epoch, previous, previous - publicOutput);
        // A report that was wrong in one place is looked at once more.
        _postpone(epoch, record);
    }

    /// @inheritdoc IComputeOracleRegistry
    function voidReport(uint256 epoch) external {
        _void(epoch, _disputed(epoch));
    }

    function _void(uint256 epoch, Record storage record) private {
        record.isVoid = true;
        emit ReportVoided(epoch, record.publicOutput);
    }

    /// @inheritdoc IComputeOracleRegistry
    function openDemand(uint256 epoch) external {
        Record storage record = _disputed(epoch);
        record.demands = (uint256(record.demands) + 1).to16();
        _emitPostponed(epoch, record);
    }

    /// @inheritdoc IComputeOracleRegistry
    function closeDemand(uint256 epoch) external {
        Record storage record = _disputed(epoch);
        require(record.demands != 0, NoDemandOpen(epoch));
        --record.demands;
        _postpone(epoch, record);
    }

    /// @dev Leaves a dispute window from now on.
    function _postpone(uint256 epoch, Record storage record) private {
        // Time only grows, and the extension with it. Fits: the most does.
        uint256 passed = block.timestamp - record.acceptedAt;
        record.extension = uint32(passed < maxExtension ? passed : maxExtension);
        _emitPostponed(epoch, record);
    }

    function _emitPostponed(uint256 epoch, Record storage record) private {
        emit FinalityPostponed(epoch, record.demands, uint256(record.acceptedAt) + disputeWindow + record.extension);
    }

    /// @dev The record of an epoch that may be undone, and by the caller.
    function _disputed(uint256 epoch) private view returns (Record storage) {
        address disputes = verifiersAt(epoch).disputes;
        require(msg.sender == disputes, NotDisputes(msg.sender, disputes));
        (Outcome outcome,) = outcomeOf(epoch);
        require(outcome == Outcome.Pending, EpochNotPending(epoch, outcome));
        return _ring[epoch % ringSize];
    }

    /* STANDING */

    /// @inheritdoc IComputeOracleRegistry
    function setStanding(address signer, bool stands_) external {
        require(msg.sender == bonds, NotBonds(msg.sender, bonds));
        stands[signer] = stands_;
        emit StandingChanged(signer, stands_);
        uint256 oldest = _oldestReportable();
        uint256 place = _counts.configs;
        do {
            _mark(_configs[--place], signer, stands_);
        } while (_configs[place].fromEpoch > oldest);
        _seatIfNeeded(!stands_);
    }

    function _mark(Config storage config, address signer, bool stands_) private {
        bytes memory oracles = ConfigBlobLib.readOracles(config.blob);
        uint256 count = ConfigBlobLib.countIn(oracles);
        for (uint256 i = 0; i < count; ++i) {
            if (ConfigBlobLib.oracleIn(oracles, i) != signer) continue;
            uint256 bit = 1 << i;
            // Fits: a set has at most 31 oracles.
            config.standing = uint32(stands_ ? config.standing | bit : config.standing & ~bit);
            return;
        }
    }

    /// @inheritdoc IComputeOracleRegistry
    function scheduleStandby(address[] calldata oracles) external restricted {
        _requireSet(oracles);
        // Empty is what it is to be.
        // slither-disable-next-line uninitialized-local
        ConfigBlobLib.Head memory empty;
        _standby = ConfigBlobLib.write(empty, oracles);
        emit StandbyScheduled(oracles);
    }

    /// @inheritdoc IComputeOracleRegistry
    function seatStandby() external {
        uint256 fromEpoch = EpochLib.upcoming(genesis, epochLength);
        (uint256 standing, uint256 quorum) = standingAt(fromEpoch);
        standing = BitLib.count(standing);
        require(standing < quorum, StandbyNotNeeded(standing, quorum));
        address[] memory oracles = standby();
        require(oracles.length != 0, NoStandby(fromEpoch));
        (standing, quorum) = (BitLib.count(_standingOf(oracles)), _quorumOf(oracles.length));
        require(standing >= quorum, StandbyNotReady(standing, quorum));
        _seat(oracles, fromEpoch);
    }

    /// @param lost Whether an oracle has just lost its standing: then people are warned before it is too late.
    function _seatIfNeeded(bool lost) private {
        uint256 fromEpoch = EpochLib.upcoming(genesis, epochLength);
        (uint256 standing, uint256 quorum) = standingAt(fromEpoch);
        standing = BitLib.count(standing);
        if (lost && standing <= quorum) emit FewOraclesStand(fromEpoch, standing, quorum);
        if (standing >= quorum || _standby == address(0)) return;
        address[] memory oracles = standby();
        if (BitLib.count(_standingOf(oracles)) >= _quorumOf(oracles.length)) _seat(oracles, fromEpoch);
    }

    /// @dev After the configuration that the epoch would have had, before those that begin later.
    function _seat(address[] memory oracles, uint256 fromEpoch) private {
        uint256 place = _counts.configs;
        for (; _configs[place - 1].fromEpoch > fromEpoch; --place) {
            _configs[place] = _configs[place - 1];
        }
        ConfigBlobLib.Head memory head = ConfigBlobLib.readHead(_configs[place - 1].blob);
        delete _standby;
        uint256 version = _place(place, oracles, head, fromEpoch);
        emit StandbySeated(version, fromEpoch);
    }

    function _standingOf(address[] memory oracles) private view returns (uint256 standing) {
        for (uint256 i = 0; i < oracles.length; ++i) {
            if (stands[oracles[i]]) standing |= 1 << i;
        }
    }

    /// @dev The first epoch whose deadline has not passed.
    function _oldestReportable() private view returns (uint256) {
        uint256 firstDeadline = genesis + reportWindow;
        return block.timestamp <= firstDeadline ? 0 : (block.timestamp - firstDeadline - 1) / epochLength;
    }

    /// @inheritdoc IComputeOracleRegistry
    function standingAt(uint256 epoch) public view returns (uint256 standing, uint256 quorum) {
        Config memory config = _configAt(epoch, _counts.configs);
        return (config.standing, _quorumOf(ConfigBlobLib.countOf(config.blob)));
    }

    /// @inheritdoc IComputeOracleRegistry
    function standby() public view returns (address[] memory oracles) {
        if (_standby != address(0)) oracles = ConfigBlobLib.listOf(ConfigBlobLib.readOracles(_standby));
    }

    /* CONFIGURATION */

    /// @inheritdoc IComputeOracleRegistry
    function scheduleConfig(
        address[] calldata oracles,
        uint256[3] calldata weightsX16,
        Verifiers calldata verifiers,
        uint256 fromEpoch
    ) external restricted {
        _requireUpcoming(fromEpoch);
        _requireCode(verifiers.signatures);
        _requireCode(verifiers.disputes);
        _requireSet(oracles);
        _requireWeights(weightsX16);
        Counts memory counts = _counts;
        // What was to begin then or later, and has not begun, gives way.
        while (_configs[counts.configs - 1].fromEpoch >= fromEpoch && counts.configs > 1) --counts.configs;
        _counts.configs = counts.configs;
        ConfigBlobLib.Head memory last = ConfigBlobLib.readHead(_configs[counts.configs - 1].blob);
        bool same = keccak256(abi.encode(weightsX16)) == keccak256(abi.encode(last.weightsX16));
        uint256 weightsVersion = same ? last.weightsVersion : uint256(counts.lastWeightsVersion) + 1;
        _place(counts.configs, oracles, ConfigBlobLib.Head("", weightsVersion, weightsX16, verifiers), fromEpoch);
    }

    /// @dev Puts a new configuration at a place in the order; the head's digest follows from the rest.
    function _place(uint256 place, address[] memory oracles, ConfigBlobLib.Head memory head, uint256 fromEpoch)
        private
        returns (uint256 version)
    {
        Counts storage counts = _counts;
        version = ++counts.lastVersion;
        head.digest =
            keccak256(abi.encode(block.chainid, address(this), version, head.weightsVersion, head.weightsX16, oracles));
        if (head.weightsVersion > counts.lastWeightsVersion) counts.lastWeightsVersion = head.weightsVersion.to16();
        ++counts.configs;
        // Casts hold: versions are counted in 32 bits, and a set has at most 31 oracles.
        _configs[place] = Config({
            blob: ConfigBlobLib.write(head, oracles),
            fromEpoch: fromEpoch.to32(),
            version: uint32(version),
            standing: uint32(_standingOf(oracles))
        });
        emit ConfigScheduled(
            version, fromEpoch, head.digest, head.weightsVersion, head.weightsX16, oracles, head.verifiers
        );
    }

    function _requireCode(address verifier) private view {
        require(verifier.code.length != 0, VerifierWithoutCode(verifier));
    }

    function _requireWeights(uint256[3] memory weightsX16) private pure {
        for (uint256 i = 0; i < weightsX16.length; ++i) {
            require(weightsX16[i] != 0, ZeroWeight(i));
            require(weightsX16[i] <= MAX_WEIGHT_X16, WeightTooHigh(i, weightsX16[i], MAX_WEIGHT_X16));
        }
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
        // Meant: the nearest 3f + 1 below.
        // slither-disable-next-line divide-before-multiply
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
        ConfigBlobLib.Head memory head = ConfigBlobLib.readHead(config.blob);
        oracles = ConfigBlobLib.listOf(ConfigBlobLib.readOracles(config.blob));
        return (config.version, head.digest, head.weightsVersion, head.weightsX16, oracles);
    }

    /// @inheritdoc IComputeOracleRegistry
    function weightsAt(uint256 epoch) external view returns (uint256[3] memory) {
        return ConfigBlobLib.readHead(_configAt(epoch, _counts.configs).blob).weightsX16;
    }

    /// @inheritdoc IComputeOracleRegistry
    function verifiersAt(uint256 epoch) public view returns (Verifiers memory) {
        return ConfigBlobLib.readHead(_configAt(epoch, _counts.configs).blob).verifiers;
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
            capacityGeneral: capacities[0].to56(),
            capacityIntelligent: capacities[1].to56(),
            capacitySuper: capacities[2].to56(),
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

    /// @inheritdoc IReportSource
    function finality() external view returns (uint256) {
        return reportWindow + disputeWindow + maxExtension;
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
}
// slither-disable-end timestamp,missing-zero-check
