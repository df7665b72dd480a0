// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

/// @title IPullPayments
/// @dev Whatever native coin is due to somebody waits until they fetch it: nobody's refusal to be paid holds up a
/// dispute.
interface IPullPayments {
    /// @dev Thrown when an account has nothing to withdraw.
    /// @param account The caller.
    error NothingDue(address account);

    /// @dev Thrown when an account refuses its payment.
    /// @param account The caller.
    /// @param amount What it was to get, wei.
    error PaymentRefused(address account, uint256 amount);

    /// @dev An account withdrew all that was due to it.
    /// @param account The account.
    /// @param amount How much, wei.
    event PaymentWithdrawn(address indexed account, uint256 amount);

    /// @dev Pays the caller all that is due to it.
    function withdraw() external;

    /// @dev What an account may withdraw, wei.
    /// @param account The account.
    function due(address account) external view returns (uint256);
}
