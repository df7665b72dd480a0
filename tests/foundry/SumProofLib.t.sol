// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Exhibit, Node} from "../../contracts/interfaces/IComputeDisputes.sol";
import {BitLib} from "../../contracts/libraries/BitLib.sol";
import {SumProofLib} from "../../contracts/libraries/SumProofLib.sol";
import {SumTreeLib} from "../../contracts/libraries/SumTreeLib.sol";
import {TreeTest} from "./TreeTest.sol";

/// @dev Makes the libraries' internal functions callable.
contract SumProofHarness {
    function depthOf(uint256 count) external pure returns (uint256) {
        return SumProofLib.depthOf(count);
    }

    function requirePlace(uint256 level, uint256 position, uint256 count) external pure returns (uint256) {
        return SumProofLib.requirePlace(level, position, count);
    }

    function isPadding(uint256 level, uint256 position, uint256 count) external pure returns (bool) {
        return SumProofLib.isPadding(level, position, count);
    }

    function commitmentFrom(uint256 level, uint256 position, Exhibit calldata shown) external pure returns (bytes32) {
        return SumProofLib.commitmentFrom(level, position, shown);
    }

    function requirePreimage(uint256 level, bytes calldata preimage, bytes32 hash) external pure {
        SumProofLib.requirePreimage(level, preimage, hash);
    }

    function sumsIn(uint256 level, bytes calldata preimage) external pure returns (uint256, bool) {
        return SumProofLib.sumsIn(level, preimage);
    }

    function facilityIn(bytes calldata leaf) external pure returns (uint256) {
        return SumProofLib.facilityIn(leaf);
    }

    function add(uint256 left, uint256 right) external pure returns (uint256, bool) {
        return SumTreeLib.add(left, right);
    }

    function unpack(uint256 sums) external pure returns (uint256, uint256, uint256, uint256) {
        return SumTreeLib.unpack(sums);
    }

    function countBits(uint256 bits) external pure returns (uint256) {
        return BitLib.count(bits);
    }
}

