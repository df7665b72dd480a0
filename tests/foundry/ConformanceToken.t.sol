// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Vm} from "forge-std/Vm.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

import {TokenTest} from "./TokenTest.sol";

/// @dev What the token is held against: OpenZeppelin's ERC-20 with permit and burning, and coins for the asking.
contract ReferenceToken is ERC20, ERC20Burnable, ERC20Permit {
    constructor() ERC20("Smart Basic Income", "SBI") ERC20Permit("Smart Basic Income") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @title ConformanceTokenTest
/// @dev The same random calls to the token and to the reference: the same results, return data, events and reverts
/// wherever ERC-20 and ERC-2612 speak. A payment that settles accrued income emits one `Transfer` from zero more, before
/// its own, and nothing else differs. Income reaches the reference as coins minted to whoever it accrued to.
contract ConformanceTokenTest is TokenTest {
    /// @dev As ERC-2612 has it, in the order in which it is hashed.
    struct Permit {
        address owner;
        address spender;
        uint256 value;
        uint256 nonce;
        uint256 deadline;
    }

    struct Result {
        bool ok;
        bytes returned;
        Vm.Log[] logs;
    }

    uint256 private constant CALLS = 24;

    ReferenceToken private standard;
    /// @dev Holds in the reference what nobody has activated here.
    address private rest = makeAddr("rest");
    address[] private people;
    uint256[] private keys;
    uint256 private random;

    uint256 private settlements;
    uint256 private successes;

    function setUp() public override {
        super.setUp();
        standard = new ReferenceToken();
        (people, keys) = (new address[](5), new uint256[](5));
        string[5] memory names = ["alice", "bob", "carol", "erin", "frank"];
        for (uint256 i = 0; i < people.length; ++i) {
            keys[i] = _citizenKey(names[i]);
            people[i] = vm.addr(keys[i]);
        }
        _level();
    }

    /// forge-config: default.fuzz.runs = 192
    function test_token__sameRandomCalls__conformsToTheReference(uint256 seed) public {
        random = seed;
        for (uint256 i = 0; i < CALLS; ++i) {
            uint256 kind = _below(16);
            if (kind == 0) _someIncome();
            else if (kind < 7) _transfer();
            else if (kind < 10) _transferFrom();
            else if (kind < 12) _approve();
            else if (kind < 14) _permit();
            else _burn();
            _requireSameState();
        }
    }

    /// @dev Without it the differences looked for might never have had a chance to show.
    function test_token__fixedSeeds__settlesAndSucceedsOften() public {
        for (uint256 seed = 0; seed < 20; ++seed) {
            test_token__sameRandomCalls__conformsToTheReference(seed);
        }
        assertGt(settlements, 20, "payments that settled");
        assertGt(successes, 100, "calls that succeeded");
    }

    function test_metadata__both__same() public view {
        assertEq(token.name(), standard.name());
        assertEq(token.symbol(), standard.symbol());
        assertEq(token.decimals(), standard.decimals());
    }

    /* CALLS */

    function _someIncome() private {
        _income(1 + _below(10_000));
        _level();
    }

    /// @dev Gives the reference what has accrued here.
    function _level() private {
        for (uint256 i = 0; i < people.length; ++i) {
            standard.mint(people[i], token.balanceOf(people[i]) - standard.balanceOf(people[i]));
        }
        standard.mint(rest, token.totalSupply() - standard.totalSupply());
    }

    function _transfer() private {
        address from = people[_below(5)];
        _both(from, from, abi.encodeCall(token.transfer, (_someReceiver(), _someAmount(from))), true);
    }

    function _transferFrom() private {
        (address from, address spender) = (people[_below(5)], people[_below(5)]);
        uint256 amount = _below(3) == 0 ? token.allowance(from, spender) : _someAmount(from);
        _both(spender, from, abi.encodeCall(token.transferFrom, (from, _someReceiver(), amount)), true);
    }

    function _approve() private {
        address owner = people[_below(5)];
        address spender = _below(8) == 0 ? address(0) : people[_below(5)];
        _both(owner, owner, abi.encodeCall(token.approve, (spender, _someAllowance())), true);
    }

    function _burn() private {
        address from = people[_below(5)];
        uint256 amount = _someAmount(from);
        _bothWith(from, from, abi.encodeCall(token.recycle, (amount)), abi.encodeCall(standard.burn, (amount)), true);
    }

    /// @dev Signed for each token by itself: the domain names it. Errors are the implementation's own.
    function _permit() private {
        uint256 number = _below(5);
        Permit memory item = Permit({
            owner: people[number],
            spender: _below(8) == 0 ? address(0) : people[_below(5)],
            value: _someAllowance(),
            nonce: _below(6) == 0 ? _below(3) : token.nonces(people[number]),
            deadline: _below(6) == 0 ? block.timestamp - 1 : block.timestamp + _below(100)
        });
        uint256 signer = _below(6) == 0 ? keys[_below(5)] : keys[number];
        bool malleable = _below(6) == 0;
        bytes memory ours = _permitCall(address(token), item, signer, malleable);
        bytes memory theirs = _permitCall(address(standard), item, signer, malleable);
        _bothWith(item.owner, item.owner, ours, theirs, false);
    }

    function _permitCall(address target, Permit memory item, uint256 signer, bool malleable)
        private
        view
        returns (bytes memory)
    {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"), item
            )
        );
        bytes memory signature = _sign(signer, _digest("Smart Basic Income", target, structHash));
        if (malleable) (signature,) = _malleated(signature);
        (bytes32 r, bytes32 s, uint8 v) = _parts(signature);
        return abi.encodeCall(standard.permit, (item.owner, item.spender, item.value, item.deadline, v, r, s));
    }

    /* COMPARISON */

    function _both(address caller, address payer, bytes memory data, bool sameErrors) private {
        _bothWith(caller, payer, data, data, sameErrors);
    }

    function _bothWith(address caller, address payer, bytes memory ours, bytes memory theirs, bool sameErrors) private {
        (uint256 before,,) = token.accountOf(payer);
        uint256 outstanding = token.balanceOf(payer) - before;
        Result memory mine = _call(caller, address(token), ours);
        Result memory other = _call(caller, address(standard), theirs);
        assertEq(mine.ok, other.ok, "success");
        if (mine.ok || sameErrors) assertEq(mine.returned, other.returned, "returned");
        uint256 extra = mine.logs.length - other.logs.length;
        if (extra != 0) {
            assertEq(extra, 1, "one event more at most");
            _requireMint(mine.logs[0], payer, outstanding);
            (, uint256 index,) = token.accountOf(payer);
            assertEq(index, vault.dividendIndex(), "the event says what was settled");
            ++settlements;
        }
        for (uint256 i = 0; i < other.logs.length; ++i) {
            assertEq(mine.logs[i + extra].topics, other.logs[i].topics, "topics");
            assertEq(mine.logs[i + extra].data, other.logs[i].data, "data");
        }
        if (mine.ok) ++successes;
    }

    function _call(address caller, address target, bytes memory data) private returns (Result memory result) {
        vm.recordLogs();
        vm.prank(caller);
        (result.ok, result.returned) = target.call(data);
        result.logs = vm.getRecordedLogs();
        // What was undone is recorded all the same.
        if (!result.ok) result.logs = new Vm.Log[](0);
    }

    function _requireMint(Vm.Log memory log, address to, uint256 amount) private view {
        assertEq(log.emitter, address(token));
        assertEq(log.topics[0], keccak256("Transfer(address,address,uint256)"));
        assertEq(log.topics[1], 0);
        assertEq(log.topics[2], bytes32(uint256(uint160(to))));
        assertEq(log.data, abi.encode(amount));
    }

    function _requireSameState() private view {
        assertEq(token.totalSupply(), standard.totalSupply(), "supply");
        for (uint256 i = 0; i < people.length; ++i) {
            assertEq(token.balanceOf(people[i]), standard.balanceOf(people[i]), "balance");
            assertEq(token.nonces(people[i]), standard.nonces(people[i]), "nonce");
            for (uint256 j = 0; j < people.length; ++j) {
                assertEq(token.allowance(people[i], people[j]), standard.allowance(people[i], people[j]), "allowance");
            }
        }
    }

    /* CHOICES */

    function _below(uint256 bound) private returns (uint256) {
        random = uint256(keccak256(abi.encode(random)));
        return random % bound;
    }

    function _someReceiver() private returns (address) {
        return _below(12) == 0 ? address(0) : people[_below(5)];
    }

    function _someAmount(address from) private returns (uint256) {
        uint256 balance = token.balanceOf(from);
        uint256 kind = _below(8);
        if (kind == 0) return 0;
        if (kind == 1) return balance;
        if (kind == 2) return balance + 1;
        if (kind == 3) return _below(2) == 0 ? type(uint256).max : uint256(type(uint112).max) + 1;
        return _below(balance + 1);
    }

    function _someAllowance() private returns (uint256) {
        uint256 kind = _below(4);
        if (kind == 0) return type(uint256).max;
        return kind == 1 ? type(uint256).max - 1 : _below(3000 * SBI);
    }
}
