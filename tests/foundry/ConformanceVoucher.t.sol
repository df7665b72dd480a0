// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Vm} from "forge-std/Vm.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

import {ExchangeTest} from "./ExchangeTest.sol";
import {MockReceiver} from "../../contracts/mocks/MockReceiver.sol";

/// @dev What vouchers are held against: OpenZeppelin's ERC-721, with tokens for the asking.
contract ReferenceVoucher is ERC721 {
    constructor() ERC721("SBI computing voucher", "SBIV") {}

    function mint(address to, uint256 number) external {
        _mint(to, number);
    }
}

/// @title ConformanceVoucherTest
/// @dev The same random calls to the exchange and to the reference: the same results, return data, events and reverts.
contract ConformanceVoucherTest is ExchangeTest {
    uint256 private constant CALLS = 32;
    uint256 private constant VOUCHERS = 9;

    ReferenceVoucher private standard;
    address[] private people;
    address[] private receivers;
    uint256 private random;
    uint256 private successes;

    function setUp() public override {
        super.setUp();
        standard = new ReferenceVoucher();
        people = [alice, bob, carol];
        receivers = [
            address(new MockReceiver(MockReceiver.Behaviour.Accept, address(0))),
            address(new MockReceiver(MockReceiver.Behaviour.WrongAnswer, address(0))),
            address(new MockReceiver(MockReceiver.Behaviour.Revert, address(0))),
            address(new MockReceiver(MockReceiver.Behaviour.PassOn, carol)),
            // No receiver at all.
            address(token)
        ];
        for (uint256 i = 0; i < VOUCHERS; ++i) {
            _buy(people[i % 3], 10);
            standard.mint(people[i % 3], i);
        }
    }

    function test_voucher__sameRandomCalls__conformsToTheReference(uint256 seed) public {
        random = seed;
        for (uint256 i = 0; i < CALLS; ++i) {
            _both(people[_below(3)], _someCall());
            _requireSameState();
        }
    }

    function test_voucher__fixedSeeds__succeedsOften() public {
        for (uint256 seed = 0; seed < 20; ++seed) {
            test_voucher__sameRandomCalls__conformsToTheReference(seed);
        }
        assertGt(successes, 100, "calls that succeeded");
    }

    function test_metadata__both__same() public view {
        assertEq(exchange.name(), standard.name());
        assertEq(exchange.symbol(), standard.symbol());
        assertEq(exchange.tokenURI(1), standard.tokenURI(1));
        bytes4[4] memory interfaces = [bytes4(0x01ffc9a7), bytes4(0x80ac58cd), bytes4(0x5b5e139f), bytes4(0xffffffff)];
        for (uint256 i = 0; i < interfaces.length; ++i) {
            assertEq(exchange.supportsInterface(interfaces[i]), standard.supportsInterface(interfaces[i]));
        }
    }

    function _someCall() private returns (bytes memory) {
        (address from, address to, uint256 number) = (people[_below(3)], _someReceiver(), _below(VOUCHERS + 1));
        if (_below(3) != 0 && number < VOUCHERS) from = exchange.ownerOf(number);
        uint256 kind = _below(6);
        if (kind == 0) return abi.encodeWithSignature("safeTransferFrom(address,address,uint256)", from, to, number);
        if (kind == 1) {
            return
                abi.encodeWithSignature("safeTransferFrom(address,address,uint256,bytes)", from, to, number, hex"abcd");
        }
        if (kind == 2) return abi.encodeCall(exchange.approve, (_someReceiver(), number));
        if (kind == 3) return abi.encodeCall(exchange.setApprovalForAll, (_someReceiver(), _below(2) == 0));
        return abi.encodeCall(exchange.transferFrom, (from, to, number));
    }

    function _both(address caller, bytes memory data) private {
        (bool ok, bytes memory returned, Vm.Log[] memory logs) = _call(caller, address(exchange), data);
        (bool ok2, bytes memory returned2, Vm.Log[] memory logs2) = _call(caller, address(standard), data);
        assertEq(ok, ok2, "success");
        assertEq(returned, returned2, "returned");
        assertEq(logs.length, logs2.length, "events");
        for (uint256 i = 0; i < logs.length; ++i) {
            assertEq(logs[i].topics, logs2[i].topics, "topics");
            assertEq(logs[i].data, logs2[i].data, "data");
        }
        if (ok) ++successes;
    }

    function _call(address caller, address target, bytes memory data)
        private
        returns (bool ok, bytes memory returned, Vm.Log[] memory logs)
    {
        vm.recordLogs();
        vm.prank(caller);
        (ok, returned) = target.call(data);
        logs = vm.getRecordedLogs();
        // What was undone is recorded all the same.
        if (!ok) logs = new Vm.Log[](0);
    }

    function _requireSameState() private view {
        for (uint256 i = 0; i < VOUCHERS; ++i) {
            assertEq(exchange.ownerOf(i), standard.ownerOf(i), "owner");
            assertEq(exchange.getApproved(i), standard.getApproved(i), "approved");
        }
        for (uint256 i = 0; i < people.length; ++i) {
            assertEq(exchange.balanceOf(people[i]), standard.balanceOf(people[i]), "balance");
            for (uint256 j = 0; j < people.length; ++j) {
                bool ours = exchange.isApprovedForAll(people[i], people[j]);
                assertEq(ours, standard.isApprovedForAll(people[i], people[j]), "operator");
            }
        }
    }

    function _below(uint256 bound) private returns (uint256) {
        random = uint256(keccak256(abi.encode(random)));
        return random % bound;
    }

    function _someReceiver() private returns (address) {
        uint256 kind = _below(12);
        if (kind == 0) return address(0);
        return kind < 3 ? receivers[_below(receivers.length)] : people[_below(3)];
    }
}
