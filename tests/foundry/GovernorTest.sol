// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {SuiteTest} from "./SuiteTest.sol";

/// @title GovernorTest
/// @dev A nation of eight whose votes are ripe, on the morning of a day, and proposals as verbs.
abstract contract GovernorTest is SuiteTest {
    /// @dev One call, as the governor takes proposals.
    struct Proposal {
        address[] targets;
        uint256[] values;
        bytes[] calldatas;
        string description;
    }

    uint8 internal constant AGAINST = 0;
    uint8 internal constant FOR = 1;
    uint8 internal constant ABSTAIN = 2;

    Roll internal roll;

    function setUp() public virtual override {
        super.setUp();
        roll = _enrolMany(8);
        _activateAll(roll);
        // Ripe, and a day that has ended since.
        vm.warp(block.timestamp + RIPENING + 1 days);
    }

    function _voter(uint256 number) internal view returns (address) {
        return roll.accounts[number];
    }

    function _proposal(address target, bytes memory data) internal pure returns (Proposal memory made) {
        made.targets = _one(target);
        made.values = new uint256[](1);
        made.calldatas = new bytes[](1);
        made.calldatas[0] = data;
        made.description = "for the good of all";
    }

    function _idOf(Proposal memory made) internal view returns (uint256) {
        return governor.getProposalId(made.targets, made.values, made.calldatas, _hashOf(made));
    }

    function _hashOf(Proposal memory made) internal pure returns (bytes32) {
        return keccak256(bytes(made.description));
    }

    function _propose(Proposal memory made) internal returns (uint256 id) {
        vm.prank(_voter(0));
        return governor.propose(made.targets, made.values, made.calldatas, made.description);
    }

    /// @dev The first `count` citizens vote alike, once voting has begun.
    function _vote(uint256 id, uint256 count, uint8 support) internal {
        vm.warp(governor.proposalSnapshot(id) + 1);
        for (uint256 i = 0; i < count; ++i) {
            vm.prank(_voter(i));
            governor.castVote(id, support);
        }
    }

    function _queue(Proposal memory made) internal {
        governor.queue(made.targets, made.values, made.calldatas, _hashOf(made));
    }

    function _execute(Proposal memory made) internal {
        governor.execute(made.targets, made.values, made.calldatas, _hashOf(made));
    }

    /// @dev Proposed, voted for by all, queued, and its time has come.
    function _carry(Proposal memory made) internal returns (uint256 id) {
        id = _propose(made);
        _vote(id, 8, FOR);
        vm.warp(governor.proposalDeadline(id) + 1);
        _queue(made);
        vm.warp(governor.proposalEta(id));
    }
}
