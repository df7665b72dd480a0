// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IReportSource, Outcome} from "../interfaces/IReportSource.sol";

/// @title MockReportSource
/// @dev A report source that says what it is told, for what the real registry cannot be made to say. For tests only.
contract MockReportSource is IReportSource {
    enum Behaviour {
        Answer,
        Revert,
        BurnGas,
        UnknownOutcome,
        NoData
    }

    struct Said {
        Outcome outcome;
        uint256 publicOutput;
    }

    uint256 public genesis;
    uint256 public epochLength;
    uint256 public retention;
    /// @dev What it says; an epoch is settled when it is told so.
    uint256 public finality;
    Behaviour public behaviour;
    /// @dev What is said of every epoch that nothing else was said of.
    Said public otherwise;
    mapping(uint256 epoch => Said) public said;
    mapping(uint256 epoch => bool) public known;

    constructor(uint256 genesis_, uint256 epochLength_, uint256 retention_) {
        (genesis, epochLength, retention) = (genesis_, epochLength_, retention_);
    }

    function sayFinality(uint256 finality_) external {
        finality = finality_;
    }

    function say(uint256 epoch, Outcome outcome, uint256 publicOutput) external {
        said[epoch] = Said(outcome, publicOutput);
        known[epoch] = true;
    }

    function sayOfAll(Outcome outcome, uint256 publicOutput) external {
        otherwise = Said(outcome, publicOutput);
    }

    function behave(Behaviour behaviour_) external {
        behaviour = behaviour_;
    }

    function outcomeOf(uint256 epoch) external view returns (Outcome, uint256) {
        if (behaviour == Behaviour.Revert) revert("no");
        if (behaviour == Behaviour.BurnGas) while (true) {}
        if (behaviour == Behaviour.NoData) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        if (behaviour == Behaviour.UnknownOutcome) {
            assembly ("memory-safe") {
                mstore(0x00, 5)
                mstore(0x20, 1)
                return(0x00, 0x40)
            }
        }
        Said memory answer = known[epoch] ? said[epoch] : otherwise;
        return (answer.outcome, answer.publicOutput);
    }
}
