// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

/// @title ISignatureFaults
/// @dev What may be wrong with a report's signatures. The registry hands these errors on as its own.
interface ISignatureFaults {
    /// @dev Thrown when the signature bytes are no whole number of entries.
    /// @param given Length in bytes.
    /// @param entry Length of one entry.
    error SignatureBytesMisaligned(uint256 given, uint256 entry);

    /// @dev Thrown when signers do not come in ascending order, as when one comes twice.
    /// @param given The oracle number given.
    /// @param previous The oracle number before it.
    error SignersOutOfOrder(uint256 given, uint256 previous);

    /// @dev Thrown when an oracle number is not of the set.
    /// @param given The number given.
    /// @param size Size of the set.
    error UnknownOracle(uint256 given, uint256 size);

    /// @dev Thrown when a signature is not the expected signer's.
    /// @param expected Whose signature was needed.
    /// @param recovered Whose it is; zero if it is nobody's.
    error InvalidSignature(address expected, address recovered);

    /// @dev Thrown when `s` lies in the upper half order: the same signature exists in a second form.
    /// @param s The value given.
    /// @param max The most accepted.
    error MalleableSignature(uint256 s, uint256 max);
}

/// @title ISignatureVerifier
/// @dev Says which oracles of a configuration signed a digest. The configuration names its verifier, so that another
/// scheme may take the place of one signature an oracle; what a signature counts for is the registry's to judge.
interface ISignatureVerifier is ISignatureFaults {
    /// @dev Which oracles signed. Reverts if any signature is not what it says: who submits leaves out the bad ones.
    /// @param digest What was signed.
    /// @param config The configuration's blob (`ConfigBlobLib`), whose oracles may sign. It travels by address, since
    /// reading code costs less than passing the oracles on.
    /// @param signatures As the scheme has them. By ECDSA: entries of 65 bytes in ascending order of oracle number:
    /// number (1) ‖ r (32) ‖ vs (32).
    /// @return signers Bit i set: oracle i signed.
    function verify(bytes32 digest, address config, bytes calldata signatures) external view returns (uint256 signers);
}
