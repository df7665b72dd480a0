// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Errors} from "@openzeppelin/contracts/utils/Errors.sol";

import {IComputeExchange} from "../../contracts/interfaces/IComputeExchange.sol";
import {GovernorTest} from "./GovernorTest.sol";

/// Branches covered here: what governor, timelock and access manager inherit from OpenZeppelin and no other file asks for.
///
/// governor
/// ├── votes with a reason and parameters, by transaction and by signature; a vote that is none: GovernorInvalidVoteType
/// ├── propose: parts of unequal length; a description that names another proposer
/// ├── queue by the timelock alone; cancel by another than the proposer
/// ├── relay and updateTimelock: by another refused; by a proposal done; a relayed call that fails: FailedCall
/// └── it takes no coins and no tokens
/// timelock: batches, predecessors, cancelling, roles, too short a delay; it takes tokens for the people
/// access manager: roles with delays, their admins and guardians, closed targets, scheduled calls, another authority
contract GovernanceInheritedTest is GovernorTest {
    uint64 private constant CLERKS = 7;
    uint32 private constant DELAY = 1 hours;

    function _setShares(uint256 fee) private pure returns (bytes memory) {
        return abi.encodeCall(IComputeExchange.setShares, (fee, 2500));
    }

    function _fee() private view returns (uint256 fee) {
        (fee,) = exchange.shares();
    }

    /* GOVERNOR */

    function _opened() private returns (uint256 id) {
        id = _propose(_proposal(address(exchange), _setShares(500)));
        _vote(id, 0, FOR);
    }

    function test_castVote__withAReason__counts() public {
        uint256 id = _opened();
        vm.expectEmit(address(governor));
        emit IGovernor.VoteCast(_voter(1), id, FOR, 1, "it is time");
        vm.prank(_voter(1));
        governor.castVoteWithReason(id, FOR, "it is time");
        vm.expectEmit(address(governor));
        emit IGovernor.VoteCastWithParams(_voter(2), id, AGAINST, 1, "it is not", hex"01");
        vm.prank(_voter(2));
        governor.castVoteWithReasonAndParams(id, AGAINST, "it is not", hex"01");
        (uint256 against, uint256 inFavour,) = governor.proposalVotes(id);
        assertEq(against, 1);
        assertEq(inFavour, 1);
    }

    function test_castVote__withAReasonBySignature__counts() public {
        uint256 id = _opened();
        address voter = _voter(3);
        bytes32 structHash = keccak256(
            abi.encode(
                governor.EXTENDED_BALLOT_TYPEHASH(),
                id,
                FOR,
                voter,
                governor.nonces(voter),
                keccak256("a"),
                keccak256("")
            )
        );
        bytes memory signature =
            _sign(_citizenKey("citizen 3"), _digest(governor.name(), address(governor), structHash));
        vm.startPrank(relayer);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorInvalidSignature.selector, voter));
        governor.castVoteWithReasonAndParamsBySig(id, FOR, voter, "another reason", "", signature);
        assertEq(governor.castVoteWithReasonAndParamsBySig(id, FOR, voter, "a", "", signature), 1);
        assertEq(governor.nonces(voter), 1);
    }

    function test_castVote__ofNoKind__refused() public {
        uint256 id = _opened();
        vm.expectRevert(IGovernor.GovernorInvalidVoteType.selector);
        vm.prank(_voter(1));
        governor.castVote(id, 3);
    }

    function test_propose__partsOfUnequalLength__refused() public {
        Proposal memory made = _proposal(address(exchange), _setShares(500));
        made.values = new uint256[](2);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorInvalidProposalLength.selector, 1, 1, 2));
        vm.prank(_voter(0));
        governor.propose(made.targets, made.values, made.calldatas, made.description);
    }

    /// Who sees a proposal on its way cannot make it first, to cancel it, if its text ends with its proposer.
    function test_propose__whatNamesAnother__refused() public {
        Proposal memory made = _proposal(address(exchange), _setShares(500));
        made.description = string.concat("x#proposer=", vm.toString(_voter(0)));
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorRestrictedProposer.selector, _voter(1)));
        vm.prank(_voter(1));
        governor.propose(made.targets, made.values, made.calldatas, made.description);
        uint256 id = _propose(made);
        assertEq(governor.proposalProposer(id), _voter(0));
    }

    function test_cancel__byAnotherOrTooLate__refused() public {
        Proposal memory made = _proposal(address(exchange), _setShares(500));
        uint256 id = _propose(made);
        for (uint256 i = 0; i < 2; ++i) {
            // Once the vote has begun, the proposer neither.
            address caller = i == 0 ? stranger : _voter(0);
            vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorUnableToCancel.selector, id, caller));
            vm.prank(caller);
            governor.cancel(made.targets, made.values, made.calldatas, _hashOf(made));
            vm.warp(governor.proposalSnapshot(id) + 1);
        }
    }

    function test_governor__asked__answers() public {
        Proposal memory made = _proposal(address(exchange), _setShares(500));
        uint256 id = _propose(made);
        assertEq(governor.hashProposal(made.targets, made.values, made.calldatas, _hashOf(made)), id);
        assertTrue(governor.proposalNeedsQueuing(id));
        assertEq(governor.version(), "1");
        assertEq(governor.COUNTING_MODE(), "support=bravo&quorum=for,abstain");
        assertEq(
            governor.BALLOT_TYPEHASH(),
            keccak256("Ballot(uint256 proposalId,uint8 support,address voter,uint256 nonce)")
        );
        assertTrue(governor.supportsInterface(type(IGovernor).interfaceId));
        assertEq(governor.getVotes(_voter(0), block.timestamp - 1), 1);
        assertEq(governor.getVotesWithParams(stranger, block.timestamp - 1, ""), 0);
        (, string memory domain,, uint256 chainId, address verifier,,) = governor.eip712Domain();
        assertEq(domain, "SuiteGovernor");
        assertEq(chainId, block.chainid);
        assertEq(verifier, address(governor));
    }

    function test_relay__byAProposal__calls() public {
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorOnlyExecutor.selector, stranger));
        vm.prank(stranger);
        governor.relay(address(exchange), 0, _setShares(1));

        // The governor holds no permission of its own: what it relays is refused like anybody's.
        Proposal memory made =
            _proposal(address(governor), abi.encodeCall(governor.relay, (address(exchange), 0, _setShares(1))));
        _carry(made);
        vm.expectRevert(_unauthorized(address(governor)));
        _execute(made);

        made = _proposal(address(governor), abi.encodeCall(governor.relay, (address(votes), 0, hex"00000000")));
        _carry(made);
        vm.expectRevert(Errors.FailedCall.selector);
        _execute(made);

        made = _proposal(address(governor), abi.encodeCall(governor.relay, (address(vault), 0, _views())));
        made.description = "only looking";
        _carry(made);
        _execute(made);
    }

    function _views() private view returns (bytes memory) {
        return abi.encodeCall(vault.issued, ());
    }

    function test_updateTimelock__byAProposalAlone() public {
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorOnlyExecutor.selector, stranger));
        vm.prank(stranger);
        governor.updateTimelock(timelock);
        Proposal memory made = _proposal(address(governor), abi.encodeCall(governor.updateTimelock, (timelock)));
        _carry(made);
        _execute(made);
        assertEq(governor.timelock(), address(timelock));
    }

    /// Nothing is for it to hold: what it were sent, nobody could get out but by a vote.
    function test_governor__takesNoCoinsAndNoTokens() public {
        vm.deal(stranger, 1);
        vm.prank(stranger);
        (bool ok, bytes memory refusal) = address(governor).call{value: 1}("");
        assertFalse(ok);
        assertEq(refusal, abi.encodeWithSelector(IGovernor.GovernorDisabledDeposit.selector));
        vm.expectRevert(IGovernor.GovernorDisabledDeposit.selector);
        governor.onERC721Received(stranger, stranger, 1, "");
        vm.expectRevert(IGovernor.GovernorDisabledDeposit.selector);
        governor.onERC1155Received(stranger, stranger, 1, 1, "");
        vm.expectRevert(IGovernor.GovernorDisabledDeposit.selector);
        governor.onERC1155BatchReceived(stranger, stranger, new uint256[](0), new uint256[](0), "");
    }

    /* TIMELOCK */

    function _batch(uint256 fee)
        private
        view
        returns (address[] memory to, uint256[] memory coins, bytes[] memory data)
    {
        (to, coins, data) = (_one(address(exchange)), new uint256[](1), new bytes[](1));
        data[0] = _setShares(fee);
    }

    function test_timelock__aBatchWithAPredecessor__waitsForIt() public {
        (address[] memory to, uint256[] memory coins, bytes[] memory data) = _batch(100);
        bytes32 first = timelock.hashOperationBatch(to, coins, data, 0, "first");
        vm.startPrank(proposer);
        timelock.scheduleBatch(to, coins, data, 0, "first", TIMELOCK_DELAY);
        assertEq(timelock.getTimestamp(first), block.timestamp + TIMELOCK_DELAY);
        assertEq(uint8(timelock.getOperationState(first)), uint8(TimelockController.OperationState.Waiting));
        data[0] = _setShares(200);
        timelock.scheduleBatch(to, coins, data, first, "second", TIMELOCK_DELAY);
        vm.warp(block.timestamp + TIMELOCK_DELAY);
        vm.expectRevert(abi.encodeWithSelector(TimelockController.TimelockUnexecutedPredecessor.selector, first));
        timelock.executeBatch(to, coins, data, first, "second");
        data[0] = _setShares(100);
        timelock.executeBatch(to, coins, data, 0, "first");
        assertTrue(timelock.isOperationDone(first));
        data[0] = _setShares(200);
        timelock.executeBatch(to, coins, data, first, "second");
        assertEq(_fee(), 200);
    }

    function test_timelock__whatDoesNotFit__refused() public {
        (address[] memory to, uint256[] memory coins, bytes[] memory data) = _batch(100);
        vm.startPrank(proposer);
        vm.expectRevert(
            abi.encodeWithSelector(
                TimelockController.TimelockInsufficientDelay.selector, TIMELOCK_DELAY - 1, TIMELOCK_DELAY
            )
        );
        timelock.scheduleBatch(to, coins, data, 0, 0, TIMELOCK_DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(TimelockController.TimelockInvalidOperationLength.selector, 1, 1, 0));
        timelock.scheduleBatch(to, new uint256[](0), data, 0, 0, TIMELOCK_DELAY);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(TimelockController.TimelockUnauthorizedCaller.selector, stranger));
        vm.prank(stranger);
        timelock.updateDelay(TIMELOCK_DELAY);
    }

    function test_timelock__cancelled__isGone() public {
        bytes32 id = timelock.hashOperation(address(exchange), 0, _setShares(100), 0, 0);
        vm.startPrank(proposer);
        timelock.schedule(address(exchange), 0, _setShares(100), 0, 0, TIMELOCK_DELAY);
        assertTrue(timelock.isOperationPending(id));
        vm.expectEmit(address(timelock));
        emit TimelockController.Cancelled(id);
        timelock.cancel(id);
        assertFalse(timelock.isOperation(id));
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        timelock.cancel(id);
    }

    function test_timelock__itsRoles__changeThroughItselfAlone() public {
        bytes32 executing = timelock.EXECUTOR_ROLE();
        assertEq(timelock.getRoleAdmin(executing), timelock.DEFAULT_ADMIN_ROLE());
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, proposer, bytes32(0))
        );
        vm.prank(proposer);
        timelock.grantRole(executing, stranger);
        vm.startPrank(address(timelock));
        timelock.grantRole(executing, stranger);
        assertTrue(timelock.hasRole(executing, stranger));
        timelock.revokeRole(executing, stranger);
        assertFalse(timelock.hasRole(executing, stranger));
        vm.stopPrank();
        vm.startPrank(proposer);
        vm.expectRevert(IAccessControl.AccessControlBadConfirmation.selector);
        timelock.renounceRole(executing, stranger);
        timelock.renounceRole(executing, proposer);
        assertFalse(timelock.hasRole(executing, proposer));
    }

    function test_timelock__sentTokens__takesThem() public {
        assertTrue(timelock.supportsInterface(type(IAccessControl).interfaceId));
        assertEq(timelock.onERC721Received(stranger, stranger, 1, ""), timelock.onERC721Received.selector);
        assertEq(timelock.onERC1155Received(stranger, stranger, 1, 1, ""), timelock.onERC1155Received.selector);
        assertEq(
            timelock.onERC1155BatchReceived(stranger, stranger, new uint256[](0), new uint256[](0), ""),
            timelock.onERC1155BatchReceived.selector
        );
    }

    /* ACCESS MANAGER */

    /// @dev Clerks may set the exchange's shares, an hour after they said so.
    function _appointClerk() private {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = IComputeExchange.setShares.selector;
        vm.startPrank(address(timelock));
        manager.labelRole(CLERKS, "clerks");
        manager.setTargetFunctionRole(address(exchange), selectors, CLERKS);
        manager.grantRole(CLERKS, stranger, DELAY);
        vm.stopPrank();
        (uint48 since, uint32 delay, uint32 pending, uint48 effect) = manager.getAccess(CLERKS, stranger);
        assertEq(since, block.timestamp);
        assertEq(delay, DELAY);
        assertEq(pending + effect, 0);
        (bool immediate, uint32 wait) = manager.canCall(stranger, address(exchange), selectors[0]);
        assertFalse(immediate);
        assertEq(wait, DELAY);
    }

    function _operation(bytes memory data) private view returns (bytes32) {
        return manager.hashOperation(stranger, address(exchange), data);
    }

    function _scheduled(bytes memory data) private returns (bytes32 id) {
        vm.prank(stranger);
        (id,) = manager.schedule(address(exchange), data, 0);
    }

    function _expectExecuteReverts(bytes4 error, bytes32 id, bytes memory data) private {
        vm.expectRevert(abi.encodeWithSelector(error, id));
        vm.prank(stranger);
        manager.execute(address(exchange), data);
    }

    function test_manager__aScheduledCall__isMadeInItsTime() public {
        _appointClerk();
        bytes memory data = _setShares(300);
        bytes32 id = _operation(data);
        _expectExecuteReverts(IAccessManager.AccessManagerNotScheduled.selector, id, data);
        assertEq(_scheduled(data), id);
        assertEq(manager.getSchedule(id), block.timestamp + DELAY);
        assertEq(manager.getNonce(id), 1);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerAlreadyScheduled.selector, id));
        vm.prank(stranger);
        manager.schedule(address(exchange), data, 0);
        _expectExecuteReverts(IAccessManager.AccessManagerNotReady.selector, id, data);
        vm.warp(block.timestamp + DELAY + manager.expiration());
        _expectExecuteReverts(IAccessManager.AccessManagerExpired.selector, id, data);

        _scheduled(data);
        vm.warp(block.timestamp + DELAY);
        // Called directly, the exchange has the manager look whether it was scheduled.
        vm.prank(stranger);
        exchange.setShares(300, 2500);
        assertEq(_fee(), 300);
        data = _setShares(400);
        _scheduled(data);
        vm.warp(block.timestamp + DELAY);
        vm.prank(stranger);
        manager.execute(address(exchange), data);
        assertEq(_fee(), 400);
    }

    function test_manager__aScheduledCall__cancelledByWhoMay() public {
        _appointClerk();
        bytes memory data = _setShares(300);
        bytes4 selector = IComputeExchange.setShares.selector;
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerNotScheduled.selector, _operation(data)));
        manager.cancel(stranger, address(exchange), data);
        _scheduled(data);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessManager.AccessManagerUnauthorizedCancel.selector, relayer, stranger, address(exchange), selector
            )
        );
        vm.prank(relayer);
        manager.cancel(stranger, address(exchange), data);
        vm.prank(address(timelock));
        manager.setRoleGuardian(CLERKS, GUARDIAN_ROLE);
        assertEq(manager.getRoleGuardian(CLERKS), GUARDIAN_ROLE);
        vm.prank(guardian);
        manager.cancel(stranger, address(exchange), data);
        assertEq(manager.getSchedule(_operation(data)), 0);
    }

    function test_manager__withoutPermission__refused() public {
        bytes4 selector = IComputeExchange.setShares.selector;
        bytes memory refusal = abi.encodeWithSelector(
            IAccessManager.AccessManagerUnauthorizedCall.selector, relayer, address(exchange), selector
        );
        vm.startPrank(relayer);
        vm.expectRevert(refusal);
        manager.execute(address(exchange), _setShares(1));
        vm.expectRevert(refusal);
        manager.schedule(address(exchange), _setShares(1), 0);
        vm.stopPrank();
        vm.expectRevert(
            abi.encodeWithSelector(IAccessManager.AccessManagerUnauthorizedConsume.selector, address(exchange))
        );
        vm.prank(address(exchange));
        manager.consumeScheduledOp(stranger, _setShares(1));
        // Code is asked for where nothing answers.
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = selector;
        uint64 everybody = manager.PUBLIC_ROLE();
        vm.prank(address(timelock));
        manager.setTargetFunctionRole(relayer, selectors, everybody);
        vm.expectRevert(abi.encodeWithSelector(Address.AddressEmptyCode.selector, relayer));
        manager.execute(relayer, _setShares(1));
        _expectCreateReverts(
            abi.encodeWithSelector(IAccessManager.AccessManagerInvalidInitialAdmin.selector, address(0)),
            "SuiteAccessManager",
            abi.encode(address(0), block.timestamp + 1)
        );
    }

    function test_manager__whatIsLocked__stays() public {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = bytes4(keccak256("setAuthority(address)"));
        uint64 admin = manager.ADMIN_ROLE();
        bytes memory locked = abi.encodeWithSelector(IAccessManager.AccessManagerLockedRole.selector, admin);
        vm.startPrank(address(timelock));
        vm.expectRevert(locked);
        manager.labelRole(admin, "kings");
        vm.expectRevert(locked);
        manager.setRoleAdmin(admin, CLERKS);
        vm.expectRevert(locked);
        manager.setRoleGuardian(admin, CLERKS);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerLockedFunction.selector, selectors[0]));
        manager.setTargetFunctionRole(address(exchange), selectors, CLERKS);
    }

    function test_manager__roles__grantedByTheirAdminAndGivenUp() public {
        _appointClerk();
        vm.startPrank(address(timelock));
        manager.setRoleAdmin(CLERKS, GUARDIAN_ROLE);
        manager.setGrantDelay(CLERKS, DELAY);
        vm.stopPrank();
        assertEq(manager.getRoleAdmin(CLERKS), GUARDIAN_ROLE);
        assertEq(manager.getRoleGrantDelay(CLERKS), 0);
        vm.warp(block.timestamp + manager.minSetback());
        assertEq(manager.getRoleGrantDelay(CLERKS), DELAY);

        vm.prank(guardian);
        manager.grantRole(CLERKS, relayer, 0);
        (bool isClerk,) = manager.hasRole(CLERKS, relayer);
        assertFalse(isClerk);
        vm.warp(block.timestamp + DELAY);
        (isClerk,) = manager.hasRole(CLERKS, relayer);
        assertTrue(isClerk);
        vm.prank(guardian);
        manager.revokeRole(CLERKS, relayer);
        (isClerk,) = manager.hasRole(CLERKS, relayer);
        assertFalse(isClerk);
        vm.startPrank(stranger);
        vm.expectRevert(IAccessManager.AccessManagerBadConfirmation.selector);
        manager.renounceRole(CLERKS, relayer);
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodeCall(manager.renounceRole, (CLERKS, stranger));
        manager.multicall(calls);
        (isClerk,) = manager.hasRole(CLERKS, stranger);
        assertFalse(isClerk);
    }

    function test_manager__aClosedTarget__letsNobodyIn() public {
        vm.prank(address(timelock));
        manager.setTargetClosed(address(exchange), true);
        assertTrue(manager.isTargetClosed(address(exchange)));
        vm.expectRevert(_unauthorized(address(timelock)));
        _asGovernor();
        exchange.setShares(1, 2);
        vm.prank(address(timelock));
        manager.setTargetClosed(address(exchange), false);
        _asGovernor();
        exchange.setShares(1, 2);
        assertEq(_fee(), 1);
    }

    /// A vote may place what is managed under another authority; not at once, if it has said so before.
    function test_manager__anotherAuthority__byTheTimelock() public {
        address other = _create("SuiteAccessManager", abi.encode(deployer, block.timestamp + 1));
        vm.prank(address(timelock));
        manager.setTargetAdminDelay(address(exchange), DELAY);
        assertEq(manager.getTargetAdminDelay(address(exchange)), 0);
        vm.prank(address(timelock));
        manager.updateAuthority(address(exchange), other);
        assertEq(exchange.authority(), other);
        vm.warp(block.timestamp + manager.minSetback());
        assertEq(manager.getTargetAdminDelay(address(exchange)), DELAY);
    }
}
