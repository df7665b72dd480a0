// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IIssuancePolicy} from "../interfaces/IIssuancePolicy.sol";

/// @title MockPolicy
/// @dev A policy that conforms, releasing all there is, until it is told to say or do otherwise. For tests only.
contract MockPolicy is IIssuancePolicy {
    enum Behaviour {
        Conform,
        Say,
        Revert,
        BurnGas,
        NoData,
        HalfAnAnswer,
        FloodOfData
    }

    uint256 public rate;
    uint256 public releaseBps = 10_000;
    uint256 public entitlement;
    uint256 public release;
    Behaviour public behaviour;

    constructor(uint256 rate_) {
        rate = rate_;
    }

    function say(uint256 entitlement_, uint256 release_) external {
        (entitlement, release) = (entitlement_, release_);
        behaviour = Behaviour.Say;
    }

    function setRate(uint256 rate_) external {
        rate = rate_;
    }

    function behave(Behaviour behaviour_) external {
        behaviour = behaviour_;
    }

    function assess(uint256 publicOutput, uint256 reserve) external view returns (uint256, uint256) {
        if (behaviour == Behaviour.Say) return (entitlement, release);
        if (behaviour == Behaviour.Revert) revert("no");
        if (behaviour == Behaviour.BurnGas) while (true) {}
        if (behaviour == Behaviour.NoData) _answer(0);
        if (behaviour == Behaviour.HalfAnAnswer) _answer(32);
        if (behaviour == Behaviour.FloodOfData) _answer(100_000);
        return (publicOutput * rate, reserve + publicOutput * rate);
    }

    function _answer(uint256 size) private pure {
        assembly ("memory-safe") {
            return(0, size)
        }
    }
}
