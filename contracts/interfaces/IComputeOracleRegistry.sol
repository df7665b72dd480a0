// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {IReportSource} from "./IReportSource.sol";

/// @dev An epoch's readings as agreed by the oracles; an EIP-712 type of the same name and fields.
struct Report {
    /// Digest of the configuration in force at the epoch: it binds chain, registry, oracle set and weights.
    bytes32 configDigest;
    /// The epoch.
    uint256 epoch;
    /// Which attempt at agreement this came from.
    uint256 viewNumber;
    /// Version of the weights table used.
    uint256 weightsVersion;
    /// Leaves of the tree; position = facility number.
    uint256 facilityCount;
    /// Hash of the Merkle-sum tree's top node.
    bytes32 root;
    /// Sum of raw general output, in units of 3.6e9 FP32 operations.
    uint256 rawGeneral;
    /// Sum of raw intelligent output, in units of 3.6e9 FP16 operations.
    uint256 rawIntelligent;
    /// Sum of raw super output, in units of 3.6e9 FP64 operations.
    uint256 rawSuper;
    /// Sum of public output, nGAICPh.
    uint256 publicOutput;
}

/// @dev What an accepted report left on chain.
struct Record {
    /// keccak256(0x02 ‖ facilityCount ‖ root ‖ sums): what leaves are proved against.
    bytes32 commitment;
    /// Public output, nGAICPh.
    uint64 publicOutput;
    /// The epoch this record is for.
    uint32 epoch;
    /// When the report was accepted, seconds.
    uint40 acceptedAt;
    /// Bit i set: oracle i of the configuration signed.
    uint32 signers;
    /// Version of the configuration.
    uint32 configVersion;
    /// A dispute undid the report.
    bool isVoid;
}

/// @dev What holds for a facility from an epoch on. Capacities are the most raw output an epoch may bring, by class.
struct FacilityTerms {
    uint64 capacityGeneral;
    uint64 capacityIntelligent;
    uint64 capacitySuper;
    /// The first epoch these terms hold for.
    uint32 fromEpoch;
    /// Share of the output that is public, basis points.
    uint16 publicShareBps;
    /// Whether output counts at all.
    bool active;
}

/// @title IComputeOracleRegistry
/// @dev Where oracles attest the computing output of facilities, epoch by epoch.
///
/// An oracle set has n = 3f + 1 members. After an epoch's end, and before its deadline, anyone may submit the report
/// that at least 2f + 1 of the epoch's set have signed; the first one counts. It commits to every facility's reading by
/// a Merkle-sum root, so that the total equals the sum of the leaves. After the dispute window it is final. An epoch
/// without a report at its deadline is skipped.
///
/// Sets, weights and facility terms are versioned and change only from a future epoch on. Records are kept for the last
/// `ringSize` epochs; older ones are in the events. `docs/protocol.md` gives every byte.
interface IComputeOracleRegistry is IReportSource, IERC5267 {
    /// @dev Thrown when a report comes before its epoch is over.
    /// @param epoch The epoch.
    /// @param endsAt When it ends, seconds.
    /// @param time The block's time, seconds.
    error EpochNotEnded(uint256 epoch, uint256 endsAt, uint256 time);

    /// @dev Thrown when a report comes after its epoch's deadline.
    /// @param epoch The epoch.
    /// @param deadline Last second at which it was accepted.
    /// @param time The block's time, seconds.
    error StaleReport(uint256 epoch, uint256 deadline, uint256 time);

    /// @dev Thrown when an epoch has its report already.
    /// @param epoch The epoch.
    /// @param acceptedAt When that was accepted, seconds.
    error AlreadyReported(uint256 epoch, uint256 acceptedAt);

    /// @dev Thrown when a report names another configuration than the epoch's.
    /// @param given The digest in the report.
    /// @param expected The digest in force at the epoch.
    error WrongConfigDigest(bytes32 given, bytes32 expected);

    /// @dev Thrown when a report names another version of the weights than the epoch's.
    /// @param given The version in the report.
    /// @param expected The version in force at the epoch.
    error WrongWeightsVersion(uint256 given, uint256 expected);

