// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Outcome} from "./IReportSource.sol";

/// @title IDistributionVault
/// @dev Turns finalised output into equal income. It holds aggregates only (dividend index, headcount, issued total,
/// reserve) and never loops over people, so a dividend costs the same for one citizen as for a nation.
///
/// Each call of `distribute` handles the next epoch: its attested entitlement enters the reserve, a part of the reserve
/// is released, and the release, with all that was recirculated, is divided by the headcount. What a citizen gets is the
/// *dividend*; the *dividend index* is the sum of all dividends so far. Both are counted in units of 1e6 wei, rounded
/// down; what does not divide stays in the reserve. Issued = dividend × headcount, exactly.
///
/// Epochs that the source calls skipped or void are passed over, and so is one that ended longer ago than `expiryAge`.
/// An epoch uses the policy, the source and the rate in force at it; the rate is the policy's at the time it was scheduled.
/// Whatever those answer later, entitlement never exceeds rate × output, the rate never `maxRate`, and the release never the
/// greater of `releaseFloor` and the last release times `growthBps` / 10,000: these bounds are immutable. A policy that
/// gives no answer is done without: entitlement is rate × output, and as much is released as the last time.
///
/// **Brake.** Output above the greater of `jumpFloor` and the recent peak times `jumpBps` / 10,000 is a jump: its epoch
/// waits until `brakeSpan` after its own end, for people to look at it, unless a vote lets it go on. The peak is the
/// greatest output of late, an eighth less with each dividend. Since an epoch waits from its own end, a row of jumps waits
/// no longer than one, and what is caught up with late does not wait.
///
/// **Halt.** The guardian may halt all dividends, once, for `haltSpan`; a vote can end that sooner, and only a vote can
/// re-arm it, for no sooner than another `haltSpan` after the last. Epochs wait meanwhile; none expires for it. Nothing else
/// can be halted: not a payment, a delivery, a recycling, an enrolment.
interface IDistributionVault {
    /// @dev Thrown when a function is called by another than the contract it is for.
    /// @param caller Who called.
    /// @param expected Who may.
    error UnexpectedCaller(address caller, address expected);

    /// @dev Thrown when the next epoch cannot be distributed yet.
    /// @param epoch The next epoch.
    /// @param outcome How it stands: `Open` or `Pending`.
    error EpochNotFinal(uint256 epoch, Outcome outcome);

    /// @dev Thrown when there is nobody to distribute to. The epoch waits.
    /// @param epoch The next epoch.
    error NoCitizens(uint256 epoch);

    /// @dev Thrown when an epoch could expire before it can be distributed: income could be lost.
    /// @param expiryAge The expiry age, seconds.
    /// @param latest The longest until it can be: the longer of the source's finality and the brake's span, and a halt;
    /// seconds.
    error ExpiryBeforeFinality(uint256 expiryAge, uint256 latest);

    /// @dev Thrown when the expiry age is not below what a source retains.
    /// @param expiryAge The age given, seconds.
    /// @param retention What the source retains, seconds.
    error ExpiryBeyondRetention(uint256 expiryAge, uint256 retention);

    /// @dev Thrown when a source counts epochs on another clock than the vault.
    /// @param genesis The source's genesis, seconds.
    /// @param epochLength The source's epoch length, seconds.
    /// @param expectedGenesis The vault's genesis, seconds.
    /// @param expectedLength The vault's epoch length, seconds.
    error ClockMismatch(uint256 genesis, uint256 epochLength, uint256 expectedGenesis, uint256 expectedLength);

    /// @dev Thrown when a change would take effect too soon.
    /// @param fromEpoch The epoch given.
    /// @param earliest The earliest accepted.
    error ChangeTooSoon(uint256 fromEpoch, uint256 earliest);

    /// @dev Thrown when a change would take effect so late that it barred others for too long.
    /// @param fromEpoch The epoch given.
    /// @param latest The latest accepted.
    error ChangeTooFar(uint256 fromEpoch, uint256 latest);

