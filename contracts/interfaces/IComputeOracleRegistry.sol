// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {IReportSource, Outcome} from "./IReportSource.sol";
import {ISignatureFaults} from "./ISignatureVerifier.sol";

/// @dev A facility's output in one epoch, which its reading key signs; an EIP-712 type of the same name and fields.
struct Reading {
    /// Its number.
    uint256 facility;
    /// The epoch.
    uint256 epoch;
    /// Raw general output, in units of 3.6e9 FP32 operations.
    uint256 rawGeneral;
    /// Raw intelligent output, in units of 3.6e9 FP16 operations.
    uint256 rawIntelligent;
    /// Raw super output, in units of 3.6e9 FP64 operations.
    uint256 rawSuper;
    /// Root of what proves the reading.
    bytes32 evidence;
}

/// @dev One oracle's view of an epoch, which it signs; an EIP-712 type of the same name and fields.
struct Observation {
    /// Digest of the configuration in force at the epoch.
    bytes32 configDigest;
    /// The epoch.
    uint256 epoch;
    /// Hash of all readings in order.
    bytes32 readings;
}

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

/// @dev Whom a configuration trusts beside its oracles.
struct Verifiers {
    /// Says which oracles signed a digest (`ISignatureVerifier`).
    address signatures;
    /// May undo reports of the epochs that the configuration is in force at (`IComputeDisputes`).
    address disputes;
}

/// @dev What an accepted report left on chain:
///
///   | commitment 256 | and
///   | isVoid 8 | demands 16 | extension 32 | configVersion 32 | signers 32 | acceptedAt 40 | epoch 32 | publicOutput 64 |
///
/// so that what became of an epoch is one slot. acceptedAt: 35,000 years. epoch: 4.2e9 epochs. demands: 65,535, at a
/// price that grows with each. extension: 136 years.
struct Record {
    /// keccak256(0x02 ‖ facilityCount ‖ root ‖ sums): what leaves are proved against.
    bytes32 commitment;
    /// Public output, nGAICPh, less what disputes took out.
    uint64 publicOutput;
    /// The epoch this record is for.
    uint32 epoch;
    /// When the report was accepted, seconds.
    uint40 acceptedAt;
    /// Bit i set: oracle i of the configuration signed, and stood.
    uint32 signers;
    /// Version of the configuration.
    uint32 configVersion;
    /// How much longer than the dispute window the report stays open to dispute, seconds.
    uint32 extension;
    /// Demands to show a part of the tree that are open.
    uint16 demands;
    /// A dispute undid the report.
    bool isVoid;
}

/// @dev What holds for a facility from an epoch on. Capacities are the most raw output an epoch may bring, by class: in 56
/// bits 3,000 EFLOP/s for a day. At the highest weights a leaf's public output then still fits its 64 bits.
struct FacilityTerms {
    uint56 capacityGeneral;
    uint56 capacityIntelligent;
    uint56 capacitySuper;
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
/// A signature counts while its signer *stands*: `bonds` says who does. An oracle that no longer stands stays in its set,
/// and nothing that was accepted is undone for it. Where fewer than a quorum of the next epoch's set stand, a standby set
/// approved beforehand takes over.
///
/// The disputes contract of an epoch's configuration may undo its report, wholly or in part, until that is final. Demands
/// to show a part of the tree postpone this, by `maxExtension` at most.
///
/// Sets, weights, verifiers and facility terms are versioned and change only from a future epoch on. Records are kept for
/// the last `ringSize` epochs; older ones are in the events. `docs/protocol.md` gives every byte.
interface IComputeOracleRegistry is IReportSource, IERC5267, ISignatureFaults {
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

    /// @dev Thrown when fewer than 2f + 1 oracles that stand have signed a report.
    /// @param given How many have.
    /// @param quorum How many are needed.
    error QuorumNotReached(uint256 given, uint256 quorum);

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

    /// @dev Thrown when a class of output would weigh nothing.
    /// @param computeClass The class.
    error ZeroWeight(uint256 computeClass);

    /// @dev Thrown when a class of output would weigh more than 1,024.
    /// @param computeClass The class.
    /// @param given Its weight, sixteenths.
    /// @param max The most it may be.
    error WeightTooHigh(uint256 computeClass, uint256 given, uint256 max);

    /// @dev Thrown when a verifier is no contract.
    /// @param verifier The address given.
    error VerifierWithoutCode(address verifier);

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

