// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {BitLib} from "../../contracts/libraries/BitLib.sol";
import {EpochLib} from "../../contracts/libraries/EpochLib.sol";
import {FieldLib} from "../../contracts/libraries/FieldLib.sol";
import {FloatLib} from "../../contracts/libraries/FloatLib.sol";
import {RangeLib} from "../../contracts/libraries/RangeLib.sol";
import {Prover} from "./Prover.sol";

/// @title FieldsProof
/// @dev Packed and narrowed figures.
contract FieldsProof is Prover {
    /// A figure is either kept whole in its field or refused: for each of the seven widths.
    function check_narrowing__keepsOrRefuses(uint256 value, uint256 width) external view {
        vm.assume(width < 7);
        try this.narrow(value, width) returns (uint256 kept) {
            assert(kept == value);
        } catch {
            assert(value >> _bits(width) != 0);
        }
    }

    function _bits(uint256 width) private pure returns (uint256) {
        if (width == 0) return 16;
        if (width == 1) return 32;
        if (width == 2) return 40;
        if (width == 3) return 56;
        if (width == 4) return 64;
        return width == 5 ? 96 : 112;
    }

    function narrow(uint256 value, uint256 width) external pure returns (uint256) {
        if (width == 0) return FieldLib.to16(value);
        if (width == 1) return FieldLib.to32(value);
        if (width == 2) return FieldLib.to40(value);
        if (width == 3) return FieldLib.to56(value);
        if (width == 4) return FieldLib.to64(value);
        return width == 5 ? FieldLib.to96(value) : FieldLib.to112(value);
    }

    /// A figure of 64 bits, packed as a float, comes back no larger, and smaller by less than a 2^17th of itself; one below
    /// 2^30 comes back as it was.
    function check_float__roundsDownALittle(uint64 value) external pure {
        uint256 back = FloatLib.unpack(FloatLib.pack(value));
        assert(back <= value);
        assert((value - back) << 17 <= value);
        if (value < 1 << 30) assert(back == value);
    }

    /// Of two figures the larger never packs to less: a peak is not lowered by packing a larger one.
    function check_float__keepsOrder(uint64 less, uint64 more) external pure {
        vm.assume(less <= more);
        assert(FloatLib.unpack(FloatLib.pack(less)) <= FloatLib.unpack(FloatLib.pack(more)));
    }

    /// A set of oracles has one member more when a bit is added that was not in it: with the empty set's zero, this makes
    /// the count of a quorum what it says, by induction.
    function check_count__growsByOneForEachMember(uint32 bits, uint256 place) external pure {
        vm.assume(place < 32);
        uint256 bit = 1 << place;
        vm.assume(bits & bit == 0);
        assert(BitLib.count(uint256(bits) | bit) == BitLib.count(bits) + 1);
        assert(BitLib.count(0) == 0);
    }

    /// What is within a hard range is accepted and nothing else, and the range around a founding span never holds zero: for
    /// founding spans of 16 bits, 18 hours of seconds, since a solver is long about the divisions of wider ones.
    function check_range__holdsWhatItSays(uint24 span, uint16 founding) external view {
        vm.assume(founding != 0);
        try this.requireNear(span, founding) {
            assert(span != 0 && uint256(span) << 2 >= founding && span <= uint256(founding) << 2);
        } catch {
            assert(uint256(span) << 2 < founding || span > uint256(founding) << 2);
        }
    }

    function requireNear(uint256 span, uint256 founding) external pure {
        RangeLib.requireNear(span, founding);
    }

    /// Epochs follow each other without gap: one ends when the next begins, for clocks of 40 bits and lengths of 32.
    function check_epochs__followEachOther(uint32 epoch, uint40 genesis, uint32 length) external pure {
        vm.assume(length != 0);
        uint256 end = EpochLib.endOf(epoch, genesis, length);
        assert(end == uint256(genesis) + uint256(epoch) * length + length);
        assert(EpochLib.endOf(uint256(epoch) + 1, genesis, length) == end + length);
    }
}
