"""The OpenAPI document: what the routes tell of themselves, and what only the whole application knows."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from refundsorter.api import gate, problems
from refundsorter.core.token import KeysPort

NULL = {"type": "null"}


def described(app: FastAPI, keys: KeysPort) -> dict[str, Any]:
    """The document; whether tokens are needed is told as it is now."""
    if app.openapi_schema is None:
        app.openapi_schema = _made(app)
    # As long as there are no tokens, whoever is on this machine may ask.
    return app.openapi_schema | {"security": [{"token": []}] if keys.is_needed() else []}


def _made(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    # No route returns a problem, and every one may tell one.
    schema = problems.ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= schema.pop("$defs", {}) | {"ProblemDetails": schema}
    made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path in gate.OPEN:
        made["paths"][path]["get"]["security"] = []
    for parameter in _parameters(made):
        _take_null_out(parameter["schema"])
    return made


def _parameters(made: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in made["paths"].values():
        for operation in methods.values():
            yield from operation.get("parameters", ())


def _take_null_out(schema: dict[str, Any]) -> None:
    """Say no more than that a parameter may be left out: no query and no header has a null."""
    kinds = [one for one in schema.get("anyOf", ()) if one != NULL]
    if len(kinds) == 1:
        del schema["anyOf"]
        schema |= kinds[0]
