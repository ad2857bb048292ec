"""What is filed, as it is filed: server-sent events, resumable by the last one's id.

Nothing is kept for a listener: each asks the ledger for what follows on what it has been told. One that does
not read is hung up on by its connection, and goes on where it was when it comes again.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Query, Request
from pydantic import Field
from starlette.responses import StreamingResponse

from refundsorter.api.depends import IsAdmitted, PortsOf
from refundsorter.api.ports import Ports
from refundsorter.api.problems import busy, responses
from refundsorter.core.fault import PassingTrouble
from refundsorter.core.port_events import Told
from refundsorter.core.port_images import Position
from refundsorter.core.record import SCHEMA
from refundsorter.core.text import printable

router = APIRouter(prefix="/v1/events", tags=["images"])
MOST = 16  # listeners at once
PAGE = 100  # photos that are asked for at once
LOOK_S = 0.25  # how often a listener's next events are asked for
BREATH_S = 15.0  # how often something is sent, so that a listener that is gone is found out
AGAIN_MS = 2000  # after what time a client that lost the stream comes again
NAMES = ("file", "source", "destination")  # may hold bytes that are no UTF-8
ID = r"^[0-9]{1,12}([.][0-9]{1,20})?~[0-9]{1,19}$"  # the time of filing, to its last digit, and the photo
LAST_ID = 2**63 - 1
TOLD = (
    "id", "time", "file", "source", "destination", "state", "category", "label", "confidence",
    "top_predictions", "model", "sha256", "bytes", "width", "height", "job", "queued_s", "decode_ms",
    "infer_ms", "move_ms", "reason", "duplicate_of", "taxonomy",
)  # fmt: skip
LINE: dict[str, Any] = {
    "type": "object",
    "required": ["schema", "event", *TOLD],
    "properties": {"schema": {"const": SCHEMA}, "event": {"const": "filed"}}
    | {name: {"$ref": f"#/components/schemas/Image/properties/{name}"} for name in TOLD},
}
EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "pattern": ID, "description": "For `Last-Event-ID`."},
        "event": {"const": "filed"},
        "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": LINE},
    },
}
STREAM = {"text/event-stream": {"schema": EVENT}}
Wait = Annotated[
    bool, Query(description="Whether to wait for more; else it ends with the last.", examples=[False])
]


@dataclass(slots=True)
class Listeners:
    """Who listens now; all on the thread of the loop."""

    count: int = 0
    is_ending: bool = False  # set by the thread that stops the server


@router.get(
    "",
    summary="What is filed, as it is filed",
    response_class=StreamingResponse,
    responses={200: {"description": "Server-sent events.", "content": STREAM}, **responses(422, 503)},
)
async def events(
    request: Request,
    ports: PortsOf,
    is_admitted: IsAdmitted,
    last_event_id: Annotated[
        Annotated[str, Field(pattern=ID, json_schema_extra={"format": "event-id"})] | None,
        Header(
            alias="Last-Event-ID",
            description="The last one's id: what follows is told. `0~0`: from the beginning.",
            examples=["0~0"],
        ),
    ] = None,
    wait: Wait = True,  # noqa: FBT002
) -> StreamingResponse:
    """Each event is named `filed`; its data are the journal's fields, its id is for `Last-Event-ID`."""
    listeners: Listeners = request.app.state.listeners
    if listeners.count >= MOST:
        raise busy(f"{MOST} listen already.")
    position = _position(last_event_id) if last_event_id else await run_sync(ports.events.latest)
    return StreamingResponse(
        _stream(ports, listeners, position, is_admitted, is_waiting=wait),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},  # a proxy is to pass each on at once
    )


async def _stream(
    ports: Ports,
    listeners: Listeners,
    position: Position,
    is_admitted: Callable[[], bool],
    *,
    is_waiting: bool,
) -> AsyncIterator[bytes]:
    listeners.count += 1
    try:
        yield f"retry: {AGAIN_MS}\n\n".encode()
        silent_s = 0.0
        while is_admitted():  # each time: a token that was revoked is told nothing more
            is_last = listeners.is_ending  # asked first: what was filed until then is told
            told: list[Told] = []
            with suppress(PassingTrouble):  # it is asked again
                told = list(await run_sync(ports.events.after, position, PAGE))
            if told:
                position, silent_s = told[-1].position, 0.0
                yield b"".join(map(_event, told))
            if is_last or not (told or is_waiting):
                return
            if len(told) < PAGE:
                await anyio.sleep(LOOK_S)
                silent_s += LOOK_S
            if silent_s >= BREATH_S:
                silent_s = 0.0
                yield b":\n\n"
    finally:
        listeners.count -= 1


def _event(told: Told) -> bytes:
    fields: dict[str, Any] = told.record.fields()
    fields |= {name: printable(fields[name]) for name in NAMES}
    cursor = f"{told.position.time!r}~{told.position.id}"
    return f"id: {cursor}\nevent: filed\ndata: {json.dumps(fields)}\n\n".encode()


def _position(cursor: str) -> Position:
    """What `_event` wrote, or what anybody may send that looks like it."""
    time, _, number = cursor.partition("~")
    return Position(id=min(int(number), LAST_ID), time=float(time))
