"""The application: every route, over ports that it is given."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import CapacityLimiter
from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from refundsorter import __version__
from refundsorter.api import (
    about,
    deeds,
    events,
    gate,
    health,
    images,
    jobs,
    metrics,
    predict,
    problems,
    stats,
)
from refundsorter.api.bodies import Room
from refundsorter.api.bounds import Bodies, Crowd
from refundsorter.api.description import described
from refundsorter.api.guard import Guard
from refundsorter.api.ports import Bounds, Ports
from refundsorter.api.sources import FETCHES

# The first is looked for first: it is asked for a hundred times a second.
ROUTERS = (
    predict.router,
    health.router,
    metrics.router,
    about.router,
    stats.router,
    images.router,
    events.router,
    deeds.router,
    jobs.router,
)
THREADS = 8  # that answer requests: more would only wait for the same two cores and one disk
BODIES = 2  # of the longest kind that may be in memory at once
ABOUT = "What the daemon knows and does: photos, jobs, predictions, models. Errors are RFC 9457 problems."
# Nothing is measured for others or sent to them, whatever the environment says.
SILENT: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
# What any request may be answered with.
PROBLEMS = problems.responses(400, 401, 403, 404, 405, 408, 413, 421, 500, 503)


def create_app(ports: Ports, bounds: Bounds) -> FastAPI:
    """Make the application."""
    app = FastAPI(
        title="refundsorter",
        version=__version__,
        description=ABOUT,
        lifespan=_lifespan,
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        responses=PROBLEMS,
        redirect_slashes=False,
        telemetry=SILENT,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.ports = ports
    app.state.room = Room(BODIES * bounds.max_body_bytes)
    app.state.listeners = events.Listeners()
    _surround(app, ports, bounds)
    problems.install(app, ROUTERS)
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = lambda: described(app, ports.keys)  # type: ignore[method-assign]  # FastAPI's way
    return app


def _surround(app: FastAPI, ports: Ports, bounds: Bounds) -> None:
    """Lay what every request has to pass around the routes: the innermost first."""
    app.add_middleware(Bodies, bounds=bounds)
    app.add_middleware(gate.Admitted, keys=ports.keys, log=ports.log)
    if bounds.origins:  # before tokens: a browser asks without one whether it may ask
        app.add_middleware(
            gate.Shared,
            allow_origins=bounds.origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
            expose_headers=["Location", "ETag", "Retry-After"],
        )
    app.add_middleware(gate.Addressed, bounds=bounds)
    app.add_middleware(Crowd, bounds=bounds)
    app.add_middleware(Guard, log=ports.log, meter=ports.metrics)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.fetching = CapacityLimiter(FETCHES)
    current_default_thread_limiter().total_tokens = THREADS
    yield
