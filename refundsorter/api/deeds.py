"""What is done with photos: send them, try one again, put one right, or back."""

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Annotated

from anyio import CancelScope, sleep
from anyio.to_thread import run_sync
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from refundsorter.api import bodies, forms, links
from refundsorter.api.depends import BearerOf, PortsOf
from refundsorter.api.ports import Ports
from refundsorter.api.problems import Problem, responses
from refundsorter.core.correction import CategoryRefused, Stage, Verdict
from refundsorter.core.image import FILED, TERMINAL, State
from refundsorter.core.text import printable
from refundsorter.core.upload import Delivered, DeliveryPort, UploadsPort

router = APIRouter(prefix="/v1/images", tags=["images"])

LAST_ID = 2**63 - 1
# What `core.taxonomy.folder_problem` finds in plain text; the rest of it only a look can tell (409).
FOLDER = r"""^[^_.~\s/\\:*?"<>|\x00-\x1f\x7f]([^/\\:*?"<>|\x00-\x1f\x7f]*[^.\s/\\:*?"<>|\x00-\x1f\x7f])?$"""
MOST_FILES = 64  # in one request
LOOK_S = 0.05  # how often it is looked whether a photo lies where it belongs
PATIENCE_S = 10.0  # how long a request waits for that
Number = Annotated[int, Path(ge=1, le=LAST_ID, description="The photo's number.", examples=[4711])]
By = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=255,
        description="Whose word it is; with a token it is the token's name.",
        examples=["clerk"],
    ),
]
UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "additionalProperties": False,
                    "properties": {
                        "image": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "minItems": 1,
                            "maxItems": MOST_FILES,
                            "description": "The photos.",
                        }
                    },
                }
            }
        },
    }
}


class Sent(BaseModel):
    """A photo that lies in the inbox."""

    id: Annotated[int | None, Field(description="Its number; null where only a job takes it.", examples=[7])]
    file: Annotated[str, Field(description="The name that it has.", examples=["IMG_0042 (2).jpg"])]
    source: Annotated[str, Field(description="Where it lies.", examples=["/srv/refundsorter/inbox/a.jpg"])]
    bytes: Annotated[int, Field(description="Its size.", examples=[48213])]
    sha256: Annotated[str, Field(description="Of its bytes.")]

    @classmethod
    def of(cls, one: Delivered) -> "Sent":
        """Of a photo that was put there."""
        file = printable(one.path.rpartition("/")[2])
        return cls(id=one.id, file=file, source=printable(one.path), bytes=one.size, sha256=one.sha256)


class SentList(BaseModel):
    """The photos of one request, in their order."""

    images: list[Sent]


class Retried(BaseModel):
    """A photo that is tried again now."""

    id: Annotated[int, Field(description="Its number.", examples=[7])]


class CorrectIn(BaseModel):
    """Where a photo belongs."""

    model_config = ConfigDict(extra="forbid", strict=True)

    category: Annotated[
        str, Field(pattern=FOLDER, max_length=255, description="The folder's name.", examples=["TOYS"])
    ]
    by: By = None
    new_category: Annotated[
        bool, Field(description="Whether a category is meant that the taxonomy does not know.")
    ] = False


