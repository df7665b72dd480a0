// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {VaultProver} from "./VaultProver.sol";

/// @title IssueProof
/// @dev The vault in any state whatever, its authority one that lets everybody do everything.
contract IssueProof is VaultProver {
    function setUp() public override {
        super.setUp();
        svm.enableSymbolicStorage(address(vault));
        // The first slot: OpenZeppelin's `AccessManaged`. Any authority would do; this one can be called.
        vm.store(address(vault), 0, bytes32(uint256(uint160(address(manager)))));
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
}
