// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IIssuancePolicy} from "./interfaces/IIssuancePolicy.sol";
import {BpsLib} from "./libraries/BpsLib.sol";

/// @title IssuancePolicy
/// @dev Constant rate, constant released share. Both are immutable: another figure is another policy, scheduled.
contract IssuancePolicy is IIssuancePolicy {
    /// @dev One SBI per GAICPh is 1e9; the range leaves nine decimal orders above it for pilots that count in micro-units.
    uint256 public constant MIN_RATE = 1;
    uint256 public constant MAX_RATE = 1e18;

    /// @dev Below 1 % a reserve would take years to reach people; 100 % switches smoothing off.
    uint256 public constant MIN_RELEASE_BPS = 100;
    uint256 public constant MAX_RELEASE_BPS = BpsLib.WHOLE;

    /// @inheritdoc IIssuancePolicy
    uint256 public immutable rate;
    /// @inheritdoc IIssuancePolicy
    uint256 public immutable releaseBps;

    constructor(uint256 rate_, uint256 releaseBps_) {
        require(rate_ >= MIN_RATE && rate_ <= MAX_RATE, RateOutOfRange(rate_, MIN_RATE, MAX_RATE));
        require(
            releaseBps_ >= MIN_RELEASE_BPS && releaseBps_ <= MAX_RELEASE_BPS,
            ReleaseOutOfRange(releaseBps_, MIN_RELEASE_BPS, MAX_RELEASE_BPS)
        );
        rate = rate_;
        releaseBps = releaseBps_;
    }

    /// @inheritdoc IIssuancePolicy
    function assess(uint256 publicOutput, uint256 reserve)
        external
        view
        returns (uint256 entitlement, uint256 release)
    {
        entitlement = publicOutput * rate;
        release = BpsLib.partDown(reserve + entitlement, releaseBps);
    }
}
