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
import {IndexLib} from "./libraries/IndexLib.sol";

/// @title DistributionVault
/// @dev The interface is the manual.
contract DistributionVault is IDistributionVault, AccessManaged {
    /// @dev What every payment that settles reads, and what a dividend moves.
    ///
    ///   | 16 free | isGiven 8 | lastRelease 80 | nextEpoch 32 | headcount 40 | index 80 |
    ///
    /// index, lastRelease: units of 1e6 wei; 80 bits are 1.2e12 SBI. headcount: 1.1e12 people. nextEpoch: 4.2e9 epochs.
    /// isGiven: `_recirculated` is not zero; most dividends then need not look.
    struct Flow {
        uint80 index;
        uint40 headcount;
        uint32 nextEpoch;
        uint80 lastRelease;
        bool isGiven;
    }

    /// @dev | 32 free | reserve 112 | issued 112 |, wei: 5.1e15 SBI each. The token relies on `issued` fitting 112 bits.
    struct Totals {
        uint112 issued;
        uint112 reserve;
    }

    /// @dev Who judges the epochs [fromEpoch, untilEpoch): | 32 free | untilEpoch 32 | fromEpoch 32 | policy 160 | and
    /// | 96 free | source 160 |.
    struct Terms {
        IIssuancePolicy policy;
        uint32 fromEpoch;
        uint32 untilEpoch;
        IReportSource source;
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

    Flow private _flow;
    Totals private _totals;
    uint112 private _recirculated;
    Terms private _terms;
    /// @dev Successor of `_terms` from `_terms.untilEpoch` on; meaningless while that is `OPEN_ENDED`.
    Terms private _nextTerms;

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
        require(bounds.minNotice != 0, NoticeTooShort(bounds.minNotice, 1));
        token = token_;
        citizens = citizens_;
        genesis = bounds.genesis;
        epochLength = bounds.epochLength;
        expiryAge = bounds.expiryAge;
        maxRate = FieldLib.to112(bounds.maxRate);
        releaseFloor = bounds.releaseFloor;
        growthBps = FieldLib.to32(bounds.growthBps);
        minNotice = FieldLib.to32(bounds.minNotice);
        _requireFit(policy_, source_, bounds);
        _terms = Terms(policy_, 0, OPEN_ENDED, source_);
        emit TermsScheduled(0, address(policy_), address(source_));
    }

    /* DIVIDENDS */

    /// @inheritdoc IDistributionVault
    function distribute() external returns (uint256 epochs) {
        Flow memory flow = _flow;
        require(flow.headcount != 0, NoCitizens(flow.nextEpoch));
        for (bool issuing = false; !issuing && epochs < MAX_PASSED; ++epochs) {
            uint256 epoch = flow.nextEpoch;
            uint256 endedAt = EpochLib.endOf(epoch, genesis, epochLength);
            // Before the source is asked: one that reverts holds up its own epoch until this age, never the others.
            if (block.timestamp > endedAt + expiryAge) {
                emit EpochExpired(epoch, endedAt);
            } else {
                Terms memory terms = _termsAt(epoch);
                (Outcome outcome, uint256 output) = (Outcome.Open, 0);
                // By the vault's own clock: no source may make epochs come faster than time.
                if (block.timestamp >= endedAt) (outcome, output) = terms.source.outcomeOf(epoch);
                if (outcome == Outcome.Final) {
                    _issue(flow, terms.policy, Math.min(output, type(uint64).max));
                    issuing = true;
                } else if (outcome == Outcome.Skipped || outcome == Outcome.Void) {
                    emit EpochPassed(epoch, outcome);
                } else {
                    require(epochs != 0, EpochNotFinal(epoch, outcome));
                    break;
                }
            }
            ++flow.nextEpoch;
        }
        _flow = flow;
    }

    /// @dev Feeds the reserve, releases a part of it and divides that, with what was recirculated, by the headcount.
    /// Recirculated tokens are used first; what does not divide, or does not fit a field, stays where it was.
    ///
    /// Nothing here overflows: issued, reserve, entitlement and recirculated fit 112 bits, so no sum of them passes 114;
    /// the dividend is such an amount divided by the very factors that it is multiplied by again. The casts hold by the
    /// clamps to their fields.
    function _issue(Flow memory flow, IIssuancePolicy policy, uint256 output) private {
        Totals memory totals = _totals;
        uint256 given = flow.isGiven ? _recirculated : 0;
        (uint256 entitlement, uint256 release) = _assess(policy, output, totals.reserve, flow.lastRelease);
        unchecked {
            uint256 dividend = _dividend(flow, Math.min(release + given, type(uint112).max - totals.issued));
            uint256 issuing = dividend * flow.headcount * INDEX_UNIT;
            uint256 fromGiven = Math.min(issuing, given);
            if (given != 0) {
                _recirculated = uint112(given - fromGiven);
                flow.isGiven = given != fromGiven;
            }
            flow.index += uint80(dividend);
            flow.lastRelease = uint80(Math.min((issuing - fromGiven) / INDEX_UNIT, type(uint80).max));
            totals.issued += uint112(issuing);
            totals.reserve = uint112(totals.reserve + entitlement + fromGiven - issuing);
            _totals = totals;
            emit DividendDistributed(
                flow.nextEpoch, output, entitlement, issuing, dividend * INDEX_UNIT, flow.headcount, totals.reserve
            );
        }
    }

    /// @dev An equal share of `amount`, in units of 1e6 wei, rounded down and within the index's field.
    function _dividend(Flow memory flow, uint256 amount) private pure returns (uint256) {
        unchecked {
            return Math.min(amount / (flow.headcount * INDEX_UNIT), type(uint80).max - flow.index);
        }
    }

    /// @dev What the policy says, within the vault's bounds and fields. Nothing overflows: output fits 64 bits, the
    /// ceiling and the reserve 112, the last release 80, the growth 32.
    /// @return entitlement What enters the reserve, wei.
    /// @return release What may leave it, wei; at most reserve plus entitlement.
    function _assess(IIssuancePolicy policy, uint256 output, uint256 held, uint256 previousRelease)
        private
        view
        returns (uint256 entitlement, uint256 release)
    {
        (entitlement, release) = policy.assess(output, held);
        unchecked {
            entitlement = Math.min(Math.min(entitlement, output * maxRate), type(uint112).max - held);
            uint256 growth = previousRelease * INDEX_UNIT * growthBps / BpsLib.WHOLE;
            release = Math.min(Math.min(release, held + entitlement), Math.max(growth, releaseFloor));
        }
    }

    /* CALLS FROM TOKEN AND CITIZENS */

    /// @inheritdoc IDistributionVault
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
        Bounds memory bounds = Bounds(genesis, epochLength, expiryAge, maxRate, releaseFloor, growthBps, minNotice);
        _requireFit(IIssuancePolicy(policy), IReportSource(source), bounds);
        _terms.untilEpoch = FieldLib.to32(fromEpoch);
        _nextTerms = Terms(IIssuancePolicy(policy), uint32(fromEpoch), OPEN_ENDED, IReportSource(source));
        emit TermsScheduled(fromEpoch, policy, source);
    }

    /// @dev Takes the bounds as an argument, since a constructor cannot read immutables.
    function _requireFit(IIssuancePolicy policy, IReportSource source, Bounds memory bounds) private view {
        require(address(policy).code.length != 0, NotAContract(address(policy)));
        require(address(source).code.length != 0, NotAContract(address(source)));
        uint256 policyRate = policy.rate();
        require(policyRate <= bounds.maxRate, RateAboveCeiling(policyRate, bounds.maxRate));
        uint256 sourceGenesis = source.genesis();
        uint256 sourceLength = source.epochLength();
        require(
            sourceGenesis == bounds.genesis && sourceLength == bounds.epochLength,
            ClockMismatch(sourceGenesis, sourceLength, bounds.genesis, bounds.epochLength)
        );
        uint256 finality = source.finality();
        require(bounds.expiryAge > finality, ExpiryBeforeFinality(bounds.expiryAge, finality));
        uint256 retention = source.retention();
        require(bounds.expiryAge < retention, ExpiryBeyondRetention(bounds.expiryAge, retention));
    }

    function _termsAt(uint256 epoch) private view returns (Terms memory terms) {
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
        return Math.min(_termsAt(epoch).policy.rate(), maxRate);
    }

    /// @inheritdoc IDistributionVault
    function currentEpoch() public view returns (uint256) {
        return EpochLib.current(genesis, epochLength);
    }
}
