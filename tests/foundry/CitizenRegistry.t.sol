// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Batch, Citizen, ICitizenRegistry, Region} from "../../contracts/interfaces/ICitizenRegistry.sol";
import {IDistributionVault} from "../../contracts/interfaces/IDistributionVault.sol";
import {SuiteTest} from "./SuiteTest.sol";

/// Branches covered here.
///
/// enrol
/// ├── by another than a registrar in office: NotRegistrar
/// ├── no leaf, no root: EmptyBatch; more leaves than 32 bits: AboveField
/// ├── past the region's cap, in a region without a cap: RegionFull; a region past 32 bits: AboveField
/// └── any size: counted at once, at the index of that moment
/// activate
/// ├── a batch never enrolled: UnknownBatch; the zero account: ZeroAccount
/// ├── an index beyond the size: IndexOutOfBatch; a leaf used before: LeafUsed
/// ├── an account active before: AlreadyActivated
/// ├── a proof for another leaf, account, person, batch, an inner node: InvalidProof
/// └── by anyone, at any time: everything since enrolment
/// addRegistrar, removeRegistrar: AlreadyRegistrar, NotRegistrar, number kept; AccessManagedUnauthorized
/// setRegionCap: raises, lowers, past 40 bits and in a region past 32 (AboveField); AccessManagedUnauthorized
/// citizenOf, batchOf (UnknownBatch), regionOf, isLeafUsed, registrarOf, batchCount, token, vault
contract CitizenRegistryTest is SuiteTest {
    bytes32 private constant ROOT = keccak256("root");

    function _enrolRoot(uint256 size, uint256 region) private returns (uint256) {
        vm.prank(registrar);
        return citizens.enrol(ROOT, size, region);
    }

    function test_constructor__deployed__knowsItsNeighbours() public view {
        assertEq(address(citizens.token()), address(token));
        assertEq(address(citizens.vault()), address(vault));
        assertEq(citizens.batchCount(), 0);
    }

    /* ENROLMENT */

    function test_enrol__byARegistrar__countsAtOnce() public {
        vm.warp(block.timestamp + 5);
        vm.expectEmit(address(vault));
        emit IDistributionVault.HeadsAdmitted(10, 10, 0);
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.BatchEnrolled(0, registrar, 1, ROOT, 10, 0);
        assertEq(_enrolRoot(10, 1), 0);
        assertEq(_enrolRoot(5, 2), 1);
        assertEq(citizens.batchCount(), 2);
        assertEq(vault.headcount(), 15);
        assertEq(citizens.regionOf(1).headcount, 10);
        assertEq(citizens.regionOf(2).headcount, 5);
        Batch memory batch = citizens.batchOf(0);
        assertEq(batch.root, ROOT);
        assertEq(batch.entryIndex, 0);
        assertEq(batch.size, 10);
        assertEq(batch.region, 1);
        assertEq(batch.registrar, 1);
        assertEq(batch.enrolledAt, block.timestamp);
    }

    function test_enrol__afterSomeIncome__entersAtTheIndexOfThatMoment() public {
        _enrolRoot(4, 1);
        _income(8000);
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.BatchEnrolled(1, registrar, 1, ROOT, 4, 1000e12);
        _enrolRoot(4, 1);
        assertEq(citizens.batchOf(1).entryIndex, 1000e12);
    }

    function test_enrol__aNation__inOneTransaction() public {
        _enrolRoot(1_400_000_000, 2);
        assertEq(vault.headcount(), 1_400_000_000);
    }

    function test_enrol__byAnother__refused() public {
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NotRegistrar.selector, stranger));
        vm.prank(stranger);
        citizens.enrol(ROOT, 10, 1);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NotRegistrar.selector, address(timelock)));
        _asGovernor();
        citizens.enrol(ROOT, 10, 1);
    }

    function test_enrol__bySomebodyOutOfOffice__refused() public {
        _asGovernor();
        citizens.removeRegistrar(registrar);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NotRegistrar.selector, registrar));
        _enrolRoot(10, 1);
    }

    function test_enrol__sizeZero__refused() public {
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.EmptyBatch.selector, ROOT, 0));
        _enrolRoot(0, 1);
    }

    function test_enrol__noRoot__refused() public {
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.EmptyBatch.selector, bytes32(0), 3));
        vm.prank(registrar);
        citizens.enrol(bytes32(0), 3, 1);
    }

    function test_enrol__sizePastTheField__refused() public {
        uint256[2] memory sizes = [uint256(1) << 32, type(uint256).max];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(_aboveField(sizes[i], type(uint32).max));
            _enrolRoot(sizes[i], 1);
        }
    }

    function test_enrol__upToTheCap__notOneMore() public {
        _enrolRoot(999_999, 1);
        _enrolRoot(1, 1);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.RegionFull.selector, 1, 1_000_001, 1_000_000));
        _enrolRoot(1, 1);
    }

    function test_enrol__inARegionWithoutACap__refused() public {
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.RegionFull.selector, 9, 1, 0));
        _enrolRoot(1, 9);
    }

    /// 256 full batches are what 40 bits hold; the vault's field is the last to say no, and says it by name.
    function test_enrol__headcountPastItsField__refused() public {
        vm.startPrank(address(timelock));
        citizens.setRegionCap(1, type(uint40).max);
        citizens.setRegionCap(2, type(uint40).max);
        vm.stopPrank();
        for (uint256 i = 0; i < 128; ++i) {
            _enrolRoot(type(uint32).max, 1);
            _enrolRoot(type(uint32).max, 2);
        }
        _enrolRoot(255, 1);
        assertEq(vault.headcount(), type(uint40).max);
        vm.expectRevert(_aboveField(uint256(1) << 40, type(uint40).max));
        _enrolRoot(1, 2);
    }

    /* ACTIVATION */

    function test_activate__byAnyone__holdsEverythingSinceEnrolment() public {
        Roll memory roll = _enrolMany(4);
        _income(8000);
        address account = roll.accounts[2];
        bytes32[] memory proof = _proof(roll, 2);
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.CitizenActivated(account, 0, 2);
        vm.prank(stranger);
        citizens.activate(0, 2, account, roll.persons[2], proof);

        assertEq(token.balanceOf(account), 1000 * SBI);
        assertTrue(citizens.isLeafUsed(0, 2));
        assertFalse(citizens.isLeafUsed(0, 1));
        assertFalse(citizens.isLeafUsed(1, 2));
        Citizen memory citizen = citizens.citizenOf(account);
        assertEq(citizen.since, block.timestamp);
        assertEq(citizen.until, 0);
        assertEq(citizen.batch, 0);
        assertEq(citizen.leaf, 2);
        assertEq(citizen.region, 1);
    }

    function test_activate__yearsLater__nothingHasLapsed() public {
        Roll memory roll = _enrolMany(4);
        for (uint256 i = 0; i < 5; ++i) {
            _income(4000);
        }
        uint256 held = vault.dividendIndex() * 1e6;
        vm.warp(block.timestamp + 3650 days);
        _activate(roll, 0);
        assertEq(token.balanceOf(roll.accounts[0]), held);
    }

    function test_activate__ofALaterBatch__getsNothingFromBefore() public {
        _enrolMany(4);
        _income(8000);
        address[] memory late = new address[](1);
        late[0] = stranger;
        Roll memory roll = _enrol(late);
        _activate(roll, 0);
        assertEq(token.balanceOf(stranger), 0);
        _income(1000);
        // Reserve 4,000 + 1,000, half released, five heads.
        assertEq(token.balanceOf(stranger), 500 * SBI);
        assertEq(citizens.citizenOf(stranger).batch, 1);
    }

    function test_activate__aBatchOfOne__needsNoProof() public {
        Roll memory roll = _enrolMany(1);
        assertEq(_proof(roll, 0).length, 0);
        _activate(roll, 0);
        assertEq(citizens.citizenOf(roll.accounts[0]).since, block.timestamp);
    }

    function testFuzz_activate__anyLeafOfAnyRoll__works(uint256 size, uint256 index) public {
        size = bound(size, 1, 40);
        index = bound(index, 0, size - 1);
        Roll memory roll = _enrolMany(size);
        _activate(roll, index);
        for (uint256 i = 0; i < size; ++i) {
            assertEq(citizens.isLeafUsed(roll.batch, i), i == index);
        }
    }

    function test_activate__theLastLeafOfAFullBatch__works() public {
        vm.prank(address(timelock));
        citizens.setRegionCap(2, type(uint40).max);
        uint256 last = type(uint32).max - 1;
        (uint256 batch, bytes32 person, bytes32[] memory proof) = _enrolLarge(type(uint32).max, last, stranger, 32);
        citizens.activate(batch, last, stranger, person, proof);
        assertEq(citizens.citizenOf(stranger).leaf, last);
        assertTrue(citizens.isLeafUsed(batch, last));
        assertFalse(citizens.isLeafUsed(batch, last - 1));
        assertFalse(citizens.isLeafUsed(batch, last - 256));
    }

    function test_activate__batchNeverEnrolled__refused() public {
        Roll memory roll = _enrolMany(2);
        roll.batch = 1;
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.UnknownBatch.selector, 1, 1));
        citizens.activate(1, 0, roll.accounts[0], roll.persons[0], new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.UnknownBatch.selector, type(uint256).max, 1));
        citizens.activate(type(uint256).max, 0, roll.accounts[0], roll.persons[0], new bytes32[](0));
    }

    function test_activate__theZeroAccount__refused() public {
        address[] memory accounts = new address[](1);
        Roll memory roll = _enrol(accounts);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.ZeroAccount.selector, 0, 0));
        citizens.activate(0, 0, address(0), roll.persons[0], new bytes32[](0));
    }

    function test_activate__indexBeyondTheSize__refused() public {
        // A tree with more leaves than the registrar declared: those beyond the size stay out.
        (uint256 batch, bytes32 person, bytes32[] memory proof) = _enrolLarge(7, 7, stranger, 3);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.IndexOutOfBatch.selector, 7, 7));
        citizens.activate(batch, 7, stranger, person, proof);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.IndexOutOfBatch.selector, type(uint256).max, 7));
        citizens.activate(batch, type(uint256).max, stranger, person, proof);
    }

    function test_activate__theSameAccountAgain__refused() public {
        Roll memory roll = _enrolMany(2);
        _activate(roll, 0);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.LeafUsed.selector, 0, 0));
        citizens.activate(0, 0, roll.accounts[0], roll.persons[0], _proof(roll, 0));
    }

    function test_activate__theSameAccountByAnotherBatch__refused() public {
        Roll memory roll = _enrolMany(2);
        _activate(roll, 0);
        Roll memory again = _enrolMany(2);
        bytes32[] memory proof = _proof(again, 0);
        vm.expectRevert(
            abi.encodeWithSelector(ICitizenRegistry.AlreadyActivated.selector, roll.accounts[0], block.timestamp)
        );
        citizens.activate(1, 0, again.accounts[0], again.persons[0], proof);
    }

    function test_activate__aLeafUsedBefore__refused() public {
        Roll memory roll = _enrolMany(2);
        _activate(roll, 0);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.LeafUsed.selector, 0, 0));
        citizens.activate(0, 0, roll.accounts[1], roll.persons[1], new bytes32[](0));
    }

    function test_activate__twoAccountsOnOneIndex__onlyOneLives() public {
        // A registrar that writes index 0 twice pays one head, not two.
        address[] memory accounts = new address[](2);
        (accounts[0], accounts[1]) = (_citizen(1), _citizen(2));
        bytes32 first = _leaf(0, accounts[0], bytes32(0));
        bytes32 second = _leaf(0, accounts[1], bytes32(0));
        vm.prank(registrar);
        citizens.enrol(_pair(first, second), 2, 1);
        bytes32[] memory proof = new bytes32[](1);
        proof[0] = second;
        citizens.activate(0, 0, accounts[0], bytes32(0), proof);
        proof[0] = first;
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.LeafUsed.selector, 0, 0));
        citizens.activate(0, 0, accounts[1], bytes32(0), proof);
    }

    function test_activate__proofOfAnotherLeaf__refused() public {
        Roll memory roll = _enrolMany(4);
        bytes32[] memory proof = _proof(roll, 1);
        bytes32 node = _leaf(0, roll.accounts[0], roll.persons[0]);
        bytes32 computed = _pair(_pair(node, proof[0]), proof[1]);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.InvalidProof.selector, computed, roll.root));
        citizens.activate(0, 0, roll.accounts[0], roll.persons[0], proof);
        assertFalse(citizens.isLeafUsed(0, 0));
    }

    function test_activate__anotherAccountOrPerson__refused() public {
        Roll memory roll = _enrolMany(2);
        bytes32[] memory proof = _proof(roll, 0);
        bytes32 computed = _pair(_leaf(0, stranger, roll.persons[0]), proof[0]);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.InvalidProof.selector, computed, roll.root));
        citizens.activate(0, 0, stranger, roll.persons[0], proof);
        computed = _pair(_leaf(0, roll.accounts[0], bytes32(0)), proof[0]);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.InvalidProof.selector, computed, roll.root));
        citizens.activate(0, 0, roll.accounts[0], bytes32(0), proof);
    }

    function test_activate__anothersIndex__refused() public {
        Roll memory roll = _enrolMany(2);
        bytes32[] memory proof = _proof(roll, 0);
        bytes32 computed = _pair(_leaf(1, roll.accounts[0], roll.persons[0]), proof[0]);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.InvalidProof.selector, computed, roll.root));
        citizens.activate(0, 1, roll.accounts[0], roll.persons[0], proof);
    }

    function test_activate__proofOfAnotherBatch__refused() public {
        Roll memory roll = _enrolMany(2);
        address[] memory others = new address[](2);
        (others[0], others[1]) = (stranger, relayer);
        Roll memory second = _enrol(others);
        bytes32[] memory proof = _proof(roll, 0);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.InvalidProof.selector, roll.root, second.root));
        citizens.activate(1, 0, roll.accounts[0], roll.persons[0], proof);
    }

    function test_activate__proofThatIsTooLongOrShort__refused() public {
        Roll memory roll = _enrolMany(4);
        bytes32[] memory short = new bytes32[](0);
        bytes32 node = _leaf(0, roll.accounts[0], roll.persons[0]);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.InvalidProof.selector, node, roll.root));
        citizens.activate(0, 0, roll.accounts[0], roll.persons[0], short);
        bytes32[] memory long = new bytes32[](3);
        bytes32[] memory proof = _proof(roll, 0);
        (long[0], long[1]) = (proof[0], proof[1]);
        vm.expectRevert(
            abi.encodeWithSelector(ICitizenRegistry.InvalidProof.selector, _pair(roll.root, bytes32(0)), roll.root)
        );
        citizens.activate(0, 0, roll.accounts[0], roll.persons[0], long);
    }

    function testFuzz_activate__anyProof__refused(bytes32[] memory proof, address account, bytes32 person) public {
        vm.assume(account != address(0));
        Roll memory roll = _enrolMany(4);
        vm.expectPartialRevert(ICitizenRegistry.InvalidProof.selector);
        citizens.activate(0, 0, account, person, proof);
        assertEq(roll.batch, 0);
    }

    /// A batch never pays more heads than its size: with all of them active, what they hold is what was issued.
    function testFuzz_activate__everybody__holdsExactlyWhatWasIssued(uint256 size, uint64 output) public {
        Roll memory roll = _enrolMany(bound(size, 1, 20));
        _income(output);
        _activateAll(roll);
        uint256 sum;
        for (uint256 i = 0; i < roll.accounts.length; ++i) {
            sum += token.balanceOf(roll.accounts[i]);
        }
        assertEq(sum, token.totalSupply());
    }

    /* OFFICES */

    function test_addRegistrar__byAnother__refused() public {
        vm.expectRevert(_unauthorized(registrar));
        vm.prank(registrar);
        citizens.addRegistrar(stranger);
    }

    function test_addRegistrar__aSecond__hasTheNextNumber() public {
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.RegistrarAdded(stranger, 2);
        _asGovernor();
        citizens.addRegistrar(stranger);
        (uint256 number, bool inOffice) = citizens.registrarOf(stranger);
        assertEq(number, 2);
        assertTrue(inOffice);
        vm.prank(stranger);
        citizens.enrol(ROOT, 1, 1);
        assertEq(citizens.batchOf(0).registrar, 2);
    }

    function test_addRegistrar__twice__refused() public {
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.AlreadyRegistrar.selector, registrar));
        _asGovernor();
        citizens.addRegistrar(registrar);
    }

    function test_addRegistrar__again__keepsItsNumber() public {
        vm.startPrank(address(timelock));
        citizens.removeRegistrar(registrar);
        citizens.addRegistrar(stranger);
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.RegistrarAdded(registrar, 1);
        citizens.addRegistrar(registrar);
        vm.stopPrank();
        (uint256 number, bool inOffice) = citizens.registrarOf(registrar);
        assertEq(number, 1);
        assertTrue(inOffice);
    }

    function test_removeRegistrar__inOffice__leavesItsBatches() public {
        Roll memory roll = _enrolMany(2);
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.RegistrarRemoved(registrar, 1);
        _asGovernor();
        citizens.removeRegistrar(registrar);
        (uint256 number, bool inOffice) = citizens.registrarOf(registrar);
        assertEq(number, 1);
        assertFalse(inOffice);
        _activate(roll, 0);
        assertEq(vault.headcount(), 2);
    }

    function test_removeRegistrar__neverInOfficeOrNoLonger__refused() public {
        vm.startPrank(address(timelock));
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NotRegistrar.selector, stranger));
        citizens.removeRegistrar(stranger);
        citizens.removeRegistrar(registrar);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NotRegistrar.selector, registrar));
        citizens.removeRegistrar(registrar);
        vm.stopPrank();
    }

    function test_removeRegistrar__byAnother__refused() public {
        vm.expectRevert(_unauthorized(stranger));
        vm.prank(stranger);
        citizens.removeRegistrar(registrar);
    }

    function test_registrarOf__nobody__isZero() public view {
        (uint256 number, bool inOffice) = citizens.registrarOf(stranger);
        assertEq(number, 0);
        assertFalse(inOffice);
    }

    /* CAPS */

    function test_setRegionCap__byAnother__refused() public {
        vm.expectRevert(_unauthorized(registrar));
        vm.prank(registrar);
        citizens.setRegionCap(1, 5);
    }

    function test_setRegionCap__belowTheHeadcount__onlyStopsEnrolment() public {
        Roll memory roll = _enrolMany(10);
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.RegionCapChanged(1, 1_000_000, 4);
        _asGovernor();
        citizens.setRegionCap(1, 4);
        assertEq(citizens.regionOf(1).cap, 4);
        assertEq(citizens.regionOf(1).headcount, 10);
        assertEq(vault.headcount(), 10);
        _activate(roll, 9);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.RegionFull.selector, 1, 11, 4));
        _enrolRoot(1, 1);
    }

    function test_setRegionCap__pastTheField__refused() public {
        vm.expectRevert(_aboveField(uint256(1) << 40, type(uint40).max));
        _asGovernor();
        citizens.setRegionCap(1, uint256(1) << 40);
    }

    /// A region that no batch can be of is refused when it is set up, not when people are turned away.
    function test_setRegionCap__aRegionPastTheField__refused() public {
        vm.expectRevert(_aboveField(uint256(1) << 32, type(uint32).max));
        _asGovernor();
        citizens.setRegionCap(uint256(1) << 32, 10);
    }

    function test_enrol__aRegionPastTheField__refused() public {
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.RegionFull.selector, uint256(1) << 32, 1, 0));
        _enrolRoot(1, uint256(1) << 32);
    }

    /* VIEWS */

    function test_batchOf__neverEnrolled__refused() public {
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.UnknownBatch.selector, 0, 0));
        citizens.batchOf(0);
    }

    function test_citizenOf__neverActivated__isAllZero() public view {
        Citizen memory citizen = citizens.citizenOf(stranger);
        assertEq(citizen.since, 0);
        assertEq(citizen.region, 0);
    }

    function test_regionOf__unknown__isAllZero() public view {
        Region memory region = citizens.regionOf(type(uint256).max);
        assertEq(region.headcount, 0);
        assertEq(region.cap, 0);
    }
}
