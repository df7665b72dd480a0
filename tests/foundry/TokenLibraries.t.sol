// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Test} from "forge-std/Test.sol";

import {IDistributionVault} from "../../contracts/interfaces/IDistributionVault.sol";
import {Authorization} from "../../contracts/interfaces/ISBIToken.sol";
import {Account as TokenAccount} from "../../contracts/libraries/AccountLib.sol";
import {AuthorizationLib} from "../../contracts/libraries/AuthorizationLib.sol";
import {IndexLib} from "../../contracts/libraries/IndexLib.sol";

/// @dev The libraries' internal functions, and beside each what Solidity makes of the same without help.
contract TokenLibrariesHarness {
    /// @dev The account's slot as the compiler lays it out.
    struct PlainAccount {
        uint112 settled;
        uint80 index;
        bool accruing;
    }

    PlainAccount private _plain;

    function hash(bytes32 typehash, Authorization memory item) external pure returns (bytes32) {
        return AuthorizationLib.hash(typehash, item);
    }

    function plainHash(bytes32 typehash, Authorization calldata item) external pure returns (bytes32) {
        return
            keccak256(
                abi.encode(typehash, item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce)
            );
    }

    function current(IDistributionVault vault) external view returns (uint256) {
        return IndexLib.current(vault);
    }

    function plainCurrent(IDistributionVault vault) external view returns (uint256) {
        return vault.dividendIndex();
    }

    function plainAccount(uint112 settled, uint80 index, bool accruing) external returns (TokenAccount held) {
        _plain = PlainAccount(settled, index, accruing);
        PlainAccount storage plain = _plain;
        assembly ("memory-safe") {
            held := sload(plain.slot)
        }
    }
}

/// @dev Answers every call with the bytes it was given, or reverts with them.
contract Answering {
    bytes private _answer;
    bool private _refuses;

    constructor(bytes memory answer, bool refuses) {
        _answer = answer;
        _refuses = refuses;
    }

    fallback() external {
        bytes memory answer = _answer;
        bool refuses = _refuses;
        assembly ("memory-safe") {
            if refuses { revert(add(answer, 0x20), mload(answer)) }
            return(add(answer, 0x20), mload(answer))
        }
    }
}

/// Branches covered here: each library function against its twin in plain Solidity.
///
/// AccountLib: every field and every change, against the struct of the same layout
/// AuthorizationLib.hash: any payment, wherever it lies in memory; memory after it is untouched
/// IndexLib.current: a word, more than a word, less, none, a revert, no code
contract TokenLibrariesTest is Test {
    TokenLibrariesHarness private lib = new TokenLibrariesHarness();

    /* ACCOUNTS */

    function _assertEq(TokenAccount held, uint112 settled, uint80 index, bool accruing) private {
        assertEq(TokenAccount.unwrap(held), TokenAccount.unwrap(lib.plainAccount(settled, index, accruing)));
        assertEq(held.settled(), settled);
        assertEq(held.index(), index);
        assertEq(held.accruing(), accruing);
    }

    function testFuzz_account__anyFields__laidOutLikeTheStruct(uint112 settled, uint80 index, bool accruing) public {
        _assertEq(lib.plainAccount(settled, index, accruing), settled, index, accruing);
    }

    function testFuzz_plusAndMinus__withinTheField__changeTheBalanceAlone(
        uint112 settled,
        uint112 amount,
        uint80 index,
        bool accruing
    ) public {
        amount = uint112(bound(amount, 0, type(uint112).max - settled));
        TokenAccount more = lib.plainAccount(settled, index, accruing).plus(amount);
        _assertEq(more, settled + amount, index, accruing);
        _assertEq(more.minus(amount), settled, index, accruing);
        _assertEq(more.minus(settled + amount), 0, index, accruing);
    }

    function testFuzz_settledAt__anyLaterIndex__movesBothFields(uint112 settled, uint80 index, uint80 later) public {
        later = uint80(bound(later, index, type(uint80).max));
        settled = uint112(bound(settled, 0, type(uint112).max - uint112(later - index) * 1e6));
        TokenAccount held = lib.plainAccount(settled, index, true).settledAt(later);
        _assertEq(held, settled + uint112(later - index) * 1e6, later, true);
    }

    function testFuzz_withIndexAndAsAccruing__any__changeThatAlone(
        uint112 settled,
        uint80 index,
        uint80 other,
        bool accruing
    ) public {
        TokenAccount held = lib.plainAccount(settled, index, accruing);
        _assertEq(held.withIndex(other), settled, other, accruing);
        _assertEq(held.asAccruing(), settled, index, true);
    }

    /* PAYMENTS */

    function testFuzz_hash__anyPayment__isThatOfItsEncoding(bytes32 typehash, Authorization calldata item) public view {
        assertEq(lib.hash(typehash, item), lib.plainHash(typehash, item));
    }

    function testFuzz_hash__betweenAllocations__touchesNoneOfThem(bytes32 typehash, Authorization memory item)
        public
        view
    {
        bytes32 before = keccak256(abi.encode(item));
        bytes32 first = AuthorizationLib.hash(typehash, item);
        bytes memory later = new bytes(300);
        assertEq(AuthorizationLib.hash(typehash, item), first);
        assertEq(later, new bytes(300));
        assertEq(keccak256(abi.encode(item)), before);
        assertEq(first, lib.plainHash(typehash, item));
    }

    /* THE INDEX */

    function _asks(address vault) private view returns (bool ok, bytes memory answer) {
        (ok, answer) = address(lib).staticcall(abi.encodeCall(lib.current, IDistributionVault(vault)));
        (bool plainOk, bytes memory plainAnswer) =
            address(lib).staticcall(abi.encodeCall(lib.plainCurrent, IDistributionVault(vault)));
        assertEq(ok, plainOk);
        if (ok) assertEq(answer, plainAnswer);
    }

    function testFuzz_current__aWordOrMore__isTheFirst(uint256 index, bytes memory more) public {
        (bool ok, bytes memory answer) = _asks(address(new Answering(abi.encodePacked(index, more), false)));
        assertTrue(ok);
        assertEq(answer, abi.encode(index));
    }

    function testFuzz_current__lessThanAWord__refused(bytes32 word, uint256 length) public {
        bytes memory short = abi.encodePacked(word);
        length = bound(length, 0, 31);
        assembly ("memory-safe") {
            mstore(short, length)
        }
        (bool ok,) = _asks(address(new Answering(short, false)));
        assertFalse(ok);
    }

    function testFuzz_current__aRefusal__refused(bytes memory refusal) public {
        (bool ok,) = _asks(address(new Answering(refusal, true)));
        assertFalse(ok);
    }

    function test_current__noCode__refused() public view {
        (bool ok,) = _asks(address(0xdead));
        assertFalse(ok);
    }
}
