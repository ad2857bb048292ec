"""The images that a request is about: files of a form, files of this machine, base64, or addresses."""

import asyncio
import base64
import binascii
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import Annotated, Any, Literal

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, TypeAdapter, ValidationError
from starlette.requests import Request

from refundsorter.api import bodies, forms
from refundsorter.api.bodies import Loan
from refundsorter.api.ports import Ports
from refundsorter.api.problems import Problem, busy
from refundsorter.api.schema_predictions import MOST_IMAGES, BatchIn, PredictIn, Source, TopK
from refundsorter.core.fault import ItemFault, PassingTrouble, Vanished
from refundsorter.core.fetching import NotFetched, Why
from refundsorter.core.prediction import SourceForbidden
from refundsorter.core.text import printable

# Of a form, beside the files.
_TRUTH = Annotated[Literal["true", "false"], AfterValidator("true".__eq__)]  # as JSON writes it
_FIELDS: dict[str, TypeAdapter[Any]] = {"top_k": TypeAdapter(TopK), "record": TypeAdapter(_TRUTH)}
FETCHES = 4  # at once: whoever waits for another machine keeps no thread from those who do not
NOT_FETCHED = {Why.REFUSED: 403, Why.FAILED: 502, Why.TOO_LARGE: 422, Why.TOO_SLOW: 504}
MAX_FIELD = 64  # bytes of a field that is no file


@dataclass(slots=True)
class Wishes:
    """What is asked for beside the answers."""

    top_k: int | None = None  # how many labels are told
    record: bool = False  # whether the predictions are kept


@dataclass(frozen=True, slots=True)
class Given:
    """One image that is asked about."""

    file: str | None  # its name
    content: bytes | Problem  # the file, or why it cannot be had


async def given(
    request: Request, ports: Ports, loan: Loan, model: type[PredictIn | BatchIn]
) -> tuple[list[Given], Wishes]:
    """The images of a request, and what is asked for of them.

    Args:
        request: The request.
        ports: What reads files of this machine.
        loan: Room for what is read.
        model: What a JSON body is to be: `PredictIn` or `BatchIn`.

    Raises:
        Problem: The request as a whole is not as it should be.
        RequestValidationError: Likewise.
    """
    kind = request.headers.get("content-type", "")
    if forms.is_form(kind):
        return await _of_form(request, loan)
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, f"The body is to be {forms.MEDIA_TYPE} or application/json.")
    asked = await run_sync(_read, await bodies.whole(request, loan), model)
    sources: Sequence[Source] = asked.images if isinstance(asked, BatchIn) else [asked]
    images = await _all(sources, ports, loan, request.app.state.fetching)
    return images, Wishes(asked.top_k, asked.record)


async def _of_form(request: Request, loan: Loan) -> tuple[list[Given], Wishes]:
    form = forms.Form(request.headers["content-type"])
    kept: dict[forms.Part, bytearray] = {}
    async for data in bodies.pieces(request):
        loan.more(len(data))
        for piece in form.feed(data):
            content = kept.setdefault(piece.part, bytearray())
            content += piece.data
            if piece.part.file is None and len(content) > MAX_FIELD:
                raise _unfit(piece.part.name, f"a field has at most {MAX_FIELD} bytes; is it a file?")
            if len(kept) > MOST_IMAGES + len(_FIELDS):
                raise _unfit("image", f"at most {MOST_IMAGES} files are taken at once")
    form.close()
    images, wishes = [], Wishes()
    for part, content in kept.items():
        if part.name == "image" and part.file is None:
            raise _unfit("image", "it is no file: its part tells no file's name")
        if part.name == "image":
            images.append(Given(printable(part.file or "") or None, bytes(content)))
        elif part.name in _FIELDS:
            setattr(wishes, part.name, _value(part.name, bytes(content)))
        else:
            told = ", ".join(f"`{name}`" for name in ("image", *_FIELDS))
            raise _unfit(printable(part.name), f"there is no such field; they are {told}")
    if not 1 <= len(images) <= MOST_IMAGES:
        raise _unfit("image", f"there are to be 1 to {MOST_IMAGES} files")
    return images, wishes


def _value(name: str, text: bytes) -> object:
    try:
        return _FIELDS[name].validate_python(text.decode(errors="replace"))
    except ValidationError as invalid:
        raise _unfit(name, invalid.errors()[0]["msg"]) from invalid


def _read(body: bytes, model: type[PredictIn | BatchIn]) -> PredictIn | BatchIn:
    try:
        return model.model_validate_json(body)
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False, include_context=False, include_input=False)
        # That null might be there in place of an image's text is how it is read, and not what is allowed.
        told = [one for one in errors if one["type"] != "none_required"]
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in told]) from invalid


async def _all(sources: Sequence[Source], ports: Ports, loan: Loan, fetching: CapacityLimiter) -> list[Given]:
    """All of them, in their order. What is fetched is fetched at once; all has one time, however many."""
    since, in_turn = time.monotonic(), asyncio.Lock()

    async def one(source: Source) -> Given:
        if source.url is not None:
            get = partial(ports.sources.fetched, source.url, since=since)
            return await _one(source, loan, partial(run_sync, get, limiter=fetching))
        async with in_turn:  # the threads that read are for all requests
            return await _one(source, loan, partial(run_sync, _content, source, ports))

    # Each is waited for, whatever becomes of the others: what it reads is counted until the request is over.
    found = await asyncio.gather(*map(one, sources), return_exceptions=True)
    for outcome in found:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in found if isinstance(outcome, Given)]


async def _one(source: Source, loan: Loan, read: Callable[[], Awaitable[bytes]]) -> Given:
    """One image, or why it cannot be had."""
    place = source.path or source.url
    file = printable(PurePath(place.partition("?")[0]).name) or None if place else None
    try:
        content = await read()
    except SourceForbidden as forbidden:
        problem = Problem(403, printable(str(forbidden)))
    except Vanished:
        problem = Problem(404, "There is no such file.")
    except ItemFault as fault:
        problem = Problem(422, printable(fault.detail), reason=fault.reason.value)
    except PassingTrouble as trouble:
        problem = busy(printable(str(trouble)))
    except binascii.Error as error:
        problem = Problem(422, f"`base64` is none: {error}.")
    except NotFetched as refused:
        problem = Problem(NOT_FETCHED[refused.why], printable(str(refused)))
    else:
        loan.more(len(content))
        return Given(file, content)
    return Given(file, problem)


def _content(source: Source, ports: Ports) -> bytes:
    if source.path is not None:
        return ports.sources.file(source.path)
    return base64.b64decode((source.base64 or "").encode(), validate=True)


def _unfit(where: str, problem: str) -> Problem:
    flaw = {"where": f"body.{where}", "problem": problem}
    return Problem(422, "The request is not as it should be.", errors=[flaw])
