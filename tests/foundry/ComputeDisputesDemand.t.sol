// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Exhibit, IComputeDisputes, Node} from "../../contracts/interfaces/IComputeDisputes.sol";
import {IComputeOracleRegistry} from "../../contracts/interfaces/IComputeOracleRegistry.sol";
import {IPullPayments} from "../../contracts/interfaces/IPullPayments.sol";
import {Outcome} from "../../contracts/interfaces/IReportSource.sol";
import {SumProofLib} from "../../contracts/libraries/SumProofLib.sol";
import {TreeTest} from "./TreeTest.sol";

/// Branches covered here: what is demanded, shown, not shown. Reports are accepted at T; disputable until T + 600,
/// settled by T + 1,500; a demand is to be answered within 300 s.
///
/// demand
/// ├── any place: bond, deadline, event; bonds grow with the demands open; less than the bond (DemandBondTooSmall); more (due)
/// ├── a place twice, open or closed (AlreadyDemanded); beyond the tree (NoSuchPlace); of another (WrongCommitment)
/// ├── unreported, void, final (EpochNotDisputable); too late to be answered and disputed (DemandTooLate)
/// └── while open, no report is final
/// reveal
/// ├── leaf, node, top, padding: pays whoever shows it, leaves a dispute window; event with all of it
/// ├── not demanded, closed (NoOpenDemand); too late (RevealTooLate); of another tree (WrongCommitment), form or bytes
/// ├── what is shown to be faulty can be disputed; void meanwhile (EpochNotPending)
/// └── at its last second, of the last demand: settled by T + 1,500
/// lapse: too soon (RevealStillPossible); voids, slashes, pays the demander, once; of two; after time has voided it;
///     after the signers were slashed for something else; by anybody
/// refund: void for another reason; not before (DemandNotMoot); forgotten; twice (NoOpenDemand)
/// withdraw, bondOfDemand, demandOf
contract ComputeDisputesDemandTest is TreeTest {
    address private demander = makeAddr("demander");
    address private revealer = makeAddr("revealer");

    Node private top;
    uint256 private acceptedAt;

    /// @dev Reports a tree that everybody may see.
    function _open(Tree memory tree) private {
        _submit(tree);
        (top, acceptedAt) = (_top(tree), block.timestamp);
    }

    function _openHonest() private returns (Tree memory tree) {
        tree = _build(_honest());
        _open(tree);
    }

    function _demand(uint256 level, uint256 position) private {
        uint256 bond = disputes.bondOfDemand(EPOCH);
        vm.deal(demander, demander.balance + bond);
        vm.prank(demander);
        disputes.demand{value: bond}(_place(level, position), 5, top);
    }

    function _reveal(Tree memory tree, uint256 level, uint256 position) private {
        Exhibit memory shown = _show(tree, level, position);
        vm.prank(revealer);
        disputes.reveal(_place(level, position), shown);
    }

    function _lapse(uint256 level, uint256 position) private {
        vm.prank(stranger);
        disputes.lapse(_place(level, position));
    }

    function _outcomeIs(Outcome expected) private view {
        (Outcome outcome,) = oracles.outcomeOf(EPOCH);
        assertEq(uint256(outcome), uint256(expected));
    }

    function _isOpen(uint256 level, uint256 position) private view returns (bool open) {
        (,,, open) = disputes.demandOf(_place(level, position));
    }

    /* DEMANDS */

    function test_demand__aPlace__costsABondAndHasADeadline() public {
        _openHonest();
        vm.deal(demander, 0.1 ether);
        vm.expectEmit(address(disputes));
        emit IComputeDisputes.PlaceDemanded(EPOCH, 1, 2, demander, 0.1 ether, acceptedAt + 300);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.FinalityPostponed(EPOCH, 1, acceptedAt + 600);
        vm.prank(demander);
        disputes.demand{value: 0.1 ether}(_place(1, 2), 5, top);
        (address who, uint256 deadline, uint256 bond, bool open) = disputes.demandOf(_place(1, 2));
        assertEq(who, demander);
        assertEq(deadline, acceptedAt + 300);
        assertEq(bond, 0.1 ether);
        assertTrue(open);
        (who,,, open) = disputes.demandOf(_place(2, 1));
        assertEq(who, address(0));
        assertFalse(open);
    }

    function test_demand__moreAtOnce__costEachMore() public {
        Tree memory tree = _openHonest();
        assertEq(disputes.bondOfDemand(EPOCH), 0.1 ether);
        _demand(0, 0);
        assertEq(disputes.bondOfDemand(EPOCH), 0.2 ether);
        _demand(0, 1);
        _demand(0, 2);
        assertEq(disputes.bondOfDemand(EPOCH), 0.4 ether);
        assertEq(address(disputes).balance, 0.6 ether);
        // Those that are answered no longer count; what each is worth is what it cost.
        _reveal(tree, 0, 1);
        assertEq(disputes.due(revealer), 0.2 ether);
        assertEq(disputes.bondOfDemand(EPOCH), 0.3 ether);
    }

    function test_demand__withLessThanTheBond__refused() public {
        _openHonest();
        _demand(0, 0);
        uint256[3] memory given = [uint256(0.1 ether), 0.2 ether - 1, 0];
        vm.deal(demander, 1 ether);
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.DemandBondTooSmall.selector, given[i], 0.2 ether));
            vm.prank(demander);
            disputes.demand{value: given[i]}(_place(0, 1), 5, top);
        }
    }

    /// Who fears that others demand first sends more, and is held to what it costs.
    function test_demand__withMoreThanTheBond__theRestIsDue() public {
        _openHonest();
        vm.deal(demander, 1 ether);
        vm.expectEmit(address(disputes));
        emit IComputeDisputes.PlaceDemanded(EPOCH, 0, 1, demander, 0.1 ether, block.timestamp + REVEAL_WINDOW);
        vm.prank(demander);
        disputes.demand{value: 0.7 ether}(_place(0, 1), 5, top);
        assertEq(disputes.due(demander), 0.6 ether);
        (,, uint256 bond,) = disputes.demandOf(_place(0, 1));
        assertEq(bond, 0.1 ether);
        vm.prank(demander);
        disputes.withdraw();
        assertEq(demander.balance, 0.9 ether);
    }

    function test_demand__withMoreThanTheBondTwice__theRestAddsUp() public {
        _openHonest();
        vm.deal(demander, 2 ether);
        vm.startPrank(demander);
        disputes.demand{value: 0.7 ether}(_place(0, 1), 5, top);
        disputes.demand{value: 0.8 ether}(_place(0, 2), 5, top);
        assertEq(disputes.due(demander), 1.2 ether);
    }

    function demandNow(uint256 level, uint256 position) external {
        _demand(level, position);
    }

    function test_demand__aPlaceTwice__refused() public {
        Tree memory tree = _openHonest();
        _demand(0, 1);
        bytes memory refusal = abi.encodeWithSelector(IComputeDisputes.AlreadyDemanded.selector, EPOCH, 0, 1);
        vm.expectRevert(refusal);
        this.demandNow(0, 1);
        _reveal(tree, 0, 1);
        vm.expectRevert(refusal);
        this.demandNow(0, 1);
    }

    function test_demand__beyondTheTree__refused() public {
        _openHonest();
        vm.expectRevert(abi.encodeWithSelector(SumProofLib.NoSuchPlace.selector, 0, 8, 5));
        this.demandNow(0, 8);
        vm.expectRevert(abi.encodeWithSelector(SumProofLib.NoSuchPlace.selector, 4, 0, 5));
        this.demandNow(4, 0);
        vm.expectRevert(abi.encodeWithSelector(SumProofLib.NoSuchPlace.selector, 3, 1, 5));
        this.demandNow(3, 1);
    }

    /// A place that the tree has not could never be shown, so nobody may make the tree out to be another.
    function test_demand__ofATreeThatIsNotTheReports__refused() public {
        Tree memory tree = _openHonest();
        vm.deal(demander, 1 ether);
        bytes32 given = keccak256(bytes.concat(hex"02", bytes4(uint32(9)), top.hash, bytes32(top.sums)));
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.WrongCommitment.selector, given, _commitment(tree)));
        vm.prank(demander);
        disputes.demand{value: 0.1 ether}(_place(0, 12), 9, top);
        vm.expectRevert(_aboveField((uint256(1) << 32) + 5, type(uint32).max));
        vm.prank(demander);
        disputes.demand{value: 0.1 ether}(_place(20, 0), (uint256(1) << 32) + 5, top);
    }

    function test_demand__ofAnEpochThatIsNotPending__refused() public {
        bytes4 error = IComputeDisputes.EpochNotDisputable.selector;
        vm.deal(demander, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(error, EPOCH, Outcome.Open));
        vm.prank(demander);
        disputes.demand{value: 0.1 ether}(_place(0, 0), 5, top);
        _openHonest();
        vm.warp(acceptedAt + 601);
        vm.expectRevert(abi.encodeWithSelector(error, EPOCH, Outcome.Final));
        this.demandNow(0, 0);
        vm.warp(acceptedAt + 600);
        vm.prank(address(disputes));
        oracles.voidReport(EPOCH);
        vm.expectRevert(abi.encodeWithSelector(error, EPOCH, Outcome.Void));
        this.demandNow(0, 0);
    }

    /// To the last second of the first window; after that only as long as answer and dispute still fit.
    function test_demand__tooLateToBeAnswered__refused() public {
        Tree memory tree = _openHonest();
        vm.warp(acceptedAt + 300);
        _demand(0, 0);
        _reveal(tree, 0, 0);
        // Disputable until T + 900 now, but to be answered by T + 900 at the latest.
        vm.warp(acceptedAt + 601);
        vm.expectRevert(
            abi.encodeWithSelector(IComputeDisputes.DemandTooLate.selector, acceptedAt + 901, acceptedAt + 900)
        );
        this.demandNow(0, 1);
        vm.warp(acceptedAt + 600);
        _demand(0, 1);
    }

    function test_demand__open__keepsTheVaultWaiting() public {
        _enrolMany(2);
        _income(10);
        Tree memory tree = _openHonest();
        vm.warp(acceptedAt + 600);
        _demand(0, 0);
        vm.warp(acceptedAt + 900);
        vm.expectRevert(abi.encodeWithSignature("EpochNotFinal(uint256,uint8)", EPOCH, Outcome.Pending));
        vault.distribute();
        _reveal(tree, 0, 0);
        vm.warp(acceptedAt + 1501);
        vault.distribute();
        assertEq(vault.issued() + vault.reserve(), (10 + HONEST_OUTPUT) * SBI);
    }

    /* SHOWN */

    function test_reveal__everyKindOfPlace__paysWhoeverShowsIt() public {
        Tree memory tree = _openHonest();
        uint256[2][5] memory places =
            [[uint256(0), 1], [uint256(1), 0], [uint256(3), 0], [uint256(0), 6], [uint256(1), 3]];
        for (uint256 i = 0; i < 5; ++i) {
            (uint256 level, uint256 position) = (places[i][0], places[i][1]);
            _demand(level, position);
            Exhibit memory shown = _show(tree, level, position);
            vm.expectEmit(address(disputes));
            emit IComputeDisputes.PlaceRevealed(EPOCH, level, position, revealer, 0.1 ether, shown);
            _reveal(tree, level, position);
            assertFalse(_isOpen(level, position));
            assertEq(disputes.due(revealer), (i + 1) * 0.1 ether);
        }
        _slashedAre(false, false, false, false);
        vm.expectEmit(address(disputes));
        emit IPullPayments.PaymentWithdrawn(revealer, 0.5 ether);
        vm.prank(revealer);
        disputes.withdraw();
        assertEq(revealer.balance, 0.5 ether);
        assertEq(address(disputes).balance, 0);
        vm.expectRevert(abi.encodeWithSelector(IPullPayments.NothingDue.selector, revealer));
        vm.prank(revealer);
        disputes.withdraw();
    }

    function test_reveal__late__leavesADisputeWindow() public {
        Tree memory tree = _openHonest();
        vm.warp(acceptedAt + 500);
        _demand(0, 1);
        vm.warp(acceptedAt + 800);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.FinalityPostponed(EPOCH, 0, acceptedAt + 1400);
        _reveal(tree, 0, 1);
        vm.warp(acceptedAt + 1400);
        _outcomeIs(Outcome.Pending);
        vm.warp(acceptedAt + 1401);
        _outcomeIs(Outcome.Final);
    }

    function revealNow(Tree memory tree, uint256 level, uint256 position) external {
        _reveal(tree, level, position);
    }

    function test_reveal__afterTheDeadline__refused() public {
        Tree memory tree = _openHonest();
        _demand(0, 1);
        vm.warp(acceptedAt + 301);
        vm.expectRevert(
            abi.encodeWithSelector(IComputeDisputes.RevealTooLate.selector, acceptedAt + 300, acceptedAt + 301)
        );
        this.revealNow(tree, 0, 1);
        vm.warp(acceptedAt + 300);
        _reveal(tree, 0, 1);
    }

    function test_reveal__whatIsNotDemanded__refused() public {
        Tree memory tree = _openHonest();
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.NoOpenDemand.selector, EPOCH, 0, 1));
        this.revealNow(tree, 0, 1);
        _demand(0, 1);
        _reveal(tree, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.NoOpenDemand.selector, EPOCH, 0, 1));
        this.revealNow(tree, 0, 1);
    }

    function test_reveal__somethingElse__refused() public {
        Tree memory tree = _openHonest();
        _demand(0, 1);
        Leaf[] memory leaves = _honest();
        leaves[1].digest = keccak256("another");
        Tree memory other = _build(leaves);
        vm.expectRevert(
            abi.encodeWithSelector(IComputeDisputes.WrongCommitment.selector, _commitment(other), _commitment(tree))
        );
        this.revealNow(other, 0, 1);
        Exhibit memory shown = _show(tree, 0, 1);
        shown.preimage = tree.preimages[0][2];
        vm.expectRevert(
            abi.encodeWithSelector(SumProofLib.WrongPreimage.selector, tree.nodes[0][2].hash, tree.nodes[0][1].hash)
        );
        disputes.reveal(_place(0, 1), shown);
        shown.preimage = "";
        vm.expectRevert(abi.encodeWithSelector(SumProofLib.MalformedPreimage.selector, 0, 69));
        disputes.reveal(_place(0, 1), shown);
    }

    /// A faulty place can be shown; what was hidden is then disputed.
    function test_reveal__ofAFaultyNode__canBeDisputedFromThen() public {
        Tree memory tree = _build(_honest(), Lie(true, 1, 0, _sums(201, 200, 300, 9999)));
        _open(tree);
        vm.warp(acceptedAt + 600);
        _demand(1, 0);
        vm.warp(acceptedAt + 900);
        _reveal(tree, 1, 0);
        vm.warp(acceptedAt + 1500);
        Exhibit memory shown = _show(tree, 1, 0);
        vm.prank(demander);
        disputes.disputeStructure(_place(1, 0), shown);
        _outcomeIs(Outcome.Void);
        _slashedAre(true, true, true, false);
    }

    function test_reveal__ofAFaultyLeaf__canBeDisputedFromThen() public {
        Leaf[] memory leaves = _honest();
        leaves[2].sums = _sums(1, 1, 1, 8);
        Tree memory tree = _build(leaves);
        _open(tree);
        _demand(0, 2);
        _reveal(tree, 0, 2);
        disputes.disputeLeaf(EPOCH, 2, _show(tree, 0, 2));
        (, uint256 output) = oracles.outcomeOf(EPOCH);
        assertEq(output, 1711);
    }

    function test_reveal__ofAnEpochVoidMeanwhile__refused() public {
        Tree memory tree = _openHonest();
        _demand(0, 1);
        vm.prank(address(disputes));
        oracles.voidReport(EPOCH);
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.EpochNotPending.selector, EPOCH, Outcome.Void));
        this.revealNow(tree, 0, 1);
    }

    /// Whatever is demanded of an honest tree, and whenever, its signers lose nothing and the report is final in time.
    function testFuzz_reveal__anyDemandsOfAnHonestTree__costNobodyAndEndInTime(uint256 seed) public {
        Tree memory tree = _openHonest();
        uint256 paid;
        for (uint256 i = 0; i < 6; ++i) {
            uint256 noise = uint256(keccak256(abi.encode(seed, i)));
            vm.warp(block.timestamp + noise % 140);
            (Outcome outcome,) = oracles.outcomeOf(EPOCH);
            if (outcome != Outcome.Pending || block.timestamp > acceptedAt + 600) break;
            uint256 level = (noise >> 16) % 4;
            uint256 position = (noise >> 32) % tree.nodes[level].length;
            (address before,,,) = disputes.demandOf(_place(level, position));
            if (before != address(0)) continue;
            paid += disputes.bondOfDemand(EPOCH);
            _demand(level, position);
            vm.warp(block.timestamp + (noise >> 48) % 301);
            _reveal(tree, level, position);
        }
        assertEq(disputes.due(revealer), paid);
        _slashedAre(false, false, false, false);
        vm.warp(_endOf(EPOCH) + oracles.finality() + 1);
        (Outcome settled, uint256 output) = oracles.outcomeOf(EPOCH);
        assertEq(uint256(settled), uint256(Outcome.Final));
        assertEq(output, HONEST_OUTPUT);
    }

    /* NOT SHOWN */

    function lapseNow(uint256 level, uint256 position) external {
        _lapse(level, position);
    }

    function test_lapse__notShownInTime__voidsAndSlashes() public {
        _openHonest();
        _demand(0, 1);
        vm.warp(acceptedAt + 301);
        vm.expectEmit(address(disputes));
        emit IComputeDisputes.DemandLapsed(EPOCH, 0, 1, demander, 0.1 ether);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.ReportVoided(EPOCH, HONEST_OUTPUT);
        _lapse(0, 1);
        _outcomeIs(Outcome.Void);
        _slashedAre(true, true, true, false);
        assertEq(disputes.due(demander), 0.1 ether);
        // The demander is who reported it, whoever called.
        assertEq(bonds.due(demander), 12 ether);
        assertEq(bonds.due(stranger), 0);
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.NoOpenDemand.selector, EPOCH, 0, 1));
        this.lapseNow(0, 1);
    }

    function test_lapse__whileItCanBeShown__refused() public {
        _openHonest();
        _demand(0, 1);
        vm.warp(acceptedAt + 300);
        vm.expectRevert(
            abi.encodeWithSelector(IComputeDisputes.RevealStillPossible.selector, acceptedAt + 300, acceptedAt + 300)
        );
        this.lapseNow(0, 1);
    }

    function test_lapse__whatIsNotDemanded__refused() public {
        _openHonest();
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.NoOpenDemand.selector, EPOCH, 0, 1));
        this.lapseNow(0, 1);
    }

    function test_lapse__twoDemands__slashForOneAndRefundBoth() public {
        _openHonest();
        _demand(0, 1);
        vm.warp(acceptedAt + 100);
        address second = makeAddr("second demander");
        vm.deal(second, 0.2 ether);
        vm.prank(second);
        disputes.demand{value: 0.2 ether}(_place(0, 2), 5, top);
        vm.warp(acceptedAt + 401);
        _lapse(0, 2);
        _lapse(0, 1);
        assertEq(disputes.due(second), 0.2 ether);
        assertEq(disputes.due(demander), 0.1 ether);
        assertEq(bonds.due(second), 12 ether);
        assertEq(bonds.due(demander), 0);
    }

    /// Nobody needs to call: by then the report is void, and its signers are slashed once somebody does.
    function test_lapse__afterTimeHasVoidedIt__slashesAllTheSame() public {
        _openHonest();
        vm.warp(acceptedAt + 600);
        _demand(0, 1);
        vm.warp(acceptedAt + 1500);
        _outcomeIs(Outcome.Pending);
        vm.warp(acceptedAt + 1501);
        _outcomeIs(Outcome.Void);
        _slashedAre(false, false, false, false);
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.DemandNotMoot.selector, EPOCH));
        disputes.refund(_place(0, 1));
        _lapse(0, 1);
        _slashedAre(true, true, true, false);
        assertEq(disputes.due(demander), 0.1 ether);
        _outcomeIs(Outcome.Void);
    }

    function test_lapse__signersSlashedForALeafBefore__voidsAllTheSame() public {
        Leaf[] memory leaves = _honest();
        leaves[2].sums = _sums(1, 1, 1, 8);
        Tree memory tree = _build(leaves);
        _open(tree);
        _demand(0, 1);
        vm.prank(stranger);
        disputes.disputeLeaf(EPOCH, 2, _show(tree, 0, 2));
        _outcomeIs(Outcome.Pending);
        // Not moot: what is left of the report still has to be shown.
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.DemandNotMoot.selector, EPOCH));
        disputes.refund(_place(0, 1));
        vm.warp(acceptedAt + 301);
        _lapse(0, 1);
        _outcomeIs(Outcome.Void);
        assertEq(disputes.due(demander), 0.1 ether);
        assertEq(bonds.due(demander), 0);
        assertEq(bonds.due(stranger), 12 ether);
    }

    function test_distribute__afterADemandWithoutAnAnswer__passesItsEpoch() public {
        _enrolMany(2);
        _income(10);
        _openHonest();
        _demand(0, 1);
        vm.warp(acceptedAt + 1501);
        // Nobody has called `lapse`.
        vault.distribute();
        assertEq(vault.nextEpoch(), 2);
        assertEq(vault.issued() + vault.reserve(), 10 * SBI);
    }

    /* MOOT */

    function test_refund__voidForAnotherReason__paysTheDemanderBack() public {
        Tree memory tree = _build(_honest(), Lie(true, 1, 0, _sums(201, 200, 300, 9999)));
        _open(tree);
        _demand(0, 4);
        _demand(2, 1);
        disputes.disputeStructure(_place(1, 0), _show(tree, 1, 0));
        vm.expectEmit(address(disputes));
        emit IComputeDisputes.DemandRefunded(EPOCH, 2, 1, demander, 0.2 ether);
        vm.prank(stranger);
        disputes.refund(_place(2, 1));
        assertEq(disputes.due(demander), 0.2 ether);
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.NoOpenDemand.selector, EPOCH, 2, 1));
        disputes.refund(_place(2, 1));
        disputes.refund(_place(0, 4));
        assertEq(disputes.due(demander), 0.3 ether);
        assertEq(address(disputes).balance, 0.3 ether);
    }

    function test_refund__pending__refused() public {
        _openHonest();
        _demand(0, 1);
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.DemandNotMoot.selector, EPOCH));
        disputes.refund(_place(0, 1));
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.NoOpenDemand.selector, EPOCH, 0, 2));
        disputes.refund(_place(0, 2));
    }

    /// Nobody called for so long that the record is gone: nothing is left but the bond.
    function test_refund__forgotten__paysTheDemanderBack() public {
        _openHonest();
        _demand(0, 1);
        vm.warp(_endOf(EPOCH) + oracles.retention() - 1);
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.DemandNotMoot.selector, EPOCH));
        disputes.refund(_place(0, 1));
        vm.warp(_endOf(EPOCH) + oracles.retention());
        vm.expectRevert(abi.encodeWithSelector(IComputeOracleRegistry.EpochForgotten.selector, EPOCH, EPOCH + 1));
        this.lapseNow(0, 1);
        disputes.refund(_place(0, 1));
        assertEq(disputes.due(demander), 0.1 ether);
        _slashedAre(false, false, false, false);
    }

    /// Whatever becomes of demands, what was paid in is due to somebody, and to one alone.
    function testFuzz_demands__howeverTheyEnd__loseNoWei(uint256 seed) public {
        Tree memory tree = _openHonest();
        uint256 count = 1 + seed % 5;
        for (uint256 i = 0; i < count; ++i) {
            _demand(0, i);
        }
        uint256 held = address(disputes).balance;
        for (uint256 i = 0; i < count; ++i) {
            if (seed >> (8 + i) & 1 == 1) _reveal(tree, 0, i);
        }
        vm.warp(acceptedAt + 301);
        for (uint256 i = 0; i < count; ++i) {
            if (seed >> (8 + i) & 1 == 0) _lapse(0, i);
        }
        assertEq(disputes.due(demander) + disputes.due(revealer), held);
        assertEq(address(disputes).balance, held);
        _outcomeIs(seed >> 8 & (1 << count) - 1 == (1 << count) - 1 ? Outcome.Pending : Outcome.Void);
    }
}
