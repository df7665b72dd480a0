// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ISignatureVerifier} from "./interfaces/ISignatureVerifier.sol";
import {ConfigBlobLib} from "./libraries/ConfigBlob.sol";
import {EcrecoverLib} from "./libraries/EcrecoverLib.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";

/// @title EcdsaVerifier
/// @dev One ECDSA signature an oracle. The interface is the manual.
contract EcdsaVerifier is ISignatureVerifier {
    /// @inheritdoc ISignatureVerifier
    function verify(bytes32 digest, address config, bytes calldata signatures) external view returns (uint256 signers) {
        uint256 length = signatures.length;
        require(length % EcrecoverLib.ENTRY == 0, SignatureBytesMisaligned(length, EcrecoverLib.ENTRY));
        bytes memory oracles = ConfigBlobLib.readOracles(config);
        uint256 good;
        (signers, good) = EcrecoverLib.signersOf(digest, signatures, oracles);
        if (good != length) _refuse(digest, signatures[good:good + EcrecoverLib.ENTRY], oracles, signers);
    }

    /// @dev Says what is wrong with an entry that is not good.
    function _refuse(bytes32 digest, bytes calldata entry, bytes memory oracles, uint256 signers) private pure {
        (uint256 number, uint256 size) = (uint8(entry[0]), ConfigBlobLib.countIn(oracles));
        require(number < size, UnknownOracle(number, size));
        require(signers >> number == 0, SignersOutOfOrder(number, Math.log2(signers)));
        address recovered = SignatureLib.recoverCompact(digest, bytes32(entry[1:33]), bytes32(entry[33:65]));
        revert InvalidSignature(ConfigBlobLib.oracleIn(oracles, number), recovered);
    }
}
