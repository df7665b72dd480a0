"""Answers to those who only read: made once for each state of the index, kept while it lasts, and named by an ETag."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi.responses import Response
from pydantic import BaseModel

from sbi_network.explorer.models import Page

_MOST_KEPT: Final = 1_024
_MOST_KEPT_BYTES: Final = 64 * 1024 * 1024
JSON: Final = "application/json"
CSV: Final = "text/csv; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """A body, ready to be sent."""

    body: bytes
    media_type: str
    etag: str
    status: int = 200


class AnswerCache:
    """Answers of the present state, by what was asked. Whoever asks what is just being made waits for it."""

    def __init__(self) -> None:
        self._state: object = None
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        self._bytes = 0
        self._making: dict[tuple[object, str], asyncio.Future[Answer]] = {}

    def present(self, state: object, asked: str) -> Answer | None:
        """What was asked before of this state, and answered."""
        return self._kept.get(asked) if state == self._state else None

    async def get(self, state: object, asked: str, make: Callable[[], Answer]) -> Answer:
        """The answer; `make` runs in a thread, once."""
        if state != self._state:
            self._state, self._bytes = state, 0
            self._kept.clear()
        if asked in self._kept:
            self._kept.move_to_end(asked)
            return self._kept[asked]
        making = self._making.get((state, asked))
        if making is None:
            making = asyncio.ensure_future(asyncio.to_thread(make))
            self._making[state, asked] = making
            making.add_done_callback(lambda done: self._made(state, asked, done))
        return await asyncio.shield(making)

    def _made(self, state: object, asked: str, done: asyncio.Future[Answer]) -> None:
        del self._making[state, asked]
        if done.cancelled() or done.exception() is not None or state != self._state:
            return
        answer = done.result()
        self._kept[asked] = answer
        self._bytes += len(answer.body)
        while len(self._kept) > _MOST_KEPT or self._bytes > _MOST_KEPT_BYTES:
            self._bytes -= len(self._kept.popitem(last=False)[1].body)


def as_json(model: BaseModel) -> Answer:
    """A model as JSON."""
    return _answer(model.model_dump_json().encode(), JSON)


def as_csv(page: Page[Any]) -> Answer:
    """A page's items as CSV: a column for each field, nested ones by their path, lists and objects as JSON."""
    rows = [_flat(item.model_dump(mode="json")) for item in page.items]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return _answer(text.getvalue().encode(), CSV)


def respond(answer: Answer, if_none_match: str | None) -> Response:
    """The answer, or that it has not changed."""
    headers = {"ETag": answer.etag, "Cache-Control": "no-cache"}
    if if_none_match is not None and answer.etag in [each.strip() for each in if_none_match.split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(answer.body, answer.status, headers, media_type=answer.media_type)


def _answer(body: bytes, media_type: str) -> Answer:
    return Answer(body, media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _flat(given: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in given.items():
        row |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return row


def _cell(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        return json.dumps(value, separators=(",", ":"))
    # What a spreadsheet would take for a formula is shown as text. Negative amounts are numbers.
    if isinstance(value, str) and value[:1] in ("=", "+", "@", "\t", "\r"):
        return "'" + value
    return "" if value is None else value


__all__: Sequence[str] = ("Answer", "AnswerCache", "as_csv", "as_json", "respond")
