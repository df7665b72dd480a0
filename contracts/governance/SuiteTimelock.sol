// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title SuiteTimelock
/// @dev OpenZeppelin's TimelockController, named here so that the suite deploys and verifies its own artifact. The only
/// admin of the access manager after set-up. It has no admin of its own: its roles change through itself alone.
contract SuiteTimelock is TimelockController {
    constructor(uint256 minDelay, address[] memory proposers, address[] memory executors)
        TimelockController(minDelay, proposers, executors, address(0))
    {}
}
