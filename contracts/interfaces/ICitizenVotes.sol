// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC5805} from "@openzeppelin/contracts/interfaces/IERC5805.sol";

/// @title ICitizenVotes
/// @dev One head, one vote: votes as a governor reads them, worked out from the roll. It holds nothing and costs a citizen
/// nothing; a vote cannot be bought, sent or delegated.
///
/// A citizen votes from `ripening` after activation until retirement. A recovery ends the vote of the account left and
/// begins that of the successor, which ripens anew: whoever gets hold of a registrar's key must wait as long as anybody
/// else before a stolen share votes. What counts for a proposal is its snapshot: an account that could vote then can vote
/// on that proposal whatever happens to it afterwards, and its successor cannot, so that no head votes twice.
///
/// The total is the number of citizens who were active `ripening` before, as of the last day (UTC) that had ended by then.
/// It may miss those who activated on the day itself and count those who retired while others ripened: of a few days'
/// turnover it is as exact as a quorum needs.
///
/// Time is in seconds since the Unix epoch (ERC-6372 `mode=timestamp`).
interface ICitizenVotes is IERC5805 {
    /// @dev Thrown when a vote would be delegated.
    /// @param account Whose.
    error VotesStayWithTheirCitizen(address account);

    /// @dev Thrown when votes are asked for at a time that has not passed.
    /// @param timepoint The time given, seconds.
    /// @param time The block's time, seconds.
    error TimeNotPassed(uint256 timepoint, uint256 time);

    /// @dev How long after its activation a citizen's vote counts.
    /// @return seconds
    function ripening() external view returns (uint256);
}
