// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

/// @dev What a vote may change of how votes are held.
struct VoteTerms {
    /// From a proposal to its snapshot, when voting begins, seconds.
    uint48 votingDelay;
    /// How long voting lasts, seconds.
    uint32 votingPeriod;
    /// The least number of votes, for or abstaining, that make a quorum.
    uint64 quorumFloor;
    /// The share of the ripened citizens that makes a quorum, basis points.
    uint16 quorumBps;
}

/// @title ISuiteGovernor
/// @dev What the suite's governor adds to OpenZeppelin's. A citizen whose vote is ripe proposes; citizens vote for, against
/// or abstain, by transaction or by a signature that anybody may carry (EIP-712, domain "SuiteGovernor", version "1"):
///
///     Ballot(uint256 proposalId,uint8 support,address voter,uint256 nonce)
///
/// A proposal succeeds with more votes for than against and a quorum of votes for and abstaining: the greater of an absolute
/// floor and a share of the ripened citizens, as both were at its snapshot. Anybody queues it in the timelock and, after
/// its delay and what the second chamber may add, executes it. A proposal that is not queued within `grace` of its vote, or
/// not executed within `grace` of its time, expires: the suite may be another by then.
interface ISuiteGovernor {
    /// @dev Thrown when a quorum's floor is above what all citizens could reach.
    /// @param given The floor given.
    /// @param citizens Ripened citizens.
    error QuorumAboveWhole(uint256 given, uint256 citizens);

    /// @dev Thrown when a proposal is executed before the second chamber's delay is over.
    /// @param proposal The proposal.
    /// @param until When it can be, seconds.
    error ProposalDelayed(uint256 proposal, uint256 until);

    /// @dev How votes are held was changed, for proposals made from now on.
    /// @param terms The terms now.
    event VoteTermsChanged(VoteTerms terms);

    /// @dev Changes how votes are held; spans within a quarter and four times of those founded with, the quorum's share
    /// within its range. The governor's own proposals only.
    /// @param terms The terms from now on.
    function setVoteTerms(VoteTerms calldata terms) external;

    /// @dev How votes are held.
    function voteTerms() external view returns (VoteTerms memory);

    /// @dev How long a proposal can be queued after its vote, and executed after its time.
    /// @return seconds
    function grace() external view returns (uint256);
}
