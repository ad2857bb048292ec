"""What the history comes to."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from refundsorter.api.depends import PortsOf
from refundsorter.api.problems import responses
from refundsorter.api.schema_images import Image
from refundsorter.core import figures
from refundsorter.core.port_images import Wanted

router = APIRouter(prefix="/v1", tags=["about"])

RECENT = 10  # photos that are told
TIMED = 1_000  # photos whose times are told
TROUBLED = 1_000  # waiting photos whose trouble is told
LONG_AGO = 0.0  # unix seconds

Days = Annotated[int, Query(ge=1, le=366, description="How many days are told.", examples=[30])]
Photos = Annotated[int, Field(description="Photos.", examples=[48213])]


class OfCategory(BaseModel):
    """How many photos of one best category."""

    category: Annotated[str, Field(description="The category.", examples=["ELECTRONICS"])]
    sorted: Photos
    review: Photos
    rejected: Photos


class OfDay(BaseModel):
    """How many photos on one day."""

    day: Annotated[
        str, Field(description="UTC.", examples=["2026-01-31"], json_schema_extra={"format": "date"})
    ]
    sorted: Photos
    review: Photos
    rejected: Photos


class Quantiles(BaseModel):
    """What at most a half, nine tenths and 99 of 100 photos took."""

    p50: Annotated[float, Field(description="The median.", examples=[0.05])]
    p90: Annotated[float, Field(description="Nine of ten took at most so long.", examples=[0.11])]
    p99: Annotated[float, Field(description="99 of 100 took at most so long.", examples=[0.32])]


class Latency(BaseModel):
    """How long the photos took that were filed last; a stage that none went through is null."""

    photos: Annotated[int, Field(description="How many were looked at.", examples=[1000])]
    total_s: Annotated[Quantiles | None, Field(description="From being seen to being filed.")] = None
    queued_s: Annotated[Quantiles | None, Field(description="From being seen to being claimed.")] = None
    decode_ms: Annotated[Quantiles | None, Field(description="Reading, hashing, decoding.")] = None
    infer_ms: Annotated[Quantiles | None, Field(description="Inference.")] = None
    move_ms: Annotated[Quantiles | None, Field(description="Moving.")] = None


class Errors(BaseModel):
    """What went wrong."""

    rejected: Annotated[
        dict[str, int], Field(description="Photos by reason, over all time.", examples=[{"truncated": 3}])
    ]
    waiting: Annotated[
        dict[str, int], Field(description="Photos by what holds them back now.", examples=[{}])
    ]


class Stats(BaseModel):
    """What the history comes to."""

    totals: Annotated[
        dict[str, int],
        Field(description="Photos in each state.", examples=[{"sorted": 48213, "review": 801}]),
    ]
    categories: Annotated[list[OfCategory], Field(description="Photos by their best category.")]
    days: Annotated[list[OfDay], Field(description="The last days on which any was filed.")]
    recent: Annotated[list[Image], Field(description="The photos that were filed last, the latest first.")]
    latency: Latency
    errors: Errors


@router.get("/stats", summary="What does the history come to?", responses=responses(422, 503))
def stats(ports: PortsOf, days: Days = 30) -> Stats:
    """Totals, per category, per day, the last photos, how long they took, and what went wrong."""
    images = ports.images
    tallies, timings = images.tallies(), images.timings(TIMED)
    last = images.page(Wanted(since=LONG_AGO), after=None, limit=RECENT)
    return Stats.model_validate(
        {
            "totals": figures.totals(tallies, images.open()),
            "categories": [
                {"category": name, **asdict(found)} for name, found in figures.by_category(tallies).items()
            ],
            "days": [
                {"day": day, **asdict(found)} for day, found in figures.by_day(tallies, days=days).items()
            ],
            "recent": [Image.of(photo) for photo in last.photos],
            "latency": {"photos": len(timings), **figures.quantiles(timings)},
            "errors": {"rejected": figures.rejected(tallies), "waiting": images.troubles(TROUBLED)},
        }
    )
