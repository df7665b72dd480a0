// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Test} from "forge-std/Test.sol";

import {EcdsaVerifier} from "../../contracts/EcdsaVerifier.sol";
import {Verifiers} from "../../contracts/interfaces/IComputeOracleRegistry.sol";
import {ISignatureFaults} from "../../contracts/interfaces/ISignatureVerifier.sol";
import {CodeBlobLib} from "../../contracts/libraries/CodeBlob.sol";
import {ConfigBlobLib} from "../../contracts/libraries/ConfigBlob.sol";
import {EcrecoverLib} from "../../contracts/libraries/EcrecoverLib.sol";
import {SignatureLib} from "../../contracts/libraries/SignatureLib.sol";

/// @dev Makes the libraries' internal functions callable, and says plainly what the lean loop is to say.
contract EcdsaHarness {
    function signersOf(bytes32 digest, bytes calldata entries, bytes memory members)
        external
        view
        returns (uint256, uint256)
    {
        return EcrecoverLib.signersOf(digest, entries, members);
    }

    function plainly(bytes32 digest, bytes calldata entries, address[] memory members)
        external
        view
        returns (uint256 signers, uint256 good)
    {
        for (; good < entries.length; good += 65) {
            uint256 number = uint8(entries[good]);
            if (number >= members.length || signers >> number != 0) break;
            bytes32 r = bytes32(entries[good + 1:good + 33]);
            bytes32 vs = bytes32(entries[good + 33:good + 65]);
            try this.recover(digest, r, vs) returns (address recovered) {
                if (recovered != members[number]) break;
            } catch {
                break;
            }
            signers |= 1 << number;
        }
    }

    function recover(bytes32 digest, bytes32 r, bytes32 vs) external pure returns (address) {
        return SignatureLib.recoverCompact(digest, r, vs);
    }

    function write(ConfigBlobLib.Head memory head, address[] memory oracles) external returns (address) {
        return ConfigBlobLib.write(head, oracles);
    }

    function readHead(address blob) external view returns (ConfigBlobLib.Head memory) {
        return ConfigBlobLib.readHead(blob);
    }

    function readTerms(address blob) external view returns (bytes32, uint256, address) {
        return ConfigBlobLib.readTerms(blob);
    }

    function oraclesOf(address blob) external view returns (address[] memory, uint256) {
        return (ConfigBlobLib.listOf(ConfigBlobLib.readOracles(blob)), ConfigBlobLib.countOf(blob));
    }

    function readPart(bytes memory data, uint256 offset, uint256 length) external returns (bytes memory) {
        return CodeBlobLib.readPart(CodeBlobLib.write(data), offset, length);
    }
}

