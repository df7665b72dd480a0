// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import {AuditRules, Fleet, IAuditTerms} from "./interfaces/IAuditTerms.sol";
import {IComputeExchange} from "./interfaces/IComputeExchange.sol";
import {IComputeOracleRegistry} from "./interfaces/IComputeOracleRegistry.sol";
import {BpsLib} from "./libraries/BpsLib.sol";
import {EpochLib} from "./libraries/EpochLib.sol";
import {FieldLib} from "./libraries/FieldLib.sol";
import {ProductLib} from "./libraries/ProductLib.sol";

/// @title AuditTerms
/// @dev The interface is the manual.
contract AuditTerms is IAuditTerms, AccessManaged {
    using FieldLib for uint256;

    /// @dev What one facility must prove from an epoch on.
    struct Obligation {
        uint32 fromEpoch;
        bool recordsCount;
        Fleet[] fleets;
    }

    /// @dev Oracles ask each facility about every one of them, every epoch.
    uint256 private constant MAX_FLEETS = 64;
    uint256 private constant CLASSES = 3;
    uint256 private constant MIN_CONFIDENCE_PPM = 500_000;
    uint256 private constant MAX_CONFIDENCE_PPM = 999_999;

    /// @inheritdoc IAuditTerms
    IComputeOracleRegistry public immutable registry;
    /// @inheritdoc IAuditTerms
    IComputeExchange public immutable exchange;
    uint256 private immutable _genesis;
    uint256 private immutable _epochLength;

    /// @dev Ascending in `fromEpoch`.
    AuditRules[] private _rules;
    /// @dev Ascending in `fromEpoch`.
    // Written through pointers into it.
    // slither-disable-next-line uninitialized-state
    mapping(uint256 facility => Obligation[]) private _obligations;

    constructor(address authority_, IComputeOracleRegistry registry_, IComputeExchange exchange_)
        AccessManaged(authority_)
    {
        registry = registry_;
        exchange = exchange_;
        _genesis = registry_.genesis();
        _epochLength = registry_.epochLength();
    }

    /// @inheritdoc IAuditTerms
    function scheduleRules(AuditRules calldata rules) external restricted {
        _requireUpcoming(rules.fromEpoch);
        _requireRules(rules);
        while (_rules.length != 0 && _rules[_rules.length - 1].fromEpoch >= rules.fromEpoch) _rules.pop();
        AuditRules memory kept = rules;
        kept.since = _since(rules);
        _rules.push(kept);
        emit RulesScheduled(rules.fromEpoch, kept);
    }

    /// @dev Another grace, bound or cap changes nothing about how often devices were challenged: the count goes on.
    function _since(AuditRules calldata rules) private view returns (uint32) {
        if (_rules.length == 0) return rules.fromEpoch;
        AuditRules memory last = _rules[_rules.length - 1];
        return last.slots != 0 && last.auditBps == rules.auditBps ? last.since : rules.fromEpoch;
    }

    function _requireRules(AuditRules calldata rules) private view {
        require(rules.slots <= _epochLength, TooManySlots(rules.slots, _epochLength));
        require(rules.tallyEpochs != 0, NothingTallied());
        _requireShare(rules.auditBps, 1, BpsLib.WHOLE);
        _requireShare(rules.confidencePpm, MIN_CONFIDENCE_PPM, MAX_CONFIDENCE_PPM);
        for (uint256 i = 0; i < CLASSES; ++i) {
            _requireShare(rules.unbackedBps[i], 0, BpsLib.WHOLE);
        }
    }

    function _requireShare(uint256 given, uint256 min, uint256 max) private pure {
        require(given >= min && given <= max, ShareOutOfRange(given, min, max));
    }

    /// @inheritdoc IAuditTerms
    function scheduleFleets(uint256 facility, Fleet[] calldata fleets, bool recordsCount, uint256 fromEpoch)
        external
        restricted
    {
        _requireUpcoming(fromEpoch);
        // Called for its error alone: there is no such facility.
        // slither-disable-next-line unused-return
        registry.facilityOf(facility);
        require(fleets.length <= MAX_FLEETS, TooManyFleets(fleets.length, MAX_FLEETS));
        Obligation[] storage all = _obligations[facility];
        while (all.length != 0 && all[all.length - 1].fromEpoch >= fromEpoch) all.pop();
        Obligation storage added = all.push();
        (added.fromEpoch, added.recordsCount) = (fromEpoch.to32(), recordsCount);
        for (uint256 i = 0; i < fleets.length; ++i) {
            _requireFleet(i, fleets[i]);
            added.fleets.push(fleets[i]);
        }
        emit FleetsScheduled(facility, fromEpoch, fleets, recordsCount);
    }

    function _requireFleet(uint256 place, Fleet calldata fleet) private pure {
        bool known = fleet.rate != 0 && fleet.pace >= fleet.rate && fleet.devices != 0 && fleet.computeClass < CLASSES;
        require(known && ProductLib.areSizes(fleet.m, fleet.n, fleet.k), InvalidFleet(place, fleet));
    }

    /// @inheritdoc IAuditTerms
    function rulesAt(uint256 epoch) external view returns (AuditRules memory rules) {
        for (uint256 i = _rules.length; i > 0; --i) {
            if (_rules[i - 1].fromEpoch <= epoch) return _rules[i - 1];
        }
    }

    /// @inheritdoc IAuditTerms
    function fleetsAt(uint256 facility, uint256 epoch)
        external
        view
        returns (Fleet[] memory fleets, bool recordsCount, uint256 fromEpoch)
    {
        Obligation[] storage all = _obligations[facility];
        for (uint256 i = all.length; i > 0; --i) {
            Obligation storage found = all[i - 1];
            if (found.fromEpoch <= epoch) return (found.fleets, found.recordsCount, found.fromEpoch);
        }
    }

    function _requireUpcoming(uint256 fromEpoch) private view {
        uint256 earliest = EpochLib.upcoming(_genesis, _epochLength);
        require(fromEpoch >= earliest, ChangeTooSoon(fromEpoch, earliest));
    }
}
