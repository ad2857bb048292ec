"""How a route gets its ports."""

from typing import Annotated

from fastapi import Depends, Request

from refundsorter.api.ports import Ports


async def _ports(request: Request) -> Ports:  # async: no thread is needed for it
    ports: Ports = request.app.state.ports
    return ports


PortsOf = Annotated[Ports, Depends(_ports)]  # a route's parameter of this type
