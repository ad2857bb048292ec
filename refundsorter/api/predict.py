"""Predictions: what the bundle says of images that are neither moved nor kept."""

import asyncio
import json
import time
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from refundsorter.api.bodies import Room
from refundsorter.api.depends import PortsOf
from refundsorter.api.ports import Ports
from refundsorter.api.problems import Problem, busy, members, responses
from refundsorter.api.schema_predictions import BatchIn, PredictIn, Predictions, Results, request_body, told
from refundsorter.api.sources import Given, given
from refundsorter.core.fault import PassingTrouble
from refundsorter.core.image import Answer, Rejection
from refundsorter.core.prediction import Predicted
from refundsorter.core.text import printable

router = APIRouter(prefix="/v1/predict", tags=["predictions"])


@router.post(
    "",
    summary="What is in these images?",
    response_model=Predictions,
    responses=responses(400, 403, 413, 415, 422, 502, 503, 504),
    openapi_extra=request_body(PredictIn),
)
async def predict(request: Request, ports: PortsOf) -> Response:
    """Images in a form, or one that JSON names; where one cannot be used, none is answered."""
    found = await _found(request, ports, PredictIn)
    problems = [(place, one) for place, one in enumerate(found) if isinstance(one, Problem)]
    if len(found) == 1 and problems:
        raise problems[0][1]
    if problems:
        errors = [{"where": f"body.image.{place}", "problem": one.detail} for place, one in problems]
        raise Problem(
            422, "Some images cannot be used; /v1/predict/batch tells of the others.", errors=errors
        )
    return _json({"predictions": found})


@router.post(
    "/batch",
    summary="What is in each of these images?",
    response_model=Results,
    responses=responses(400, 413, 415, 422, 503),
    openapi_extra=request_body(BatchIn),
)
async def predict_batch(request: Request, ports: PortsOf) -> Response:
    """As `/v1/predict`, image by image: one that cannot be used leaves the others as they are."""
    found = await _found(request, ports, BatchIn)
    return _json({"results": [_result(one) for one in found]})


async def _found(
    request: Request, ports: Ports, model: type[PredictIn | BatchIn]
) -> list[dict[str, Any] | Problem]:
    """What was found of each image, or the problem with it."""
    room: Room = request.app.state.room
    with room.lent() as loan:
        images, top_k = await given(request, ports, loan, model)
        contents = [one.content for one in images if isinstance(one.content, bytes)]
        asked = map(asyncio.wrap_future, ports.predictor.ask(contents, top_k=top_k))
        answers = iter(await asyncio.gather(*asked, return_exceptions=True))
    return [one.content if isinstance(one.content, Problem) else _told(one, next(answers)) for one in images]


def _told(image: Given, found: Predicted | BaseException) -> dict[str, Any] | Problem:
    outcome = found.outcome if isinstance(found, Predicted) else found
    if isinstance(outcome, Rejection):
        return Problem(422, printable(outcome.detail), reason=outcome.reason.value)
    if isinstance(outcome, PassingTrouble):
        return busy(printable(str(outcome)))
    if isinstance(outcome, BaseException):
        raise outcome
    assert isinstance(found, Predicted), "that is what is left"
    assert isinstance(outcome, Answer), "likewise"
    return told(image.file, found, outcome, now=time.time())


def _result(found: dict[str, Any] | Problem) -> dict[str, Any]:
    if isinstance(found, Problem):
        return {"prediction": None, "problem": members(found)}
    return {"prediction": found, "problem": None}


def _json(content: dict[str, Any]) -> Response:
    return Response(json.dumps(content), media_type="application/json")
