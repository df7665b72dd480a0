"""Logs: one JSON object a line on standard error, from this package and the libraries below it alike.

Nothing here logs a secret on purpose. What would be one all the same is taken out of every line: values under telling
names, and of a URL all but scheme, host and port, for access keys are in the rest.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED: Final = "***"

_SECRET_NAMES: Final = re.compile(r"pass(word|phrase)|secret|private|mnemonic|authorization|api_?key|credential", re.I)
_URL: Final = re.compile(r"(?P<scheme>https?|wss?)://(?:[^\s/@'\"]*@)?(?P<host>[^\s/?#'\"]+)(?P<rest>[/?#][^\s'\"]*)?")


def redacted(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A line without secrets. A processor of structlog."""
    for name, value in event.items():
        event[name] = REDACTED if _SECRET_NAMES.search(name) else _without_secrets(value)
    return event


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return _URL.sub(_place_of, value)
    if isinstance(value, dict):
        return {k: REDACTED if _SECRET_NAMES.search(str(k)) else _without_secrets(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_secrets(each) for each in value]
    return value


def _place_of(url: re.Match[str]) -> str:
    rest = f"/{REDACTED}" if (url["rest"] or "/") != "/" else url["rest"] or ""
    return f"{url['scheme']}://{url['host']}{rest}"


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    redacted,
]


def log_as_json(level: int = logging.INFO) -> None:
    """Set up logging for a process. Libraries are heard from warnings upwards only: httpx, for one, logs URLs."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    renderer = structlog.processors.JSONRenderer()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=_SHARED))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("sbi").setLevel(level)
