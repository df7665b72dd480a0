// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IDistributionVault} from "./interfaces/IDistributionVault.sol";
import {IIssuancePolicy} from "./interfaces/IIssuancePolicy.sol";
import {IReportSource, Outcome} from "./interfaces/IReportSource.sol";
import {BpsLib} from "./libraries/BpsLib.sol";
import {EpochLib} from "./libraries/EpochLib.sol";
import {FieldLib} from "./libraries/FieldLib.sol";
import {FloatLib} from "./libraries/FloatLib.sol";
import {IndexLib} from "./libraries/IndexLib.sol";

// Time: see `EpochLib`.
// Predicted before deployment, and checked after it: zero would be as wrong as any other.
// slither-disable-start timestamp,missing-zero-check

/// @title DistributionVault
/// @dev The interface is the manual.
contract DistributionVault is IDistributionVault, AccessManaged {
    /// @dev What every payment that settles reads, and what a dividend moves.
    ///
    ///   | 8 free | isHalted 8 | isGiven 8 | lastRelease 80 | nextEpoch 32 | headcount 40 | index 80 |
    ///
    /// index, lastRelease: units of 1e6 wei; 80 bits are 1.2e12 SBI. headcount: 1.1e12 people. nextEpoch: 4.2e9 epochs.
    /// isGiven: `_recirculated` is not zero; most dividends then need not look. isHalted: so for `_halt`.
    struct Flow {
        uint80 index;
        uint40 headcount;
        uint32 nextEpoch;
        uint80 lastRelease;
        bool isGiven;
        bool isHalted;
    }

    /// @dev | peak 32 | reserve 112 | issued 112 |. issued, reserve: wei, 5.1e15 SBI each; the token relies on `issued`
    /// fitting 112 bits. peak: recent output as a `FloatLib`, figures of 64 bits to five digits.
    struct Totals {
        uint112 issued;
        uint112 reserve;
        uint32 peak;
    }

    /// @dev Who judges the epochs [fromEpoch, untilEpoch), and at which rate: | 32 free | untilEpoch 32 | fromEpoch 32 |
    /// policy 160 | and | rate 96 | source 160 |. rate: the policy's when it was scheduled; wei per nGAICPh, so that 96 bits
    /// are 79 SBI for 1e-9 nGAICPh.
    // solhint-disable-next-line gas-struct-packing
    struct Terms {
        IIssuancePolicy policy;
        uint32 fromEpoch;
        uint32 untilEpoch;
        IReportSource source;
        uint96 rate;
    }

    /// @dev | 208 free | isSpent 8 | until 40 |. until: end of the last halt, seconds.
    struct Halt {
        uint40 until;
        bool isSpent;
    }

    /// @dev | 216 free | isReleased 8 | epoch 32 |: the epoch after the last that was held back, so that zero is none.
    struct Brake {
        uint32 epochAfter;
        bool isReleased;
    }

    /// @dev What is fixed for ever; the interface explains each.
    struct Bounds {
        uint256 genesis;
        uint256 epochLength;
        uint256 expiryAge;
        uint256 maxRate;
        uint256 releaseFloor;
        uint256 growthBps;
        uint256 minNotice;
        uint256 haltSpan;
        uint256 brakeSpan;
        uint256 jumpFloor;
        uint256 jumpBps;
    }

    /// @dev `untilEpoch` of terms that have no successor.
    uint32 private constant OPEN_ENDED = type(uint32).max;

    /// @dev Wei per unit of the dividend index.
    uint256 public constant INDEX_UNIT = IndexLib.UNIT;
    /// @dev Epochs passed over in one call at most, so that a long backlog never exceeds a block.
    uint256 public constant MAX_PASSED = 64;
    /// @dev The least release floor: a unit of the index for as many people as the headcount can hold, so that a dividend
    /// of nothing, from which no growth starts, never comes of the floor.
    uint256 private constant MIN_RELEASE_FLOOR = IndexLib.UNIT << 40;
    /// @dev How many least notices ahead a change may be scheduled: one far away would bar every other until then.
    uint256 private constant MAX_NOTICES = 10;
    /// @dev What a policy may use to answer.
    uint256 public constant POLICY_GAS = 100_000;
    /// @dev What there must be when it is asked, so that it gets that: a call keeps 1/64 of the gas back, and a first visit
    /// costs 2,600. Else a caller could starve a good policy and have it called a failure.
    uint256 public constant MIN_POLICY_GAS = 106_000;
    /// @dev An eighth less each epoch: how the peak that output is compared with comes down.
    uint256 private constant PEAK_DECAY = 8;

    /// @dev The token, which alone may report recirculated amounts.
    address public immutable token;
    /// @dev The citizen registry, which alone may change the headcount.
    address public immutable citizens;

    /// @inheritdoc IDistributionVault
    uint256 public immutable genesis;
    /// @inheritdoc IDistributionVault
    uint256 public immutable epochLength;
    /// @inheritdoc IDistributionVault
    uint256 public immutable expiryAge;
    /// @inheritdoc IDistributionVault
    uint256 public immutable maxRate;
    /// @inheritdoc IDistributionVault
    uint256 public immutable releaseFloor;
    /// @inheritdoc IDistributionVault
    uint256 public immutable growthBps;
    /// @inheritdoc IDistributionVault
    uint256 public immutable minNotice;
    /// @inheritdoc IDistributionVault
    uint256 public immutable haltSpan;
    /// @inheritdoc IDistributionVault
    uint256 public immutable brakeSpan;
    /// @inheritdoc IDistributionVault
    uint256 public immutable jumpFloor;
    /// @inheritdoc IDistributionVault
    uint256 public immutable jumpBps;

    Flow private _flow;
    Totals private _totals;
    uint112 private _recirculated;
    Terms private _terms;
    /// @dev Successor of `_terms` from `_terms.untilEpoch` on; meaningless while that is `OPEN_ENDED`.
    Terms private _nextTerms;
    Halt private _halt;
    Brake private _brake;

    constructor(
        address authority_,
        address token_,
        address citizens_,
        IIssuancePolicy policy_,
        IReportSource source_,
        Bounds memory bounds
    ) AccessManaged(authority_) {
        require(bounds.growthBps >= BpsLib.WHOLE, GrowthBelowOne(bounds.growthBps, BpsLib.WHOLE));
        require(bounds.releaseFloor >= MIN_RELEASE_FLOOR, ReleaseFloorTooLow(bounds.releaseFloor, MIN_RELEASE_FLOOR));
        require(bounds.jumpBps >= BpsLib.WHOLE, GrowthBelowOne(bounds.jumpBps, BpsLib.WHOLE));
        require(bounds.minNotice != 0, NoticeTooShort(bounds.minNotice, 1));
        token = token_;
        citizens = citizens_;
        genesis = FieldLib.to40(bounds.genesis);
        epochLength = FieldLib.to32(bounds.epochLength);
        expiryAge = bounds.expiryAge;
        maxRate = FieldLib.to96(bounds.maxRate);
        releaseFloor = bounds.releaseFloor;
        growthBps = FieldLib.to32(bounds.growthBps);
        minNotice = FieldLib.to32(bounds.minNotice);
        haltSpan = FieldLib.to32(bounds.haltSpan);
        brakeSpan = FieldLib.to32(bounds.brakeSpan);
        jumpFloor = bounds.jumpFloor;
        jumpBps = FieldLib.to32(bounds.jumpBps);
        uint96 rate = _requireFit(policy_, source_, bounds);
        _terms = Terms(policy_, 0, OPEN_ENDED, source_, rate);
        emit TermsScheduled(0, address(policy_), address(source_));
    }

    /* DIVIDENDS */

    /// @inheritdoc IDistributionVault
    // Epochs passed at once are bounded, and the source is governed: one that fails holds up its own epochs alone.
    // slither-disable-next-line calls-loop
    function distribute() external returns (uint256 epochs) {
        Flow memory flow = _flow;
        require(flow.headcount != 0, NoCitizens(flow.nextEpoch));
        if (flow.isHalted) flow.isHalted = _isHalted();
        for (bool issuing = false; !issuing && epochs < MAX_PASSED;) {
            uint256 epoch = flow.nextEpoch;
            uint256 endedAt = _endOf(epoch);
            // Before the source is asked: one that reverts holds up its own epoch until this age, never the others.
            if (block.timestamp > endedAt + expiryAge) {
                emit EpochExpired(epoch, endedAt);
            } else {
                Terms storage terms = _termsAt(epoch);
                (Outcome outcome, uint256 output) = (Outcome.Open, 0);
                // By the vault's own clock: no source may make epochs come faster than time.
                if (block.timestamp >= endedAt) (outcome, output) = terms.source.outcomeOf(epoch);
                if (outcome == Outcome.Final) {
                    if (output > type(uint64).max) output = type(uint64).max;
                    Totals memory totals = _totals;
                    if (_isJump(output, totals.peak) && _isHeld(epoch, endedAt, output, totals.peak)) break;
                    _issue(flow, totals, terms, output);
                    issuing = true;
                } else if (outcome == Outcome.Skipped || outcome == Outcome.Void) {
                    emit EpochPassed(epoch, outcome);
                } else {
                    require(epochs != 0, EpochNotFinal(epoch, outcome));
                    break;
                }
            }
            // Fits: at an epoch a second, 32 bits are 136 years.
            unchecked {
                ++flow.nextEpoch;
                ++epochs;
            }
        }
        _flow = flow;
    }

    /// @dev As `EpochLib.endOf`, of an epoch that fits 32 bits: then nothing overflows.
    function _endOf(uint256 epoch) private view returns (uint256) {
        unchecked {
            return genesis + (epoch + 1) * epochLength;
        }
    }

    /// @dev Feeds the reserve, releases a part of it and divides that, with what was recirculated, by the headcount.
    /// Recirculated tokens are used first; what does not divide, or does not fit a field, stays where it was.
    ///
    /// Nothing here overflows: issued, reserve, entitlement and recirculated fit 112 bits, so no sum of them passes 114;
    /// the dividend is such an amount divided by the very factors that it is multiplied by again. The casts hold by the
    /// clamps to their fields.
    function _issue(Flow memory flow, Totals memory totals, Terms storage terms, uint256 output) private {
        uint256 given = flow.isGiven ? _recirculated : 0;
        (uint256 entitlement, uint256 release) = _assess(terms, output, totals.reserve, flow);
        unchecked {
            uint256 dividend = _dividend(flow, release + given, type(uint112).max - totals.issued);
            uint256 issuing = dividend * flow.headcount * INDEX_UNIT;
            uint256 fromGiven = issuing > given ? given : issuing;
            if (given != 0) {
                _recirculated = uint112(given - fromGiven);
                flow.isGiven = given != fromGiven;
            }
            flow.index += uint80(dividend);
            flow.lastRelease = _to80((issuing - fromGiven) / INDEX_UNIT);
            totals.issued += uint112(issuing);
            totals.reserve = uint112(totals.reserve + entitlement + fromGiven - issuing);
            totals.peak = _peakAfter(totals.peak, output);
            _totals = totals;
            emit DividendDistributed(
                flow.nextEpoch, output, entitlement, issuing, dividend * INDEX_UNIT, flow.headcount, totals.reserve
            );
        }
    }

    /// @dev An equal share of `amount`, or of what there is `room` for, in units of 1e6 wei, rounded down and within the
    /// index's field. Plain comparisons here and below: a library's `min` costs thrice as much, in every dividend.
    function _dividend(Flow memory flow, uint256 amount, uint256 room) private pure returns (uint256 dividend) {
        unchecked {
            if (amount > room) amount = room;
            dividend = amount / (flow.headcount * INDEX_UNIT);
            room = type(uint80).max - flow.index;
            if (dividend > room) dividend = room;
        }
    }

    function _to80(uint256 value) private pure returns (uint80) {
        return value > type(uint80).max ? type(uint80).max : uint80(value);
    }

    function _peakAfter(uint32 packed, uint256 output) private pure returns (uint32) {
        unchecked {
            uint256 peak = FloatLib.unpack(packed);
            peak -= peak / PEAK_DECAY;
            return FloatLib.pack(output > peak ? output : peak);
        }
    }

    /// @dev What the policy says, within the vault's bounds and fields. Of one that gives no answer the rate is known all
    /// the same, and as much is released as the last time: no policy can stop income. Nothing overflows: output fits 64
    /// bits, the rate 96, the reserve 112, the last release 80, the growth 32.
    /// @return entitlement What enters the reserve, wei.
    /// @return release What may leave it, wei; at most reserve plus entitlement.
    function _assess(Terms storage terms, uint256 output, uint256 held, Flow memory flow)
        private
        returns (uint256 entitlement, uint256 release)
    {
        bool answered;
        if (gasleft() < MIN_POLICY_GAS) revert GasTooLow(MIN_POLICY_GAS);
        (answered, entitlement, release) = _ask(terms.policy, output, held);
        unchecked {
            uint256 entitled = output * terms.rate;
            uint256 previous = flow.lastRelease * INDEX_UNIT;
            if (!answered) {
                (entitlement, release) = (entitled, previous);
                emit PolicyFailed(flow.nextEpoch, address(terms.policy));
            }
            if (entitlement > entitled) entitlement = entitled;
            uint256 most = type(uint112).max - held;
            if (entitlement > most) entitlement = most;
            most = previous * growthBps / BpsLib.WHOLE;
            if (most < releaseFloor) most = releaseFloor;
            if (most > held + entitlement) most = held + entitlement;
            if (release > most) release = most;
        }
    }

    /// @dev Asks a policy with limited gas, and reads no more than the two figures expected.
    function _ask(IIssuancePolicy policy, uint256 output, uint256 held)
        private
        view
        returns (bool answered, uint256 entitlement, uint256 release)
    {
        bytes4 selector = IIssuancePolicy.assess.selector;
        uint256 allowance = POLICY_GAS;
        // The call's data lies past the free memory, which moves nowhere; the answer in scratch space.
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 0x04), output)
            mstore(add(data, 0x24), held)
            answered := and(gt(returndatasize(), 0x3f), staticcall(allowance, policy, data, 0x44, 0x00, 0x40))
            entitlement := mload(0x00)
            release := mload(0x20)
        }
    }

    /* BRAKE AND HALT */

    /// @dev Nothing overflows: output and peak fit 64 bits, the bound 32.
    function _isJump(uint256 output, uint32 peak) private view returns (bool) {
        unchecked {
            return output > jumpFloor && output * BpsLib.WHOLE > FloatLib.unpack(peak) * jumpBps;
        }
    }

    /// @dev Whether a jump is to wait. Says so once, by an event, and then by refusing: an epoch that was held before is the
    /// first that a call comes to, so that nothing is lost by it.
    function _isHeld(uint256 epoch, uint256 endedAt, uint256 output, uint32 peak) private returns (bool) {
        // From the epoch's own end: what is caught up with late was held long enough, and holding never adds up.
        uint256 until = endedAt + brakeSpan;
        if (block.timestamp >= until) return false;
        Brake memory last = _brake;
        if (last.epochAfter == epoch + 1) {
            require(last.isReleased, EpochHeld(epoch, until));
            return false;
        }
        _brake = Brake(uint32(epoch + 1), false);
        uint256 most = Math.max(FloatLib.unpack(peak) * jumpBps / BpsLib.WHOLE, jumpFloor);
        emit EpochBraked(epoch, output, most, until);
        return true;
    }

    /// @dev Refuses while a halt lasts.
    /// @return Always false: a halt that is over is one no more.
    function _isHalted() private view returns (bool) {
        uint256 until = _halt.until;
        require(block.timestamp >= until, IssuanceIsHalted(until));
        return false;
    }

    /// @inheritdoc IDistributionVault
    function halt() external restricted {
        Halt memory last = _halt;
        require(!last.isSpent, HaltSpent(last.until));
        // As long as a halt lasts there must be none before the next: no epoch expires for halts.
        uint256 earliest = last.until == 0 ? 0 : last.until + haltSpan;
        require(block.timestamp >= earliest, HaltTooSoon(earliest, block.timestamp));
        uint40 until = FieldLib.to40(block.timestamp + haltSpan);
        _halt = Halt(until, true);
        _flow.isHalted = true;
        emit IssuanceHalted(msg.sender, until);
    }

    /// @inheritdoc IDistributionVault
    function rearm() external restricted {
        Halt storage last = _halt;
        require(last.isSpent, HaltNotSpent());
        last.isSpent = false;
        emit HaltRearmed();
    }

    /// @inheritdoc IDistributionVault
    function resume() external restricted {
        uint256 next = _flow.nextEpoch;
        Brake memory last = _brake;
        bool held = last.epochAfter == next + 1 && !last.isReleased;
        bool halted = block.timestamp < _halt.until;
        require(held || halted, NothingToResume(next));
        if (held) _brake.isReleased = true;
        if (halted) _halt.until = uint40(block.timestamp);
        emit IssuanceResumed(next);
    }

    /* CALLS FROM TOKEN AND CITIZENS */

    /// @inheritdoc IDistributionVault
    // The token says it: `Recirculated`.
    // slither-disable-next-line events-maths
    function noteRecirculated(uint256 amount) external {
        require(msg.sender == token, UnexpectedCaller(msg.sender, token));
        // Fits: it was part of the supply, which fits 112 bits.
        _recirculated += uint112(amount);
        _flow.isGiven = _recirculated != 0;
    }

    /// @inheritdoc IDistributionVault
    function admit(uint256 heads) external returns (uint256 index) {
        require(msg.sender == citizens, UnexpectedCaller(msg.sender, citizens));
        Flow memory flow = _flow;
        flow.headcount = FieldLib.to40(flow.headcount + heads);
        _flow = flow;
        index = flow.index;
        emit HeadsAdmitted(heads, flow.headcount, index);
    }

    /// @inheritdoc IDistributionVault
    function dismiss(uint256 from) external {
        require(msg.sender == citizens, UnexpectedCaller(msg.sender, citizens));
        Flow memory flow = _flow;
        (uint256 returned, uint256 held) = _takeBack(flow.index - from);
        _flow.headcount = --flow.headcount;
        emit HeadDismissed(flow.headcount, returned, held);
    }

    /// @inheritdoc IDistributionVault
    function unissue(uint256 from, uint256 to) external {
        require(msg.sender == citizens, UnexpectedCaller(msg.sender, citizens));
        (uint256 returned, uint256 held) = _takeBack(to - from);
        emit IncomeUnissued(returned, held);
    }

    /// @dev Returns a head's income of so many units of the index to the reserve.
    /// @return returned wei
    /// @return held What the reserve holds then, wei.
    function _takeBack(uint256 units) private returns (uint256 returned, uint256 held) {
        returned = units * INDEX_UNIT;
        Totals memory totals = _totals;
        if (returned != 0) {
            totals.issued -= uint112(returned);
            totals.reserve = uint112(Math.min(totals.reserve + returned, type(uint112).max));
            _totals = totals;
        }
        held = totals.reserve;
    }

    /* TERMS */

    /// @inheritdoc IDistributionVault
    function scheduleTerms(address policy, address source, uint256 fromEpoch) external restricted {
        uint256 current = currentEpoch();
        require(fromEpoch >= current + minNotice, ChangeTooSoon(fromEpoch, current + minNotice));
        uint256 latest = current + MAX_NOTICES * minNotice;
        require(fromEpoch <= latest, ChangeTooFar(fromEpoch, latest));
        if (_terms.untilEpoch != OPEN_ENDED) {
            // Undistributed epochs before the last change still need the terms it replaced.
            uint256 next = _flow.nextEpoch;
            require(next > _nextTerms.fromEpoch, ChangePending(_nextTerms.fromEpoch, next));
            _terms = _nextTerms;
        }
        uint96 rate = _requireFit(IIssuancePolicy(policy), IReportSource(source), _bounds());
        _terms.untilEpoch = FieldLib.to32(fromEpoch);
        _nextTerms = Terms(IIssuancePolicy(policy), uint32(fromEpoch), OPEN_ENDED, IReportSource(source), rate);
        emit TermsScheduled(fromEpoch, policy, source);
    }

    function _bounds() private view returns (Bounds memory) {
        return Bounds({
            genesis: genesis,
            epochLength: epochLength,
            expiryAge: expiryAge,
            maxRate: maxRate,
            releaseFloor: releaseFloor,
            growthBps: growthBps,
            minNotice: minNotice,
            haltSpan: haltSpan,
            brakeSpan: brakeSpan,
            jumpFloor: jumpFloor,
            jumpBps: jumpBps
        });
    }

    /// @dev Takes the bounds as an argument, since a constructor cannot read immutables.
    /// @return rate The policy's, which is at most the ceiling and hence fits.
    function _requireFit(IIssuancePolicy policy, IReportSource source, Bounds memory bounds)
        private
        view
        returns (uint96 rate)
    {
        require(address(policy).code.length != 0, NotAContract(address(policy)));
        require(address(source).code.length != 0, NotAContract(address(source)));
        uint256 policyRate = policy.rate();
        require(policyRate <= bounds.maxRate, RateAboveCeiling(policyRate, bounds.maxRate));
        rate = uint96(policyRate);
        _requireConforming(policy, policyRate);
        uint256 sourceGenesis = source.genesis();
        uint256 sourceLength = source.epochLength();
        require(
            sourceGenesis == bounds.genesis && sourceLength == bounds.epochLength,
            ClockMismatch(sourceGenesis, sourceLength, bounds.genesis, bounds.epochLength)
        );
        // An epoch may be final late, or be held back by the brake, and then wait for the end of a halt.
        uint256 latest = Math.max(source.finality(), bounds.brakeSpan) + bounds.haltSpan;
        require(bounds.expiryAge > latest, ExpiryBeforeFinality(bounds.expiryAge, latest));
        uint256 retention = source.retention();
        require(bounds.expiryAge < retention, ExpiryBeyondRetention(bounds.expiryAge, retention));
    }

    /// @dev Asks a policy about nothing, little, much and the most there can be: it must keep to its rate and release no
    /// more than there is. It may still turn later; then the vault's bounds hold.
    function _requireConforming(IIssuancePolicy policy, uint256 rate) private view {
        uint256[2][5] memory probes = [
            [uint256(0), 0],
            [uint256(1), 0],
            [uint256(0), 1e18],
            [uint256(1e9), 1e24],
            [uint256(type(uint64).max), type(uint112).max]
        ];
        for (uint256 i = 0; i < probes.length; ++i) {
            (uint256 output, uint256 held) = (probes[i][0], probes[i][1]);
            (bool answered, uint256 entitlement, uint256 release) = _ask(policy, output, held);
            require(answered, PolicyGaveNoAnswer(address(policy), output, held));
            require(
                entitlement == output * rate && release <= held + entitlement,
                PolicyNotConforming(output, held, entitlement, release)
            );
        }
    }

    function _termsAt(uint256 epoch) private view returns (Terms storage terms) {
        terms = _terms;
        if (epoch >= terms.untilEpoch) terms = _nextTerms;
    }

    /* VIEWS */

    /// @inheritdoc IDistributionVault
    function dividendIndex() external view returns (uint256) {
        return _flow.index;
    }

    /// @inheritdoc IDistributionVault
    function headcount() external view returns (uint256) {
        return _flow.headcount;
    }

    /// @inheritdoc IDistributionVault
    function nextEpoch() external view returns (uint256) {
        return _flow.nextEpoch;
    }

    /// @inheritdoc IDistributionVault
    function lastRelease() external view returns (uint256) {
        return _flow.lastRelease * INDEX_UNIT;
    }

    /// @inheritdoc IDistributionVault
    function issued() external view returns (uint256) {
        return _totals.issued;
    }

    /// @inheritdoc IDistributionVault
    function reserve() external view returns (uint256) {
        return _totals.reserve;
    }

    /// @inheritdoc IDistributionVault
    function recirculated() external view returns (uint256) {
        return _recirculated;
    }

    /// @inheritdoc IDistributionVault
    function policyAt(uint256 epoch) external view returns (address) {
        return address(_termsAt(epoch).policy);
    }

    /// @inheritdoc IDistributionVault
    function sourceAt(uint256 epoch) external view returns (address) {
        return address(_termsAt(epoch).source);
    }

    /// @inheritdoc IDistributionVault
    function rateAt(uint256 epoch) external view returns (uint256) {
        return _termsAt(epoch).rate;
    }

    /// @inheritdoc IDistributionVault
    function haltedUntil() external view returns (uint256 until, bool isSpent) {
        return (_halt.until, _halt.isSpent);
    }

    /// @inheritdoc IDistributionVault
    function peakOutput() external view returns (uint256) {
        return FloatLib.unpack(_totals.peak);
    }

    /// @inheritdoc IDistributionVault
    function currentEpoch() public view returns (uint256) {
        return EpochLib.current(genesis, epochLength);
    }
}
// slither-disable-end timestamp,missing-zero-check
