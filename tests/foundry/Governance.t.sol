// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {SuiteAccessManager} from "../../contracts/governance/SuiteAccessManager.sol";
import {SuiteTimelock} from "../../contracts/governance/SuiteTimelock.sol";
import {RangeLib} from "../../contracts/libraries/RangeLib.sol";
import {SuiteTest} from "./SuiteTest.sol";

/// Branches covered here: who may change what.
///
/// the access manager's admin is the timelock and nobody else; it has no admin of its own
/// a change goes through the timelock: proposed, delayed, executed; too early, by another: refused
/// deployer and founder: what they may ends by the clock
/// the deployer has nothing left; no contract follows another authority but by its own
/// token: nothing is restricted, nobody administers it
/// every contract fits the chain's code size
contract GovernanceTest is SuiteTest {
    function test_manager__afterSetUp__obeysTheTimelockAlone() public view {
        (bool isAdmin, uint32 delay) = manager.hasRole(0, address(timelock));
        assertTrue(isAdmin);
        assertEq(delay, 0);
        (isAdmin,) = manager.hasRole(0, deployer);
        assertFalse(isAdmin);
        (isAdmin,) = manager.hasRole(0, proposer);
        assertFalse(isAdmin);
        bytes32 admin = timelock.DEFAULT_ADMIN_ROLE();
        assertTrue(timelock.hasRole(admin, address(timelock)));
        assertFalse(timelock.hasRole(admin, deployer));
        assertFalse(timelock.hasRole(admin, proposer));
        assertTrue(timelock.hasRole(timelock.PROPOSER_ROLE(), proposer));
        assertTrue(timelock.hasRole(timelock.EXECUTOR_ROLE(), proposer));
        assertTrue(timelock.hasRole(timelock.PROPOSER_ROLE(), address(governor)));
        assertTrue(timelock.hasRole(timelock.EXECUTOR_ROLE(), address(governor)));
        assertTrue(timelock.hasRole(timelock.CANCELLER_ROLE(), address(governor)));
        assertEq(timelock.getMinDelay(), 1 days);
        (bool isGuardian,) = manager.hasRole(GUARDIAN_ROLE, guardian);
        assertTrue(isGuardian);
        assertEq(manager.getTargetFunctionRole(address(vault), vault.halt.selector), GUARDIAN_ROLE);
    }

    /* POWERS THAT END BY THE CLOCK */

    function test_founder__whenFoundingEnds__hasNothingLeft() public {
        bytes memory change = abi.encodeCall(citizens.setRegionCap, (7, 70));
        vm.prank(proposer);
        timelock.schedule(address(citizens), 0, change, 0, 0, 1 days);
        assertEq(timelock.founder(), proposer);
        assertEq(timelock.foundingDelay(), 1 days);

        vm.warp(timelock.foundingEnds() - 1);
        bytes32 executing = timelock.EXECUTOR_ROLE();
        assertTrue(timelock.hasRole(executing, proposer));
        vm.warp(timelock.foundingEnds());
        bytes32[4] memory roles =
            [timelock.PROPOSER_ROLE(), executing, timelock.CANCELLER_ROLE(), timelock.DEFAULT_ADMIN_ROLE()];
        for (uint256 i = 0; i < roles.length; ++i) {
            assertFalse(timelock.hasRole(roles[i], proposer));
        }
        vm.warp(timelock.foundingEnds() + 1);
        assertFalse(timelock.hasRole(executing, proposer));
        vm.expectRevert(
            abi.encodeWithSignature("AccessControlUnauthorizedAccount(address,bytes32)", proposer, executing)
        );
        vm.prank(proposer);
        timelock.execute(address(citizens), 0, change, 0, 0);
        assertTrue(timelock.hasRole(executing, address(governor)));
    }

    function test_deployer__whenSetUpEnds__administersNothing() public {
        uint256 ends = block.timestamp + 10;
        vm.prank(deployer);
        SuiteAccessManager unfinished = SuiteAccessManager(_create("SuiteAccessManager", abi.encode(deployer, ends)));
        (bool isAdmin,) = unfinished.hasRole(0, deployer);
        assertTrue(isAdmin);
        vm.warp(ends);
        (isAdmin,) = unfinished.hasRole(0, deployer);
        assertFalse(isAdmin);
        vm.warp(ends + 1);
        (isAdmin,) = unfinished.hasRole(0, deployer);
        assertFalse(isAdmin);
        (bool isPublic,) = unfinished.hasRole(unfinished.PUBLIC_ROLE(), deployer);
        assertTrue(isPublic);
        vm.expectRevert(abi.encodeWithSignature("AccessManagerUnauthorizedAccount(address,uint64)", deployer, 0));
        vm.prank(deployer);
        unfinished.grantRole(0, stranger, 0);
        assertEq(unfinished.deployer(), deployer);
        assertEq(unfinished.setUpEnds(), ends);
    }

    function test_timelock__withoutGovernorFounderOrDelay__refused() public {
        uint256 ends = block.timestamp + 1;
        _expectCreateReverts(
            abi.encodeWithSelector(SuiteTimelock.ZeroAddress.selector, address(0), proposer),
            "SuiteTimelock",
            abi.encode(1 days, address(0), proposer, ends)
        );
        _expectCreateReverts(
            abi.encodeWithSelector(SuiteTimelock.ZeroAddress.selector, address(governor), address(0)),
            "SuiteTimelock",
            abi.encode(1 days, address(governor), address(0), ends)
        );
        _expectCreateReverts(
            abi.encodeWithSelector(RangeLib.OutOfRange.selector, 0, 1, 1_073_741_823),
            "SuiteTimelock",
            abi.encode(0, address(governor), proposer, ends)
        );
    }

    function test_authority__ofAllManaged__isTheManager() public view {
        assertEq(oracles.authority(), address(manager));
        assertEq(vault.authority(), address(manager));
        assertEq(citizens.authority(), address(manager));
        assertEq(exchange.authority(), address(manager));
        assertEq(chamber.authority(), address(manager));
    }

    function test_setAuthority__byAnybodyButTheManager__refused() public {
        address[5] memory managed =
            [address(oracles), address(vault), address(citizens), address(exchange), address(chamber)];
        address[3] memory callers = [deployer, address(timelock), stranger];
        for (uint256 i = 0; i < managed.length; ++i) {
            for (uint256 j = 0; j < callers.length; ++j) {
                vm.prank(callers[j]);
                (bool ok, bytes memory refusal) =
                    managed[i].call(abi.encodeWithSignature("setAuthority(address)", stranger));
                assertFalse(ok);
                assertEq(refusal, _unauthorized(callers[j]));
            }
        }
    }

    function test_schedule__aChange__takesEffectAfterTheDelay() public {
        bytes memory change = abi.encodeCall(citizens.setRegionCap, (7, 70));
        vm.prank(proposer);
        timelock.schedule(address(citizens), 0, change, 0, 0, 1 days);
        bytes32 id = timelock.hashOperation(address(citizens), 0, change, 0, 0);

        vm.warp(block.timestamp + 1 days - 1);
        assertFalse(timelock.isOperationReady(id));
        vm.expectPartialRevert(bytes4(keccak256("TimelockUnexpectedOperationState(bytes32,bytes32)")));
        vm.prank(proposer);
        timelock.execute(address(citizens), 0, change, 0, 0);

        vm.warp(block.timestamp + 1);
        vm.prank(proposer);
        timelock.execute(address(citizens), 0, change, 0, 0);
        assertEq(citizens.regionOf(7).cap, 70);
    }

    function test_schedule__byAnother__refused() public {
        bytes32 role = timelock.PROPOSER_ROLE();
        vm.expectRevert(abi.encodeWithSignature("AccessControlUnauthorizedAccount(address,bytes32)", deployer, role));
        vm.prank(deployer);
        timelock.schedule(address(citizens), 0, "", 0, 0, 1 days);
    }

    function test_execute__byTheProposerPastTheTimelock__refused() public {
        vm.expectRevert(_unauthorized(proposer));
        vm.prank(proposer);
        citizens.setRegionCap(7, 70);
    }

    function test_code__ofEveryContract__fitsTheChain() public view {
        address[13] memory all = [
            address(manager),
            address(timelock),
            address(oracles),
            address(policy),
            address(vault),
            address(token),
            address(citizens),
            address(exchange),
            address(bonds),
            address(disputes),
            address(votes),
            address(chamber),
            address(governor)
        ];
        for (uint256 i = 0; i < all.length; ++i) {
            assertGt(all[i].code.length, 0);
            assertLt(all[i].code.length, 24_577);
        }
    }
}
