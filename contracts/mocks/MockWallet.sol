// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

/// @title MockWallet
/// @dev A contract wallet (ERC-1271) with one owner, which can be told to misbehave. For tests only.
contract MockWallet {
    /// @dev How the wallet answers. `Honest`: by its owner's ECDSA signature, and so do the next two that say yes.
    /// `Lengthy`: followed by 100 kB. `Megabytes`: followed by four megabytes, more than its gas pays for. `Short`: the
    /// right four bytes and no more. `Unpadded`: the right four bytes, then others.
    enum Answer {
        Honest,
        Lengthy,
        Megabytes,
        Short,
        Unpadded,
        Refuse,
        Revert,
        BurnGas
    }

    bytes4 private constant MAGIC = 0x1626ba7e;

    address public immutable owner;
    Answer public immutable answer;

    constructor(address owner_, Answer answer_) {
        owner = owner_;
        answer = answer_;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (answer == Answer.Revert) revert("no");
        if (answer == Answer.BurnGas) while (true) {}
        if (answer == Answer.Lengthy) _return(MAGIC, 100_000);
        if (answer == Answer.Megabytes) _return(MAGIC, 4_000_000);
        if (answer == Answer.Short) _return(MAGIC, 4);
        if (answer == Answer.Unpadded) _return(bytes32(MAGIC) | bytes32(uint256(1)), 32);
        if (answer == Answer.Refuse || signature.length != 65) return 0xffffffff;
        address signer = ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64]));
        return signer == owner ? MAGIC : bytes4(0xffffffff);
    }

    /// @dev Does anything in the wallet's name.
    function call(address target, bytes calldata data) external {
        (bool ok,) = target.call(data);
        require(ok, "call failed");
    }

    function _return(bytes32 word, uint256 size) private pure {
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, word)
            return(start, size)
        }
    }
}
