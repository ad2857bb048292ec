"""Predictions: what the bundle says of images that are neither moved nor kept."""

import asyncio
import json
import time
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.responses import Response

from refundsorter.api.bodies import Room
from refundsorter.api.depends import BearerOf, MayOperate, PortsOf
from refundsorter.api.ports import Ports
from refundsorter.api.problems import Problem, busy, members, responses
from refundsorter.api.schema_predictions import BatchIn, PredictIn, Predictions, Results, request_body, told
from refundsorter.api.sources import Given, Wishes, given
from refundsorter.core.fault import PassingTrouble
from refundsorter.core.image import Answer, Rejection
from refundsorter.core.prediction import Predicted, Prediction, prediction
from refundsorter.core.text import printable
from refundsorter.core.token import Role

router = APIRouter(prefix="/v1/predict", tags=["predictions"])


@router.post(
    "",
    summary="What is in these images?",
    response_model=Predictions,
    responses=responses(400, 403, 413, 415, 422, 502, 503, 504),
    openapi_extra=request_body(PredictIn),
)
async def predict(request: Request, ports: PortsOf, by: BearerOf, may_record: MayOperate) -> Response:
    """Images in a form, or one that JSON names; where one cannot be used, none is answered."""
    found, wishes = await _found(request, ports, PredictIn, by=by, may_record=may_record)
    problems = [(place, one) for place, one in enumerate(found) if isinstance(one, Problem)]
    if len(found) == 1 and problems:
        raise problems[0][1]
    if problems:
        errors = [{"where": f"body.image.{place}", "problem": one.detail} for place, one in problems]
        raise Problem(
            422, "Some images cannot be used; /v1/predict/batch tells of the others.", errors=errors
        )
    predictions = [one for one in found if isinstance(one, Prediction)]
    recorded = await _recorded(predictions, ports) if wishes.record else predictions
    return _json({"predictions": [told(one) for one in recorded]})


@router.post(
    "/batch",
    summary="What is in each of these images?",
    response_model=Results,
    responses=responses(400, 403, 413, 415, 422, 503),
    openapi_extra=request_body(BatchIn),
)
async def predict_batch(request: Request, ports: PortsOf, by: BearerOf, may_record: MayOperate) -> Response:
    """As `/v1/predict`, image by image: one that cannot be used leaves the others as they are."""
    found, wishes = await _found(request, ports, BatchIn, by=by, may_record=may_record)
    predictions = [one for one in found if isinstance(one, Prediction)]
    recorded = iter(await _recorded(predictions, ports) if wishes.record else predictions)
    results = [_trouble(one) if isinstance(one, Problem) else _success(next(recorded)) for one in found]
    return _json({"results": results})


async def _found(
    request: Request, ports: Ports, model: type[PredictIn | BatchIn], *, by: str | None, may_record: bool
) -> tuple[list[Prediction | Problem], Wishes]:
    """What was found of each image, or the problem with it; and what is asked for of them."""
    room: Room = request.app.state.room
    with room.lent() as loan:
        images, wishes = await given(request, ports, loan, model)
        if wishes.record and not may_record:
            raise Problem(
                403, f"`record` needs a token of the role `{Role.OPERATE}`: it changes the journal."
            )
        contents = [one.content for one in images if isinstance(one.content, bytes)]
        asked = map(asyncio.wrap_future, ports.predictor.ask(contents, top_k=wishes.top_k))
        answers = iter(await asyncio.gather(*asked, return_exceptions=True))
    found = [
        one.content if isinstance(one.content, Problem) else _prediction(one, next(answers), by)
        for one in images
    ]
    return found, wishes


async def _recorded(predictions: list[Prediction], ports: Ports) -> list[Prediction]:
    return await run_sync(ports.predictions.record, predictions) if predictions else []


def _prediction(image: Given, found: Predicted | BaseException, by: str | None) -> Prediction | Problem:
    outcome = found.outcome if isinstance(found, Predicted) else found
    if isinstance(outcome, Rejection):
        return Problem(422, printable(outcome.detail), reason=outcome.reason.value)
    if isinstance(outcome, PassingTrouble):
        return busy(printable(str(outcome)))
    if isinstance(outcome, BaseException):
        raise outcome
    assert isinstance(found, Predicted), "that is what is left"
    assert isinstance(outcome, Answer), "likewise"
    return prediction(found, outcome, file=image.file, by=by, now=time.time())


def _success(found: Prediction) -> dict[str, Any]:
    return {"prediction": told(found), "problem": None}


def _trouble(problem: Problem) -> dict[str, Any]:
    return {"prediction": None, "problem": members(problem)}


def _json(content: dict[str, Any]) -> Response:
    return Response(json.dumps(content), media_type="application/json")
