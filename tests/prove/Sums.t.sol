// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Exhibit, Node} from "../../contracts/interfaces/IComputeDisputes.sol";
import {SumProofLib} from "../../contracts/libraries/SumProofLib.sol";
import {SumTreeLib} from "../../contracts/libraries/SumTreeLib.sol";
import {Prover} from "./Prover.sol";

/// @title SumsProof
/// @dev The Merkle-sum tree. Halmos takes keccak to have no collisions, which is what a tree rests on.
contract SumsProof is Prover {
    /// Four sums of 64 bits are packed so that each comes back, and no larger one is packed.
    function check_pack__keepsEachSumOrRefuses(uint256 a, uint256 b, uint256 c, uint256 d) external view {
        try this.pack(a, b, c, d) returns (uint256 packed) {
            (uint256 a2, uint256 b2, uint256 c2, uint256 d2) = SumTreeLib.unpack(packed);
            assert(a2 == a && b2 == b && c2 == c && d2 == d);
        } catch {
            assert((a | b | c | d) >> 64 != 0);
        }
    }

    function pack(uint256 a, uint256 b, uint256 c, uint256 d) external pure returns (uint256) {
        return SumTreeLib.pack(a, b, c, d);
    }

    /// Packed sums are added lane by lane: each lane's sum is the true one, or the addition says that some lane does not
    /// fit, and then one does not.
    function check_add__isTrueOrSaysSo(uint256 left, uint256 right) external pure {
        (uint256 sums, bool fits) = SumTreeLib.add(left, right);
        bool all = true;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 lane = _lane(left, i) + _lane(right, i);
            if (lane >> 64 != 0) all = false;
            else assert(_lane(sums, i) == lane);
        }
        assert(fits == all);
    }

    /// Addition of packed sums does not depend on the order.
    function check_add__commutes(uint256 left, uint256 right) external pure {
        (uint256 one, bool oneFits) = SumTreeLib.add(left, right);
        (uint256 other, bool otherFits) = SumTreeLib.add(right, left);
        assert(one == other && oneFits == otherFits);
    }

    /// A commitment tells trees apart: two that agree have the same number of leaves, top hash and sums.
    function check_commit__bindsCountHashAndSums(
        uint32 count,
        bytes32 hash,
        uint256 sums,
        uint32 count2,
        bytes32 hash2,
        uint256 sums2
    ) external pure {
        vm.assume(SumTreeLib.commit(count, hash, sums) == SumTreeLib.commit(count2, hash2, sums2));
        assert(count == count2 && hash == hash2 && sums == sums2);
    }

    /// What is shown of a tree of two leaves leads to the tree's commitment only if its sums and its sibling's add up, in
    /// every lane, to the total that was committed.
    function check_verify__twoLeaves__addUp(
        Node memory shown,
        Node memory sibling,
        bytes32 top,
        uint256 total,
        bool right
    ) external view {
        Node[] memory siblings = new Node[](1);
        siblings[0] = sibling;
        try this.commitmentFrom(0, right ? 1 : 0, Exhibit(shown, "", 2, siblings)) returns (bytes32 commitment) {
            vm.assume(commitment == SumTreeLib.commit(2, top, total));
            for (uint256 i = 0; i < 4; ++i) {
                assert(_lane(shown.sums, i) + _lane(sibling.sums, i) == _lane(total, i));
            }
        } catch {
            (, bool fits) = SumTreeLib.add(shown.sums, sibling.sums);
            assert(!fits);
        }
    }

    /// The same of a tree of four leaves, with two siblings.
    function check_verify__fourLeaves__addUp(
        Node memory shown,
        Node memory first,
        Node memory second,
        bytes32 top,
        uint256 total,
        uint256 place
    ) external view {
        vm.assume(place < 4);
        Node[] memory siblings = new Node[](2);
        (siblings[0], siblings[1]) = (first, second);
        try this.commitmentFrom(0, place, Exhibit(shown, "", 4, siblings)) returns (bytes32 commitment) {
            vm.assume(commitment == SumTreeLib.commit(4, top, total));
            for (uint256 i = 0; i < 4; ++i) {
                assert(_lane(shown.sums, i) + _lane(first.sums, i) + _lane(second.sums, i) == _lane(total, i));
            }
        } catch {}
    }

    /// At one place of a committed tree of four only one thing can be shown: whatever else leads to the commitment is the
    /// same node.
    function check_verify__samePlace__sameNode(Node[3] memory one, Node[3] memory other, uint256 place) external view {
        vm.assume(place < 4);
        try this.commitmentFrom(0, place, _exhibit(one)) returns (bytes32 commitment) {
            try this.commitmentFrom(0, place, _exhibit(other)) returns (bytes32 second) {
                vm.assume(commitment == second);
                assert(one[0].hash == other[0].hash && one[0].sums == other[0].sums);
            } catch {}
        } catch {}
    }

    function _exhibit(Node[3] memory nodes) private pure returns (Exhibit memory) {
        Node[] memory siblings = new Node[](2);
        (siblings[0], siblings[1]) = (nodes[1], nodes[2]);
        return Exhibit(nodes[0], "", 4, siblings);
    }

    function commitmentFrom(uint256 level, uint256 position, Exhibit calldata shown) external pure returns (bytes32) {
        return SumProofLib.commitmentFrom(level, position, shown);
    }

    function _lane(uint256 sums, uint256 i) private pure returns (uint256) {
        return uint64(sums >> (64 * i));
    }
}
