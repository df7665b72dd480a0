// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {ISBIToken} from "../../contracts/interfaces/ISBIToken.sol";
import {MockWallet} from "../../contracts/mocks/MockWallet.sol";
import {TokenTest} from "./TokenTest.sol";

/// Branches covered here.
///
/// permit, in both forms
/// ├── signed by the owner, in 65 or 64 bytes, up to the deadline: allowance, event, nonce
/// ├── after the deadline: PermitExpired
/// ├── used before, of another, changed, of another chain: InvalidSignature
/// ├── s in the upper half, 65 and 64 bytes: MalleableSignature
/// ├── of the zero owner, of no length known: InvalidSignature
/// ├── to the zero spender: ERC20InvalidSpender
/// └── a wallet's: accepted, refused
/// nonces, DOMAIN_SEPARATOR, eip712Domain
contract SBITokenPermitTest is TokenTest {
    function _permitDigest(address owner, address spender, uint256 value, uint256 nonce, uint256 deadline)
        private
        view
        returns (bytes32)
    {
        return _digest(
            "Smart Basic Income",
            address(token),
            keccak256(
                abi.encode(
                    keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                    owner,
                    spender,
                    value,
                    nonce,
                    deadline
                )
            )
        );
    }

    /// @dev Alice's permit to the relayer over 5 wei, for an hour.
    function _permitOf(uint256 key) private view returns (bytes memory signature, uint256 deadline) {
        deadline = block.timestamp + HOUR;
        signature = _sign(key, _permitDigest(alice, relayer, 5, token.nonces(alice), deadline));
    }

    function test_permit__signedByTheOwner__approves() public {
        (bytes memory signature, uint256 deadline) = _permitOf(aliceKey);
        (bytes32 r, bytes32 s, uint8 v) = _parts(signature);
        vm.expectEmit(address(token));
        emit IERC20.Approval(alice, relayer, 5);
        vm.prank(stranger);
        token.permit(alice, relayer, 5, deadline, v, r, s);
        assertEq(token.allowance(alice, relayer), 5);
        assertEq(token.nonces(alice), 1);
    }

    function test_permit__inOneByteString__approves() public {
        (bytes memory signature, uint256 deadline) = _permitOf(aliceKey);
        vm.expectEmit(address(token));
        emit IERC20.Approval(alice, relayer, 5);
        token.permit(alice, relayer, 5, deadline, signature);
        assertEq(token.nonces(alice), 1);
    }

    function test_permit__in64Bytes__approves() public {
        uint256 deadline = block.timestamp + HOUR;
        (bytes32 r, bytes32 vs) = vm.signCompact(aliceKey, _permitDigest(alice, relayer, 5, 0, deadline));
        token.permit(alice, relayer, 5, deadline, abi.encodePacked(r, vs));
        assertEq(token.allowance(alice, relayer), 5);
    }

    function test_permit__atItsDeadline__approves() public {
        (bytes memory signature, uint256 deadline) = _permitOf(aliceKey);
        vm.warp(deadline);
        token.permit(alice, relayer, 5, deadline, signature);
        assertEq(token.allowance(alice, relayer), 5);
    }

    function test_permit__afterItsDeadline__refused() public {
        (bytes memory signature, uint256 deadline) = _permitOf(aliceKey);
        (bytes32 r, bytes32 s, uint8 v) = _parts(signature);
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(ISBIToken.PermitExpired.selector, deadline, deadline + 1));
        token.permit(alice, relayer, 5, deadline, signature);
        vm.expectRevert(abi.encodeWithSelector(ISBIToken.PermitExpired.selector, deadline, deadline + 1));
        token.permit(alice, relayer, 5, deadline, v, r, s);
    }

    function test_permit__twice__refused() public {
        (bytes memory signature, uint256 deadline) = _permitOf(aliceKey);
        token.permit(alice, relayer, 5, deadline, signature);
        address recovered = _recover(_permitDigest(alice, relayer, 5, 1, deadline), signature);
        vm.expectRevert(_refusedSignature(alice, recovered));
        token.permit(alice, relayer, 5, deadline, signature);
    }

    function test_permit__signedByAnother__refused() public {
        (bytes memory signature, uint256 deadline) = _permitOf(bobKey);
        (bytes32 r, bytes32 s, uint8 v) = _parts(signature);
        vm.expectRevert(_refusedSignature(alice, bob));
        token.permit(alice, relayer, 5, deadline, signature);
        vm.expectRevert(_refusedSignature(alice, bob));
        token.permit(alice, relayer, 5, deadline, v, r, s);
        assertEq(token.nonces(alice), 0);
    }

    function test_permit__overAnotherValue__refused() public {
        (bytes memory signature, uint256 deadline) = _permitOf(aliceKey);
        address recovered = _recover(_permitDigest(alice, relayer, 6, 0, deadline), signature);
        vm.expectRevert(_refusedSignature(alice, recovered));
        token.permit(alice, relayer, 6, deadline, signature);
    }

    function test_permit__ofAnotherChain__refused() public {
        (bytes memory signature, uint256 deadline) = _permitOf(aliceKey);
        vm.chainId(424242);
        address recovered = _recover(_permitDigest(alice, relayer, 5, 0, deadline), signature);
        vm.expectRevert(_refusedSignature(alice, recovered));
        token.permit(alice, relayer, 5, deadline, signature);
    }

    function test_permit__highS__refused() public {
        (bytes memory signature, uint256 deadline) = _permitOf(aliceKey);
        (bytes memory other, uint256 highS) = _malleated(signature);
        (bytes32 r, bytes32 s, uint8 v) = _parts(other);
        vm.expectRevert(_refusedHighS(highS));
        token.permit(alice, relayer, 5, deadline, other);
        vm.expectRevert(_refusedHighS(highS));
        token.permit(alice, relayer, 5, deadline, v, r, s);
    }

    function test_permit__vOutOfRange__refused() public {
        (bytes memory signature, uint256 deadline) = _permitOf(aliceKey);
        (bytes32 r, bytes32 s, uint8 v) = _parts(signature);
        uint8[3] memory bad = [v - 27, 29, 255];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(_refusedSignature(alice, address(0)));
            token.permit(alice, relayer, 5, deadline, bad[i], r, s);
        }
    }

    function test_permit__ofNoLengthKnown__refused() public {
        (bytes memory signature, uint256 deadline) = _permitOf(aliceKey);
        bytes[3] memory bad = [bytes(""), bytes.concat(signature, hex"00"), new bytes(63)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(_refusedSignature(alice, address(0)));
            token.permit(alice, relayer, 5, deadline, bad[i]);
        }
    }

    function test_permit__ofTheZeroOwner__refused() public {
        vm.expectRevert(_refusedSignature(address(0), address(0)));
        token.permit(address(0), relayer, 5, block.timestamp, new bytes(65));
        vm.expectRevert(_refusedSignature(address(0), address(0)));
        token.permit(address(0), relayer, 5, block.timestamp, 0, bytes32(0), bytes32(0));
    }

    function test_permit__toTheZeroSpender__refused() public {
        bytes memory signature = _sign(aliceKey, _permitDigest(alice, address(0), 5, 0, block.timestamp));
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidSpender.selector, address(0)));
        token.permit(alice, address(0), 5, block.timestamp, signature);
    }

    function test_permit__ofAWallet__approves() public {
        MockWallet wallet = new MockWallet(alice, MockWallet.Answer.Honest);
        bytes32 digest = _permitDigest(address(wallet), relayer, 5, 0, block.timestamp);
        token.permit(address(wallet), relayer, 5, block.timestamp, _sign(aliceKey, digest));
        assertEq(token.allowance(address(wallet), relayer), 5);
    }

    function test_permit__ofAWalletThatRefuses__refused() public {
        MockWallet wallet = new MockWallet(alice, MockWallet.Answer.Refuse);
        bytes32 digest = _permitDigest(address(wallet), relayer, 5, 0, block.timestamp);
        bytes memory signature = _sign(aliceKey, digest);
        vm.expectRevert(_refusedSignature(address(wallet), alice));
        token.permit(address(wallet), relayer, 5, block.timestamp, signature);
    }

    function test_nonces__ofOne__leaveOthersAlone() public {
        (bytes memory signature, uint256 deadline) = _permitOf(aliceKey);
        token.permit(alice, relayer, 5, deadline, signature);
        assertEq(token.nonces(alice), 1);
        assertEq(token.nonces(bob), 0);
    }

    function test_DOMAIN_SEPARATOR__onAnotherChain__isAnother() public {
        bytes32 here = token.DOMAIN_SEPARATOR();
        assertEq(
            here,
            keccak256(
                abi.encode(
                    keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                    keccak256("Smart Basic Income"),
                    keccak256("1"),
                    block.chainid,
                    address(token)
                )
            )
        );
        vm.chainId(424242);
        assertNotEq(token.DOMAIN_SEPARATOR(), here);
    }

    function test_eip712Domain__always__describesTheDomain() public view {
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifier,
            bytes32 salt,
            uint256[] memory extensions
        ) = token.eip712Domain();
        assertEq(fields, bytes1(0x0f));
        assertEq(name, "Smart Basic Income");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(verifier, address(token));
        assertEq(salt, bytes32(0));
        assertEq(extensions.length, 0);
    }
}
