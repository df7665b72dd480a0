// SPDX-License-Identifier: MIT
// solhint-disable one-contract-per-file
// What is written, and how it is read: one thing.
pragma solidity 0.8.35;

/// @title CodeBlob
/// @dev Data kept as a contract's code: reading a list of 31 oracles costs one account access instead of 31 slots.
/// The first byte stops execution, so the blob cannot be run.
contract CodeBlob {
    constructor(bytes memory data) {
        bytes memory code = bytes.concat(hex"00", data);
        assembly ("memory-safe") {
            return(add(code, 0x20), mload(code))
        }
    }
}

/// @title CodeBlobLib
library CodeBlobLib {
    function write(bytes memory data) internal returns (address blob) {
        return address(new CodeBlob(data));
    }

    function read(address blob) internal view returns (bytes memory data) {
        return readPart(blob, 0, sizeOf(blob));
    }

    /// @dev Bytes of data in a blob.
    function sizeOf(address blob) internal view returns (uint256) {
        return blob.code.length - 1;
    }

    /// @dev `length` bytes from `offset` on; zeros past the end.
    function readPart(address blob, uint256 offset, uint256 length) internal view returns (bytes memory data) {
        data = new bytes(length);
        assembly ("memory-safe") {
            extcodecopy(blob, add(data, 0x20), add(offset, 1), length)
        }
    }
}