    /// @dev Thrown when a report counts no facility, or more than are registered.
    /// @param given The count in the report.
    /// @param registered How many are registered.
    error WrongFacilityCount(uint256 given, uint256 registered);

    /// @dev Thrown when fewer than 2f + 1 signatures come with a report.
    /// @param given How many came.
    /// @param quorum How many are needed.
    error QuorumNotReached(uint256 given, uint256 quorum);

    /// @dev Thrown when the signature bytes are no whole number of entries.
    /// @param given Length in bytes.
    /// @param entry Length of one entry.
    error SignatureBytesMisaligned(uint256 given, uint256 entry);

    /// @dev Thrown when signers do not come in ascending order, as when one comes twice.
    /// @param given The oracle number given.
    /// @param previous The oracle number before it.
    error SignersOutOfOrder(uint256 given, uint256 previous);

    /// @dev Thrown when an oracle number is not of the set.
    /// @param given The number given.
    /// @param size Size of the set.
    error UnknownOracle(uint256 given, uint256 size);

    /// @dev Thrown when an oracle set does not have 3f + 1 members, f at least 1, at most 31.
    /// @param given Its size.
    /// @param nearest The nearest smaller size that would do; 4 if there is none.
    error InvalidOracleCount(uint256 given, uint256 nearest);

    /// @dev Thrown when a member of an oracle set is the zero address.
    /// @param oracle Its number.
    error ZeroOracle(uint256 oracle);

    /// @dev Thrown when a member of an oracle set comes twice.
    /// @param account The member.
    /// @param first Its first number.
    /// @param second Its second number.
    error DuplicateOracle(address account, uint256 first, uint256 second);

    /// @dev Thrown when a change would reach back into an epoch that has begun.
    /// @param fromEpoch The epoch given.
    /// @param earliest The earliest accepted.
    error ChangeTooSoon(uint256 fromEpoch, uint256 earliest);

    /// @dev Thrown when a facility number was never given out.
    /// @param facility The number.
    /// @param registered How many facilities there are.
    error UnknownFacility(uint256 facility, uint256 registered);

    /// @dev Thrown when a facility's operator or reading key is the zero address.
    /// @param operator The operator given.
    /// @param readingKey The reading key given.
    error ZeroFacilityAddress(address operator, address readingKey);

    /// @dev Thrown when a share exceeds the whole.
    /// @param given Basis points given.
    /// @param max 10,000.
    error ShareAboveWhole(uint256 given, uint256 max);

    /// @dev Thrown when an epoch's record may have been overwritten.
    /// @param epoch The epoch asked for.
    /// @param oldest The oldest epoch still kept.
    error EpochForgotten(uint256 epoch, uint256 oldest);

    /// @dev Thrown by the constructor when a span of time or the ring makes no sense together with the others.
    /// @param epochLength Seconds; not zero.
    /// @param reportWindow Seconds; not zero.
    /// @param ringSize Epochs; the ring must outlast report and dispute windows by at least an epoch.
    error InvalidTiming(uint256 epochLength, uint256 reportWindow, uint256 ringSize);

    /// @dev A report was accepted.
    /// @param epoch The epoch.
    /// @param configVersion The configuration whose oracles signed.
    /// @param signers Bit i set: oracle i signed.
    /// @param report The report.
    event ReportAccepted(uint256 indexed epoch, uint256 configVersion, uint256 signers, Report report);

    /// @dev A configuration was scheduled.
    /// @param version Its number.
    /// @param fromEpoch First epoch it holds for.
    /// @param digest What reports must name.
    /// @param weightsVersion Version of its weights.
    /// @param weightsX16 Weights by class, sixteenths.
    /// @param oracles Signing addresses by oracle number.
    event ConfigScheduled(
        uint256 indexed version,
        uint256 indexed fromEpoch,
        bytes32 digest,
        uint256 weightsVersion,
        uint256[3] weightsX16,
        address[] oracles
    );

    /// @dev A facility was registered.
    /// @param facility Its number.
    /// @param operator Who runs it and is paid its fees.
    /// @param readingKey Whose signature its readings bear.
    /// @param region Its region.
    event FacilityRegistered(
        uint256 indexed facility, address indexed operator, address readingKey, uint256 indexed region
    );

