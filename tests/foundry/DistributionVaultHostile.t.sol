// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IDistributionVault} from "../../contracts/interfaces/IDistributionVault.sol";
import {Outcome} from "../../contracts/interfaces/IReportSource.sol";
import {MockPolicy} from "../../contracts/mocks/MockPolicy.sol";
import {MockReportSource} from "../../contracts/mocks/MockReportSource.sol";
import {Vm} from "forge-std/Vm.sol";

import {SuiteTest} from "./SuiteTest.sol";

/// Branches covered here: the vault's own bounds, when policy or report source say what they should not, and its fields
/// at their limits. Only these need a policy and a source that say what they are told.
///
/// policy
/// ├── the largest figures, nothing, other figures each time: within ceiling, growth and floor
/// ├── reverts, burns its gas, returns nothing or too little: done without, with PolicyFailed; floods with data: two figures
/// │   are read; starved of gas by the caller: GasTooLow
/// └── raises its rate afterwards: that which was scheduled holds
/// source
/// ├── Void: passed
/// ├── final or skipped before the epoch is over: refused, nobody may run ahead of time
/// ├── the largest output
/// └── refuses, burns gas, answers nonsense or nothing: the epoch waits until it expires, the others go on
/// fields: index, issued, reserve, last release at their largest
contract DistributionVaultHostileTest is SuiteTest {
    MockPolicy private rule;
    MockReportSource private source;

    function setUp() public override {
        _deployWith(1e18, 1e6 * SBI);
        _heads(4);
    }

    /// @dev The suite, with this ceiling and floor, under a policy and a source that say what they are told.
    function _deployWith(uint256 maxRate, uint256 floor) private {
        rule = new MockPolicy(1e18);
        source = new MockReportSource(GENESIS, HOUR, 48 * HOUR);
        Settings memory chosen = _defaults();
        (chosen.policy, chosen.source) = (address(rule), address(source));
        (chosen.maxRate, chosen.releaseFloor) = (maxRate, floor);
        _deploySuite(chosen);
        rule.say(0, 0);
    }

    function _heads(uint256 count) private {
        vm.prank(registrar);
        citizens.enrol(keccak256("roll"), count, 2);
    }

    /// @dev The next epoch is over, and the source says this of it.
    function _said(Outcome outcome, uint256 output) private returns (uint256 epoch) {
        epoch = vault.nextEpoch();
        _warpToEndOf(epoch);
        source.say(epoch, outcome, output);
    }

    function _distributed(uint256 output) private {
        _said(Outcome.Final, output);
        vault.distribute();
    }

    /* POLICY */

    function test_distribute__policyOfTheLargestFigures__staysWithinCeilingAndFloor() public {
        rule.say(type(uint256).max, type(uint256).max);
        _said(Outcome.Final, 1e9);
        // At most a SBI for each nGAICPh; at most a million of them at first.
        vm.expectEmit(address(vault));
        emit IDistributionVault.DividendDistributed(0, 1e9, 1e9 * SBI, 1e6 * SBI, 250_000 * SBI, 4, 999e6 * SBI);
        vault.distribute();
        _distributed(0);
        assertEq(vault.lastRelease(), 1.25e6 * SBI);
        assertEq(vault.reserve(), 997.75e6 * SBI);
    }

    function test_distribute__policyThatReleasesMoreThanThereIs__releasesWhatThereIs() public {
        rule.say(100 * SBI, type(uint256).max);
        _distributed(1000);
        assertEq(vault.issued(), 100 * SBI);
        assertEq(vault.reserve(), 0);
    }

    function test_distribute__policyOfZero__issuesNothingAndGoesOn() public {
        _distributed(1e9);
        assertEq(vault.issued(), 0);
        assertEq(vault.reserve(), 0);
        assertEq(vault.nextEpoch(), 1);
        rule.say(100 * SBI, 100 * SBI);
        _distributed(100);
        assertEq(vault.issued(), 100 * SBI);
    }

    function test_distribute__policyThatEntitlesWithoutOutput__entitlesToNothing() public {
        rule.say(type(uint256).max, type(uint256).max);
        _distributed(0);
        assertEq(vault.issued() + vault.reserve(), 0);
    }

    /// Whatever a policy does once it is in force: income goes on, at the rate that it was scheduled with.
    function test_distribute__policyThatGivesNoAnswer__isDoneWithout() public {
        MockPolicy.Behaviour[4] memory all = [
            MockPolicy.Behaviour.Revert,
            MockPolicy.Behaviour.BurnGas,
            MockPolicy.Behaviour.NoData,
            MockPolicy.Behaviour.HalfAnAnswer
        ];
        rule.behave(MockPolicy.Behaviour.Conform);
        _distributed(40);
        assertEq(vault.lastRelease(), 40 * SBI);
        for (uint256 i = 0; i < all.length; ++i) {
            rule.behave(all[i]);
            uint256 epoch = _said(Outcome.Final, 100);
            vm.expectEmit(address(vault));
            emit IDistributionVault.PolicyFailed(epoch, address(rule));
            // 100 more each time, of which as much is released as before: 40.
            vm.expectEmit(address(vault));
            emit IDistributionVault.DividendDistributed(
                epoch, 100, 100 * SBI, 40 * SBI, 10 * SBI, 4, (i + 1) * 60 * SBI
            );
            vault.distribute{gas: 1e6}();
        }
    }

    function test_distribute__policyThatNeverAnswers__keepsAllInTheReserve() public {
        rule.behave(MockPolicy.Behaviour.Revert);
        _distributed(100);
        assertEq(vault.issued(), 0);
        assertEq(vault.reserve(), 100 * SBI);
        rule.behave(MockPolicy.Behaviour.Conform);
        _distributed(0);
        assertEq(vault.issued(), 100 * SBI);
    }

    function test_distribute__policyThatFloodsWithData__costsNoMoreThanItsGas() public {
        rule.behave(MockPolicy.Behaviour.FloodOfData);
        _said(Outcome.Final, 100);
        uint256 before = gasleft();
        vault.distribute();
        assertLt(before - gasleft(), 300_000);
        assertEq(vault.nextEpoch(), 1);
    }

    /// A caller who gives too little gas cannot have a good policy called a failure.
    function test_distribute__tooLittleGasForThePolicy__refused() public {
        rule.behave(MockPolicy.Behaviour.Conform);
        _said(Outcome.Final, 100);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.GasTooLow.selector, vault.MIN_POLICY_GAS()));
        vault.distribute{gas: 115_000}();
        vault.distribute{gas: 175_000}();
        assertEq(vault.issued(), 100 * SBI);
    }

    function testFuzz_distribute__anyGas__neverCallsAGoodPolicyAFailure(uint256 gas) public {
        rule.behave(MockPolicy.Behaviour.Conform);
        _said(Outcome.Final, 100);
        vm.recordLogs();
        try vault.distribute{gas: bound(gas, 20_000, 300_000)}() {} catch {}
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            assertNotEq(logs[i].topics[0], IDistributionVault.PolicyFailed.selector);
        }
    }

    function test_rateAt__policyThatRaisesItsRateAfterwards__isWhatWasScheduled() public {
        rule.setRate(type(uint256).max);
        rule.say(type(uint256).max, 0);
        _distributed(100);
        assertEq(vault.reserve(), 100 * SBI);
        assertEq(vault.rateAt(1), 1e18);
    }

    /* SOURCE */

    function test_distribute__void__isPassed() public {
        _said(Outcome.Void, 12345);
        source.say(1, Outcome.Final, 100);
        rule.say(100 * SBI, 100 * SBI);
        _warpToEndOf(1);
        vm.expectEmit(address(vault));
        emit IDistributionVault.EpochPassed(0, Outcome.Void);
        assertEq(vault.distribute(), 2);
        assertEq(vault.issued(), 100 * SBI);
    }

    /// Growth is bounded by the epoch, so epochs may not come faster than time.
    function test_distribute__sourceThatCallsTheFutureFinal__mustWaitForIt() public {
        source.sayOfAll(Outcome.Final, 1e9);
        rule.say(type(uint256).max, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.EpochNotFinal.selector, 0, Outcome.Open));
        vault.distribute();
        vm.warp(_endOf(0) - 1);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.EpochNotFinal.selector, 0, Outcome.Open));
        vault.distribute();
        vm.warp(_endOf(0));
        vault.distribute();
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.EpochNotFinal.selector, 1, Outcome.Open));
        vault.distribute();
    }

    /// Nobody can jump over an epoch's income, not even over one to come.
    function test_distribute__sourceThatCallsTheFutureSkipped__mustWaitForIt() public {
        source.sayOfAll(Outcome.Skipped, 0);
        vm.warp(_endOf(2));
        assertEq(vault.distribute(), 3);
        assertEq(vault.nextEpoch(), 3);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.EpochNotFinal.selector, 3, Outcome.Open));
        vault.distribute();
    }

    /// No figure can stop income.
    function testFuzz_distribute__anyOutput__staysWithinTheBounds(uint256 output) public {
        rule.say(type(uint256).max, type(uint256).max);
        _distributed(output);
        assertLe(vault.issued(), 1e6 * SBI);
        if (output < 1e9) assertEq(vault.issued() + vault.reserve(), output * SBI);
    }

    function test_distribute__theLargestOutput__staysWithinTheBounds() public {
        rule.say(type(uint256).max, type(uint256).max);
        _distributed(type(uint256).max);
        assertEq(vault.issued(), 1e6 * SBI);
    }

    function test_distribute__sourceThatMisbehaves__holdsUpItsOwnEpochsOnly() public {
        MockReportSource.Behaviour[4] memory all = [
            MockReportSource.Behaviour.Revert,
            MockReportSource.Behaviour.BurnGas,
            MockReportSource.Behaviour.UnknownOutcome,
            MockReportSource.Behaviour.NoData
        ];
        rule.say(SBI, SBI);
        for (uint256 i = 0; i < all.length; ++i) {
            uint256 issued = vault.issued();
            uint256 epoch = _said(Outcome.Final, 1);
            source.behave(all[i]);
            vm.expectRevert();
            vault.distribute{gas: 1e6}();
            assertEq(vault.nextEpoch(), epoch);

            vm.warp(_endOf(epoch) + 86_401);
            vm.expectRevert();
            vault.distribute{gas: 1e6}();
            source.behave(MockReportSource.Behaviour.Answer);
            source.say(epoch + 1, Outcome.Final, 1);
            assertEq(vault.distribute(), 2);
            assertEq(vault.issued(), issued + SBI);
        }
    }

    /* FIELDS */

    /// One citizen can be given 2^80 - 1 units of 1e6 wei, and no more; nothing breaks there.
    function test_distribute__theIndexIsFull__goesOnWithoutADividend() public {
        _deployWith(type(uint96).max, type(uint256).max);
        Roll memory roll = _enrolMany(1);
        _activateAll(roll);
        rule.say(type(uint256).max, type(uint256).max);
        _distributed(1e18);
        assertEq(vault.dividendIndex(), type(uint80).max);
        assertEq(vault.issued(), uint256(type(uint80).max) * 1e6);
        assertEq(vault.reserve(), uint256(type(uint112).max) - vault.issued());
        assertEq(vault.lastRelease(), uint256(type(uint80).max) * 1e6);
        _distributed(1e18);
        assertEq(vault.issued(), uint256(type(uint80).max) * 1e6);
        assertEq(vault.nextEpoch(), 2);

        address rich = roll.accounts[0];
        assertEq(token.balanceOf(rich), vault.issued());
        uint256 all = vault.issued();
        vm.prank(rich);
        token.transfer(stranger, all);
        assertEq(token.balanceOf(stranger), all);
        // Who enrols now enters at the full index and gets nothing, and that is all that happens.
        _enrol(_one(relayer));
        _distributed(1e18);
        assertEq(vault.nextEpoch(), 3);
    }

    /// 5.1e15 SBI can ever be issued; the last wei of it can be paid.
    function test_distribute__issuedIsFull__goesOnWithoutADividend() public {
        _deployWith(type(uint96).max, type(uint256).max);
        Roll memory roll = _enrolMany(1);
        _activateAll(roll);
        _heads(9999);
        rule.say(type(uint256).max, type(uint256).max);
        _distributed(1e18);
        // 2^112 - 1 wei over 10,000 heads in units of 1e6 wei.
        uint256 each = uint256(type(uint112).max) / 1e10 * 1e6;
        assertEq(token.balanceOf(roll.accounts[0]), each);
        assertEq(vault.issued(), each * 10_000);
        assertLe(vault.issued(), type(uint112).max);
        _distributed(1e18);
        _distributed(1e18);
        assertEq(vault.issued(), each * 10_000);
        assertEq(vault.nextEpoch(), 3);
        assertEq(vault.reserve(), type(uint112).max);
        vm.prank(roll.accounts[0]);
        token.recirculate(each);
        _distributed(1e18);
        // What was given waits for ever: there is no number for it. It is not lost by a figure that wraps.
        assertEq(vault.recirculated(), each);
        assertEq(token.totalSupply(), each * 9999);
    }

    function test_distribute__theLastReleaseIsFull__boundsTheNextFromThere() public {
        _deployWith(type(uint96).max, type(uint256).max);
        _heads(1_000_000_000);
        rule.say(type(uint256).max, 3e30);
        _distributed(1e18);
        // 3e30 wei is past 80 bits of 1e6 wei; what is noted is the most that can be.
        assertEq(vault.issued(), 3e30);
        assertEq(vault.lastRelease(), uint256(type(uint80).max) * 1e6);
    }

    function test_distribute__theReserveIsFull__takesNoMore() public {
        _deployWith(type(uint96).max, 2e18);
        _heads(1);
        rule.say(type(uint256).max, 0);
        _distributed(1e18);
        assertEq(vault.reserve(), type(uint112).max);
        _distributed(1e18);
        assertEq(vault.reserve(), type(uint112).max);
        assertEq(vault.nextEpoch(), 2);
    }

    /* PROPERTIES */

    /// Whatever is said, epoch after epoch: what is issued is shared equally to the wei, was entitled or given first,
    /// and never grows faster than the bound.
    function testFuzz_distribute__anySayings__keepTheBounds(uint256 seed) public {
        Roll memory roll = _enrolMany(3);
        _activateAll(roll);
        uint256 entitled;
        uint256 given;
        for (uint256 i = 0; i < 10; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 output = seed % 4 == 0 ? 0 : uint64(seed) >> (seed >> 64) % 64;
            rule.say(_figure(seed >> 72), _figure(seed >> 96));
            if (seed % 3 == 0) {
                address giver = roll.accounts[seed % 3];
                uint256 gift = (seed >> 128) % (token.balanceOf(giver) + 1);
                vm.prank(giver);
                token.recirculate(gift);
                given += gift;
            }
            if (seed % 11 == 0) _heads(1 + (seed >> 160) % 1e6);
            uint256 last = vault.lastRelease();
            uint256 issued = vault.issued();
            uint256 reserve = vault.reserve();
            uint256 index = vault.dividendIndex();
            uint256 waiting = vault.recirculated();
            _distributed(output);

            uint256 issuing = vault.issued() - issued;
            uint256 used = waiting - vault.recirculated();
            assertEq(issuing, (vault.dividendIndex() - index) * 1e6 * vault.headcount());
            // What entered the reserve: what it holds now, and what left it.
            uint256 entering = vault.reserve() + (issuing - used) - reserve;
            assertLe(entering, output * SBI);
            entitled += entering;
            uint256 grown = last * 125 / 100;
            assertLe(issuing - used, grown > 1e24 ? grown : 1e24);
            assertLe(vault.issued(), entitled + given);
            assertEq(vault.issued() + vault.reserve() + vault.recirculated(), entitled + given);
        }
        uint256 sum;
        for (uint256 i = 0; i < 3; ++i) {
            sum += token.balanceOf(roll.accounts[i]);
        }
        assertLe(sum, token.totalSupply());
    }

    /// @dev A figure of any order of magnitude, now and then the largest.
    function _figure(uint256 seed) private pure returns (uint256) {
        return seed % 8 == 0 ? type(uint256).max : uint256(keccak256(abi.encode(seed))) >> (seed % 256);
    }
}
