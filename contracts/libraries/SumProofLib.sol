// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Exhibit, Node} from "../interfaces/IComputeDisputes.sol";
import {FieldLib} from "./FieldLib.sol";
import {SumTreeLib} from "./SumTreeLib.sol";

/// @title SumProofLib
/// @dev Proofs within the Merkle-sum tree of an epoch (`docs/protocol.md`). A place is a level, leaves at 0, and a
/// position in it, from 0. What stands at a place is a node: a hash, and the sums that the node above counts for it.
library SumProofLib {
    /// @dev Thrown when a tree of that size has no such place.
    /// @param level The level.
    /// @param position The position in it.
    /// @param facilityCount Leaves of the tree.
    error NoSuchPlace(uint256 level, uint256 position, uint256 facilityCount);

    /// @dev Thrown when a proof has another number of siblings than there are levels above the place.
    /// @param given How many it has.
    /// @param expected How many levels there are.
    error WrongProofLength(uint256 given, uint256 expected);

    /// @dev Thrown when the sums on the way up pass 64 bits: it is the node above whose sums can be disputed.
    /// @param level The level whose nodes do not add up.
    /// @param left Packed sums of the left one.
    /// @param right Packed sums of the right one.
    error SumsOverflow(uint256 level, uint256 left, uint256 right);

    /// @dev Thrown when what is to be a leaf or a node has not its bytes.
    /// @param given Its length.
    /// @param expected The length of a leaf or node.
    error MalformedPreimage(uint256 given, uint256 expected);

    /// @dev Thrown when what is shown is not what was hashed.
    /// @param given Its hash.
    /// @param expected The hash at the place.
    error WrongPreimage(bytes32 given, bytes32 expected);

    /// @dev 0x00 ‖ facility (4) ‖ sums (32) ‖ reading digest (32).
    uint256 private constant LEAF_BYTES = 69;
    /// @dev 0x01 ‖ left hash (32) ‖ left sums (32) ‖ right hash (32) ‖ right sums (32).
    uint256 private constant NODE_BYTES = 129;

    /// @dev Levels above the leaves: the least depth with room for all.
    function depthOf(uint256 facilityCount) internal pure returns (uint256 depth) {
        while (uint256(1) << depth < facilityCount) ++depth;
    }

    /// @dev Reverts unless a tree of that size has the place; returns how many levels lie above it.
    function requirePlace(uint256 level, uint256 position, uint256 facilityCount)
        internal
        pure
        returns (uint256 above)
    {
        // A count of 33 bits would commit to the same bytes as one of 32.
        uint256 depth = depthOf(FieldLib.to32(facilityCount));
        bool exists = level <= depth && position >> (depth - level) == 0;
        if (!exists) revert NoSuchPlace(level, position, facilityCount);
        return depth - level;
    }

    /// @dev Whether a place is one that no facility has.
    function isPadding(uint256 level, uint256 position, uint256 facilityCount) internal pure returns (bool) {
        return level == 0 && position >= facilityCount;
    }

    /// @dev The commitment to which an exhibit leads from a place, sums added on the way up.
    function commitmentFrom(uint256 level, uint256 position, Exhibit calldata shown) internal pure returns (bytes32) {
        uint256 above = requirePlace(level, position, shown.facilityCount);
        require(shown.siblings.length == above, WrongProofLength(shown.siblings.length, above));
        Node memory node = shown.node;
        for (uint256 i = 0; i < above; ++i) {
            Node calldata sibling = shown.siblings[i];
            node = position >> i & 1 == 0 ? _join(level + i, node, sibling) : _join(level + i, sibling, node);
        }
        return SumTreeLib.commit(shown.facilityCount, node.hash, node.sums);
    }

    function _join(uint256 level, Node memory left, Node memory right) private pure returns (Node memory) {
        (uint256 sums, bool fits) = SumTreeLib.add(left.sums, right.sums);
        if (!fits) revert SumsOverflow(level, left.sums, right.sums);
        return Node(keccak256(abi.encodePacked(bytes1(0x01), left.hash, left.sums, right.hash, right.sums)), sums);
    }

    /// @dev Reverts unless these are the bytes of a leaf (level 0) or node whose hash this is.
    function requirePreimage(uint256 level, bytes calldata preimage, bytes32 hash) internal pure {
        uint256 length = level == 0 ? LEAF_BYTES : NODE_BYTES;
        // The tag is part of the form: without it a leaf's bytes might pass for other data of its length.
        bool formed = preimage.length == length && preimage[0] == (level == 0 ? bytes1(0x00) : bytes1(0x01));
        if (!formed) revert MalformedPreimage(preimage.length, length);
        bytes32 given = keccak256(preimage);
        require(given == hash, WrongPreimage(given, hash));
    }

    /// @dev The sums that follow from a preimage of good form: a leaf's own, or those of a node's children.
    function sumsIn(uint256 level, bytes calldata preimage) internal pure returns (uint256 sums, bool fits) {
        if (level == 0) return (uint256(bytes32(preimage[5:37])), true);
        return SumTreeLib.add(uint256(bytes32(preimage[33:65])), uint256(bytes32(preimage[97:129])));
    }

    /// @dev The digest of the reading that a leaf names.
    function readingIn(bytes calldata leaf) internal pure returns (bytes32) {
        return bytes32(leaf[37:69]);
    }

    /// @dev The facility that a leaf names.
    function facilityIn(bytes calldata leaf) internal pure returns (uint256) {
        return uint32(bytes4(leaf[1:5]));
    }
}
