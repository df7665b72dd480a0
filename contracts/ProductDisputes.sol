// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {IAuditTerms} from "./interfaces/IAuditTerms.sol";
import {Compact, Exhibit, IComputeDisputes} from "./interfaces/IComputeDisputes.sol";
import {IComputeOracleRegistry, Reading} from "./interfaces/IComputeOracleRegistry.sol";
import {Entry, IProductDisputes, Product} from "./interfaces/IProductDisputes.sol";
import {ProductLib} from "./libraries/ProductLib.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";

// Blanks in a tuple are figures not asked for here.
// slither-disable-start unused-return

/// @title ProductDisputes
/// @dev The interface is the manual. Calls run one way, to the disputes contract, which knows what this one may do.
contract ProductDisputes is IProductDisputes, EIP712 {
    /// @dev What is summed of an entry: | sum 128 | terms 128 |.
    struct Partial {
        uint128 terms;
        int128 sum;
    }

    bytes32 private constant PRODUCT_TYPEHASH = keccak256(
        "Product(uint256 facility,uint256 epoch,bytes32 device,bytes32 beacon,uint256 m,uint256 n,uint256 k,bytes32 root)"
    );
    bytes32 private constant TAG_A = keccak256("SBI product A");
    bytes32 private constant TAG_B = keccak256("SBI product B");

    uint256 private constant MAX_SEGMENT = 4096;
    uint256 private constant ENTRY_BYTES = 4;

    /// @inheritdoc IProductDisputes
    IComputeOracleRegistry public immutable registry;
    /// @inheritdoc IProductDisputes
    IComputeDisputes public immutable disputes;
    /// @inheritdoc IProductDisputes
    IAuditTerms public immutable audits;

    /// @inheritdoc IProductDisputes
    mapping(bytes32 digest => address) public reporterOf;
    mapping(bytes32 seedA => mapping(bytes32 seedB => mapping(uint256 row => mapping(uint256 column => Partial))))
        private _partials;

    /// @param audits_ May have no code yet: it is deployed after this.
    constructor(IComputeDisputes disputes_, IAuditTerms audits_) EIP712("ProductDisputes", "1") {
        disputes = disputes_;
        registry = disputes_.registry();
        audits = audits_;
    }

    /* ENTRIES */

    /// @inheritdoc IProductDisputes
    function advance(Product calldata product, uint256 row, uint256 column, uint256 terms) external {
        _requireEntry(product, row, column);
        require(terms != 0 && terms % ProductLib.BLOCK == 0, InvalidTerms(terms));
        (bytes32 seedA, bytes32 seedB) = seedsOf(product);
        Partial storage done = _partials[seedA][seedB][row][column];
        uint256 left = product.k - done.terms;
        require(left != 0, EntryComplete(product.k));
        uint256 to = done.terms + (terms < left ? terms : left);
        int256 sum = _summed(product, row, column, to);
        // Both fit: a product has at most 2^22 terms, of at most 256 each.
        (done.terms, done.sum) = (uint128(to), int128(sum));
        emit EntryAdvanced(productDigest(product), row, column, to, sum);
    }

    /// @inheritdoc IProductDisputes
    function disprove(Product calldata product, Entry calldata entry) external {
        bytes32 digest = productDigest(product);
        require(reporterOf[digest] == address(0), AlreadyDisproved(digest));
        int256 claimed = _claimed(product, entry);
        int256 computed = _summed(product, entry.row, entry.column, product.k);
        require(claimed != computed, EntryIsRight(computed));
        reporterOf[digest] = msg.sender;
        emit ProductDisproved(
            digest, product.facility, product.epoch, msg.sender, entry.row, entry.column, claimed, computed
        );
    }

    /// @dev The entry that stands in the product's C, if it is where it is said to be.
    function _claimed(Product calldata product, Entry calldata entry) private pure returns (int256) {
        _requireEntry(product, entry.row, entry.column);
        uint256 width = product.n < MAX_SEGMENT ? product.n : MAX_SEGMENT;
        uint256 length = ENTRY_BYTES * width;
        require(entry.segment.length == length, WrongSegmentLength(entry.segment.length, length));
        // Whole: both are powers of two.
        // slither-disable-next-line divide-before-multiply
        uint256 perRow = product.n / width;
        bytes32 root = _rootOf(entry, entry.row * perRow + entry.column / width, product.m * perRow);
        require(root == product.root, WrongRoot(root, product.root));
        uint256 at = ENTRY_BYTES * (entry.column % width);
        return _littleEndian(bytes4(entry.segment[at:at + ENTRY_BYTES]));
    }

    /// @dev The root to which a leaf leads from its place among so many, a power of two.
    function _rootOf(Entry calldata entry, uint256 place, uint256 leaves) private pure returns (bytes32 node) {
        bytes32[] calldata path = entry.path;
        uint256 levels;
        while (uint256(1) << levels < leaves) ++levels;
        require(path.length == levels, WrongPathLength(path.length, levels));
        node = sha256(entry.segment);
        for (uint256 i = 0; i < levels; ++i) {
            node = place >> i & 1 == 0 ? sha256(bytes.concat(node, path[i])) : sha256(bytes.concat(path[i], node));
        }
    }

    function _littleEndian(bytes4 word) private pure returns (int256) {
        uint32 x = uint32(word);
        x = x >> 24 | (x >> 8 & 0xff00) | (x << 8 & 0xff0000) | x << 24;
        return int32(x);
    }

    /// @dev The sum of an entry's first terms, from what is summed already. Never less than that is asked for.
    function _summed(Product calldata product, uint256 row, uint256 column, uint256 to) private view returns (int256) {
        (bytes32 seedA, bytes32 seedB) = seedsOf(product);
        Partial memory done = _partials[seedA][seedB][row][column];
        return done.sum + ProductLib.dot(ProductLib.pairOf(seedA, row, seedB, column, product.k), done.terms, to);
    }

    function _requireEntry(Product calldata product, uint256 row, uint256 column) private pure {
        (uint256 m, uint256 n, uint256 k) = (product.m, product.n, product.k);
        require(ProductLib.areSizes(m, n, k), InvalidSizes(m, n, k));
        require(row < m && column < n, NoSuchEntry(row, column, m, n));
    }

    /* CONSEQUENCES */

    /// @inheritdoc IProductDisputes
    function slashForProduct(Product calldata product, Compact calldata signature) external {
        bytes32 digest = productDigest(product);
        address reporter = _requireDisproved(digest);
        address signer = _requireSigned(product.facility, digest, signature);
        emit WrongProductProven(signer, product.epoch, reporter, digest);
        disputes.slashSigner(signer, reporter, product.epoch);
    }

    /// @inheritdoc IProductDisputes
    function slashForReading(
        Reading calldata reading,
        Compact calldata signature,
        Product calldata product,
        bytes32[] calldata path
    ) external {
        bytes32 digest = _requireListed(reading, product, path);
        address reporter = _requireDisproved(digest);
        address signer = _requireSigned(reading.facility, registry.readingDigest(reading), signature);
        emit WrongProductProven(signer, reading.epoch, reporter, digest);
        disputes.slashSigner(signer, reporter, reading.epoch);
    }

    /// @inheritdoc IProductDisputes
    function slashForTwoProducts(
        Product calldata first,
        Product calldata second,
        Compact calldata ofFirst,
        Compact calldata ofSecond
    ) external {
        (bytes32 one, bytes32 other) = (productDigest(first), productDigest(second));
        require(one != other, SameProduct(one));
        Product memory renamed = first;
        renamed.root = second.root;
        require(_hash(renamed) == _hash(second), Unrelated(first.facility, first.epoch));
        address signer = _requireSigned(first.facility, one, ofFirst);
        _requireSigned(second.facility, other, ofSecond);
        emit TwoProductsProven(signer, first.epoch, msg.sender, one, other);
        disputes.slashSigner(signer, msg.sender, first.epoch);
    }

    /// @inheritdoc IProductDisputes
    function takeOut(
        Reading calldata reading,
        Product calldata product,
        bytes32[] calldata path,
        Exhibit calldata shown
    ) external {
        bytes32 digest = _requireListed(reading, product, path);
        _requireDisproved(digest);
        emit ReadingTakenOut(reading.epoch, reading.facility, msg.sender, digest);
        disputes.takeOutReading(reading.epoch, reading.facility, registry.readingDigest(reading), shown);
    }

    function _requireDisproved(bytes32 digest) private view returns (address reporter) {
        reporter = reporterOf[digest];
        require(reporter != address(0), NotDisproved(digest));
    }

    function _requireListed(Reading calldata reading, Product calldata product, bytes32[] calldata path)
        private
        view
        returns (bytes32 digest)
    {
        bool related = product.facility == reading.facility && product.epoch == reading.epoch;
        require(related, Unrelated(reading.facility, reading.epoch));
        digest = productDigest(product);
        // Hashed once more, so that no digest passes for a node's two hashes.
        bytes32 leaf = keccak256(bytes.concat(digest));
        bool listed = MerkleProof.verifyCalldata(path, reading.evidence, leaf);
        require(listed, NotInEvidence(digest, reading.evidence));
    }

    /// @dev By ECDSA alone, as the messages are signed: a wallet's own rule of what it signed proves nothing.
    function _requireSigned(uint256 facility, bytes32 digest, Compact calldata signature)
        private
        view
        returns (address signer)
    {
        (, signer,) = registry.facilityOf(facility);
        address recovered = SignatureLib.recoverCompact(digest, signature.r, signature.vs);
        require(recovered == signer, SignatureLib.InvalidSignature(signer, recovered));
    }

    /* VIEWS */

    /// @inheritdoc IProductDisputes
    function productDigest(Product calldata product) public view returns (bytes32) {
        return _hashTypedDataV4(_hash(product));
    }

    function _hash(Product memory product) private pure returns (bytes32) {
        return keccak256(abi.encode(PRODUCT_TYPEHASH, product));
    }

    /// @inheritdoc IProductDisputes
    function seedsOf(Product calldata product) public pure returns (bytes32 seedA, bytes32 seedB) {
        (uint256 epoch, bytes32 beacon, uint256 n, uint256 k) = (product.epoch, product.beacon, product.n, product.k);
        seedA = keccak256(abi.encode(TAG_A, epoch, beacon, n, k, product.m, product.facility, product.device));
        seedB = keccak256(abi.encode(TAG_B, epoch, beacon, n, k));
    }

    /// @inheritdoc IProductDisputes
    function entryOf(Product calldata product, uint256 row, uint256 column) external view returns (int256) {
        _requireEntry(product, row, column);
        return _summed(product, row, column, product.k);
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
// slither-disable-end unused-return
