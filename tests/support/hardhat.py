"""Hardhat's node as a network of Ape: `-p tests.support.hardhat --network ethereum:local:hardhat`.

Ape's own plugin for it (ape-hardhat, last released in 2024) wants Hardhat in the project's own `node_modules` and its
JavaScript parsed by one more package. Hardhat speaks what Anvil does, under names of its own: so this is ape-foundry's
provider with another process and those names.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ape import plugins
from ape.exceptions import ContractLogicError, VirtualMachineError
from ape.plugins.network import ProviderPlugin
from ape.plugins.pluggy_patch import plugin_manager
from ape_foundry.provider import FoundryNetworkConfig, FoundryProvider
from web3 import HTTPProvider, Web3
from web3.gas_strategies.rpc import rpc_gas_price_strategy

from tests.rehearsal.nodes import MODULES, hardhat_command

NAME = "hardhat"
FOLDER = Path(__file__).resolve().parents[2] / "build" / "hardhat"
_NAMES = {"anvil_setAutomine": "evm_setAutomine", "anvil_getAutomine": "hardhat_getAutomine"}
_RETURNED = re.compile(r"\(return data: (0x[0-9a-f]*)\)")
"""A custom error, in the words of a node that has no ABI to name it by."""


class HardhatProvider(FoundryProvider):
    """A Hardhat node of its own, thrown away with the tests."""

    NAME: ClassVar[str | None] = NAME

    @property
    def process_name(self) -> str:
        return "Hardhat's node"

    @cached_property
    def settings(self) -> FoundryNetworkConfig:
        return FoundryNetworkConfig(host="auto", process_attempts=5)

    def start(self, timeout: int = 120) -> None:
        super().start(timeout)

    def build_command(self) -> list[str]:
        if not MODULES.is_dir():
            raise FileNotFoundError(f"{MODULES}: Hardhat is not installed; `make test-hardhat` does it")
        accounts = {
            "mnemonic": self.mnemonic,
            "path": "m/44'/60'/0'/0",
            "count": self.number_of_accounts,
            "accountsBalance": str(self._test_config.balance),
        }
        network = {"chainId": 31337, "accounts": accounts, "initialBaseFeePerGas": 0, "gasPrice": 0}
        return hardhat_command(FOLDER / str(self._port), int(self._port or 0), network)

    def disconnect(self) -> None:
        folder = FOLDER / str(self._port)
        super().disconnect()  # type: ignore[no-untyped-call]
        shutil.rmtree(folder, ignore_errors=True)

    def make_request(self, rpc: str, parameters: Iterable[Any] | None = None) -> Any:
        return super().make_request(_NAMES.get(rpc, rpc.replace("anvil_", "hardhat_")), parameters)

    def _set_web3(self) -> None:
        web3 = Web3(HTTPProvider(self.uri, request_kwargs={"timeout": self.timeout}))
        self._web3 = None
        if web3.is_connected() and "hardhat" in web3.client_version.lower():
            web3.eth.set_gas_price_strategy(rpc_gas_price_strategy)
            self._web3 = web3

    def get_virtual_machine_error(self, exception: Exception, **kwargs: Any) -> VirtualMachineError:
        returned = _RETURNED.search(str(exception))
        if returned:
            # As the base class has it, but for the trace that it shows: Hardhat has no `trace_transaction`.
            bare = ContractLogicError(base_err=exception, revert_message=returned[1], **kwargs)
            enriched: VirtualMachineError = self.compiler_manager.enrich_error(bare)
            return enriched
        return super().get_virtual_machine_error(exception, **kwargs)


@plugins.register(ProviderPlugin)
def providers() -> Any:
    """What Ape asks a plugin for."""
    yield "ethereum", "local", HardhatProvider


if not plugin_manager.has_plugin(NAME):
    plugin_manager.register(sys.modules[__name__], name=NAME)
