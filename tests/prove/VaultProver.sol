// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {DistributionVault} from "../../contracts/DistributionVault.sol";
import {IIssuancePolicy} from "../../contracts/interfaces/IIssuancePolicy.sol";
import {IReportSource, Outcome} from "../../contracts/interfaces/IReportSource.sol";
import {Prover} from "./Prover.sol";

/// @dev A source that has one final epoch after the other, each with the output that it is given.
contract SourceStub {
    uint256 public constant genesis = 1;
    uint256 public constant epochLength = 1;
    uint256 public constant finality = 0;
    uint256 public constant retention = 1 << 20;
    uint256 private _output;

    function set(uint256 output) external {
        _output = output;
    }

    function outcomeOf(uint256) external view returns (Outcome, uint256) {
        return (Outcome.Final, _output);
    }
}

/// @dev A policy that entitles to a wei for each unit and releases all there is.
contract PolicyStub {
    uint256 public constant rate = 1;

    function assess(uint256 output, uint256 reserve) external pure returns (uint256, uint256) {
        return (output, reserve + output);
    }
}

/// @dev An authority that lets everybody do everything: what no call can do then, none can.
contract ManagerStub {
    function canCall(address, address, bytes4) external pure returns (bool immediate, uint32 delay) {
        return (true, 0);
    }
}

/// @title VaultProver
/// @dev A vault whose token and citizen registry are the prover itself.
abstract contract VaultProver is Prover {
    DistributionVault internal vault;
    SourceStub internal source;
    PolicyStub internal policy;
    ManagerStub internal manager;

    function setUp() public virtual {
        (source, policy, manager) = (new SourceStub(), new PolicyStub(), new ManagerStub());
        DistributionVault.Bounds memory bounds = DistributionVault.Bounds({
            genesis: 1,
            epochLength: 1,
            expiryAge: 1 << 19,
            maxRate: 1,
            releaseFloor: _releaseFloor(),
            growthBps: 10_000,
            minNotice: 1,
            haltSpan: 1,
            brakeSpan: 1,
            jumpFloor: type(uint64).max,
            jumpBps: 10_000
        });
        vault = new DistributionVault(
            address(manager),
            address(this),
            address(this),
            IIssuancePolicy(address(policy)),
            IReportSource(address(source)),
            bounds
        );
    }

    /// @dev Wei.
    function _releaseFloor() internal pure virtual returns (uint256) {
        return 1 << 64;
    }
}
