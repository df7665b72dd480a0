// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {SuiteTest} from "./SuiteTest.sol";

/// Branches covered here: who may change what.
///
/// the access manager's admin is the timelock and nobody else; it has no admin of its own
/// a change goes through the timelock: proposed, delayed, executed; too early, by another: refused
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
        assertEq(timelock.getMinDelay(), 1 days);
    }

    function test_authority__ofAllManaged__isTheManager() public view {
        assertEq(oracles.authority(), address(manager));
        assertEq(vault.authority(), address(manager));
        assertEq(citizens.authority(), address(manager));
        assertEq(exchange.authority(), address(manager));
    }

    function test_setAuthority__byAnybodyButTheManager__refused() public {
        address[4] memory managed = [address(oracles), address(vault), address(citizens), address(exchange)];
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
        address[8] memory all = [
            address(manager),
            address(timelock),
            address(oracles),
            address(policy),
            address(vault),
            address(token),
            address(citizens),
            address(exchange)
        ];
        for (uint256 i = 0; i < all.length; ++i) {
            assertGt(all[i].code.length, 0);
            assertLt(all[i].code.length, 24_577);
        }
    }
}
