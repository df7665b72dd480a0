"""From a configured key to a signer that is ready, wherever the key is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from sbi_network.chain.errors import KeyFileError
from sbi_network.chain.keys import KeystoreSigner, Signer, is_open_to_others
from sbi_network.chain.locking import locked
from sbi_network.chain.settings import KeySettings, RemoteKeySettings
from sbi_network.protocol.address import check_address
from sbi_network.signer.remote import RemoteSigner


@asynccontextmanager
async def opened_signer(key: KeySettings | RemoteKeySettings, *, alone: bool = False) -> AsyncIterator[Signer]:
    """A signer, closed at the end of the block. `alone` locks the keystore: no other process sends with it meanwhile.

    Raises KeyFileError, LockedError. A remote signer is asked only once something is to be signed.
    """
    if isinstance(key, RemoteKeySettings):
        remote = RemoteSigner(key.url.get_secret_value(), check_address("address", key.address))
        try:
            yield remote
        finally:
            await remote.close()
        return
    with ExitStack() as stack:
        signer = load_private(key)
        if alone:
            stack.enter_context(locked(key.keystore, "key"))
        yield signer


def load_private(key: KeySettings) -> KeystoreSigner:
    """A keystore's signer. Raises KeyFileError, also where others than its user may read the password."""
    require_private(key.password_file)
    return key.load()


def require_private(path: Path) -> None:
    """Raises KeyFileError if other users of this machine may read a file."""
    try:
        is_open = is_open_to_others(path)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read ({error.strerror})") from None
    if is_open:
        raise KeyFileError(f"{path}: can be read by other users: chmod 600")
