// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IComputeOracleRegistry, Observation, Reading, Report} from "./IComputeOracleRegistry.sol";
import {IPullPayments} from "./IPullPayments.sol";
import {ISignerBonds} from "./ISignerBonds.sol";
import {Outcome} from "./IReportSource.sol";

/// @dev A signature as ERC-2098 has it.
struct Compact {
    bytes32 r;
    bytes32 vs;
}

/// @dev What stands at a place of an epoch's Merkle-sum tree.
struct Node {
    /// Hash of the leaf or node; zero for padding.
    bytes32 hash;
    /// The sums that the node above counts for it, packed: | general 64 | intelligent 64 | super 64 | public 64 |.
    uint256 sums;
}

/// @dev Where something stands in the tree of an epoch.
struct Place {
    /// The epoch.
    uint256 epoch;
    /// Levels above the leaves.
    uint256 level;
    /// Place in the level, from 0; at level 0, the facility's number, or padding beyond the last.
    uint256 position;
}

/// @dev A part of a tree, shown.
struct Exhibit {
    /// What stands at the place.
    Node node;
    /// The bytes whose hash that is: a leaf's (level 0) or those of the two nodes below; not read for padding.
    bytes preimage;
    /// Leaves of the tree.
    uint256 facilityCount;
    /// From the place up, the sibling of each node on the way to the top.
    Node[] siblings;
}

/// @title IComputeDisputes
/// @dev Where what was reported or signed is disputed by proof. Anybody may bring one; nobody decides but the proof.
///
/// *Double signing.* Two different messages where a signer may sign one: that signer is slashed.
///
/// *A faulty leaf.* A leaf out of its place, of an inactive facility, above its capacity or with a wrong public amount:
/// all who signed the report are slashed. While the report is not final, the leaf is also taken out of its output, and
/// the report is void if that is more than is left.
///
/// *A faulty structure.* A node whose sums are not those of the two below it, a leaf whose sums are not those counted for
/// it, padding that is not empty: all who signed are slashed and the report, if not final, is void.
///
/// *Demands.* A tree that nobody shows cannot be disputed. So while a report is not final, anybody may demand any place of
/// its tree to be shown, against a bond that grows with the demands open in the epoch. Whoever shows it is paid that
/// bond, and what was shown can be disputed for a dispute window from then. If nobody does in time, the report is void,
/// all who signed are slashed and the demander gets the bond back: who signs a report must keep its tree.
///
/// *Wrong products.* `products` decides whether a facility's proof of compute is wrong, and has slashed here who signed it,
/// and taken out a leaf that rests on it.
///
/// Slashing does not unseat reports that were accepted. An honest signer has nothing to fear but the gas of showing what
/// is demanded, for which the bond pays.
///
/// Whoever brings a proof gets a part of what is slashed. A proof that waits in a public mempool can be copied, and the
/// reward may go to whoever copies it; the dispute holds all the same. The same is so of what is shown for a bond.
interface IComputeDisputes is IPullPayments {
    /// @dev Thrown when an epoch's report cannot be disputed: there is none, or it is void; demands need a pending one.
    /// @param epoch The epoch.
    /// @param outcome How it stands.
    error EpochNotDisputable(uint256 epoch, Outcome outcome);

    /// @dev Thrown when evidence comes too late.
    /// @param epoch The epoch it is about.
    /// @param deadline Last second at which it was accepted.
    /// @param time The block's time, seconds.
    error EvidenceTooLate(uint256 epoch, uint256 deadline, uint256 time);

    /// @dev Thrown when two messages are one and the same.
    /// @param digest What was signed.
    error SameMessage(bytes32 digest);

    /// @dev Thrown when two messages are not of the same epoch, view or facility, so that both may be signed.
    /// @param first Epoch, view or facility of the first.
    /// @param second Of the second.
    error Unrelated(uint256 first, uint256 second);

    /// @dev Thrown when a message names another configuration than its epoch's.
    /// @param given The digest in the message.
    /// @param expected The digest in force at the epoch.
    error WrongConfigDigest(bytes32 given, bytes32 expected);

