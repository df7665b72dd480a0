// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @title SignatureLib
/// @dev One home for what a valid signature is: ECDSA over secp256k1 first, with `s` in the lower half order, in 65
/// bytes (r, s, v) or 64 (r, vs as in ERC-2098); if that does not yield the signer and the signer has code, ERC-1271.
library SignatureLib {
    /// @dev Thrown when a signature is not the expected signer's.
    /// @param expected Whose signature was needed.
    /// @param recovered Whose it is by ECDSA; zero if it is nobody's.
    error InvalidSignature(address expected, address recovered);

    /// @dev Thrown when `s` lies in the upper half order: the same signature exists in a second form.
    /// @param s The value given.
    /// @param max The most accepted.
    error MalleableSignature(uint256 s, uint256 max);

    /// @dev Half the order of secp256k1, rounded down (SEC 2, section 2.4.1).
    uint256 internal constant MAX_S = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    /// @dev Gas a contract wallet may use to check a signature. Enough for a multi-signature wallet of a dozen owners,
    /// little enough that one wallet cannot spend a batch's gas.
    uint256 internal constant WALLET_GAS = 120_000;

    /// @dev Reverts unless `signer` signed `digest`.
    function requireValid(address signer, bytes32 digest, bytes memory signature) internal view {
        (bytes4 fault, address recovered, uint256 s) = _examine(signer, digest, signature);
        require(fault != MalleableSignature.selector, MalleableSignature(s, MAX_S));
        require(fault == 0, InvalidSignature(signer, recovered));
    }

    /// @dev Whether `signer` signed `digest`: zero, or the selector of the error that `requireValid` would throw.
    function faultOf(address signer, bytes32 digest, bytes memory signature) internal view returns (bytes4 fault) {
        (fault,,) = _examine(signer, digest, signature);
    }

    /// @dev Who made the compact signature (r, vs); zero if nobody did. Reverts on a high `s`.
    function recoverCompact(bytes32 digest, bytes32 r, bytes32 vs) internal pure returns (address) {
        uint256 s = uint256(vs) & (type(uint256).max >> 1);
        require(s <= MAX_S, MalleableSignature(s, MAX_S));
        unchecked {
            return ecrecover(digest, uint8(27 + (uint256(vs) >> 255)), r, bytes32(s));
        }
    }

    function _examine(address signer, bytes32 digest, bytes memory signature)
        private
        view
        returns (bytes4 fault, address recovered, uint256 s)
    {
        bytes32 r;
        uint8 v;
        (r, s, v) = _split(signature);
        if (s <= MAX_S) recovered = ecrecover(digest, v, r, bytes32(s));
        if (recovered == signer && signer != address(0)) return (0, recovered, s);
        if (_walletAccepts(signer, digest, signature)) return (0, recovered, s);
        fault = s > MAX_S ? MalleableSignature.selector : InvalidSignature.selector;
    }

    /// @dev Zeros, which recover to nobody, for a signature of another length: it may still be a wallet's own format.
    function _split(bytes memory signature) private pure returns (bytes32 r, uint256 s, uint8 v) {
        if (signature.length == 65) {
            assembly ("memory-safe") {
                r := mload(add(signature, 0x20))
                s := mload(add(signature, 0x40))
                v := byte(0, mload(add(signature, 0x60)))
            }
        } else if (signature.length == 64) {
            assembly ("memory-safe") {
                r := mload(add(signature, 0x20))
                s := mload(add(signature, 0x40))
                v := add(27, shr(255, s))
                s := and(s, shr(1, not(0)))
            }
        }
    }

    function _walletAccepts(address signer, bytes32 digest, bytes memory signature) private view returns (bool) {
        if (signer.code.length == 0) return false;
        bytes memory query = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bool accepted;
        // The answer is read into scratch space: a wallet that returns megabytes costs us one word.
        assembly ("memory-safe") {
            mstore(0x00, 0)
            let ok := staticcall(WALLET_GAS, signer, add(query, 0x20), mload(query), 0x00, 0x20)
            accepted := and(and(ok, gt(returndatasize(), 0x1f)), eq(mload(0x00), shl(224, 0x1626ba7e)))
        }
        return accepted;
    }
}
