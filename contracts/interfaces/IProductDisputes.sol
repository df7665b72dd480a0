// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {IAuditTerms} from "./IAuditTerms.sol";
import {Compact, Exhibit, IComputeDisputes} from "./IComputeDisputes.sol";
import {IComputeOracleRegistry, Reading} from "./IComputeOracleRegistry.sol";

/// @dev One device's answer to a challenge, which its facility's reading key signs; an EIP-712 type of the same name and
/// fields. The matrices follow from all fields but the root.
struct Product {
    /// The facility's number.
    uint256 facility;
    /// The epoch.
    uint256 epoch;
    /// Names the device.
    bytes32 device;
    /// The word of a block that the matrices follow from.
    bytes32 beacon;
    /// Rows of A and of C.
    uint256 m;
    /// Columns of B and of C.
    uint256 n;
    /// Columns of A, rows of B: the terms of an entry of C.
    uint256 k;
    /// Root of the Merkle tree over C.
    bytes32 root;
}

/// @dev One entry of a product's C, shown.
struct Entry {
    /// Its row.
    uint256 row;
    /// Its column.
    uint256 column;
    /// The segment it is in: the bytes of a leaf.
    bytes segment;
    /// From the leaf up, the sibling of each node on the way to the root.
    bytes32[] path;
}

/// @title IProductDisputes
/// @dev Where a facility's proof of compute is shown to be wrong. `docs/proof-of-compute.md` gives the protocol.
///
/// A `Product` says that a matrix with this root is A·B, where A and B follow from the other fields. It is true or false
/// by itself: neither a block nor a clock needs to be looked at. Anybody may show one wrong entry; from then on the
/// product is *disproved*, for good, and whoever showed it is its *reporter*.
///
/// What comes of a disproved product is shown apart, by what its facility signed: the reading key that signed the product,
/// or a reading that lists it as evidence, loses its bond, of which the reporter gets a part; the leaf of a reading that
/// lists it is taken out of a report that is pending. The oracles that signed that report are not slashed.
///
/// An honest device never signs a wrong product, nor two of one challenge: the product is exact, hence always the same.
///
/// Long products are worked out in several transactions: what `advance` has summed of an entry is kept for `disprove`.
/// What waits in a public mempool can be copied, and the reward may go to whoever copies it.
interface IProductDisputes is IERC5267 {
    /// @dev Thrown when a product's sizes are none for which the protocol is defined.
    /// @param m Rows given.
    /// @param n Columns given.
    /// @param k Terms given.
    error InvalidSizes(uint256 m, uint256 n, uint256 k);

    /// @dev Thrown when a product has no such entry.
    /// @param row The row given.
    /// @param column The column given.
    /// @param m Rows of the product.
    /// @param n Columns of the product.
    error NoSuchEntry(uint256 row, uint256 column, uint256 m, uint256 n);

    /// @dev Thrown when a segment has not the length of the product's leaves.
    /// @param given Bytes given.
    /// @param expected Bytes of a leaf.
    error WrongSegmentLength(uint256 given, uint256 expected);

    /// @dev Thrown when a path has another number of siblings than there are levels above the leaves.
    /// @param given How many it has.
    /// @param expected How many levels there are.
    error WrongPathLength(uint256 given, uint256 expected);

    /// @dev Thrown when what is shown does not lead to the product's root.
    /// @param given The root it leads to.
    /// @param expected The product's.
    error WrongRoot(bytes32 given, bytes32 expected);

    /// @dev Thrown when the entry shown is what it should be.
    /// @param value The entry.
    error EntryIsRight(int256 value);

    /// @dev Thrown when a product was disproved before.
    /// @param digest The product's.
    error AlreadyDisproved(bytes32 digest);

    /// @dev Thrown when consequences are drawn from a product that is not disproved.
    /// @param digest The product's.
    error NotDisproved(bytes32 digest);

    /// @dev Thrown when a reading and a product, or two products, are not about the same.
    /// @param facility The first one's facility.
    /// @param epoch The first one's epoch.
    error Unrelated(uint256 facility, uint256 epoch);

    /// @dev Thrown when a reading does not list a product as evidence.
    /// @param digest The product's.
    /// @param evidence The reading's evidence.
    error NotInEvidence(bytes32 digest, bytes32 evidence);

    /// @dev Thrown when two products are one and the same.
    /// @param digest What was signed.
    error SameProduct(bytes32 digest);

    /// @dev Thrown when an entry is advanced whose sum is complete.
    /// @param k Terms of the product.
    error EntryComplete(uint256 k);

    /// @dev Thrown when terms are to be summed that are not a whole number of blocks of 64, or none.
    /// @param given How many.
    error InvalidTerms(uint256 given);

    /// @dev A part of an entry was summed.
    /// @param digest The product's.
    /// @param row The entry's row.
    /// @param column The entry's column.
    /// @param terms How many terms are summed now, from the first.
    /// @param sum Their sum.
    event EntryAdvanced(bytes32 indexed digest, uint256 row, uint256 column, uint256 terms, int256 sum);

