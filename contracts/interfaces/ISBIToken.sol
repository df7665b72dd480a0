// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

/// @dev A payment signed by its payer (ERC-3009 `TransferWithAuthorization`).
struct Authorization {
    /// The payer, who signs.
    address from;
    /// The payee.
    address to;
    /// Amount in wei.
    uint256 value;
    /// The payment is valid after this time (seconds, exclusive).
    uint256 validAfter;
    /// The payment is valid before this time (seconds, exclusive).
    uint256 validBefore;
    /// Any number the payer has not used. Numbers that differ in their last byte alone share a storage slot.
    bytes32 nonce;
    /// 65 bytes (r, s, v), 64 bytes (r, vs; ERC-2098), or whatever the payer's ERC-1271 wallet accepts.
    bytes signature;
}

/// @title ISBIToken
/// @dev SBI, the Smart Basic Income token: an ERC-20 with 18 decimals in which income simply appears.
///
/// The balance of a citizen grows with each dividend and with no transaction. What has accrued is *settled* (written to
/// the account, and shown by a `Transfer` from the zero address) only when a payment needs it. Nobody claims.
///
/// Tokens come into being through the vault's dividends alone and end by `recycle` (destroyed) or `recirculate` (given
/// to all citizens). There is no owner, no pause, no freeze: nobody can stop a payment or move another's balance. The
/// vault and the citizen registry are fixed at construction.
///
/// Signatures are EIP-712 (domain "Smart Basic Income", version "1"; ERC-5267): ERC-2612 permits and ERC-3009
/// payments, which anyone may relay, so that a citizen needs no ether. Contract wallets sign by ERC-1271.
interface ISBIToken is IERC20Metadata, IERC20Permit, IERC20Errors, IERC5267 {
    /// @dev Thrown when a function is called by another than the contract it is for.
    /// @param caller Who called.
    /// @param expected Who may.
    error UnexpectedCaller(address caller, address expected);

    /// @dev Thrown when a permit is used after its deadline.
    /// @param deadline The deadline signed, seconds.
    /// @param time The block's time, seconds.
    error PermitExpired(uint256 deadline, uint256 time);

    /// @dev Thrown when an authorisation is used too early.
    /// @param validAfter The time it must be later than, seconds.
    /// @param time The block's time, seconds.
    error AuthorizationNotYetValid(uint256 validAfter, uint256 time);

    /// @dev Thrown when an authorisation is used too late.
    /// @param validBefore The time it must be earlier than, seconds.
    /// @param time The block's time, seconds.
    error AuthorizationExpired(uint256 validBefore, uint256 time);

    /// @dev Thrown when an authorisation's nonce was used or cancelled before.
    /// @param authorizer Who signed.
    /// @param nonce The nonce.
    error AuthorizationUsedOrCanceled(address authorizer, bytes32 nonce);

    /// @dev Thrown when income of an account would start twice.
    /// @param account The account.
    error AlreadyAccruing(address account);

    /// @dev Thrown when income of an account would end that does not run.
    /// @param account The account.
    error NotAccruing(address account);

    /// @dev An authorisation was used (ERC-3009).
    /// @param authorizer Who signed.
    /// @param nonce The nonce, now spent.
    event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);

    /// @dev An authorisation was cancelled by its signer (ERC-3009).
    /// @param authorizer Who signed.
    /// @param nonce The nonce, now spent.
    event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce);

    /// @dev One payment of a batch was passed over; the others went on. Its nonce is not spent.
    /// @param authorizer The payer named in it.
    /// @param nonce Its nonce.
    /// @param reason The selector of the error that the single payment would have thrown.
    event AuthorizationSkipped(address indexed authorizer, bytes32 indexed nonce, bytes4 reason);

    /// @dev A holder gave tokens to all citizens: they were destroyed and are issued again with the next dividend.
    /// @param account Who gave.
    /// @param amount How much, wei.
    event Recirculated(address indexed account, uint256 amount);

    /// @dev Destroys tokens of the caller. `Transfer` to the zero address shows it.
    /// @param amount How much, wei.
    function recycle(uint256 amount) external;

    /// @dev Gives tokens of the caller to all citizens: destroys them and has the same amount issued with the next
    /// dividend.
    /// @param amount How much, wei.
    function recirculate(uint256 amount) external;

    /// @dev ERC-2612 with a signature in any accepted form, contract wallets included.
    /// @param owner Who signed.
    /// @param spender Who may spend.
    /// @param value The allowance, wei; the largest uint256 does not diminish.
    /// @param deadline Last second at which the permit may be used.
    /// @param signature 65 or 64 bytes, or the wallet's own form.
    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes calldata signature) external;

    /// @dev ERC-3009: makes a signed payment. Anyone may send it.
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @dev ERC-3009 with a signature in any accepted form, contract wallets included.
    /// @param authorization The signed payment.
    function transferWithAuthorization(Authorization calldata authorization) external;

    /// @dev Makes many signed payments. One that cannot be made is skipped with its reason; the others go on.
    /// @param authorizations The signed payments, in order.
    function transferWithAuthorizations(Authorization[] calldata authorizations) external;

    /// @dev ERC-3009: makes a signed payment to the caller, so that nobody can send it apart from the caller's own work.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @dev ERC-3009 receive with a signature in any accepted form, contract wallets included.
    /// @param authorization The signed payment; `to` is the caller.
    function receiveWithAuthorization(Authorization calldata authorization) external;

    /// @dev ERC-3009: spends a nonce without paying.
    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external;

    /// @dev ERC-3009 cancel with a signature in any accepted form, contract wallets included.
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external;

    /// @dev Whether a nonce is spent (ERC-3009).
    /// @param authorizer The signer.
    /// @param nonce The nonce.
    /// @return true when used or cancelled
    function authorizationState(address authorizer, bytes32 nonce) external view returns (bool);

    /// @dev Lets an account accrue from `index` on. Called by the citizen registry when a citizen activates.
    /// @param account The citizen's account, not accruing.
    /// @param index The dividend index at which the citizen's batch was enrolled.
    function startAccrual(address account, uint256 index) external;

    /// @dev Settles an account and ends its accrual. Called by the citizen registry when a citizen retires or the share
    /// moves to another account. The balance stays.
    /// @param account The citizen's account, accruing.
    function endAccrual(address account) external;

    /// @dev Pays an account what a citizen received between two indices. Called by the citizen registry when a leaf
    /// turns out to have been enrolled earlier than the one that the account activated.
    /// @param account The account.
    /// @param from The earlier index.
    /// @param to The later index.
    function payRange(address account, uint256 from, uint256 to) external;

    /// @dev What the account's slot holds.
    /// @param account Any account.
    /// @return settled Balance written to the account, wei.
    /// @return index The dividend index up to which income is in `settled`.
    /// @return accruing Whether income accrues.
    function accountOf(address account) external view returns (uint256 settled, uint256 index, bool accruing);

    /// @dev All that was ever destroyed, recirculated amounts included.
    /// @return wei
    function recycled() external view returns (uint256);
}
