"""Configuration files in TOML: strict models, unknown keys refused with their path, nothing given ever repeated.

Relative paths start at the file's own folder.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    ValidationError,
    ValidationInfo,
)

from sbi_network.chain.errors import SettingsError
from sbi_network.chain.keys import KeystoreSigner
from sbi_network.protocol.address import check_address
from sbi_network.protocol.typed_data import Address

M = TypeVar("M", bound=BaseModel)


_FORMS = frozenset({"<one>", "<several>", "<keystore>", "<remote>"})
"""Tags of what may be given in two forms."""


def from_folder(path: Path, info: ValidationInfo) -> Path:
    """A path that starts at the folder of the configuration file. A validator."""
    folder: Path = (info.context or {}).get("folder", Path())
    return folder / path.expanduser()


def _address(text: str) -> Address:
    return check_address("address", text)


def _http_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("http://", "https://")):
        raise ValueError("is not an http or https URL")
    return url


ConfiguredPath = Annotated[Path, AfterValidator(from_folder)]
"""A path that starts at the folder of the configuration file."""

ConfiguredAddress = Annotated[str, AfterValidator(_address)]
"""An address with its EIP-55 checksum."""

RpcUrl = Annotated[SecretStr, AfterValidator(_http_url)]
"""An endpoint's URL, which may hold an access key: shown and logged as stars."""

RpcUrls = Annotated[
    Annotated[RpcUrl, Tag("<one>")] | Annotated[list[RpcUrl], Field(min_length=1, max_length=16), Tag("<several>")],
    Discriminator(lambda given: "<several>" if isinstance(given, list) else "<one>"),
]
"""One URL, or a list of several."""

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


class Section(BaseModel):
    """A section of a configuration file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class RpcSettings(Section):
    """Where the chain is: one endpoint's URL, or a list of several of the same chain, the preferred one first.

    Without a `chain_id`, the chain is the one that most endpoints answer for at the start.
    """

    rpc_url: RpcUrls
    chain_id: int | None = Field(default=None, ge=1, le=2**63 - 1)

    @property
    def rpc_urls(self) -> list[str]:
        """The endpoints' URLs, secrets included."""
        given = self.rpc_url if isinstance(self.rpc_url, list) else [self.rpc_url]
        return [url.get_secret_value() for url in given]


class NetworkSettings(RpcSettings):
    """Where the chain is, and the registry on it."""

    registry: ConfiguredAddress

    @property
    def registry_address(self) -> Address:
        """The registry, known to be an address."""
        return check_address("registry", self.registry)


class KeySettings(Section):
    """An encrypted keystore and the file with its password."""

    keystore: ConfiguredPath
    password_file: ConfiguredPath

    def load(self) -> KeystoreSigner:
        """The signer. Raises KeyFileError."""
        return KeystoreSigner.load(self.keystore, self.password_file)


class RemoteKeySettings(Section):
    """An account of a remote signer that speaks web3signer's eth1 API."""

    url: RpcUrl
    address: ConfiguredAddress


AnyKeySettings = Annotated[
    Annotated[KeySettings, Tag("<keystore>")] | Annotated[RemoteKeySettings, Tag("<remote>")],
    Discriminator(lambda given: "<remote>" if isinstance(given, dict) and "url" in given else "<keystore>"),
]
"""A key: in a keystore file, or with a remote signer."""


def load_settings(model: type[M], path: Path) -> M:
    """Read a configuration file. Raises SettingsError, with one line for each thing that is wrong."""
    try:
        with path.open("rb") as file:
            given = tomllib.load(file)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, or brackets by the thousand
        raise SettingsError(f"{path}: is not TOML: {error}") from None
    try:
        return model.model_validate(given, context={"folder": path.parent, "name": path.stem})
    except ValidationError as error:
        raise SettingsError(_faults(path, error)) from None


def _faults(path: Path, error: ValidationError) -> str:
    """Never what was given: a password in the wrong place would end in a log."""
    known = {"extra_forbidden": "unknown key", "missing": "is missing"}
    return "\n".join(
        f"{path}: {_place(fault['loc'])}: {known.get(fault['type'], fault['msg'].removeprefix('Value error, '))}"
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    )


def _place(loc: tuple[int | str, ...]) -> str:
    """Where in the file, without which of several forms a section was taken for."""
    return ".".join(str(part) for part in loc if part not in _FORMS) or "the file"
