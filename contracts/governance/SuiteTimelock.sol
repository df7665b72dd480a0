// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

import {RangeLib} from "../libraries/RangeLib.sol";

// Time: see `EpochLib`.
// slither-disable-start timestamp

/// @title SuiteTimelock
/// @dev OpenZeppelin's TimelockController: what is decided takes effect after a delay in which all can see it. The only
/// admin of the access manager after set-up. It has no admin of its own: its roles and its delay change through itself
/// alone.
///
/// The governor proposes and executes. So does, until `foundingEnds` and whatever happens, the founder: offices must be
/// filled and citizens enrolled before there can be a vote. The founder's roles end by the clock, or sooner when renounced.
contract SuiteTimelock is TimelockController {
    /// @dev Who acts beside the governor while the suite is founded.
    address public immutable founder;
    /// @dev When the founder's roles have ended at the latest, seconds.
    uint256 public immutable foundingEnds;
    /// @dev The delay it was deployed with; no vote can set one beyond a quarter or four times of it.
    uint256 public immutable foundingDelay;

    constructor(uint256 minDelay, address governor, address founder_, uint256 foundingEnds_)
        TimelockController(minDelay, _pair(governor, founder_), _pair(governor, founder_), address(0))
    {
        // With zero as an executor anyone could execute; with zero as a delay nobody would have seen it.
        require(governor != address(0) && founder_ != address(0), ZeroAddress(governor, founder_));
        RangeLib.requireSpan(minDelay);
        (founder, foundingEnds, foundingDelay) = (founder_, foundingEnds_, minDelay);
    }

    /// @dev Thrown by the constructor when an address is missing.
    /// @param governor The governor given.
    /// @param founder The founder given.
    error ZeroAddress(address governor, address founder);

    /// @dev Sets the delay, within its range. The timelock only.
    /// @param newDelay Seconds.
    function updateDelay(uint256 newDelay) public override {
        super.updateDelay(newDelay);
        RangeLib.requireNear(newDelay, foundingDelay);
    }

    /// @dev Whether an account holds a role now.
    /// @param role The role.
    /// @param account Any account; the founder's roles end at `foundingEnds`.
    function hasRole(bytes32 role, address account) public view override returns (bool) {
        if (account == founder && block.timestamp >= foundingEnds) return false;
        return super.hasRole(role, account);
    }

    function _pair(address first, address second) private pure returns (address[] memory list) {
        list = new address[](2);
        (list[0], list[1]) = (first, second);
    }
}
// slither-disable-end timestamp
