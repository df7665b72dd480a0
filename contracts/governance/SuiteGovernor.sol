// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorTimelockControl} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import {ICitizenVotes} from "../interfaces/ICitizenVotes.sol";
import {ISecondChamber} from "../interfaces/ISecondChamber.sol";
import {ISuiteGovernor, VoteTerms} from "../interfaces/ISuiteGovernor.sol";
import {BpsLib} from "../libraries/BpsLib.sol";
import {RangeLib} from "../libraries/RangeLib.sol";

// Time: see `EpochLib`.
// slither-disable-start timestamp

/// @title SuiteGovernor
/// @dev OpenZeppelin's Governor over one head, one vote, with the timelock as its hand. The interface is the manual.
contract SuiteGovernor is ISuiteGovernor, Governor, GovernorCountingSimple, GovernorVotes, GovernorTimelockControl {
    using Checkpoints for Checkpoints.Trace208;

    /// @dev A quorum of less than a hundredth would let a few decide; of more than half would let those who stay at home.
    uint256 public constant MIN_QUORUM_BPS = 100;
    uint256 public constant MAX_QUORUM_BPS = BpsLib.WHOLE / 2;

    /// @dev Who can delay what was decided.
    ISecondChamber public immutable chamber;
    /// @inheritdoc ISuiteGovernor
    uint256 public immutable grace;
    uint256 private immutable _foundingDelay;
    uint256 private immutable _foundingPeriod;

    VoteTerms private _terms;
    /// @dev | quorumFloor 64 | quorumBps 16 | by time: a proposal keeps the quorum of its snapshot.
    Checkpoints.Trace208 private _quorums;

    constructor(
        ICitizenVotes votes,
        TimelockController timelock_,
        ISecondChamber chamber_,
        uint256 grace_,
        VoteTerms memory terms
    ) Governor("SuiteGovernor") GovernorVotes(votes) GovernorTimelockControl(timelock_) {
        RangeLib.requireSpan(grace_);
        RangeLib.requireSpan(terms.votingDelay);
        RangeLib.requireSpan(terms.votingPeriod);
        (chamber, grace) = (chamber_, grace_);
        (_foundingDelay, _foundingPeriod) = (terms.votingDelay, terms.votingPeriod);
        _setVoteTerms(terms);
    }

    /* TERMS */

    /// @inheritdoc ISuiteGovernor
    function setVoteTerms(VoteTerms calldata terms) external onlyGovernance {
        RangeLib.requireNear(terms.votingDelay, _foundingDelay);
        RangeLib.requireNear(terms.votingPeriod, _foundingPeriod);
        // Of the founding floor nobody can ask this: there are no citizens yet.
        uint256 ripened = token().getPastTotalSupply(clock() - 1);
        require(terms.quorumFloor <= ripened, QuorumAboveWhole(terms.quorumFloor, ripened));
        _setVoteTerms(terms);
    }

    function _setVoteTerms(VoteTerms memory terms) private {
        RangeLib.requireWithin(terms.quorumBps, MIN_QUORUM_BPS, MAX_QUORUM_BPS);
        _terms = terms;
        // What it returns is the value before and the one just given.
        // slither-disable-next-line unused-return
        _quorums.push(uint48(block.timestamp), uint208(terms.quorumFloor) << 16 | terms.quorumBps);
        emit VoteTermsChanged(terms);
    }

    /// @inheritdoc ISuiteGovernor
    function voteTerms() external view returns (VoteTerms memory) {
        return _terms;
    }

    /// @inheritdoc IGovernor
    function votingDelay() public view override returns (uint256) {
        return _terms.votingDelay;
    }

    /// @inheritdoc IGovernor
    function votingPeriod() public view override returns (uint256) {
        return _terms.votingPeriod;
    }

    /// @dev A citizen whose vote is ripe proposes.
    function proposalThreshold() public pure override returns (uint256) {
        return 1;
    }

    /// @dev The votes that a proposal with this snapshot needs, for and abstaining; the share is rounded up.
    function quorum(uint256 timepoint) public view override returns (uint256) {
        uint256 packed = _quorums.upperLookup(uint48(timepoint));
        uint256 share = Math.ceilDiv(token().getPastTotalSupply(timepoint) * (packed & 0xffff), BpsLib.WHOLE);
        return Math.max(packed >> 16, share);
    }

    /* FROM VOTE TO EFFECT */

    /// @dev As OpenZeppelin's, and expired when its grace is over.
    function state(uint256 proposal)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (ProposalState current)
    {
        current = super.state(proposal);
        if (current != ProposalState.Succeeded && current != ProposalState.Queued) return current;
        uint256 due = current == ProposalState.Queued ? proposalEta(proposal) : proposalDeadline(proposal);
        if (block.timestamp > due + grace) return ProposalState.Expired;
    }

    /// @dev When a queued proposal can be executed, the second chamber's delay included.
    function proposalEta(uint256 proposal) public view override returns (uint256 eta) {
        eta = super.proposalEta(proposal);
        if (eta != 0) eta += chamber.delayOf(proposal);
    }

    function proposalNeedsQueuing(uint256 proposal)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (bool)
    {
        return super.proposalNeedsQueuing(proposal);
    }

    function _queueOperations(
        uint256 proposal,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
        return super._queueOperations(proposal, targets, values, calldatas, descriptionHash);
    }

    function _executeOperations(
        uint256 proposal,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        uint256 eta = proposalEta(proposal);
        require(block.timestamp >= eta, ProposalDelayed(proposal, eta));
        super._executeOperations(proposal, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
        return super._executor();
    }
}
// slither-disable-end timestamp