/// Branches covered here.
///
/// depthOf: 0, 1, powers of two and their neighbours
/// requirePlace, isPadding: every place of a tree; beyond it (NoSuchPlace); a count of 33 bits (AboveField)
/// commitmentFrom
/// ├── every place of every tree leads to its commitment; those of the vectors that Python made, too
/// ├── another sibling, node, position or count: another commitment
/// └── a sibling too few or too many (WrongProofLength); a lane past 64 bits (SumsOverflow)
/// requirePreimage: another length or tag (MalformedPreimage), another hash (WrongPreimage)
/// sumsIn, facilityIn: what a preimage says
/// SumTreeLib.add, unpack: lane by lane; BitLib.count: bit by bit
contract SumProofLibTest is TreeTest {
    SumProofHarness private lib = new SumProofHarness();

    /// @dev No suite: these libraries know none.
    function setUp() public override {}

    /* PLACES */

    function test_depthOf__anyCount__isTheLeastWithRoom() public view {
        uint256[9] memory counts = [uint256(0), 1, 2, 3, 4, 5, 8, 9, 4_294_967_295];
        uint256[9] memory depths = [uint256(0), 0, 1, 2, 2, 3, 3, 4, 32];
        for (uint256 i = 0; i < 9; ++i) {
            assertEq(lib.depthOf(counts[i]), depths[i]);
        }
    }

    function test_requirePlace__ofTheTree__saysWhatLiesAbove() public view {
        assertEq(lib.requirePlace(0, 0, 5), 3);
        assertEq(lib.requirePlace(0, 7, 5), 3);
        assertEq(lib.requirePlace(1, 3, 5), 2);
        assertEq(lib.requirePlace(3, 0, 5), 0);
        assertEq(lib.requirePlace(0, 0, 1), 0);
    }

    function test_requirePlace__beyondTheTree__refused() public {
        _refusePlace(0, 8, 5);
        _refusePlace(1, 4, 5);
        _refusePlace(3, 1, 5);
        _refusePlace(4, 0, 5);
        _refusePlace(1, 0, 1);
        _refusePlace(type(uint256).max, 0, 5);
        _refusePlace(0, type(uint256).max, 5);
        _refusePlace(0, uint256(1) << 32, type(uint32).max);
    }

    function _refusePlace(uint256 level, uint256 position, uint256 count) private {
        vm.expectRevert(abi.encodeWithSelector(SumProofLib.NoSuchPlace.selector, level, position, count));
        lib.requirePlace(level, position, count);
    }

    /// Its low 32 bits would commit to the same bytes as a tree of five.
    function test_requirePlace__countPastTheField__refused() public {
        uint256 over = (uint256(1) << 32) + 5;
        vm.expectRevert(_aboveField(over, type(uint32).max));
        lib.requirePlace(0, 0, over);
    }

    function test_isPadding__onlyBeyondTheLastLeaf__yes() public view {
        assertFalse(lib.isPadding(0, 4, 5));
        assertTrue(lib.isPadding(0, 5, 5));
        assertFalse(lib.isPadding(1, 7, 5));
    }

    /* PROOFS */

    function _random(uint256 seed, uint256 count) private pure returns (Leaf[] memory leaves) {
        leaves = new Leaf[](count);
        for (uint256 i = 0; i < count; ++i) {
            bytes32 noise = keccak256(abi.encode(seed, i));
            // 58 bits a lane: sixty-four of them fit.
            uint256 mask = 0x03ffffffffffffff_03ffffffffffffff_03ffffffffffffff_03ffffffffffffff;
            leaves[i] = Leaf(i, uint256(noise) & mask, keccak256(abi.encode(noise)));
        }
    }

    function testFuzz_commitmentFrom__anyPlaceOfAnyTree__isTheTrees(uint256 seed, uint256 count) public view {
        Tree memory tree = _build(_random(seed, bound(count, 1, 40)));
        for (uint256 level = 0; level <= _depth(tree); ++level) {
            uint256 position = uint256(keccak256(abi.encode(seed, level))) % tree.nodes[level].length;
            assertEq(lib.commitmentFrom(level, position, _show(tree, level, position)), _commitment(tree));
        }
    }

    function testFuzz_commitmentFrom__somethingElse__isAnother(uint256 seed, uint256 count, uint256 change)
        public
        view
    {
        Tree memory tree = _build(_random(seed, bound(count, 2, 40)));
        uint256 position = seed % tree.count;
        Exhibit memory shown = _show(tree, 0, position);
        uint256 sibling = change % shown.siblings.length;
        uint256 kind = (change >> 128) % 5;
        if (kind == 0) shown.node.hash = ~shown.node.hash;
        if (kind == 1) shown.node.sums ^= 1;
        if (kind == 2) shown.siblings[sibling].hash = ~shown.siblings[sibling].hash;
        if (kind == 3) shown.siblings[sibling].sums ^= 1;
        if (kind == 4) position ^= 1;
        assertNotEq(lib.commitmentFrom(0, position, shown), _commitment(tree));
    }

    function test_commitmentFrom__anotherCountOfTheSameDepth__isAnother() public view {
        Tree memory tree = _build(_honest());
        Exhibit memory shown = _show(tree, 0, 2);
        shown.facilityCount = 6;
        assertNotEq(lib.commitmentFrom(0, 2, shown), _commitment(tree));
    }

    function test_commitmentFrom__ofAnotherLength__refused() public {
        Exhibit memory shown = _show(_build(_honest()), 0, 2);
        shown.facilityCount = 4;
        vm.expectRevert(abi.encodeWithSelector(SumProofLib.WrongProofLength.selector, 3, 2));
        lib.commitmentFrom(0, 2, shown);
        shown.facilityCount = 9;
        vm.expectRevert(abi.encodeWithSelector(SumProofLib.WrongProofLength.selector, 3, 4));
        lib.commitmentFrom(0, 2, shown);
    }

    function test_commitmentFrom__aLanePast64Bits__refused() public {
        Exhibit memory shown = _show(_build(_honest()), 0, 2);
        for (uint256 lane = 0; lane < 4; ++lane) {
            shown.node.sums = uint256(1) << 64 * lane;
            shown.siblings[0].sums = uint256(type(uint64).max) << 64 * lane;
            vm.expectRevert(
                abi.encodeWithSelector(SumProofLib.SumsOverflow.selector, 0, shown.node.sums, shown.siblings[0].sums)
            );
            lib.commitmentFrom(0, 2, shown);
        }
        // One level higher it is the node there that overflows, on its other side.
        shown = _show(_build(_honest()), 1, 1);
        shown.node.sums = uint256(type(uint64).max);
        vm.expectRevert(
            abi.encodeWithSelector(
                SumProofLib.SumsOverflow.selector, 1, shown.siblings[0].sums, uint256(type(uint64).max)
            )
        );
        lib.commitmentFrom(1, 1, shown);
    }

    /// The trees that Python made, each leaf by its own proof.
    function test_commitmentFrom__theSharedVectors__isTheirs() public view {
        string memory json = vm.readFile("tests/vectors/protocol.json");
        for (uint256 t = 0; t < 4; ++t) {
            string memory tree = string.concat(".trees[", vm.toString(t), "]");
            Exhibit memory shown;
            shown.facilityCount = vm.parseJsonUint(json, string.concat(tree, ".facilityCount"));
            for (uint256 i = 0; i < shown.facilityCount; ++i) {
                string memory item = string.concat("[", vm.toString(i), "]");
                string memory leaf = string.concat(tree, ".leaves", item);
                shown.node = Node(
                    vm.parseJsonBytes32(json, string.concat(leaf, ".hash")),
                    uint256(vm.parseJsonBytes32(json, string.concat(leaf, ".sums")))
                );
                bytes32[] memory hashes = vm.parseJsonBytes32Array(json, string.concat(tree, ".proofHashes", item));
                bytes32[] memory sums = vm.parseJsonBytes32Array(json, string.concat(tree, ".proofSums", item));
                shown.siblings = new Node[](hashes.length);
                for (uint256 j = 0; j < hashes.length; ++j) {
                    shown.siblings[j] = Node(hashes[j], uint256(sums[j]));
                }
                assertEq(lib.commitmentFrom(0, i, shown), vm.parseJsonBytes32(json, string.concat(tree, ".commitment")));
                bytes memory preimage = bytes.concat(
                    hex"00",
                    bytes4(uint32(i)),
                    bytes32(shown.node.sums),
                    vm.parseJsonBytes32(json, string.concat(leaf, ".readingDigest"))
                );
                lib.requirePreimage(0, preimage, shown.node.hash);
            }
        }
    }

    /* PREIMAGES */

    function test_requirePreimage__ofLeafAndNode__accepted() public view {
        Tree memory tree = _build(_honest());
        lib.requirePreimage(0, tree.preimages[0][2], tree.nodes[0][2].hash);
        lib.requirePreimage(2, tree.preimages[2][1], tree.nodes[2][1].hash);
    }

    function test_requirePreimage__ofAnotherForm__refused() public {
        Tree memory tree = _build(_honest());
        _refuseForm(0, tree.preimages[1][0], 69);
        _refuseForm(1, tree.preimages[0][0], 129);
        _refuseForm(0, "", 69);
        _refuseForm(0, bytes.concat(tree.preimages[0][0], hex"00"), 69);
        tree.preimages[0][0][0] = 0x01;
        _refuseForm(0, tree.preimages[0][0], 69);
        tree.preimages[1][0][0] = 0x00;
        _refuseForm(1, tree.preimages[1][0], 129);
    }

    function _refuseForm(uint256 level, bytes memory preimage, uint256 expected) private {
        vm.expectRevert(abi.encodeWithSelector(SumProofLib.MalformedPreimage.selector, preimage.length, expected));
        lib.requirePreimage(level, preimage, keccak256(preimage));
    }

    function test_requirePreimage__ofAnotherPlace__refused() public {
        Tree memory tree = _build(_honest());
        vm.expectRevert(
            abi.encodeWithSelector(SumProofLib.WrongPreimage.selector, tree.nodes[0][1].hash, tree.nodes[0][0].hash)
        );
        lib.requirePreimage(0, tree.preimages[0][1], tree.nodes[0][0].hash);
    }

    function test_sumsIn__leafAndNode__areWhatTheySay() public view {
        Tree memory tree = _build(_honest());
        (uint256 sums, bool fit) = lib.sumsIn(0, tree.preimages[0][1]);
        assertEq(sums, _sums(101, 0, 0, 101));
        assertTrue(fit);
        (sums, fit) = lib.sumsIn(1, tree.preimages[1][0]);
        assertEq(sums, _sums(201, 200, 300, 1701));
        assertTrue(fit);
        assertEq(lib.facilityIn(tree.preimages[0][4]), 4);
    }

    /* LANES AND BITS */

    function testFuzz_add__anySums__isLaneByLane(uint256 left, uint256 right) public view {
        (uint256 sums, bool fits) = lib.add(left, right);
        assertEq(sums, _laneSum(left, right));
        bool all = true;
        for (uint256 i = 0; i < 4; ++i) {
            all = all && uint256(uint64(left >> 64 * i)) + uint64(right >> 64 * i) < uint256(1) << 64;
        }
        assertEq(fits, all);
    }

    function testFuzz_add__lanesThatFit__addAsAWord(uint256 left, uint256 right) public view {
        uint256 half = 0x7fffffffffffffff_7fffffffffffffff_7fffffffffffffff_7fffffffffffffff;
        (uint256 sums, bool fits) = lib.add(left & half, right & half);
        assertTrue(fits);
        assertEq(sums, (left & half) + (right & half));
    }

    function testFuzz_unpack__anySums__areTheLanes(uint64 a, uint64 b, uint64 c, uint64 d) public view {
        (uint256 general, uint256 intelligent, uint256 super_, uint256 publicOutput) = lib.unpack(_sums(a, b, c, d));
        assertEq(general, a);
        assertEq(intelligent, b);
        assertEq(super_, c);
        assertEq(publicOutput, d);
    }

    function testFuzz_count__any32Bits__areCounted(uint32 bits) public view {
        uint256 expected;
        for (uint256 i = 0; i < 32; ++i) {
            expected += bits >> i & 1;
        }
        assertEq(lib.countBits(bits), expected);
        assertEq(lib.countBits(type(uint32).max), 32);
        assertEq(lib.countBits(0), 0);
    }
}