class UndoIn(BaseModel):
    """Who wants it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    by: By = None


class Corrected(BaseModel):
    """What has become of a correction, or of putting a photo back."""

    id: Annotated[int, Field(description="The photo's number.", examples=[7])]
    correction: Annotated[int, Field(description="The correction's number.", examples=[3])]
    state: Annotated[Stage, Field(description="done; or asked, intended: it is waited for.")]
    source: Annotated[str | None, Field(description="Where the photo lay.")]
    destination: Annotated[str | None, Field(description="Where it lies, or is about to.")]
    trouble: Annotated[str | None, Field(description="What holds it back.")]


@router.post(
    "",
    status_code=202,
    summary="Send photos",
    responses={202: {"links": links.to_image("/images/0/id")}, **responses(400, 413, 415, 422, 503)},
    openapi_extra=UPLOAD,
)
async def send(request: Request, ports: PortsOf) -> SentList:
    """Into the (first) inbox, where they are sorted like all others; none lies there before all have come."""
    if not forms.is_form(request.headers.get("content-type", "")):
        raise Problem(415, f"The body is to be {forms.MEDIA_TYPE}.")
    async with AsyncExitStack() as clearing:
        deliveries = await _received(request, ports.uploads, clearing)
        with CancelScope(shield=True):
            sent = await run_sync(ports.uploads.deliver, deliveries)
    return SentList(images=[Sent.of(one) for one in sent])


@router.post(
    "/{image}/retry", status_code=202, summary="Try a photo again now", responses=responses(409, 422, 503)
)
def retry(ports: PortsOf, image: Number) -> Retried:
    """One that waits because something was in its way is tried now instead of later."""
    if ports.desk.retry(image):
        return Retried(id=image)
    photo = ports.images.photo(image)
    if photo is None:
        raise Problem(404, f"There is no photo {image}.")
    if photo.state is State.UNDONE:
        raise Problem(409, f"Photo {image} was put back into the inbox; a sweep with `undone` sorts it.")
    if photo.state in FILED:
        raise Problem(409, f"Photo {image} is filed; put it right by /v1/images/{image}/correct.")
    raise Problem(409, f"Photo {image} is being sorted.")


@router.post(
    "/{image}/correct",
    summary="Put a photo right",
    responses={202: {"model": Corrected, "description": "It is not done yet."}, **responses(409, 422, 503)},
)
async def correct(
    ports: PortsOf, bearer: BearerOf, image: Number, wanted: CorrectIn, response: Response
) -> Corrected:
    """Move it into the category where it belongs, and record it; as `refundsorter correct`."""
    number = await run_sync(_asked, ports, bearer, image, wanted)
    return await _awaited(ports, image, number, response)


@router.post(
    "/{image}/undo",
    summary="Put a photo back into the inbox",
    responses={202: {"model": Corrected, "description": "It is not done yet."}, **responses(409, 422, 503)},
)
async def undo(
    ports: PortsOf, bearer: BearerOf, image: Number, response: Response, wanted: UndoIn | None = None
) -> Corrected:
    """Move it where it came from, and record it; as `refundsorter undo`. It is not sorted again by itself."""
    by = bearer or (wanted.by if wanted else None)
    number = await run_sync(_asked_back, ports, by, image)
    return await _awaited(ports, image, number, response)


async def _awaited(ports: Ports, image: int, number: int, response: Response) -> Corrected:
    """What has become of a request, after some seconds at most."""
    deadline = time.monotonic() + PATIENCE_S
    verdict = await run_sync(ports.desk.verdict, number)
    while verdict.stage is not Stage.DONE and time.monotonic() < deadline:
        if verdict.stage is Stage.REFUSED:
            raise Problem(409, printable(verdict.trouble or "It cannot be done."))
        await sleep(LOOK_S)
        verdict = await run_sync(ports.desk.verdict, number)
    response.status_code = 200 if verdict.stage is Stage.DONE else 202
    return _corrected(image, number, verdict)


async def _received(
    request: Request, uploads: UploadsPort, clearing: AsyncExitStack
) -> Sequence[DeliveryPort]:
    """The photos of a form, complete, under hidden names; whatever happens they are cleared away."""
    form = forms.Form(request.headers["content-type"])
    begun: dict[forms.Part, DeliveryPort] = {}

    def take(pieces: Sequence[forms.Piece]) -> None:
        for piece in pieces:
            if piece.part not in begun:
                _require_photo(piece.part, len(begun))
                begun[piece.part] = uploads.begin(piece.part.file or "")
            begun[piece.part].write(piece.data)

    def clear() -> None:
        for delivery in begun.values():
            delivery.drop()

    async def cleared() -> None:
        with CancelScope(shield=True):
            await run_sync(clear)

    clearing.push_async_callback(cleared)
    async for data in bodies.pieces(request):
        if found := form.feed(data):
            await run_sync(take, found)
    form.close()
    if not begun:
        raise Problem(422, "There is no field `image`, so no photo was sent.")
    return list(begun.values())


def _require_photo(part: forms.Part, count: int) -> None:
    if part.name != "image" or part.file is None:
        raise Problem(422, f"The field {printable(part.name)!r} is no photo: those are files, named `image`.")
    if count == MOST_FILES:
        raise Problem(422, f"At most {MOST_FILES} photos are taken at once.")


def _asked(ports: Ports, bearer: str | None, image: int, wanted: CorrectIn) -> int:
    if ports.images.photo(image) is None:
        raise Problem(404, f"There is no photo {image}.")
    try:
        by = bearer or wanted.by
        return ports.desk.correct(image, wanted.category, by=by, is_new=wanted.new_category)
    except CategoryRefused as refused:
        raise Problem(409, printable(str(refused))) from refused


def _asked_back(ports: Ports, by: str | None, image: int) -> int:
    photo = ports.images.photo(image)
    if photo is None:
        raise Problem(404, f"There is no photo {image}.")
    if photo.state not in TERMINAL:
        raise Problem(409, f"Photo {image} is being sorted; it lies in the inbox still.")
    number = ports.desk.undo(image, by=by)
    if number is None:
        raise Problem(409, f"Photo {image} was put back before.")
    return number


def _corrected(image: int, number: int, verdict: Verdict) -> Corrected:
    source, destination, trouble = (
        None if text is None else printable(text)
        for text in (verdict.source, verdict.destination, verdict.trouble)
    )
    return Corrected(
        id=image,
        correction=number,
        state=verdict.stage,
        source=source,
        destination=destination,
        trouble=trouble,
    )
