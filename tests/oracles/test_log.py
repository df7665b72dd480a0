"""Log lines without secrets.

redacted    ├── a telling name, at any depth → its value is gone
            ├── a URL in any text → scheme, host and port stay
            └── all else → as it was
log_as_json └── ours, libraries' and tracebacks alike → redacted JSON
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from sbi_network.log import redacted


def _line(**event: Any) -> dict[str, Any]:
    return dict(redacted(None, "info", event))


@pytest.mark.parametrize("name", ["password", "private_key", "mnemonic", "API_KEY", "client_secret", "Authorization"])
def test_redacted__a_telling_name__has_no_value(name: str) -> None:
    assert _line(**{name: "hunter2"}) == {name: "***"}
    assert _line(settings={"deep": [{name: "hunter2"}]}) == {"settings": {"deep": [{name: "***"}]}}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("at https://node.example/v3/KEY: no answer", "at https://node.example/*** no answer"),
        ("wss://me:KEY@node.example:8546", "wss://node.example:8546"),
        ("https://node.example?key=KEY", "https://node.example/***"),
        ("'http://node.example/KEY'", "'http://node.example/***'"),
        ("http://127.0.0.1:8701/", "http://127.0.0.1:8701/"),
        ("http://127.0.0.1:8701", "http://127.0.0.1:8701"),
    ],
)
def test_redacted__a_url__keeps_its_place_alone(given: str, kept: str) -> None:
    assert _line(reason=given, more=(given, 1)) == {"reason": kept, "more": [kept, 1]}


def test_redacted__all_else__stays() -> None:
    event = {"event": "sent", "hash": "0x" + "1" * 64, "epoch": 7, "key": "31337/0x/7/distribute", "none": None}
    assert _line(**event) == event


PROGRAM = """
import logging
import structlog
from sbi_network.log import log_as_json
log_as_json()
structlog.get_logger("sbi.x").info("ours", url="http://a.example/KEY", password="KEY")
logging.getLogger("httpx").warning("theirs http://a.example/KEY")
try:
    raise ValueError("at http://a.example/KEY")
except ValueError:
    structlog.get_logger("sbi.x").exception("broken")
"""


def test_log_as_json__ours_and_theirs__hold_no_secret() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["ours", "theirs http://a.example/***", "broken"]
    assert "ValueError: at http://a.example/***" in lines[2]["exception"]
    assert "KEY" not in done.stderr
