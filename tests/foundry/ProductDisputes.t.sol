// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {ProductDisputes} from "../../contracts/ProductDisputes.sol";
import {Compact, Exhibit, IComputeDisputes} from "../../contracts/interfaces/IComputeDisputes.sol";
import {IComputeOracleRegistry, Reading} from "../../contracts/interfaces/IComputeOracleRegistry.sol";
import {Entry, IProductDisputes, Product} from "../../contracts/interfaces/IProductDisputes.sol";
import {Outcome} from "../../contracts/interfaces/IReportSource.sol";
import {ISignerBonds} from "../../contracts/interfaces/ISignerBonds.sol";
import {TreeTest} from "./TreeTest.sol";

/// @dev Products of facility 2 in epoch 1, of 64 × 64 entries and 128 terms, whose C is not computed: the leaf of the entry
/// shown holds 7 in all places, and the siblings are arbitrary. So the entry is wrong, unless it happens to be 7.
///
/// prove      what is no entry of the product is refused; one that is wrong disproves it, in one transaction or several
/// slash      who signed the product, a reading with it, two products
/// take out   the leaf of a reading with it, from a pending report, once
contract ProductDisputesTest is TreeTest {
    uint256 private constant FACILITY = 2;
    uint256 private constant TERMS = 128;

    address private reporter = makeAddr("reporter");
    /// @dev Of the product; kept, since to hash it is a call, of which an expected refusal would be the next.
    bytes32 private root;

    function setUp() public override {
        super.setUp();
        root = _rootOfEntry();
        _bond(_readingKey(FACILITY), 1 ether);
        _warpTo(EPOCH);
    }

    /* PRODUCTS */

    function _segment() private pure returns (bytes memory segment) {
        for (uint256 i = 0; i < 64; ++i) {
            segment = bytes.concat(segment, hex"07000000");
        }
    }

    function _entry() private pure returns (Entry memory entry) {
        entry = Entry(5, 9, _segment(), new bytes32[](6));
        for (uint256 i = 0; i < 6; ++i) {
            entry.path[i] = keccak256(abi.encode("sibling", i));
        }
    }

    /// @dev Row 5 is 000101: right, left, right, and left.
    function _rootOfEntry() private pure returns (bytes32 node) {
        bytes32[] memory path = _entry().path;
        node = sha256(_segment());
        node = sha256(bytes.concat(path[0], node));
        node = sha256(bytes.concat(node, path[1]));
        node = sha256(bytes.concat(path[2], node));
        node = sha256(bytes.concat(node, path[3]));
        node = sha256(bytes.concat(node, path[4]));
        node = sha256(bytes.concat(node, path[5]));
    }

    function _product() private view returns (Product memory) {
        return Product(FACILITY, EPOCH, keccak256("device"), keccak256("beacon"), 64, 64, TERMS, root);
    }

    function _disproved() private returns (Product memory product, bytes32 digest) {
        product = _product();
        digest = products.productDigest(product);
        vm.prank(reporter);
        products.disprove(product, _entry());
    }

    function test_deployed__knowsItsNeighbours() public view {
        assertEq(address(products.disputes()), address(disputes));
        assertEq(address(products.registry()), address(oracles));
        assertEq(address(products.audits()), address(audits));
        assertEq(disputes.products(), address(products));
        (, string memory name, string memory version, uint256 chain, address at,,) = products.eip712Domain();
        assertEq(name, "ProductDisputes");
        assertEq(version, "1");
        assertEq(chain, block.chainid);
        assertEq(at, address(products));
    }

    function test_productDigest__ofAProduct__isItsEip712Digest() public view {
        bytes32 typehash = keccak256(
            "Product(uint256 facility,uint256 epoch,bytes32 device,bytes32 beacon,uint256 m,uint256 n,uint256 k,bytes32 root)"
        );
        Product memory p = _product();
        bytes32 structHash =
            keccak256(abi.encode(typehash, p.facility, p.epoch, p.device, p.beacon, p.m, p.n, p.k, p.root));
        assertEq(products.productDigest(p), _digest("ProductDisputes", address(products), structHash));
    }

    function test_seedsOf__everyField__isBound() public view {
        (bytes32 a, bytes32 b) = products.seedsOf(_product());
        for (uint256 i = 0; i < 8; ++i) {
            Product memory p = _product();
            if (i == 0) p.facility = 3;
            if (i == 1) p.epoch = 2;
            if (i == 2) p.device = "another";
            if (i == 3) p.beacon = "another";
            if (i == 4) p.m = 128;
            if (i == 5) p.n = 128;
            if (i == 6) p.k = 256;
            if (i == 7) p.root = "another";
            (bytes32 otherA, bytes32 otherB) = products.seedsOf(p);
            // The root is no part of what is asked; B is common to devices, and to all m.
            assertEq(otherA == a, i == 7);
            assertEq(otherB == b, i == 0 || i == 2 || i == 4 || i == 7);
        }
    }

    /* DISPROVING */

    function test_disprove__wrongEntry__isKeptWithItsReporter() public {
        int256 computed = products.entryOf(_product(), 5, 9);
        assertTrue(computed != 7);
        bytes32 digest = products.productDigest(_product());
        vm.expectEmit(address(products));
        emit IProductDisputes.ProductDisproved(digest, FACILITY, EPOCH, reporter, 5, 9, 7, computed);
        _disproved();
        assertEq(products.reporterOf(digest), reporter);
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.AlreadyDisproved.selector, digest));
        products.disprove(_product(), _entry());
    }

    function test_disprove__rightEntry__refused() public {
        // The entry as it should be, in its leaf.
        int256 computed = products.entryOf(_product(), 5, 9);
        Entry memory entry = _entry();
        uint32 raw = uint32(int32(computed));
        for (uint256 i = 0; i < 4; ++i) {
            entry.segment[36 + i] = bytes1(uint8(raw >> (8 * i)));
        }
        Product memory product = _product();
        product.root = sha256(entry.segment);
        for (uint256 i = 0; i < 6; ++i) {
            product.root = 5 >> i & 1 == 0
                ? sha256(bytes.concat(product.root, entry.path[i]))
                : sha256(bytes.concat(entry.path[i], product.root));
        }
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.EntryIsRight.selector, computed));
        products.disprove(product, entry);
        // Its neighbour in the same leaf is wrong.
        entry.column = 10;
        products.disprove(product, entry);
    }

    function test_disprove__sizesOutsideTheProtocol__refused() public {
        uint256[3][8] memory sizes = [
            [uint256(32), 64, 64],
            [uint256(64), 65, 64],
            [uint256(64), 64, 0],
            [uint256(2 ** 21), 64, 64],
            [uint256(64), 2 ** 21, 64],
            [uint256(64), 64, 2 ** 23],
            [uint256(2 ** 17), 64, 2 ** 22],
            [uint256(64), 2 ** 16, 2 ** 22]
        ];
        for (uint256 i = 0; i < sizes.length; ++i) {
            Product memory p = _product();
            (p.m, p.n, p.k) = (sizes[i][0], sizes[i][1], sizes[i][2]);
            vm.expectRevert(abi.encodeWithSelector(IProductDisputes.InvalidSizes.selector, p.m, p.n, p.k));
            products.disprove(p, _entry());
        }
        Product memory vast = _product();
        vast.m = 2 ** 255;
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.InvalidSizes.selector, vast.m, 64, TERMS));
        products.disprove(vast, _entry());
    }

    function test_disprove__noEntryOfTheProduct__refused() public {
        Entry memory entry = _entry();
        entry.row = 64;
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.NoSuchEntry.selector, 64, 9, 64, 64));
        products.disprove(_product(), entry);
        (entry.row, entry.column) = (5, 64);
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.NoSuchEntry.selector, 5, 64, 64, 64));
        products.disprove(_product(), entry);
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.NoSuchEntry.selector, 5, 64, 64, 64));
        products.entryOf(_product(), 5, 64);
    }

    function test_disprove__anotherForm__refused() public {
        Entry memory entry = _entry();
        entry.segment = bytes.concat(entry.segment, hex"00");
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.WrongSegmentLength.selector, 257, 256));
        products.disprove(_product(), entry);
        entry = _entry();
        entry.path = new bytes32[](5);
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.WrongPathLength.selector, 5, 6));
        products.disprove(_product(), entry);
        // A node's two hashes are no leaf, so a node is none either.
        entry.path = new bytes32[](7);
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.WrongPathLength.selector, 7, 6));
        products.disprove(_product(), entry);
    }

    function test_disprove__notInTheProduct__refused() public {
        Product memory product = _product();
        product.root = "another";
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.WrongRoot.selector, root, product.root));
        products.disprove(product, _entry());
        // The same leaf, said to be of another row.
        Entry memory entry = _entry();
        entry.row = 4;
        vm.expectPartialRevert(IProductDisputes.WrongRoot.selector);
        products.disprove(_product(), entry);
    }

    /* IN PARTS */

    function test_advance__inParts__endsWithTheSame() public {
        Product memory product = _product();
        product.k = 512;
        bytes32 digest = products.productDigest(product);
        int256 whole = products.entryOf(product, 5, 9);
        products.advance(product, 5, 9, 64);
        products.advance(product, 5, 9, 128);
        assertEq(products.entryOf(product, 5, 9), whole);
        // More than are left.
        vm.expectEmit(address(products));
        emit IProductDisputes.EntryAdvanced(digest, 5, 9, 512, whole);
        vm.prank(stranger);
        products.advance(product, 5, 9, 1024);
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.EntryComplete.selector, 512));
        products.advance(product, 5, 9, 64);
        assertEq(products.entryOf(product, 5, 9), whole);
        // Of another entry nothing is summed.
        products.advance(product, 9, 5, 512);
        vm.expectEmit(address(products));
        emit IProductDisputes.ProductDisproved(digest, FACILITY, EPOCH, reporter, 5, 9, 7, whole);
        vm.prank(reporter);
        products.disprove(product, _entry());
    }

    function test_advance__notInBlocks__refused() public {
        uint256[3] memory terms = [uint256(0), 63, 100];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IProductDisputes.InvalidTerms.selector, terms[i]));
            products.advance(_product(), 5, 9, terms[i]);
        }
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.NoSuchEntry.selector, 64, 0, 64, 64));
        products.advance(_product(), 64, 0, 64);
    }

    /* SLASHING FOR A PRODUCT */

    function slashForProductNow(uint256 key, Product memory product) external {
        products.slashForProduct(product, _compact(key, products.productDigest(product)));
    }

    function test_slashForProduct__disproved__slashesItsSignerForTheReporter() public {
        (Product memory product, bytes32 digest) = _disproved();
        address key = vm.addr(_readingKey(FACILITY));
        Compact memory signature = _compact(_readingKey(FACILITY), digest);
        vm.expectEmit(address(products));
        emit IProductDisputes.WrongProductProven(key, EPOCH, reporter, digest);
        vm.prank(stranger);
        products.slashForProduct(product, signature);
        assertTrue(bonds.isSlashed(key));
        assertEq(bonds.due(reporter), 0.4 ether);
        assertEq(bonds.due(stranger), 0);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.SignerIsSlashed.selector, key));
        products.slashForProduct(product, signature);
    }

    function test_slashForProduct__notDisproved__refused() public {
        bytes32 digest = products.productDigest(_product());
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.NotDisproved.selector, digest));
        this.slashForProductNow(_readingKey(FACILITY), _product());
    }

    function test_slashForProduct__signedByAnother__refused() public {
        (Product memory product,) = _disproved();
        vm.expectRevert(_refusedSignature(vm.addr(_readingKey(FACILITY)), vm.addr(_readingKey(3))));
        this.slashForProductNow(_readingKey(3), product);
    }

    function test_slashForProduct__afterTheHorizon__refused() public {
        (Product memory product,) = _disproved();
        vm.warp(_endOf(EPOCH) + HORIZON + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IComputeDisputes.EvidenceTooLate.selector, EPOCH, _endOf(EPOCH) + HORIZON, block.timestamp
            )
        );
        this.slashForProductNow(_readingKey(FACILITY), product);
    }

    /* SLASHING FOR A READING */

    /// @dev A reading whose evidence lists a product and another.
    function _readingWith(bytes32 digest) private pure returns (Reading memory reading, bytes32[] memory path) {
        path = new bytes32[](1);
        path[0] = keccak256("another leaf");
        bytes32 leaf = keccak256(abi.encode(digest));
        reading = Reading(FACILITY, EPOCH, 1, 1, 1, _pair(leaf, path[0]));
    }

    function slashForReadingNow(uint256 key, Reading memory reading, Product memory product, bytes32[] memory path)
        external
    {
        products.slashForReading(reading, _compact(key, oracles.readingDigest(reading)), product, path);
    }

    function test_slashForReading__withADisprovedProduct__slashesItsSigner() public {
        (Product memory product, bytes32 digest) = _disproved();
        (Reading memory reading, bytes32[] memory path) = _readingWith(digest);
        address key = vm.addr(_readingKey(FACILITY));
        Compact memory signature = _compact(_readingKey(FACILITY), oracles.readingDigest(reading));
        vm.expectEmit(address(products));
        emit IProductDisputes.WrongProductProven(key, EPOCH, reporter, digest);
        products.slashForReading(reading, signature, product, path);
        assertTrue(bonds.isSlashed(key));
        assertEq(bonds.due(reporter), 0.4 ether);
    }

    function test_slashForReading__refusals() public {
        (Reading memory reading, bytes32[] memory path) = _readingWith(products.productDigest(_product()));
        bytes32 digest = products.productDigest(_product());
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.NotDisproved.selector, digest));
        this.slashForReadingNow(_readingKey(FACILITY), reading, _product(), path);
        (Product memory product,) = _disproved();
        vm.expectRevert(_refusedSignature(vm.addr(_readingKey(FACILITY)), vm.addr(_readingKey(3))));
        this.slashForReadingNow(_readingKey(3), reading, product, path);
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.NotInEvidence.selector, digest, reading.evidence));
        this.slashForReadingNow(_readingKey(FACILITY), reading, product, new bytes32[](1));
        // Another facility's reading, or another epoch's, may list it: it proves nothing of them.
        reading.facility = 3;
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.Unrelated.selector, 3, EPOCH));
        this.slashForReadingNow(_readingKey(3), reading, product, path);
        (reading.facility, reading.epoch) = (FACILITY, 0);
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.Unrelated.selector, FACILITY, 0));
        this.slashForReadingNow(_readingKey(FACILITY), reading, product, path);
    }

    /* TWO PRODUCTS */

    function slashForTwoNow(uint256 key, Product memory first, Product memory second) external {
        Compact memory ofFirst = _compact(_readingKey(FACILITY), products.productDigest(first));
        Compact memory ofSecond = _compact(key, products.productDigest(second));
        vm.prank(reporter);
        products.slashForTwoProducts(first, second, ofFirst, ofSecond);
    }

    function test_slashForTwoProducts__ofOneChallenge__slashesTheirSigner() public {
        (Product memory first, Product memory second) = (_product(), _product());
        second.root = "another";
        address key = vm.addr(_readingKey(FACILITY));
        (bytes32 one, bytes32 other) = (products.productDigest(first), products.productDigest(second));
        (Compact memory ofOne, Compact memory ofOther) =
            (_compact(_readingKey(FACILITY), one), _compact(_readingKey(FACILITY), other));
        vm.expectEmit(address(products));
        emit IProductDisputes.TwoProductsProven(key, EPOCH, reporter, one, other);
        vm.prank(reporter);
        products.slashForTwoProducts(first, second, ofOne, ofOther);
        assertTrue(bonds.isSlashed(key));
        assertEq(bonds.due(reporter), 0.4 ether);
    }

    function test_slashForTwoProducts__refusals() public {
        Product memory first = _product();
        bytes32 digest = products.productDigest(first);
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.SameProduct.selector, digest));
        this.slashForTwoNow(_readingKey(FACILITY), first, first);
        for (uint256 i = 0; i < 7; ++i) {
            Product memory second = _product();
            second.root = "another";
            if (i == 0) second.facility = 3;
            if (i == 1) second.epoch = 0;
            if (i == 2) second.device = "another";
            if (i == 3) second.beacon = "another";
            if (i == 4) second.m = 128;
            if (i == 5) second.n = 128;
            if (i == 6) second.k = 256;
            vm.expectRevert(abi.encodeWithSelector(IProductDisputes.Unrelated.selector, FACILITY, EPOCH));
            this.slashForTwoNow(_readingKey(FACILITY), first, second);
        }
        Product memory forged = _product();
        forged.root = "another";
        vm.expectRevert(_refusedSignature(vm.addr(_readingKey(FACILITY)), vm.addr(_readingKey(3))));
        this.slashForTwoNow(_readingKey(3), first, forged);
    }

    /* TAKING OUT */

    /// @dev A report, pending, in which facility 2's leaf is of a reading with the product as evidence; its output is 7.
    function _reported(bytes32 digest)
        private
        returns (Reading memory reading, bytes32[] memory path, Exhibit memory shown)
    {
        (reading, path) = _readingWith(digest);
        Leaf[] memory leaves = _honest();
        leaves[FACILITY].digest = oracles.readingDigest(reading);
        shown = _show(_submitLeaves(leaves), 0, FACILITY);
    }

    function _outcomeIs(Outcome outcome, uint256 output) private view {
        (Outcome given, uint256 publicOutput) = oracles.outcomeOf(EPOCH);
        assertEq(uint256(given), uint256(outcome));
        assertEq(publicOutput, output);
    }

    function test_takeOut__pendingReport__losesTheLeafOnceAndNobodyIsSlashed() public {
        (Product memory product, bytes32 digest) = _disproved();
        (Reading memory reading, bytes32[] memory path, Exhibit memory shown) = _reported(digest);
        vm.expectEmit(address(products));
        emit IProductDisputes.ReadingTakenOut(EPOCH, FACILITY, stranger, digest);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.OutputTakenOut(EPOCH, HONEST_OUTPUT, HONEST_OUTPUT - 7);
        vm.prank(stranger);
        products.takeOut(reading, product, path, shown);
        _outcomeIs(Outcome.Pending, HONEST_OUTPUT - 7);
        assertTrue(disputes.isTakenOut(EPOCH, FACILITY));
        _slashedAre(false, false, false, false);
        assertFalse(disputes.signersSlashed(EPOCH));
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.LeafAlreadyTakenOut.selector, EPOCH, FACILITY));
        products.takeOut(reading, product, path, shown);
    }

    function test_takeOut__notDisproved__refused() public {
        bytes32 digest = products.productDigest(_product());
        (Reading memory reading, bytes32[] memory path, Exhibit memory shown) = _reported(digest);
        vm.expectRevert(abi.encodeWithSelector(IProductDisputes.NotDisproved.selector, digest));
        products.takeOut(reading, _product(), path, shown);
    }

    function test_takeOut__ofAnotherReading__refused() public {
        (Product memory product, bytes32 digest) = _disproved();
        (Reading memory reading, bytes32[] memory path, Exhibit memory shown) = _reported(digest);
        bytes32 reported = oracles.readingDigest(reading);
        reading.rawGeneral = 2;
        bytes32 other = oracles.readingDigest(reading);
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.WrongReading.selector, reported, other));
        products.takeOut(reading, product, path, shown);
    }

    function test_takeOut__finalReport__refused() public {
        (Product memory product, bytes32 digest) = _disproved();
        (Reading memory reading, bytes32[] memory path, Exhibit memory shown) = _reported(digest);
        vm.warp(block.timestamp + settings.disputeWindow + 1);
        vm.expectRevert(abi.encodeWithSelector(IComputeDisputes.EpochNotDisputable.selector, EPOCH, Outcome.Final));
        products.takeOut(reading, product, path, shown);
        // Its signer is slashed all the same.
        this.slashForReadingNow(_readingKey(FACILITY), reading, product, path);
        _outcomeIs(Outcome.Final, HONEST_OUTPUT);
    }

    function test_takeOut__notInTheReport__refused() public {
        (Product memory product, bytes32 digest) = _disproved();
        (Reading memory reading, bytes32[] memory path, Exhibit memory shown) = _reported(digest);
        shown.siblings[0].hash = "another";
        vm.expectPartialRevert(IComputeDisputes.WrongCommitment.selector);
        products.takeOut(reading, product, path, shown);
    }

    /* WHO MAY */

    function test_hooks__calledByAnother__refused() public {
        Exhibit memory shown;
        bytes memory refusal = abi.encodeWithSelector(IComputeDisputes.NotProducts.selector, stranger, products);
        vm.startPrank(stranger);
        vm.expectRevert(refusal);
        disputes.slashSigner(vm.addr(_readingKey(FACILITY)), stranger, EPOCH);
        vm.expectRevert(refusal);
        disputes.takeOutReading(EPOCH, FACILITY, 0, shown);
    }
}

