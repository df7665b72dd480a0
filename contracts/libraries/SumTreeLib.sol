// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {FieldLib} from "./FieldLib.sol";

/// @title SumTreeLib
/// @dev The Merkle-sum tree of an epoch's readings (`docs/protocol.md`). Each node carries four sums, packed in a word:
/// | general 64 | intelligent 64 | super 64 | public 64 |.
library SumTreeLib {
    /// @dev Packs four sums; each must fit 64 bits.
    function pack(uint256 rawGeneral, uint256 rawIntelligent, uint256 rawSuper, uint256 publicOutput)
        internal
        pure
        returns (uint256)
    {
        return uint256(FieldLib.to64(rawGeneral)) << 192 | uint256(FieldLib.to64(rawIntelligent)) << 128
            | uint256(FieldLib.to64(rawSuper)) << 64 | FieldLib.to64(publicOutput);
    }

    /// @dev What the chain keeps of a tree: its size, top hash and sums.
    /// @param facilityCount Leaves; at most 32 bits.
    /// @param topHash Hash of the top node.
    /// @param topSums Its packed sums.
    function commit(uint256 facilityCount, bytes32 topHash, uint256 topSums) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x02), uint32(facilityCount), topHash, topSums));
    }
}
