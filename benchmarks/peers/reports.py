"""Oracles that bring a signed report to a chain: Chainlink's and API3's published contracts."""

from __future__ import annotations

from typing import Final

from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from benchmarks.peers.node import OFFICE, Figure, Node
from benchmarks.peers.packages import Built, compiled, published_factory

CHAINLINK: Final = "@chainlink/contracts"
API3: Final = "@api3/contracts"
ORACLES: Final = 31
FAULTS: Final = 10
QUORUM: Final = 2 * FAULTS + 1

_ROUNDS: Final = 3
_OUTPUT: Final = 200_000
_DON: Final = 1
_CONFIG_VERSION: Final = 1
_WORKFLOW_NAME: Final = b"income----"
_WORKFLOW_OWNER: Final = HexBytes(keccak(text="workflow owner")[12:])
_FEED: Final = bytes([1]) + keccak(text="feed")[1:7] + bytes([0x32]) + bytes(8)
"""A feed's number: its eighth byte says a decimal report of 18 digits."""


def oracles() -> list[LocalAccount]:
    """Keys that are the same in every run."""
    return [Account.from_key(keccak(text=f"peers oracle {i}")) for i in range(ORACLES)]


def measure_chainlink(node: Node) -> dict[str, Figure]:
    """A report of one decimal through the Keystone forwarder into the data feeds' cache, f + 1 of 3f + 1 signing."""
    forwarder = node.deploy(_chainlink("keystone/KeystoneForwarder.sol", "0.8.24", 1_000_000))
    cache = node.deploy(_chainlink("data-feeds/DataFeedsCache.sol", "0.8.26", 10_000))
    signers = oracles()
    node.send(forwarder.functions.setConfig(_DON, _CONFIG_VERSION, FAULTS, [signer.address for signer in signers]))
    node.send(cache.functions.setFeedAdmin(OFFICE, True))
    allowed = [(forwarder.address, _WORKFLOW_OWNER, _WORKFLOW_NAME)]
    node.send(cache.functions.setDecimalFeedConfigs([_FEED], ["output"], allowed))
    gas = 0
    for epoch in range(_ROUNDS):
        report, context = _keystone_report(node.now(), epoch), bytes(96)
        digest = keccak(keccak(report) + context)
        signatures = [_signature(signer, digest) for signer in signers[: FAULTS + 1]]
        gas = node.send(forwarder.functions.report(cache.address, report, context, signatures))
        assert cache.functions.getLatestAnswer(_FEED).call() == _OUTPUT + epoch, "the cache did not take the report"
    did = f"`KeystoneForwarder.report` into `DataFeedsCache`: {FAULTS + 1} signatures of {ORACLES}"
    return {"report": Figure(gas, did), "report_11": Figure(gas, did)}


def _chainlink(source: str, compiler: str, runs: int) -> Built:
    """As the package's own foundry.toml says."""
    settings = {
        "optimizer": {"enabled": True, "runs": runs},
        "evmVersion": "paris",
        "metadata": {"bytecodeHash": "none"},
    }
    name = source.rsplit("/", 1)[-1].removesuffix(".sol")
    return compiled(f"{CHAINLINK}/src/v0.8/{source}", compiler, settings)[name]


def _keystone_report(now: int, epoch: int) -> bytes:
    """The forwarder's header, and a decimal report of one feed."""
    header = b"".join(
        (
            bytes([1]),
            keccak(text=f"execution {epoch}"),
            now.to_bytes(4),
            _DON.to_bytes(4),
            _CONFIG_VERSION.to_bytes(4),
            keccak(text="workflow"),
            _WORKFLOW_NAME,
            _WORKFLOW_OWNER,
            bytes([0, 1]),
        )
    )
    return header + encode(["(bytes32,uint32,uint224)[]"], [[(_FEED + bytes(16), now, _OUTPUT + epoch)]])


def _signature(signer: LocalAccount, digest: bytes) -> bytes:
    """65 bytes, the last of them 0 or 1."""
    return PrivateKey(signer.key).sign_msg_hash(digest).to_bytes()


def measure_api3(node: Node) -> dict[str, Figure]:
    """Each oracle's own signed value, and the median of them all, in one transaction."""
    factories = f"{API3}/dist/typechain-types/factories"
    roles = node.deploy(published_factory(f"{factories}/access/AccessControlRegistry__factory.js"))
    server = node.deploy(
        published_factory(f"{factories}/api3-server-v1/Api3ServerV1__factory.js"), roles.address, "admin", OFFICE
    )
    gas = 0
    for epoch in range(_ROUNDS):
        node.wait(60)
        calls, beacons = [], []
        for i, airnode in enumerate(oracles()[:QUORUM]):
            template, now, value = keccak(text="output"), node.now(), encode(["int256"], [_OUTPUT + epoch + i])
            digest = keccak(template + now.to_bytes(32) + value)
            signed = airnode.sign_message(encode_defunct(digest)).signature
            update = server.functions.updateBeaconWithSignedData(airnode.address, template, now, value, signed)
            calls.append(HexBytes(update._encode_transaction_data()))
            beacons.append(keccak(HexBytes(airnode.address) + template))
        calls.append(HexBytes(server.functions.updateBeaconSetWithBeacons(beacons)._encode_transaction_data()))
        gas = node.send(server.functions.multicall(calls))
        whole = keccak(encode(["bytes32[]"], [beacons]))
        assert server.functions.dataFeeds(whole).call()[0] == _OUTPUT + epoch + QUORUM // 2, "not the median"
    did = f"`multicall` of {QUORUM} signed values and their median, by `Api3ServerV1`"
    return {"report": Figure(gas, did)}
