// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Prover} from "./Prover.sol";
import {DistributionVault} from "../../contracts/DistributionVault.sol";
import {IIssuancePolicy} from "../../contracts/interfaces/IIssuancePolicy.sol";
import {IReportSource, Outcome} from "../../contracts/interfaces/IReportSource.sol";

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

/// @title DividendProof
/// @dev A distribution by the vault itself, of any output, from a vault that has issued nothing yet.
contract DividendProof is Prover {
    uint256 private constant UNIT = 1e6;

    DistributionVault private vault;
    SourceStub private source;

    function setUp() public {
        source = new SourceStub();
        DistributionVault.Bounds memory bounds = DistributionVault.Bounds({
            genesis: 1,
            epochLength: 1,
            expiryAge: 1 << 19,
            maxRate: 1,
            releaseFloor: 1 << 64,
            growthBps: 10_000,
            minNotice: 1,
            haltSpan: 1,
            brakeSpan: 1,
            jumpFloor: type(uint64).max,
            jumpBps: 10_000
        });
        vault = new DistributionVault(
            address(this),
            address(this),
            address(this),
            IIssuancePolicy(address(new PolicyStub())),
            IReportSource(address(source)),
            bounds
        );
    }

    /// Dividend × headcount + remainder = issue: what is issued is the dividend times the heads exactly, what does not
    /// divide stays in the reserve, and is less than a unit of the index for each head. For three heads, and any output.
    function check_distribute__issueDividesExactly(uint64 output) external {
        _distributed(3, output);
    }

    /// The same for a million heads.
    function check_distribute__million__issueDividesExactly(uint64 output) external {
        _distributed(1e6, output);
    }

    function _distributed(uint256 heads, uint64 output) private {
        vault.admit(heads);
        source.set(output);
        vm.warp(100);
        vault.distribute();
        uint256 dividend = vault.dividendIndex() * UNIT;
        assert(vault.issued() == dividend * heads);
        assert(vault.issued() + vault.reserve() == output);
        assert(vault.reserve() < heads * UNIT);
    }
}
