// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {Authorization, ISBIToken} from "../../contracts/interfaces/ISBIToken.sol";
import {TokenTest} from "./TokenTest.sol";

/// @dev What a successor system might accept balances by: it takes in what a holder signs over to it.
contract Successor {
    ISBIToken private immutable _OLD;
    mapping(address => uint256) public takenIn;

    constructor(ISBIToken old) {
        _OLD = old;
    }

    function takeIn(Authorization calldata signed) external {
        _OLD.receiveWithAuthorization(signed);
        takenIn[signed.from] += signed.value;
    }
}

/// Branches covered here: how a successor system takes over, as docs/governance.md says.
///
/// a holder signs over what it holds: it follows, whoever brings the signature
/// nobody else moves it: not the successor, the timelock, the governor, the manager, the guardian, the founder
/// who does nothing keeps all, and goes on earning
contract SuccessionTest is TokenTest {
    bytes32 private constant NONCE = keccak256("succession");

    Successor private successor;

    function setUp() public override {
        super.setUp();
        successor = new Successor(token);
    }

    function test_takeIn__signedByItsHolder__follows() public {
        uint256 held = token.balanceOf(alice);
        Authorization memory signed =
            _signPayment("Receive", aliceKey, _payment(alice, address(successor), held, NONCE));
        vm.prank(relayer);
        successor.takeIn(signed);
        assertEq(successor.takenIn(alice), held);
        assertEq(token.balanceOf(address(successor)), held);
        assertEq(token.balanceOf(alice), 0);
    }

    function test_takeIn__signedByAnother__takesNothing() public {
        Authorization memory signed = _signPayment("Receive", bobKey, _payment(alice, address(successor), SBI, NONCE));
        uint256 held = token.balanceOf(alice);
        vm.expectRevert(_refusedSignature(alice, bob));
        successor.takeIn(signed);
        assertEq(token.balanceOf(alice), held);
    }

    function test_transferFrom__byWhoeverGoverns__takesNothing() public {
        address[7] memory governing = [
            address(successor),
            address(timelock),
            address(governor),
            address(manager),
            address(vault),
            guardian,
            proposer
        ];
        uint256 held = token.balanceOf(alice);
        for (uint256 i = 0; i < governing.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, governing[i], 0, SBI)
            );
            vm.prank(governing[i]);
            token.transferFrom(alice, address(successor), SBI);
        }
        assertEq(token.balanceOf(alice), held);
    }

    function test_distribute__whoDoesNothing__keepsAllAndGoesOnEarning() public {
        uint256 held = token.balanceOf(bob);
        successor.takeIn(_signPayment("Receive", aliceKey, _payment(alice, address(successor), SBI, NONCE)));
        _income(1e9);
        assertGt(token.balanceOf(bob), held);
    }
}