    /// @dev Thrown when an oracle number is not of the epoch's set.
    /// @param given The number given.
    /// @param size Size of the set.
    error UnknownOracle(uint256 given, uint256 size);

    /// @dev Thrown when what is shown is not of the tree that was reported.
    /// @param given The commitment it leads to.
    /// @param expected The commitment on record.
    error WrongCommitment(bytes32 given, bytes32 expected);

    /// @dev Thrown when there is nothing wrong with what is shown.
    /// @param epoch The epoch.
    /// @param level The level.
    /// @param position The position in it.
    error NoFault(uint256 epoch, uint256 level, uint256 position);

    /// @dev Thrown when a leaf's own sums are not those counted for it: its structure is what to dispute.
    /// @param own The leaf's packed sums.
    /// @param counted Those that the node above counts.
    error SumsDiffer(uint256 own, uint256 counted);

    /// @dev Thrown when a leaf was taken out before.
    /// @param epoch The epoch.
    /// @param facility The leaf's position.
    error LeafAlreadyTakenOut(uint256 epoch, uint256 facility);

    /// @dev Thrown when nothing is left to do about a final report: its signers were slashed before.
    /// @param epoch The epoch.
    error SignersAlreadySlashed(uint256 epoch);

    /// @dev Thrown when a demand does not bring the bond it needs, or by the constructor for one of nothing.
    /// @param given What came, wei.
    /// @param least What is needed, wei.
    error DemandBondTooSmall(uint256 given, uint256 least);

    /// @dev Thrown when a place was demanded before.
    /// @param epoch The epoch.
    /// @param level The level.
    /// @param position The position in it.
    error AlreadyDemanded(uint256 epoch, uint256 level, uint256 position);

    /// @dev Thrown when the time to show what is demanded, and to dispute it, would reach past what finality allows.
    /// @param deadline When it would have to be shown, seconds.
    /// @param latest The latest that may be, seconds.
    error DemandTooLate(uint256 deadline, uint256 latest);

    /// @dev Thrown when no demand for a place is open.
    /// @param epoch The epoch.
    /// @param level The level.
    /// @param position The position in it.
    error NoOpenDemand(uint256 epoch, uint256 level, uint256 position);

    /// @dev Thrown when what is demanded is shown too late.
    /// @param deadline Last second at which it was accepted.
    /// @param time The block's time, seconds.
    error RevealTooLate(uint256 deadline, uint256 time);

    /// @dev Thrown when a demand is to lapse that can still be answered.
    /// @param deadline Last second at which it can, seconds.
    /// @param time The block's time, seconds.
    error RevealStillPossible(uint256 deadline, uint256 time);

    /// @dev Thrown when a demand is to be refunded that has yet to be answered or to lapse.
    /// @param epoch The epoch.
    error DemandNotMoot(uint256 epoch);

    /// @dev Thrown by the constructor when evidence would be refused before reports are settled, or accepted after they
    /// are forgotten.
    /// @param given The horizon, seconds.
    /// @param finality The least it may be, seconds.
    /// @param retention What it must be below, seconds.
    error InvalidHorizon(uint256 given, uint256 finality, uint256 retention);

    /// @dev Thrown by the constructor when the time to answer is zero, or leaves no dispute window within the extension
    /// that the registry allows.
    /// @param given Seconds.
    /// @param max The most accepted, seconds.
    error InvalidRevealWindow(uint256 given, uint256 max);

    /// @dev Thrown by the constructor when bonds would be free before evidence against their signers is.
    /// @param given The lock, seconds.
    /// @param least The horizon and one epoch, seconds.
    error LockTooShort(uint256 given, uint256 least);

    /// @dev Thrown by the constructor when the registry listens to other bonds.
    /// @param given The bonds given.
    /// @param expected The registry's.
    error ForeignBonds(address given, address expected);

    /// @dev Thrown when another calls what is for the product disputes.
    /// @param caller Who called.
    /// @param products Who may.
    error NotProducts(address caller, address products);

    /// @dev Thrown when a leaf that is to be taken out is not of the reading that it is taken out for.
    /// @param given Digest of the leaf's reading.
    /// @param expected Digest of the reading.
    error WrongReading(bytes32 given, bytes32 expected);

