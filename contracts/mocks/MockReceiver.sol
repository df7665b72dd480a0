// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

/// @title MockReceiver
/// @dev A contract that is handed a voucher and misbehaves as told. For tests only.
contract MockReceiver {
    /// @dev `PassOn`: gives the voucher away before the transfer that brought it has ended.
    enum Behaviour {
        Accept,
        WrongAnswer,
        Revert,
        BurnGas,
        PassOn
    }

    Behaviour public immutable behaviour;
    address public immutable next;

    constructor(Behaviour behaviour_, address next_) {
        (behaviour, next) = (behaviour_, next_);
    }

    function onERC721Received(address, address, uint256 token, bytes calldata) external returns (bytes4) {
        if (behaviour == Behaviour.WrongAnswer) return 0xffffffff;
        if (behaviour == Behaviour.Revert) revert("no");
        if (behaviour == Behaviour.BurnGas) while (true) {}
        if (behaviour == Behaviour.PassOn) IERC721(msg.sender).transferFrom(address(this), next, token);
        return this.onERC721Received.selector;
    }
}
