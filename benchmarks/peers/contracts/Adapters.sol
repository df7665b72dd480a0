// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

// What a peer's contract needs beside it and its package does not hold.

/// @notice GoodDollar's contracts ask their DAO's controller for the DAO's account, and for nothing else.
contract DaoController {
    address public immutable avatar;

    constructor(address avatar_) {
        avatar = avatar_;
    }
}
