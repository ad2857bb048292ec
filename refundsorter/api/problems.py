"""Every error as RFC 9457 says: `application/problem+json`, and never a stack trace.

A route raises `Problem`, or lets an error of the core pass: passing trouble becomes 503.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from itertools import chain
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from refundsorter.core.fault import PassingTrouble, StartRefused
from refundsorter.core.text import printable

MEDIA_TYPE = "application/problem+json"
RETRY_S = 5  # after how many seconds a client may ask again what could not be answered now


class Flaw(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(description="The part of the request: `query.limit`.", examples=["query.limit"])
    problem: str = Field(description="What is wrong.", examples=["Input should be less than or equal to 200"])


class ProblemDetails(BaseModel):
    """What went wrong, as RFC 9457 says it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "There is no photo 7."}
            ]
        }
    )

    type: str = Field("about:blank", description="`about:blank`: the status says what kind of problem it is.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str | None = Field(None, description="What happened, and what to do.")
    errors: list[Flaw] | None = Field(None, description="Everything that is wrong with the request.")
    reasons: list[str] | None = Field(None, description="Why it is not alive or not ready.")
    reason: str | None = Field(None, description="Why an image cannot be used, as the journal says it.")


class Problem(Exception):
    """An error that a client is told.

    Args:
        status: The HTTP status.
        detail: What happened, and what to do.
        headers: Of the answer, beside the usual ones.
        members: What is told beside it, by members of `ProblemDetails`.
    """

    def __init__(
        self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    def response(self) -> Response:
        """The answer."""
        return problem(self.status, self.detail, headers=self.headers, **self.members)


def busy(detail: str) -> Problem:
    """What cannot be done now, and may be soon."""
    return Problem(503, detail, headers={"Retry-After": str(RETRY_S)})


def members(one: Problem) -> dict[str, Any]:
    """What is told of a problem within an answer."""
    return details(one.status, one.detail) | one.members


def problem(
    status: int, detail: str | None, *, headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """An answer that tells a problem."""
    said = details(status, detail) | members
    return Response(json.dumps(said), status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def details(status: int, detail: str | None) -> dict[str, Any]:
    """What is told of a problem."""
    said: dict[str, Any] = {"type": "about:blank", "title": _phrase(status), "status": status}
    return said | ({"detail": detail} if detail else {})


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route's description says of its problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {status: {"description": _phrase(status), "content": content} for status in statuses}


def install(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Have every error of an application answered so.

    Args:
        app: The application.
        routers: Its routes.
    """
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]

    async def not_allowed(request: Request, error: HTTPException) -> Response:
        # The framework names the methods of the first route alone that has the path.
        fit = [route.methods or () for route in routes if route.path_regex.match(request.url.path)]
        headers = {"Allow": ", ".join(sorted(chain(*fit)))} if fit else error.headers
        return problem(error.status_code, None, headers=headers)

    handlers: Sequence[tuple[type[Exception] | int, Any]] = (
        (Problem, _told),
        (HTTPException, _by_status),
        (HTTPStatus.METHOD_NOT_ALLOWED, not_allowed),
        (RequestValidationError, _invalid),
        (PassingTrouble, _passing),
        (StartRefused, _passing),
    )
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)


async def _told(_request: Request, error: Problem) -> Response:
    return error.response()


async def _by_status(_request: Request, error: HTTPException) -> Response:
    """What the framework refuses: an address or a method that is not there, a body that cannot be read."""
    detail = None if error.detail == _phrase(error.status_code) else error.detail
    return problem(error.status_code, detail, headers=error.headers)


async def _invalid(_request: Request, error: RequestValidationError) -> Response:
    flaws = [
        {"where": printable(".".join(str(part) for part in one["loc"])), "problem": printable(one["msg"])}
        for one in error.errors()
    ]
    return problem(422, "The request is not as it should be.", errors=flaws)


async def _passing(_request: Request, error: Exception) -> Response:
    return busy(printable(str(error))).response()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
