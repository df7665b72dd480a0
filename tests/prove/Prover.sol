// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

interface Vm {
    function assume(bool condition) external pure;
    function prank(address sender) external;
    function warp(uint256 time) external;
    function load(address target, bytes32 slot) external view returns (bytes32 value);
    function store(address target, bytes32 slot, bytes32 value) external;
}

/// @dev Halmos's own: values that stand for every value of their type.
interface Svm {
    function createUint(uint256 bits, string memory name) external pure returns (uint256 value);
    function enableSymbolicStorage(address target) external;
}

/// @title Prover
/// @dev The ground of all theorems. Each `check_` function is one: it holds for every value of its arguments for which the
/// assumptions hold, or halmos shows values for which it does not.
abstract contract Prover {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    Svm internal constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));
}