/// Branches covered here.
///
/// EcrecoverLib.signersOf: as a plain loop over SignatureLib.recoverCompact, whatever the bytes
/// EcdsaVerifier.verify: none, some, all; each refusal by its error (the registry's tests have the rest)
/// ConfigBlobLib: what is written is read, whole and in parts; CodeBlobLib.readPart: within and past the end
contract EcdsaVerifierTest is Test {
    EcdsaHarness private lib = new EcdsaHarness();
    EcdsaVerifier private verifier = new EcdsaVerifier();
    bytes32 private constant DIGEST = keccak256("what is signed");

    function _key(uint256 number) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("member", number)));
    }

    function _members(uint256 count) private pure returns (address[] memory list, bytes memory packed) {
        list = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            list[i] = vm.addr(_key(i));
            packed = bytes.concat(packed, bytes20(list[i]));
        }
    }

    function _entry(uint256 number, uint256 key) private pure returns (bytes memory) {
        (bytes32 r, bytes32 vs) = vm.signCompact(key, DIGEST);
        return abi.encodePacked(uint8(number), r, vs);
    }

    function _blob(uint256 count) private returns (address) {
        (address[] memory list,) = _members(count);
        return lib.write(_head(), list);
    }

    function _head() private pure returns (ConfigBlobLib.Head memory) {
        return ConfigBlobLib.Head(
            keccak256("config"), 65_535, [uint256(1), 65_535, 3], Verifiers(address(0xAAAA), address(0xBBBB))
        );
    }

    /* THE LOOP */

    /// Any subset signs, and one byte of what they signed is anything.
    function testFuzz_signersOf__anyEntries__isWhatThePlainLoopSays(
        uint256 seed,
        uint256 who,
        uint256 spot,
        uint8 noise
    ) public view {
        uint256 count = 1 + seed % 31;
        (address[] memory list, bytes memory packed) = _members(count);
        bytes memory entries;
        for (uint256 i = 0; i < count; ++i) {
            if (who >> i & 1 == 1) entries = bytes.concat(entries, _entry(i, _key(i)));
        }
        _same(entries, list, packed);
        if (entries.length == 0) return;
        entries[spot % entries.length] ^= bytes1(noise);
        _same(entries, list, packed);
    }

    function testFuzz_signersOf__noise__isWhatThePlainLoopSays(bytes32[] memory noise) public view {
        (address[] memory list, bytes memory packed) = _members(4);
        bytes memory entries = abi.encodePacked(noise);
        uint256 whole = entries.length / 65 * 65;
        assembly ("memory-safe") {
            mstore(entries, whole)
        }
        for (uint256 i = 0; i < whole; i += 65) {
            entries[i] = bytes1(uint8(entries[i]) % 5);
        }
        _same(entries, list, packed);
    }

    /// A signature of nobody's after one of a member's: the precompile's last answer must not count again.
    function test_signersOf__nobodysAfterAGoodOne__stopsThere() public view {
        address member = vm.addr(_key(0));
        bytes memory packed = bytes.concat(bytes20(member), bytes20(member));
        bytes memory entries = bytes.concat(_entry(0, _key(0)), hex"01", new bytes(64));
        (uint256 signers, uint256 good) = lib.signersOf(DIGEST, entries, packed);
        assertEq(signers, 1);
        assertEq(good, 65);
    }

    function _same(bytes memory entries, address[] memory list, bytes memory packed) private view {
        (uint256 signers, uint256 good) = lib.signersOf(DIGEST, entries, packed);
        (uint256 plainSigners, uint256 plainGood) = lib.plainly(DIGEST, entries, list);
        assertEq(signers, plainSigners);
        assertEq(good, plainGood);
    }

    /* VERIFY */

    function test_verify__nobody__isNobody() public {
        assertEq(verifier.verify(DIGEST, _blob(4), ""), 0);
    }

    function test_verify__someAndAll__areTheirBits() public {
        address blob = _blob(31);
        assertEq(verifier.verify(DIGEST, blob, bytes.concat(_entry(3, _key(3)), _entry(30, _key(30)))), 1 << 30 | 8);
        bytes memory all;
        for (uint256 i = 0; i < 31; ++i) {
            all = bytes.concat(all, _entry(i, _key(i)));
        }
        assertEq(verifier.verify(DIGEST, blob, all), type(uint32).max >> 1);
    }

    function test_verify__bytesThatAreNoEntries__refused() public {
        address blob = _blob(4);
        vm.expectRevert(abi.encodeWithSelector(ISignatureFaults.SignatureBytesMisaligned.selector, 64, 65));
        verifier.verify(DIGEST, blob, new bytes(64));
    }

    function test_verify__outOfOrder__saysTheOneBefore() public {
        address blob = _blob(7);
        bytes memory entries = bytes.concat(_entry(0, _key(0)), _entry(5, _key(5)), _entry(2, _key(2)));
        vm.expectRevert(abi.encodeWithSelector(ISignatureFaults.SignersOutOfOrder.selector, 2, 5));
        verifier.verify(DIGEST, blob, entries);
    }

    function test_verify__aNumberOutOfTheSet__refused() public {
        address blob = _blob(4);
        bytes memory entry = _entry(4, _key(4));
        vm.expectRevert(abi.encodeWithSelector(ISignatureFaults.UnknownOracle.selector, 4, 4));
        verifier.verify(DIGEST, blob, entry);
    }

    function test_verify__anothersSignature__refused() public {
        address blob = _blob(4);
        bytes memory entry = _entry(1, _key(2));
        vm.expectRevert(
            abi.encodeWithSelector(ISignatureFaults.InvalidSignature.selector, vm.addr(_key(1)), vm.addr(_key(2)))
        );
        verifier.verify(DIGEST, blob, entry);
    }

    function test_verify__highS__refused() public {
        address blob = _blob(4);
        bytes memory entry = abi.encodePacked(uint8(0), uint256(1), SignatureLib.MAX_S + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                ISignatureFaults.MalleableSignature.selector, SignatureLib.MAX_S + 1, SignatureLib.MAX_S
            )
        );
        verifier.verify(DIGEST, blob, entry);
    }

    /* BLOBS */

    function testFuzz_write__anyConfiguration__isReadBack(
        bytes32 digest,
        uint16[4] memory figures,
        address signatures,
        address disputes,
        uint256 count
    ) public {
        ConfigBlobLib.Head memory head = ConfigBlobLib.Head(
            digest, figures[0], [uint256(figures[1]), figures[2], figures[3]], Verifiers(signatures, disputes)
        );
        (address[] memory list,) = _members(bound(count, 0, 31));
        address blob = lib.write(head, list);
        assertEq(abi.encode(lib.readHead(blob)), abi.encode(head));
        (address[] memory read, uint256 size) = lib.oraclesOf(blob);
        assertEq(read, list);
        assertEq(size, list.length);
        (bytes32 readDigest, uint256 weightsVersion, address verifier_) = lib.readTerms(blob);
        assertEq(readDigest, digest);
        assertEq(weightsVersion, figures[0]);
        assertEq(verifier_, signatures);
    }

    function test_readPart__withinAndPastTheEnd__isFilledWithZeros() public {
        assertEq(lib.readPart(hex"0102030405", 1, 3), hex"020304");
        assertEq(lib.readPart(hex"0102030405", 3, 4), hex"04050000");
        assertEq(lib.readPart(hex"0102030405", 0, 0), "");
    }
}
