// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

/// @title SuiteAccessManager
/// @dev OpenZeppelin's AccessManager, named here so that the suite deploys and verifies its own artifact. Holds every
/// administrative permission of the suite. The deployer is its first admin, sets the suite up, hands the admin role to
/// the timelock and renounces it.
contract SuiteAccessManager is AccessManager {
    constructor(address initialAdmin) AccessManager(initialAdmin) {}
}