    /// @dev Thrown when the last change's first epoch has not been distributed yet.
    /// @param fromEpoch That epoch.
    /// @param nextEpoch The next epoch to distribute.
    error ChangePending(uint256 fromEpoch, uint256 nextEpoch);

    /// @dev Thrown when an address without code is given as policy or source.
    /// @param given The address.
    error NotAContract(address given);

    /// @dev Thrown when a policy's rate exceeds the immutable ceiling.
    /// @param given The policy's rate, wei per nGAICPh.
    /// @param max The ceiling.
    error RateAboveCeiling(uint256 given, uint256 max);

    /// @dev Thrown when a policy does not answer within `POLICY_GAS`.
    /// @param policy The policy.
    /// @param publicOutput The output it was asked about, nGAICPh.
    /// @param reserve The reserve it was asked about, wei.
    error PolicyGaveNoAnswer(address policy, uint256 publicOutput, uint256 reserve);

    /// @dev Thrown when a policy entitles to other than its rate times the output, or releases more than there is.
    /// @param publicOutput The output it was asked about, nGAICPh.
    /// @param reserve The reserve it was asked about, wei.
    /// @param entitlement Its answer, wei.
    /// @param release Its answer, wei.
    error PolicyNotConforming(uint256 publicOutput, uint256 reserve, uint256 entitlement, uint256 release);

    /// @dev Thrown when a transaction has too little gas left to give the policy its due.
    /// @param needed What must be left, gas.
    error GasTooLow(uint256 needed);

    /// @dev Thrown while dividends are halted.
    /// @param until When the halt ends, seconds.
    error IssuanceIsHalted(uint256 until);

    /// @dev Thrown while the brake holds the next epoch.
    /// @param epoch The epoch.
    /// @param until When it can be distributed, seconds.
    error EpochHeld(uint256 epoch, uint256 until);

    /// @dev Thrown when the guardian's halt was used and no vote has re-armed it.
    /// @param until When it ended or ends, seconds.
    error HaltSpent(uint256 until);

    /// @dev Thrown when a halt would follow too soon on the last.
    /// @param earliest When it may, seconds.
    /// @param time The block's time, seconds.
    error HaltTooSoon(uint256 earliest, uint256 time);

    /// @dev Thrown when a halt is re-armed that was not used.
    error HaltNotSpent();

    /// @dev Thrown when nothing holds the next epoch back.
    /// @param epoch The epoch.
    error NothingToResume(uint256 epoch);

    /// @dev Thrown by the constructor when a growth bound is below 100 %: incomes could then only fall, or any output be a
    /// jump.
    /// @param given The bound given, basis points.
    /// @param min The least accepted.
    error GrowthBelowOne(uint256 given, uint256 min);

    /// @dev Thrown by the constructor when the release floor could not pay every head a unit of the index.
    /// @param given The floor given, wei.
    /// @param min The least accepted, wei.
    error ReleaseFloorTooLow(uint256 given, uint256 min);

    /// @dev Thrown by the constructor when terms could change without notice.
    /// @param given The least notice given, epochs.
    /// @param min The least accepted, epochs.
    error NoticeTooShort(uint256 given, uint256 min);

    /// @dev A dividend was distributed.
    /// @param epoch The epoch.
    /// @param publicOutput Its public output, nGAICPh.
    /// @param entitlement What of it entered the reserve, wei.
    /// @param issued Tokens brought into being, wei.
    /// @param dividend What each citizen received, wei.
    /// @param headcount How many citizens.
    /// @param reserve What the reserve holds now, wei.
    event DividendDistributed(
        uint256 indexed epoch,
        uint256 publicOutput,
        uint256 entitlement,
        uint256 issued,
        uint256 dividend,
        uint256 headcount,
        uint256 reserve
    );

    /// @dev An epoch was passed over without a dividend.
    /// @param epoch The epoch.
    /// @param outcome `Skipped` or `Void`.
    event EpochPassed(uint256 indexed epoch, Outcome outcome);

