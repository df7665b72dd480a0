// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Test} from "forge-std/Test.sol";

import {BpsLib} from "../../contracts/libraries/BpsLib.sol";
import {CodeBlobLib} from "../../contracts/libraries/CodeBlob.sol";
import {EpochLib} from "../../contracts/libraries/EpochLib.sol";
import {FieldLib} from "../../contracts/libraries/FieldLib.sol";
import {FloatLib} from "../../contracts/libraries/FloatLib.sol";
import {RangeLib} from "../../contracts/libraries/RangeLib.sol";
import {SumTreeLib} from "../../contracts/libraries/SumTreeLib.sol";

/// @dev Makes the libraries' internal functions callable.
contract LibraryHarness {
    function to16(uint256 value) external pure returns (uint256) {
        return FieldLib.to16(value);
    }

    function to32(uint256 value) external pure returns (uint256) {
        return FieldLib.to32(value);
    }

    function to40(uint256 value) external pure returns (uint256) {
        return FieldLib.to40(value);
    }

    function to56(uint256 value) external pure returns (uint256) {
        return FieldLib.to56(value);
    }

    function to64(uint256 value) external pure returns (uint256) {
        return FieldLib.to64(value);
    }

    function to96(uint256 value) external pure returns (uint256) {
        return FieldLib.to96(value);
    }

    function to112(uint256 value) external pure returns (uint256) {
        return FieldLib.to112(value);
    }

    function packFloat(uint256 value) external pure returns (uint32) {
        return FloatLib.pack(value);
    }

    function unpackFloat(uint32 packed) external pure returns (uint256) {
        return FloatLib.unpack(packed);
    }

    function requireSpan(uint256 span) external pure {
        RangeLib.requireSpan(span);
    }

    function requireNear(uint256 span, uint256 founding) external pure {
        RangeLib.requireNear(span, founding);
    }

    function partDown(uint256 amount, uint256 bps) external pure returns (uint256) {
        return BpsLib.partDown(amount, bps);
    }

    function pack(uint256 a, uint256 b, uint256 c, uint256 d) external pure returns (uint256) {
        return SumTreeLib.pack(a, b, c, d);
    }

    function commit(uint256 count, bytes32 hash, uint256 sums) external pure returns (bytes32) {
        return SumTreeLib.commit(count, hash, sums);
    }

    function write(bytes memory data) external returns (address) {
        return CodeBlobLib.write(data);
    }

    function read(address blob) external view returns (bytes memory) {
        return CodeBlobLib.read(blob);
    }

    function current(uint256 genesis, uint256 length) external view returns (uint256) {
        return EpochLib.current(genesis, length);
    }

    function upcoming(uint256 genesis, uint256 length) external view returns (uint256) {
        return EpochLib.upcoming(genesis, length);
    }

    function endOf(uint256 epoch, uint256 genesis, uint256 length) external pure returns (uint256) {
        return EpochLib.endOf(epoch, genesis, length);
    }
}