    /// @dev A signer was shown to have signed two different messages.
    /// @param signer The signer.
    /// @param epoch The epoch they are about.
    /// @param reporter Who showed it.
    /// @param first Digest of one.
    /// @param second Digest of the other.
    event DoubleSigningProven(
        address indexed signer, uint256 indexed epoch, address indexed reporter, bytes32 first, bytes32 second
    );

    /// @dev A leaf was shown to be faulty.
    /// @param epoch The epoch.
    /// @param facility The leaf's position.
    /// @param reporter Who showed it.
    /// @param publicOutput Its public output, nGAICPh.
    /// @param takenOut Whether that was taken out of the report's; else the report was final.
    event LeafFaultProven(
        uint256 indexed epoch, uint256 indexed facility, address indexed reporter, uint256 publicOutput, bool takenOut
    );

    /// @dev A tree's structure was shown to be faulty.
    /// @param epoch The epoch.
    /// @param reporter Who showed it.
    /// @param level Level of the faulty place.
    /// @param position Its position.
    /// @param voided Whether the report was undone; else it was final.
    event StructureFaultProven(
        uint256 indexed epoch, address indexed reporter, uint256 level, uint256 position, bool voided
    );

    /// @dev A place of a tree was demanded.
    /// @param epoch The epoch.
    /// @param level Its level.
    /// @param position Its position.
    /// @param demander Who demanded it.
    /// @param bond What that cost, wei.
    /// @param deadline Last second at which it can be shown.
    event PlaceDemanded(
        uint256 indexed epoch,
        uint256 indexed level,
        uint256 indexed position,
        address demander,
        uint256 bond,
        uint256 deadline
    );

    /// @dev A place that was demanded was shown.
    /// @param epoch The epoch.
    /// @param level Its level.
    /// @param position Its position.
    /// @param revealer Who showed it.
    /// @param bond What is due to them for it, wei.
    /// @param shown What they showed.
    event PlaceRevealed(
        uint256 indexed epoch,
        uint256 indexed level,
        uint256 indexed position,
        address revealer,
        uint256 bond,
        Exhibit shown
    );

    /// @dev A demand was not answered in time.
    /// @param epoch The epoch, now void.
    /// @param level The place's level.
    /// @param position Its position.
    /// @param demander Who demanded it.
    /// @param bond What is due back to them, wei.
    event DemandLapsed(
        uint256 indexed epoch, uint256 indexed level, uint256 indexed position, address demander, uint256 bond
    );

    /// @dev A demand was moot, its epoch being void for another reason.
    /// @param epoch The epoch.
    /// @param level The place's level.
    /// @param position Its position.
    /// @param demander Who demanded it.
    /// @param bond What is due back to them, wei.
    event DemandRefunded(
        uint256 indexed epoch, uint256 indexed level, uint256 indexed position, address demander, uint256 bond
    );

    /// @dev Slashes an oracle that signed two different reports in one view of an epoch.
    /// @param oracle Its number in the epoch's set.
    /// @param first One report.
    /// @param second The other, of the same epoch and view.
    /// @param ofFirst The oracle's signature of the first.
    /// @param ofSecond The oracle's signature of the second.
    function disputeReports(
        uint256 oracle,
        Report calldata first,
        Report calldata second,
        Compact calldata ofFirst,
        Compact calldata ofSecond
    ) external;

    /// @dev Slashes an oracle that signed two different observations of an epoch.
    /// @param oracle Its number in the epoch's set.
    /// @param first One observation.
    /// @param second The other, of the same epoch.
    /// @param ofFirst The oracle's signature of the first.
    /// @param ofSecond The oracle's signature of the second.
    function disputeObservations(
        uint256 oracle,
        Observation calldata first,
        Observation calldata second,
        Compact calldata ofFirst,
        Compact calldata ofSecond
    ) external;

