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
        // One look for all four; the second names the one that does not fit.
        if ((rawGeneral | rawIntelligent | rawSuper | publicOutput) > type(uint64).max) {
            // Called for its error alone.
            // slither-disable-start unused-return
            FieldLib.to64(rawGeneral);
            FieldLib.to64(rawIntelligent);
            FieldLib.to64(rawSuper);
            FieldLib.to64(publicOutput);
            // slither-disable-end unused-return
        }
        return rawGeneral << 192 | rawIntelligent << 128 | rawSuper << 64 | publicOutput;
    }

    /// @dev What the chain keeps of a tree: its size, top hash and sums.
    /// @param facilityCount Leaves; at most 32 bits.
    /// @param topHash Hash of the top node.
    /// @param topSums Its packed sums.
    function commit(uint256 facilityCount, bytes32 topHash, uint256 topSums) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x02), uint32(facilityCount), topHash, topSums));
    }

    /// @dev The four sums that a word packs.
    function unpack(uint256 sums)
        internal
        pure
        returns (uint256 rawGeneral, uint256 rawIntelligent, uint256 rawSuper, uint256 publicOutput)
    {
        return (sums >> 192, sums >> 128 & type(uint64).max, sums >> 64 & type(uint64).max, sums & type(uint64).max);
    }

    /// @dev Adds lane by lane.
    /// @return sums The sum; of a lane that passes 64 bits, what is left of it.
    /// @return fits Whether no lane does.
    function add(uint256 left, uint256 right) internal pure returns (uint256 sums, bool fits) {
        fits = true;
        for (uint256 shift = 0; shift < 256; shift += 64) {
            uint256 lane = (left >> shift & type(uint64).max) + (right >> shift & type(uint64).max);
            if (lane > type(uint64).max) fits = false;
            sums |= (lane & type(uint64).max) << shift;
        }
    }
}