    /// @dev An epoch was passed over because it ended longer ago than the expiry age.
    /// @param epoch The epoch.
    /// @param endedAt When it ended, seconds.
    event EpochExpired(uint256 indexed epoch, uint256 endedAt);

    /// @dev A batch of citizens counts from now on.
    /// @param heads How many joined.
    /// @param headcount How many there are now.
    /// @param index The dividend index at which they joined, units of 1e6 wei.
    event HeadsAdmitted(uint256 heads, uint256 headcount, uint256 index);

    /// @dev A citizen counts no more.
    /// @param headcount How many there are now.
    /// @param returned Income that reached no account: taken off what was issued, wei.
    /// @param reserve What the reserve holds now, wei. A reserve that is full takes no more.
    event HeadDismissed(uint256 headcount, uint256 returned, uint256 reserve);

    /// @dev A policy gave no answer, and was done without.
    /// @param epoch The epoch.
    /// @param policy The policy.
    event PolicyFailed(uint256 indexed epoch, address indexed policy);

    /// @dev An epoch's output is a jump: it waits.
    /// @param epoch The epoch.
    /// @param publicOutput Its public output, nGAICPh.
    /// @param most The most that would not have been a jump, nGAICPh.
    /// @param until When it can be distributed, seconds.
    event EpochBraked(uint256 indexed epoch, uint256 publicOutput, uint256 most, uint256 until);

    /// @dev The guardian halted dividends.
    /// @param guardian The caller.
    /// @param until When the halt ends by itself, seconds.
    event IssuanceHalted(address indexed guardian, uint256 until);

    /// @dev A vote re-armed the guardian's halt.
    event HaltRearmed();

    /// @dev A vote ended a halt, or what the brake held, before its time.
    /// @param epoch The next epoch.
    event IssuanceResumed(uint256 indexed epoch);

    /// @dev Income that two leaves of one account had both received was taken back from one of them.
    /// @param returned Taken off what was issued, wei.
    /// @param reserve What the reserve holds now, wei. A reserve that is full takes no more.
    event IncomeUnissued(uint256 returned, uint256 reserve);

    /// @dev Another policy and source were scheduled.
    /// @param fromEpoch The first epoch they hold for.
    /// @param policy The policy.
    /// @param source The report source.
    event TermsScheduled(uint256 indexed fromEpoch, address policy, address source);

    /// @dev Distributes the next epoch's dividend. Passes over up to `MAX_PASSED` epochs on the way; if those were all
    /// that could be done, it keeps that and returns. Open to anyone.
    /// @return epochs How many epochs were dealt with.
    function distribute() external returns (uint256 epochs);

    /// @dev Takes note of tokens that their holder gave to all. Called by the token, which has destroyed them.
    /// @param amount How much, wei.
    function noteRecirculated(uint256 amount) external;

    /// @dev Counts a batch of citizens. Called by the citizen registry.
    /// @param heads How many join.
    /// @return index The dividend index from which they accrue, units of 1e6 wei.
    function admit(uint256 heads) external returns (uint256 index);

    /// @dev Counts a citizen no more. Called by the citizen registry.
    /// @param from Dividend index since which the citizen's income was issued but never reached an account, units of 1e6
    /// wei: it is un-issued and returns to the reserve. The present index returns nothing.
    function dismiss(uint256 from) external;

    /// @dev Halts dividends for `haltSpan`, once until re-armed. The guardian only.
    function halt() external;

    /// @dev Lets the guardian halt once more.
    function rearm() external;

    /// @dev Lets dividends go on that a halt or the brake holds back. Does not re-arm.
    function resume() external;

    /// @dev Un-issues what a head received that is counted still, and that reached no account. Called by the citizen
    /// registry.
    /// @param from Dividend index since which it received it, units of 1e6 wei.
    /// @param to Dividend index up to which it did.
    function unissue(uint256 from, uint256 to) external;

