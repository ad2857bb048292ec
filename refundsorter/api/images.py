"""The photos: lists by filters, one with its history, its file, and a small picture of it."""

import re
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, Path, Query
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from refundsorter.api import links
from refundsorter.api.depends import PortsOf
from refundsorter.api.ports import Ports
from refundsorter.api.problems import Problem, responses
from refundsorter.api.schema_images import Correction, Image, ImageList, ImageWithHistory
from refundsorter.core.fault import ItemFault, Vanished
from refundsorter.core.image import State
from refundsorter.core.port_images import Photo, Position, Wanted
from refundsorter.core.sniff import sniff
from refundsorter.core.text import printable

router = APIRouter(prefix="/v1/images", tags=["images"])

MOST, USUAL = 200, 50  # photos on one page
LAST_ID = 2**63 - 1
HEAD_BYTES = 256  # by which a picture's format is told
# A browser may show a photo, and asks each time whether it is still the same.
CACHED = {"Cache-Control": "private, no-cache"}
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
CURSOR = r"^([0-9]{1,12}[.][0-9]{9}~)?[0-9]{1,19}$"  # the time, where the list is in its order, and the id


def _written_out(value: object) -> object:
    """Let no number pass for a time: pydantic would take it for unix seconds, or for milliseconds."""
    if isinstance(value, str) and not RFC3339.fullmatch(value):
        raise ValueError("RFC 3339 with an offset or Z is expected: 2026-01-31T00:00:00Z")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_written_out)]
Text = Annotated[str, Field(min_length=1, max_length=255)]
Number = Annotated[int, Path(ge=1, le=LAST_ID, description="The photo's number.", examples=[4711])]
IfNoneMatch = Annotated[
    str | None, Header(alias="If-None-Match", description="The `ETag` of what the client has.")
]


class Filters(BaseModel):
    """Which photos, and how many; all filters have to fit."""

    model_config = ConfigDict(extra="forbid")

    state: Annotated[State | None, Field(description="Where they stand.", examples=["review"])] = None
    category: Annotated[Text | None, Field(description="The best category.", examples=["TOYS"])] = None
    label: Annotated[Text | None, Field(description="The best label.", examples=["laptop"])] = None
    name: Annotated[
        Text | None,
        Field(description="The file's whole name as it came; a-z and A-Z are alike.", examples=["IMG_1.jpg"]),
    ] = None
    since: Annotated[
        Instant | None,
        Field(description="Filed at this time or later, RFC 3339.", examples=["2026-01-31T00:00:00Z"]),
    ] = None
    until: Annotated[
        Instant | None, Field(description="Filed before this time.", examples=["2026-02-01T00:00:00Z"])
    ] = None
    model: Annotated[Text | None, Field(description="The bundle.", examples=["retail/2.0.0"])] = None
    min_confidence: Annotated[
        float | None, Field(ge=0, le=1, description="The least confidence.", examples=[0.9])
    ] = None
    cursor: Annotated[
        str | None, Field(pattern=CURSOR, description="`next` of the page before.", examples=["4661"])
    ] = None
    limit: Annotated[int, Field(ge=1, le=MOST, description="Photos on a page.", examples=[50])] = USUAL

    def wanted(self) -> Wanted:
        """What the ledger is asked."""
        return Wanted(
            state=self.state,
            category=self.category,
            label=self.label,
            model=self.model,
            name=self.name,
            since=self.since.timestamp() if self.since else None,
            until=self.until.timestamp() if self.until else None,
            min_confidence=self.min_confidence,
        )


@router.get(
    "",
    summary="Which photos are there?",
    responses={200: {"links": links.to_next_page("list_images")}, **responses(422, 503)},
)
def list_images(ports: PortsOf, filters: Annotated[Filters, Query()]) -> ImageList:
    """The newest first: by number, or, where `since` or `until` is given, by the time of filing.

    A page may be short, even empty, and yet have a next one: of a long history only a part is looked at for
    each page. There are no more where `next` is null.
    """
    after = _position(filters.cursor) if filters.cursor else None
    page = ports.images.page(filters.wanted(), after=after, limit=filters.limit)
    return ImageList(
        images=[Image.of(photo) for photo in page.photos], next=_cursor(page.next) if page.next else None
    )


