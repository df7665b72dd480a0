// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {PullPayments} from "./PullPayments.sol";
import {Compact, Exhibit, IComputeDisputes, Node, Place} from "./interfaces/IComputeDisputes.sol";
import {
    FacilityTerms,
    IComputeOracleRegistry,
    Observation,
    Reading,
    Record,
    Report
} from "./interfaces/IComputeOracleRegistry.sol";
import {Outcome} from "./interfaces/IReportSource.sol";
import {ISignerBonds} from "./interfaces/ISignerBonds.sol";
import {BpsLib} from "./libraries/BpsLib.sol";
import {EpochLib} from "./libraries/EpochLib.sol";
import {FieldLib} from "./libraries/FieldLib.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";
import {SumProofLib} from "./libraries/SumProofLib.sol";
import {SumTreeLib} from "./libraries/SumTreeLib.sol";

// Blanks in a tuple are figures not asked for here.
// Time: see `EpochLib`.
// Predicted before deployment, and checked after it: zero would be as wrong as any other.
// slither-disable-start unused-return,timestamp,missing-zero-check

/// @title ComputeDisputes
/// @dev The interface is the manual. Calls run one way, to the bonds and the registry, which know what they may do.
contract ComputeDisputes is IComputeDisputes, PullPayments {
    /// @dev | 24 free | open 8 | units 24 | deadline 40 | demander 160 |. units: the bond, in demand bonds; one more than
    /// the demands open before, which the registry counts in 16 bits.
    struct Demand {
        address demander;
        uint40 deadline;
        uint24 units;
        bool open;
    }

    /// @dev A weight of one, in sixteenths.
    uint256 private constant WEIGHT_ONE = 16;

    /// @inheritdoc IComputeDisputes
    IComputeOracleRegistry public immutable registry;
    /// @inheritdoc IComputeDisputes
    ISignerBonds public immutable bonds;
    /// @inheritdoc IComputeDisputes
    address public immutable products;
    /// @inheritdoc IComputeDisputes
    uint256 public immutable evidenceHorizon;
    /// @inheritdoc IComputeDisputes
    uint256 public immutable revealWindow;
    /// @inheritdoc IComputeDisputes
    uint256 public immutable demandBond;

    // The registry's, which never change: read once.
    uint256 private immutable _genesis;
    uint256 private immutable _epochLength;
    uint256 private immutable _maxExtension;

    /// @inheritdoc IComputeDisputes
    mapping(uint256 epoch => bool) public signersSlashed;
    mapping(uint256 epoch => mapping(uint256 word => uint256)) private _takenOut;
    // Written through the pointer that `_demandAt` returns.
    // slither-disable-next-line uninitialized-state
    mapping(uint256 epoch => mapping(uint256 level => mapping(uint256 position => Demand))) private _demands;

    /// @param products_ May have no code yet: it is deployed after this.
    constructor(
        IComputeOracleRegistry registry_,
        ISignerBonds bonds_,
        address products_,
        uint256 evidenceHorizon_,
        uint256 revealWindow_,
        uint256 demandBond_
    ) {
        _requireFit(registry_, bonds_, evidenceHorizon_);
        _requireAnswerable(registry_, revealWindow_);
        require(demandBond_ != 0, DemandBondTooSmall(demandBond_, 1));
        registry = registry_;
        bonds = bonds_;
        products = products_;
        evidenceHorizon = evidenceHorizon_;
        revealWindow = revealWindow_;
        demandBond = demandBond_;
        _genesis = registry_.genesis();
        _epochLength = registry_.epochLength();
        _maxExtension = registry_.maxExtension();
    }

    function _requireFit(IComputeOracleRegistry registry_, ISignerBonds bonds_, uint256 horizon) private view {
        address expected = registry_.bonds();
        require(address(bonds_) == expected, ForeignBonds(address(bonds_), expected));
        (uint256 finality, uint256 retention) = (registry_.finality(), registry_.retention());
        require(horizon >= finality && horizon < retention, InvalidHorizon(horizon, finality, retention));
        (uint256 lock, uint256 least) = (bonds_.lockTime(), horizon + registry_.epochLength());
        require(lock >= least, LockTooShort(lock, least));
    }

    /// @dev So that demands are accepted for the whole of the first dispute window.
    function _requireAnswerable(IComputeOracleRegistry registry_, uint256 window) private view {
        (uint256 extension, uint256 dispute) = (registry_.maxExtension(), registry_.disputeWindow());
        uint256 max = extension > dispute ? extension - dispute : 0;
        require(window != 0 && window <= max, InvalidRevealWindow(window, max));
    }

    /* DOUBLE SIGNING */

    /// @inheritdoc IComputeDisputes
    function disputeReports(
        uint256 oracle,
        Report calldata first,
        Report calldata second,
        Compact calldata ofFirst,
        Compact calldata ofSecond
    ) external {
        _requireRelated(first.epoch, second.epoch);
        _requireRelated(first.viewNumber, second.viewNumber);
        address signer = _oracleOf(oracle, first.epoch, first.configDigest, second.configDigest);
        (bytes32 one, bytes32 other) = (registry.reportDigest(first), registry.reportDigest(second));
        _slashDoubleSigner(signer, first.epoch, one, other, ofFirst, ofSecond);
    }

    /// @inheritdoc IComputeDisputes
    function disputeObservations(
        uint256 oracle,
        Observation calldata first,
        Observation calldata second,
        Compact calldata ofFirst,
        Compact calldata ofSecond
    ) external {
        _requireRelated(first.epoch, second.epoch);
        address signer = _oracleOf(oracle, first.epoch, first.configDigest, second.configDigest);
        (bytes32 one, bytes32 other) = (registry.observationDigest(first), registry.observationDigest(second));
        _slashDoubleSigner(signer, first.epoch, one, other, ofFirst, ofSecond);
    }

    /// @inheritdoc IComputeDisputes
    function disputeReadings(
        Reading calldata first,
        Reading calldata second,
        Compact calldata ofFirst,
        Compact calldata ofSecond
    ) external {
        _requireRelated(first.facility, second.facility);
        _requireRelated(first.epoch, second.epoch);
        (, address signer,) = registry.facilityOf(first.facility);
        (bytes32 one, bytes32 other) = (registry.readingDigest(first), registry.readingDigest(second));
        _slashDoubleSigner(signer, first.epoch, one, other, ofFirst, ofSecond);
    }

    /// @dev By ECDSA alone, as the messages are signed: a wallet's own rule of what it signed proves nothing.
    function _slashDoubleSigner(
        address signer,
        uint256 epoch,
        bytes32 one,
        bytes32 other,
        Compact calldata ofOne,
        Compact calldata ofOther
    ) private {
        _requireTimely(epoch);
        require(one != other, SameMessage(one));
        _requireSigned(signer, one, ofOne);
        _requireSigned(signer, other, ofOther);
        emit DoubleSigningProven(signer, epoch, msg.sender, one, other);
        bonds.slash(signer, msg.sender, epoch);
    }

    function _requireSigned(address signer, bytes32 digest, Compact calldata signature) private pure {
        address recovered = SignatureLib.recoverCompact(digest, signature.r, signature.vs);
        require(recovered == signer, SignatureLib.InvalidSignature(signer, recovered));
    }

    function _requireRelated(uint256 first, uint256 second) private pure {
        require(first == second, Unrelated(first, second));
    }

    function _oracleOf(uint256 oracle, uint256 epoch, bytes32 first, bytes32 second) private view returns (address) {
        (, bytes32 digest,,, address[] memory oracles) = registry.configAt(epoch);
        require(first == digest, WrongConfigDigest(first, digest));
        require(second == digest, WrongConfigDigest(second, digest));
        // Not `require`, which would work out the oracle, and panic, first.
        if (oracle >= oracles.length) revert UnknownOracle(oracle, oracles.length);
        return oracles[oracle];
    }

    /* FAULTS */

    /// @inheritdoc IComputeDisputes
    function disputeLeaf(uint256 epoch, uint256 facility, Exhibit calldata shown) external {
        bool pending = _requireDisputable(epoch);
        _requireShown(epoch, 0, facility, shown);
        uint256 sums = _leafSums(facility, shown);
        bool misplaced = SumProofLib.facilityIn(shown.preimage) != facility;
        require(misplaced || _exceeds(epoch, facility, sums), NoFault(epoch, 0, facility));
        (,,, uint256 publicOutput) = SumTreeLib.unpack(sums);
        emit LeafFaultProven(epoch, facility, msg.sender, publicOutput, pending);
        _requireEffect(epoch, pending);
        // Before the report is touched: who signed is read from it, and stays there.
        _slashSigners(epoch, msg.sender);
        if (pending) _takeOut(epoch, facility, publicOutput);
    }

    /// @dev The sums of a leaf that is one, and is counted as it is.
    function _leafSums(uint256 facility, Exhibit calldata shown) private pure returns (uint256 sums) {
        bool padding = SumProofLib.isPadding(0, facility, shown.facilityCount);
        require(!padding, SumProofLib.NoSuchPlace(0, facility, shown.facilityCount));
        SumProofLib.requirePreimage(0, shown.preimage, shown.node.hash);
        (sums,) = SumProofLib.sumsIn(0, shown.preimage);
        require(sums == shown.node.sums, SumsDiffer(sums, shown.node.sums));
    }

    /// @dev Whether a facility's terms at the epoch do not allow for a leaf.
    function _exceeds(uint256 epoch, uint256 facility, uint256 sums) private view returns (bool) {
        FacilityTerms memory terms = registry.facilityTermsAt(facility, epoch);
        if (!terms.active) return sums != 0;
        (uint256 general, uint256 intelligent, uint256 super_, uint256 publicOutput) = SumTreeLib.unpack(sums);
        if (general > terms.capacityGeneral) return true;
        if (intelligent > terms.capacityIntelligent) return true;
        if (super_ > terms.capacitySuper) return true;
        uint256[3] memory weights = registry.weightsAt(epoch);
        uint256 weighted = general * weights[0] + intelligent * weights[1] + super_ * weights[2];
        return publicOutput != weighted * terms.publicShareBps / (WEIGHT_ONE * BpsLib.WHOLE);
    }

    function _takeOut(uint256 epoch, uint256 facility, uint256 publicOutput) private {
        require(!isTakenOut(epoch, facility), LeafAlreadyTakenOut(epoch, facility));
        _takenOut[epoch][facility >> 8] |= 1 << (facility & 0xff);
        registry.takeOut(epoch, publicOutput);
    }

    /// @inheritdoc IComputeDisputes
    function disputeStructure(Place calldata place, Exhibit calldata shown) external {
        bool pending = _requireDisputable(place.epoch);
        _requireShown(place.epoch, place.level, place.position, shown);
        require(_isUnsound(place, shown), NoFault(place.epoch, place.level, place.position));
        emit StructureFaultProven(place.epoch, msg.sender, place.level, place.position, pending);
        _requireEffect(place.epoch, pending);
        _slashSigners(place.epoch, msg.sender);
        if (pending) registry.voidReport(place.epoch);
    }

    function _isUnsound(Place calldata place, Exhibit calldata shown) private pure returns (bool) {
        Node calldata node = shown.node;
        if (SumProofLib.isPadding(place.level, place.position, shown.facilityCount)) {
            return node.hash != 0 || node.sums != 0;
        }
        SumProofLib.requirePreimage(place.level, shown.preimage, node.hash);
        (uint256 sums, bool fit) = SumProofLib.sumsIn(place.level, shown.preimage);
        return !fit || sums != node.sums;
    }

    /* WRONG PRODUCTS */

    /// @inheritdoc IComputeDisputes
    function slashSigner(address signer, address reporter, uint256 epoch) external {
        _requireProducts();
        _requireTimely(epoch);
        bonds.slash(signer, reporter, epoch);
    }

    /// @inheritdoc IComputeDisputes
    function takeOutReading(uint256 epoch, uint256 facility, bytes32 readingDigest, Exhibit calldata shown) external {
        _requireProducts();
        _requirePending(epoch);
        _requireShown(epoch, 0, facility, shown);
        (,,, uint256 publicOutput) = SumTreeLib.unpack(_leafSums(facility, shown));
        bytes32 given = SumProofLib.readingIn(shown.preimage);
        require(given == readingDigest, WrongReading(given, readingDigest));
        _takeOut(epoch, facility, publicOutput);
    }

    function _requireProducts() private view {
        require(msg.sender == products, NotProducts(msg.sender, products));
    }

    /* CONSEQUENCES */

    /// @dev Once a report is final, a fault does nothing but slash, and that once.
    function _requireEffect(uint256 epoch, bool pending) private view {
        require(pending || !signersSlashed[epoch], SignersAlreadySlashed(epoch));
    }

    /// @dev Slashes all who signed an epoch's report and were not slashed yet, for whatever.
    // At most 31 oracles, and a contract of the suite.
    // slither-disable-next-line calls-loop
    function _slashSigners(uint256 epoch, address reporter) private {
        if (signersSlashed[epoch]) return;
        signersSlashed[epoch] = true;
        uint256 signers = registry.recordOf(epoch).signers;
        (,,,, address[] memory oracles) = registry.configAt(epoch);
        for (uint256 i = 0; i < oracles.length; ++i) {
            if (signers >> i & 1 == 1 && !bonds.isSlashed(oracles[i])) bonds.slash(oracles[i], reporter, epoch);
        }
    }

    /// @dev Whether a report that can be disputed is pending; else it is final.
    function _requireDisputable(uint256 epoch) private view returns (bool pending) {
        (Outcome outcome,) = registry.outcomeOf(epoch);
        pending = outcome == Outcome.Pending;
        require(pending || outcome == Outcome.Final, EpochNotDisputable(epoch, outcome));
        _requireTimely(epoch);
    }

    function _requireTimely(uint256 epoch) private view {
        uint256 deadline = EpochLib.endOf(FieldLib.to32(epoch), _genesis, _epochLength) + evidenceHorizon;
        require(block.timestamp <= deadline, EvidenceTooLate(epoch, deadline, block.timestamp));
    }

    function _requireShown(uint256 epoch, uint256 level, uint256 position, Exhibit calldata shown) private view {
        bytes32 commitment = SumProofLib.commitmentFrom(level, position, shown);
        _requireCommitment(commitment, registry.recordOf(epoch));
    }

    function _requireCommitment(bytes32 given, Record memory record) private pure {
        require(given == record.commitment, WrongCommitment(given, record.commitment));
    }

    /* DEMANDS */

    /// @inheritdoc IComputeDisputes
    function demand(Place calldata place, uint256 facilityCount, Node calldata top) external payable {
        Record memory record = _requirePending(place.epoch);
        // A place that the tree has not could never be shown: it would void an honest report.
        SumProofLib.requirePlace(place.level, place.position, facilityCount);
        _requireCommitment(SumTreeLib.commit(facilityCount, top.hash, top.sums), record);
        uint256 deadline = _deadlineOf(record);
        uint256 units = uint256(record.demands) + 1;
        uint256 bond = units * demandBond;
        require(msg.value >= bond, DemandBondTooSmall(msg.value, bond));
        // Whoever allows for others who demand first gets back what was not needed.
        due[msg.sender] += msg.value - bond;
        Demand storage made = _demandAt(place);
        require(made.demander == address(0), AlreadyDemanded(place.epoch, place.level, place.position));
        (made.demander, made.deadline) = (msg.sender, FieldLib.to40(deadline));
        // Fits: the registry counts demands in 16 bits.
        (made.units, made.open) = (uint24(units), true);
        emit PlaceDemanded(place.epoch, place.level, place.position, msg.sender, bond, deadline);
        registry.openDemand(place.epoch);
    }

    function _requirePending(uint256 epoch) private view returns (Record memory) {
        (Outcome outcome,) = registry.outcomeOf(epoch);
        require(outcome == Outcome.Pending, EpochNotDisputable(epoch, outcome));
        return registry.recordOf(epoch);
    }

    /// @dev Until when what is demanded now is to be shown; a dispute window must still fit after that.
    function _deadlineOf(Record memory record) private view returns (uint256 deadline) {
        deadline = block.timestamp + revealWindow;
        uint256 latest = record.acceptedAt + _maxExtension;
        require(deadline <= latest, DemandTooLate(deadline, latest));
    }

    /// @inheritdoc IComputeDisputes
    function reveal(Place calldata place, Exhibit calldata shown) external {
        Demand storage made = _openDemandAt(place);
        require(block.timestamp <= made.deadline, RevealTooLate(made.deadline, block.timestamp));
        _requireShown(place.epoch, place.level, place.position, shown);
        bool padding = SumProofLib.isPadding(place.level, place.position, shown.facilityCount);
        if (!padding) SumProofLib.requirePreimage(place.level, shown.preimage, shown.node.hash);
        uint256 bond = _close(made, msg.sender);
        emit PlaceRevealed(place.epoch, place.level, place.position, msg.sender, bond, shown);
        registry.closeDemand(place.epoch);
    }

    /// @inheritdoc IComputeDisputes
    function lapse(Place calldata place) external {
        Demand storage made = _openDemandAt(place);
        require(block.timestamp > made.deadline, RevealStillPossible(made.deadline, block.timestamp));
        (Outcome outcome,) = registry.outcomeOf(place.epoch);
        uint256 bond = _close(made, made.demander);
        emit DemandLapsed(place.epoch, place.level, place.position, made.demander, bond);
        _slashSigners(place.epoch, made.demander);
        // Else it is void: an open demand keeps it from being final.
        if (outcome == Outcome.Pending) registry.voidReport(place.epoch);
    }

    /// @inheritdoc IComputeDisputes
    function refund(Place calldata place) external {
        Demand storage made = _openDemandAt(place);
        require(_isForgotten(place.epoch) || _isSettledVoid(place.epoch), DemandNotMoot(place.epoch));
        uint256 bond = _close(made, made.demander);
        emit DemandRefunded(place.epoch, place.level, place.position, made.demander, bond);
    }

    /// @dev Void, with nothing left to do about it: if a demand is what voided it, its signers are yet to be slashed.
    function _isSettledVoid(uint256 epoch) private view returns (bool) {
        (Outcome outcome,) = registry.outcomeOf(epoch);
        return outcome == Outcome.Void && signersSlashed[epoch];
    }

    /// @dev Long void, since it had a demand open; but the registry can no longer tell.
    function _isForgotten(uint256 epoch) private view returns (bool) {
        return registry.currentEpoch() > epoch + registry.ringSize();
    }

    function _close(Demand storage made, address payee) private returns (uint256 bond) {
        made.open = false;
        bond = made.units * demandBond;
        due[payee] += bond;
    }

    function _openDemandAt(Place calldata place) private view returns (Demand storage made) {
        made = _demandAt(place);
        require(made.open, NoOpenDemand(place.epoch, place.level, place.position));
    }

    function _demandAt(Place calldata place) private view returns (Demand storage) {
        return _demands[place.epoch][place.level][place.position];
    }

    /* VIEWS */

    /// @inheritdoc IComputeDisputes
    function bondOfDemand(uint256 epoch) external view returns (uint256) {
        return (uint256(registry.recordOf(epoch).demands) + 1) * demandBond;
    }

    /// @inheritdoc IComputeDisputes
    function demandOf(Place calldata place)
        external
        view
        returns (address demander, uint256 deadline, uint256 bond, bool open)
    {
        Demand memory made = _demandAt(place);
        return (made.demander, made.deadline, made.units * demandBond, made.open);
    }

    /// @inheritdoc IComputeDisputes
    function isTakenOut(uint256 epoch, uint256 facility) public view returns (bool) {
        return _takenOut[epoch][facility >> 8] >> (facility & 0xff) & 1 == 1;
    }
}
// slither-disable-end unused-return,timestamp,missing-zero-check
