// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

import {IComputeExchange} from "../../contracts/interfaces/IComputeExchange.sol";
import {IDistributionVault} from "../../contracts/interfaces/IDistributionVault.sol";
import {ISecondChamber, Seat} from "../../contracts/interfaces/ISecondChamber.sol";
import {ISuiteGovernor, VoteTerms} from "../../contracts/interfaces/ISuiteGovernor.sol";
import {RangeLib} from "../../contracts/libraries/RangeLib.sol";
import {GovernorTest} from "./GovernorTest.sol";

/// Branches covered here.
///
/// constructor: spans of nothing, a share of the quorum out of range
/// propose: by a citizen whose vote is ripe; by anybody else refused
/// castVote: one head one vote, once; by signature, carried by another; by another's signature refused
/// state
/// ├── a quorum and more for than against: Succeeded; fewer, or as many against: Defeated
/// ├── not queued, or not executed, within its grace: Expired
/// └── from proposal to effect, after the timelock's delay
/// quorum: the floor; the share, rounded up; of the snapshot, whatever is decided later
/// setVoteTerms: by another; out of its ranges (OutOfRange); a floor above the whole (QuorumAboveWhole); good
/// updateDelay of the timelock: zero, and beyond its range, refused; good
/// chamber
/// ├── one seat delays nothing; two delay by five days, once: ProposalDelayed
/// ├── by another: NotSeatHolder; twice: ObjectedBefore; of what is done: NothingToDelay
/// ├── passOn, appoint: by its holder, by a vote
/// └── constructor: ObjectionsOutOfRange
/// a proposal that outlives what it is about: refused by its target, and expired in the end
contract SuiteGovernorTest is GovernorTest {
    function _shares() private view returns (Proposal memory) {
        return _proposal(address(exchange), abi.encodeCall(IComputeExchange.setShares, (500, 2500)));
    }

    function _expectState(uint256 id, IGovernor.ProposalState expected) private view {
        assertEq(uint8(governor.state(id)), uint8(expected));
    }

    /* CONSTRUCTION */

    function _governorArguments(uint256 grace, VoteTerms memory terms) private view returns (bytes memory) {
        return abi.encode(votes, timelock, chamber, grace, terms);
    }

    function test_constructor__figuresOutOfRange__refused() public {
        VoteTerms memory terms = _voteTerms();
        bytes memory nothing = abi.encodeWithSelector(RangeLib.OutOfRange.selector, 0, 1, 1_073_741_823);
        _expectCreateReverts(nothing, "SuiteGovernor", _governorArguments(0, terms));
        terms.votingPeriod = 0;
        _expectCreateReverts(nothing, "SuiteGovernor", _governorArguments(GRACE, terms));
        terms = _voteTerms();
        terms.votingDelay = 0;
        _expectCreateReverts(nothing, "SuiteGovernor", _governorArguments(GRACE, terms));
        terms = _voteTerms();
        terms.quorumBps = 99;
        _expectCreateReverts(
            abi.encodeWithSelector(RangeLib.OutOfRange.selector, 99, 100, 5000),
            "SuiteGovernor",
            _governorArguments(GRACE, terms)
        );
    }

    function test_constructor__deployed__holdsItsTerms() public view {
        VoteTerms memory terms = governor.voteTerms();
        assertEq(terms.votingDelay, VOTING_DELAY);
        assertEq(terms.votingPeriod, VOTING_PERIOD);
        assertEq(terms.quorumFloor, QUORUM_FLOOR);
        assertEq(terms.quorumBps, QUORUM_BPS);
        assertEq(governor.grace(), GRACE);
        assertEq(governor.proposalThreshold(), 1);
        assertEq(governor.timelock(), address(timelock));
        assertEq(address(governor.token()), address(votes));
        assertEq(address(governor.chamber()), address(chamber));
        assertEq(governor.clock(), block.timestamp);
        assertEq(governor.CLOCK_MODE(), "mode=timestamp");
        assertEq(governor.MIN_QUORUM_BPS(), 100);
        assertEq(governor.MAX_QUORUM_BPS(), 5000);
    }

    /* FROM PROPOSAL TO EFFECT */

    function test_execute__aChangeOfShares__takesEffect() public {
        Proposal memory made = _shares();
        uint256 id = _propose(made);
        assertEq(id, _idOf(made));
        _expectState(id, IGovernor.ProposalState.Pending);
        _vote(id, 2, FOR);
        vm.prank(_voter(2));
        governor.castVote(id, ABSTAIN);
        vm.prank(_voter(3));
        governor.castVote(id, AGAINST);
        _expectState(id, IGovernor.ProposalState.Active);

        vm.warp(governor.proposalDeadline(id) + 1);
        _expectState(id, IGovernor.ProposalState.Succeeded);
        vm.startPrank(stranger);
        _queue(made);
        _expectState(id, IGovernor.ProposalState.Queued);
        assertEq(governor.proposalEta(id), block.timestamp + TIMELOCK_DELAY);
        vm.warp(block.timestamp + TIMELOCK_DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(ISuiteGovernor.ProposalDelayed.selector, id, governor.proposalEta(id)));
        _execute(made);
        vm.warp(block.timestamp + 1);
        _execute(made);
        vm.stopPrank();
        _expectState(id, IGovernor.ProposalState.Executed);
        (uint256 fee, uint256 recirculated) = exchange.shares();
        assertEq(fee, 500);
        assertEq(recirculated, 2500);
    }

    function test_propose__withoutARipeVote__refused() public {
        Proposal memory made = _shares();
        Roll memory young = _enrol(_one(relayer));
        _activate(young, 0);
        address[2] memory others = [stranger, relayer];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IGovernor.GovernorInsufficientProposerVotes.selector, others[i], 0, 1)
            );
            vm.prank(others[i]);
            governor.propose(made.targets, made.values, made.calldatas, made.description);
        }
    }

    function test_castVote__twice__refused() public {
        uint256 id = _propose(_shares());
        _vote(id, 1, FOR);
        assertTrue(governor.hasVoted(id, _voter(0)));
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorAlreadyCastVote.selector, _voter(0)));
        vm.prank(_voter(0));
        governor.castVote(id, AGAINST);
        (uint256 against, uint256 inFavour, uint256 abstaining) = governor.proposalVotes(id);
        assertEq(against + abstaining, 0);
        assertEq(inFavour, 1);
    }

    function test_castVote__whoeverIsNoCitizen__weighsNothing() public {
        uint256 id = _propose(_shares());
        _vote(id, 0, FOR);
        vm.prank(stranger);
        assertEq(governor.castVote(id, FOR), 0);
        (, uint256 inFavour,) = governor.proposalVotes(id);
        assertEq(inFavour, 0);
    }

    /// A citizen without ether votes by a signature that anybody carries.
    function test_castVoteBySig__carriedByAnother__counts() public {
        uint256 id = _propose(_shares());
        _vote(id, 0, FOR);
        address voter = _voter(5);
        bytes memory signature = _sign(_citizenKey("citizen 5"), _ballotDigest(id, FOR, voter, 0));
        vm.startPrank(relayer);
        assertEq(governor.castVoteBySig(id, FOR, voter, signature), 1);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorInvalidSignature.selector, voter));
        governor.castVoteBySig(id, FOR, voter, signature);
        // Another's signature, and another choice than was signed.
        signature = _sign(_citizenKey("citizen 5"), _ballotDigest(id, FOR, _voter(6), 0));
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorInvalidSignature.selector, _voter(6)));
        governor.castVoteBySig(id, FOR, _voter(6), signature);
        signature = _sign(_citizenKey("citizen 6"), _ballotDigest(id, FOR, _voter(6), 0));
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorInvalidSignature.selector, _voter(6)));
        governor.castVoteBySig(id, AGAINST, _voter(6), signature);
        vm.stopPrank();
    }

    function _ballotDigest(uint256 id, uint8 support, address voter, uint256 nonce) private view returns (bytes32) {
        bytes32 typehash = keccak256("Ballot(uint256 proposalId,uint8 support,address voter,uint256 nonce)");
        return _digest("SuiteGovernor", address(governor), keccak256(abi.encode(typehash, id, support, voter, nonce)));
    }

    function test_state__withoutAQuorum__defeated() public {
        uint256 id = _propose(_shares());
        _vote(id, 2, FOR);
        vm.warp(governor.proposalDeadline(id) + 1);
        _expectState(id, IGovernor.ProposalState.Defeated);
    }

    function test_state__asManyAgainst__defeated() public {
        uint256 id = _propose(_shares());
        _vote(id, 4, FOR);
        for (uint256 i = 4; i < 8; ++i) {
            vm.prank(_voter(i));
            governor.castVote(id, AGAINST);
        }
        vm.warp(governor.proposalDeadline(id) + 1);
        _expectState(id, IGovernor.ProposalState.Defeated);
        // What has come to its end does not expire.
        vm.warp(governor.proposalDeadline(id) + GRACE + 1);
        _expectState(id, IGovernor.ProposalState.Defeated);
    }

    function test_cancel__byTheProposerWhilePending__cancels() public {
        Proposal memory made = _shares();
        uint256 id = _propose(made);
        vm.prank(_voter(0));
        governor.cancel(made.targets, made.values, made.calldatas, _hashOf(made));
        _expectState(id, IGovernor.ProposalState.Canceled);
    }

    /* A PROPOSAL THAT OUTLIVES ITS TIME */

    function test_state__notQueuedInTime__expired() public {
        Proposal memory made = _shares();
        uint256 id = _propose(made);
        _vote(id, 8, FOR);
        vm.warp(governor.proposalDeadline(id) + GRACE);
        _expectState(id, IGovernor.ProposalState.Succeeded);
        vm.warp(block.timestamp + 1);
        _expectState(id, IGovernor.ProposalState.Expired);
        vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        _queue(made);
    }

    function test_state__notExecutedInTime__expired() public {
        Proposal memory made = _shares();
        uint256 id = _carry(made);
        vm.warp(governor.proposalEta(id) + GRACE);
        _expectState(id, IGovernor.ProposalState.Queued);
        vm.warp(block.timestamp + 1);
        _expectState(id, IGovernor.ProposalState.Expired);
        vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        _execute(made);
    }

    /// A change of terms for an epoch that has begun by the time the vote is through: refused then, and nothing is lost.
    function test_execute__termsForAnEpochThatHasBegun__refused() public {
        address rule = _create("IssuancePolicy", abi.encode(uint256(0.5e18), uint256(5000)));
        uint256 fromEpoch = vault.currentEpoch() + 4;
        Proposal memory made = _proposal(
            address(vault), abi.encodeCall(IDistributionVault.scheduleTerms, (rule, address(oracles), fromEpoch))
        );
        uint256 id = _carry(made);
        vm.expectRevert(
            abi.encodeWithSelector(IDistributionVault.ChangeTooSoon.selector, fromEpoch, vault.currentEpoch() + 3)
        );
        _execute(made);
        _expectState(id, IGovernor.ProposalState.Queued);
        assertEq(vault.policyAt(fromEpoch), address(policy));
    }

    /* QUORUM */

    function test_quorum__fewCitizens__isTheFloor() public view {
        assertEq(votes.getPastTotalSupply(block.timestamp - 1), 8);
        assertEq(governor.quorum(block.timestamp - 1), 3);
    }

    function test_quorum__manyCitizens__isTheShareRoundedUp() public {
        address[] memory more = new address[](9);
        for (uint256 i = 0; i < 9; ++i) {
            more[i] = _citizen(100 + i);
        }
        _activateAll(_enrol(more));
        vm.warp(block.timestamp + RIPENING + 1 days);
        assertEq(votes.getPastTotalSupply(block.timestamp - 1), 17);
        // A quarter of 17.
        assertEq(governor.quorum(block.timestamp - 1), 5);
    }

    function test_setVoteTerms__byAnotherThanAProposal__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorOnlyExecutor.selector, stranger));
        vm.prank(stranger);
        governor.setVoteTerms(_voteTerms());
    }

    /// @dev A proposal of these terms, decided and due.
    function _decideTerms(VoteTerms memory terms, string memory why) private returns (Proposal memory made) {
        made = _proposal(address(governor), abi.encodeCall(ISuiteGovernor.setVoteTerms, (terms)));
        made.description = why;
        _carry(made);
    }

    function _expectTermsRevert(VoteTerms memory terms, string memory why, bytes memory refusal) private {
        Proposal memory made = _decideTerms(terms, why);
        vm.expectRevert(refusal);
        _execute(made);
    }

    function test_setVoteTerms__aFloorAboveTheWhole__refused() public {
        VoteTerms memory terms = _voteTerms();
        terms.quorumFloor = 9;
        _expectTermsRevert(
            terms, "nine of eight", abi.encodeWithSelector(ISuiteGovernor.QuorumAboveWhole.selector, 9, 8)
        );
        terms.quorumFloor = 8;
        _execute(_decideTerms(terms, "all"));
        assertEq(governor.quorum(block.timestamp - 1), 3);
        vm.warp(block.timestamp + 1);
        assertEq(governor.quorum(block.timestamp - 1), 8);
    }

    function test_setVoteTerms__outOfTheirRanges__refused() public {
        bytes4 error = RangeLib.OutOfRange.selector;
        VoteTerms memory terms = _voteTerms();
        terms.quorumBps = 5001;
        _expectTermsRevert(terms, "more than half", abi.encodeWithSelector(error, 5001, 100, 5000));
        terms = _voteTerms();
        terms.votingPeriod = uint32(VOTING_PERIOD / 4 - 1);
        _expectTermsRevert(terms, "in haste", abi.encodeWithSelector(error, 86_399, 86_400, 1_382_400));
        terms = _voteTerms();
        terms.votingDelay = 0;
        _expectTermsRevert(terms, "unseen", abi.encodeWithSelector(error, 0, 21_600, 345_600));
    }

    function test_setVoteTerms__good__holdsForLaterProposals() public {
        VoteTerms memory terms = VoteTerms(uint48(VOTING_DELAY / 4), uint32(VOTING_PERIOD * 4), 4, 5000);
        uint256 before = _propose(_shares());
        Proposal memory made = _proposal(address(governor), abi.encodeCall(ISuiteGovernor.setVoteTerms, (terms)));
        _carry(made);
        vm.expectEmit(address(governor));
        emit ISuiteGovernor.VoteTermsChanged(terms);
        _execute(made);
        assertEq(governor.votingDelay(), VOTING_DELAY / 4);
        assertEq(governor.votingPeriod(), VOTING_PERIOD * 4);
        assertEq(governor.proposalDeadline(before), governor.proposalSnapshot(before) + VOTING_PERIOD);
        assertEq(governor.quorum(governor.proposalSnapshot(before)), 3);
        vm.warp(block.timestamp + 1);
        assertEq(governor.quorum(block.timestamp - 1), 4);
    }

    function test_updateDelay__ofZeroOrOutOfRange__refused() public {
        uint256[3] memory bad = [uint256(0), TIMELOCK_DELAY / 4 - 1, TIMELOCK_DELAY * 4 + 1];
        for (uint256 i = 0; i < bad.length; ++i) {
            Proposal memory made = _proposal(address(timelock), abi.encodeCall(timelock.updateDelay, (bad[i])));
            _carry(made);
            vm.expectRevert(
                abi.encodeWithSelector(RangeLib.OutOfRange.selector, bad[i], TIMELOCK_DELAY / 4, TIMELOCK_DELAY * 4)
            );
            _execute(made);
        }
        Proposal memory good = _proposal(address(timelock), abi.encodeCall(timelock.updateDelay, (TIMELOCK_DELAY / 4)));
        _carry(good);
        _execute(good);
        assertEq(timelock.getMinDelay(), TIMELOCK_DELAY / 4);
    }

    /* SECOND CHAMBER */

    function _object(uint256 id, uint256 seat) private {
        vm.prank(seated[seat]);
        chamber.objectTo(id, Seat(seat));
    }

    function test_objectTo__oneSeat__delaysNothing() public {
        Proposal memory made = _shares();
        uint256 id = _carry(made);
        vm.expectEmit(address(chamber));
        emit ISecondChamber.SeatObjected(id, Seat.Oracles, 1);
        _object(id, 1);
        assertEq(chamber.delayOf(id), 0);
        _execute(made);
    }

    /// Two seats delay by five days, all four by no more; then it is executed.
    function test_objectTo__twoSeats__delayOnceAndDecideNothing() public {
        Proposal memory made = _shares();
        uint256 id = _propose(made);
        _object(id, 0);
        _vote(id, 8, FOR);
        vm.warp(governor.proposalDeadline(id) + 1);
        _queue(made);
        uint256 eta = governor.proposalEta(id);
        _object(id, 3);
        assertEq(governor.proposalEta(id), eta + CHAMBER_DELAY);
        _object(id, 1);
        _object(id, 2);
        assertEq(chamber.objectionsTo(id), 4);
        assertEq(governor.proposalEta(id), eta + CHAMBER_DELAY);

        vm.warp(eta + CHAMBER_DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(ISuiteGovernor.ProposalDelayed.selector, id, eta + CHAMBER_DELAY));
        _execute(made);
        vm.warp(eta + CHAMBER_DELAY);
        _execute(made);
        (uint256 fee,) = exchange.shares();
        assertEq(fee, 500);
    }

    function test_proposalEta__objectedToBeforeItIsQueued__isNone() public {
        uint256 id = _propose(_shares());
        _object(id, 0);
        _object(id, 1);
        assertEq(chamber.delayOf(id), CHAMBER_DELAY);
        assertEq(governor.proposalEta(id), 0);
    }

    function test_objectTo__byAnotherOrTwice__refused() public {
        uint256 id = _propose(_shares());
        vm.expectRevert(abi.encodeWithSelector(ISecondChamber.NotSeatHolder.selector, stranger, seated[2]));
        vm.prank(stranger);
        chamber.objectTo(id, Seat.Registrars);
        _object(id, 2);
        vm.expectRevert(abi.encodeWithSelector(ISecondChamber.ObjectedBefore.selector, id, Seat.Registrars));
        _object(id, 2);
    }

    function test_objectTo__whatIsDone__refused() public {
        Proposal memory made = _shares();
        uint256 id = _carry(made);
        _execute(made);
        vm.expectRevert(
            abi.encodeWithSelector(ISecondChamber.NothingToDelay.selector, id, uint8(IGovernor.ProposalState.Executed))
        );
        _object(id, 0);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorNonexistentProposal.selector, 7));
        _object(7, 0);
    }

    function test_passOn__byItsHolder__movesTheSeat() public {
        vm.expectEmit(address(chamber));
        emit ISecondChamber.SeatAppointed(Seat.CivilSociety, seated[3], stranger);
        vm.prank(seated[3]);
        chamber.passOn(Seat.CivilSociety, stranger);
        assertEq(chamber.holderOf(Seat.CivilSociety), stranger);
        vm.expectRevert(abi.encodeWithSelector(ISecondChamber.NotSeatHolder.selector, seated[3], stranger));
        vm.prank(seated[3]);
        chamber.passOn(Seat.CivilSociety, seated[3]);
    }

    function test_appoint__byAVoteAlone__movesTheSeat() public {
        vm.expectRevert(_unauthorized(seated[0]));
        vm.prank(seated[0]);
        chamber.appoint(Seat.Oracles, seated[0]);
        Proposal memory made =
            _proposal(address(chamber), abi.encodeCall(ISecondChamber.appoint, (Seat.Oracles, stranger)));
        _carry(made);
        _execute(made);
        assertEq(chamber.holderOf(Seat.Oracles), stranger);
    }

    function test_chamber__objectionsOutOfRange__refused() public {
        for (uint256 i = 0; i < 2; ++i) {
            uint256 needed = i == 0 ? 1 : 5;
            _expectCreateReverts(
                abi.encodeWithSelector(ISecondChamber.ObjectionsOutOfRange.selector, needed, 2, 4),
                "SecondChamber",
                abi.encode(address(manager), address(governor), CHAMBER_DELAY, needed, seated)
            );
        }
        assertEq(chamber.objectionsNeeded(), 2);
        assertEq(chamber.delay(), CHAMBER_DELAY);
        assertEq(address(chamber.governor()), address(governor));
    }
}
