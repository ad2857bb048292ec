"""Jobs: start one, see how it stands, end it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from refundsorter.api import links
from refundsorter.api.depends import BearerOf, PortsOf
from refundsorter.api.problems import Problem, responses
from refundsorter.core.job import (
    JobOver,
    JobRefused,
    JobReport,
    JobState,
    KeyReused,
    NoSuchJob,
    Scope,
    shown,
)
from refundsorter.core.text import printable

MAX_ID = 2**63 - 1  # what a ledger's number holds
MAX_NAMES, MAX_TEXT, MAX_PATH = 1000, 255, 4096

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
Number = Annotated[int, Path(ge=1, le=MAX_ID, description="The job's number.", examples=[7])]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
Time = Field(examples=["2026-01-31T09:30:00.125Z"], json_schema_extra={"format": "date-time"})


class JobIn(BaseModel):
    """A request for a job."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"kind": "sweep"}, {"kind": "sweep", "classes": ["ELECTRONICS"]}]},
    )

    kind: Literal["sweep"] = Field(description="What it does: `sweep` sorts what lies in the inboxes.")
    classes: list[Text] = Field(
        default=[],
        max_length=MAX_NAMES,
        description="Labels and categories: only photos that show one of these are sorted, others are left "
        "where they are. For inboxes that are not watched (`watch.mode: jobs`). None: all photos are sorted.",
    )
    paths: list[Annotated[str, Field(pattern="^/[^\\x00]*$", max_length=MAX_PATH)]] = Field(
        default=[],
        max_length=MAX_NAMES,
        description="Files and folders in inboxes, absolute: only what lies there. None: every inbox.",
    )
    glob: Annotated[str, Field(pattern="^[^/.\\x00][^\\x00]*$", max_length=MAX_TEXT)] | None = Field(
        default=None, description="A pattern that the path ends with: `*.jpg`, `monday/*.jpg`."
    )
    undone: bool = Field(
        default=False, description="Also photos that were put back into the inbox; no other job takes them."
    )
    by: Text | None = Field(default=None, description="Who asks for it; with a token it is the token's name.")


class JobOut(BaseModel):
    """How a job stands: found = done + left, and done = sorted + review + rejected + undone + kept."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(description="Its number.", examples=[7])
    kind: str = Field(description="What it does.", examples=["sweep"])
    state: JobState = Field(
        description="`interrupted`: a sweep of the command line whose process has died.", examples=["running"]
    )
    by: str | None = Field(description="Who asked for it.", examples=["returns portal"])
    classes: list[str] = Field(description="Labels and categories that it is about; none: all.")
    paths: list[str] = Field(description="Files and folders that it is about; none: every inbox.")
    glob: str | None = Field(description="The pattern of the paths that it is about.")
    found: int = Field(description="Photos that belong to it; grows until `percent` is told.", examples=[200])
    done: int = Field(description="Photos of which it wants no more.", examples=[150])
    left: int = Field(
        description="Photos in the inbox that it has not come to, or could not sort.", examples=[50]
    )
    percent: float | None = Field(description="Of `done`, once all photos are found.", examples=[75.0])
    sorted: int = Field(description="Photos in the folders of their categories.", examples=[140])
    review: int = Field(description="Photos for a person to decide.", examples=[9])
    rejected: int = Field(description="Photos that cannot be used.", examples=[1])
    undone: int = Field(description="Photos that were filed, and then put back.", examples=[0])
    kept: int = Field(description="Photos left in the inbox, being of other classes.", examples=[0])
    categories: dict[str, int] = Field(description="Sorted photos by category.", examples=[{"TOYS": 140}])
    failures: dict[str, int] = Field(description="Rejected photos by reason.", examples=[{"truncated": 1}])
    rate: float | None = Field(description="Photos done a second, since it was started.", examples=[210.5])
    time_left_s: float | None = Field(description="Seconds, at that rate.", examples=[0.2])
    trouble: str | None = Field(description="What holds it up.", examples=[None])
    asked: Annotated[str, Time]
    started: Annotated[str | None, Time]
    ended: Annotated[str | None, Time]


class JobsOut(BaseModel):
    """Some jobs of the list."""

    jobs: list[JobOut] = Field(description="The newest first.")
    next: str | None = Field(description="The `cursor` of the next page; null: there are no more.")


@router.post(
    "",
    status_code=201,
    summary="Start a job.",
    responses={
        201: {
            "description": "It is asked for.",
            "headers": {"Location": {"description": "Where it stands.", "schema": {"type": "string"}}},
            "links": links.to_job("/id"),
        },
        **responses(409, 422, 503),
    },
)
def start_job(
    ports: PortsOf,
    bearer: BearerOf,
    job: JobIn,
    response: Response,
    idempotency_key: Annotated[
        Text | None,
        Header(
            alias="Idempotency-Key",
            description="Asked for again by this key it is the same job.",
            examples=["2026-01-31"],
        ),
    ] = None,
) -> JobOut:
    """It is begun when those before it are over, and goes on after a restart of the daemon.

    409 where the daemon has no such class or inbox, none that is left to jobs, or another job by that key.
    """
    try:
        scope = Scope(classes=tuple(job.classes), paths=tuple(job.paths), glob=job.glob, undone=job.undone)
        found = ports.jobs.start(scope, by=bearer or job.by, key=idempotency_key)
    except (JobRefused, KeyReused) as refused:
        raise Problem(409, printable(str(refused))) from refused
    response.headers["Location"] = f"/v1/jobs/{found.id}"
    return _out(found)


@router.get(
    "",
    summary="Jobs, the newest first.",
    responses={
        200: {"links": links.to_next_page("list_jobs")},
        **responses(422, 503),
    },
)
def list_jobs(
    ports: PortsOf,
    state: Annotated[
        JobState | None, Query(description="Only those that stand so.", examples=["running"])
    ] = None,
    cursor: Annotated[
        Annotated[str, Field(pattern="^[1-9][0-9]{0,17}$")] | None,
        Query(description="`next` of the page before.", examples=["7"]),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="How many at most.", examples=[50])] = 50,
) -> JobsOut:
    """Sweeps of the command line are jobs, too."""
    before = None if cursor is None else int(cursor)
    found = ports.jobs.listing(limit=limit + 1, before=before, state=state)
    page = found[:limit]
    return JobsOut(
        jobs=[_out(one) for one in page], next=str(page[-1].id) if len(found) > len(page) else None
    )


@router.get("/{number}", summary="How a job stands.", responses=responses(404, 422, 503))
def show_job(ports: PortsOf, number: Number) -> JobOut:
    """Its state, and what became of its photos so far."""
    try:
        return _out(ports.jobs.one(number))
    except NoSuchJob as missing:
        raise Problem(404, str(missing)) from missing


@router.delete("/{number}", summary="End a job.", responses=responses(404, 409, 422, 503))
def cancel_job(ports: PortsOf, number: Number) -> JobOut:
    """What is in hand is finished first; what is left stays in the inbox."""
    try:
        return _out(ports.jobs.cancel(number))
    except NoSuchJob as missing:
        raise Problem(404, str(missing)) from missing
    except JobOver as over:
        raise Problem(409, str(over)) from over


def _out(found: JobReport) -> JobOut:
    return JobOut.model_validate(shown(found))
