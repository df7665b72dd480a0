// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

/// @dev How an epoch stands. `Open`: no report yet and the deadline not passed. `Pending`: reported, and can still be
/// undone. `Final`: reported and beyond dispute. `Skipped`: the deadline passed without a report. `Void`: a report was
/// undone, by a dispute or for what its signers did not show.
enum Outcome {
    Open,
    Pending,
    Final,
    Skipped,
    Void
}

/// @title IReportSource
/// @dev What the vault needs of whoever attests output. The oracle registry is one; the vault accepts another only by a
/// change that is scheduled well ahead. A source counts epochs on the same clock as the vault.
interface IReportSource {
    /// @dev How an epoch stands and what it produced.
    /// @param epoch The epoch's number.
    /// @return outcome The epoch's standing at the time of the call.
    /// @return publicOutput Public output in nGAICPh, less what disputes took out; zero unless `Pending` or `Final`.
    function outcomeOf(uint256 epoch) external view returns (Outcome outcome, uint256 publicOutput);

    /// @dev Time at which epoch 0 began.
    /// @return seconds since the Unix epoch
    function genesis() external view returns (uint256);

    /// @dev Span of one epoch.
    /// @return seconds
    function epochLength() external view returns (uint256);

    /// @dev How long after its end an epoch's record can still be read, at least.
    /// @return seconds
    function retention() external view returns (uint256);

    /// @dev The longest time after an epoch's end until it is settled for good: final, skipped or void, and its output
    /// fixed. Below `retention`.
    /// @return seconds
    function finality() external view returns (uint256);
}
