// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IComputeExchange} from "./IComputeExchange.sol";
import {IComputeOracleRegistry} from "./IComputeOracleRegistry.sol";

/// @dev How facilities are audited in an epoch, in one slot:
///
///   | 8 free | unbackedBps 3 × 16 | confidencePpm 32 | tallyEpochs 32 | graceMs 32 | since 32 | fromEpoch 32 | auditBps 16
///   | slots 16 |
struct AuditRules {
    /// Into how many slots of equal length an epoch is divided, among which regions are spread. Zero: no proof is asked
    /// for, and readings count as their facilities sign them.
    uint16 slots;
    /// Share of each fleet that is challenged in an epoch, basis points; at least one device of each.
    uint16 auditBps;
    /// The first epoch these rules hold for.
    uint32 fromEpoch;
    /// The first epoch that the present share was audited in: from it on challenges are counted. Given by the contract.
    uint32 since;
    /// What a block and the network may take beside the product, milliseconds.
    uint32 graceMs;
    /// Over how many epochs challenges and failures are counted.
    uint32 tallyEpochs;
    /// Confidence of the bound on the share of devices that would fail, millionths.
    uint32 confidencePpm;
    /// By class, what counts of the audited capacity where no buyer's receipt shows that somebody wanted the work, basis
    /// points.
    uint16[3] unbackedBps;
}

/// @dev Devices of one kind in a facility, each of which may be asked for a product of its own: one slot.
struct Fleet {
    /// Operations a second of its class that each device is counted at: 18 EFLOP/s fit.
    uint64 rate;
    /// Operations a second that its product must show: those of its fastest arithmetic that is exact on the entries, which
    /// may be narrower, and so faster, than its class's. Not below `rate`.
    uint64 pace;
    /// How many there are.
    uint32 devices;
    /// Rows of A and of C.
    uint24 m;
    /// Columns of B and of C.
    uint24 n;
    /// Terms of an entry.
    uint24 k;
    /// The class its output counts in: 0 general, 1 intelligent, 2 super.
    uint8 computeClass;
}

/// @title IAuditTerms
/// @dev What facilities must prove, and what counts of what nobody is shown to have wanted: the one place that all oracles
/// and meters read it from. `docs/proof-of-compute.md` gives the protocol, `docs/units.md` how a reading follows.
///
/// Everything here holds from a future epoch on and is read as of an epoch, so that all who read it read the same. The
/// contract judges nothing: oracles count a reading as zero that is not proved by these terms, and `ProductDisputes`
/// settles what was proved wrongly.
interface IAuditTerms {
    /// @dev Thrown when a change would reach back into an epoch that has begun.
    /// @param fromEpoch The epoch given.
    /// @param earliest The earliest accepted.
    error ChangeTooSoon(uint256 fromEpoch, uint256 earliest);

    /// @dev Thrown when an epoch would have more slots than seconds.
    /// @param given The slots given.
    /// @param max The most there can be.
    error TooManySlots(uint256 given, uint256 max);

    /// @dev Thrown when a share is out of its range.
    /// @param given The share given, basis points or millionths.
    /// @param min The least accepted.
    /// @param max The most accepted.
    error ShareOutOfRange(uint256 given, uint256 min, uint256 max);

    /// @dev Thrown when challenges would be counted over no epoch.
    error NothingTallied();

    /// @dev Thrown when a fleet is of no device, of no rate, of a pace below it, of no class, or of sizes for which no product is defined.
    /// @param place Its place among those given.
    /// @param fleet The fleet.
    error InvalidFleet(uint256 place, Fleet fleet);

    /// @dev Thrown when a facility would have more fleets than may be asked about.
    /// @param given How many.
    /// @param max The most.
    error TooManyFleets(uint256 given, uint256 max);

    /// @dev Rules were scheduled.
    /// @param fromEpoch First epoch they hold for.
    /// @param rules The rules.
    event RulesScheduled(uint256 indexed fromEpoch, AuditRules rules);

    /// @dev What a facility must prove was scheduled.
    /// @param facility Its number.
    /// @param fromEpoch First epoch it holds for.
    /// @param fleets Its devices.
    /// @param recordsCount Whether its scheduler's records show demand.
    event FleetsScheduled(uint256 indexed facility, uint256 indexed fromEpoch, Fleet[] fleets, bool recordsCount);

    /// @dev Schedules rules from a future epoch on. Rules for the same or a later epoch, not begun, are replaced.
    /// @param rules The rules; `fromEpoch` not begun, `since` of no account.
    function scheduleRules(AuditRules calldata rules) external;

    /// @dev Schedules what a facility must prove from a future epoch on. What was scheduled for the same or a later epoch,
    /// and has not begun, is replaced. Challenges of before are counted no more.
    /// @param facility Its number, registered.
    /// @param fleets Its devices, by kind; none: nothing of it counts while proof is asked for.
    /// @param recordsCount Whether somebody audits its scheduler's records, so that they show demand as receipts do: then
    /// the cap on unbacked work does not bind it.
    /// @param fromEpoch First epoch it holds for; not begun.
    function scheduleFleets(uint256 facility, Fleet[] calldata fleets, bool recordsCount, uint256 fromEpoch) external;

    /// @dev The rules of an epoch; all zero before there are any.
    /// @param epoch The epoch.
    /// @return rules The rules.
    function rulesAt(uint256 epoch) external view returns (AuditRules memory rules);

    /// @dev What a facility must prove in an epoch.
    /// @param facility Its number.
    /// @param epoch The epoch.
    /// @return fleets Its devices.
    /// @return recordsCount Whether its scheduler's records show demand.
    /// @return fromEpoch The first epoch that this held for.
    function fleetsAt(uint256 facility, uint256 epoch)
        external
        view
        returns (Fleet[] memory fleets, bool recordsCount, uint256 fromEpoch);

    /// @dev The registry whose facilities and epochs these are.
    /// @return The contract.
    function registry() external view returns (IComputeOracleRegistry);

    /// @dev The exchange whose receipts show what somebody wanted.
    /// @return The contract.
    function exchange() external view returns (IComputeExchange);
}