@router.get("/{image}", summary="What is known of a photo?", responses=responses(422, 503))
def show_image(ports: PortsOf, image: Number) -> ImageWithHistory:
    """Its state with all times, scores and waits, and what people put right."""
    changes = [Correction.of(change) for change in ports.images.changes(image)]
    return ImageWithHistory.told(_photo(ports, image), changes)


@router.get(
    "/{image}/content",
    summary="The photo's file",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The file as it is.",
            "content": {"image/*": {}, "application/octet-stream": {}},
        },
        304: {"description": "The client has it."},
        **responses(422, 503),
    },
)
def show_content(ports: PortsOf, image: Number, if_none_match: IfNoneMatch = None) -> Response:
    """The bytes of the photo where it lies now; 404 where it was taken away or written to since."""
    photo = _photo(ports, image)
    tag = f'"{photo.found.sha256}"' if photo.found and photo.found.sha256 else None
    headers = CACHED | ({"ETag": tag} if tag else {})
    if tag and if_none_match == tag:
        return Response(status_code=304, headers=headers)
    try:
        pieces = ports.pictures.open(photo).pieces()
    except Vanished:
        pieces = _opened_where_it_is_now(ports, image)
    first = next(pieces, b"")
    headers |= {"Content-Length": str(photo.identity.size), "Content-Disposition": _disposition(photo)}
    return StreamingResponse(_joined(first, pieces), headers=headers, media_type=_media_type(first))


@router.get(
    "/{image}/thumbnail",
    summary="A small picture of the photo",
    response_class=Response,
    responses={
        200: {"description": "A JPEG within 256 × 256 pixels.", "content": {"image/jpeg": {}}},
        304: {"description": "The client has it."},
        **responses(422, 503),
    },
)
def show_thumbnail(ports: PortsOf, image: Number, if_none_match: IfNoneMatch = None) -> Response:
    """Upright, in the photo's own proportions; 404 where it cannot be decoded, or was taken away."""
    photo = _photo(ports, image)
    tag = f'"{photo.found.sha256}-small"' if photo.found and photo.found.sha256 else None
    headers = CACHED | ({"ETag": tag} if tag else {})
    if tag and if_none_match == tag:
        return Response(status_code=304, headers=headers)
    try:
        picture = ports.pictures.small(photo)
    except Vanished:
        raise _gone(image) from None
    except ItemFault as fault:
        raise Problem(404, f"Photo {image} cannot be drawn: {printable(fault.detail)}.") from None
    return Response(picture, headers=headers, media_type="image/jpeg")


def _photo(ports: Ports, image: int) -> Photo:
    photo = ports.images.photo(image)
    if photo is None:
        raise Problem(404, f"There is no photo {image}.")
    return photo


def _opened_where_it_is_now(ports: Ports, image: int) -> Iterator[bytes]:
    """Once more: it may have been moved between the look at the ledger and that at the disk."""
    try:
        return ports.pictures.open(_photo(ports, image)).pieces()
    except Vanished:
        raise _gone(image) from None


def _gone(image: int) -> Problem:
    return Problem(404, f"The file of photo {image} is gone, or was written to, since it was sorted.")


def _joined(first: bytes, more: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from more


def _media_type(head: bytes) -> str:
    try:
        return f"image/{sniff(head[:HEAD_BYTES]).value.lower()}"
    except ItemFault:
        return "application/octet-stream"


def _disposition(photo: Photo) -> str:
    name = printable(photo.path.rpartition("/")[2])
    return f"inline; filename*=UTF-8''{quote(name, safe='')}"


def _cursor(position: Position) -> str:
    return str(position.id) if position.time is None else f"{position.time:.9f}~{position.id}"


def _position(cursor: str) -> Position:
    """What `_cursor` wrote, or what anybody may send that looks like it."""
    time, _, number = cursor.rpartition("~")
    return Position(id=min(int(number), LAST_ID), time=float(time) if time else None)
