// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {ComputeOracleRegistry} from "../../contracts/ComputeOracleRegistry.sol";
import {IDistributionVault} from "../../contracts/interfaces/IDistributionVault.sol";
import {Outcome} from "../../contracts/interfaces/IReportSource.sol";
import {MockPolicy} from "../../contracts/mocks/MockPolicy.sol";
import {MockReportSource} from "../../contracts/mocks/MockReportSource.sol";
import {SuiteTest} from "./SuiteTest.sol";

/// Branches covered here: changes of policy and report source.
///
/// scheduleTerms
/// ├── by another: AccessManagedUnauthorized
/// ├── with less than the least notice: ChangeTooSoon; with more than ten of them: ChangeTooFar
/// ├── before the last change's first epoch is distributed: ChangePending
/// ├── addresses without code: NotAContract; rate above the ceiling: RateAboveCeiling
/// ├── a source on another clock: ClockMismatch; that forgets too soon: ExpiryBeyondRetention; that settles an epoch too
/// │   late: ExpiryBeforeFinality
/// ├── a policy that does not keep its rate or releases too much: PolicyNotConforming; that reverts, burns all gas, returns
/// │   nothing or too little: PolicyGaveNoAnswer
/// └── good: each epoch is judged by the terms in force at it, whenever it is distributed
/// policyAt, sourceAt, rateAt: before, at and after a change; through several changes
contract DistributionVaultTermsTest is SuiteTest {
    address private half;

    function setUp() public override {
        super.setUp();
        vm.prank(registrar);
        citizens.enrol(keccak256("roll"), 4, 2);
        half = _policy(0.5e18, 10_000);
    }

    function _policy(uint256 rate, uint256 releaseBps) private returns (address) {
        return _create("IssuancePolicy", abi.encode(rate, releaseBps));
    }

    /// @dev A second registry, with the same oracles, who stand there too.
    function _registry(Settings memory chosen) private returns (address registry) {
        address[] memory set = _oracleSet("oracle", 4);
        registry = _create("ComputeOracleRegistry", _registryArguments(address(manager), chosen, set));
        vm.startPrank(address(bonds));
        for (uint256 i = 0; i < set.length; ++i) {
            ComputeOracleRegistry(registry).setStanding(set[i], true);
        }
        vm.stopPrank();
    }

    function _schedule(address rule, address source, uint256 fromEpoch) private {
        _asGovernor();
        vault.scheduleTerms(rule, source, fromEpoch);
    }

    /* REFUSED */

    function test_scheduleTerms__byAnother__refused() public {
        vm.expectRevert(_unauthorized(deployer));
        vm.prank(deployer);
        vault.scheduleTerms(half, address(oracles), 10);
    }

    function test_scheduleTerms__tooSoon__refused() public {
        _warpTo(5);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.ChangeTooSoon.selector, 7, 8));
        _schedule(half, address(oracles), 7);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.ChangeTooSoon.selector, 0, 8));
        _schedule(half, address(oracles), 0);
        _schedule(half, address(oracles), 8);
    }

    /// A slip of the pen must not bar every other change for years.
    function test_scheduleTerms__tooFar__refused() public {
        _warpTo(5);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.ChangeTooFar.selector, 36, 35));
        _schedule(half, address(oracles), 36);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.ChangeTooFar.selector, type(uint256).max, 35));
        _schedule(half, address(oracles), type(uint256).max);
        _schedule(half, address(oracles), 35);
    }

    function test_scheduleTerms__withoutCode__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.NotAContract.selector, stranger));
        _schedule(stranger, address(oracles), 10);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.NotAContract.selector, stranger));
        _schedule(half, stranger, 10);
    }

    function test_scheduleTerms__rateAboveTheCeiling__refused() public {
        Settings memory low = _defaults();
        low.rate = low.maxRate = 1e9;
        _deploySuite(low);
        address rule = _policy(1e9 + 1, 5000);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.RateAboveCeiling.selector, 1e9 + 1, 1e9));
        _schedule(rule, address(oracles), 10);
    }

    function test_scheduleTerms__anotherClock__refused() public {
        Settings memory other = _defaults();
        other.genesis -= 3600;
        address source = _registry(other);
        vm.expectRevert(
            abi.encodeWithSelector(IDistributionVault.ClockMismatch.selector, GENESIS - 3600, 3600, GENESIS, 3600)
        );
        _schedule(half, source, 10);
        other = _defaults();
        other.epochLength = 7200;
        source = _registry(other);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.ClockMismatch.selector, GENESIS, 7200, GENESIS, 3600));
        _schedule(half, source, 10);
    }

    function test_scheduleTerms__sourceThatForgetsTooSoon__refused() public {
        Settings memory short = _defaults();
        short.ringSize = 24;
        address source = _registry(short);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.ExpiryBeyondRetention.selector, 86_400, 86_400));
        _schedule(half, source, 10);
        short.ringSize = 25;
        source = _registry(short);
        _schedule(half, source, 10);
        assertEq(vault.sourceAt(10), source);
    }

    function test_scheduleTerms__sourceThatSettlesTooLate__refused() public {
        MockReportSource source = new MockReportSource(GENESIS, HOUR, 48 * HOUR);
        // A day, less the six hours of a halt.
        source.sayFinality(64_800);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.ExpiryBeforeFinality.selector, 86_400, 86_400));
        _schedule(half, address(source), 10);
        source.sayFinality(64_799);
        _schedule(half, address(source), 10);
    }

    /* A POLICY THAT DOES NOT CONFORM */

    function test_scheduleTerms__policyThatKeepsNoRate__refused() public {
        MockPolicy rule = new MockPolicy(1e18);
        rule.say(1, 0);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.PolicyNotConforming.selector, 0, 0, 1, 0));
        _schedule(address(rule), address(oracles), 10);
        rule.say(0, 0);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.PolicyNotConforming.selector, 1, 0, 0, 0));
        _schedule(address(rule), address(oracles), 10);
    }

    function test_scheduleTerms__policyThatReleasesMoreThanThereIs__refused() public {
        MockPolicy rule = new MockPolicy(1e18);
        rule.say(0, 1);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.PolicyNotConforming.selector, 0, 0, 0, 1));
        _schedule(address(rule), address(oracles), 10);
    }

    function test_scheduleTerms__policyThatDoesNotAnswer__refused() public {
        MockPolicy.Behaviour[5] memory all = [
            MockPolicy.Behaviour.Revert,
            MockPolicy.Behaviour.BurnGas,
            MockPolicy.Behaviour.NoData,
            MockPolicy.Behaviour.HalfAnAnswer,
            MockPolicy.Behaviour.FloodOfData
        ];
        MockPolicy rule = new MockPolicy(1e18);
        for (uint256 i = 0; i < 4; ++i) {
            rule.behave(all[i]);
            vm.expectRevert(abi.encodeWithSelector(IDistributionVault.PolicyGaveNoAnswer.selector, address(rule), 0, 0));
            _schedule(address(rule), address(oracles), 10);
        }
        // More than enough data is an answer, of which two figures are read: here two zeros, which do not keep the rate.
        rule.behave(all[4]);
        vm.expectRevert();
        _schedule(address(rule), address(oracles), 10);
        rule.behave(MockPolicy.Behaviour.Conform);
        _schedule(address(rule), address(oracles), 10);
        assertEq(vault.policyAt(10), address(rule));
    }

    function test_scheduleTerms__whileAChangeIsPending__refused() public {
        _schedule(half, address(oracles), 3);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.ChangePending.selector, 3, 0));
        _schedule(address(policy), address(oracles), 20);
        for (uint256 i = 0; i < 3; ++i) {
            _income(0);
        }
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.ChangePending.selector, 3, 3));
        _schedule(address(policy), address(oracles), 20);
        _income(0);
        _schedule(address(policy), address(oracles), 20);
        assertEq(vault.policyAt(19), half);
        assertEq(vault.policyAt(20), address(policy));
    }

    /* IN FORCE */

    function test_scheduleTerms__good__saysSo() public {
        vm.expectEmit(address(vault));
        emit IDistributionVault.TermsScheduled(3, half, address(oracles));
        _schedule(half, address(oracles), 3);
        assertEq(vault.policyAt(2), address(policy));
        assertEq(vault.policyAt(3), half);
        assertEq(vault.policyAt(1_000_000), half);
        assertEq(vault.rateAt(2), 1e18);
        assertEq(vault.rateAt(3), 0.5e18);
        assertEq(vault.sourceAt(3), address(oracles));
    }

    function test_distribute__acrossAChangeOfPolicy__eachEpochByItsOwn() public {
        _schedule(half, address(oracles), 3);
        for (uint256 i = 0; i < 3; ++i) {
            _income(0);
        }
        // Epoch 2 is the last at a whole SBI, half of it released; epoch 3 is at half an SBI, all released.
        assertEq(vault.nextEpoch(), 3);
        _income(100);
        assertEq(vault.issued(), 50 * SBI);
        assertEq(vault.reserve(), 0);
    }

    /// Three days in which nobody called: expired, skipped, final and void epochs, and a change of policy among them.
    function test_distribute__aBacklogOfEveryKind__isCaughtUpInBoundedSteps() public {
        vm.warp(_endOf(48));
        _schedule(half, address(oracles), 75);
        for (uint256 epoch = 73; epoch <= 75; ++epoch) {
            _warpToEndOf(epoch);
            _report(epoch, epoch == 75 ? 200 : 100);
            if (epoch != 74) continue;
            vm.prank(address(disputes));
            oracles.voidReport(epoch);
        }
        _warpToEndOf(77);

        // At the end of epoch 77: what ended more than a day ago has expired, the rest until 72 was skipped.
        vm.startPrank(stranger);
        vm.expectEmit(address(vault));
        emit IDistributionVault.EpochExpired(0, _endOf(0));
        vm.expectEmit(address(vault));
        emit IDistributionVault.EpochExpired(52, _endOf(52));
        vm.expectEmit(address(vault));
        emit IDistributionVault.EpochPassed(53, Outcome.Skipped);
        assertEq(vault.distribute(), 64);
        assertEq(vault.issued(), 0);
        vm.expectEmit(address(vault));
        emit IDistributionVault.EpochPassed(72, Outcome.Skipped);
        vm.expectEmit(address(vault));
        emit IDistributionVault.DividendDistributed(73, 100, 100 * SBI, 50 * SBI, 12.5e18, 4, 50 * SBI);
        assertEq(vault.distribute(), 10);
        vm.expectEmit(address(vault));
        emit IDistributionVault.EpochPassed(74, Outcome.Void);
        vm.expectEmit(address(vault));
        emit IDistributionVault.DividendDistributed(75, 200, 100 * SBI, 150 * SBI, 37.5e18, 4, 0);
        assertEq(vault.distribute(), 2);
        assertEq(vault.distribute(), 1);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.EpochNotFinal.selector, 77, Outcome.Open));
        vault.distribute();
        vm.stopPrank();
    }

    function test_distribute__backlogAcrossAChange__eachEpochByItsOwn() public {
        _schedule(half, address(oracles), 3);
        // 1, 2, 3, 4 nGAICPh in epochs 1 to 4 (0 is skipped), all distributed in epoch 5.
        for (uint256 epoch = 1; epoch < 5; ++epoch) {
            _warpToEndOf(epoch);
            _report(epoch, epoch * 100);
        }
        vm.warp(block.timestamp + 601);
        assertEq(vault.distribute(), 2);
        assertEq(vault.issued(), 50 * SBI);
        vault.distribute();
        assertEq(vault.issued(), 50 * SBI + 125 * SBI);
        assertEq(vault.reserve(), 125 * SBI);
        vault.distribute();
        // 300 at half an SBI, and the 125 still kept, all at once.
        assertEq(vault.issued(), 175 * SBI + 275 * SBI);
        vault.distribute();
        assertEq(vault.issued(), 450 * SBI + 200 * SBI);
    }

    function test_distribute__acrossAChangeOfSource__eachEpochByItsOwn() public {
        ComputeOracleRegistry old = oracles;
        address second = _registry(_defaults());
        _schedule(address(policy), second, 3);
        assertEq(vault.sourceAt(2), address(old));
        assertEq(vault.sourceAt(3), second);
        _asGovernor();
        ComputeOracleRegistry(second).registerFacility(operator, readingKey, 1, [uint256(1), 1, 1], 1);

        // Both report epochs 2 and 3, differently.
        for (uint256 epoch = 0; epoch < 4; ++epoch) {
            _warpToEndOf(epoch);
            oracles = old;
            _report(epoch, 10);
            if (epoch < 2) continue;
            oracles = ComputeOracleRegistry(second);
            _report(epoch, 1000);
        }
        vm.warp(block.timestamp + 601);
        for (uint256 i = 0; i < 3; ++i) {
            vault.distribute();
        }
        assertEq(vault.issued() + vault.reserve(), 30 * SBI);
        vault.distribute();
        assertEq(vault.issued() + vault.reserve(), 1030 * SBI);
    }

    function test_scheduleTerms__oneAfterAnother__eachEpochByItsOwn() public {
        address third = _policy(0.25e18, 5000);
        _schedule(half, address(oracles), 3);
        for (uint256 i = 0; i < 4; ++i) {
            _income(0);
        }
        // Epoch 4 runs; epoch 4 to 9 are at half, from 10 on at a quarter.
        _schedule(third, address(oracles), 10);
        assertEq(vault.rateAt(4), 0.5e18);
        assertEq(vault.rateAt(9), 0.5e18);
        assertEq(vault.rateAt(10), 0.25e18);
        for (uint256 i = 4; i < 11; ++i) {
            _income(0);
        }
        _schedule(address(policy), address(oracles), 20);
        assertEq(vault.rateAt(19), 0.25e18);
        assertEq(vault.rateAt(20), 1e18);
    }

    function testFuzz_policyAt__anyEpochAroundAChange__isOneOfTheTwo(uint256 from, uint32 asked) public {
        from = bound(from, 3, 30);
        _schedule(half, address(oracles), from);
        assertEq(vault.policyAt(asked), asked < from ? address(policy) : half);
    }
}
