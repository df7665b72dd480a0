// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Vm} from "forge-std/Vm.sol";

import {Batch, Citizen} from "../../../contracts/interfaces/ICitizenRegistry.sol";
import {TreeTest} from "../TreeTest.sol";

/// @title Nation
/// @dev The suite, the people in it and the ghosts' books: what is known of the nation without asking the contracts.
/// Handlers act on it; the invariants read it.
///
/// A fault that a handler sees is noted, not thrown: what a handler throws would be undone with it.
abstract contract Nation is TreeTest {
    /// @dev A leaf as its registrar enrolled it.
    struct Entry {
        uint256 roll;
        uint256 index;
        address account;
    }

    uint256 internal constant PEOPLE = 12;
    /// @dev Before the people in `people`: operator and exchange, who hold SBI and are no citizens.
    uint256 private constant OTHERS = 2;
    uint256 internal constant UNIT = 1e6;

    /// @dev First fault seen of each invariant.
    mapping(uint256 invariant => string) public fault;

    address[] internal people;
    mapping(address account => uint256) internal keyOf;
    Roll[] internal rolls;
    Entry[] internal entries;

    /* GHOSTS */

    uint256 public entitled;
    uint256 public recirculated;
    uint256 public recycledGhost;
    /// @dev The public output that was reported of an epoch, added up by hand, less what was taken out.
    mapping(uint256 epoch => uint256) public outputOf;
    /// @dev What each of the five facilities was reported to have brought, nGAICPh of general computing.
    mapping(uint256 epoch => uint256[5]) internal broughtIn;
    mapping(uint256 epoch => bool) public wasIssued;
    uint256[] internal reported;
    uint256 internal firstUnjudged;

    mapping(address account => bool) private _signs;
    uint256[] private _settledBefore;
    uint256 private _issuedBefore;
    bool private _mayIssue;

    function setUp() public virtual override {
        super.setUp();
        vm.startPrank(address(timelock));
        citizens.setTurnoverCap(1, 1e6);
        vm.stopPrank();
        _know(operator, 0);
        _know(address(exchange), 0);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            _newcomer();
        }
        for (uint256 i = 0; i < oracleKeys.length; ++i) {
            keyOf[vm.addr(oracleKeys[i])] = oracleKeys[i];
        }
        _warpTo(EPOCH);
    }

    /// @dev Somebody more: who was once active is never so again, and a nation of the same few would soon have nobody left.
    function _newcomer() internal returns (address account) {
        uint256 key = _citizenKey(string.concat("person ", vm.toString(people.length)));
        account = vm.addr(key);
        _know(account, key);
    }

    function _know(address account, uint256 key) private {
        people.push(account);
        keyOf[account] = key;
        _settledBefore.push(0);
    }

    /// @dev Around every act: invariant 5, and that nothing but a distribution issues.
    modifier act() {
        _issuedBefore = vault.issued();
        for (uint256 i = 0; i < people.length; ++i) {
            (_settledBefore[i],,) = token.accountOf(people[i]);
        }
        _;
        for (uint256 i = 0; i < people.length; ++i) {
            (uint256 settled,,) = token.accountOf(people[i]);
            _hold(5, settled >= _settledBefore[i] || _signs[people[i]], "a balance fell without its holder's will");
            _signs[people[i]] = false;
        }
        _hold(3, vault.issued() <= _issuedBefore || _mayIssue, "issued by something else than distribute");
        _mayIssue = false;
    }

    function _hold(uint256 invariant, bool holds, string memory what) internal {
        if (!holds && bytes(fault[invariant]).length == 0) fault[invariant] = what;
    }

    /// @dev The account acts or has signed: its balance may fall.
    function _consents(address account) internal {
        _signs[account] = true;
    }

    function _issues() internal {
        _mayIssue = true;
    }

    /// @dev A call that must be refused.
    function _refused(uint256 invariant, address caller, address target, bytes memory data, string memory what)
        internal
    {
        vm.prank(caller);
        (bool ok,) = target.call(data);
        _hold(invariant, !ok, what);
    }

    /* CHOICES */

    /// @dev Somebody of the people, never an office or a contract.
    function _person(uint256 seed) internal view returns (address) {
        return people[OTHERS + seed % _personCount()];
    }

    /// @dev The i-th of the people from a place on.
    function _personFrom(uint256 seed, uint256 i) internal view returns (address) {
        return _person(seed % _personCount() + i);
    }

    function _personCount() internal view returns (uint256) {
        return people.length - OTHERS;
    }

    /// @dev Somebody of the people who has SBI, from a place on; a rich nation has one.
    function _payer(uint256 seed) internal view returns (address payer, uint256 balance) {
        for (uint256 i = 0; i < _personCount(); ++i) {
            payer = _personFrom(seed, i);
            balance = token.balanceOf(payer);
            if (balance != 0) return (payer, balance);
        }
    }

    /// @dev An entry whose leaf is not used yet; reverts if there is none.
    function _openEntry(uint256 seed) internal view returns (Entry memory entry) {
        for (uint256 i = 0; i < entries.length; ++i) {
            entry = entries[(seed % entries.length + i) % entries.length];
            if (!citizens.isLeafUsed(rolls[entry.roll].batch, entry.index)) return entry;
        }
        revert("no open leaf");
    }

    /// @dev A living citizen; reverts if there is none.
    function _living(uint256 seed) internal view returns (address account, Citizen memory citizen) {
        for (uint256 i = 0; i < _personCount(); ++i) {
            account = _personFrom(seed, i);
            citizen = citizens.citizenOf(account);
            if (citizen.since != 0 && citizen.until == 0) return (account, citizen);
        }
        revert("nobody lives");
    }

    /* WHAT THERE IS */

    function sumOfBalances() public view returns (uint256 sum) {
        for (uint256 i = 0; i < people.length; ++i) {
            sum += token.balanceOf(people[i]);
        }
    }

    /// @dev Income of the leaves that nobody has activated yet, wei, and how many they are.
    function unactivated() public view returns (uint256 income, uint256 heads) {
        uint256 index = vault.dividendIndex();
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 batch = rolls[entries[i].roll].batch;
            if (citizens.isLeafUsed(batch, entries[i].index)) continue;
            Batch memory enrolled = citizens.batchOf(batch);
            income += (index - enrolled.entryIndex) * UNIT;
            ++heads;
        }
    }

    /// @dev Living citizens, and whether exactly they accrue.
    function living() public view returns (uint256 heads, bool onlyTheyAccrue) {
        onlyTheyAccrue = true;
        for (uint256 i = 0; i < people.length; ++i) {
            Citizen memory citizen = citizens.citizenOf(people[i]);
            bool lives = citizen.since != 0 && citizen.until == 0;
            (,, bool accruing) = token.accountOf(people[i]);
            if (lives) ++heads;
            if (lives != accruing) onlyTheyAccrue = false;
        }
    }

    /// @dev What outstanding vouchers are worth, wei.
    function outstanding() public view returns (uint256 worth) {
        uint256 count = exchange.voucherCount();
        for (uint256 i = 0; i < count; ++i) {
            worth += exchange.voucherOf(i).price - exchange.voucherOf(i).released;
        }
    }

    /// @dev The last epochs reported that the registry still knows.
    function keptEpochs() public view returns (uint256[] memory epochs) {
        uint256 current = oracles.currentEpoch();
        uint256 from = reported.length;
        while (from > 0 && reported.length - from < 8 && reported[from - 1] + oracles.ringSize() >= current) --from;
        epochs = new uint256[](reported.length - from);
        for (uint256 i = 0; i < epochs.length; ++i) {
            epochs[i] = reported[from + i];
        }
    }

    function suite() external view returns (address[6] memory) {
        return [address(token), address(vault), address(citizens), address(oracles), address(exchange), address(bonds)];
    }

    function epochsReported() external view returns (uint256) {
        return reported.length;
    }

    function _logsOf(Vm.Log[] memory logs, address emitter, bytes32 topic) internal pure returns (Vm.Log memory found) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == emitter && logs[i].topics[0] == topic) return logs[i];
        }
    }
}
