// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

// Time: see `EpochLib`.
// slither-disable-start timestamp

/// @title SuiteAccessManager
/// @dev OpenZeppelin's AccessManager. Holds every administrative permission of the suite. The deployer is its first admin,
/// sets the suite up, hands the admin role to the timelock and renounces it; a deployer who does not loses it at
/// `setUpEnds` all the same.
contract SuiteAccessManager is AccessManager {
    /// @dev Who sets the suite up.
    address public immutable deployer;
    /// @dev When the deployer's permissions have ended at the latest, seconds.
    uint256 public immutable setUpEnds;

    // The deployer gives its own address; without it no set-up would get far.
    // slither-disable-next-line missing-zero-check
    constructor(address deployer_, uint256 setUpEnds_) AccessManager(deployer_) {
        (deployer, setUpEnds) = (deployer_, setUpEnds_);
    }

    /// @dev Whether an account holds a role now, and the delay it acts with.
    /// @param roleId The role.
    /// @param account Any account; the deployer's roles end at `setUpEnds`.
    /// @return isMember Whether it holds the role.
    /// @return executionDelay Seconds.
    function hasRole(uint64 roleId, address account)
        public
        view
        override
        returns (bool isMember, uint32 executionDelay)
    {
        if (account == deployer && block.timestamp >= setUpEnds) {
            return (roleId == PUBLIC_ROLE, 0);
        }
        return super.hasRole(roleId, account);
    }
}
// slither-disable-end timestamp
