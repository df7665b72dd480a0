// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Test} from "forge-std/Test.sol";

import {SignatureLib} from "../../contracts/libraries/SignatureLib.sol";
import {MockWallet} from "../../contracts/mocks/MockWallet.sol";

/// @dev Makes the library's internal functions callable.
contract SignatureHarness {
    function requireValid(address signer, bytes32 digest, bytes memory signature) external view {
        SignatureLib.requireValid(signer, digest, signature);
    }

    function faultOf(address signer, bytes32 digest, bytes memory signature) external view returns (bytes4) {
        return SignatureLib.faultOf(signer, digest, signature);
    }

    function recoverCompact(bytes32 digest, bytes32 r, bytes32 vs) external pure returns (address) {
        return SignatureLib.recoverCompact(digest, r, vs);
    }
}

/// Branches covered here; `requireValid` and `faultOf` always together, since they must agree.
///
/// _examine
/// ├── ECDSA, 65 and 64 bytes, s in the lower half: by the signer, by another
/// ├── s in the upper half: MalleableSignature, at the very bound and beyond
/// ├── v neither 27 nor 28; r or s zero, or beyond the curve's order
/// ├── any other length
/// ├── the zero signer, whatever the bytes
/// └── a signer with code: asked after ECDSA failed, with capped gas; one word of its answer is read
/// recoverCompact
/// └── both parities; nobody; s in the upper half (MalleableSignature)
contract SignatureLibTest is Test {
    uint256 private constant MAX_S = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    uint256 private constant KEY = 0xA11CE;
    bytes32 private constant DIGEST = keccak256("digest");

    SignatureHarness private lib;
    address private signer;

    function setUp() public {
        lib = new SignatureHarness();
        signer = vm.addr(KEY);
    }

    function _accepts(address account, bytes memory signature) private view {
        lib.requireValid(account, DIGEST, signature);
        assertEq(lib.faultOf(account, DIGEST, signature), bytes4(0));
    }

    function _refuses(address account, bytes memory signature, address recovered) private {
        assertEq(lib.faultOf(account, DIGEST, signature), SignatureLib.InvalidSignature.selector);
        vm.expectRevert(abi.encodeWithSelector(SignatureLib.InvalidSignature.selector, account, recovered));
        lib.requireValid(account, DIGEST, signature);
    }

    function _refusesHighS(address account, bytes memory signature, uint256 s) private {
        assertEq(lib.faultOf(account, DIGEST, signature), SignatureLib.MalleableSignature.selector);
        vm.expectRevert(abi.encodeWithSelector(SignatureLib.MalleableSignature.selector, s, MAX_S));
        lib.requireValid(account, DIGEST, signature);
    }

    function testFuzz_requireValid__ofTheSigner__accepted(uint256 key, bytes32 digest) public view {
        key = bound(key, 1, ORDER - 1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        lib.requireValid(vm.addr(key), digest, abi.encodePacked(r, s, v));
        (bytes32 cr, bytes32 vs) = vm.signCompact(key, digest);
        lib.requireValid(vm.addr(key), digest, abi.encodePacked(cr, vs));
        assertEq(lib.recoverCompact(digest, cr, vs), vm.addr(key));
    }

    function testFuzz_requireValid__theSecondForm__refused(uint256 key, bytes32 digest) public {
        key = bound(key, 1, ORDER - 1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        uint256 highS = ORDER - uint256(s);
        bytes memory other = abi.encodePacked(r, highS, v == 27 ? uint8(28) : uint8(27));
        assertEq(lib.faultOf(vm.addr(key), digest, other), SignatureLib.MalleableSignature.selector);
        vm.expectRevert(abi.encodeWithSelector(SignatureLib.MalleableSignature.selector, highS, MAX_S));
        lib.requireValid(vm.addr(key), digest, other);
    }

    /// No bytes at all that are not the signer's own signature pass.
    function testFuzz_requireValid__anyBytes__refused(bytes memory signature, address account) public view {
        vm.assume(account.code.length == 0);
        assertTrue(lib.faultOf(account, DIGEST, signature) != 0);
    }

    function test_requireValid__ofAnother__refused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(0xB0B, DIGEST);
        _refuses(signer, abi.encodePacked(r, s, v), vm.addr(0xB0B));
    }

    function test_requireValid__wrongParity__refused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, DIGEST);
        uint8 flipped = v == 27 ? 28 : 27;
        _refuses(signer, abi.encodePacked(r, s, flipped), ecrecover(DIGEST, flipped, r, s));
    }

    function test_requireValid__vOutOfRange__refused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, DIGEST);
        _refuses(signer, abi.encodePacked(r, s, v - 27), address(0));
        _refuses(signer, abi.encodePacked(r, s, uint8(26)), address(0));
        _refuses(signer, abi.encodePacked(r, s, uint8(29)), address(0));
        _refuses(signer, abi.encodePacked(r, s, v + 8), address(0));
    }

    function test_requireValid__rOrSOutOfRange__refused() public {
        (, bytes32 r, bytes32 s) = vm.sign(KEY, DIGEST);
        _refuses(signer, abi.encodePacked(bytes32(0), s, uint8(27)), address(0));
        _refuses(signer, abi.encodePacked(bytes32(ORDER), s, uint8(27)), address(0));
        _refuses(signer, abi.encodePacked(r, bytes32(0), uint8(27)), address(0));
    }

    function test_requireValid__sAtTheBound__isNotCalledMalleable() public {
        bytes32 r = bytes32(uint256(1));
        address recovered = ecrecover(DIGEST, 27, r, bytes32(MAX_S));
        _refuses(signer, abi.encodePacked(r, MAX_S, uint8(27)), recovered);
        _refusesHighS(signer, abi.encodePacked(r, MAX_S + 1, uint8(27)), MAX_S + 1);
        _refusesHighS(signer, abi.encodePacked(r, type(uint256).max, uint8(27)), type(uint256).max);
    }

    function test_requireValid__highSIn64Bytes__refused() public {
        _refusesHighS(signer, abi.encodePacked(uint256(1), MAX_S + 1), MAX_S + 1);
        // The parity bit is no part of s.
        _refusesHighS(signer, abi.encodePacked(uint256(1), (MAX_S + 1) | 1 << 255), MAX_S + 1);
    }

    function test_requireValid__otherLengths__refused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, DIGEST);
        _refuses(signer, "", address(0));
        _refuses(signer, abi.encodePacked(r, s, v, uint8(0)), address(0));
        _refuses(signer, abi.encodePacked(r), address(0));
    }

    function test_requireValid__zeroSigner__refusedWhateverTheBytes() public {
        _refuses(address(0), "", address(0));
        _refuses(address(0), new bytes(64), address(0));
        _refuses(address(0), new bytes(65), address(0));
    }

    function test_requireValid__precompileAsSigner__refused() public {
        // Precompiles answer calls, but hold no code.
        for (uint160 i = 1; i < 12; ++i) {
            _refuses(address(i), new bytes(65), address(0));
        }
    }

    function test_requireValid__wallet__askedOnlyAfterEcdsa() public {
        // A signer whose code refuses everything still signs with its own key.
        vm.etch(signer, address(new MockWallet(address(1), MockWallet.Answer.Refuse)).code);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, DIGEST);
        _accepts(signer, abi.encodePacked(r, s, v));
    }

    function test_requireValid__walletsOwnLength__isTheWalletsToJudge() public {
        address wallet = address(new MockWallet(signer, MockWallet.Answer.Lengthy));
        _accepts(wallet, "");
        _accepts(wallet, new bytes(1000));
        // Even of bytes that ECDSA would call malleable.
        _accepts(wallet, abi.encodePacked(uint256(1), MAX_S + 1, uint8(27)));
    }

    function test_requireValid__walletThatRefusesAHighS__refusedAsMalleable() public {
        address wallet = address(new MockWallet(signer, MockWallet.Answer.Refuse));
        _refusesHighS(wallet, abi.encodePacked(uint256(1), MAX_S + 1, uint8(27)), MAX_S + 1);
    }

    function test_requireValid__walletsThatDoNotSayYes__refused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, DIGEST);
        MockWallet.Answer[6] memory answers = [
            MockWallet.Answer.Refuse,
            MockWallet.Answer.Revert,
            MockWallet.Answer.BurnGas,
            MockWallet.Answer.Megabytes,
            MockWallet.Answer.Short,
            MockWallet.Answer.Unpadded
        ];
        for (uint256 i = 0; i < answers.length; ++i) {
            _refuses(address(new MockWallet(signer, answers[i])), abi.encodePacked(r, s, v), signer);
        }
    }

    function test_requireValid__contractThatIsNoWallet__refused() public {
        _refuses(address(this), new bytes(65), address(0));
        _refuses(address(lib), new bytes(65), address(0));
    }

    function test_faultOf__gasBurningWallet__costsABoundedAmount() public {
        address burner = address(new MockWallet(signer, MockWallet.Answer.BurnGas));
        uint256 before = gasleft();
        lib.faultOf(burner, DIGEST, new bytes(65));
        assertLt(before - gasleft(), 140_000);
    }

    function test_faultOf__endlessAnswer__costsABoundedAmount() public {
        address lengthy = address(new MockWallet(signer, MockWallet.Answer.Megabytes));
        uint256 before = gasleft();
        lib.faultOf(lengthy, DIGEST, new bytes(65));
        assertLt(before - gasleft(), 140_000);
    }

    function test_recoverCompact__nobodys__isZero() public view {
        assertEq(lib.recoverCompact(DIGEST, bytes32(0), bytes32(0)), address(0));
        assertEq(lib.recoverCompact(DIGEST, bytes32(uint256(1)), bytes32(0)), address(0));
    }

    function test_recoverCompact__highS__refused() public {
        for (uint256 parity = 0; parity < 2; ++parity) {
            vm.expectRevert(abi.encodeWithSelector(SignatureLib.MalleableSignature.selector, MAX_S + 1, MAX_S));
            lib.recoverCompact(DIGEST, bytes32(uint256(1)), bytes32((MAX_S + 1) | parity << 255));
        }
    }
}
