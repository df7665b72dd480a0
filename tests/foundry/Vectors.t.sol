// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {stdStorage, StdStorage} from "forge-std/StdStorage.sol";

import {ComputeExchange} from "../../contracts/ComputeExchange.sol";
import {ComputeOracleRegistry} from "../../contracts/ComputeOracleRegistry.sol";
import {SBIToken} from "../../contracts/SBIToken.sol";
import {Observation, Reading, Report} from "../../contracts/interfaces/IComputeOracleRegistry.sol";
import {Authorization} from "../../contracts/interfaces/ISBIToken.sol";
import {ExchangeTest} from "./ExchangeTest.sol";

/// @dev What Python computed of docs/protocol.md (`tests/vectors/protocol.json`), checked against the contracts
/// themselves, which are put at the address that the vectors name.
///
/// domains      separators of registry, exchange and token
/// config       the digest that the registry gives version 3 of that set
/// report       digest; accepted with the signatures given; commitment on record
/// trees        leaves and proofs lead to top hash and sums, sums to the reports' figures, top to the commitment
/// readings     digests, which the leaves hold; observation likewise
/// receipt      digest of a voucher in that very state
/// payments     permit, transfer, receive, cancel: the token takes the signatures
/// batches      every leaf of every batch activates
contract VectorsTest is ExchangeTest {
    using stdStorage for StdStorage;

    address private constant AT = 0x000000000000000000000000000000000000dEaD;

    string private json;

    function setUp() public override {
        super.setUp();
        json = vm.readFile("tests/vectors/protocol.json");
        assertEq(_uint(".chainId"), block.chainid);
        assertEq(vm.parseJsonAddress(json, ".contract"), AT);
    }

    function _uint(string memory key) private view returns (uint256) {
        return vm.parseJsonUint(json, key);
    }

    function _word(string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, key);
    }

    function _bytes(string memory key) private view returns (bytes memory) {
        return vm.parseJsonBytes(json, key);
    }

    function _item(string memory list, uint256 i, string memory rest) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]", rest);
    }

    /// @dev The registry at the vectors' address, with five facilities and the vectors' set as its third configuration.
    function _registry() private returns (ComputeOracleRegistry registry) {
        uint256[] memory w = vm.parseJsonUintArray(json, ".config.weightsX16");
        uint256[3] memory weights = [w[0], w[1], w[2]];
        address[] memory signers = vm.parseJsonAddressArray(json, ".config.signers");
        deployCodeTo(
            "ComputeOracleRegistry.sol:ComputeOracleRegistry",
            abi.encode(address(manager), _timing(_defaults()), bonds, _oracleSet("first", 4), weights, _verifiers()),
            AT
        );
        registry = ComputeOracleRegistry(AT);
        vm.startPrank(address(timelock));
        registry.scheduleConfig(_oracleSet("second", 4), weights, _verifiers(), 5);
        registry.scheduleConfig(signers, weights, _verifiers(), 6);
        for (uint256 i = 0; i < 5; ++i) {
            registry.registerFacility(operator, readingKey, 1, [uint256(1), 1, 1], 1);
        }
        vm.stopPrank();
        for (uint256 i = 0; i < signers.length; ++i) {
            vm.prank(address(bonds));
            registry.setStanding(signers[i], true);
        }
    }

    function _reportOfVectors() private view returns (Report memory) {
        return Report({
            configDigest: _word(".report.message.configDigest"),
            epoch: _uint(".report.message.epoch"),
            viewNumber: _uint(".report.message.viewNumber"),
            weightsVersion: _uint(".report.message.weightsVersion"),
            facilityCount: _uint(".report.message.facilityCount"),
            root: _word(".report.message.root"),
            rawGeneral: _uint(".report.message.rawGeneral"),
            rawIntelligent: _uint(".report.message.rawIntelligent"),
            rawSuper: _uint(".report.message.rawSuper"),
            publicOutput: _uint(".report.message.publicOutput")
        });
    }

    function test_config__asInPython__hasTheSameDigest() public {
        ComputeOracleRegistry registry = _registry();
        (uint256 version, bytes32 digest, uint256 weightsVersion,,) = registry.configAt(7);
        assertEq(version, _uint(".config.configVersion"));
        assertEq(weightsVersion, _uint(".config.weightsVersion"));
        assertEq(digest, _word(".config.configDigest"));
    }

    function test_report__asInPython__isAccepted() public {
        ComputeOracleRegistry registry = _registry();
        Report memory report = _reportOfVectors();
        assertEq(registry.reportDigest(report), _word(".report.digest"));
        vm.warp(_endOf(report.epoch));
        registry.submitReport(report, _bytes(".report.signatures"));
        // The vectors' last tree is the report's.
        assertEq(registry.recordOf(report.epoch).commitment, _word(".trees[3].commitment"));
        assertEq(registry.recordOf(report.epoch).publicOutput, _uint(".trees[3].publicOutput"));
    }

    function test_trees__asInPython__everyLeafLeadsToTheCommitment() public view {
        for (uint256 t = 0; t < 4; ++t) {
            string memory tree = _item(".trees", t, "");
            uint256 count = _uint(string.concat(tree, ".facilityCount"));
            bytes32 sums = _word(string.concat(tree, ".topSums"));
            bytes32 top = _word(string.concat(tree, ".topHash"));
            assertEq(
                keccak256(bytes.concat(hex"02", bytes4(uint32(count)), top, sums)),
                _word(string.concat(tree, ".commitment"))
            );
            assertEq(
                abi.encodePacked(
                    uint64(_uint(string.concat(tree, ".rawGeneral"))),
                    uint64(_uint(string.concat(tree, ".rawIntelligent"))),
                    uint64(_uint(string.concat(tree, ".rawSuper"))),
                    uint64(_uint(string.concat(tree, ".publicOutput")))
                ),
                abi.encodePacked(sums)
            );
            for (uint256 i = 0; i < count; ++i) {
                (bytes32 hash, bytes32 sum) = _climb(tree, i);
                assertEq(hash, top);
                assertEq(sum, sums);
            }
        }
    }

    /// @dev From a leaf to the top by its proof, as docs/protocol.md says; nodes add up lane by lane.
    function _climb(string memory tree, uint256 i) private view returns (bytes32 hash, bytes32 sums) {
        string memory leaf = _item(string.concat(tree, ".leaves"), i, "");
        assertEq(_uint(string.concat(leaf, ".facility")), i);
        sums = _word(string.concat(leaf, ".sums"));
        hash = keccak256(bytes.concat(hex"00", bytes4(uint32(i)), sums, _word(string.concat(leaf, ".readingDigest"))));
        assertEq(hash, _word(string.concat(leaf, ".hash")));
        bytes32[] memory hashes = vm.parseJsonBytes32Array(json, _item(string.concat(tree, ".proofHashes"), i, ""));
        bytes32[] memory others = vm.parseJsonBytes32Array(json, _item(string.concat(tree, ".proofSums"), i, ""));
        for (uint256 level = 0; level < hashes.length; ++level) {
            hash = (i >> level) & 1 == 0
                ? keccak256(bytes.concat(hex"01", hash, sums, hashes[level], others[level]))
                : keccak256(bytes.concat(hex"01", hashes[level], others[level], hash, sums));
            // No lane of the vectors overflows, so the words may be added whole.
            sums = bytes32(uint256(sums) + uint256(others[level]));
        }
    }

    /// The registry's own digests, of what it never sees signed but in disputes.
    function test_disputedDigests__asInPython__areTheRegistrys() public {
        ComputeOracleRegistry registry = _registry();
        for (uint256 i = 0; i < 5; ++i) {
            string memory message = _item(".readings", i, ".message");
            Reading memory reading = Reading(
                _uint(string.concat(message, ".facility")),
                _uint(string.concat(message, ".epoch")),
                _uint(string.concat(message, ".rawGeneral")),
                _uint(string.concat(message, ".rawIntelligent")),
                _uint(string.concat(message, ".rawSuper")),
                _word(string.concat(message, ".evidence"))
            );
            assertEq(registry.readingDigest(reading), _word(_item(".readings", i, ".digest")));
        }
        Observation memory observation = Observation(
            _word(".observation.message.configDigest"),
            _uint(".observation.message.epoch"),
            _word(".observation.message.readings")
        );
        assertEq(registry.observationDigest(observation), _word(".observation.digest"));
    }

    function test_readings__asInPython__haveTheSameDigests() public view {
        bytes32 typehash = keccak256(
            "Reading(uint256 facility,uint256 epoch,uint256 rawGeneral,uint256 rawIntelligent,uint256 rawSuper,bytes32 evidence)"
        );
        for (uint256 i = 0; i < 5; ++i) {
            string memory message = _item(".readings", i, ".message");
            bytes32 structHash = keccak256(
                abi.encode(
                    typehash,
                    _uint(string.concat(message, ".facility")),
                    _uint(string.concat(message, ".epoch")),
                    _uint(string.concat(message, ".rawGeneral")),
                    _uint(string.concat(message, ".rawIntelligent")),
                    _uint(string.concat(message, ".rawSuper")),
                    _word(string.concat(message, ".evidence"))
                )
            );
            bytes32 digest = _word(_item(".readings", i, ".digest"));
            assertEq(_digest("ComputeOracleRegistry", AT, structHash), digest);
            assertEq(
                _recover(digest, _bytes(_item(".readings", i, ".signature"))),
                vm.parseJsonAddress(json, _item(".readings", i, ".signer"))
            );
        }
    }

    function test_observation__asInPython__hasTheSameDigest() public view {
        bytes32 readings = keccak256(_bytes(".observation.entries"));
        assertEq(readings, _word(".observation.message.readings"));
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Observation(bytes32 configDigest,uint256 epoch,bytes32 readings)"),
                _word(".observation.message.configDigest"),
                _uint(".observation.message.epoch"),
                readings
            )
        );
        assertEq(_digest("ComputeOracleRegistry", AT, structHash), _word(".observation.digest"));
    }

    function test_receipt__asInPython__hasTheSameDigest() public {
        deployCodeTo(
            "ComputeExchange.sol:ComputeExchange",
            abi.encode(address(manager), address(token), address(vault), address(oracles), 7200, 1000, 2000),
            AT
        );
        exchange = ComputeExchange(AT);
        _offer(INTELLIGENT, EPOCH, 100);
        uint256 voucher = _uint(".receipt.message.voucher");
        for (uint256 i = 0; i <= voucher; ++i) {
            _buy(alice, 1);
        }
        address holder = vm.parseJsonAddress(json, ".receipt.message.holder");
        vm.prank(alice);
        exchange.transferFrom(alice, bob, voucher);
        vm.prank(bob);
        exchange.transferFrom(bob, holder, voucher);
        assertEq(exchange.voucherOf(voucher).transferCount, _uint(".receipt.message.transferCount"));
        assertEq(exchange.receiptDigest(voucher, _uint(".receipt.message.delivered")), _word(".receipt.digest"));
    }

    /// @dev The token at the vectors' address, where nobody has anything.
    function _token() private returns (SBIToken) {
        deployCodeTo("SBIToken.sol:SBIToken", abi.encode(address(vault), address(citizens)), AT);
        return SBIToken(AT);
    }

    function test_domains__asInPython__haveTheSameSeparator() public {
        assertEq(_token().DOMAIN_SEPARATOR(), _word(".domains['Smart Basic Income']"));
    }

    function test_permit__asInPython__isTaken() public {
        SBIToken there = _token();
        address owner = vm.parseJsonAddress(json, ".payments[0].message.owner");
        address spender = vm.parseJsonAddress(json, ".payments[0].message.spender");
        uint256 value = _uint(".payments[0].message.value");
        stdstore.target(AT).sig("nonces(address)").with_key(owner).checked_write(_uint(".payments[0].message.nonce"));
        there.permit(owner, spender, value, _uint(".payments[0].message.deadline"), _bytes(".payments[0].signature"));
        assertEq(there.allowance(owner, spender), value);
    }

    function test_authorizations__asInPython__areTaken() public {
        SBIToken there = _token();
        Authorization memory payment = Authorization({
            from: vm.parseJsonAddress(json, ".payments[1].message.from"),
            to: vm.parseJsonAddress(json, ".payments[1].message.to"),
            value: _uint(".payments[1].message.value"),
            validAfter: _uint(".payments[1].message.validAfter"),
            validBefore: _uint(".payments[1].message.validBefore"),
            nonce: _word(".payments[1].message.nonce"),
            signature: _bytes(".payments[1].signature")
        });
        // A signature that is taken meets the empty balance; one that is not would be refused before.
        bytes memory refusal =
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, payment.from, 0, payment.value);
        vm.expectRevert(refusal);
        there.transferWithAuthorization(payment);
        payment.signature = _bytes(".payments[2].signature");
        vm.expectRevert(refusal);
        vm.prank(payment.to);
        there.receiveWithAuthorization(payment);
        there.cancelAuthorization(payment.from, payment.nonce, _bytes(".payments[3].signature"));
        assertTrue(there.authorizationState(payment.from, payment.nonce));
    }

    function test_batches__asInPython__everyLeafActivates() public {
        for (uint256 b = 0; b < 4; ++b) {
            uint256 snapshot = vm.snapshotState();
            string memory batch = _item(".batches", b, "");
            uint256 size = _uint(string.concat(batch, ".size"));
            vm.prank(registrar);
            uint256 number = citizens.enrol(_word(string.concat(batch, ".root")), size, 1);
            for (uint256 i = 0; i < size; ++i) {
                address account = vm.parseJsonAddress(json, _item(string.concat(batch, ".accounts"), i, ""));
                bytes32 person = _word(_item(string.concat(batch, ".persons"), i, ""));
                bytes32[] memory proof = vm.parseJsonBytes32Array(json, _item(string.concat(batch, ".proofs"), i, ""));
                citizens.activate(number, i, account, person, proof);
                assertEq(citizens.citizenOf(account).leaf, i);
            }
            vm.revertToState(snapshot);
        }
    }
}
