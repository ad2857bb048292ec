"""Whether it is alive, ready, and well: for service managers, load balancers and people."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from refundsorter.api.depends import PortsOf
from refundsorter.api.ports import Check
from refundsorter.api.problems import Problem, responses

router = APIRouter(tags=["health"])


class Well(BaseModel):
    """All is well."""

    status: Annotated[str, Field(description="`ok`.", examples=["ok"])]


class CheckOut(BaseModel):
    """One thing that was looked at."""

    name: Annotated[str, Field(description="What was looked at.", examples=["shelf"])]
    ok: Annotated[bool, Field(description="Whether it is well.")]
    detail: Annotated[str, Field(description="What was found.", examples=["13958643712 bytes are free"])]


class Health(BaseModel):
    """Everything that was looked at."""

    live: Annotated[bool, Field(description="Whether every loop makes progress.")]
    ready: Annotated[bool, Field(description="Whether photos that arrive now would be sorted.")]
    checks: Annotated[list[CheckOut], Field(description="Everything that was looked at.")]


@router.get("/livez", summary="Do the loops make progress?", responses=responses(503))
async def livez(ports: PortsOf) -> Well:
    """200 while they do; 503 with the reasons where one has been silent for a minute."""
    # On the server's own thread: it is answered while every other one waits for a disk.
    return _well(ports.about.loops(), "Not every loop makes progress.")


@router.get("/readyz", summary="Would a photo be sorted now?", responses=responses(503))
def readyz(ports: PortsOf) -> Well:
    """200 while bundle, folders, ledger and free space allow it; 503 with the reasons where they do not."""
    return _well(ports.about.readiness(), "Photos that arrive now would wait.")


@router.get("/healthz", summary="How is everything?", responses=responses(503))
def healthz(ports: PortsOf) -> Health:
    """Everything that `/livez` and `/readyz` look at, with what was found; always 200."""
    loops, readiness = ports.about.loops(), ports.about.readiness()
    return Health(
        live=all(one.is_well for one in loops),
        ready=all(one.is_well for one in readiness),
        checks=[CheckOut(name=one.name, ok=one.is_well, detail=one.detail) for one in (*loops, *readiness)],
    )


def _well(checks: Sequence[Check], otherwise: str) -> Well:
    reasons = [f"{one.name}: {one.detail}" for one in checks if not one.is_well]
    if reasons:
        raise Problem(503, otherwise, reasons=reasons)
    return Well(status="ok")
