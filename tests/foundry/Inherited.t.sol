// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {ExchangeTest} from "./ExchangeTest.sol";

/// Branches covered here: what the contracts inherit from OpenZeppelin and no other file asks for.
///
/// setAuthority by the manager, to an address without code: AccessManagedInvalidAuthority
/// isConsumingScheduledOp, outside of a scheduled call: no
/// vouchers: from another than their holder, to the zero address, approved by a stranger, an operator that is nobody, the
/// balance of nobody
contract InheritedTest is ExchangeTest {
    function _managed() private view returns (IAccessManaged[6] memory) {
        return [
            IAccessManaged(address(oracles)),
            IAccessManaged(address(vault)),
            IAccessManaged(address(citizens)),
            IAccessManaged(address(exchange)),
            IAccessManaged(address(chamber)),
            IAccessManaged(address(audits))
        ];
    }

    function test_setAuthority__toAnAddressWithoutCode__refused() public {
        IAccessManaged[6] memory managed = _managed();
        for (uint256 i = 0; i < managed.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedInvalidAuthority.selector, stranger));
            vm.prank(address(manager));
            managed[i].setAuthority(stranger);
            assertEq(managed[i].authority(), address(manager));
        }
    }

    function test_isConsumingScheduledOp__outsideOfAScheduledCall__no() public view {
        IAccessManaged[6] memory managed = _managed();
        for (uint256 i = 0; i < managed.length; ++i) {
            assertEq(managed[i].isConsumingScheduledOp(), bytes4(0));
        }
    }

    function test_transferFrom__ofAnothersVoucher__refused() public {
        uint256 voucher = _buy(alice, 10);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721IncorrectOwner.selector, bob, voucher, alice));
        exchange.transferFrom(bob, carol, voucher);
    }

    function test_transferFrom__toTheZeroAddress__refused() public {
        uint256 voucher = _buy(alice, 10);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721InvalidReceiver.selector, address(0)));
        exchange.transferFrom(alice, address(0), voucher);
    }

    function test_approve__byAStranger__refused() public {
        uint256 voucher = _buy(alice, 10);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721InvalidApprover.selector, stranger));
        exchange.approve(stranger, voucher);
    }

    function test_setApprovalForAll__ofTheZeroAddress__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721InvalidOperator.selector, address(0)));
        exchange.setApprovalForAll(address(0), true);
    }

    function test_balanceOf__ofTheZeroAddress__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721InvalidOwner.selector, address(0)));
        exchange.balanceOf(address(0));
    }
}
