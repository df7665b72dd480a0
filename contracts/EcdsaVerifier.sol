// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {ISignatureVerifier} from "./interfaces/ISignatureVerifier.sol";
import {ConfigBlobLib} from "./libraries/ConfigBlob.sol";
import {EcrecoverLib} from "./libraries/EcrecoverLib.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";

/// @title EcdsaVerifier
/// @dev One ECDSA signature an oracle. The interface is the manual.
contract EcdsaVerifier is ISignatureVerifier {
    /// @dev Number (1) ‖ r (32) ‖ vs (32).
    uint256 private constant ENTRY = 65;

    /// @inheritdoc ISignatureVerifier
    function verify(bytes32 digest, address config, bytes calldata signatures) external view returns (uint256 signers) {
        uint256 length = signatures.length;
        require(length % ENTRY == 0, SignatureBytesMisaligned(length, ENTRY));
        bytes memory oracles = ConfigBlobLib.readOracles(config);
        uint256 size = ConfigBlobLib.countIn(oracles);
        // The lowest number that may come next.
        uint256 least;
        // Nothing overflows: numbers take a byte, and places lie within the calldata.
        unchecked {
            for (uint256 at = 0; at < length; at += ENTRY) {
                (uint256 number, bytes32 r, uint256 vs) = _entry(signatures, at);
                if (number < least) revert SignersOutOfOrder(number, least - 1);
                if (number >= size) revert UnknownOracle(number, size);
                _requireSigned(digest, r, vs, ConfigBlobLib.oracleIn(oracles, number));
                signers |= 1 << number;
                least = number + 1;
            }
        }
    }

    function _requireSigned(bytes32 digest, bytes32 r, uint256 vs, address oracle) private view {
        uint256 s = vs & (type(uint256).max >> 1);
        if (s > SignatureLib.MAX_S) revert MalleableSignature(s, SignatureLib.MAX_S);
        address recovered = EcrecoverLib.recover(digest, vs >> 255, r, s);
        if (recovered != oracle) revert InvalidSignature(oracle, recovered);
    }

    /// @dev In bounds: the caller goes up in entries, of which the bytes are a whole number.
    function _entry(bytes calldata signatures, uint256 at)
        private
        pure
        returns (uint256 oracle, bytes32 r, uint256 vs)
    {
        assembly ("memory-safe") {
            let start := add(signatures.offset, at)
            oracle := byte(0, calldataload(start))
            r := calldataload(add(start, 1))
            vs := calldataload(add(start, 33))
        }
    }
}
