// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IIssuancePolicy} from "../interfaces/IIssuancePolicy.sol";

/// @title MockPolicy
/// @dev A policy that says what it is told, whatever the output and the reserve. For tests only.
contract MockPolicy is IIssuancePolicy {
    uint256 public rate;
    uint256 public releaseBps;
    uint256 public entitlement;
    uint256 public release;
    bool public refusing;

    constructor(uint256 rate_, uint256 entitlement_, uint256 release_) {
        (rate, entitlement, release) = (rate_, entitlement_, release_);
    }

    function say(uint256 entitlement_, uint256 release_) external {
        (entitlement, release) = (entitlement_, release_);
    }

    function setRate(uint256 rate_) external {
        rate = rate_;
    }

    function refuse(bool refusing_) external {
        refusing = refusing_;
    }

    function assess(uint256, uint256) external view returns (uint256, uint256) {
        require(!refusing, "no");
        return (entitlement, release);
    }
}
