"""How a route gets its ports, and who asks."""

from typing import Annotated

from fastapi import Depends, Request

from refundsorter.api.ports import Ports


async def _ports(request: Request) -> Ports:  # async: no thread is needed for it
    ports: Ports = request.app.state.ports
    return ports


async def _bearer(request: Request) -> str | None:
    name: str | None = getattr(request.state, "by", None)
    return name


PortsOf = Annotated[Ports, Depends(_ports)]  # a route's parameter of this type
BearerOf = Annotated[str | None, Depends(_bearer)]  # the name of the token; None where none was needed