    /// @dev Thrown when another calls what is `bonds`' alone to call.
    /// @param caller Who called.
    /// @param bonds Who may.
    error NotBonds(address caller, address bonds);

    /// @dev Thrown when another calls what is for the disputes contract of the epoch's configuration.
    /// @param caller Who called.
    /// @param disputes Who may.
    error NotDisputes(address caller, address disputes);

    /// @dev Thrown when an epoch's report cannot be undone or put off: there is none, or it is final or void already.
    /// @param epoch The epoch.
    /// @param outcome How it stands.
    error EpochNotPending(uint256 epoch, Outcome outcome);

    /// @dev Thrown when a demand is closed where none is open.
    /// @param epoch The epoch.
    error NoDemandOpen(uint256 epoch);

    /// @dev Thrown when the standby set is called while enough of the next epoch's own set stand.
    /// @param standing How many stand.
    /// @param quorum How many a report needs.
    error StandbyNotNeeded(uint256 standing, uint256 quorum);

    /// @dev Thrown when the standby set is called and there is none.
    /// @param fromEpoch The epoch it would have begun with.
    error NoStandby(uint256 fromEpoch);

    /// @dev Thrown when the standby set is called and has no quorum that stands.
    /// @param standing How many of it stand.
    /// @param quorum How many must.
    error StandbyNotReady(uint256 standing, uint256 quorum);

    /// @dev Thrown by the constructor when a span of time is zero that must not be.
    /// @param epochLength Seconds.
    /// @param reportWindow Seconds.
    error InvalidTiming(uint256 epochLength, uint256 reportWindow);

    /// @dev Thrown by the constructor when records would be overwritten too soon.
    /// @param retention Seconds for which the ring keeps a record.
    /// @param needed Finality and one epoch, seconds: the ring must keep records for longer.
    error RetentionTooShort(uint256 retention, uint256 needed);

    /// @dev A report was accepted.
    /// @param epoch The epoch.
    /// @param configVersion The configuration whose oracles signed.
    /// @param signers Bit i set: oracle i signed.
    /// @param report The report.
    event ReportAccepted(uint256 indexed epoch, uint256 configVersion, uint256 signers, Report report);

    /// @dev Public output of a report was taken out.
    /// @param epoch The epoch.
    /// @param previous Public output before, nGAICPh.
    /// @param left Public output now, nGAICPh.
    event OutputTakenOut(uint256 indexed epoch, uint256 previous, uint256 left);

    /// @dev A report was undone: its epoch counts as if it had none.
    /// @param epoch The epoch.
    /// @param publicOutput Public output it had, nGAICPh.
    event ReportVoided(uint256 indexed epoch, uint256 publicOutput);

    /// @dev Finality was put off: a demand was opened, or one was answered.
    /// @param epoch The epoch.
    /// @param demands Demands now open; while there are any, the report is not final.
    /// @param disputableUntil The last second at which the report can be disputed once no demand is open.
    event FinalityPostponed(uint256 indexed epoch, uint256 demands, uint256 disputableUntil);

    /// @dev A signer's standing changed.
    /// @param signer Whose signatures count, or no longer do.
    /// @param stands Whether they count.
    event StandingChanged(address indexed signer, bool stands);

    /// @dev A warning: an oracle lost its standing, and no more than a quorum stand. Nothing waits for it.
    /// @param epoch The first epoch that this is true of.
    /// @param standing How many stand.
    /// @param quorum How many a report needs.
    event FewOraclesStand(uint256 indexed epoch, uint256 standing, uint256 quorum);

    /// @dev A standby set was approved, in place of any before.
    /// @param oracles Signing addresses by oracle number.
    event StandbyScheduled(address[] oracles);

    /// @dev The standby set took over.
    /// @param version Its configuration.
    /// @param fromEpoch First epoch that it reports.
    event StandbySeated(uint256 indexed version, uint256 indexed fromEpoch);

