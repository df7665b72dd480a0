// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {PullPayments} from "./PullPayments.sol";
import {IComputeOracleRegistry} from "./interfaces/IComputeOracleRegistry.sol";
import {Bond, ISignerBonds} from "./interfaces/ISignerBonds.sol";
import {BpsLib} from "./libraries/BpsLib.sol";
import {EpochLib} from "./libraries/EpochLib.sol";
import {FieldLib} from "./libraries/FieldLib.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";

// Time: see `EpochLib`.
// slither-disable-start timestamp

/// @title SignerBonds
/// @dev The interface is the manual.
contract SignerBonds is ISignerBonds, PullPayments, EIP712 {
    bytes32 private constant BOND_TYPEHASH = keccak256("Bond(address signer,address owner)");
    /// @dev Under half.
    uint256 private constant MAX_REWARD_BPS = BpsLib.WHOLE / 2 - 1;

    /// @inheritdoc ISignerBonds
    IComputeOracleRegistry public immutable registry;
    /// @inheritdoc ISignerBonds
    uint256 public immutable requiredBond;
    /// @inheritdoc ISignerBonds
    uint256 public immutable rewardBps;
    /// @inheritdoc ISignerBonds
    uint256 public immutable lockTime;

    /// @inheritdoc ISignerBonds
    uint256 public forfeited;
    mapping(address signer => Bond) private _bonds;

    constructor(IComputeOracleRegistry registry_, uint256 requiredBond_, uint256 rewardBps_, uint256 lockTime_)
        EIP712("SignerBonds", "1")
    {
        require(requiredBond_ != 0, BondTooSmall(requiredBond_, 1));
        require(rewardBps_ <= MAX_REWARD_BPS, RewardTooHigh(rewardBps_, MAX_REWARD_BPS));
        // Disputes check their own, longer, horizon against the lock.
        uint256 least = registry_.finality() + registry_.epochLength();
        require(lockTime_ >= least, LockTooShort(lockTime_, least));
        registry = registry_;
        requiredBond = requiredBond_;
        rewardBps = rewardBps_;
        lockTime = lockTime_;
    }

    /* BONDS */

    /// @inheritdoc ISignerBonds
    function bond(address signer, bytes calldata signature) external payable {
        require(msg.value != 0, BondTooSmall(msg.value, 1));
        Bond memory held = _bonds[signer];
        require(!held.slashed, SignerIsSlashed(signer));
        require(held.unlocksAt == 0, BondUnlocking(signer, held.unlocksAt));
        if (held.owner == address(0)) {
            SignatureLib.requireValid(signer, bondDigest(signer, msg.sender), signature);
            held.owner = msg.sender;
        }
        require(held.owner == msg.sender, NotBondOwner(msg.sender, held.owner));
        bool stood = _stands(held);
        held.amount = FieldLib.to112(held.amount + msg.value);
        _bonds[signer] = held;
        emit SignerBonded(signer, msg.sender, msg.value, held.amount);
        if (!stood && _stands(held)) registry.setStanding(signer, true);
    }

    /// @inheritdoc ISignerBonds
    function unbond(address signer) external {
        Bond memory held = _ownBond(signer);
        require(held.unlocksAt == 0, BondUnlocking(signer, held.unlocksAt));
        uint40 unlocksAt = FieldLib.to40(block.timestamp + lockTime);
        _bonds[signer].unlocksAt = unlocksAt;
        emit SignerUnbonded(signer, unlocksAt);
        if (_stands(held)) registry.setStanding(signer, false);
    }

    /// @inheritdoc ISignerBonds
    function withdrawBond(address signer) external {
        Bond memory held = _ownBond(signer);
        require(held.unlocksAt != 0, BondInForce(signer));
        require(block.timestamp >= held.unlocksAt, BondLocked(held.unlocksAt, block.timestamp));
        delete _bonds[signer];
        due[msg.sender] += held.amount;
        emit BondFreed(signer, msg.sender, held.amount);
    }

    /// @inheritdoc ISignerBonds
    function slash(address signer, address reporter, uint256 epoch) external {
        _requireDisputes(epoch);
        Bond memory held = _bonds[signer];
        require(!held.slashed, SignerIsSlashed(signer));
        _bonds[signer] = Bond(address(0), 0, true, 0);
        uint256 reward = BpsLib.partDown(held.amount, rewardBps);
        due[reporter] += reward;
        forfeited += held.amount - reward;
        emit SignerSlashed(signer, reporter, epoch, held.amount, reward);
        if (_stands(held)) registry.setStanding(signer, false);
    }

    function _requireDisputes(uint256 epoch) private view {
        uint256 upcoming = EpochLib.upcoming(registry.genesis(), registry.epochLength());
        require(epoch < upcoming, EpochNotBegun(epoch, upcoming));
        address disputes = registry.verifiersAt(epoch).disputes;
        require(msg.sender == disputes, NotDisputes(msg.sender, disputes));
    }

    function _ownBond(address signer) private view returns (Bond memory held) {
        held = _bonds[signer];
        require(held.owner == msg.sender, NotBondOwner(msg.sender, held.owner));
    }

    function _stands(Bond memory held) private view returns (bool) {
        return held.amount >= requiredBond && held.unlocksAt == 0;
    }

    /* VIEWS */

    /// @inheritdoc ISignerBonds
    function bondDigest(address signer, address owner) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(BOND_TYPEHASH, signer, owner)));
    }

    /// @inheritdoc ISignerBonds
    function bondOf(address signer) external view returns (Bond memory) {
        return _bonds[signer];
    }

    /// @inheritdoc ISignerBonds
    function isSlashed(address signer) external view returns (bool) {
        return _bonds[signer].slashed;
    }

    /// @inheritdoc IERC5267
    function eip712Domain()
        public
        view
        override(EIP712, IERC5267)
        returns (bytes1, string memory, string memory, uint256, address, bytes32, uint256[] memory)
    {
        return super.eip712Domain();
    }
}
// slither-disable-end timestamp
