// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC6372} from "@openzeppelin/contracts/interfaces/IERC6372.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";

import {Citizen, ICitizenRegistry} from "../interfaces/ICitizenRegistry.sol";
import {ICitizenVotes} from "../interfaces/ICitizenVotes.sol";
import {RangeLib} from "../libraries/RangeLib.sol";

// Time: see `EpochLib`.
// slither-disable-start timestamp

/// @title CitizenVotes
/// @dev The interface is the manual.
contract CitizenVotes is ICitizenVotes {
    /// @dev Where citizens stand.
    ICitizenRegistry public immutable citizens;
    /// @inheritdoc ICitizenVotes
    uint256 public immutable ripening;

    constructor(ICitizenRegistry citizens_, uint256 ripening_) {
        RangeLib.requireSpan(ripening_);
        citizens = citizens_;
        ripening = ripening_;
    }

    /// @inheritdoc IVotes
    function getVotes(address account) external view returns (uint256) {
        return _votesAt(account, block.timestamp);
    }

    /// @inheritdoc IVotes
    function getPastVotes(address account, uint256 timepoint) external view returns (uint256) {
        _requirePassed(timepoint);
        return _votesAt(account, timepoint);
    }

    /// @inheritdoc IVotes
    function getPastTotalSupply(uint256 timepoint) external view returns (uint256) {
        _requirePassed(timepoint);
        // Only whole days: what was true of them is true for ever.
        uint256 day = timepoint > ripening ? (timepoint - ripening) / 1 days : 0;
        return day == 0 ? 0 : _activeAtTheEndOf(day - 1);
    }

    function _votesAt(address account, uint256 time) private view returns (uint256) {
        Citizen memory citizen = citizens.citizenOf(account);
        bool ripe = citizen.since != 0 && citizen.since + ripening <= time;
        return ripe && (citizen.until == 0 || citizen.until > time) ? 1 : 0;
    }

    /// @dev The last count on record not after a day, by bisection: counts are kept of the days that changed them.
    // A bisection of at most 32 steps, through a contract of the suite.
    // slither-disable-next-line calls-loop
    function _activeAtTheEndOf(uint256 day) private view returns (uint256 active) {
        uint256 changedOn;
        uint256 high;
        (active, changedOn, high) = citizens.activity();
        if (changedOn <= day) return active;
        // Zero to begin with.
        // slither-disable-next-line uninitialized-local
        uint256 low;
        active = 0;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            (uint256 count, uint256 on) = citizens.activityAt(middle);
            if (on <= day) (active, low) = (count, middle + 1);
            else high = middle;
        }
    }

    function _requirePassed(uint256 timepoint) private view {
        require(timepoint < block.timestamp, TimeNotPassed(timepoint, block.timestamp));
    }

    /* WHAT A VOTE IS NOT */

    /// @inheritdoc IVotes
    function delegates(address account) external pure returns (address) {
        return account;
    }

    /// @inheritdoc IVotes
    function delegate(address) external view {
        revert VotesStayWithTheirCitizen(msg.sender);
    }

    /// @inheritdoc IVotes
    function delegateBySig(address, uint256, uint256, uint8, bytes32, bytes32) external view {
        revert VotesStayWithTheirCitizen(msg.sender);
    }

    /* TIME */

    /// @inheritdoc IERC6372
    function clock() external view returns (uint48) {
        // Fits: the end of time, in seconds, is nine million years off.
        return uint48(block.timestamp);
    }

    /// @inheritdoc IERC6372
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() external pure returns (string memory) {
        return "mode=timestamp";
    }
}
// slither-disable-end timestamp
