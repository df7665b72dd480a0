// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IComputeOracleRegistry} from "../../contracts/interfaces/IComputeOracleRegistry.sol";
import {IPullPayments} from "../../contracts/interfaces/IPullPayments.sol";
import {Bond, ISignerBonds} from "../../contracts/interfaces/ISignerBonds.sol";
import {SuiteTest} from "./SuiteTest.sol";

/// @dev Takes its payment by calling back, or refuses it.
contract Payee {
    ISignerBonds private immutable bonds;
    bool private immutable refuses;

    constructor(ISignerBonds bonds_, bool refuses_) {
        (bonds, refuses) = (bonds_, refuses_);
    }

    function withdraw() external {
        bonds.withdraw();
    }

    receive() external payable {
        if (refuses) revert("no");
        bonds.withdraw();
    }
}

/// Branches covered here.
///
/// constructor: no required bond (BondTooSmall), half as reward (RewardTooHigh), a short lock (LockTooShort); edges
/// bond
/// ├── nothing (BondTooSmall); without consent or with another's (InvalidSignature); past 112 bits (AboveField)
/// ├── stands at the required bond, at once or by topping up, and not below
/// ├── by another than the owner (NotBondOwner); while it unlocks (BondUnlocking); slashed (SignerIsSlashed)
/// └── a reading key's; of any amount; an event each
/// unbond: by another (NotBondOwner); twice (BondUnlocking); ends the standing at once
/// withdrawBond: in force (BondInForce); too soon (BondLocked) and at the very second; frees it for a new one
/// slash
/// ├── by another than the epoch's disputes (NotDisputes); of an epoch ahead (EpochNotBegun)
/// ├── takes all, ends the standing, pays its part, rounded down; while unlocking; below the required bond; none
/// └── twice (SignerIsSlashed)
/// withdraw: nothing (NothingDue), refused (PaymentRefused), called back
/// bondDigest, eip712Domain: EIP-712
contract SignerBondsTest is SuiteTest {
    uint256 private constant KEY = uint256(keccak256("a signer"));
    address private signer = vm.addr(KEY);

    function _consent(address owner) private view returns (bytes memory) {
        return _sign(KEY, bonds.bondDigest(signer, owner));
    }

    /// @dev The bonds' owner adds to a bond, without a signature.
    function _add(uint256 amount) private {
        vm.deal(bondOwner, amount);
        vm.prank(bondOwner);
        bonds.bond{value: amount}(signer, "");
    }

    function _unbond() private {
        vm.prank(bondOwner);
        bonds.unbond(signer);
    }

    function _slash(address reporter) private {
        vm.prank(address(disputes));
        bonds.slash(signer, reporter, 0);
    }

    function _bondIs(address owner, uint256 unlocksAt, bool slashed, uint256 amount) private view {
        Bond memory held = bonds.bondOf(signer);
        assertEq(held.owner, owner);
        assertEq(held.unlocksAt, unlocksAt);
        assertEq(held.slashed, slashed);
        assertEq(held.amount, amount);
    }

    /* CONSTRUCTION */

    function test_constructor__deployed__holdsItsTerms() public view {
        assertEq(address(bonds.registry()), address(oracles));
        assertEq(bonds.requiredBond(), 10 ether);
        assertEq(bonds.rewardBps(), 4000);
        assertEq(bonds.lockTime(), 7500);
        assertEq(bonds.forfeited(), 0);
    }

    function test_constructor__noRequiredBond__refused() public {
        _expectCreateReverts(
            abi.encodeWithSelector(ISignerBonds.BondTooSmall.selector, 0, 1),
            "SignerBonds",
            abi.encode(oracles, 0, 4000, LOCK)
        );
    }

    function test_constructor__halfAsReward__refused() public {
        _expectCreateReverts(
            abi.encodeWithSelector(ISignerBonds.RewardTooHigh.selector, 5000, 4999),
            "SignerBonds",
            abi.encode(oracles, 1, 5000, LOCK)
        );
        _create("SignerBonds", abi.encode(oracles, 1, 4999, LOCK));
    }

    function test_constructor__aLockBelowFinalityAndAnEpoch__refused() public {
        // 1,800 + 600 + 900 s, and an epoch of 3,600 s.
        _expectCreateReverts(
            abi.encodeWithSelector(ISignerBonds.LockTooShort.selector, 6899, 6900),
            "SignerBonds",
            abi.encode(oracles, 1, 4000, 6899)
        );
        _create("SignerBonds", abi.encode(oracles, 1, 4000, 6900));
    }

    /* BONDING */

    function test_bond__withConsent__makesTheSignerStand() public {
        bytes memory consent = _consent(bondOwner);
        vm.deal(bondOwner, 10 ether);
        vm.expectEmit(address(bonds));
        emit ISignerBonds.SignerBonded(signer, bondOwner, 10 ether, 10 ether);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.StandingChanged(signer, true);
        vm.prank(bondOwner);
        bonds.bond{value: 10 ether}(signer, consent);
        _bondIs(bondOwner, 0, false, 10 ether);
        assertTrue(oracles.stands(signer));
        assertEq(address(bonds).balance, 5 * BOND);
    }

    function test_bond__belowWhatIsRequired__standsOnceItIsReached() public {
        _bond(KEY, 10 ether - 1);
        assertFalse(oracles.stands(signer));
        _add(1);
        assertTrue(oracles.stands(signer));
        // One that stands is not told of again.
        vm.recordLogs();
        _add(5 ether);
        assertEq(vm.getRecordedLogs().length, 1);
        _bondIs(bondOwner, 0, false, 15 ether);
    }

    function test_bond__ofNothing__refused() public {
        bytes memory consent = _consent(bondOwner);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.BondTooSmall.selector, 0, 1));
        vm.prank(bondOwner);
        bonds.bond(signer, consent);
    }

    function test_bond__withoutConsent__refused() public {
        bytes memory consent = _consent(bondOwner);
        bytes32 digest = bonds.bondDigest(signer, stranger);
        vm.deal(stranger, BOND);
        // Consent to another owner is none to this one.
        vm.expectRevert(_refusedSignature(signer, _recover(digest, consent)));
        vm.prank(stranger);
        bonds.bond{value: BOND}(signer, consent);
        vm.expectRevert(_refusedSignature(signer, address(0)));
        vm.prank(stranger);
        bonds.bond{value: BOND}(signer, "");
    }

    function test_bond__ofAnother__refused() public {
        _bond(KEY, BOND);
        bytes memory consent = _consent(stranger);
        vm.deal(stranger, BOND);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.NotBondOwner.selector, stranger, bondOwner));
        vm.prank(stranger);
        bonds.bond{value: BOND}(signer, consent);
    }

    function test_bond__whileItUnlocks__refused() public {
        _bond(KEY, BOND);
        _unbond();
        uint256 unlocksAt = block.timestamp + LOCK;
        vm.deal(bondOwner, 1);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.BondUnlocking.selector, signer, unlocksAt));
        vm.prank(bondOwner);
        bonds.bond{value: 1}(signer, "");
    }

    function test_bond__pastTheField__refused() public {
        _bond(KEY, type(uint112).max);
        vm.deal(bondOwner, 1);
        vm.expectRevert(_aboveField(uint256(type(uint112).max) + 1, type(uint112).max));
        vm.prank(bondOwner);
        bonds.bond{value: 1}(signer, "");
    }

    /// A contract wallet consents by its own rule; its signatures still count by ECDSA alone.
    function test_bond__ofAReadingKey__needsNoLeastAmount() public {
        _bond(KEY, 1);
        _bondIs(bondOwner, 0, false, 1);
        assertFalse(oracles.stands(signer));
    }

    /* GIVING UP */

    function test_unbond__byItsOwner__endsTheStandingAtOnce() public {
        _bond(KEY, BOND);
        uint256 unlocksAt = block.timestamp + 7500;
        vm.expectEmit(address(bonds));
        emit ISignerBonds.SignerUnbonded(signer, unlocksAt);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.StandingChanged(signer, false);
        _unbond();
        _bondIs(bondOwner, unlocksAt, false, BOND);
        assertFalse(oracles.stands(signer));
    }

    function test_unbond__byAnother__refused() public {
        _bond(KEY, BOND);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.NotBondOwner.selector, signer, bondOwner));
        vm.prank(signer);
        bonds.unbond(signer);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.NotBondOwner.selector, bondOwner, address(0)));
        vm.prank(bondOwner);
        bonds.unbond(stranger);
    }

    function test_unbond__thatDidNotStand__isNotToldOf() public {
        _bond(KEY, BOND - 1);
        vm.recordLogs();
        _unbond();
        assertEq(vm.getRecordedLogs().length, 1);
    }

    function test_unbond__twice__refused() public {
        _bond(KEY, BOND);
        _unbond();
        uint256 unlocksAt = block.timestamp + 7500;
        vm.warp(block.timestamp + 1);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.BondUnlocking.selector, signer, unlocksAt));
        _unbond();
    }

    function test_withdrawBond__inForce__refused() public {
        _bond(KEY, BOND);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.BondInForce.selector, signer));
        vm.prank(bondOwner);
        bonds.withdrawBond(signer);
    }

    function test_withdrawBond__byAnother__refused() public {
        _bond(KEY, BOND);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.NotBondOwner.selector, stranger, bondOwner));
        vm.prank(stranger);
        bonds.withdrawBond(signer);
    }

    function test_withdrawBond__onceUnlocked__isDueAndFreesTheSigner() public {
        _bond(KEY, BOND);
        _unbond();
        uint256 unlocksAt = block.timestamp + LOCK;
        vm.warp(unlocksAt - 1);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.BondLocked.selector, unlocksAt, unlocksAt - 1));
        vm.prank(bondOwner);
        bonds.withdrawBond(signer);

        vm.warp(unlocksAt);
        vm.expectEmit(address(bonds));
        emit ISignerBonds.BondFreed(signer, bondOwner, BOND);
        vm.prank(bondOwner);
        bonds.withdrawBond(signer);
        _bondIs(address(0), 0, false, 0);
        assertEq(bonds.due(bondOwner), BOND);

        vm.expectEmit(address(bonds));
        emit IPullPayments.PaymentWithdrawn(bondOwner, BOND);
        vm.prank(bondOwner);
        bonds.withdraw();
        assertEq(bondOwner.balance, BOND);
        assertEq(bonds.due(bondOwner), 0);
        // Another may now bond it, if the signer consents.
        bytes memory consent = _consent(stranger);
        vm.deal(stranger, BOND);
        vm.prank(stranger);
        bonds.bond{value: BOND}(signer, consent);
        _bondIs(stranger, 0, false, BOND);
    }

    /// What is due is a sum, of whatever it came from.
    function test_withdrawBond__withSomethingDueAlready__addsToIt() public {
        _bond(KEY, BOND);
        _unbond();
        vm.warp(block.timestamp + LOCK);
        vm.prank(bondOwner);
        bonds.withdrawBond(signer);
        _bond(KEY, BOND);
        _unbond();
        vm.warp(block.timestamp + LOCK);
        vm.prank(bondOwner);
        bonds.withdrawBond(signer);
        assertEq(bonds.due(bondOwner), 2 * BOND);
    }

    /* SLASHING */

    function test_slash__byTheDisputes__takesAllAndPaysItsPart() public {
        _bond(KEY, BOND + 1);
        vm.expectEmit(address(bonds));
        emit ISignerBonds.SignerSlashed(signer, stranger, 0, 10 ether + 1, 4 ether);
        vm.expectEmit(address(oracles));
        emit IComputeOracleRegistry.StandingChanged(signer, false);
        _slash(stranger);
        _bondIs(address(0), 0, true, 0);
        assertTrue(bonds.isSlashed(signer));
        assertFalse(oracles.stands(signer));
        assertEq(bonds.due(stranger), 4 ether);
        assertEq(bonds.forfeited(), 6 ether + 1);
    }

    function test_slash__whileUnlocking__takesItAllTheSame() public {
        _bond(KEY, BOND);
        _unbond();
        vm.warp(block.timestamp + LOCK);
        vm.recordLogs();
        _slash(stranger);
        // It no longer stood: the slashing is all that happened.
        assertEq(vm.getRecordedLogs().length, 1);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.NotBondOwner.selector, bondOwner, address(0)));
        vm.prank(bondOwner);
        bonds.withdrawBond(signer);
        assertEq(bonds.due(stranger), 4 ether);
    }

    function test_slash__withoutABond__marksAndPaysNothing() public {
        vm.expectEmit(address(bonds));
        emit ISignerBonds.SignerSlashed(signer, stranger, 0, 0, 0);
        _slash(stranger);
        assertTrue(bonds.isSlashed(signer));
        assertEq(bonds.due(stranger), 0);
        bytes memory consent = _consent(bondOwner);
        vm.deal(bondOwner, BOND);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.SignerIsSlashed.selector, signer));
        vm.prank(bondOwner);
        bonds.bond{value: BOND}(signer, consent);
    }

    function test_slash__twice__refused() public {
        _bond(KEY, BOND);
        _slash(stranger);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.SignerIsSlashed.selector, signer));
        _slash(stranger);
        assertEq(bonds.due(stranger), 4 ether);
    }

    function test_slash__byAnother__refused() public {
        _bond(KEY, BOND);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.NotDisputes.selector, address(timelock), address(disputes)));
        vm.prank(address(timelock));
        bonds.slash(signer, stranger, 0);
    }

    /// A disputes contract that is scheduled, but not in force, slashes nobody.
    function test_slash__ofAnEpochAhead__refused() public {
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.EpochNotBegun.selector, 1, 1));
        vm.prank(address(disputes));
        bonds.slash(signer, stranger, 1);
        // Before genesis that is every epoch: the first configuration may still change.
        vm.warp(GENESIS - 1);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.EpochNotBegun.selector, 0, 0));
        vm.prank(address(disputes));
        bonds.slash(signer, stranger, 0);
    }

    function test_slash__eachConfigurationsDisputes__forItsOwnEpochs() public {
        address next = address(new Payee(bonds, true));
        address[] memory set = _oracleSet("oracle", 4);
        _asGovernor();
        oracles.scheduleConfig(set, settings.weightsX16, _verifiersWith(next), 1);
        _bond(KEY, BOND);
        _warpTo(1);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.NotDisputes.selector, address(disputes), next));
        vm.prank(address(disputes));
        bonds.slash(signer, stranger, 1);
        vm.expectRevert(abi.encodeWithSelector(ISignerBonds.NotDisputes.selector, next, address(disputes)));
        vm.prank(next);
        bonds.slash(signer, stranger, 0);
        vm.prank(next);
        bonds.slash(signer, stranger, 1);
    }

    function testFuzz_slash__anyBond__losesNoWei(uint112 amount, uint256 later) public {
        uint256 put = bound(amount, 1, type(uint112).max);
        uint256 before = address(bonds).balance;
        _bond(KEY, put);
        if (later % 2 == 1) _unbond();
        _slash(stranger);
        uint256 reward = bonds.due(stranger);
        assertEq(reward + bonds.forfeited(), put);
        assertLe(reward * 10_000, put * 4000);
        assertGt((reward + 1) * 10_000, put * 4000);
        if (reward != 0) {
            vm.prank(stranger);
            bonds.withdraw();
        }
        assertEq(address(bonds).balance, before + bonds.forfeited());
    }

    /* PAYMENTS */

    function test_withdraw__nothing__refused() public {
        vm.expectRevert(abi.encodeWithSelector(IPullPayments.NothingDue.selector, stranger));
        vm.prank(stranger);
        bonds.withdraw();
    }

    function test_withdraw__refusedByItsReceiver__staysDue() public {
        Payee payee = new Payee(bonds, true);
        _bond(KEY, BOND);
        _slash(address(payee));
        vm.expectRevert(abi.encodeWithSelector(IPullPayments.PaymentRefused.selector, address(payee), 4 ether));
        payee.withdraw();
        assertEq(bonds.due(address(payee)), 4 ether);
    }

    /// Called back, it has nothing more to give.
    function test_withdraw__calledBack__paysOnce() public {
        Payee payee = new Payee(bonds, false);
        _bond(KEY, BOND);
        _slash(address(payee));
        vm.expectRevert(abi.encodeWithSelector(IPullPayments.PaymentRefused.selector, address(payee), 4 ether));
        payee.withdraw();
        assertEq(address(bonds).balance, 5 * BOND);
    }

    /* DIGEST */

    function testFuzz_bondDigest__anybody__isEip712(address who, address owner) public view {
        bytes32 typehash = keccak256("Bond(address signer,address owner)");
        assertEq(
            bonds.bondDigest(who, owner),
            _digest("SignerBonds", address(bonds), keccak256(abi.encode(typehash, who, owner)))
        );
    }

    function test_eip712Domain__always__describesTheDomain() public view {
        (, string memory name, string memory version, uint256 chainId, address at,,) = bonds.eip712Domain();
        assertEq(name, "SignerBonds");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(at, address(bonds));
    }
}
