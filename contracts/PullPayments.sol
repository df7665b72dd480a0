// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IPullPayments} from "./interfaces/IPullPayments.sol";

/// @title PullPayments
/// @dev The one place that native coin leaves from. The interface is the manual.
abstract contract PullPayments is IPullPayments {
    /// @inheritdoc IPullPayments
    mapping(address account => uint256) public due;

    /// @inheritdoc IPullPayments
    function withdraw() external {
        uint256 amount = due[msg.sender];
        require(amount != 0, NothingDue(msg.sender));
        // Before the call: a receiver that calls back finds nothing due.
        due[msg.sender] = 0;
        emit PaymentWithdrawn(msg.sender, amount);
        (bool paid,) = msg.sender.call{value: amount}("");
        require(paid, PaymentRefused(msg.sender, amount));
    }
}