    /// @dev Schedules a policy and a source from a future epoch on.
    /// @param policy The policy. Its rate, at most `maxRate`, is read now and holds; asked about a few outputs and reserves
    /// it must keep to that rate, release no more than there is, and answer within `POLICY_GAS`.
    /// @param source The report source; it keeps the vault's clock.
    /// @param fromEpoch First epoch they hold for; `minNotice` to ten times `minNotice` epochs ahead.
    function scheduleTerms(address policy, address source, uint256 fromEpoch) external;

    /// @dev Sum of all dividends so far.
    /// @return units of 1e6 wei
    function dividendIndex() external view returns (uint256);

    /// @dev Citizens who share in the next dividend: enrolled and not retired.
    function headcount() external view returns (uint256);

    /// @dev The epoch that the next call of `distribute` deals with first.
    function nextEpoch() external view returns (uint256);

    /// @dev Released with the last dividend out of the reserve, recirculated amounts aside; bounds the next.
    /// @return wei, a multiple of 1e6
    function lastRelease() external view returns (uint256);

    /// @dev All that was ever issued, less what was issued to leaves that were voided.
    /// @return wei
    function issued() external view returns (uint256);

    /// @dev Attested entitlement not yet issued.
    /// @return wei
    function reserve() external view returns (uint256);

    /// @dev Recirculated tokens that the next dividend issues again.
    /// @return wei
    function recirculated() external view returns (uint256);

    /// @dev The policy in force at an epoch.
    /// @param epoch From `nextEpoch` on; of earlier epochs only those since the last change are known.
    function policyAt(uint256 epoch) external view returns (address);

    /// @dev The report source in force at an epoch.
    /// @param epoch As in `policyAt`.
    function sourceAt(uint256 epoch) external view returns (address);

    /// @dev The rate in force at an epoch: issued for, and accepted as the price of, weighted output.
    /// @param epoch As in `policyAt`.
    /// @return wei per nGAICPh
    function rateAt(uint256 epoch) external view returns (uint256);

    /// @dev The guardian's last halt.
    /// @return until When it ended or ends, seconds; zero if there was none.
    /// @return isSpent Whether the guardian may not halt before a vote re-arms that.
    function haltedUntil() external view returns (uint256 until, bool isSpent);

    /// @dev What output is compared with to tell a jump: the greatest of late, an eighth less with each dividend.
    /// @return nGAICPh, rounded down to five digits
    function peakOutput() external view returns (uint256);

    /// @dev The epoch now running.
    function currentEpoch() external view returns (uint256);

    /// @dev Time at which epoch 0 began.
    /// @return seconds since the Unix epoch
    function genesis() external view returns (uint256);

    /// @dev Span of one epoch.
    /// @return seconds
    function epochLength() external view returns (uint256);

    /// @dev Age since its end at which an undistributed epoch expires.
    /// @return seconds
    function expiryAge() external view returns (uint256);

    /// @dev Ceiling on entitlement per unit of output.
    /// @return wei per nGAICPh
    function maxRate() external view returns (uint256);

    /// @dev A release up to this much is never held back for growth.
    /// @return wei
    function releaseFloor() external view returns (uint256);

    /// @dev The most a release may be of the one before, beyond the floor.
    /// @return basis points
    function growthBps() external view returns (uint256);

    /// @dev How long the guardian's halt lasts.
    /// @return seconds
    function haltSpan() external view returns (uint256);

    /// @dev Until when the brake holds an epoch, from the epoch's end.
    /// @return seconds
    function brakeSpan() external view returns (uint256);

    /// @dev Output up to this is never a jump.
    /// @return nGAICPh
    function jumpFloor() external view returns (uint256);

    /// @dev The most an epoch's output may be of the recent peak, beyond the floor, without being a jump.
    /// @return basis points
    function jumpBps() external view returns (uint256);

    /// @dev Least notice of a change of terms.
    /// @return epochs
    function minNotice() external view returns (uint256);
}
