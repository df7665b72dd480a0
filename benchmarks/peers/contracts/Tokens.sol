// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

import {ERC20 as OpenZeppelinERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC4626, IERC20} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {
    ERC20TransferAuthorization
} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20TransferAuthorization.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ERC20 as SoladyERC20} from "solady/src/tokens/ERC20.sol";

// The least token that each library gives: a supply, and nothing of its own.

contract OpenZeppelinToken is OpenZeppelinERC20 {
    constructor(address holder, uint256 supply) OpenZeppelinERC20("Income", "INC") {
        _mint(holder, supply);
    }
}

contract OpenZeppelinSignedToken is ERC20TransferAuthorization {
    constructor(address holder, uint256 supply) OpenZeppelinERC20("Income", "INC") EIP712("Income", "1") {
        _mint(holder, supply);
    }
}

contract OpenZeppelinVault is ERC4626 {
    constructor(IERC20 asset_) OpenZeppelinERC20("Share", "SHR") ERC4626(asset_) {}
}

contract SoladyToken is SoladyERC20 {
    constructor(address holder, uint256 supply) {
        _mint(holder, supply);
    }

    function name() public pure override returns (string memory) {
        return "Income";
    }

    function symbol() public pure override returns (string memory) {
        return "INC";
    }
}
