// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {SuiteTest} from "./SuiteTest.sol";

/// @dev A nation of four. Alice, Bob and Carol are active, Dave is enrolled only; the first epoch has brought each of
/// them 1,000 SBI (8,000 nGAICPh, half of it released, four heads), of which nothing is settled.
abstract contract TokenTest is SuiteTest {
    address internal alice;
    address internal bob;
    address internal carol;
    address internal dave;
    uint256 internal aliceKey = _citizenKey("alice");
    uint256 internal bobKey = _citizenKey("bob");
    Roll internal roll;

    function setUp() public virtual override {
        super.setUp();
        _peopleANation();
    }

    function _peopleANation() internal {
        alice = vm.addr(aliceKey);
        bob = vm.addr(bobKey);
        carol = vm.addr(_citizenKey("carol"));
        dave = vm.addr(_citizenKey("dave"));
        address[] memory accounts = new address[](4);
        (accounts[0], accounts[1], accounts[2], accounts[3]) = (alice, bob, carol, dave);
        roll = _enrol(accounts);
        for (uint256 i = 0; i < 3; ++i) {
            _activate(roll, i);
        }
        _income(8000);
    }

    function _sumOfBalances() internal view returns (uint256) {
        return token.balanceOf(alice) + token.balanceOf(bob) + token.balanceOf(carol) + token.balanceOf(dave)
            + token.balanceOf(stranger);
    }
}