    /// @dev Terms of a facility were scheduled.
    /// @param facility Its number.
    /// @param terms The terms, with the epoch they hold from.
    event FacilityTermsScheduled(uint256 indexed facility, FacilityTerms terms);

    /// @dev Accepts an epoch's report. Open to anyone; what counts is who signed.
    /// @param report The report.
    /// @param signatures Entries of 65 bytes in ascending order of oracle number: number (1) ‖ r (32) ‖ vs (32).
    function submitReport(Report calldata report, bytes calldata signatures) external;

    /// @dev Schedules an oracle set and weights from a future epoch on. A change scheduled for the same or a later epoch
    /// and not begun is replaced.
    /// @param oracles Signing addresses; their places are the oracle numbers.
    /// @param weightsX16 Weights by class, sixteenths.
    /// @param fromEpoch First epoch they hold for; not begun.
    function scheduleConfig(address[] calldata oracles, uint256[3] calldata weightsX16, uint256 fromEpoch) external;

    /// @dev Registers a facility; its output counts from the next epoch to begin.
    /// @param operator Who runs it.
    /// @param readingKey Whose signature its readings bear.
    /// @param region Its region.
    /// @param capacities Most raw output an epoch may bring, by class.
    /// @param publicShareBps Share of the output that is public, basis points.
    /// @return facility Its number.
    function registerFacility(
        address operator,
        address readingKey,
        uint256 region,
        uint256[3] calldata capacities,
        uint256 publicShareBps
    ) external returns (uint256 facility);

    /// @dev Schedules other terms for a facility from a future epoch on. Terms scheduled for the same or a later epoch
    /// and not begun are replaced.
    /// @param facility Its number.
    /// @param capacities Most raw output an epoch may bring, by class.
    /// @param publicShareBps Share of the output that is public, basis points.
    /// @param active Whether its output counts.
    /// @param fromEpoch First epoch they hold for; not begun.
    function scheduleFacilityTerms(
        uint256 facility,
        uint256[3] calldata capacities,
        uint256 publicShareBps,
        bool active,
        uint256 fromEpoch
    ) external;

    /// @dev What oracles sign: the EIP-712 digest of a report.
    /// @param report The report.
    function reportDigest(Report calldata report) external view returns (bytes32);

    /// @dev The record of an epoch's report; all zero if there is none.
    /// @param epoch An epoch that is still kept.
    function recordOf(uint256 epoch) external view returns (Record memory);

    /// @dev The configuration in force at an epoch.
    /// @param epoch Any epoch.
    /// @return version Its number.
    /// @return digest What reports must name.
    /// @return weightsVersion Version of its weights.
    /// @return weightsX16 Weights by class, sixteenths.
    /// @return oracles Signing addresses by oracle number.
    function configAt(uint256 epoch)
        external
        view
        returns (
            uint256 version,
            bytes32 digest,
            uint256 weightsVersion,
            uint256[3] memory weightsX16,
            address[] memory oracles
        );

    /// @dev The weights in force at an epoch.
    /// @param epoch Any epoch.
    /// @return weightsX16 Weights by class, sixteenths.
    function weightsAt(uint256 epoch) external view returns (uint256[3] memory weightsX16);

    /// @dev Who a facility is.
    /// @param facility Its number.
    /// @return operator Who runs it and is paid its fees.
    /// @return readingKey Whose signature its readings bear.
    /// @return region Its region.
    function facilityOf(uint256 facility) external view returns (address operator, address readingKey, uint256 region);

    /// @dev What holds for a facility at an epoch; all zero, so not active, before it was registered.
    /// @param facility Its number.
    /// @param epoch Any epoch.
    function facilityTermsAt(uint256 facility, uint256 epoch) external view returns (FacilityTerms memory);

    /// @dev How many facilities were ever registered; numbers run from 0.
    function facilityCount() external view returns (uint256);

    /// @dev The epoch now running.
    function currentEpoch() external view returns (uint256);

    /// @dev How long after its end an epoch's report is accepted.
    /// @return seconds
    function reportWindow() external view returns (uint256);

    /// @dev How long after its acceptance a report can be disputed.
    /// @return seconds
    function disputeWindow() external view returns (uint256);

    /// @dev How many epochs' records are kept.
    function ringSize() external view returns (uint256);
}
