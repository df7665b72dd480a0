"""The explorer's configuration file."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from sbi_network.chain.settings import ConfiguredPath, RpcUrl, Seconds, Section
from sbi_network.limits import VisitorLimits
from sbi_network.serving import HttpSettings

_KINDS = ("sqlite:///", "postgresql://", "postgresql+psycopg://")


def _database_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(_KINDS):
        raise ValueError(f"is not one of {', '.join(kind + '…' for kind in _KINDS)}")
    return url


def _public_url(url: str) -> str:
    if not url.startswith(("http://", "https://")) or any(sign in url for sign in " ;,'\""):
        raise ValueError("is not an http or https URL")
    return url.rstrip("/")


PublicUrl = Annotated[str, AfterValidator(_public_url)]


class NetworkSettings(Section):
    """The chain, and what is deployed on it."""

    rpc_url: RpcUrl
    deployment: ConfiguredPath
    """The record that `deploy` wrote: `scripts/_deployments/<chain id>.json`."""
    from_block: Annotated[int, Field(ge=0)] = 0
    """The block of the deployment, or one before it."""
    poll_seconds: Seconds = 1.0


class DatabaseSettings(Section):
    """Where the index is kept. The URL of a PostgreSQL may hold a password: shown and logged as stars."""

    url: Annotated[SecretStr, AfterValidator(_database_url)] = SecretStr("sqlite:///explorer.sqlite")


class ExplorerHttp(HttpSettings):
    """Where the explorer listens."""

    port: Annotated[int, Field(ge=1, le=65_535)] = 8600


class LimitSettings(VisitorLimits):
    """Of visitors, and of those who listen."""

    streams: Annotated[int, Field(ge=1, le=100_000)] = 2_000
    streams_per_address: Annotated[int, Field(ge=1, le=100_000)] = 16


class PageSettings(Section):
    """What the pages offer beside the chain's figures."""

    wallet_rpc_url: PublicUrl | None = None
    """An endpoint that visitors may use, where they hold a development account on a local chain."""
    relayer_url: PublicUrl | None = None
    """A relayer that sends signed payments for people without ether. Without one, the payer sends."""


class ExplorerSettings(Section):
    """`explorer.toml`."""

    network: NetworkSettings
    database: DatabaseSettings = DatabaseSettings()
    http: ExplorerHttp = ExplorerHttp()
    limits: LimitSettings = LimitSettings()
    pages: PageSettings = PageSettings()
    facilities: Annotated[dict[int, PublicUrl], Field(default_factory=dict)]
    """Facility number to its meter's URL: where readings are fetched, to be checked against the reported root."""
