"""A remote signer: the client against request fixtures of the documented API and against the reference server.

client      ├── lists keys, asks for a signature over the preimage → as the fixtures have it; the account's signature
            ├── keys listed compressed, with or without the prefix → found
            └── no such key, an error, no signature, another's, too slow → SignerError, without the URL
server      ├── upcheck, keys, sign → as the fixtures have it
            ├── a key for messages asked for a transaction, or for any bytes → refused
            └── no key, no body, too long → 404, 400
settings    └── a keystore or a URL with an address, nothing of both
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from coincurve import PublicKey
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction

from sbi_network.chain.errors import KeyFileError, SettingsError, SignerError
from sbi_network.chain.keys import KeystoreSigner
from sbi_network.chain.settings import AnyKeySettings, KeySettings, RemoteKeySettings, Section, load_settings
from sbi_network.chain.transaction import Call, Fees, Transaction, transaction_hash
from sbi_network.http_pool import HttpPool
from sbi_network.protocol.address import check_address
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.messages import Bond, bonds_domain
from sbi_network.signer.app import HeldKey, build_app
from sbi_network.signer.opening import opened_signer
from sbi_network.signer.remote import RemoteSigner
from sbi_network.signer.settings import Kind

FIXTURES = json.loads((Path(__file__).parent / "eth1_signer_api.json").read_text())
ACCOUNT = Account.from_key(b"\7" * 32)
OTHER = Account.from_key(b"\x08" * 32)
CALL = Call(check_address("to", OTHER.address), "0x1234", 5)
TRANSACTION = Transaction(31337, 3, Fees(2 * 10**9, 10**9), 60_000, CALL)
MESSAGE = Bond(signer_=ACCOUNT.address, owner=OTHER.address)
DOMAIN = bonds_domain(31337, check_address("bonds", OTHER.address))


def _key() -> KeystoreSigner:
    return KeystoreSigner(ACCOUNT)


class Scripted:
    """A signer that answers as told and keeps what it was asked."""

    def __init__(self, answers: dict[str, tuple[int, str]], delay: float = 0) -> None:
        self.answers = answers
        self.delay = delay
        self.asked: list[tuple[str, str, Any]] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(self.delay)
        self.asked.append((request.method, request.url.path, json.loads(request.content or b"null")))
        status, text = self.answers.get(request.url.path, (404, ""))
        return httpx.Response(status, text=text)


@asynccontextmanager
async def _client(handler: Any, address: str = ACCOUNT.address) -> AsyncIterator[RemoteSigner]:
    signer = RemoteSigner("http://signer.invalid/SECRET"[: -len("/SECRET")], check_address("address", address), 0.2)
    signer._client = HttpPool(1, lambda: httpx.AsyncClient(transport=httpx.MockTransport(handler)))
    yield signer
    await signer.close()


def _sign(handler: Any, preimage: bytes = b"\x02abc") -> Any:
    async def play() -> Any:
        async with _client(handler) as signer:
            return await signer.sign(preimage)

    return asyncio.run(play())


def test_client__of_the_documented_api__asks_and_reads_as_the_fixtures() -> None:
    scripted = Scripted({each["path"]: (each["status"], each["answer"]) for each in FIXTURES})
    preimage = bytes.fromhex(FIXTURES[2]["body"]["data"][2:])
    signature = _sign(scripted, preimage)
    assert scripted.asked == [(each["method"], each["path"], each["body"]) for each in FIXTURES[1:]]
    assert signature.recover(keccak256(preimage)) == ACCOUNT.address


def test_server__of_the_documented_api__answers_as_the_fixtures() -> None:
    async def play() -> list[tuple[int, str]]:
        app = build_app([HeldKey(_key(), Kind.TRANSACTIONS)])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://signer") as client:
            answers = [await client.request(each["method"], each["path"], json=each["body"]) for each in FIXTURES]
        return [(answer.status_code, answer.text) for answer in answers]

    assert asyncio.run(play()) == [(each["status"], each["answer"]) for each in FIXTURES]


def _spelled(account: Any) -> list[str]:
    point = PublicKey.from_valid_secret(bytes(account.key))
    whole, short = point.format(compressed=False).hex(), point.format(compressed=True).hex()
    return [whole[2:], "0x" + whole[2:], whole, short, "0x" + short]


@pytest.mark.parametrize("name", _spelled(ACCOUNT))
def test_client__keys_in_any_spelling__are_found(name: str) -> None:
    async def play() -> str:
        listed = json.dumps(["0x12", _spelled(OTHER)[1], 5, name])
        async with _client(Scripted({"/api/v1/eth1/publicKeys": (200, listed)})) as signer:
            return await signer.find_key()

    assert asyncio.run(play()) == name


KEYS, SIGN = FIXTURES[1]["path"], FIXTURES[2]["path"]
LISTED = (200, FIXTURES[1]["answer"])
STRANGE = "0x" + OTHER.unsafe_sign_hash(keccak256(b"\x02abc")).signature.hex()


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({}, "404"),
        ({KEYS: (200, "[]")}, "none of its 0 keys"),
        ({KEYS: (200, "{}")}, "no JSON array"),
        ({KEYS: (200, "[" * 100_000)}, "no JSON array"),
        ({KEYS: (200, "x" * (2**20 + 1))}, "longer than"),
        ({KEYS: LISTED, SIGN: (500, "no")}, "500"),
        ({KEYS: LISTED, SIGN: (200, "0x12")}, "no signature"),
        ({KEYS: LISTED, SIGN: (200, "0x" + "ff" * 65)}, "no signature"),
        ({KEYS: LISTED, SIGN: (200, "<html>")}, "no signature"),
        ({KEYS: LISTED, SIGN: (200, STRANGE)}, "signed as"),
    ],
)
def test_client__no_signature_of_the_account__is_told(answers: dict[str, Any], told: str) -> None:
    with pytest.raises(SignerError, match=told) as caught:
        _sign(Scripted(answers))
    assert "signer.invalid" not in str(caught.value)


def test_client__too_slow__is_told() -> None:
    with pytest.raises(SignerError, match="no answer within"):
        _sign(Scripted({}, delay=1))


def _through_the_server(preimage: bytes, signs: Kind) -> Any:
    app = build_app([HeldKey(_key(), signs)])
    transport = httpx.ASGITransport(app)
    return _sign(transport.handle_async_request, preimage)


def test_transaction__signed_remotely__is_what_eth_account_would_send() -> None:
    signature = _through_the_server(TRANSACTION.preimage(), Kind.TRANSACTIONS)
    fields = {"chainId": 31337, "nonce": 3, "maxFeePerGas": 2 * 10**9, "maxPriorityFeePerGas": 10**9, "gas": 60_000}
    signed = ACCOUNT.sign_transaction({**fields, "to": CALL.to, "data": CALL.data, "value": 5, "type": 2})
    raw = TRANSACTION.signed(signature)
    assert raw == bytes(signed.raw_transaction)
    assert transaction_hash(raw) == "0x" + bytes(signed.hash).hex()
    assert keccak256(TRANSACTION.preimage()) == bytes(TypedTransaction.from_bytes(signed.raw_transaction).hash())


def test_message__signed_remotely__is_the_accounts() -> None:
    signature = _through_the_server(MESSAGE.preimage(DOMAIN), Kind.MESSAGES)
    assert signature == MESSAGE.sign(ACCOUNT, DOMAIN)
    assert MESSAGE.signer(signature, DOMAIN) == ACCOUNT.address


@pytest.mark.parametrize(
    ("preimage", "signs"),
    [
        (TRANSACTION.preimage(), Kind.MESSAGES),
        (MESSAGE.preimage(DOMAIN), Kind.TRANSACTIONS),
        (MESSAGE.preimage(DOMAIN) + b"\0", Kind.MESSAGES),
        (b"\x19Ethereum Signed Message:\n3abc", Kind.MESSAGES),
        (b"\1" * 32, Kind.TRANSACTIONS),
    ],
)
def test_server__not_what_the_key_is_for__is_refused(preimage: bytes, signs: Kind) -> None:
    with pytest.raises(SignerError, match="403"):
        _through_the_server(preimage, signs)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (SIGN[:-2], b'{"data": "0x02"}', 404),
        ("/api/v1/eth1/sign/%2e%2e", b'{"data": "0x02"}', 404),
        (SIGN, b"", 400),
        (SIGN, b'{"data": "0x0"}', 400),
        (SIGN, b"[" * 100_000, 400),
        (SIGN, b'{"data": "0x' + b"02" * 2**20 + b'"}', 400),
    ],
)
def test_server__bad_request__is_told(path: str, body: bytes, status: int) -> None:
    async def play() -> int:
        app = build_app([HeldKey(_key(), Kind.TRANSACTIONS)])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://signer") as client:
            return (await client.post(path, content=body)).status_code

    assert asyncio.run(play()) == status


class _File(Section):
    key: AnyKeySettings


def _read(folder: Path, text: str) -> Any:
    path = folder / "x.toml"
    path.write_text(f"[key]\n{text}\n")
    return load_settings(_File, path).key


def test_settings__of_either_kind__are_read(tmp_path: Path) -> None:
    assert isinstance(_read(tmp_path, 'keystore = "k"\npassword_file = "p"'), KeySettings)
    remote = _read(tmp_path, f'url = "http://127.0.0.1:9000"\naddress = "{ACCOUNT.address}"')
    assert isinstance(remote, RemoteKeySettings)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('keystore = "k"', "key.password_file: is missing"),
        ('url = "http://x"', "key.address: is missing"),
        ('url = "ftp://x"\naddress = "0x"', "key.url: is not an http"),
        ('url = "http://x"\nkeystore = "k"', "key.keystore: unknown key"),
    ],
)
def test_settings__half_of_either__are_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        _read(tmp_path, text)


def test_opened_signer__password_open_to_others__is_refused(tmp_path: Path) -> None:
    keystore, password = tmp_path / "k.json", tmp_path / "k.password"
    keystore.write_text(json.dumps(Account.encrypt(ACCOUNT.key, "pass", kdf="pbkdf2", iterations=2)))
    password.write_text("pass")
    key = KeySettings(keystore=keystore, password_file=password)

    async def play() -> str:
        async with opened_signer(key, alone=True) as signer:
            return signer.address

    password.chmod(0o644)
    with pytest.raises(KeyFileError, match="can be read by other users"):
        asyncio.run(play())
    password.chmod(0o600)
    assert asyncio.run(play()) == ACCOUNT.address
