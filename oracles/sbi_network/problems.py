"""How a public server of this package says no: problem details, RFC 9457."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

PROBLEM: Final = "application/problem+json"


class Problem(BaseModel):
    """Why there is no answer (RFC 9457)."""

    model_config = ConfigDict(frozen=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """A request that is answered by a problem. Attributes: the `problem`, and `headers` that go with it."""

    def __init__(self, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, title, detail)
        self.problem: Final = Problem(title=title, status=status, detail=detail)
        self.headers: Final = dict(headers or {})


def problem_response(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """The problem as a response."""
    return JSONResponse(problem.model_dump(), problem.status, headers, media_type=PROBLEM)
