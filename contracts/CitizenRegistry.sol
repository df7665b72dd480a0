// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {Batch, Citizen, ICitizenRegistry, Region} from "./interfaces/ICitizenRegistry.sol";
import {IDistributionVault} from "./interfaces/IDistributionVault.sol";
import {ISBIToken} from "./interfaces/ISBIToken.sol";
import {FieldLib} from "./libraries/FieldLib.sol";

/// @title CitizenRegistry
/// @dev The interface is the manual.
contract CitizenRegistry is ICitizenRegistry, AccessManaged {
    using FieldLib for uint256;

    struct Registrar {
        uint32 number;
        bool inOffice;
    }

    /// @dev Where a citizen's income is paid.
    ISBIToken public immutable token;
    /// @dev Where citizens are counted.
    IDistributionVault public immutable vault;

    /// @inheritdoc ICitizenRegistry
    uint256 public batchCount;
    uint256 private _registrarCount;

    mapping(uint256 batch => Batch) private _batches;
    /// @dev Bit `index & 0xff` of word `index >> 8`: neighbours share a slot.
    mapping(uint256 batch => mapping(uint256 word => uint256)) private _usedLeaves;
    mapping(address account => Citizen) private _citizens;
    mapping(uint256 region => Region) private _regions;
    mapping(address registrar => Registrar) private _registrars;

    constructor(address authority_, ISBIToken token_, IDistributionVault vault_) AccessManaged(authority_) {
        token = token_;
        vault = vault_;
    }

    /* THE ROLL */

    /// @inheritdoc ICitizenRegistry
    function enrol(bytes32 root, uint256 size, uint256 region) external returns (uint256 batch) {
        Registrar memory registrar = _registrars[msg.sender];
        require(registrar.inOffice, NotRegistrar(msg.sender));
        require(root != 0 && size != 0, EmptyBatch(root, size));
        uint32 heads = size.to32();

        Region memory roll = _regions[region];
        uint256 headcount = uint256(roll.headcount) + heads;
        require(headcount <= roll.cap, RegionFull(region, headcount, roll.cap));
        // Fits: the cap does.
        _regions[region].headcount = uint40(headcount);

        batch = batchCount++;
        uint256 entryIndex = vault.admit(heads);
        _batches[batch] = Batch({
            root: root,
            // The vault keeps its index in 80 bits.
            entryIndex: uint80(entryIndex),
            size: heads,
            region: region.to32(),
            registrar: registrar.number,
            enrolledAt: uint40(block.timestamp)
        });
        emit BatchEnrolled(batch, msg.sender, region, root, size, entryIndex);
    }

    /// @inheritdoc ICitizenRegistry
    function activate(uint256 batch, uint256 index, address account, bytes32 person, bytes32[] calldata proof)
        external
    {
        require(batch < batchCount, UnknownBatch(batch, batchCount));
        require(account != address(0), ZeroAccount(batch, index));
        Batch memory enrolled = _batches[batch];
        require(index < enrolled.size, IndexOutOfBatch(index, enrolled.size));
        uint256 since = _citizens[account].since;
        require(since == 0, AlreadyActivated(account, since));
        _useLeaf(batch, index);
        bytes32 computed = MerkleProof.processProofCalldata(proof, _leafHash(index, account, person));
        require(computed == enrolled.root, InvalidProof(computed, enrolled.root));

        _citizens[account] = Citizen({
            since: uint40(block.timestamp),
            until: 0,
            // Casts hold: the batch exists, the index is below its size.
            batch: uint32(batch),
            leaf: uint32(index),
            region: enrolled.region
        });
        emit CitizenActivated(account, batch, index);
        token.startAccrual(account, enrolled.entryIndex);
    }

    /// @dev Hashed twice, as OpenZeppelin's standard Merkle tree does, so that no inner node can pass for a leaf.
    function _leafHash(uint256 index, address account, bytes32 person) private pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(index, account, person))));
    }

    function _useLeaf(uint256 batch, uint256 index) private {
        uint256 used = _usedLeaves[batch][index >> 8];
        uint256 bit = 1 << (index & 0xff);
        require(used & bit == 0, LeafUsed(batch, index));
        _usedLeaves[batch][index >> 8] = used | bit;
    }

    /* OFFICES AND CAPS */

    /// @inheritdoc ICitizenRegistry
    function addRegistrar(address registrar) external restricted {
        Registrar storage office = _registrars[registrar];
        require(!office.inOffice, AlreadyRegistrar(registrar));
        // An office that returns keeps its number: its batches are still its own.
        if (office.number == 0) office.number = (++_registrarCount).to32();
        office.inOffice = true;
        emit RegistrarAdded(registrar, office.number);
    }

    /// @inheritdoc ICitizenRegistry
    function removeRegistrar(address registrar) external restricted {
        Registrar storage office = _registrars[registrar];
        require(office.inOffice, NotRegistrar(registrar));
        office.inOffice = false;
        emit RegistrarRemoved(registrar, office.number);
    }

    /// @inheritdoc ICitizenRegistry
    function setRegionCap(uint256 region, uint256 cap) external restricted {
        Region storage roll = _regions[region.to32()];
        emit RegionCapChanged(region, roll.cap, cap);
        roll.cap = cap.to40();
    }

    /* VIEWS */

    /// @inheritdoc ICitizenRegistry
    function citizenOf(address account) external view returns (Citizen memory) {
        return _citizens[account];
    }

    /// @inheritdoc ICitizenRegistry
    function batchOf(uint256 batch) external view returns (Batch memory) {
        require(batch < batchCount, UnknownBatch(batch, batchCount));
        return _batches[batch];
    }

    /// @inheritdoc ICitizenRegistry
    function regionOf(uint256 region) external view returns (Region memory) {
        return _regions[region];
    }

    /// @inheritdoc ICitizenRegistry
    function isLeafUsed(uint256 batch, uint256 index) external view returns (bool) {
        return _usedLeaves[batch][index >> 8] & (1 << (index & 0xff)) != 0;
    }

    /// @inheritdoc ICitizenRegistry
    function registrarOf(address registrar) external view returns (uint256 number, bool inOffice) {
        Registrar memory office = _registrars[registrar];
        return (office.number, office.inOffice);
    }
}
