// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Verifiers} from "../interfaces/IComputeOracleRegistry.sol";
import {CodeBlobLib} from "./CodeBlob.sol";
import {FieldLib} from "./FieldLib.sol";

/// @title ConfigBlobLib
/// @dev What does not change about a configuration, as a contract's code: digest (32 bytes) ‖ weights version (2) ‖
/// weights (3 × 2) ‖ signature verifier (20) ‖ disputes (20) ‖ oracles (n × 20).
library ConfigBlobLib {
    using FieldLib for uint256;

    /// @dev All but the oracles.
    struct Head {
        bytes32 digest;
        uint256 weightsVersion;
        uint256[3] weightsX16;
        Verifiers verifiers;
    }

    uint256 private constant HEAD_BYTES = 80;
    uint256 private constant ORACLE_BYTES = 20;

    function write(Head memory head, address[] memory oracles) internal returns (address blob) {
        bytes memory data = abi.encodePacked(
            head.digest,
            head.weightsVersion.to16(),
            head.weightsX16[0].to16(),
            head.weightsX16[1].to16(),
            head.weightsX16[2].to16(),
            head.verifiers.signatures,
            head.verifiers.disputes
        );
        for (uint256 i = 0; i < oracles.length; ++i) {
            data = bytes.concat(data, bytes20(oracles[i]));
        }
        return CodeBlobLib.write(data);
    }

    function readHead(address blob) internal view returns (Head memory head) {
        bytes memory data = CodeBlobLib.readPart(blob, 0, HEAD_BYTES);
        uint256 fields = _word(data, 32);
        head.digest = bytes32(_word(data, 0));
        head.weightsVersion = fields >> 240;
        head.weightsX16 = [fields >> 224 & 0xffff, fields >> 208 & 0xffff, fields >> 192 & 0xffff];
        head.verifiers = Verifiers(address(uint160(fields >> 32)), _address(data, 60));
    }

    /// @dev What every report is judged by, without the rest of the head.
    function readTerms(address blob)
        internal
        view
        returns (bytes32 digest, uint256 weightsVersion, address signatureVerifier)
    {
        // Scratch space takes the digest and the word after it, in which the first verifier ends 4 bytes before the end.
        assembly ("memory-safe") {
            extcodecopy(blob, 0x00, 1, 0x40)
            digest := mload(0x00)
            let fields := mload(0x20)
            weightsVersion := shr(240, fields)
            signatureVerifier := and(shr(32, fields), 0xffffffffffffffffffffffffffffffffffffffff)
        }
    }

    /// @dev The oracles as they stand in the blob; `countIn`, `oracleIn` and `listOf` tell what is in there.
    function readOracles(address blob) internal view returns (bytes memory oracles) {
        return CodeBlobLib.readPart(blob, HEAD_BYTES, CodeBlobLib.sizeOf(blob) - HEAD_BYTES);
    }

    /// @dev How many oracles a blob holds.
    function countOf(address blob) internal view returns (uint256) {
        return (CodeBlobLib.sizeOf(blob) - HEAD_BYTES) / ORACLE_BYTES;
    }

    function countIn(bytes memory oracles) internal pure returns (uint256) {
        return oracles.length / ORACLE_BYTES;
    }

    /// @param number Below `countIn`.
    function oracleIn(bytes memory oracles, uint256 number) internal pure returns (address) {
        unchecked {
            return _address(oracles, number * ORACLE_BYTES);
        }
    }

    function listOf(bytes memory oracles) internal pure returns (address[] memory list) {
        list = new address[](countIn(oracles));
        for (uint256 i = 0; i < list.length; ++i) {
            list[i] = oracleIn(oracles, i);
        }
    }

    function _address(bytes memory data, uint256 offset) private pure returns (address) {
        return address(uint160(_word(data, offset) >> 96));
    }

    /// @dev The 32 bytes at `offset`; what lies past the end is of no account to the callers, who shift it out.
    function _word(bytes memory data, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), offset))
        }
    }
}
