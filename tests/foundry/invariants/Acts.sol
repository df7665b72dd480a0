// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Vm} from "forge-std/Vm.sol";

import {IssuancePolicy} from "../../../contracts/IssuancePolicy.sol";
import {Batch, Citizen} from "../../../contracts/interfaces/ICitizenRegistry.sol";
import {Voucher} from "../../../contracts/interfaces/IComputeExchange.sol";
import {Exhibit} from "../../../contracts/interfaces/IComputeDisputes.sol";
import {Report} from "../../../contracts/interfaces/IComputeOracleRegistry.sol";
import {Outcome} from "../../../contracts/interfaces/IReportSource.sol";
import {Authorization} from "../../../contracts/interfaces/ISBIToken.sol";
import {Nation} from "./Nation.sol";

/// @title Acts
/// @dev What everybody does, by actor. Each act brings about what it needs, so that it mostly succeeds; what it may not do
/// succeeds by being refused.
contract Acts is Nation {
    uint256 private _salt;
    uint256 private _generation;

    /* REGISTRAR */

    function registrar_enrols(uint256 seed) external act {
        address[] memory accounts = new address[](1 + seed % 3);
        for (uint256 i = 0; i < accounts.length; ++i) {
            accounts[i] = _person(uint256(keccak256(abi.encode(seed, i))));
        }
        _enrolThem(accounts);
    }

    function _enrolThem(address[] memory accounts) private {
        rolls.push(_enrol(accounts));
        for (uint256 i = 0; i < accounts.length; ++i) {
            entries.push(Entry(rolls.length - 1, i, accounts[i]));
        }
    }

    function registrar_retires(uint256 seed) external act {
        (address account, Citizen memory citizen) = _living(seed);
        _startIfNone(citizen);
        uint256 balance = token.balanceOf(account);
        citizens.retire(citizen.batch, citizen.leaf, account);
        _hold(9, token.balanceOf(account) == balance, "retirement took what had accrued");
    }

    function _startIfNone(Citizen memory citizen) private {
        vm.prank(registrar);
        citizens.startRetirement(citizen.batch, citizen.leaf);
        vm.warp(block.timestamp + OBJECTION_DELAY);
    }

    function registrar_recovers(uint256 seed) external act {
        (address account, Citizen memory citizen) = _living(seed);
        address successor = _neverActive(seed);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Succession(uint256 batch,uint256 index,address previous,address successor)"),
                citizen.batch,
                citizen.leaf,
                account,
                successor
            )
        );
        bytes memory consent = _sign(keyOf[successor], _digest("CitizenRegistry", address(citizens), structHash));
        vm.prank(registrar);
        citizens.startRecovery(citizen.batch, citizen.leaf, account, successor, consent);
        vm.warp(block.timestamp + OBJECTION_DELAY);
        (uint256 left, uint256 found) = (token.balanceOf(account), token.balanceOf(successor));
        citizens.recover(citizen.batch, citizen.leaf, account);
        _hold(6, token.balanceOf(account) == left && token.balanceOf(successor) == found, "a recovery moved a balance");
    }

    function _neverActive(uint256 seed) private returns (address account) {
        account = _person(seed);
        if (citizens.citizenOf(account).since != 0) account = _newcomer();
    }

    /* CITIZEN */

    function citizen_activates(uint256 seed) external act {
        _activate(seed % 4 == 0 ? _openEntry(seed) : _openEntryOfNewcomer(seed), seed % 2 == 0);
    }

    function _activate(Entry memory entry, bool self) private {
        Roll memory roll = rolls[entry.roll];
        Citizen memory before = citizens.citizenOf(entry.account);
        vm.prank(self ? entry.account : relayer);
        citizens.activate(roll.batch, entry.index, entry.account, roll.persons[entry.index], _proof(roll, entry.index));
        bool earlier = roll.batch < before.batch || roll.batch == before.batch && entry.index < before.leaf;
        _hold(10, before.since == 0 || earlier && !before.chosen, "a later leaf became active beside another");
    }

    /// @dev Somebody who is enrolled twice presents the first leaf after the second: what it received in between is paid.
    function citizen_presentsLate(uint256 seed) external act {
        address account = _newcomer();
        _enrolThem(_one(account));
        _reportSomething(seed, false);
        vm.warp(block.timestamp + HOUR);
        _distribute();
        _enrolThem(_one(account));
        _activate(entries[entries.length - 1], true);
        _activate(entries[entries.length - 2], false);
    }

    /// @dev A leaf of somebody who was never active; one is enrolled if there is none.
    function _openEntryOfNewcomer(uint256 seed) private returns (Entry memory entry) {
        for (uint256 i = 0; i < entries.length; ++i) {
            entry = entries[(seed % entries.length + i) % entries.length];
            bool used = citizens.isLeafUsed(rolls[entry.roll].batch, entry.index);
            if (!used && citizens.citizenOf(entry.account).since == 0) return entry;
        }
        _enrolThem(_one(_newcomer()));
        return entries[entries.length - 1];
    }

    function citizen_chooses(uint256 seed) external act {
        Entry memory entry = _openEntry(seed);
        Roll memory roll = rolls[entry.roll];
        vm.prank(entry.account);
        citizens.chooseLeaf(
            roll.batch, entry.index, entry.account, roll.persons[entry.index], _proof(roll, entry.index), ""
        );
    }

    function citizen_objects(uint256 seed) external act {
        (address account, Citizen memory citizen) = _living(seed);
        vm.prank(registrar);
        citizens.startRetirement(citizen.batch, citizen.leaf);
        vm.prank(account);
        citizens.objectTo(citizen.batch, citizen.leaf, account, "");
        vm.warp(block.timestamp + OBJECTION_DELAY);
        bytes memory data = abi.encodeCall(citizens.retire, (citizen.batch, citizen.leaf, account));
        _refused(9, stranger, address(citizens), data, "retired against an objection");
        if (citizens.actOf(citizen.batch, citizen.leaf).referred) {
            _asGovernor();
            citizens.decideAct(citizen.batch, citizen.leaf, false);
        }
    }

    function citizen_transfers(uint256 from, uint256 to, uint256 amount) external act {
        (address payer, uint256 balance) = _payer(from);
        amount = bound(amount, 0, balance);
        _consents(payer);
        vm.prank(payer);
        token.transfer(_person(to), amount);
    }

    function citizen_overdraws(uint256 from, uint256 to, uint256 amount) external act {
        (address payer, uint256 balance) = _payer(from);
        amount = bound(amount, balance + 1, type(uint256).max);
        bytes memory data = abi.encodeCall(token.transfer, (_person(to), amount));
        _refused(5, payer, address(token), data, "paid more than there was");
    }

    function citizen_allows(uint256 from, uint256 by, uint256 to, uint256 amount) external act {
        (address payer, uint256 balance) = _payer(from);
        amount = bound(amount, 0, balance);
        _consents(payer);
        vm.prank(payer);
        token.approve(_person(by), amount);
        vm.prank(_person(by));
        token.transferFrom(payer, _person(to), amount);
    }

    function citizen_recycles(uint256 from, uint256 amount) external act {
        (address payer, uint256 balance) = _payer(from);
        amount = bound(amount, 0, balance);
        _consents(payer);
        vm.prank(payer);
        token.recycle(amount);
        recycledGhost += amount;
    }

    function citizen_recirculates(uint256 from, uint256 amount) external act {
        (address payer, uint256 balance) = _payer(from);
        amount = bound(amount, 0, balance);
        _consents(payer);
        vm.prank(payer);
        token.recirculate(amount);
        (recycledGhost, recirculated) = (recycledGhost + amount, recirculated + amount);
    }

    /* RELAYER */

    function relayer_pays(uint256 from, uint256 to, uint256 amount) external act {
        (address payer, uint256 balance) = _payer(from);
        Authorization memory item = _signedPayment(payer, _person(to), bound(amount, 0, balance));
        _consents(payer);
        vm.prank(relayer);
        token.transferWithAuthorization(item);
        bytes memory again = abi.encodeWithSignature(
            "transferWithAuthorization((address,address,uint256,uint256,uint256,bytes32,bytes))", item
        );
        _refused(5, relayer, address(token), again, "a signed payment was made twice");
    }

    function relayer_paysBatch(uint256 from, uint256 to, uint256 amount) external act {
        Authorization[] memory items = new Authorization[](3);
        (address payer, uint256 balance) = _payer(from);
        items[0] = _signedPayment(payer, _person(to), bound(amount, 0, balance));
        // More than there can be, and one that is signed by somebody else.
        items[1] = _signedPayment(payer, _person(to), type(uint256).max);
        items[2] = _signedPayment(_person(to), _person(from), 0);
        items[2].from = _person(to + 1);
        _consents(payer);
        vm.prank(relayer);
        token.transferWithAuthorizations(items);
    }

    function _signedPayment(address from, address to, uint256 value) private returns (Authorization memory) {
        return _signPayment("Transfer", keyOf[from], _payment(from, to, value, bytes32(_salt++)));
    }

    /* ORACLES */

    function oracle_reports(uint256 seed) external act {
        _reportSomething(seed, false);
    }

    /// @dev A quorum in league: more than facility 3 can bring.
    function oracle_lies(uint256 seed) external act {
        _reportSomething(seed, true);
    }

    /// @dev Fewer than a quorum sign, or one twice.
    function oracle_minorityReports(uint256 seed) external act {
        uint256 epoch = _reportableEpoch();
        Report memory report = _reportFor(epoch, _build(_leavesOf(_someOutputs(seed, true))));
        uint256[] memory numbers = _standing(epoch, 2);
        if (seed % 2 == 0) {
            (uint256 first, uint256 second) = (numbers[0], numbers[1]);
            numbers = new uint256[](3);
            (numbers[0], numbers[1], numbers[2]) = (first, second, second);
        }
        bytes memory data = abi.encodeCall(oracles.submitReport, (report, _signaturesOf(report, numbers)));
        _refused(7, relayer, address(oracles), data, "a report was accepted without a quorum");
    }

    function _reportSomething(uint256 seed, bool lie) private {
        uint256 epoch = _reportableEpoch();
        uint256[5] memory brought = _someOutputs(seed, lie);
        Tree memory tree = _build(_leavesOf(brought));
        Report memory report = _reportFor(epoch, tree);
        bytes memory signatures = _signaturesOf(report, _standing(epoch, 3));
        vm.prank(relayer);
        oracles.submitReport(report, signatures);
        broughtIn[epoch] = brought;
        outputOf[epoch] = _publicOf(brought);
        reported.push(epoch);
    }

    /// @dev The last epoch that is over, or the one that runs, once it is; one with a quorum of standing oracles.
    function _reportableEpoch() private returns (uint256 epoch) {
        uint256 current = oracles.currentEpoch();
        (uint256 standing,) = oracles.standingAt(current);
        if (_count(standing) < 3) {
            _newOracles();
            vm.warp(_endOf(current));
            current = oracles.currentEpoch();
        }
        epoch = current - 1;
        (standing,) = oracles.standingAt(epoch);
        bool open = block.timestamp <= _endOf(epoch) + settings.reportWindow && epoch >= EPOCH;
        if (!open || _count(standing) < 3 || _isReported(epoch)) {
            epoch = current;
            vm.warp(_endOf(epoch));
        }
    }

    function _isReported(uint256 epoch) private view returns (bool) {
        return reported.length != 0 && reported[reported.length - 1] >= epoch;
    }

    function _someOutputs(uint256 seed, bool lie) private pure returns (uint256[5] memory brought) {
        for (uint256 i = 0; i < 5; ++i) {
            brought[i] = uint256(keccak256(abi.encode(seed, i))) % 1001;
        }
        if (lie) brought[3] = 1001 + seed % 5000;
    }

    /// @dev General computing alone: 2 public nGAICPh for each raw one, of facility 1 half of that.
    function _leavesOf(uint256[5] memory brought) private pure returns (Leaf[] memory leaves) {
        leaves = new Leaf[](5);
        for (uint256 i = 0; i < 5; ++i) {
            uint64 counted = uint64(i == 1 ? brought[i] : 2 * brought[i]);
            leaves[i] = Leaf(i, _sums(uint64(brought[i]), 0, 0, counted), keccak256(abi.encode("reading", i)));
        }
    }

    function _publicOf(uint256[5] memory brought) private pure returns (uint256) {
        return 2 * (brought[0] + brought[2] + brought[3] + brought[4]) + brought[1];
    }

    function _standing(uint256 epoch, uint256 count) private view returns (uint256[] memory numbers) {
        (uint256 standing,) = oracles.standingAt(epoch);
        numbers = new uint256[](count);
        uint256 found;
        for (uint256 i = 0; i < 4 && found < count; ++i) {
            if (standing >> i & 1 == 1) numbers[found++] = i;
        }
        require(found == count, "too few oracles stand");
    }

    function _signaturesOf(Report memory report, uint256[] memory numbers) private view returns (bytes memory list) {
        (,,,, address[] memory set) = oracles.configAt(report.epoch);
        bytes32 digest = oracles.reportDigest(report);
        for (uint256 i = 0; i < numbers.length; ++i) {
            list = bytes.concat(list, _entry(numbers[i], keyOf[set[numbers[i]]], digest));
        }
    }

    function _count(uint256 bits) internal pure returns (uint256 count) {
        for (; bits != 0; bits &= bits - 1) {
            ++count;
        }
    }

    /* STRANGER */

    function stranger_distributes(uint256 seed) external act {
        vm.warp(block.timestamp + seed % (settings.disputeWindow + 2));
        require(_distribute(), "nothing is final");
    }

    /// @dev Anybody may: distributes what is final, and compares each purse with the dividend.
    function _distribute() private returns (bool ok) {
        uint256 next = vault.nextEpoch();
        uint256[] memory before = new uint256[](people.length);
        for (uint256 i = 0; i < people.length; ++i) {
            before[i] = token.balanceOf(people[i]);
        }
        _issues();
        vm.recordLogs();
        vm.prank(stranger);
        (ok,) = address(vault).call(abi.encodeCall(vault.distribute, ()));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 dividend = _account(_logsOf(logs, address(vault), DISTRIBUTED));
        for (uint256 i = 0; i < people.length; ++i) {
            (,, bool accruing) = token.accountOf(people[i]);
            uint256 expected = before[i] + (accruing ? dividend : 0);
            _hold(
                accruing ? 4 : 9,
                token.balanceOf(people[i]) == expected,
                "somebody got another dividend, or one too many"
            );
        }
        for (uint256 i = next; i < vault.nextEpoch(); ++i) {
            if (wasIssued[i] || block.timestamp > _endOf(i) + settings.expiryAge) continue;
            (Outcome outcome,) = oracles.outcomeOf(i);
            _hold(3, outcome == Outcome.Skipped || outcome == Outcome.Void, "a final epoch was passed over");
        }
    }

    bytes32 private constant DISTRIBUTED =
        keccak256("DividendDistributed(uint256,uint256,uint256,uint256,uint256,uint256,uint256)");

    /// @dev Books what the vault says it has distributed.
    function _account(Vm.Log memory log) private returns (uint256 dividend) {
        if (log.emitter == address(0)) return 0;
        uint256 epoch = uint256(log.topics[1]);
        uint256 entitlement;
        uint256 output;
        (output, entitlement,, dividend,,) =
            abi.decode(log.data, (uint256, uint256, uint256, uint256, uint256, uint256));
        _hold(3, !wasIssued[epoch], "an epoch was issued twice");
        _hold(8, output == outputOf[epoch], "another output than was reported");
        _hold(6, entitlement <= output * settings.maxRate, "entitled to more than the ceiling");
        wasIssued[epoch] = true;
        entitled += entitlement;
    }

    /// @dev Disputes the first lie that is not final yet; else brings a proof against an honest leaf, in vain.
    function stranger_disputes(uint256) external act {
        require(reported.length != 0, "nothing is reported");
        uint256 epoch = reported[reported.length - 1];
        uint256[5] memory brought = broughtIn[epoch];
        Exhibit memory shown = _show(_build(_leavesOf(brought)), 0, 3);
        bool lie = brought[3] > 1000;
        (bool ok,) = address(disputes).call(abi.encodeCall(disputes.disputeLeaf, (epoch, 3, shown)));
        _hold(8, !ok || lie, "an honest leaf was disputed");
        require(ok || !lie, "too late, or once more");
        if (ok && !oracles.recordOf(epoch).isVoid) {
            (Outcome outcome,) = oracles.outcomeOf(epoch);
            if (outcome == Outcome.Pending) outputOf[epoch] -= 2 * brought[3];
        }
    }

    function stranger_voids(uint256 seed) external act {
        Entry memory entry = _openEntryOfCitizen(seed);
        Roll memory roll = rolls[entry.roll];
        vm.warp(block.timestamp + OBJECTION_DELAY);
        vm.prank(stranger);
        citizens.voidLeaf(roll.batch, entry.index, entry.account, roll.persons[entry.index], _proof(roll, entry.index));
    }

    /// @dev A second leaf of somebody who is a citizen already; one is enrolled if there is none.
    function _openEntryOfCitizen(uint256 seed) private returns (Entry memory entry) {
        for (uint256 i = 0; i < entries.length; ++i) {
            entry = entries[entries.length - 1 - i];
            bool used = citizens.isLeafUsed(rolls[entry.roll].batch, entry.index);
            if (!used && citizens.citizenOf(entry.account).since != 0) return entry;
        }
        (address account,) = _living(seed);
        _enrolThem(_one(account));
        return entries[entries.length - 1];
    }

    /// @dev What only offices or other contracts of the suite may do, tried by everybody.
    function stranger_overreaches(uint256 seed) external act {
        address[5] memory callers = [stranger, registrar, operator, guardian, _person(seed)];
        address caller = callers[seed % 5];
        uint256 amount = seed % 1e30;
        address account = _person(seed >> 8);
        bytes[9] memory calls = [
            abi.encodeCall(token.startAccrual, (account, 0)),
            abi.encodeCall(token.endAccrual, (account)),
            abi.encodeCall(token.payRange, (account, 0, amount)),
            abi.encodeCall(vault.admit, (amount)),
            abi.encodeCall(vault.dismiss, (0)),
            abi.encodeCall(vault.unissue, (0, amount)),
            abi.encodeCall(vault.noteRecirculated, (amount)),
            abi.encodeCall(oracles.takeOut, (0, amount)),
            abi.encodeCall(bonds.slash, (account, caller, 0))
        ];
        address[9] memory targets = [
            address(token),
            address(token),
            address(token),
            address(vault),
            address(vault),
            address(vault),
            address(vault),
            address(oracles),
            address(bonds)
        ];
        uint256 which = (seed >> 16) % calls.length;
        _refused(6, caller, targets[which], calls[which], "somebody did what is another's");
        // Nor does the timelock, and with it any vote.
        _refused(6, address(timelock), targets[which], calls[which], "a vote did what is a contract's");
    }

    /* GUARDIAN AND GOVERNOR */

    function guardian_halts(uint256) external act {
        (, bool spent) = vault.haltedUntil();
        if (spent) {
            _asGovernor();
            vault.rearm();
        }
        vm.prank(guardian);
        vault.halt();
        _refused(6, stranger, address(vault), abi.encodeCall(vault.distribute, ()), "distributed while halted");
    }

    function governor_resumes(uint256) external act {
        _asGovernor();
        vault.resume();
    }

    /// @dev Once what is final has been distributed: terms that still wait for their epoch bar all others.
    function governor_schedulesTerms(uint256 seed) external act {
        for (uint256 i = 0; i < 8 && _distribute(); ++i) {}
        uint256 before = sumOfBalances();
        address rule = address(new IssuancePolicy(1 + seed % 1e18, 100 + seed % 9901));
        uint256 fromEpoch = vault.currentEpoch() + settings.minNotice;
        _asGovernor();
        vault.scheduleTerms(rule, address(oracles), fromEpoch);
        _hold(6, sumOfBalances() == before, "a vote changed balances");
    }

    function governor_setsShares(uint256 fee, uint256 back) external act {
        fee = bound(fee, 0, 3000);
        _asGovernor();
        exchange.setShares(fee, bound(back, 0, 10_000 - fee));
    }

    function governor_renewsOracles(uint256) external act {
        _newOracles();
    }

    /// @dev A set of four more, bonded, from the next epoch on.
    function _newOracles() private {
        string memory name = string.concat("set ", vm.toString(++_generation));
        for (uint256 i = 0; i < 4; ++i) {
            keyOf[vm.addr(_oracleKey(name, i))] = _oracleKey(name, i);
        }
        _bondSet(name, 4);
        uint256 fromEpoch = oracles.currentEpoch() + 1;
        _asGovernor();
        oracles.scheduleConfig(_oracleSet(name, 4), settings.weightsX16, _verifiers(), fromEpoch);
    }

    /* BUYER AND OPERATOR */

    function operator_offers(uint256 units) external act {
        _offerMore(bound(units, 1, 50));
    }

    function _offerMore(uint256 units) private returns (uint256 epoch) {
        epoch = vault.currentEpoch() + 1;
        (uint256 offered, uint256 sold) = exchange.offerOf(0, 0, epoch);
        vm.prank(operator);
        exchange.offer(0, 0, epoch, units + (sold > offered ? sold : offered));
    }

    function buyer_buys(uint256 from, uint256 units) external act {
        (address buyer, uint256 balance) = _payer(from);
        units = bound(units, 1, 20);
        uint256 price = exchange.priceOf(0, units);
        require(price <= balance, "too dear");
        uint256 epoch = _offerMore(units);
        _consents(buyer);
        vm.startPrank(buyer);
        token.approve(address(exchange), price);
        exchange.buy(0, 0, epoch, units, price);
        vm.stopPrank();
    }

    function buyer_buysBySignature(uint256 from, uint256 units) external act {
        (address buyer, uint256 balance) = _payer(from);
        units = bound(units, 1, 20);
        uint256 price = exchange.priceOf(0, units);
        require(price <= balance, "too dear");
        uint256 epoch = _offerMore(units);
        bytes32 salt = bytes32(_salt++);
        bytes32 nonce = exchange.purchaseNonce(0, 0, epoch, units, salt);
        Authorization memory payment =
            _signPayment("Receive", keyOf[buyer], _payment(buyer, address(exchange), price, nonce));
        _consents(buyer);
        vm.prank(relayer);
        exchange.buyWithAuthorization(0, 0, epoch, units, salt, payment);
    }

    function operator_settles(uint256 seed, uint256 part) external act {
        (uint256 number, Voucher memory voucher) = _voucher(seed, true);
        uint256 delivered = bound(part, uint256(voucher.delivered) + 1, voucher.units);
        bytes memory receipt = _sign(keyOf[exchange.ownerOf(number)], exchange.receiptDigest(number, delivered));
        _consents(address(exchange));
        (uint256 gone, uint256 given) = (token.recycled(), vault.recirculated());
        vm.prank(operator);
        exchange.settle(number, delivered, receipt);
        recycledGhost += token.recycled() - gone;
        recirculated += vault.recirculated() - given;
    }

    function operator_settlesForged(uint256 seed) external act {
        (uint256 number, Voucher memory voucher) = _voucher(seed, true);
        bytes memory receipt = _sign(keyOf[_person(seed)] + 1, exchange.receiptDigest(number, voucher.units));
        bytes memory data = abi.encodeCall(exchange.settle, (number, voucher.units, receipt));
        _refused(11, operator, address(exchange), data, "settled against a forged receipt");
    }

    function buyer_handsOn(uint256 seed, uint256 to) external act {
        (uint256 number,) = _voucher(seed, false);
        address holder = exchange.ownerOf(number);
        vm.prank(holder);
        exchange.transferFrom(holder, _person(to), number);
    }

    function buyer_isRefunded(uint256 seed) external act {
        (uint256 number, Voucher memory voucher) = _voucher(seed, false);
        uint256 expiry = exchange.expiryOf(voucher.epoch);
        if (block.timestamp <= expiry) vm.warp(expiry + 1);
        _consents(address(exchange));
        vm.prank(stranger);
        exchange.refund(number);
    }

    /// @dev A voucher that somebody holds, from a place on; `live`, one that can still be delivered on.
    function _voucher(uint256 seed, bool live) private view returns (uint256 number, Voucher memory voucher) {
        uint256 count = exchange.voucherCount();
        for (uint256 i = 0; i < count; ++i) {
            number = (seed % count + i) % count;
            voucher = exchange.voucherOf(number);
            bool usable = voucher.delivered < voucher.units && block.timestamp <= exchange.expiryOf(voucher.epoch);
            if (voucher.units != 0 && (!live || usable)) return (number, voucher);
        }
        revert("no such voucher");
    }

    /* TIME */

    function time_passes(uint256 span) external act {
        vm.warp(block.timestamp + bound(span, 1, HOUR));
    }
}
