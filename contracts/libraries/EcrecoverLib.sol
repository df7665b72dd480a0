// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {SignatureLib} from "./SignatureLib.sol";

/// @title EcrecoverLib
/// @dev `SignatureLib.recoverCompact` for many signatures of one digest, lean: the loop is what a report costs.
library EcrecoverLib {
    /// @dev Number (1) ‖ r (32) ‖ vs (32).
    uint256 internal constant ENTRY = 65;

    /// @dev Who signed, up to the first entry that is out of order, of nobody in the set, malleable or not that member's.
    /// @param digest What was signed.
    /// @param entries A whole number of entries.
    /// @param members Packed addresses, 20 bytes each.
    /// @return signers Bit i set: member i signed.
    /// @return good Bytes of entries before the first that is none of theirs: all, if there is none.
    function signersOf(bytes32 digest, bytes calldata entries, bytes memory members)
        internal
        view
        returns (uint256 signers, uint256 good)
    {
        uint256 maxS = SignatureLib.MAX_S;
        // Beyond the free memory lies the precompile's input; its answer goes to scratch space, which is cleared before,
        // since it answers nothing where nobody signed. A member's word is read before its number is known to be one of
        // the set's, and not used unless it is. Ascending: no bit at or above the number is set.
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore(input, digest)
            let parity := add(input, 0x20)
            let size := div(mload(members), 20)
            let at := entries.offset
            for { let end := add(at, entries.length) } lt(at, end) { at := add(at, ENTRY) } {
                let vs := calldataload(add(at, 33))
                let s := shr(1, shl(1, vs))
                mstore(parity, add(27, shr(255, vs)))
                calldatacopy(add(parity, 0x20), add(at, 1), 0x20)
                mstore(add(parity, 0x40), s)
                mstore(0x00, 0)
                pop(staticcall(gas(), 1, input, 0x80, 0x00, 0x20))
                let member := byte(0, calldataload(at))
                // The low 20 bytes of the word that ends with the member: the length lies before the first.
                let foreign := shl(96, xor(mload(0x00), mload(add(add(members, 20), mul(member, 20)))))
                if or(or(foreign, gt(s, maxS)), or(shr(member, signers), iszero(lt(member, size)))) { break }
                // In assembly the amount comes first: one, shifted by the member's number.
                // slither-disable-next-line incorrect-shift
                signers := or(signers, shl(member, 1))
            }
            good := sub(at, entries.offset)
        }
    }
}
