// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {IComputeOracleRegistry} from "./IComputeOracleRegistry.sol";
import {IPullPayments} from "./IPullPayments.sol";

/// @dev What is kept of a signer:
///
///   | 48 free | slashed 8 | unlocksAt 40 | owner 160 | and | 144 free | amount 112 |
///
/// unlocksAt: 35,000 years. amount: 5e15 coins of 1e18 wei.
struct Bond {
    /// Who put the bond up and gets it back; zero if there is none.
    address owner;
    /// When it can be withdrawn, seconds; zero while it is in force.
    uint40 unlocksAt;
    /// The signer was slashed, for good.
    bool slashed;
    /// The bond, wei.
    uint112 amount;
}

/// @title ISignerBonds
/// @dev Bonds in the native coin for those whose signatures count: oracles, by their signing addresses, and facilities'
/// reading keys. An oracle stands, so that its signature counts towards a report, while it has the required bond. A bond
/// that is given up stays locked for longer than anybody can prove anything against its signer.
///
/// A signer need not own its bond, nor be able to send a transaction: it consents to its owner by a signature.
/// `docs/protocol.md` gives the bytes.
///
/// Slashing is for the disputes contract of a configuration that is or was in force, on proof. It takes the whole bond:
/// less than half of it goes to whoever brought the proof, so that nobody gains by proving a fault of their own; the
/// rest stays here for good. Which contract that is, governance schedules ahead: whoever bonds relies on it, and cannot
/// leave sooner than the lock.
interface ISignerBonds is IPullPayments, IERC5267 {
    /// @dev Thrown when a bond is put up, or by the constructor required, that is nothing.
    /// @param given The amount, wei.
    /// @param least The least accepted, wei.
    error BondTooSmall(uint256 given, uint256 least);

    /// @dev Thrown by the constructor when a reporter would get half of what is slashed, or more.
    /// @param given Basis points.
    /// @param max The most accepted.
    error RewardTooHigh(uint256 given, uint256 max);

    /// @dev Thrown by the constructor when bonds would be free before their signers' reports are settled.
    /// @param given Seconds.
    /// @param least The registry's finality and one epoch, seconds.
    error LockTooShort(uint256 given, uint256 least);

    /// @dev Thrown when another than a bond's owner disposes of it.
    /// @param caller Who called.
    /// @param owner Whose the bond is; zero if there is none.
    error NotBondOwner(address caller, address owner);

    /// @dev Thrown when a bond is already given up.
    /// @param signer Whose bond.
    /// @param unlocksAt When it can be withdrawn, seconds.
    error BondUnlocking(address signer, uint256 unlocksAt);

    /// @dev Thrown when a bond is withdrawn that was not given up.
    /// @param signer Whose bond.
    error BondInForce(address signer);

    /// @dev Thrown when a bond is withdrawn too soon.
    /// @param unlocksAt When it can be withdrawn, seconds.
    /// @param time The block's time, seconds.
    error BondLocked(uint256 unlocksAt, uint256 time);

    /// @dev Thrown when a signer was slashed: it can neither bond nor be slashed again.
    /// @param signer The signer.
    error SignerIsSlashed(address signer);

    /// @dev Thrown when another than the disputes contract of the epoch's configuration slashes.
    /// @param caller Who called.
    /// @param disputes Who may.
    error NotDisputes(address caller, address disputes);

    /// @dev Thrown when an epoch is named that has not begun, so that its configuration may still change.
    /// @param epoch The epoch.
    /// @param upcoming The first epoch that has not begun.
    error EpochNotBegun(uint256 epoch, uint256 upcoming);

    /// @dev A bond was put up or added to.
    /// @param signer For whom.
    /// @param owner By whom.
    /// @param added How much, wei.
    /// @param amount The whole bond now, wei.
    event SignerBonded(address indexed signer, address indexed owner, uint256 added, uint256 amount);

    /// @dev A bond was given up: the signer no longer stands.
    /// @param signer Whose.
    /// @param unlocksAt When it can be withdrawn, seconds.
    event SignerUnbonded(address indexed signer, uint256 unlocksAt);

    /// @dev A bond was freed and is due to its owner.
    /// @param signer Whose.
    /// @param owner To whom.
    /// @param amount How much, wei.
    event BondFreed(address indexed signer, address indexed owner, uint256 amount);

    /// @dev A signer was slashed.
    /// @param signer The signer.
    /// @param reporter Who brought the proof.
    /// @param epoch The epoch it is about.
    /// @param amount The bond, wei; zero if there was none.
    /// @param reward How much of it is due to the reporter, wei; the rest is forfeited.
    event SignerSlashed(
        address indexed signer, address indexed reporter, uint256 indexed epoch, uint256 amount, uint256 reward
    );

    /// @dev Puts up the coins sent with the call as a signer's bond, of which the caller becomes the owner, or adds them
    /// to a bond that the caller owns. The signer stands as soon as the bond is what is required. Consent does not lapse:
    /// an owner may bond a signer again after withdrawing.
    /// @param signer For whom.
    /// @param signature The signer's consent to the caller (`bondDigest`); not read where the caller owns the bond.
    function bond(address signer, bytes calldata signature) external payable;

    /// @dev Gives up a bond that the caller owns. The signer stops standing at once; the bond can be slashed until it is
    /// withdrawn.
    /// @param signer Whose.
    function unbond(address signer) external;

    /// @dev Frees a bond that the caller owns and has given up `lockTime` ago; `withdraw` then pays it.
    /// @param signer Whose.
    function withdrawBond(address signer) external;

    /// @dev Takes a signer's whole bond, for good; it stops standing and can never bond again. Where there is no bond, it
    /// is marked all the same. For the disputes contract of the epoch's configuration.
    /// @param signer The signer.
    /// @param reporter To whom the reward is due.
    /// @param epoch The epoch it is about; begun.
    function slash(address signer, address reporter, uint256 epoch) external;

    /// @dev What a signer signs to consent to an owner of its bond: an EIP-712 digest.
    /// @param signer The signer.
    /// @param owner The owner.
    function bondDigest(address signer, address owner) external view returns (bytes32);

    /// @dev What is kept of a signer.
    /// @param signer The signer.
    function bondOf(address signer) external view returns (Bond memory);

    /// @dev Whether a signer was slashed.
    /// @param signer The signer.
    function isSlashed(address signer) external view returns (bool);

    /// @dev The registry that is told who stands.
    function registry() external view returns (IComputeOracleRegistry);

    /// @dev The bond an oracle needs to stand, wei.
    function requiredBond() external view returns (uint256);

    /// @dev Share of a slashed bond that goes to the reporter, basis points; below 5,000.
    function rewardBps() external view returns (uint256);

    /// @dev How long a bond stays locked once it is given up.
    /// @return seconds
    function lockTime() external view returns (uint256);

    /// @dev What was slashed and nobody got, wei; it stays here.
    function forfeited() external view returns (uint256);
}
