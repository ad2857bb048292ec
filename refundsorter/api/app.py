"""The application: every route, over ports that it is given."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.telemetry import TelemetryConfig

from refundsorter import __version__
from refundsorter.api import about, deeds, health, images, jobs, predict, problems, stats
from refundsorter.api.bodies import Room
from refundsorter.api.guard import Guard
from refundsorter.api.ports import Ports

# The first is looked for first: it is asked for a hundred times a second.
ROUTERS = (
    predict.router,
    health.router,
    about.router,
    stats.router,
    images.router,
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
PROBLEMS = problems.responses(404, 405, 500)


def create_app(ports: Ports) -> FastAPI:
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
    app.state.room = Room(BODIES * ports.uploads.max_bytes)
    app.add_middleware(Guard, log=ports.log)
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = lambda: _description(app)  # type: ignore[method-assign]  # FastAPI's way
    return app


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = THREADS
    yield


def _description(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the schema of problems, which no route returns and every one may tell."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        schema = problems.ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {}) | {"ProblemDetails": schema}
        app.openapi_schema = made
    return app.openapi_schema
