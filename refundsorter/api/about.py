"""What the daemon is: version, bundle, limits."""

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
