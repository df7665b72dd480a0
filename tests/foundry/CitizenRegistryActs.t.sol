// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Act, ActKind, Citizen, ICitizenRegistry} from "../../contracts/interfaces/ICitizenRegistry.sol";
import {Authorization} from "../../contracts/interfaces/ISBIToken.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SuiteTest} from "./SuiteTest.sol";

/// Branches covered here: retirement, recovery, objection, and the first spending.
///
/// startRetirement, startRecovery, withdrawAct
/// ├── by nobody in office: NotRegistrar; by another's: NotBatchRegistrar; UnknownBatch, IndexOutOfBatch
/// ├── a second act: ActPending; nothing to withdraw: NoAct
/// └── recovery: not of the holder: NotHolder; to one who was active: AlreadyActivated; unsigned: InvalidSignature
/// objectTo
/// ├── by another, for another date: InvalidSignature; without an act: NoAct; not the holder: NotHolder
/// ├── when due: still heard; upheld: ObjectionDecided; when referred: ActReferred
/// └── once: ends the act; again: refers it
/// decideAct: by another: AccessManagedUnauthorized; not referred: ActReferred; upheld; dismissed
/// retire, retireByProof, recover
/// ├── no such act: WrongAct; early: ActNotDue; referred: ActReferred; RegistrarOutOfOffice; TurnoverReached
/// ├── retire: accrues nothing more, loses nothing
/// ├── retireByProof: everything up to now; of an active account: AlreadyActivated
/// └── recover: share and future income move, the balance stays; a successor active since: AlreadyActivated
/// activateAndPay: pays at once; activated by another before: only pays; PayerNotCitizen
/// moveRegistrar: keeps number and batches; NotRegistrar, AlreadyRegistrar; setTurnoverCap; ZeroSpan
contract CitizenRegistryActsTest is SuiteTest {
    address private ann;
    uint256 private constant ANN = uint256(keccak256("ann"));
    uint256 private constant NEW = uint256(keccak256("ann's new key"));
    address private next;
    address private other = makeAddr("second registrar");
    Roll private roll;

    /// @dev Four citizens, Ann at index 2 and active; a first dividend of 1,000 SBI.
    function setUp() public override {
        super.setUp();
        (ann, next) = (vm.addr(ANN), vm.addr(NEW));
        _asGovernor();
        citizens.addRegistrar(other);
        address[] memory accounts = new address[](4);
        for (uint256 i = 0; i < 4; ++i) {
            accounts[i] = i == 2 ? ann : _citizen(i);
        }
        roll = _enrol(accounts);
        _activate(roll, 2);
        _income(8000);
    }

    function _startRetirement(uint256 index) private {
        vm.prank(registrar);
        citizens.startRetirement(0, index);
    }

    function _startRecovery() private {
        bytes memory signature = _signSuccession(NEW, 0, 2, ann, next);
        vm.prank(registrar);
        citizens.startRecovery(0, 2, ann, next, signature);
    }

    function _signSuccession(uint256 key, uint256 batch, uint256 index, address previous, address successor)
        private
        view
        returns (bytes memory)
    {
        bytes32 typehash = keccak256("Succession(uint256 batch,uint256 index,address previous,address successor)");
        bytes32 content = keccak256(abi.encode(typehash, batch, index, previous, successor));
        return _sign(key, _digest("CitizenRegistry", address(citizens), content));
    }

    function _signObjection(uint256 key, uint256 dueAt) private view returns (bytes memory) {
        bytes32 typehash = keccak256("Objection(uint256 batch,uint256 index,uint256 dueAt)");
        bytes32 content = keccak256(abi.encode(typehash, 0, 2, dueAt));
        return _sign(key, _digest("CitizenRegistry", address(citizens), content));
    }

    function _object() private {
        bytes memory signature = _signObjection(ANN, citizens.actOf(0, 2).dueAt);
        vm.prank(relayer);
        citizens.objectTo(0, 2, ann, signature);
    }

    /// @dev The citizen objects to two acts in a row: the second lies with the second office.
    function _refer() private {
        _startRetirement(2);
        _object();
        _startRetirement(2);
        _object();
    }

    function _untilDue() private {
        vm.warp(block.timestamp + OBJECTION_DELAY);
    }

    /* RETIREMENT */

    function test_retire__whenDue__accruesNothingMoreAndLosesNothing() public {
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.ActStarted(0, 2, ActKind.Retirement, block.timestamp + OBJECTION_DELAY, address(0));
        _startRetirement(2);
        _untilDue();
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.CitizenRetired(ann, 0, 2);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(address(0), ann, 1000 * SBI);
        vm.prank(stranger);
        citizens.retire(0, 2, ann);
        assertEq(vault.headcount(), 3);
        assertEq(citizens.regionOf(1).headcount, 3);
        assertEq(citizens.regionOf(1).turnover, 1);
        assertEq(citizens.citizenOf(ann).until, block.timestamp);
        assertEq(vault.issued(), 4000 * SBI);
        _income(8000);
        assertEq(token.balanceOf(ann), 1000 * SBI);
        vm.prank(ann);
        token.transfer(stranger, 1000 * SBI);
        assertEq(uint8(citizens.actOf(0, 2).kind), uint8(ActKind.None));
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NotHolder.selector, ann, 0, 2));
        citizens.retire(0, 2, ann);
    }

    function test_retire__early__refused() public {
        _startRetirement(2);
        uint256 dueAt = block.timestamp + OBJECTION_DELAY;
        vm.warp(dueAt - 1);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.ActNotDue.selector, dueAt, dueAt - 1));
        citizens.retire(0, 2, ann);
    }

    function test_retire__withoutAnActOrWithAnother__refused() public {
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.WrongAct.selector, ActKind.None, ActKind.Retirement));
        citizens.retire(0, 2, ann);
        _startRecovery();
        _untilDue();
        vm.expectRevert(
            abi.encodeWithSelector(ICitizenRegistry.WrongAct.selector, ActKind.Recovery, ActKind.Retirement)
        );
        citizens.retire(0, 2, ann);
    }

    function test_retireByProof__neverActivated__paysUpToNowAndNothingMore() public {
        _startRetirement(1);
        _untilDue();
        bytes32[] memory proof = _proof(roll, 1);
        citizens.retireByProof(0, 1, roll.accounts[1], roll.persons[1], proof);
        assertEq(vault.headcount(), 3);
        _income(8000);
        assertEq(token.balanceOf(roll.accounts[1]), 1000 * SBI);
        Citizen memory citizen = citizens.citizenOf(roll.accounts[1]);
        assertEq(citizen.since, citizen.until);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.LeafUsed.selector, 0, 1));
        citizens.activate(0, 1, roll.accounts[1], roll.persons[1], proof);
    }

    /// Activation does not escape an act: it is about the leaf.
    function test_retire__activatedInTheMeantime__isCarriedOut() public {
        _startRetirement(1);
        _activate(roll, 1);
        _untilDue();
        bytes32[] memory proof = _proof(roll, 1);
        vm.expectPartialRevert(ICitizenRegistry.AlreadyActivated.selector);
        citizens.retireByProof(0, 1, roll.accounts[1], roll.persons[1], proof);
        citizens.retire(0, 1, roll.accounts[1]);
        assertEq(vault.headcount(), 3);
    }

    function test_retireByProof__early__refused() public {
        _startRetirement(1);
        bytes32[] memory proof = _proof(roll, 1);
        vm.expectPartialRevert(ICitizenRegistry.ActNotDue.selector);
        citizens.retireByProof(0, 1, roll.accounts[1], roll.persons[1], proof);
        assertFalse(citizens.isLeafUsed(0, 1));
    }

    /* RECOVERY */

    function test_recover__whenDue__movesTheShareAndNoBalance() public {
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.ActStarted(0, 2, ActKind.Recovery, block.timestamp + OBJECTION_DELAY, next);
        _startRecovery();
        _untilDue();
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.CitizenRecovered(ann, next, 0, 2);
        citizens.recover(0, 2, ann);
        assertEq(token.balanceOf(ann), 1000 * SBI);
        assertEq(token.balanceOf(next), 0);
        assertEq(vault.headcount(), 4);
        assertEq(citizens.regionOf(1).turnover, 1);
        uint256 index = vault.dividendIndex();
        _income(8000);
        assertEq(token.balanceOf(ann), 1000 * SBI);
        assertEq(token.balanceOf(next), (vault.dividendIndex() - index) * 1e6);
        assertGt(token.balanceOf(next), 0);
        assertEq(citizens.citizenOf(ann).until, citizens.citizenOf(next).since);
        assertEq(citizens.citizenOf(next).leaf, 2);
        assertTrue(citizens.citizenOf(next).chosen);
    }

    function test_startRecovery__ofAnotherThanTheHolder__refused() public {
        address somebody = roll.accounts[1];
        bytes memory signature = _signSuccession(NEW, 0, 1, somebody, next);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NotHolder.selector, somebody, 0, 1));
        vm.prank(registrar);
        citizens.startRecovery(0, 1, somebody, next, signature);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NotHolder.selector, ann, 0, 1));
        vm.prank(registrar);
        citizens.startRecovery(0, 1, ann, next, signature);
    }

    function test_startRecovery__toAnAccountThatWasActive__refused() public {
        _activate(roll, 1);
        vm.expectRevert(
            abi.encodeWithSelector(ICitizenRegistry.AlreadyActivated.selector, roll.accounts[1], block.timestamp)
        );
        vm.prank(registrar);
        citizens.startRecovery(0, 2, ann, roll.accounts[1], "");
    }

    function test_startRecovery__notSignedByTheSuccessor__refused() public {
        bytes memory signature = _signSuccession(ANN, 0, 2, ann, next);
        vm.expectRevert(_refusedSignature(next, ann));
        vm.prank(registrar);
        citizens.startRecovery(0, 2, ann, next, signature);
    }

    function test_recover__theSuccessorActivatedSince__refused() public {
        address[] memory accounts = new address[](1);
        accounts[0] = next;
        Roll memory own = _enrol(accounts);
        _startRecovery();
        _activate(own, 0);
        uint256 since = block.timestamp;
        _untilDue();
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.AlreadyActivated.selector, next, since));
        citizens.recover(0, 2, ann);
    }

    function test_recover__afterwards__theOldAccountNeverLivesAgain() public {
        _startRecovery();
        _untilDue();
        citizens.recover(0, 2, ann);
        address[] memory accounts = new address[](1);
        accounts[0] = ann;
        Roll memory again = _enrol(accounts);
        bytes32[] memory proof = new bytes32[](0);
        vm.expectPartialRevert(ICitizenRegistry.AlreadyActivated.selector);
        citizens.activate(again.batch, 0, ann, again.persons[0], proof);
        citizens.voidLeaf(again.batch, 0, ann, again.persons[0], proof);
        assertEq(vault.headcount(), 4);
    }

    /* WHO MAY START */

    function test_startRetirement__byAnother__refused() public {
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NotRegistrar.selector, stranger));
        vm.prank(stranger);
        citizens.startRetirement(0, 2);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NotBatchRegistrar.selector, 2, 1));
        vm.prank(other);
        citizens.startRetirement(0, 2);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NotBatchRegistrar.selector, 2, 1));
        vm.prank(other);
        citizens.startRecovery(0, 2, ann, next, "");
        _startRetirement(2);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NotBatchRegistrar.selector, 2, 1));
        vm.prank(other);
        citizens.withdrawAct(0, 2);
    }

    function test_startRetirement__ofNoLeaf__refused() public {
        vm.startPrank(registrar);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.UnknownBatch.selector, 1, 1));
        citizens.startRetirement(1, 0);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.IndexOutOfBatch.selector, 4, 4));
        citizens.startRetirement(0, 4);
        vm.stopPrank();
    }

    function test_startRetirement__whileAnotherActIsPending__refused() public {
        _startRecovery();
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.ActPending.selector, 0, 2, ActKind.Recovery));
        vm.prank(registrar);
        citizens.startRetirement(0, 2);
    }

    function test_withdrawAct__pending__endsIt() public {
        _startRetirement(2);
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.ActDropped(0, 2, ActKind.Retirement);
        vm.prank(registrar);
        citizens.withdrawAct(0, 2);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NoAct.selector, 0, 2));
        vm.prank(registrar);
        citizens.withdrawAct(0, 2);
    }

    function test_retire__registrarOutOfOffice__refused() public {
        _startRetirement(2);
        _untilDue();
        _asGovernor();
        citizens.removeRegistrar(registrar);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.RegistrarOutOfOffice.selector, 1));
        citizens.retire(0, 2, ann);
    }

    /* OBJECTION */

    function test_objectTo__once__endsTheAct() public {
        _startRetirement(2);
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.ActObjected(0, 2, ann, false);
        vm.prank(ann);
        citizens.objectTo(0, 2, ann, "");
        Act memory act = citizens.actOf(0, 2);
        assertEq(uint8(act.kind), uint8(ActKind.None));
        assertTrue(act.objected);
        _untilDue();
        vm.expectPartialRevert(ICitizenRegistry.WrongAct.selector);
        citizens.retire(0, 2, ann);
    }

    function test_objectTo__again__refersToTheSecondOffice() public {
        _startRetirement(2);
        _object();
        _startRecovery();
        bytes memory signature = _signObjection(ANN, citizens.actOf(0, 2).dueAt);
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.ActObjected(0, 2, ann, true);
        citizens.objectTo(0, 2, ann, signature);
        _untilDue();
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.ActReferred.selector, 0, 2, true));
        citizens.recover(0, 2, ann);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.ActReferred.selector, 0, 2, true));
        citizens.objectTo(0, 2, ann, signature);
    }

    /// An act that nobody carries out hangs over nobody: until it is done, the citizen is heard.
    function test_objectTo__longDue__endsTheAct() public {
        _startRetirement(2);
        vm.warp(block.timestamp + 10 * OBJECTION_DELAY);
        vm.prank(ann);
        citizens.objectTo(0, 2, ann, "");
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.WrongAct.selector, ActKind.None, ActKind.Retirement));
        citizens.retire(0, 2, ann);
    }

    function test_objectTo__byAnotherOrWithoutAnAct__refused() public {
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NoAct.selector, 0, 2));
        vm.prank(ann);
        citizens.objectTo(0, 2, ann, "");
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NotHolder.selector, stranger, 0, 2));
        citizens.objectTo(0, 2, stranger, "");
        _startRetirement(2);
        bytes memory forged = _signObjection(NEW, citizens.actOf(0, 2).dueAt);
        vm.expectRevert(_refusedSignature(ann, next));
        citizens.objectTo(0, 2, ann, forged);
    }

    /// An objection signed for one act says nothing about a later one.
    function test_objectTo__replayed__refused() public {
        _startRetirement(2);
        bytes memory signature = _signObjection(ANN, citizens.actOf(0, 2).dueAt);
        citizens.objectTo(0, 2, ann, signature);
        vm.warp(block.timestamp + 1);
        _startRetirement(2);
        vm.expectPartialRevert(bytes4(keccak256("InvalidSignature(address,address)")));
        citizens.objectTo(0, 2, ann, signature);
    }

    /* THE SECOND OFFICE */

    function test_decideAct__upheld__isDueAtOnce() public {
        _refer();
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.ActUpheld(0, 2, ActKind.Retirement);
        _asGovernor();
        citizens.decideAct(0, 2, true);
        assertTrue(citizens.actOf(0, 2).upheld);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.ObjectionDecided.selector, 0, 2));
        vm.prank(ann);
        citizens.objectTo(0, 2, ann, "");
        citizens.retire(0, 2, ann);
        assertEq(vault.headcount(), 3);
    }

    /// What was upheld is the act of then: a new one is open to objection again.
    function test_decideAct__upheldAndWithdrawn__theNextOneIsOpenToObjection() public {
        _refer();
        _asGovernor();
        citizens.decideAct(0, 2, true);
        vm.prank(registrar);
        citizens.withdrawAct(0, 2);
        assertFalse(citizens.actOf(0, 2).upheld);
        _startRetirement(2);
        _object();
        assertTrue(citizens.actOf(0, 2).referred);
    }

    function test_decideAct__dismissed__endsItAndRemembersTheObjection() public {
        _refer();
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.ActDropped(0, 2, ActKind.Retirement);
        _asGovernor();
        citizens.decideAct(0, 2, false);
        _startRetirement(2);
        _object();
        assertTrue(citizens.actOf(0, 2).referred);
    }

    function test_decideAct__byAnotherOrNotReferred__refused() public {
        _refer();
        vm.expectRevert(_unauthorized(registrar));
        vm.prank(registrar);
        citizens.decideAct(0, 2, true);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.ActReferred.selector, 0, 1, false));
        _asGovernor();
        citizens.decideAct(0, 1, true);
    }

    /* TURNOVER */

    function test_retire__turnoverReached__waitsForTheNextPeriod() public {
        _asGovernor();
        citizens.setTurnoverCap(1, 1);
        _activate(roll, 1);
        _startRetirement(1);
        _startRecovery();
        _untilDue();
        citizens.retire(0, 1, roll.accounts[1]);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.TurnoverReached.selector, 1, 1, 1));
        citizens.recover(0, 2, ann);
        vm.warp((block.timestamp / TURNOVER_PERIOD + 1) * TURNOVER_PERIOD);
        citizens.recover(0, 2, ann);
        assertEq(citizens.regionOf(1).turnover, 1);
    }

    function test_setTurnoverCap__byTheGovernor__saysOldAndNew() public {
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.TurnoverCapChanged(1, 3, 7);
        _asGovernor();
        citizens.setTurnoverCap(1, 7);
        assertEq(citizens.regionOf(1).turnoverCap, 7);
        vm.expectRevert(_aboveField(uint256(1) << 40, type(uint40).max));
        _asGovernor();
        citizens.setTurnoverCap(1, uint256(1) << 40);
        vm.expectRevert(_unauthorized(registrar));
        vm.prank(registrar);
        citizens.setTurnoverCap(1, 8);
    }

    /* FIRST SPENDING */

    function _firstPayment() private view returns (Authorization memory) {
        uint256 key = _citizenKey("citizen 1");
        return _signPayment("Transfer", key, _payment(roll.accounts[1], stranger, 400 * SBI, bytes32(0)));
    }

    function test_activateAndPay__neverActivated__spendsAtOnce() public {
        Authorization memory payment = _firstPayment();
        bytes32[] memory proof = _proof(roll, 1);
        vm.prank(relayer);
        citizens.activateAndPay(0, 1, roll.accounts[1], roll.persons[1], proof, payment);
        assertEq(token.balanceOf(roll.accounts[1]), 600 * SBI);
        assertEq(token.balanceOf(stranger), 400 * SBI);
        assertEq(citizens.citizenOf(roll.accounts[1]).since, block.timestamp);
    }

    function test_activateAndPay__activatedByAnotherBefore__onlyPays() public {
        Authorization memory payment = _firstPayment();
        bytes32[] memory proof = _proof(roll, 1);
        _activate(roll, 1);
        citizens.activateAndPay(0, 1, roll.accounts[1], roll.persons[1], proof, payment);
        assertEq(token.balanceOf(stranger), 400 * SBI);
    }

    function test_activateAndPay__anothersPayment__refused() public {
        Authorization memory payment = _firstPayment();
        bytes32[] memory proof = _proof(roll, 0);
        vm.expectRevert(
            abi.encodeWithSelector(ICitizenRegistry.PayerNotCitizen.selector, roll.accounts[1], roll.accounts[0])
        );
        citizens.activateAndPay(0, 0, roll.accounts[0], roll.persons[0], proof, payment);
    }

    /* OFFICES */

    function test_moveRegistrar__anOffice__keepsNumberAndBatches() public {
        address moved = makeAddr("the registrar's new key");
        vm.expectEmit(address(citizens));
        emit ICitizenRegistry.RegistrarMoved(1, registrar, moved);
        _asGovernor();
        citizens.moveRegistrar(registrar, moved);
        (uint256 number, bool inOffice) = citizens.registrarOf(moved);
        assertEq(number, 1);
        assertTrue(inOffice);
        (number,) = citizens.registrarOf(registrar);
        assertEq(number, 0);
        vm.prank(moved);
        citizens.startRetirement(0, 2);
        _untilDue();
        citizens.retire(0, 2, ann);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NotRegistrar.selector, registrar));
        vm.prank(registrar);
        citizens.startRetirement(0, 1);
    }

    function test_moveRegistrar__aSuspendedOffice__staysSuspended() public {
        _startRetirement(2);
        _untilDue();
        vm.startPrank(address(timelock));
        citizens.removeRegistrar(registrar);
        citizens.moveRegistrar(registrar, stranger);
        vm.stopPrank();
        (uint256 number, bool inOffice) = citizens.registrarOf(stranger);
        assertEq(number, 1);
        assertFalse(inOffice);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.RegistrarOutOfOffice.selector, 1));
        citizens.retire(0, 2, ann);
        _asGovernor();
        citizens.addRegistrar(stranger);
        citizens.retire(0, 2, ann);
    }

    function test_moveRegistrar__nobodyOrToAnOffice__refused() public {
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.NotRegistrar.selector, stranger));
        _asGovernor();
        citizens.moveRegistrar(stranger, next);
        vm.expectRevert(abi.encodeWithSelector(ICitizenRegistry.AlreadyRegistrar.selector, other));
        _asGovernor();
        citizens.moveRegistrar(registrar, other);
        vm.expectRevert(_unauthorized(registrar));
        vm.prank(registrar);
        citizens.moveRegistrar(registrar, next);
    }

    function test_constructor__aSpanOfZero__refused() public {
        _expectCreateReverts(
            abi.encodeWithSelector(ICitizenRegistry.ZeroSpan.selector, 0, 1),
            "CitizenRegistry",
            abi.encode(address(manager), address(token), address(vault), 0, 1, 0, 0)
        );
        _expectCreateReverts(
            abi.encodeWithSelector(ICitizenRegistry.ZeroSpan.selector, 1, 0),
            "CitizenRegistry",
            abi.encode(address(manager), address(token), address(vault), 1, 0, 0, 0)
        );
    }

    function test_constructor__spans__areKept() public view {
        assertEq(citizens.objectionDelay(), OBJECTION_DELAY);
        assertEq(citizens.turnoverPeriod(), TURNOVER_PERIOD);
        assertEq(citizens.jumpFloor(), type(uint40).max);
        assertEq(citizens.jumpBps(), 5000);
    }

    function test_eip712Domain__always__describesTheDomain() public view {
        (bytes1 fields, string memory name, string memory version, uint256 chainId, address verifier,,) =
            citizens.eip712Domain();
        assertEq(fields, bytes1(0x0f));
        assertEq(name, "CitizenRegistry");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(verifier, address(citizens));
    }
}
