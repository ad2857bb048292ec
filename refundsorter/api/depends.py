"""How a route gets its ports, and who asks."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request

from refundsorter.api.ports import Ports
from refundsorter.core.token import Role


async def _ports(request: Request) -> Ports:  # async: no thread is needed for it
    ports: Ports = request.app.state.ports
    return ports


async def _bearer(request: Request) -> str | None:
    name: str | None = getattr(request.state, "by", None)
    return name


async def _operator(request: Request) -> bool:
    role: Role = getattr(request.state, "role", Role.OPERATE)
    return role.allows(Role.OPERATE)


async def _admitted(request: Request) -> Callable[[], bool]:
    is_admitted: Callable[[], bool] = request.state.is_admitted
    return is_admitted


PortsOf = Annotated[Ports, Depends(_ports)]  # a route's parameter of this type
BearerOf = Annotated[str | None, Depends(_bearer)]  # the name of the token; None where none was needed
MayOperate = Annotated[bool, Depends(_operator)]  # whether who asks may also start and change something
IsAdmitted = Annotated[Callable[[], bool], Depends(_admitted)]  # whether who asked would be let in now, too
