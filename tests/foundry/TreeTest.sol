// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Compact, Exhibit, Node, Place} from "../../contracts/interfaces/IComputeDisputes.sol";
import {Report} from "../../contracts/interfaces/IComputeOracleRegistry.sol";
import {SuiteTest} from "./SuiteTest.sol";

/// @dev Trees of readings, built whole and plainly after docs/protocol.md, padding included, and reports of them.
///
/// Five facilities from epoch 1 on, so that the tree has three levels above its leaves and three paddings. What they
/// bring in `_honest` is within their terms, by hand:
///
///   0: 100, 200, 300 of its capacity of 1000, 2000, 3000, all public: (100·32 + 200·16 + 300·64) / 16 = 1600
///   1: 101 general, half public: 101;   2: 1, 1, 1: 7;   3: nothing;   4: 10 intelligent: 10;   in all 1718
abstract contract TreeTest is SuiteTest {
    struct Leaf {
        uint256 facility;
        uint256 sums;
        bytes32 digest;
    }

    /// @dev By level and position; the last level is the top alone.
    struct Tree {
        uint256 count;
        Node[][] nodes;
        bytes[][] preimages;
    }

    /// @dev Sums that the level above counts for a place, instead of what is there.
    struct Lie {
        bool told;
        uint256 level;
        uint256 position;
        uint256 sums;
    }

    uint256 internal constant EPOCH = 1;
    uint256 internal constant HONEST_OUTPUT = 1718;

    function setUp() public virtual override {
        super.setUp();
        vm.startPrank(address(timelock));
        for (uint256 i = 2; i < 5; ++i) {
            oracles.registerFacility(operator, vm.addr(_readingKey(i)), 1, [uint256(1000), 1000, 1000], 10_000);
        }
        vm.stopPrank();
    }

    function _readingKey(uint256 facility) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("reading key", facility)));
    }

    /* TREES */

    function _sums(uint64 general, uint64 intelligent, uint64 super_, uint64 publicOutput)
        internal
        pure
        returns (uint256)
    {
        return uint256(bytes32(abi.encodePacked(general, intelligent, super_, publicOutput)));
    }

    function _honest() internal pure returns (Leaf[] memory leaves) {
        leaves = new Leaf[](5);
        leaves[0] = Leaf(0, _sums(100, 200, 300, 1600), keccak256("reading 0"));
        leaves[1] = Leaf(1, _sums(101, 0, 0, 101), keccak256("reading 1"));
        leaves[2] = Leaf(2, _sums(1, 1, 1, 7), keccak256("reading 2"));
        leaves[3] = Leaf(3, 0, 0);
        leaves[4] = Leaf(4, _sums(0, 10, 0, 10), keccak256("reading 4"));
    }

    function _build(Leaf[] memory leaves) internal pure returns (Tree memory) {
        Lie memory none;
        return _build(leaves, none);
    }

    function _build(Leaf[] memory leaves, Lie memory lie) internal pure returns (Tree memory tree) {
        uint256 depth;
        while (2 ** depth < leaves.length) ++depth;
        tree.count = leaves.length;
        tree.nodes = new Node[][](depth + 1);
        tree.preimages = new bytes[][](depth + 1);
        (tree.nodes[0], tree.preimages[0]) = (new Node[](2 ** depth), new bytes[](2 ** depth));
        for (uint256 i = 0; i < leaves.length; ++i) {
            Leaf memory leaf = leaves[i];
            tree.preimages[0][i] = bytes.concat(hex"00", bytes4(uint32(leaf.facility)), bytes32(leaf.sums), leaf.digest);
            tree.nodes[0][i] = Node(keccak256(tree.preimages[0][i]), leaf.sums);
        }
        _tell(tree, lie, 0);
        for (uint256 level = 1; level <= depth; ++level) {
            _addLevel(tree, level);
            _tell(tree, lie, level);
        }
    }

    function _addLevel(Tree memory tree, uint256 level) private pure {
        uint256 width = tree.nodes[level - 1].length / 2;
        (tree.nodes[level], tree.preimages[level]) = (new Node[](width), new bytes[](width));
        for (uint256 i = 0; i < width; ++i) {
            (Node memory left, Node memory right) = (tree.nodes[level - 1][2 * i], tree.nodes[level - 1][2 * i + 1]);
            bytes memory preimage =
                bytes.concat(hex"01", left.hash, bytes32(left.sums), right.hash, bytes32(right.sums));
            tree.preimages[level][i] = preimage;
            tree.nodes[level][i] = Node(keccak256(preimage), _laneSum(left.sums, right.sums));
        }
    }

    /// @dev What is left of each lane if it overflows.
    function _laneSum(uint256 left, uint256 right) internal pure returns (uint256) {
        uint64[4] memory lanes;
        for (uint256 i = 0; i < 4; ++i) {
            unchecked {
                lanes[i] = uint64(left >> (192 - 64 * i)) + uint64(right >> (192 - 64 * i));
            }
        }
        return _sums(lanes[0], lanes[1], lanes[2], lanes[3]);
    }

    function _tell(Tree memory tree, Lie memory lie, uint256 level) private pure {
        if (lie.told && lie.level == level) tree.nodes[level][lie.position].sums = lie.sums;
    }

    function _depth(Tree memory tree) internal pure returns (uint256) {
        return tree.nodes.length - 1;
    }

    function _top(Tree memory tree) internal pure returns (Node memory) {
        return tree.nodes[_depth(tree)][0];
    }

    /// @dev What stands at a place, with its proof.
    function _show(Tree memory tree, uint256 level, uint256 position) internal pure returns (Exhibit memory shown) {
        shown.node = tree.nodes[level][position];
        shown.preimage = tree.preimages[level][position];
        shown.facilityCount = tree.count;
        shown.siblings = new Node[](_depth(tree) - level);
        for (uint256 i = 0; i < shown.siblings.length; ++i) {
            shown.siblings[i] = tree.nodes[level + i][(position >> i) ^ 1];
        }
    }

    function _commitment(Tree memory tree) internal pure returns (bytes32) {
        Node memory top = _top(tree);
        return keccak256(bytes.concat(hex"02", bytes4(uint32(tree.count)), top.hash, bytes32(top.sums)));
    }

    /* REPORTS */

    function _reportFor(uint256 epoch, Tree memory tree) internal view returns (Report memory report) {
        Node memory top = _top(tree);
        report = _reportOf(epoch, uint64(top.sums));
        report.facilityCount = tree.count;
        report.root = top.hash;
        report.rawGeneral = top.sums >> 192;
        report.rawIntelligent = uint64(top.sums >> 128);
        report.rawSuper = uint64(top.sums >> 64);
    }

    /// @dev The first three oracles report a tree for epoch 1, at its end.
    function _submit(Tree memory tree) internal {
        _warpToEndOf(EPOCH);
        Report memory report = _reportFor(EPOCH, tree);
        bytes memory signatures = _signedByQuorum(report);
        vm.prank(relayer);
        oracles.submitReport(report, signatures);
    }

    function _submitLeaves(Leaf[] memory leaves) internal returns (Tree memory tree) {
        tree = _build(leaves);
        _submit(tree);
    }

    /// @dev Honest leaves, and something else counted for the place than is there.
    function _submitLie(uint256 level, uint256 position, uint256 sums) internal returns (Tree memory tree) {
        tree = _build(_honest(), Lie(true, level, position, sums));
        _submit(tree);
    }

    function _place(uint256 level, uint256 position) internal pure returns (Place memory) {
        return Place(EPOCH, level, position);
    }

    function _compact(uint256 key, bytes32 digest) internal pure returns (Compact memory signature) {
        (signature.r, signature.vs) = vm.signCompact(key, digest);
    }

    /* WHAT CAME OF IT */

    function _oracle(uint256 number) internal view returns (address) {
        return vm.addr(oracleKeys[number]);
    }

    /// @dev Of the four oracles, exactly these were slashed.
    function _slashedAre(bool a, bool b, bool c, bool d) internal view {
        bool[4] memory expected = [a, b, c, d];
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(bonds.isSlashed(_oracle(i)), expected[i]);
            assertEq(oracles.stands(_oracle(i)), !expected[i]);
        }
    }
}