/// @dev What Python made of docs/proof-of-compute.md (`tests/vectors/products.json`), settled by the contract itself, which
/// is put at the address that the vectors name.
contract ProductVectorsTest is TreeTest {
    address private constant AT = 0x000000000000000000000000000000000000dEaD;

    string private json;
    ProductDisputes private court;

    function setUp() public override {
        super.setUp();
        json = vm.readFile("tests/vectors/products.json");
        assertEq(vm.parseJsonUint(json, ".chainId"), block.chainid);
        deployCodeTo("ProductDisputes.sol:ProductDisputes", abi.encode(disputes, audits), AT);
        court = ProductDisputes(AT);
    }

    function _at(uint256 i, string memory rest) private pure returns (string memory) {
        return string.concat(".products[", vm.toString(i), "]", rest);
    }

    function _uint(uint256 i, string memory rest) private view returns (uint256) {
        return vm.parseJsonUint(json, _at(i, rest));
    }

    function _word(uint256 i, string memory rest) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, _at(i, rest));
    }

    function _product(uint256 i) private view returns (Product memory) {
        return Product(
            _uint(i, ".message.facility"),
            _uint(i, ".message.epoch"),
            _word(i, ".message.device"),
            _word(i, ".message.beacon"),
            _uint(i, ".message.m"),
            _uint(i, ".message.n"),
            _uint(i, ".message.k"),
            _word(i, ".message.root")
        );
    }

    function test_products__asInPython__haveTheirDigestsAndSeeds() public view {
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(court.productDigest(_product(i)), _word(i, ".digest"));
            (bytes32 a, bytes32 b) = court.seedsOf(_product(i));
            assertEq(a, _word(i, ".seedA"));
            assertEq(b, _word(i, ".seedB"));
        }
    }

    function test_products__asInPython__haveTheirEntries() public view {
        for (uint256 i = 0; i < 2; ++i) {
            int256[] memory row = vm.parseJsonIntArray(json, _at(i, ".firstRow"));
            for (uint256 j = 0; j < row.length; ++j) {
                assertEq(court.entryOf(_product(i), 0, j), row[j]);
            }
        }
    }

    function test_products__wrongInPython__areDisproved() public {
        for (uint256 i = 0; i < 3; ++i) {
            bytes32[] memory path = vm.parseJsonBytes32Array(json, _at(i, ".path"));
            bytes memory segment = vm.parseJsonBytes(json, _at(i, ".segment"));
            Entry memory entry = Entry(_uint(i, ".row"), _uint(i, ".column"), segment, path);
            vm.expectEmit(AT);
            emit IProductDisputes.ProductDisproved(
                _word(i, ".digest"),
                2,
                1,
                address(this),
                entry.row,
                entry.column,
                vm.parseJsonInt(json, _at(i, ".claimed")),
                vm.parseJsonInt(json, _at(i, ".computed"))
            );
            court.disprove(_product(i), entry);
        }
    }

    function test_evidence__asInPython__listsEachProduct() public {
        // Refused for the last reason before the slash: the vectors' contract is not the suite's.
        test_products__wrongInPython__areDisproved();
        _warpTo(EPOCH);
        Reading memory reading = Reading(2, 1, 1, 1, 1, vm.parseJsonBytes32(json, ".evidence"));
        Compact memory signature = _compact(_readingKey(2), oracles.readingDigest(reading));
        bytes memory refusal = abi.encodeWithSelector(IComputeDisputes.NotProducts.selector, AT, products);
        for (uint256 i = 0; i < 3; ++i) {
            bytes32[] memory path = vm.parseJsonBytes32Array(json, _at(i, ".evidencePath"));
            Product memory product = _product(i);
            vm.expectRevert(refusal);
            court.slashForReading(reading, signature, product, path);
        }
    }
}
