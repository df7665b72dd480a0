// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Citizen, ICitizenRegistry} from "../../contracts/interfaces/ICitizenRegistry.sol";
import {IDistributionVault} from "../../contracts/interfaces/IDistributionVault.sol";
import {ISBIToken} from "../../contracts/interfaces/ISBIToken.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {MockWallet} from "../../contracts/mocks/MockWallet.sol";
import {SuiteTest} from "./SuiteTest.sol";

/// Branches covered here: an account with several leaves.
///
/// activate, of an account that holds a leaf
/// ├── a later leaf, or an earlier one where it has chosen: AlreadyActivated
/// ├── an earlier one: takes the place, pays the time between, returns what the later one received
/// ├── an earlier one after the same office ended the life: pays the time between, and nothing more
/// └── an earlier one after another office did: the life goes on where it ended; un-issues what both leaves received
/// chooseLeaf
/// ├── signed by another, for another leaf: InvalidSignature
/// ├── first: no earlier leaf takes its place; of the one held; a later one: keeps the earlier start
/// └── again: AlreadyActivated; by a contract wallet
/// voidLeaf
/// ├── of an account never active: NeverActivated; the earlier one: LeafHolds; too soon: VoidTooSoon
/// ├── the own leaf: LeafUsed; twice: LeafUsed; a forged one: InvalidProof
/// └── good: headcount, region, issued and reserve as if it had never been
/// dismiss, unissue, payRange, endAccrual by another: UnexpectedCaller; endAccrual twice: NotAccruing
///
/// An epoch here brings 8,000 SBI of entitlement, of which half is released: with 4 heads a dividend of 1,000 SBI.
contract CitizenRegistryLeavesTest is SuiteTest {
    uint256 private constant KEY = uint256(keccak256("several leaves"));
    address private ann;
    address private ben = makeAddr("ben");
    address private other = makeAddr("second registrar");
    Roll private first;
    Roll private second;

    /// @dev Ann is enrolled by both registrars, the second time an epoch later: 4 heads, then 8.
    function setUp() public override {
        super.setUp();
        ann = vm.addr(KEY);
        _asGovernor();
        citizens.addRegistrar(other);
        first = _enrolAs(registrar, 1, ben, 4);
        _income(8000);
        second = _enrolAs(other, 2, makeAddr("cy"), 4);
        _income(24_000);
    }

    /// @dev A batch with Ann at index 1, somebody else at 0, and `size` leaves in all.
    function _enrolAs(address office, uint256 region, address somebody, uint256 size)
        private
        returns (Roll memory roll)
    {
        address[] memory accounts = new address[](size);
        for (uint256 i = 2; i < size; ++i) {
            accounts[i] = address(uint160(uint256(keccak256(abi.encode(office, i)))));
        }
        (accounts[0], accounts[1]) = (somebody, ann);
        roll = _list(accounts);
        vm.prank(office);
        roll.batch = citizens.enrol(roll.root, size, region);
    }

    function _void(Roll memory roll, uint256 index) private {
        bytes32[] memory proof = _proof(roll, index);
        vm.prank(relayer);
        citizens.voidLeaf(roll.batch, index, roll.accounts[index], roll.persons[index], proof);
    }

    function _choose(Roll memory roll, bytes memory signature) private {
        bytes32[] memory proof = _proof(roll, 1);
        vm.prank(relayer);
        citizens.chooseLeaf(roll.batch, 1, ann, roll.persons[1], proof, signature);
    }

    function _signChoice(uint256 key, uint256 batch, uint256 index) private view returns (bytes memory) {
        bytes32 typehash = keccak256("LeafChoice(uint256 batch,uint256 index,address account)");
        return
            _sign(
                key, _digest("CitizenRegistry", address(citizens), keccak256(abi.encode(typehash, batch, index, ann)))
            );
    }

    /// @dev The dividends: 1,000 SBI to 4 heads, then 2,000 SBI to 8 (4,000 in reserve and 24,000 more: half is 14,000;
    /// growth allows 1.25 times 4,000 or the floor, so 14,000 to 8 is 1,750).
    function test_setUp__dividends__areTheseFigures() public view {
        assertEq(vault.dividendIndex(), 2750e12);
        assertEq(vault.issued(), 18_000 * SBI);
        assertEq(vault.headcount(), 8);
    }

    /* AN EARLIER LEAF */

    function test_activate__anEarlierLeafLate__takesThePlaceAndPaysTheTimeBetween() public {
        _activate(second, 1);
        assertEq(token.balanceOf(ann), 1750 * SBI);
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.LeafReplaced(ann, first.batch, 1, second.batch, 1);
        vm.expectEmit(address(vault));
        emit IDistributionVault.HeadDismissed(7, 1750 * SBI, 15_750 * SBI);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(0), ann, 1000 * SBI);
        _activate(first, 1);
        assertEq(token.balanceOf(ann), 2750 * SBI);
        assertEq(vault.headcount(), 7);
        assertEq(vault.issued(), 16_250 * SBI);
        assertEq(citizens.regionOf(1).headcount, 4);
        assertEq(citizens.regionOf(2).headcount, 3);
        Citizen memory citizen = citizens.citizenOf(ann);
        assertEq(citizen.batch, first.batch);
        assertEq(citizen.region, 1);
        assertFalse(citizen.chosen);
        _income(0);
        assertEq(token.balanceOf(ann), 2750 * SBI + vault.dividendIndex() * 1e6 - 2750 * SBI);
    }

    function test_activate__aLaterLeaf__refused() public {
        _activate(first, 1);
        bytes32[] memory proof = _proof(second, 1);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.AlreadyActivated.selector, ann, block.timestamp));
        citizens.activate(second.batch, 1, ann, second.persons[1], proof);
    }

    /// @dev The second office ends Ann's life on one of its leaves.
    function _endOn(Roll memory roll) private {
        vm.prank(other);
        citizens.startRetirement(roll.batch, 1);
        vm.warp(block.timestamp + OBJECTION_DELAY);
        _asGovernor();
        citizens.setTurnoverCap(2, 1);
        bytes32[] memory proof = _proof(roll, 1);
        if (citizens.citizenOf(ann).since == 0) citizens.retireByProof(roll.batch, 1, ann, roll.persons[1], proof);
        else citizens.retire(roll.batch, 1, ann);
    }

    function test_activate__anEarlierLeafOfTheOfficeThatEndedTheLife__paysTheTimeBetweenAlone() public {
        Roll memory third = _enrolAs(other, 2, makeAddr("di"), 2);
        _income(0);
        _activate(third, 1);
        _endOn(third);
        uint256 had = token.balanceOf(ann);
        uint256 gap = (citizens.batchOf(third.batch).entryIndex - citizens.batchOf(second.batch).entryIndex) * 1e6;
        assertEq(gap, 1750 * SBI);
        _activate(second, 1);
        assertEq(token.balanceOf(ann), had + gap);
        assertEq(vault.headcount(), 8);
        assertEq(citizens.regionOf(2).headcount, 4);
        assertGt(citizens.citizenOf(ann).until, 0);
        _income(8000);
        assertEq(token.balanceOf(ann), had + gap);
    }

    /// Whatever another office did to its own leaf, the account's earlier one has everything that it ever received.
    function test_activate__anEarlierLeafOfAnotherOffice__livesOn() public {
        _activate(second, 1);
        _endOn(second);
        _returns();
    }

    function test_activate__anEarlierLeafOfAnotherOfficeThatRetiredByProof__livesOn() public {
        _endOn(second);
        _returns();
    }

    /// @dev Ann had 1,750 SBI by the second leaf. While she was thought retired there was a dividend to 7 heads.
    function _returns() private {
        assertEq(token.balanceOf(ann), 1750 * SBI);
        uint256 endedAt = vault.dividendIndex();
        _income(8000);
        uint256 missed = (vault.dividendIndex() - endedAt) * 1e6;
        assertGt(missed, 0);
        (uint256 issued, uint256 reserve) = (vault.issued(), vault.reserve());

        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.LeafReplaced(ann, first.batch, 1, second.batch, 1);
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.CitizenReturned(ann, first.batch, 1);
        vm.expectEmit(address(vault));
        emit IDistributionVault.IncomeUnissued(1750 * SBI, reserve + 1750 * SBI);
        _activate(first, 1);
        assertEq(token.balanceOf(ann), 2750 * SBI + missed);
        assertEq(token.balanceOf(ann), vault.dividendIndex() * 1e6);
        assertEq(vault.issued(), issued - 1750 * SBI);
        assertEq(vault.headcount(), 7);
        assertEq(citizens.regionOf(1).headcount, 4);
        assertEq(citizens.regionOf(2).headcount, 3);
        Citizen memory citizen = citizens.citizenOf(ann);
        assertEq(citizen.until, 0);
        assertEq(citizen.since, block.timestamp);
        assertEq(citizen.region, 1);

        _income(8000);
        assertEq(token.balanceOf(ann), vault.dividendIndex() * 1e6);
        // Her own office can still end the life, and then it is over.
        vm.prank(registrar);
        citizens.startRetirement(first.batch, 1);
        vm.warp(block.timestamp + OBJECTION_DELAY);
        _asGovernor();
        citizens.setTurnoverCap(1, 1);
        citizens.retire(first.batch, 1, ann);
        assertEq(vault.headcount(), 6);
    }

    /// A thief in office moves the share of its own leaf; the earlier leaf of another office is still the account's.
    function test_activate__anEarlierLeafOfAnotherOfficeAfterRecovery__bothLiveOnTheirOwnLeaf() public {
        _activate(second, 1);
        (address heir, uint256 heirKey) = makeAddrAndKey("heir");
        bytes32 content = keccak256(
            abi.encode(
                keccak256("Succession(uint256 batch,uint256 index,address previous,address successor)"),
                second.batch,
                1,
                ann,
                heir
            )
        );
        bytes memory signature = _sign(heirKey, _digest("CitizenRegistry", address(citizens), content));
        vm.prank(other);
        citizens.startRecovery(second.batch, 1, ann, heir, signature);
        vm.warp(block.timestamp + OBJECTION_DELAY);
        _asGovernor();
        citizens.setTurnoverCap(2, 1);
        citizens.recover(second.batch, 1, ann);
        uint256 movedAt = vault.dividendIndex();
        _income(8000);
        _activate(first, 1);
        assertEq(token.balanceOf(ann), vault.dividendIndex() * 1e6);
        assertEq(token.balanceOf(heir), (vault.dividendIndex() - movedAt) * 1e6);
        assertEq(vault.headcount(), 8);
        assertEq(citizens.regionOf(1).headcount, 4);
        assertEq(citizens.regionOf(2).headcount, 4);
    }

    function test_activate__anEarlierIndexOfTheSameBatch__movesNoMoney() public {
        address[] memory accounts = new address[](2);
        (accounts[0], accounts[1]) = (ann, ann);
        Roll memory twice = _enrol(accounts);
        _activate(twice, 1);
        _activate(twice, 0);
        assertEq(citizens.citizenOf(ann).leaf, 0);
        assertEq(vault.headcount(), 9);
        assertEq(token.balanceOf(ann), 0);
        assertEq(vault.issued(), 18_000 * SBI);
    }

    /* CHOICE */

    function test_chooseLeaf__theLaterOneFirst__noEarlierOneTakesItsPlace() public {
        _choose(second, _signChoice(KEY, second.batch, 1));
        assertTrue(citizens.citizenOf(ann).chosen);
        bytes32[] memory proof = _proof(first, 1);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.AlreadyActivated.selector, ann, block.timestamp));
        citizens.activate(first.batch, 1, ann, first.persons[1], proof);
        // Nobody has to wait: the account has spoken.
        _void(first, 1);
        assertEq(vault.headcount(), 7);
        assertEq(vault.issued(), 15_250 * SBI);
        assertEq(token.balanceOf(ann), 1750 * SBI);
        assertEq(citizens.regionOf(1).headcount, 3);
    }

    function test_chooseLeaf__aLaterOneThanTheOneHeld__keepsTheEarlierStart() public {
        _activate(first, 1);
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.LeafReplaced(ann, second.batch, 1, first.batch, 1);
        _choose(second, _signChoice(KEY, second.batch, 1));
        assertEq(token.balanceOf(ann), 2750 * SBI);
        assertEq(vault.issued(), 16_250 * SBI);
        assertEq(citizens.regionOf(1).headcount, 3);
        assertEq(citizens.regionOf(2).headcount, 4);
        assertEq(citizens.citizenOf(ann).region, 2);
        assertEq(citizens.citizenOf(ann).batch, second.batch);
    }

    function test_chooseLeaf__theOneHeld__isForGood() public {
        _activate(second, 1);
        vm.prank(ann);
        citizens.chooseLeaf(second.batch, 1, ann, second.persons[1], new bytes32[](0), "");
        assertTrue(citizens.citizenOf(ann).chosen);
        bytes memory signature = _signChoice(KEY, first.batch, 1);
        bytes32[] memory proof = _proof(first, 1);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.AlreadyActivated.selector, ann, block.timestamp));
        citizens.chooseLeaf(first.batch, 1, ann, first.persons[1], proof, signature);
    }

    function test_chooseLeaf__signedByAnotherOrForAnotherLeaf__refused() public {
        bytes memory signature = _signChoice(KEY + 1, second.batch, 1);
        bytes32[] memory proof = _proof(second, 1);
        vm.expectRevert(_refusedSignature(ann, vm.addr(KEY + 1)));
        citizens.chooseLeaf(second.batch, 1, ann, second.persons[1], proof, signature);
        signature = _signChoice(KEY, first.batch, 1);
        vm.expectPartialRevert(bytes4(keccak256("InvalidSignature(address,address)")));
        citizens.chooseLeaf(second.batch, 1, ann, second.persons[1], proof, signature);
    }

    function test_chooseLeaf__byAContractWallet__isConsent() public {
        MockWallet wallet = new MockWallet(vm.addr(KEY), MockWallet.Answer.Honest);
        address[] memory accounts = new address[](1);
        accounts[0] = address(wallet);
        Roll memory roll = _enrol(accounts);
        bytes32 typehash = keccak256("LeafChoice(uint256 batch,uint256 index,address account)");
        bytes32 content = keccak256(abi.encode(typehash, roll.batch, 0, address(wallet)));
        bytes memory signature = _sign(KEY, _digest("CitizenRegistry", address(citizens), content));
        citizens.chooseLeaf(roll.batch, 0, address(wallet), roll.persons[0], new bytes32[](0), signature);
        assertTrue(citizens.citizenOf(address(wallet)).chosen);
    }

    /* VOIDING */

    function test_voidLeaf__aLaterOne__returnsWhatItReceived() public {
        _activate(first, 1);
        vm.warp(block.timestamp + OBJECTION_DELAY);
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.LeafVoided(ann, second.batch, 1);
        vm.expectEmit(address(vault));
        emit IDistributionVault.HeadDismissed(7, 1750 * SBI, 15_750 * SBI);
        _void(second, 1);
        assertEq(vault.issued(), 16_250 * SBI);
        assertEq(vault.reserve(), 15_750 * SBI);
        assertEq(token.totalSupply(), 16_250 * SBI);
        assertEq(citizens.regionOf(2).headcount, 3);
        assertTrue(citizens.isLeafUsed(second.batch, 1));
        assertEq(token.balanceOf(ann), 2750 * SBI);
    }

    function test_voidLeaf__whileTheAccountMayChoose__refused() public {
        _activate(first, 1);
        uint256 from = block.timestamp + OBJECTION_DELAY;
        vm.warp(from - 1);
        bytes32[] memory proof = _proof(second, 1);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.VoidTooSoon.selector, from, from - 1));
        citizens.voidLeaf(second.batch, 1, ann, second.persons[1], proof);
        // A batch enrolled later leaves as long to choose.
        Roll memory third = _enrolAs(other, 2, makeAddr("di"), 2);
        vm.warp(from);
        proof = _proof(third, 1);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.VoidTooSoon.selector, from - 1 + OBJECTION_DELAY, from));
        citizens.voidLeaf(third.batch, 1, ann, third.persons[1], proof);
    }

    function test_voidLeaf__anEarlierOne__refused() public {
        _activate(second, 1);
        vm.warp(block.timestamp + OBJECTION_DELAY);
        bytes32[] memory proof = _proof(first, 1);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.LeafHolds.selector, first.batch, 1));
        citizens.voidLeaf(first.batch, 1, ann, first.persons[1], proof);
    }

    function test_voidLeaf__ofAnAccountNeverActive__refused() public {
        bytes32[] memory proof = _proof(second, 1);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NeverActivated.selector, ann));
        citizens.voidLeaf(second.batch, 1, ann, second.persons[1], proof);
    }

    function test_voidLeaf__theOwnOneOrTwiceOrForged__refused() public {
        _activate(first, 1);
        vm.warp(block.timestamp + OBJECTION_DELAY);
        bytes32[] memory proof = _proof(first, 1);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.LeafUsed.selector, first.batch, 1));
        citizens.voidLeaf(first.batch, 1, ann, first.persons[1], proof);
        proof = _proof(second, 1);
        vm.expectPartialRevert(ICitizenRegistry.InvalidProof.selector);
        citizens.voidLeaf(second.batch, 1, ann, keccak256("nobody"), proof);
        _void(second, 1);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.LeafUsed.selector, second.batch, 1));
        citizens.voidLeaf(second.batch, 1, ann, second.persons[1], proof);
    }

    /// What was un-issued comes back to those who are left, and all balances still fit the supply.
    function test_voidLeaf__afterwards__theReservePaysTheOthers() public {
        _activate(first, 1);
        _activate(first, 0);
        vm.warp(block.timestamp + OBJECTION_DELAY);
        _void(second, 1);
        uint256 before = token.balanceOf(ben);
        _income(0);
        assertGt(token.balanceOf(ben), before);
        assertEq(token.balanceOf(ben), token.balanceOf(ann));
        assertLe(token.balanceOf(ben) + token.balanceOf(ann), token.totalSupply());
    }

    /* CALLS TO VAULT AND TOKEN */

    function test_dismissAndUnissue__byAnother__refused() public {
        bytes memory refusal =
            abi.encodeWithSelector(IDistributionVault.UnexpectedCaller.selector, stranger, address(citizens));
        vm.startPrank(stranger);
        vm.expectRevert(refusal);
        vault.dismiss(0);
        vm.expectRevert(refusal);
        vault.unissue(0, 1);
        vm.stopPrank();
    }

    function test_payRangeAndEndAccrual__byAnother__refused() public {
        bytes memory refusal = abi.encodeWithSelector(ISBIToken.UnexpectedCaller.selector, stranger, address(citizens));
        vm.startPrank(stranger);
        vm.expectRevert(refusal);
        token.payRange(stranger, 0, 1);
        vm.expectRevert(refusal);
        token.endAccrual(ann);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(ISBIToken.NotAccruing.selector, ann));
        vm.prank(address(citizens));
        token.endAccrual(ann);
    }
}
