"""What the daemon is and by what it decides: version, limits, bundles, categories; how its photos stand."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from refundsorter.api.depends import PortsOf
from refundsorter.api.problems import responses
from refundsorter.core.record import rfc3339

router = APIRouter(prefix="/v1", tags=["about"])


class Limits(BaseModel):
    """What a photo must keep to be sorted."""

    max_bytes: Annotated[int, Field(description="Of the file.", examples=[104857600])]
    max_pixels: Annotated[int, Field(description="Width × height.", examples=[200000000])]
    min_side: Annotated[int, Field(description="Pixels of the shorter side.", examples=[16])]


class InfoOut(BaseModel):
    """What serves."""

    version: Annotated[str, Field(description="Of refundsorter.", examples=["0.1.0"])]
    pid: Annotated[int, Field(description="Of the daemon.", examples=[4711])]
    started_at: Annotated[
        str,
        Field(
            description="RFC 3339, UTC.",
            examples=["2026-01-31T09:30:00.125Z"],
            json_schema_extra={"format": "date-time"},
        ),
    ]
    uptime_s: Annotated[float, Field(description="Seconds since then.", examples=[86400.5])]
    model: Annotated[str, Field(description="The bundle that decides.", examples=["retail/2.0.0"])]
    shadow: Annotated[
        str | None, Field(description="The candidate that is tried beside it.", examples=[None])
    ]
    taxonomy: Annotated[str, Field(description="Its digest.", examples=["0f343b0931126a20"])]
    input_size: Annotated[int, Field(description="Pixels of each side of the model's input.", examples=[224])]
    workers: Annotated[int, Field(description="How many decode and infer.", examples=[2])]
    limits: Limits


@router.get("/info", summary="What serves?", responses=responses(503))
def info(ports: PortsOf) -> InfoOut:
    """Version, bundle, limits, and since when."""
    found = ports.about.info()
    return InfoOut(
        version=found.version,
        pid=found.pid,
        started_at=rfc3339(found.started_at),
        uptime_s=round(found.uptime_s, 3),
        model=found.model,
        shadow=found.shadow,
        taxonomy=found.taxonomy,
        input_size=found.input_size,
        workers=found.workers,
        limits=Limits(max_bytes=found.max_bytes, max_pixels=found.max_pixels, min_side=found.min_side),
    )


class Category(BaseModel):
    """One category that a photo can be filed under."""

    category: Annotated[str, Field(description="The folder's name.", examples=["ELECTRONICS"])]
    threshold: Annotated[float, Field(description="The confidence that a photo needs, 0..1.", examples=[0.8])]
    labels: Annotated[list[str], Field(description="The model's labels of it.", examples=[["laptop"]])]


class Classes(BaseModel):
    """By what photos are judged now."""

    model: Annotated[str, Field(description="The bundle that decides.", examples=["retail/2.0.0"])]
    taxonomy: Annotated[str, Field(description="The taxonomy's digest.", examples=["0f343b0931126a20"])]
    categories: Annotated[list[Category], Field(description="In the order of their names.")]
    without_category: Annotated[
        list[str],
        Field(description="Labels that the taxonomy has no category for.", examples=[["nothing"]]),
    ]


class Bundle(BaseModel):
    """A model with all that serving it needs."""

    model: Annotated[str, Field(description="NAME/VERSION.", examples=["retail/2.0.0"])]
    created: Annotated[str | None, Field(description="RFC 3339, UTC.", examples=["2026-01-31T09:30:00Z"])]
    labels: Annotated[int | None, Field(description="How many it knows.", examples=[47])]
    bytes: Annotated[int | None, Field(description="Of all its files.", examples=[3145728])]
    accuracy: Annotated[float | None, Field(description="The share of right categories.", examples=[0.93])]
    accuracy_of: Annotated[
        str | None, Field(description="The metric's name.", examples=["external_category_accuracy"])
    ]
    use: Annotated[str | None, Field(description="active, previous or shadow.", examples=["active"])]
    problem: Annotated[str | None, Field(description="Why its manifest cannot be read.", examples=[None])]


class Bundles(BaseModel):
    """The bundles that are there."""

    models: Annotated[list[Bundle], Field(description="The newest of each name last.")]


class LastNight(BaseModel):
    """The night that was asked for last."""

    date: Annotated[str, Field(description="The local date that it belongs to.", examples=["2026-01-31"])]
    job: Annotated[int, Field(description="Its number.", examples=[12])]
    state: Annotated[str, Field(description="As a job's.", examples=["done"])]
    ended: Annotated[str | None, Field(description="RFC 3339, UTC.", examples=["2026-01-31T02:01:12.250Z"])]
    found: Annotated[int, Field(description="Photos.", examples=[612])]
    left: Annotated[int, Field(description="Photos it has not come to, or could not sort.", examples=[0])]
    trouble: Annotated[str | None, Field(description="What holds or held it up.", examples=[None])]


class NightsOut(BaseModel):
    """When everything is swept by itself, and how that went."""

    schedule: Annotated[
        str | None, Field(description="The cron expression; null without nights.", examples=["0 3 * * *"])
    ]
    next: Annotated[
        str | None,
        Field(description="RFC 3339, UTC: when the next is due.", examples=["2026-02-01T02:00:00Z"]),
    ]
    last: LastNight | None


class Status(BaseModel):
    """How the daemon and its photos stand, as `refundsorter status --json` tells it."""

    pid: Annotated[int | None, Field(description="Of the process that sorts.", examples=[4711])]
    model: Annotated[
        str | None, Field(description="The bundle that active.yaml names.", examples=["retail/2.0.0"])
    ]
    serving: Annotated[str | None, Field(description="The bundle that decides.", examples=["retail/2.0.0"])]
    shadow: Annotated[str | None, Field(description="The candidate beside it.", examples=[None])]
    refused: Annotated[
        str | None, Field(description="Why it does not do what active.yaml says.", examples=[None])
    ]
    http: Annotated[
        str | None, Field(description="Where it answers HTTP.", examples=["http://127.0.0.1:8080"])
    ]
    http_refused: Annotated[str | None, Field(description="Why it does not.", examples=[None])]
    photos: Annotated[dict[str, int], Field(description="In each state.", examples=[{"sorted": 48213}])]
    sorted_by_category: Annotated[dict[str, int], Field(examples=[{"ELECTRONICS": 9120}])]
    rejected_by_reason: Annotated[dict[str, int], Field(examples=[{"truncated": 3}])]
    trouble: Annotated[
        dict[str, int], Field(description="What waiting photos are held back for.", examples=[{}])
    ]
    held: Annotated[int, Field(description="Moves whose end cannot be told yet.", examples=[0])]
    held_trouble: Annotated[str | None, Field(description="Why, for the oldest.", examples=[None])]
    oldest_waiting_s: Annotated[
        float | None, Field(description="Since the oldest unfinished photo was seen.", examples=[0.4])
    ]
    lines_owed: Annotated[int, Field(description="Lines that the journal still lacks.", examples=[0])]
    corrections: Annotated[int, Field(description="Done, over all time.", examples=[12])]
    jobs_running: Annotated[
        int, Field(description="Jobs in hand, also such as are being cancelled.", examples=[1])
    ]
    last_finished: Annotated[
        str | None, Field(description="RFC 3339, UTC.", examples=["2026-01-31T09:30:00.125Z"])
    ]
    nights: NightsOut


@router.get("/status", summary="How do the photos stand?", responses=responses(503))
def status(ports: PortsOf) -> Status:
    """What `refundsorter status --json` tells."""
    return Status.model_validate(ports.about.status())


@router.get("/classes", summary="What can a photo be filed under?", responses=responses(503))
def classes(ports: PortsOf) -> Classes:
    """The categories with their thresholds and labels, as they are in force now."""
    return Classes.model_validate(ports.about.classes())


@router.get("/models", summary="Which bundles are there?", responses=responses(503))
def models(ports: PortsOf) -> Bundles:
    """What `refundsorter models list --json` tells."""
    return Bundles.model_validate({"models": ports.about.models()})
