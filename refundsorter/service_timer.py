"""The steps that install and remove the systemd timer which sweeps every night, in place of the schedule."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from refundsorter import service_steps as steps
from refundsorter import service_unit
from refundsorter.service_steps import Place, Step


def timer_of(place: Place) -> Path:
    """Where the timer's unit lies."""
    return place.unit.with_name(service_unit.TIMER)


def installation(place: Place, folders: Sequence[Path]) -> list[Step]:
    """Plan its installation, and that of the service which it starts."""
    if place.owner:
        unit = service_unit.of_system(place.settings, folders, sweep=True)
    else:
        unit = service_unit.of_user(place.settings, sweep=True)
    timer = service_unit.template(service_unit.TIMER).read_text(encoding="utf-8")
    return [
        steps.written(place.unit.with_name(service_unit.SWEEP), unit),
        steps.written(timer_of(place), timer),
    ]


def removal(place: Place) -> list[Step]:
    """Plan its removal; nothing where it is not there. A sweep that it has started is ended."""
    service = place.unit.with_name(service_unit.SWEEP)
    found = steps.unit_removal(place, timer_of(place))
    if service.exists():
        stop = partial(steps.call, *place.manager, "stop", service.name)
        found.append(Step(does=f"stop {service.name}", take=stop))
        found.append(Step(does=f"remove {service}", take=service.unlink))
    return found
