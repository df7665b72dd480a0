// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

// A block's time may be chosen by seconds; epochs, windows and delays are minutes and days.
// slither-disable-start timestamp

/// @title EpochLib
/// @dev Time and epochs: epoch e spans [genesis + e × length, genesis + (e + 1) × length).
library EpochLib {
    /// @dev The epoch now running. Before genesis that is epoch 0, which has not begun.
    function current(uint256 genesis, uint256 length) internal view returns (uint256) {
        return block.timestamp < genesis ? 0 : (block.timestamp - genesis) / length;
    }

    /// @dev The first epoch that has not begun: the earliest that a change may take effect in.
    function upcoming(uint256 genesis, uint256 length) internal view returns (uint256) {
        return block.timestamp < genesis ? 0 : (block.timestamp - genesis) / length + 1;
    }

    /// @dev The second at which `epoch` is over.
    function endOf(uint256 epoch, uint256 genesis, uint256 length) internal pure returns (uint256) {
        return genesis + (epoch + 1) * length;
    }
}
// slither-disable-end timestamp