    /// @dev A product was shown to be wrong.
    /// @param digest The product's.
    /// @param facility The facility it names.
    /// @param epoch The epoch it names.
    /// @param reporter Who showed it.
    /// @param row Row of the wrong entry.
    /// @param column Its column.
    /// @param claimed What stands there.
    /// @param computed What should.
    event ProductDisproved(
        bytes32 indexed digest,
        uint256 indexed facility,
        uint256 indexed epoch,
        address reporter,
        uint256 row,
        uint256 column,
        int256 claimed,
        int256 computed
    );

    /// @dev A key was shown to have signed a disproved product, or a reading that lists it.
    /// @param signer The reading key.
    /// @param epoch The epoch it is about.
    /// @param reporter Who disproved the product.
    /// @param digest The product's.
    event WrongProductProven(address indexed signer, uint256 indexed epoch, address indexed reporter, bytes32 digest);

    /// @dev A key was shown to have signed two products of one challenge.
    /// @param signer The reading key.
    /// @param epoch The epoch they are about.
    /// @param reporter Who showed it.
    /// @param first Digest of one.
    /// @param second Digest of the other.
    event TwoProductsProven(
        address indexed signer, uint256 indexed epoch, address indexed reporter, bytes32 first, bytes32 second
    );

    /// @dev A reading that lists a disproved product was taken out of a report.
    /// @param epoch The epoch.
    /// @param facility The facility.
    /// @param caller Who showed it.
    /// @param digest The product's.
    event ReadingTakenOut(uint256 indexed epoch, uint256 indexed facility, address indexed caller, bytes32 digest);

    /// @dev Sums further terms of an entry, so that `disprove` need not sum all in one transaction. Open to anyone; what
    /// others have summed is gone on with.
    /// @param product The product.
    /// @param row The entry's row.
    /// @param column The entry's column.
    /// @param terms How many more, a multiple of 64; fewer are summed where fewer are left.
    function advance(Product calldata product, uint256 row, uint256 column, uint256 terms) external;

    /// @dev Disproves a product by one entry that is wrong. The caller becomes its reporter.
    /// @param product The product; who signed it is not asked here.
    /// @param entry The entry, with its leaf and path.
    function disprove(Product calldata product, Entry calldata entry) external;

    /// @dev Slashes the reading key that signed a disproved product. Open to anyone; the reward is the reporter's.
    /// @param product The product.
    /// @param signature The key's signature of it.
    function slashForProduct(Product calldata product, Compact calldata signature) external;

    /// @dev Slashes the reading key that signed a reading with a disproved product as evidence. Open to anyone; the reward
    /// is the reporter's.
    /// @param reading The reading.
    /// @param signature The key's signature of it.
    /// @param product The product; of the reading's facility and epoch.
    /// @param path From the product's leaf to the evidence.
    function slashForReading(
        Reading calldata reading,
        Compact calldata signature,
        Product calldata product,
        bytes32[] calldata path
    ) external;

    /// @dev Slashes the reading key that signed two products of one challenge.
    /// @param first One product.
    /// @param second The other: the same but for its root.
    /// @param ofFirst The key's signature of the first.
    /// @param ofSecond The key's signature of the second.
    function slashForTwoProducts(
        Product calldata first,
        Product calldata second,
        Compact calldata ofFirst,
        Compact calldata ofSecond
    ) external;

    /// @dev Takes a reading with a disproved product as evidence out of its epoch's report, which is pending. Open to
    /// anyone.
    /// @param reading The reading.
    /// @param product The product; of the reading's facility and epoch.
    /// @param path From the product's leaf to the evidence.
    /// @param shown The reading's leaf and its proof.
    function takeOut(
        Reading calldata reading,
        Product calldata product,
        bytes32[] calldata path,
        Exhibit calldata shown
    ) external;

    /// @dev What a facility signs: the EIP-712 digest of a product.
    /// @param product The product.
    function productDigest(Product calldata product) external view returns (bytes32);

    /// @dev The seeds of a product's matrices.
    /// @param product The product.
    /// @return seedA That of the device's own.
    /// @return seedB That of the one all devices share.
    function seedsOf(Product calldata product) external pure returns (bytes32 seedA, bytes32 seedB);

    /// @dev An entry of A·B, from the beginning or from where `advance` left it.
    /// @param product The product.
    /// @param row The entry's row.
    /// @param column The entry's column.
    function entryOf(Product calldata product, uint256 row, uint256 column) external view returns (int256);

    /// @dev Who disproved a product; zero if nobody has.
    /// @param digest The product's.
    function reporterOf(bytes32 digest) external view returns (address);

    /// @dev The registry whose facilities these are.
    function registry() external view returns (IComputeOracleRegistry);

    /// @dev The disputes contract that slashes and takes out.
    function disputes() external view returns (IComputeDisputes);

    /// @dev What facilities must prove: where oracles and meters that know the registry find it. Nothing here depends on
    /// it, and there may be none.
    function audits() external view returns (IAuditTerms);
}
