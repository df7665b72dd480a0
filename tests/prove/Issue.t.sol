// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {VaultProver} from "./VaultProver.sol";

/// @title IssueProof
/// @dev The vault in any state whatever, its authority one that lets everybody do everything.
contract IssueProof is VaultProver {
    /// @dev Where `_terms` begins: after the authority, `_flow`, `_totals` and `_recirculated`. Were it elsewhere, nothing
    /// could be distributed, and the theorems about it would say so.
    uint256 private constant TERMS = 4;

    function setUp() public override {
        super.setUp();
        svm.enableSymbolicStorage(address(vault));
        // The first slot: OpenZeppelin's `AccessManaged`. Any authority would do; this one can be called.
        vm.store(address(vault), 0, bytes32(uint256(uint160(address(manager)))));
        // So for the terms, but for the rate: one policy and source, from the first epoch to the last.
        vm.store(address(vault), bytes32(TERMS), bytes32(uint256(type(uint32).max) << 192 | uint160(address(policy))));
        uint256 rate = svm.createUint(96, "rate");
        vm.store(address(vault), bytes32(TERMS + 1), bytes32(rate << 160 | uint160(address(source))));
    }

    /// No path raises supply but `distribute`, the vault's half: what is issued is not raised by any other call, by anybody,
    /// with any arguments, in any state. (A change of terms is tried with one policy and source: neither has a say in what
    /// is issued before a distribution asks them.)
    function check_anyOtherCall__raisesNoIssue(address caller, uint256 x, uint256 y, uint256 which, uint40 time)
        external
    {
        vm.assume(which < 8);
        vm.warp(time);
        uint256 issued = vault.issued();
        vm.prank(caller);
        (bool ok,) = address(vault).call(_calls(which, x, y));
        if (ok) assert(vault.issued() <= issued);
    }

    function _calls(uint256 which, uint256 x, uint256 y) private view returns (bytes memory) {
        if (which == 0) return abi.encodeCall(vault.admit, (x));
        if (which == 1) return abi.encodeCall(vault.dismiss, (x));
        if (which == 2) return abi.encodeCall(vault.unissue, (x, y));
        if (which == 3) return abi.encodeCall(vault.noteRecirculated, (x));
        if (which == 4) return abi.encodeCall(vault.halt, ());
        if (which == 5) return abi.encodeCall(vault.rearm, ());
        if (which == 6) return abi.encodeCall(vault.resume, ());
        return abi.encodeCall(vault.scheduleTerms, (address(policy), address(source), x));
    }

    /// Only token and citizen registry, here the prover, note, admit, dismiss and un-issue: everybody else is refused.
    function check_callsOfTheSuite__byOthers__refused(address caller, uint256 x, uint256 y, uint256 which) external {
        vm.assume(which < 4 && caller != address(this));
        vm.prank(caller);
        (bool ok,) = address(vault).call(_calls(which, x, y));
        assert(!ok);
    }

    /// A distribution, from any state, of any output, at any rate, writes no field beyond its width: the index does not
    /// fall, the epoch is the next, the headcount is what it was.
    function check_distribute__anyState__noFieldRunsOver(uint256 output, uint40 time) external {
        uint256 epoch = vault.nextEpoch();
        // Not so late that epochs are passed over, and before the last of all.
        vm.assume(epoch < type(uint32).max && time > epoch + 1 && time <= epoch + 2 + vault.expiryAge());
        vm.warp(time);
        source.set(output);
        (uint256 index, uint256 heads) = (vault.dividendIndex(), vault.headcount());
        try vault.distribute() returns (uint256 epochs) {
            // Zero where the brake holds the epoch.
            assert(vault.nextEpoch() == epoch + epochs && epochs <= 1);
            assert(vault.dividendIndex() >= index);
            assert(vault.headcount() == heads);
        } catch {}
    }
}