    /// @dev A configuration was scheduled.
    /// @param version Its number.
    /// @param fromEpoch First epoch it holds for.
    /// @param digest What reports must name.
    /// @param weightsVersion Version of its weights.
    /// @param weightsX16 Weights by class, sixteenths.
    /// @param oracles Signing addresses by oracle number.
    /// @param verifiers Whom it trusts beside them.
    event ConfigScheduled(
        uint256 indexed version,
        uint256 indexed fromEpoch,
        bytes32 digest,
        uint256 weightsVersion,
        uint256[3] weightsX16,
        address[] oracles,
        Verifiers verifiers
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

    /// @dev Accepts an epoch's report. Open to anyone; what counts is who signed, and who of them stands.
    /// @param report The report.
    /// @param signatures As the configuration's verifier has them; by ECDSA, entries of 65 bytes in ascending order of
    /// oracle number: number (1) ‖ r (32) ‖ vs (32).
    function submitReport(Report calldata report, bytes calldata signatures) external;

    /// @dev Takes public output out of a report that is not final. If it is more than is left, the report is void. For
    /// the disputes contract of the epoch's configuration, which takes each leaf out once.
    /// @param epoch The epoch.
    /// @param publicOutput What to take out, nGAICPh.
    function takeOut(uint256 epoch, uint256 publicOutput) external;

    /// @dev Undoes a report that is not final. For the disputes contract of the epoch's configuration.
    /// @param epoch The epoch.
    function voidReport(uint256 epoch) external;

    /// @dev Notes that a part of a report's tree is demanded: the report is not final until that is answered. One that
    /// is still open `maxExtension` after the dispute window has no answer, and voids the epoch. For the disputes
    /// contract of the epoch's configuration.
    /// @param epoch The epoch.
    function openDemand(uint256 epoch) external;

    /// @dev Notes that a demand was answered: what came out of it can be disputed for a dispute window from now. For the
    /// disputes contract of the epoch's configuration.
    /// @param epoch The epoch.
    function closeDemand(uint256 epoch) external;

    /// @dev Notes whether a signer stands; takes effect at once, for every epoch that can still be reported. Seats the
    /// standby set if that is needed now. For `bonds`. Costs by the number of configurations scheduled ahead.
    /// @param signer Whose signatures count, or no longer do.
    /// @param stands Whether they count.
    // In the interface the name means the same in both places.
    // slither-disable-next-line shadowing-local
    function setStanding(address signer, bool stands) external;

    /// @dev Schedules an oracle set, weights and verifiers from a future epoch on. A change scheduled for the same or a
    /// later epoch and not begun is replaced.
    /// @param oracles Signing addresses; their places are the oracle numbers.
    /// @param weightsX16 Weights by class, sixteenths; none zero, none above 1,024.
    /// @param verifiers Whom it trusts beside them; contracts.
    /// @param fromEpoch First epoch they hold for; not begun.
    function scheduleConfig(
        address[] calldata oracles,
        uint256[3] calldata weightsX16,
        Verifiers calldata verifiers,
        uint256 fromEpoch
    ) external;

    /// @dev Approves a set that takes over, once, when fewer than a quorum of the next epoch's set stand. It replaces one
    /// approved before and not seated. Approve it when the set it stands by for has a quorum: else it is seated as soon
    /// as it has one itself.
    /// @param oracles Signing addresses; their places are the oracle numbers.
    function scheduleStandby(address[] calldata oracles) external;

    /// @dev Seats the standby set from the next epoch to begin, with the weights and verifiers in force then, until the
    /// configuration that is scheduled after that. Open to anyone; a change of standing does the same by itself, so this
    /// is for a configuration that comes into force without a quorum.
    function seatStandby() external;

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

    /// @dev What oracles sign first: the EIP-712 digest of an observation.
    /// @param observation The observation.
    function observationDigest(Observation calldata observation) external view returns (bytes32);

    /// @dev What facilities sign: the EIP-712 digest of a reading.
    /// @param reading The reading.
    function readingDigest(Reading calldata reading) external view returns (bytes32);

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

    /// @dev Whom the configuration in force at an epoch trusts beside its oracles.
    /// @param epoch Any epoch.
    function verifiersAt(uint256 epoch) external view returns (Verifiers memory);

    /// @dev Who of an epoch's oracles stands now. Of no account once its report is accepted or overdue.
    /// @param epoch Any epoch.
    /// @return standing Bit i set: oracle i stands.
    /// @return quorum How many must have signed a report and stand.
    function standingAt(uint256 epoch) external view returns (uint256 standing, uint256 quorum);

    /// @dev Whether a signer stands.
    /// @param signer The signer.
    function stands(address signer) external view returns (bool);

    /// @dev The standby set that is approved and not seated; empty if there is none.
    function standby() external view returns (address[] memory oracles);

    /// @dev Who says which signers stand (`ISignerBonds`).
    function bonds() external view returns (address);

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

    /// @dev How much longer than the dispute window demands can keep a report from being final, at most.
    /// @return seconds
    function maxExtension() external view returns (uint256);

    /// @dev How many epochs' records are kept.
    function ringSize() external view returns (uint256);
}
