"""oracle.toml.

load_oracle_settings    ├── whole → paths from the file's folder, defaults, no secret shown
                        └── unknown, missing or wrong keys, no TOML, no file → each with its path, nothing repeated
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sbi_network.chain.errors import SettingsError
from sbi_network.chain.settings import KeySettings
from sbi_network.oracle.config import load_oracle_settings

PEER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
WHOLE = f"""
state = "oracle.sqlite"
[network]
rpc_url = "https://node.example/SECRET"
registry = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[signing]
keystore = "keys/signing.json"
password_file = "/run/signing.password"
[sending]
keystore = "sending.json"
password_file = "sending.password"
[peers]
"{PEER}" = "http://peer.example:8700/"
[facilities]
0 = "http://facility.example"
"""


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "oracle.toml"
    path.write_text(text)
    return path


def test_load_oracle_settings__whole__is_read_from_its_folder(tmp_path: Path) -> None:
    settings = load_oracle_settings(_write(tmp_path, WHOLE))
    assert settings.state == tmp_path / "oracle.sqlite"
    assert isinstance(settings.signing, KeySettings)
    assert settings.signing.keystore == tmp_path / "keys/signing.json"
    assert settings.signing.password_file == Path("/run/signing.password")
    assert settings.peer_urls == {PEER: "http://peer.example:8700"}
    assert settings.facilities == {0: "http://facility.example"}
    assert settings.http.port == 8700
    assert "SECRET" not in repr(settings)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('state = "oracle.sqlite"', ""), "state: is missing"),
        (('state = "oracle.sqlite"', 'state = "s"\nmore = 1'), "more: unknown key"),
        (("[facilities]", "[timings]\nview = 1\n[facilities]"), "timings.view: unknown key"),
        (("[facilities]", "[timings]\nview_seconds = 0\n[facilities]"), "timings.view_seconds: "),
        (("[facilities]", "[timings]\nview_seconds = nan\n[facilities]"), "timings.view_seconds: "),
        (("https://node", "ftp://node"), "network.rpc_url: is not an http"),
        (("0x5FbDB", "0x5fbdb"), "network.registry: "),
        ((PEER, PEER.lower()), "peers."),
        (('0 = "http', '-1 = "http'), "facilities.-1"),
        (("http://facility.example", "facility.example"), "facilities.0: "),
    ],
)
def test_load_oracle_settings__one_thing_wrong__is_told_with_its_path(
    tmp_path: Path, change: tuple[str, str], expected: str
) -> None:
    path = _write(tmp_path, WHOLE.replace(*change))
    with pytest.raises(SettingsError) as caught:
        load_oracle_settings(path)
    assert str(path) in str(caught.value)
    assert expected in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_load_oracle_settings__no_file_or_no_toml__is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", _write(tmp_path, "= 1")):
        with pytest.raises(SettingsError, match=path.name):
            load_oracle_settings(path)
