// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IDistributionVault} from "../../contracts/interfaces/IDistributionVault.sol";
import {Outcome} from "../../contracts/interfaces/IReportSource.sol";
import {SuiteTest} from "./SuiteTest.sol";

/// Branches covered here: dividends, with the suite's own registry and policy. Changes of terms, and policies and
/// sources that misbehave, have their own files.
///
/// constructor
/// ├── growth below 100 %: GrowthBelowOne; floor too low: ReleaseFloorTooLow; no notice: NoticeTooShort; an address without code: NotAContract; rate above its ceiling: RateAboveCeiling
/// └── another clock: ClockMismatch; an expiry age that the source does not retain: ExpiryBeyondRetention
/// distribute
/// ├── nobody enrolled: NoCitizens; open or pending: EpochNotFinal; not the next epoch: never
/// ├── final: entitlement to the reserve, release, dividend, remainder, growth bound, floor
/// ├── recirculated amounts: first used, never lost
/// ├── skipped: passed; expired: passed; several, and at most 64, in one call; kept if nothing could be issued
/// └── the same work for one citizen as for a nation
/// noteRecirculated, admit: by another (UnexpectedCaller)
/// dividendIndex, headcount, nextEpoch, lastRelease, issued, reserve, recirculated, policyAt, sourceAt, rateAt,
/// currentEpoch, genesis, epochLength, expiryAge, maxRate, releaseFloor, growthBps, minNotice, token, citizens
contract DistributionVaultTest is SuiteTest {
    function _vaultArguments(Settings memory chosen, address rule, address source) private view returns (bytes memory) {
        return abi.encode(address(manager), address(token), address(citizens), rule, source, _bounds(chosen));
    }

    function _notFinal(uint256 epoch, Outcome outcome) private {
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.EpochNotFinal.selector, epoch, outcome));
        vault.distribute();
    }

    /// @dev Any registrar's batch of this size; nobody of it need ever be named.
    function _heads(uint256 count) private {
        vm.prank(registrar);
        citizens.enrol(keccak256("roll"), count, 2);
    }

    /// @dev An epoch is reported as soon as it is over; the clock stays there.
    function _reportAtEnd(uint256 epoch, uint256 output) private {
        _warpToEndOf(epoch);
        _report(epoch, output);
    }

    /* CONSTRUCTION */

    function test_constructor__deployed__holdsItsBounds() public view {
        assertEq(vault.token(), address(token));
        assertEq(vault.citizens(), address(citizens));
        assertEq(vault.genesis(), GENESIS);
        assertEq(vault.epochLength(), 3600);
        assertEq(vault.expiryAge(), 86_400);
        assertEq(vault.maxRate(), 1e18);
        assertEq(vault.releaseFloor(), 1e24);
        assertEq(vault.growthBps(), 12_500);
        assertEq(vault.minNotice(), 3);
        assertEq(vault.haltSpan(), 21_600);
        assertEq(vault.brakeSpan(), 10_800);
        assertEq(vault.jumpFloor(), type(uint64).max);
        assertEq(vault.jumpBps(), 20_000);
        assertEq(vault.POLICY_GAS(), 100_000);
        assertEq(vault.MIN_POLICY_GAS(), 106_000);
        assertEq(vault.INDEX_UNIT(), 1e6);
        assertEq(vault.MAX_PASSED(), 64);
        assertEq(vault.policyAt(0), address(policy));
        assertEq(vault.sourceAt(1_000_000), address(oracles));
        assertEq(vault.rateAt(0), 1e18);
        assertEq(vault.nextEpoch(), 0);
        assertEq(vault.headcount() + vault.issued() + vault.reserve() + vault.dividendIndex(), 0);
    }

    function test_constructor__event__namesTheFirstTerms() public {
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        vm.expectEmit(next);
        emit IDistributionVault.TermsScheduled(0, address(policy), address(oracles));
        _create("DistributionVault", _vaultArguments(_defaults(), address(policy), address(oracles)));
    }

    function test_constructor__growthBelowOne__refused() public {
        Settings memory bad = _defaults();
        bad.growthBps = 9999;
        _expectCreateReverts(
            abi.encodeWithSelector(IDistributionVault.GrowthBelowOne.selector, 9999, 10_000),
            "DistributionVault",
            _vaultArguments(bad, address(policy), address(oracles))
        );
    }

    function test_constructor__jumpBelowOne__refused() public {
        Settings memory bad = _defaults();
        bad.jumpBps = 9999;
        _expectCreateReverts(
            abi.encodeWithSelector(IDistributionVault.GrowthBelowOne.selector, 9999, 10_000),
            "DistributionVault",
            _vaultArguments(bad, address(policy), address(oracles))
        );
    }

    /// A floor that cannot pay the largest headcount a unit each could leave income at nothing for ever.
    function test_constructor__floorBelowAUnitForAll__refused() public {
        Settings memory bad = _defaults();
        uint256 least = 1e6 << 40;
        bad.releaseFloor = least - 1;
        _expectCreateReverts(
            abi.encodeWithSelector(IDistributionVault.ReleaseFloorTooLow.selector, least - 1, least),
            "DistributionVault",
            _vaultArguments(bad, address(policy), address(oracles))
        );
        bad.releaseFloor = least;
        _create("DistributionVault", _vaultArguments(bad, address(policy), address(oracles)));
    }

    function test_constructor__noNotice__refused() public {
        Settings memory bad = _defaults();
        bad.minNotice = 0;
        _expectCreateReverts(
            abi.encodeWithSelector(IDistributionVault.NoticeTooShort.selector, 0, 1),
            "DistributionVault",
            _vaultArguments(bad, address(policy), address(oracles))
        );
    }

    /// Larger ones would overflow in every dividend.
    function test_constructor__boundsPastTheirFields__refused() public {
        Settings memory bad = _defaults();
        bad.maxRate = uint256(1) << 96;
        _expectCreateReverts(
            _aboveField(uint256(1) << 96, type(uint96).max),
            "DistributionVault",
            _vaultArguments(bad, address(policy), address(oracles))
        );
        bad = _defaults();
        bad.growthBps = uint256(1) << 32;
        _expectCreateReverts(
            _aboveField(uint256(1) << 32, type(uint32).max),
            "DistributionVault",
            _vaultArguments(bad, address(policy), address(oracles))
        );
    }

    function test_constructor__addressesWithoutCode__refused() public {
        _expectCreateReverts(
            abi.encodeWithSelector(IDistributionVault.NotAContract.selector, stranger),
            "DistributionVault",
            _vaultArguments(_defaults(), stranger, address(oracles))
        );
        _expectCreateReverts(
            abi.encodeWithSelector(IDistributionVault.NotAContract.selector, address(0)),
            "DistributionVault",
            _vaultArguments(_defaults(), address(policy), address(0))
        );
    }

    function test_constructor__rateAboveTheCeiling__refused() public {
        Settings memory bad = _defaults();
        bad.maxRate = 1e18 - 1;
        _expectCreateReverts(
            abi.encodeWithSelector(IDistributionVault.RateAboveCeiling.selector, 1e18, 1e18 - 1),
            "DistributionVault",
            _vaultArguments(bad, address(policy), address(oracles))
        );
    }

    function test_constructor__anotherClock__refused() public {
        Settings memory bad = _defaults();
        bad.genesis += 1;
        _expectCreateReverts(
            abi.encodeWithSelector(IDistributionVault.ClockMismatch.selector, GENESIS, 3600, GENESIS + 1, 3600),
            "DistributionVault",
            _vaultArguments(bad, address(policy), address(oracles))
        );
        bad = _defaults();
        bad.epochLength = 3601;
        _expectCreateReverts(
            abi.encodeWithSelector(IDistributionVault.ClockMismatch.selector, GENESIS, 3600, GENESIS, 3601),
            "DistributionVault",
            _vaultArguments(bad, address(policy), address(oracles))
        );
    }

    function test_constructor__expiryBeyondRetention__refused() public {
        Settings memory bad = _defaults();
        bad.expiryAge = 172_800;
        _expectCreateReverts(
            abi.encodeWithSelector(IDistributionVault.ExpiryBeyondRetention.selector, 172_800, 172_800),
            "DistributionVault",
            _vaultArguments(bad, address(policy), address(oracles))
        );
        bad.expiryAge = 172_799;
        _create("DistributionVault", _vaultArguments(bad, address(policy), address(oracles)));
    }

    /* WAITING */

    function test_distribute__nobodyEnrolled__waits() public {
        _attest(8000);
        vm.expectRevert(abi.encodeWithSelector(IDistributionVault.NoCitizens.selector, 0));
        vault.distribute();
        _heads(4);
        vault.distribute();
        assertEq(vault.issued(), 4000 * SBI);
    }

    function test_distribute__beforeGenesis__refused() public {
        _heads(4);
        vm.warp(GENESIS - 30);
        _notFinal(0, Outcome.Open);
    }

    function test_distribute__openOrPending__refused() public {
        _heads(4);
        _notFinal(0, Outcome.Open);
        _reportAtEnd(0, 8000);
        _notFinal(0, Outcome.Pending);
        vm.warp(block.timestamp + 600);
        _notFinal(0, Outcome.Pending);
        vm.warp(block.timestamp + 1);
        vault.distribute();
    }

    function test_distribute__twice__refused() public {
        _heads(4);
        _income(8000);
        _notFinal(1, Outcome.Open);
        assertEq(vault.issued(), 4000 * SBI);
    }

    /* ISSUING */

    function test_distribute__final__issuesToAll() public {
        _heads(4);
        _attest(8000);
        vm.expectEmit(address(vault));
        emit IDistributionVault.DividendDistributed(0, 8000, 8000 * SBI, 4000 * SBI, 1000 * SBI, 4, 4000 * SBI);
        vm.prank(stranger);
        assertEq(vault.distribute(), 1);
        assertEq(vault.dividendIndex(), 1000e12);
        assertEq(vault.nextEpoch(), 1);
        assertEq(vault.lastRelease(), 4000 * SBI);
        assertEq(vault.issued(), 4000 * SBI);
        assertEq(vault.reserve(), 4000 * SBI);
        assertEq(token.totalSupply(), 4000 * SBI);
    }

    function test_distribute__twoFinalEpochs__oneACall() public {
        _heads(4);
        _reportAtEnd(0, 8000);
        _reportAtEnd(1, 2000);
        vm.warp(block.timestamp + 601);
        assertEq(vault.distribute(), 1);
        assertEq(vault.nextEpoch(), 1);
        assertEq(vault.distribute(), 1);
        assertEq(vault.nextEpoch(), 2);
        // 4,000 left of the first and 2,000 more: half of 6,000.
        assertEq(vault.issued(), 7000 * SBI);
    }

    function test_distribute__noOutput__goesOnFromTheReserve() public {
        _heads(4);
        _income(8000);
        _income(0);
        _income(0);
        assertEq(vault.issued(), 7000 * SBI);
        assertEq(vault.reserve(), 1000 * SBI);
    }

    function test_distribute__nothingEver__issuesNothing() public {
        _heads(4);
        _income(0);
        assertEq(vault.issued(), 0);
        assertEq(vault.nextEpoch(), 1);
        _income(8000);
        assertEq(vault.issued(), 4000 * SBI);
    }

    function test_distribute__doesNotDivide__keepsTheRemainderInTheReserve() public {
        _heads(7);
        _attest(1);
        // Half an SBI over seven heads, in units of 1e6 wei, rounded down.
        vm.expectEmit(address(vault));
        emit IDistributionVault.DividendDistributed(
            0, 1, SBI, 499_999_999_996_000_000, 71_428_571_428_000_000, 7, 500_000_000_004_000_000
        );
        vault.distribute();
        assertEq(vault.dividendIndex(), 71_428_571_428);
        assertEq(vault.lastRelease(), 499_999_999_996_000_000);
    }

    function test_distribute__lessThanAUnitEach__staysInTheReserve() public {
        Settings memory poor = _defaults();
        poor.rate = 1;
        _deploySuite(poor);
        _heads(4);
        // 7,999,999 wei; half of it is less than four units of 1e6 wei.
        _income(7_999_999);
        assertEq(vault.issued(), 0);
        assertEq(vault.reserve(), 7_999_999);
        // Two wei more make it four units.
        _income(1);
        assertEq(vault.issued(), 4e6);
        assertEq(vault.reserve(), 4e6);
    }

    function test_distribute__aJumpInOutput__isHeldBackByGrowth() public {
        _heads(4);
        // Half of it would be 5e7 SBI; a million is the floor, then a quarter more each time.
        _income(1e8);
        assertEq(vault.issued(), 1e6 * SBI);
        assertEq(vault.reserve(), 99e6 * SBI);
        _income(0);
        assertEq(vault.lastRelease(), 1.25e6 * SBI);
        _income(0);
        assertEq(vault.lastRelease(), 1.5625e6 * SBI);
        assertEq(vault.issued(), 3.8125e6 * SBI);
    }

    function test_distribute__afterAFall__growsFromTheFloorAgain() public {
        _heads(4);
        _income(4e6);
        _income(0);
        _income(0);
        _income(0);
        // 4e6: floor 1e6, then half of 3e6 bounded by 1.25e6, half of 1.75e6, half of 0.875e6.
        assertEq(vault.lastRelease(), 0.4375e6 * SBI);
        _income(1e8);
        assertEq(vault.lastRelease(), 1e6 * SBI);
    }

    function test_distribute__peopleJoin__shareTheSameRelease() public {
        _heads(4);
        _income(8000);
        _heads(4);
        _income(0);
        // 2,000 over eight.
        assertEq(vault.dividendIndex(), 1250e12);
        assertEq(vault.headcount(), 8);
    }

    /* RECIRCULATED */

    function test_distribute__recirculated__isIssuedBesideTheRelease() public {
        Roll memory roll = _enrolMany(2);
        _activateAll(roll);
        _income(8);
        vm.prank(roll.accounts[0]);
        token.recirculate(2 * SBI);
        _attest(0);
        vm.expectEmit(address(vault));
        emit IDistributionVault.DividendDistributed(1, 0, 0, 4 * SBI, 2 * SBI, 2, 2 * SBI);
        vault.distribute();
        assertEq(vault.recirculated(), 0);
        // What was given does not count as released.
        assertEq(vault.lastRelease(), 2 * SBI);
        assertEq(vault.issued(), 8 * SBI);
        assertEq(token.totalSupply(), 6 * SBI);
    }

    function test_distribute__recirculatedDust__isKeptUntilItDivides() public {
        Settings memory quick = _defaults();
        quick.releaseBps = 10_000;
        _deploySuite(quick);
        Roll memory roll = _enrolMany(2);
        _activateAll(roll);
        _income(8);
        vm.prank(roll.accounts[0]);
        token.recirculate(1_999_999);
        _income(0);
        assertEq(vault.recirculated(), 1_999_999);
        vm.prank(roll.accounts[0]);
        token.recirculate(2);
        _income(0);
        assertEq(vault.recirculated(), 1);
        assertEq(vault.issued(), 8 * SBI + 2e6);
        // With a release beside it, what is given is used to the last wei, and the remainder is the reserve's.
        _income(1);
        assertEq(vault.recirculated(), 0);
        assertEq(vault.reserve(), 1);
        assertEq(vault.issued(), 9 * SBI + 2e6);
    }

    function test_distribute__recirculatedBeyondTheGrowthBound__isIssuedAllTheSame() public {
        Settings memory tight = _defaults();
        tight.releaseFloor = 10 * SBI;
        _deploySuite(tight);
        Roll memory roll = _enrolMany(2);
        _activateAll(roll);
        for (uint256 i = 0; i < 5; ++i) {
            _income(1000);
        }
        uint256 released = vault.lastRelease();
        uint256 issued = vault.issued();
        uint256 held = token.balanceOf(roll.accounts[0]);
        vm.prank(roll.accounts[0]);
        token.recirculate(held);
        _income(1000);
        assertEq(vault.recirculated(), 0);
        assertGt(vault.issued() - issued, held);
        assertLe(vault.lastRelease(), released * 125 / 100);
    }

    /* PASSING */

    function test_distribute__skipped__passesOnToTheNextFinal() public {
        _heads(4);
        _warpToEndOf(1);
        _report(1, 8000);
        vm.warp(block.timestamp + 601);
        vm.expectEmit(address(vault));
        emit IDistributionVault.EpochPassed(0, Outcome.Skipped);
        vm.expectEmit(address(vault));
        emit IDistributionVault.DividendDistributed(1, 8000, 8000 * SBI, 4000 * SBI, 1000 * SBI, 4, 4000 * SBI);
        assertEq(vault.distribute(), 2);
        assertEq(vault.nextEpoch(), 2);
    }

    function test_distribute__skippedThenOpen__keepsWhatItPassed() public {
        _heads(4);
        vm.warp(_endOf(0) + 1801);
        assertEq(vault.distribute(), 1);
        assertEq(vault.nextEpoch(), 1);
        assertEq(vault.issued(), 0);
        _notFinal(1, Outcome.Open);
    }

    function test_distribute__skippedThenPending__keepsWhatItPassed() public {
        _heads(4);
        _warpToEndOf(1);
        _report(1, 8000);
        assertEq(vault.distribute(), 1);
        assertEq(vault.nextEpoch(), 1);
        _notFinal(1, Outcome.Pending);
        vm.warp(block.timestamp + 601);
        assertEq(vault.distribute(), 1);
        assertEq(vault.issued(), 4000 * SBI);
    }

    function test_distribute__finalAtTheExpiryAge__isIssued() public {
        _heads(4);
        _reportAtEnd(0, 8000);
        vm.warp(_endOf(0) + 86_400);
        vault.distribute();
        assertEq(vault.issued(), 4000 * SBI);
    }

    function test_distribute__finalButExpired__isPassedWithAnEvent() public {
        _heads(4);
        _reportAtEnd(0, 8000);
        vm.warp(_endOf(0) + 86_401);
        vm.expectEmit(address(vault));
        emit IDistributionVault.EpochExpired(0, _endOf(0));
        vault.distribute();
        assertEq(vault.issued(), 0);
        assertEq(vault.reserve(), 0);
    }

    function test_distribute__aLongBacklog__passes64ACall() public {
        _heads(4);
        // Epochs 0 to 129 are over; 0 to 104 ended more than a day ago, the others were skipped; 130 is running.
        vm.warp(_endOf(129) + 1801);
        assertEq(vault.distribute(), 64);
        assertEq(vault.nextEpoch(), 64);
        vm.expectEmit(address(vault));
        emit IDistributionVault.EpochExpired(105, _endOf(105));
        vm.expectEmit(address(vault));
        emit IDistributionVault.EpochPassed(106, Outcome.Skipped);
        assertEq(vault.distribute(), 64);
        assertEq(vault.nextEpoch(), 128);
        assertEq(vault.distribute(), 2);
        _notFinal(130, Outcome.Open);
    }

    function test_distribute__expiredSkippedAndFinal__oneCallForAll() public {
        _heads(4);
        // 20 expired, 24 skipped, then a final one.
        _warpToEndOf(44);
        _report(44, 8000);
        vm.warp(block.timestamp + 601);
        uint256 epochs = vault.distribute();
        assertEq(epochs, 45);
        assertEq(vault.nextEpoch(), 45);
        assertEq(vault.issued(), 4000 * SBI);
    }

    /// However epochs turn out, none is passed over that was final and not expired, and none is issued twice.
    function testFuzz_distribute__anyHistory__issuesEachFinalEpochOnce(uint256 seed) public {
        Settings memory quick = _defaults();
        quick.releaseBps = 10_000;
        _deploySuite(quick);
        _heads(1);
        uint256 attested;
        for (uint256 epoch = 0; epoch < 12; ++epoch) {
            seed = uint256(keccak256(abi.encode(seed)));
            _warpToEndOf(epoch);
            if (seed % 3 != 0) {
                _report(epoch, 10 ** epoch % 1000);
                attested += 10 ** epoch % 1000;
            }
            if (seed % 5 == 0) try vault.distribute() {} catch {}
        }
        vm.warp(block.timestamp + 1801);
        while (vault.nextEpoch() < 12) vault.distribute();
        assertEq(vault.issued(), attested * SBI);
        assertEq(vault.reserve(), 0);
    }

    function testFuzz_distribute__anyFigures__issuesDividendTimesHeadcountExactly(
        uint48 output,
        uint256 heads,
        uint256 more
    ) public {
        _heads(bound(heads, 1, 1e9));
        for (uint256 i = 0; i < 3; ++i) {
            uint256 index = vault.dividendIndex();
            uint256 issued = vault.issued();
            uint256 reserve = vault.reserve();
            _income(output >> i);
            uint256 dividend = (vault.dividendIndex() - index) * 1e6;
            assertEq(vault.issued() - issued, dividend * vault.headcount());
            // Nothing appears, nothing is lost: what was entitled is issued or kept.
            assertEq(vault.reserve() + vault.issued(), reserve + issued + uint256(output >> i) * SBI);
            _heads(bound(more, 1, 1e8));
        }
    }

    function test_distribute__aNation__costsWhatOneCitizenCosts() public {
        _heads(1);
        _income(8000);
        _attest(8000);
        uint256 before = gasleft();
        vault.distribute();
        uint256 forOne = before - gasleft();

        _deploySuite(_defaults());
        _heads(1_400_000_000);
        _income(8000);
        _attest(8000);
        before = gasleft();
        vault.distribute();
        assertApproxEqAbs(before - gasleft(), forOne, 100);
    }

    /* CALLS FROM TOKEN AND CITIZENS */

    function test_noteRecirculated__byAnother__refused() public {
        address[3] memory callers = [stranger, address(citizens), address(timelock)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IDistributionVault.UnexpectedCaller.selector, callers[i], address(token))
            );
            vm.prank(callers[i]);
            vault.noteRecirculated(1);
        }
    }

    function test_admit__byAnother__refused() public {
        address[3] memory callers = [stranger, address(token), address(timelock)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IDistributionVault.UnexpectedCaller.selector, callers[i], address(citizens))
            );
            vm.prank(callers[i]);
            vault.admit(1);
        }
    }

    function test_currentEpoch__overTime__counts() public {
        vm.warp(GENESIS - 1);
        assertEq(vault.currentEpoch(), 0);
        vm.warp(GENESIS + 3599);
        assertEq(vault.currentEpoch(), 0);
        vm.warp(GENESIS + 3600);
        assertEq(vault.currentEpoch(), 1);
    }
}
