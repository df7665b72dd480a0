// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {IDistributionVault} from "./interfaces/IDistributionVault.sol";
import {ISBIToken, Authorization} from "./interfaces/ISBIToken.sol";
import {Account} from "./libraries/AccountLib.sol";
import {AuthorizationLib} from "./libraries/AuthorizationLib.sol";
import {IndexLib} from "./libraries/IndexLib.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";

// Time: see `EpochLib`.
// Predicted before deployment, and checked after it: zero would be as wrong as any other.
// slither-disable-start timestamp,missing-zero-check

/// @title SBIToken
/// @dev The interface is the manual.
contract SBIToken is ISBIToken, EIP712 {
    /// @dev Structs of one word each: a pointer to the slot is worked out once and serves to read and to write it.
    struct AccountSlot {
        Account account;
    }

    /// @dev 256 of a signer's nonces: bit `nonce & 0xff` of word `nonce >> 8` is set once the nonce is spent.
    struct NonceSlot {
        uint256 spent;
    }

    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    bytes32 private constant TRANSFER_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant RECEIVE_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant CANCEL_TYPEHASH = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");

    // The standard names them.
    // solhint-disable const-name-snakecase
    /// @inheritdoc IERC20Metadata
    string public constant name = "Smart Basic Income";
    /// @inheritdoc IERC20Metadata
    string public constant symbol = "SBI";
    /// @inheritdoc IERC20Metadata
    uint8 public constant decimals = 18;
    // solhint-enable const-name-snakecase

    /// @dev Wei per unit of the dividend index.
    uint256 public constant INDEX_UNIT = IndexLib.UNIT;

    /// @dev The only source of new tokens: balances follow its dividend index.
    IDistributionVault public immutable vault;
    /// @dev The only contract that can let an account accrue.
    address public immutable citizens;

    /// @inheritdoc ISBIToken
    uint256 public recycled;
    /// @inheritdoc IERC20Permit
    mapping(address owner => uint256) public nonces;
    /// @inheritdoc IERC20
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    mapping(address account => AccountSlot) private _accounts;
    // Written through the pointer that `_nonceSlotOf` returns.
    // slither-disable-next-line uninitialized-state
    mapping(address authorizer => mapping(uint256 number => NonceSlot)) private _nonceSlots;

    constructor(IDistributionVault vault_, address citizens_) EIP712(name, "1") {
        vault = vault_;
        citizens = citizens_;
    }

    /* ERC-20 */

    /// @inheritdoc IERC20
    function transfer(address to, uint256 amount) external returns (bool) {
        _transfer(msg.sender, to, amount);
        return true;
    }

    /// @inheritdoc IERC20
    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        require(from != address(0), ERC20InvalidSender(from));
        _useAllowance(from, msg.sender, amount);
        _transfer(from, to, amount);
        return true;
    }

    /// @inheritdoc IERC20
    function approve(address spender, uint256 amount) external returns (bool) {
        _approve(msg.sender, spender, amount);
        return true;
    }

    /// @inheritdoc IERC20
    function balanceOf(address account) external view returns (uint256) {
        Account held = _accounts[account].account;
        if (held.accruing()) held = held.settledAt(vault.dividendIndex());
        return held.settled();
    }

    /// @inheritdoc IERC20
    function totalSupply() external view returns (uint256) {
        return vault.issued() - recycled;
    }

    /* THE LOOP */

    /// @inheritdoc ISBIToken
    function recycle(uint256 amount) external {
        _destroy(msg.sender, amount);
    }

    /// @inheritdoc ISBIToken
    // The vault calls nobody.
    // slither-disable-next-line reentrancy-events
    function recirculate(uint256 amount) external {
        _destroy(msg.sender, amount);
        vault.noteRecirculated(amount);
        emit Recirculated(msg.sender, amount);
    }

    /// @inheritdoc ISBIToken
    function startAccrual(address account, uint256 index) external {
        require(msg.sender == citizens, UnexpectedCaller(msg.sender, citizens));
        Account held = _accounts[account].account;
        require(!held.accruing(), AlreadyAccruing(account));
        _accounts[account].account = held.withIndex(index).asAccruing();
    }

    /// @inheritdoc ISBIToken
    function endAccrual(address account) external {
        require(msg.sender == citizens, UnexpectedCaller(msg.sender, citizens));
        Account held = _accounts[account].account;
        require(held.accruing(), NotAccruing(account));
        _accounts[account].account = _settle(account, held, vault.dividendIndex()).asStopped();
    }

    /// @inheritdoc ISBIToken
    function payRange(address account, uint256 from, uint256 to) external {
        require(msg.sender == citizens, UnexpectedCaller(msg.sender, citizens));
        _give(address(0), account, (to - from) * INDEX_UNIT);
    }

    /// @inheritdoc ISBIToken
    function accountOf(address account) external view returns (uint256 settled, uint256 index, bool accruing) {
        Account held = _accounts[account].account;
        return (held.settled(), held.index(), held.accruing());
    }

    /* ERC-2612 */

    /// @inheritdoc IERC20Permit
    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        _permit(owner, spender, value, deadline, abi.encodePacked(r, s, v));
    }

    /// @inheritdoc ISBIToken
    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes calldata signature)
        external
    {
        _permit(owner, spender, value, deadline, signature);
    }

    /// @inheritdoc IERC20Permit
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @inheritdoc IERC5267
    function eip712Domain()
        public
        view
        override(EIP712, IERC5267)
        returns (bytes1, string memory, string memory, uint256, address, bytes32, uint256[] memory)
    {
        return super.eip712Domain();
    }

    /* ERC-3009 */

    /// @inheritdoc ISBIToken
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
    ) external {
        _pay(
            TRANSFER_TYPEHASH, Authorization(from, to, value, validAfter, validBefore, nonce, abi.encodePacked(r, s, v))
        );
    }

    /// @inheritdoc ISBIToken
    function transferWithAuthorization(Authorization calldata authorization) external {
        _pay(TRANSFER_TYPEHASH, authorization);
    }

    /// @inheritdoc ISBIToken
    function transferWithAuthorizations(Authorization[] calldata authorizations) external {
        // One for all payments: none can change it, for all that a batch calls are wallets, and those by staticcall.
        uint256 index = vault.dividendIndex();
        for (uint256 i = 0; i < authorizations.length; ++i) {
            Authorization memory item = authorizations[i];
            bytes4 fault = _tryPay(item, index);
            if (fault != 0) emit AuthorizationSkipped(item.from, item.nonce, fault);
        }
    }

    /// @inheritdoc ISBIToken
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
    ) external {
        _receive(Authorization(from, to, value, validAfter, validBefore, nonce, abi.encodePacked(r, s, v)));
    }

    /// @inheritdoc ISBIToken
    function receiveWithAuthorization(Authorization calldata authorization) external {
        _receive(authorization);
    }

    /// @inheritdoc ISBIToken
    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external {
        _cancel(authorizer, nonce, abi.encodePacked(r, s, v));
    }

    /// @inheritdoc ISBIToken
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external {
        _cancel(authorizer, nonce, signature);
    }

    /// @inheritdoc ISBIToken
    function authorizationState(address authorizer, bytes32 nonce) public view returns (bool) {
        return _nonceSlotOf(authorizer, nonce).spent & _bitOf(nonce) != 0;
    }

    /* BALANCES */

    function _transfer(address from, address to, uint256 amount) private {
        require(to != address(0), ERC20InvalidReceiver(to));
        _take(from, amount);
        _give(from, to, amount);
    }

    /// @dev The other half of a payment, once `amount` is taken from the payer.
    function _give(address from, address to, uint256 amount) private {
        _accounts[to].account = _accounts[to].account.plus(amount);
        emit Transfer(from, to, amount);
    }

    function _destroy(address from, uint256 amount) private {
        _take(from, amount);
        // No overflow: what was destroyed was issued, and all that was ever issued fits 112 bits.
        unchecked {
            recycled += amount;
        }
        emit Transfer(from, address(0), amount);
    }

    /// @dev Takes `amount` out of an account's balance, settling it first if, and only if, that is needed.
    function _take(address from, uint256 amount) private {
        AccountSlot storage payer = _accounts[from];
        Account held = payer.account;
        if (held.settled() < amount) {
            if (held.accruing()) held = _settle(from, held, IndexLib.current(vault));
            if (held.settled() < amount) revert ERC20InsufficientBalance(from, held.settled(), amount);
        }
        payer.account = held.minus(amount);
    }

    /// @dev Moves accrued income into the settled balance; the caller stores it. The event is the mint that explorers
    /// add up.
    function _settle(address account, Account held, uint256 index) private returns (Account settled) {
        settled = held.settledAt(index);
        unchecked {
            emit Transfer(address(0), account, settled.settled() - held.settled());
        }
    }

    function _approve(address owner, address spender, uint256 amount) private {
        require(spender != address(0), ERC20InvalidSpender(spender));
        allowance[owner][spender] = amount;
        emit Approval(owner, spender, amount);
    }

    function _useAllowance(address owner, address spender, uint256 amount) private {
        uint256 allowed = allowance[owner][spender];
        if (allowed == type(uint256).max) return;
        require(allowed >= amount, ERC20InsufficientAllowance(spender, allowed, amount));
        unchecked {
            allowance[owner][spender] = allowed - amount;
        }
    }

    /* SIGNATURES */

    function _permit(address owner, address spender, uint256 value, uint256 deadline, bytes memory signature) private {
        require(block.timestamp <= deadline, PermitExpired(deadline, block.timestamp));
        bytes32 structHash = keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, nonces[owner]++, deadline));
        SignatureLib.requireValid(owner, _hashTypedDataV4(structHash), signature);
        _approve(owner, spender, value);
    }

    function _receive(Authorization memory item) private {
        require(msg.sender == item.to, UnexpectedCaller(msg.sender, item.to));
        _pay(RECEIVE_TYPEHASH, item);
    }

    function _pay(bytes32 typehash, Authorization memory item) private {
        require(block.timestamp > item.validAfter, AuthorizationNotYetValid(item.validAfter, block.timestamp));
        require(block.timestamp < item.validBefore, AuthorizationExpired(item.validBefore, block.timestamp));
        require(!authorizationState(item.from, item.nonce), AuthorizationUsedOrCanceled(item.from, item.nonce));
        SignatureLib.requireValid(item.from, _digestOf(typehash, item), item.signature);
        _spendNonce(item.from, item.nonce);
        emit AuthorizationUsed(item.from, item.nonce);
        _transfer(item.from, item.to, item.value);
    }

    function _cancel(address authorizer, bytes32 nonce, bytes memory signature) private {
        require(!authorizationState(authorizer, nonce), AuthorizationUsedOrCanceled(authorizer, nonce));
        bytes32 structHash = keccak256(abi.encode(CANCEL_TYPEHASH, authorizer, nonce));
        SignatureLib.requireValid(authorizer, _hashTypedDataV4(structHash), signature);
        _spendNonce(authorizer, nonce);
        emit AuthorizationCanceled(authorizer, nonce);
    }

    /// @dev Pays, and returns zero; or does nothing, and returns the selector of the error that `_pay` would throw: the
    /// same checks in the same order.
    function _tryPay(Authorization memory item, uint256 index) private returns (bytes4 fault) {
        if (block.timestamp <= item.validAfter) return AuthorizationNotYetValid.selector;
        if (block.timestamp >= item.validBefore) return AuthorizationExpired.selector;
        NonceSlot storage word = _nonceSlotOf(item.from, item.nonce);
        uint256 spent = word.spent;
        if (spent & _bitOf(item.nonce) != 0) return AuthorizationUsedOrCanceled.selector;
        fault = SignatureLib.faultOf(item.from, _digestOf(TRANSFER_TYPEHASH, item), item.signature);
        if (fault != 0) return fault;
        if (item.to == address(0)) return ERC20InvalidReceiver.selector;
        AccountSlot storage payer = _accounts[item.from];
        Account held = payer.account;
        bool settling = held.settled() < item.value;
        if (settling && !(held.accruing() && held.settledAt(index).settled() >= item.value)) {
            return ERC20InsufficientBalance.selector;
        }

        word.spent = spent | _bitOf(item.nonce);
        emit AuthorizationUsed(item.from, item.nonce);
        if (settling) held = _settle(item.from, held, index);
        payer.account = held.minus(item.value);
        _give(item.from, item.to, item.value);
    }

    function _digestOf(bytes32 typehash, Authorization memory item) private view returns (bytes32) {
        return _hashTypedDataV4(AuthorizationLib.hash(typehash, item));
    }

    function _spendNonce(address authorizer, bytes32 nonce) private {
        _nonceSlotOf(authorizer, nonce).spent |= _bitOf(nonce);
    }

    function _nonceSlotOf(address authorizer, bytes32 nonce) private view returns (NonceSlot storage) {
        return _nonceSlots[authorizer][uint256(nonce) >> 8];
    }

    function _bitOf(bytes32 nonce) private pure returns (uint256) {
        return 1 << (uint256(nonce) & 0xff);
    }
}
// slither-disable-end timestamp,missing-zero-check