    /// @dev Slashes the reading key of a facility that signed two different readings of an epoch.
    /// @param first One reading.
    /// @param second The other, of the same facility and epoch.
    /// @param ofFirst The key's signature of the first.
    /// @param ofSecond The key's signature of the second.
    function disputeReadings(
        Reading calldata first,
        Reading calldata second,
        Compact calldata ofFirst,
        Compact calldata ofSecond
    ) external;

    /// @dev Disputes a leaf. See above for what is a fault and what comes of it.
    /// @param epoch The epoch.
    /// @param facility The leaf's position.
    /// @param shown The leaf and its proof.
    function disputeLeaf(uint256 epoch, uint256 facility, Exhibit calldata shown) external;

    /// @dev Disputes the structure of a tree at a place. Above the place sums must add up: of several faults on one way
    /// to the top, dispute the highest. See above for what is a fault and what comes of it.
    /// @param place The place.
    /// @param shown What stands there and its proof.
    function disputeStructure(Place calldata place, Exhibit calldata shown) external;

    /// @dev Slashes who signed a wrong product. For `products`.
    /// @param signer Who.
    /// @param reporter To whom the reward is due.
    /// @param epoch The epoch it is about.
    function slashSigner(address signer, address reporter, uint256 epoch) external;

    /// @dev Takes the leaf of a reading out of a pending report; its signers are not slashed. For `products`.
    /// @param epoch The epoch.
    /// @param facility The leaf's position.
    /// @param readingDigest Digest of the reading.
    /// @param shown The leaf and its proof.
    function takeOutReading(uint256 epoch, uint256 facility, bytes32 readingDigest, Exhibit calldata shown) external;

    /// @dev Demands that a place of a pending report's tree be shown, by putting up `bondOfDemand`; what is sent beyond
    /// that, lest others demand first, is due to the caller. Each place can be demanded once.
    /// @param place The place.
    /// @param facilityCount Leaves of the tree, as reported.
    /// @param top Its top, as reported.
    function demand(Place calldata place, uint256 facilityCount, Node calldata top) external payable;

    /// @dev Shows a place that is demanded. The bond is due to the caller.
    /// @param place The place.
    /// @param shown What stands there and its proof.
    function reveal(Place calldata place, Exhibit calldata shown) external;

    /// @dev Closes a demand that was not answered in time; see above for what comes of it. Open to anyone.
    /// @param place The place.
    function lapse(Place calldata place) external;

    /// @dev Closes a demand whose epoch is void for another reason, or so old that its record is gone. Open to anyone; the
    /// bond is due to the demander.
    /// @param place The place.
    function refund(Place calldata place) external;

    /// @dev What a demand in an epoch costs now, wei: `demandBond` for each demand open there, and once more.
    /// @param epoch The epoch.
    function bondOfDemand(uint256 epoch) external view returns (uint256);

    /// @dev The demand for a place.
    /// @param place The place.
    /// @return demander Who demanded it; zero if nobody has.
    /// @return deadline Last second at which it can be shown.
    /// @return bond What it cost, wei.
    /// @return open Whether it was neither answered, nor lapsed, nor refunded.
    function demandOf(Place calldata place)
        external
        view
        returns (address demander, uint256 deadline, uint256 bond, bool open);

    /// @dev Whether a leaf was taken out of an epoch's report.
    /// @param epoch The epoch.
    /// @param facility The leaf's position.
    function isTakenOut(uint256 epoch, uint256 facility) external view returns (bool);

    /// @dev Whether all who signed an epoch's report were slashed for it.
    /// @param epoch The epoch.
    function signersSlashed(uint256 epoch) external view returns (bool);

    /// @dev The registry whose reports are disputed here.
    function registry() external view returns (IComputeOracleRegistry);

    /// @dev The bonds that are slashed.
    function bonds() external view returns (ISignerBonds);

    /// @dev Who decides whether a product is wrong (`IProductDisputes`).
    function products() external view returns (address);

    /// @dev How long after an epoch's end evidence about it is accepted.
    /// @return seconds
    function evidenceHorizon() external view returns (uint256);

    /// @dev How long there is to show what is demanded.
    /// @return seconds
    function revealWindow() external view returns (uint256);

    /// @dev What the first demand open in an epoch costs, wei.
    function demandBond() external view returns (uint256);
}
