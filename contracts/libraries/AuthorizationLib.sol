// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Authorization} from "../interfaces/ISBIToken.sol";

/// @title AuthorizationLib
/// @dev The EIP-712 hash of a payment. By `abi.encode` each payment of a batch would cost 300 gas more.
library AuthorizationLib {
    /// @dev `hashStruct` of the six signed fields. In memory they head the struct, in the order in which they are hashed.
    function hash(bytes32 typehash, Authorization memory item) internal pure returns (bytes32 structHash) {
        assembly ("memory-safe") {
            let encoded := mload(0x40)
            mstore(encoded, typehash)
            mcopy(add(encoded, 0x20), item, 0xc0)
            structHash := keccak256(encoded, 0xe0)
        }
    }
}
