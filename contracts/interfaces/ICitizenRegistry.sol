// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

/// @dev Citizens enrolled together.
struct Batch {
    /// Root of the standard Merkle tree over (index, account, person).
    bytes32 root;
    /// Dividend index at which the batch entered, units of 1e6 wei: its citizens receive everything since.
    uint80 entryIndex;
    /// Leaves; each counts in the headcount from enrolment on.
    uint32 size;
    /// The region its citizens belong to.
    uint32 region;
    /// Number of the registrar who enrolled it.
    uint32 registrar;
    /// When it was enrolled, seconds.
    uint40 enrolledAt;
}

/// @dev A citizen's standing.
struct Citizen {
    /// When the account activated, seconds; zero if it never did.
    uint40 since;
    /// When its income ended, seconds; zero while it goes on.
    uint40 until;
    /// The batch of its leaf.
    uint32 batch;
    /// The index of its leaf.
    uint32 leaf;
    /// Its region.
    uint32 region;
}

/// @dev A region's roll.
struct Region {
    /// Citizens enrolled.
    uint40 headcount;
    /// The most there may be.
    uint40 cap;
}

/// @title ICitizenRegistry
/// @dev The roll: who shares in the income. One person, one leaf; one leaf, one share.
///
/// A registrar enrols a batch of any size in one transaction. Every leaf counts from that moment on. A citizen, or
/// anyone for the citizen, activates a leaf by its proof, once; the account then holds everything that the leaf has
/// received since the batch was enrolled, and accrues from there. Nothing lapses while nobody activates.
///
/// Enrolment is bounded by a cap on each region's headcount. `docs/protocol.md` gives the leaf's bytes.
interface ICitizenRegistry {
    /// @dev Thrown when an address is not a registrar in office.
    /// @param account Who called, or who was to leave office.
    error NotRegistrar(address account);

    /// @dev Thrown when an address is a registrar already.
    /// @param registrar The address.
    error AlreadyRegistrar(address registrar);

    /// @dev Thrown when a batch has no root or no leaf.
    /// @param root The root given.
    /// @param size The size given.
    error EmptyBatch(bytes32 root, uint256 size);

    /// @dev Thrown when a batch would take its region past the cap.
    /// @param region The region.
    /// @param headcount What the headcount would be.
    /// @param cap The most it may be.
    error RegionFull(uint256 region, uint256 headcount, uint256 cap);

    /// @dev Thrown when a batch number was never given out.
    /// @param batch The number.
    /// @param batches How many there are.
    error UnknownBatch(uint256 batch, uint256 batches);

    /// @dev Thrown when a leaf's index is not below its batch's size.
    /// @param index The index.
    /// @param size The size.
    error IndexOutOfBatch(uint256 index, uint256 size);

    /// @dev Thrown when a leaf was used before.
    /// @param batch Its batch.
    /// @param index Its index.
    error LeafUsed(uint256 batch, uint256 index);

    /// @dev Thrown when an account has been active before: an account lives once.
    /// @param account The account.
    /// @param since When it activated, seconds.
    error AlreadyActivated(address account, uint256 since);

    /// @dev Thrown when a proof does not lead from the leaf to the batch's root.
    /// @param computed The root it leads to.
    /// @param expected The batch's root.
    error InvalidProof(bytes32 computed, bytes32 expected);

    /// @dev Thrown when a leaf names the zero address.
    /// @param batch Its batch.
    /// @param index Its index.
    error ZeroAccount(uint256 batch, uint256 index);

    /// @dev A batch was enrolled.
    /// @param batch Its number.
    /// @param registrar Who enrolled it.
    /// @param region Its region.
    /// @param root Its Merkle root.
    /// @param size Its leaves.
    /// @param entryIndex The dividend index at which it entered, units of 1e6 wei.
    event BatchEnrolled(
        uint256 indexed batch,
        address indexed registrar,
        uint256 indexed region,
        bytes32 root,
        uint256 size,
        uint256 entryIndex
    );

    /// @dev A citizen activated.
    /// @param account The citizen's account.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    event CitizenActivated(address indexed account, uint256 indexed batch, uint256 index);

    /// @dev A registrar came into office.
    /// @param registrar The address.
    /// @param number Its number.
    event RegistrarAdded(address indexed registrar, uint256 indexed number);

    /// @dev A registrar left office. Its batches stand.
    /// @param registrar The address.
    /// @param number Its number.
    event RegistrarRemoved(address indexed registrar, uint256 indexed number);

    /// @dev A region's cap changed.
    /// @param region The region.
    /// @param previous The cap before.
    /// @param cap The cap now.
    event RegionCapChanged(uint256 indexed region, uint256 previous, uint256 cap);

    /// @dev Enrols a batch of citizens. Registrars only.
    /// @param root Root of the standard Merkle tree over (index, account, person).
    /// @param size Number of leaves.
    /// @param region The citizens' region.
    /// @return batch The batch's number.
    function enrol(bytes32 root, uint256 size, uint256 region) external returns (uint256 batch);

    /// @dev Activates a citizen by proof. Anyone may send it.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param account The leaf's account.
    /// @param person The leaf's person commitment.
    /// @param proof Sibling hashes from the leaf up.
    function activate(uint256 batch, uint256 index, address account, bytes32 person, bytes32[] calldata proof) external;

    /// @dev Takes a registrar into office.
    /// @param registrar The address.
    function addRegistrar(address registrar) external;

    /// @dev Puts a registrar out of office.
    /// @param registrar The address.
    function removeRegistrar(address registrar) external;

    /// @dev Sets the most citizens a region may have. Below the present headcount it only stops further enrolment.
    /// @param region The region.
    /// @param cap The cap.
    function setRegionCap(uint256 region, uint256 cap) external;

    /// @dev A citizen's standing; all zero for an account that never activated.
    /// @param account Any account.
    function citizenOf(address account) external view returns (Citizen memory);

    /// @dev A batch.
    /// @param batch Its number.
    function batchOf(uint256 batch) external view returns (Batch memory);

    /// @dev A region's headcount and cap.
    /// @param region Any region.
    function regionOf(uint256 region) external view returns (Region memory);

    /// @dev Whether a leaf has been used.
    /// @param batch Its batch.
    /// @param index Its index.
    function isLeafUsed(uint256 batch, uint256 index) external view returns (bool);

    /// @dev Number of a registrar, and whether it is in office; zero if it never was.
    /// @param registrar The address.
    function registrarOf(address registrar) external view returns (uint256 number, bool inOffice);

    /// @dev How many batches were enrolled; numbers run from 0.
    function batchCount() external view returns (uint256);
}
