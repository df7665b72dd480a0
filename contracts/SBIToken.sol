// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {IDistributionVault} from "./interfaces/IDistributionVault.sol";
import {ISBIToken, Authorization} from "./interfaces/ISBIToken.sol";
import {IndexLib} from "./libraries/IndexLib.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";

/// @title SBIToken
/// @dev The interface is the manual.
contract SBIToken is ISBIToken, EIP712 {
    /// @dev One slot per account.
    ///
    ///   | 63 free | accruing 1 | index 80 | settled 112 |
    ///
    /// settled: wei. All that was ever issued fits 112 bits (5.1e15 SBI; the vault holds to it), so no sum of balances
    /// can pass the field. index: units of 1e6 wei per citizen; 80 bits are 1.2e12 SBI a head.
    struct Account {
        uint112 settled;
        uint80 index;
        bool accruing;
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

    /// @inheritdoc IERC20Metadata
    string public constant name = "Smart Basic Income";
    /// @inheritdoc IERC20Metadata
    string public constant symbol = "SBI";
    /// @inheritdoc IERC20Metadata
    uint8 public constant decimals = 18;

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

    mapping(address account => Account) private _accounts;
    /// @dev One bit per ERC-3009 nonce: bit `nonce & 0xff` of word `nonce >> 8`.
    mapping(address authorizer => mapping(uint256 word => uint256)) private _spentNonces;

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
        Account memory held = _accounts[account];
        return held.accruing ? held.settled + _accrued(held.index, vault.dividendIndex()) : held.settled;
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
    function recirculate(uint256 amount) external {
        _destroy(msg.sender, amount);
        vault.noteRecirculated(amount);
        emit Recirculated(msg.sender, amount);
    }

    /// @inheritdoc ISBIToken
    function startAccrual(address account, uint256 index) external {
        require(msg.sender == citizens, UnexpectedCaller(msg.sender, citizens));
        Account storage held = _accounts[account];
        require(!held.accruing, AlreadyAccruing(account));
        // The vault gave this index; it keeps it in 80 bits.
        held.index = uint80(index);
        held.accruing = true;
    }

    /// @inheritdoc ISBIToken
    function endAccrual(address account) external {
        require(msg.sender == citizens, UnexpectedCaller(msg.sender, citizens));
        Account memory held = _accounts[account];
        require(held.accruing, NotAccruing(account));
        _settle(account, held);
        held.accruing = false;
        _accounts[account] = held;
    }

    /// @inheritdoc ISBIToken
    function payRange(address account, uint256 from, uint256 to) external {
        require(msg.sender == citizens, UnexpectedCaller(msg.sender, citizens));
        uint256 amount = _accrued(from, to);
        // Fits: it was issued, and all that ever was fits the field.
        _accounts[account].settled += uint112(amount);
        emit Transfer(address(0), account, amount);
    }

    /// @inheritdoc ISBIToken
    function accountOf(address account) external view returns (uint256 settled, uint256 index, bool accruing) {
        Account memory held = _accounts[account];
        return (held.settled, held.index, held.accruing);
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
        for (uint256 i = 0; i < authorizations.length; ++i) {
            Authorization memory item = authorizations[i];
            bytes4 fault = _faultOf(TRANSFER_TYPEHASH, item);
            if (fault == 0) fault = _faultOfAmount(item);
            if (fault == 0) _execute(item);
            else emit AuthorizationSkipped(item.from, item.nonce, fault);
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
        (uint256 word, uint256 bit) = _place(nonce);
        return _spentNonces[authorizer][word] & bit != 0;
    }

    /* BALANCES */

    function _transfer(address from, address to, uint256 amount) private {
        require(to != address(0), ERC20InvalidReceiver(to));
        _take(from, amount);
        // No overflow: no sum of balances passes what was issued, which fits the field.
        unchecked {
            _accounts[to].settled += uint112(amount);
        }
        emit Transfer(from, to, amount);
    }

    function _destroy(address from, uint256 amount) private {
        _take(from, amount);
        recycled += amount;
        emit Transfer(from, address(0), amount);
    }

    /// @dev Takes `amount` out of an account's balance, settling it first if, and only if, that is needed.
    function _take(address from, uint256 amount) private {
        Account memory held = _accounts[from];
        if (held.settled < amount && held.accruing) _settle(from, held);
        require(held.settled >= amount, ERC20InsufficientBalance(from, held.settled, amount));
        unchecked {
            held.settled -= uint112(amount);
        }
        _accounts[from] = held;
    }

    /// @dev Writes accrued income into `held`; the caller stores it. The event is the mint that explorers add up.
    function _settle(address account, Account memory held) private {
        uint256 index = vault.dividendIndex();
        uint256 accrued = _accrued(held.index, index);
        unchecked {
            held.settled += uint112(accrued);
        }
        held.index = uint80(index);
        emit Transfer(address(0), account, accrued);
    }

    function _accrued(uint256 from, uint256 to) private pure returns (uint256) {
        return (to - from) * INDEX_UNIT;
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
        _execute(item);
    }

    /// @dev Spends the nonce and pays. The authorisation has been checked.
    function _execute(Authorization memory item) private {
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

    /// @dev The selector of the error that `_pay` would throw before paying, zero if none; the same order of checks.
    function _faultOf(bytes32 typehash, Authorization memory item) private view returns (bytes4) {
        if (block.timestamp <= item.validAfter) return AuthorizationNotYetValid.selector;
        if (block.timestamp >= item.validBefore) return AuthorizationExpired.selector;
        if (authorizationState(item.from, item.nonce)) return AuthorizationUsedOrCanceled.selector;
        return SignatureLib.faultOf(item.from, _digestOf(typehash, item), item.signature);
    }

    /// @dev The selector of the error that the transfer itself would throw, zero if none.
    function _faultOfAmount(Authorization memory item) private view returns (bytes4) {
        if (item.to == address(0)) return ERC20InvalidReceiver.selector;
        Account memory held = _accounts[item.from];
        uint256 available = held.settled;
        if (available < item.value && held.accruing) available += _accrued(held.index, vault.dividendIndex());
        return available < item.value ? ERC20InsufficientBalance.selector : bytes4(0);
    }

    function _digestOf(bytes32 typehash, Authorization memory item) private view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(typehash, item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce)
            )
        );
    }

    function _spendNonce(address authorizer, bytes32 nonce) private {
        (uint256 word, uint256 bit) = _place(nonce);
        _spentNonces[authorizer][word] |= bit;
    }

    function _place(bytes32 nonce) private pure returns (uint256 word, uint256 bit) {
        return (uint256(nonce) >> 8, 1 << (uint256(nonce) & 0xff));
    }
}
