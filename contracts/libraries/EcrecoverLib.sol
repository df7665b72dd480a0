// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

/// @title EcrecoverLib
/// @dev `SignatureLib.recoverCompact`, lean, for a loop over many: the same result, less the check of `s`, which the
/// caller makes.
library EcrecoverLib {
    /// @dev Who made the signature (r, s) with this parity over `digest`; zero if nobody did.
    function recover(bytes32 digest, uint256 parity, bytes32 r, uint256 s) internal view returns (address signer) {
        // Input beyond the free memory, answer in scratch space. The precompile answers nothing where nobody signed.
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore(input, digest)
            mstore(add(input, 0x20), add(27, parity))
            mstore(add(input, 0x40), r)
            mstore(add(input, 0x60), s)
            mstore(0x00, 0)
            pop(staticcall(gas(), 1, input, 0x80, 0x00, 0x20))
            signer := mload(0x00)
        }
    }
}
