// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {FloatLib} from "../../contracts/libraries/FloatLib.sol";
import {IndexLib} from "../../contracts/libraries/IndexLib.sol";
import {VaultProver} from "./VaultProver.sol";

/// @dev A policy that says what it is told to.
contract AnyPolicyStub {
    uint256 private _entitlement;
    uint256 private _release;

    function set(uint256 entitlement, uint256 release) external {
        (_entitlement, _release) = (entitlement, release);
    }

    function assess(uint256, uint256) external view returns (uint256, uint256) {
        return (_entitlement, _release);
    }
}

/// @title DistributionProof
/// @dev A distribution by the vault itself, out of any state: any index, headcount, epoch, last release, issued, reserve,
/// peak and recirculated that the fields hold, any output of 64 bits at any rate of 96, and any answer of the policy within
/// the bounds that `_assess` holds it to. The release floor is above all that there can be, so that every release which
/// any growth bound allows is among those tried. The epoch has ended and is not expired, no halt was called, no brake
/// holds.
///
/// To halmos a quotient and a product of two unknowns are any figures, the same for the same operands. What it is told of
/// them is one thing in `_share`, that no more is issued than there is to share. That is no axiom of ours: `share.smt2`
/// proves it, and that what is left is less than a unit of the index for each head.
///
/// Not proven here: what becomes of an answer beyond the policy's bounds, of none, and of epochs that are passed over; and
/// a peak's rounding is tried with one head and nothing to share, since neither has a say in it.
/// @custom:halmos --solver-timeout-branching 100ms
contract DistributionProof is VaultProver {
    /// @dev The vault's slots: see `DistributionVault`.
    uint256 private constant FLOW = 1;
    uint256 private constant TOTALS = 2;
    uint256 private constant RECIRCULATED = 3;
    uint256 private constant POLICY = 4;
    uint256 private constant SOURCE = 5;

    /// @dev Recirculated amounts to use, and the flag that says so.
    uint256 private constant GIVEN = 1 << 232;

    AnyPolicyStub private says;

    struct State {
        uint256 index;
        uint256 headcount;
        uint256 nextEpoch;
        uint256 lastRelease;
        uint256 isGiven;
        uint256 issued;
        uint256 reserve;
        uint256 recirculated;
    }

    /// @dev What a distribution is to come to.
    struct Share {
        uint256 dividend;
        uint256 issuing;
        uint256 fromGiven;
        uint256 release;
    }

    function setUp() public override {
        super.setUp();
        says = new AnyPolicyStub();
        svm.enableSymbolicStorage(address(vault));
        _put(POLICY, uint256(type(uint32).max) << 192 | uint160(address(says)));
    }

    function _releaseFloor() internal pure override returns (uint256) {
        return 1 << 128;
    }

    function _put(uint256 slot, uint256 word) private {
        vm.store(address(vault), bytes32(slot), bytes32(word));
    }

    function _word(uint256 slot) private view returns (uint256) {
        return uint256(vm.load(address(vault), bytes32(slot)));
    }

    /// @dev Read from the words, since the interface multiplies.
    function _state() private view returns (State memory) {
        (uint256 flow, uint256 totals) = (_word(FLOW), _word(TOTALS));
        return State({
            index: uint80(flow),
            headcount: uint40(flow >> 80),
            nextEpoch: uint32(flow >> 120),
            lastRelease: uint80(flow >> 152),
            isGiven: uint8(flow >> 232),
            issued: uint112(totals),
            reserve: uint112(totals >> 112),
            recirculated: uint112(_word(RECIRCULATED))
        });
    }

    /// Dividend × headcount + remainder = issue, for any headcount of 40 bits, any output of 64 and any state: the index
    /// grows by what there is to share, divided by the heads, or by what its field has room for; issued grows by exactly
    /// that dividend times the heads; what does not divide stays in the reserve. No field overflows: index, last release,
    /// next epoch, headcount, issued and reserve are each to the unit what they should be. With nothing recirculated.
    function check_distribute__anyState__dividesExactly(
        uint256 entitlement,
        uint256 release,
        uint64 output,
        uint96 rate,
        uint40 time
    ) external {
        _put(FLOW, uint232(_word(FLOW)));
        _put(RECIRCULATED, 0);
        _dividesExactly(entitlement, release, output, rate, time);
    }

    /// The same where something was recirculated: that is used first, what is not used of it stays, and the flag that says
    /// whether any is left is right.
    function check_distribute__anyStateAndRecirculated__dividesExactly(
        uint256 entitlement,
        uint256 release,
        uint64 output,
        uint96 rate,
        uint40 time
    ) external {
        _put(FLOW, uint232(_word(FLOW)) | GIVEN);
        vm.assume(uint112(_word(RECIRCULATED)) != 0);
        _dividesExactly(entitlement, release, output, rate, time);
    }

    function _dividesExactly(uint256 entitlement, uint256 release, uint64 output, uint96 rate, uint40 time) private {
        _put(SOURCE, uint256(rate) << 160 | uint160(address(source)));
        State memory old = _state();
        _assumeWithinBounds(old, entitlement, release, output, rate);
        unchecked {
            vm.assume(old.nextEpoch < type(uint32).max && time >= old.nextEpoch + 2);
            vm.assume(time <= old.nextEpoch + 2 + vault.expiryAge());
        }
        source.set(output);
        says.set(entitlement, release);
        vm.warp(time);
        Share memory share = _share(old, release);
        vault.distribute();
        State memory since = _state();
        unchecked {
            // No field is left; and then each is, by its own width, the sum that it should be.
            uint256 held = old.reserve + entitlement + share.fromGiven - share.issuing;
            assert(share.dividend <= type(uint80).max - old.index);
            assert(share.issuing <= type(uint112).max - old.issued);
            assert(held <= type(uint112).max);
            assert(since.index == uint80(old.index + share.dividend));
            assert(since.headcount == old.headcount);
            assert(since.nextEpoch == old.nextEpoch + 1);
            assert(since.lastRelease == share.release);
            assert(since.issued == uint112(old.issued + share.issuing));
            assert(since.reserve == uint112(held));
            assert(since.recirculated == uint112(old.recirculated - share.fromGiven));
            assert((since.isGiven == 0) == (since.recirculated == 0));
        }
    }

    function _assumeWithinBounds(State memory old, uint256 entitlement, uint256 release, uint256 output, uint256 rate)
        private
        view
    {
        unchecked {
            vm.assume(old.headcount != 0);
            // The same figure twice: which of the two the compiler makes the first operand is its own affair.
            vm.assume(entitlement <= this.product(output, rate));
            vm.assume(entitlement <= this.product(rate, output));
            vm.assume(entitlement <= type(uint112).max - old.reserve);
            vm.assume(release <= old.reserve + entitlement);
        }
    }

    function product(uint256 a, uint256 b) external pure returns (uint256) {
        unchecked {
            return a * b;
        }
    }

    /// @dev Written with the vault's own types, so that a solver meets the same terms.
    function _share(State memory old, uint256 release) private pure returns (Share memory share) {
        unchecked {
            uint256 amount = release + old.recirculated;
            uint256 room = type(uint112).max - uint112(old.issued);
            if (amount > room) amount = room;
            uint256 dividend = amount / (old.headcount * IndexLib.UNIT);
            room = type(uint80).max - uint80(old.index);
            if (dividend > room) dividend = room;
            uint256 issuing = dividend * old.headcount * IndexLib.UNIT;
            // `share.smt2`: the dividend is at most amount / (headcount × unit).
            vm.assume(issuing <= amount);
            share.dividend = dividend;
            share.issuing = issuing;
            share.fromGiven = issuing > old.recirculated ? old.recirculated : issuing;
            share.release = (issuing - share.fromGiven) / IndexLib.UNIT;
            if (share.release > type(uint80).max) share.release = type(uint80).max;
        }
    }

    /// The peak after a distribution is the larger of the output and of the peak before less an eighth, rounded down by less
    /// than a 2^17th of it: for any output of 64 bits and any peak that the field holds.
    function check_distribute__anyPeak__isTheLarger(uint64 output, uint32 peak) external {
        // One head, and nothing to share.
        _put(FLOW, 1 << 80);
        _put(TOTALS, uint256(peak) << 224);
        _put(RECIRCULATED, 0);
        _put(SOURCE, uint160(address(source)));
        source.set(output);
        says.set(0, 0);
        vm.warp(100);
        vault.distribute();
        unchecked {
            uint256 before = FloatLib.unpack(peak);
            uint256 larger = before - before / 8;
            if (output > larger) larger = output;
            uint256 since = vault.peakOutput();
            assert(since <= larger);
            assert((larger - since) << 17 <= larger);
        }
        assert(vault.headcount() == 1 && vault.nextEpoch() == 1 && vault.dividendIndex() == 0);
        assert(vault.issued() == 0 && vault.reserve() == 0);
    }
}
