// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

/// @title IIssuancePolicy
/// @dev The rule from computing output to SBI. A policy holds no tokens and no state: the vault asks it once an epoch,
/// keeps its own bounds whatever the answer, and replaces it by scheduling another policy for a future epoch.
///
/// Worked example. With `rate` = 1e9 wei per nGAICPh and `releaseBps` = 2,500, an epoch that attests 8e9 nGAICPh
/// (8 GAICPh) entitles to 8e9 × 1e9 = 8e18 wei (8 SBI). If the reserve then stands at 20 SBI, the epoch releases a
/// quarter of it, 5 SBI.
interface IIssuancePolicy {
    /// @dev Thrown by the constructor when the rate is outside its hard range.
    /// @param given The rate given, wei per nGAICPh.
    /// @param min The least accepted.
    /// @param max The most accepted.
    error RateOutOfRange(uint256 given, uint256 min, uint256 max);

    /// @dev Thrown by the constructor when the released share is outside its hard range.
    /// @param given The share given, basis points.
    /// @param min The least accepted.
    /// @param max The most accepted.
    error ReleaseOutOfRange(uint256 given, uint256 min, uint256 max);

    /// @dev What an epoch's output entitles to, and what the epoch may release.
    /// @param publicOutput The epoch's public output, nGAICPh.
    /// @param reserve Entitlement not yet issued before this epoch's is added, wei.
    /// @return entitlement `publicOutput × rate`, wei, exact.
    /// @return release The share of (reserve + entitlement) to release now, wei, rounded down.
    function assess(uint256 publicOutput, uint256 reserve) external view returns (uint256 entitlement, uint256 release);

    /// @dev SBI issued for, and accepted as the price of, one nGAICPh of weighted output.
    /// @return wei per nGAICPh
    function rate() external view returns (uint256);

    /// @dev The share of the reserve that one epoch releases.
    /// @return basis points
    function releaseBps() external view returns (uint256);
}