/// Branches covered here.
///
/// FieldLib.to16, to32, to40, to64, to96, to112: up to the field, past it (AboveField)
/// FloatLib: small figures exact, all others rounded down to five digits, in order
/// RangeLib: spans of nothing, of too much; a quarter and four times of a span, and past them (OutOfRange)
/// BpsLib.partDown: none, all, rounded down
/// SumTreeLib.pack: order of lanes, each lane past its field (AboveField); commit: the bytes of docs/protocol.md
/// CodeBlob.write, read: empty, long, never runnable
/// EpochLib.current, upcoming, endOf: before genesis, at it, at the last and first second of an epoch
contract LibrariesTest is Test {
    LibraryHarness private lib = new LibraryHarness();

    /* FIELDS */

    function testFuzz_to__upToTheField__unchanged(uint256 value) public view {
        assertEq(lib.to16(value % (1 << 16)), value % (1 << 16));
        assertEq(lib.to32(value % (1 << 32)), value % (1 << 32));
        assertEq(lib.to40(value % (1 << 40)), value % (1 << 40));
        assertEq(lib.to56(value % (1 << 56)), value % (1 << 56));
        assertEq(lib.to64(value % (1 << 64)), value % (1 << 64));
        assertEq(lib.to96(value % (1 << 96)), value % (1 << 96));
        assertEq(lib.to112(value % (1 << 112)), value % (1 << 112));
        assertEq(lib.to16(65_535), 65_535);
        assertEq(lib.to32(4_294_967_295), 4_294_967_295);
        assertEq(lib.to40(1_099_511_627_775), 1_099_511_627_775);
        assertEq(lib.to56(72_057_594_037_927_935), 72_057_594_037_927_935);
        assertEq(lib.to64(18_446_744_073_709_551_615), 18_446_744_073_709_551_615);
        assertEq(lib.to112(type(uint112).max), type(uint112).max);
    }

    function testFuzz_to__pastTheField__refused(uint256 value) public {
        _refused(bound(value, 1 << 16, type(uint256).max), 65_535);
        lib.to16(bound(value, 1 << 16, type(uint256).max));
        _refused(bound(value, 1 << 32, type(uint256).max), 4_294_967_295);
        lib.to32(bound(value, 1 << 32, type(uint256).max));
        _refused(bound(value, 1 << 40, type(uint256).max), 1_099_511_627_775);
        lib.to40(bound(value, 1 << 40, type(uint256).max));
        _refused(bound(value, 1 << 56, type(uint256).max), 72_057_594_037_927_935);
        lib.to56(bound(value, 1 << 56, type(uint256).max));
        _refused(bound(value, 1 << 64, type(uint256).max), 18_446_744_073_709_551_615);
        lib.to64(bound(value, 1 << 64, type(uint256).max));
        _refused(bound(value, 1 << 96, type(uint256).max), type(uint96).max);
        lib.to96(bound(value, 1 << 96, type(uint256).max));
        _refused(bound(value, 1 << 112, type(uint256).max), type(uint112).max);
        lib.to112(bound(value, 1 << 112, type(uint256).max));
    }

    function _refused(uint256 given, uint256 max) private {
        vm.expectRevert(abi.encodeWithSelector(FieldLib.AboveField.selector, given, max));
    }

    /* FLOATS AND RANGES */

    function testFuzz_float__anyFigure__isRoundedDownToFiveDigits(uint64 value) public view {
        uint256 kept = lib.unpackFloat(lib.packFloat(value));
        assertLe(kept, value);
        assertLe(value - kept, value / 100_000);
        if (value < 1 << 30) assertEq(kept, value);
    }

    function testFuzz_float__twoFigures__keepTheirOrder(uint64 a, uint64 b) public view {
        (uint256 low, uint256 high) = a < b ? (a, b) : (b, a);
        assertLe(lib.unpackFloat(lib.packFloat(low)), lib.unpackFloat(lib.packFloat(high)));
    }

    function test_float__theEnds__areThere() public view {
        assertEq(lib.unpackFloat(lib.packFloat(0)), 0);
        assertEq(lib.unpackFloat(lib.packFloat((1 << 30) - 1)), (1 << 30) - 1);
        assertEq(lib.unpackFloat(lib.packFloat(1 << 30)), 1 << 30);
        assertEq(lib.unpackFloat(lib.packFloat(type(uint64).max)), type(uint64).max >> 36 << 36);
    }

    function _outOfRange(uint256 given, uint256 min, uint256 max) private {
        vm.expectRevert(abi.encodeWithSelector(RangeLib.OutOfRange.selector, given, min, max));
    }

    function test_requireSpan__nothingOrTooMuch__refused() public {
        _outOfRange(0, 1, 1_073_741_823);
        lib.requireSpan(0);
        _outOfRange(1_073_741_824, 1, 1_073_741_823);
        lib.requireSpan(1_073_741_824);
        lib.requireSpan(1);
        lib.requireSpan(1_073_741_823);
    }

    function test_requireNear__pastAQuarterOrFourTimes__refused() public {
        lib.requireNear(25, 100);
        lib.requireNear(400, 100);
        _outOfRange(24, 25, 400);
        lib.requireNear(24, 100);
        _outOfRange(401, 25, 400);
        lib.requireNear(401, 100);
        // Never nothing, whatever was founded with.
        _outOfRange(0, 1, 4);
        lib.requireNear(0, 1);
    }

    /* SHARES */

    function test_partDown__noneAllAndBetween__roundsDown() public view {
        assertEq(lib.partDown(7, 0), 0);
        assertEq(lib.partDown(7, 10_000), 7);
        assertEq(lib.partDown(9999, 1), 0);
        assertEq(lib.partDown(10_000, 1), 1);
        assertEq(lib.partDown(3, 5000), 1);
    }

    function testFuzz_partDown__anyShare__isWhatFitsWhole(uint128 amount, uint16 bps) public view {
        uint256 part = lib.partDown(amount, bps);
        assertLe(part * 10_000, uint256(amount) * bps);
        assertGt((part + 1) * 10_000, uint256(amount) * bps);
    }

    /* SUMS */

    function test_pack__fourLanes__areInTheProtocolsOrder() public view {
        assertEq(lib.pack(1, 2, 3, 4), 0x0000000000000001_0000000000000002_0000000000000003_0000000000000004);
        uint256 max = type(uint64).max;
        assertEq(lib.pack(max, max, max, max), type(uint256).max);
    }

    function test_pack__aLanePastItsField__refused() public {
        uint256 over = uint256(1) << 64;
        for (uint256 lane = 0; lane < 4; ++lane) {
            _refused(over, over - 1);
            lib.pack(lane == 0 ? over : 0, lane == 1 ? over : 0, lane == 2 ? over : 0, lane == 3 ? over : 0);
        }
    }

    function testFuzz_commit__anyTree__hashesTheProtocolsBytes(uint32 count, bytes32 hash, uint256 sums) public view {
        bytes memory bytesOfThePage = bytes.concat(hex"02", bytes4(count), hash, bytes32(sums));
        assertEq(bytesOfThePage.length, 69);
        assertEq(lib.commit(count, hash, sums), keccak256(bytesOfThePage));
    }

    /* BLOBS */

    function testFuzz_write__anyData__isReadBack(bytes memory data) public {
        address blob = lib.write(data);
        assertEq(lib.read(blob), data);
        assertEq(blob.code.length, data.length + 1);
    }

    function test_write__dataThatLooksLikeCode__cannotBeRun() public {
        // As code, the data alone would destroy the contract.
        address blob = lib.write(hex"33ff");
        (bool ok, bytes memory answer) = blob.call("");
        assertTrue(ok);
        assertEq(answer.length, 0);
        assertEq(blob.code, hex"0033ff");
    }

    /* EPOCHS */

    function test_current__beforeGenesis__isZeroAndNotBegun() public {
        vm.warp(999);
        assertEq(lib.current(1000, 10), 0);
        assertEq(lib.upcoming(1000, 10), 0);
    }

    function test_current__atTheEdges__isTheEpochThatSpansThem() public {
        vm.warp(1000);
        assertEq(lib.current(1000, 10), 0);
        assertEq(lib.upcoming(1000, 10), 1);
        vm.warp(1009);
        assertEq(lib.current(1000, 10), 0);
        vm.warp(1010);
        assertEq(lib.current(1000, 10), 1);
        assertEq(lib.upcoming(1000, 10), 2);
        assertEq(lib.endOf(0, 1000, 10), 1010);
        assertEq(lib.endOf(1, 1000, 10), 1020);
    }

    function testFuzz_current__anyTime__liesWithinItsEpoch(uint32 genesis, uint16 length, uint32 later) public {
        vm.assume(length != 0);
        vm.warp(uint256(genesis) + later);
        uint256 epoch = lib.current(genesis, length);
        assertLt(block.timestamp, lib.endOf(epoch, genesis, length));
        if (epoch != 0) assertGe(block.timestamp, lib.endOf(epoch - 1, genesis, length));
        assertEq(lib.upcoming(genesis, length), epoch + 1);
    }
}
