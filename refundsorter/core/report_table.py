"""A report as a table: one figure a row, so that the tables of many days can be put under one another."""

from collections.abc import Iterator
from dataclasses import asdict

from refundsorter.core.day_facts import Recorded
from refundsorter.core.report import Outcomes, Report, Review

Figure = tuple[str, str, str, object]  # of, name, figure, value
HEADINGS = ("date", "of", "name", "figure", "value")


def rows(found: Report) -> Iterator[tuple[object, ...]]:
    """The headings and then every row."""
    yield HEADINGS
    for of, name, figure, value in _figures(found):
        yield found.date, of, name, figure, value


def _figures(found: Report) -> Iterator[Figure]:
    for figure, count in asdict(found.account).items():
        yield "account", "", figure, count
    yield from _arrivals(found)
    for category in found.categories:
        for figure, value in asdict(category).items():
            if figure != "category":
                yield "category", category.category, figure, value
    for reason, photos in found.rejected.items():
        yield "rejected", reason, "photos", photos
    yield from _review(found.review)
    yield from _speed(found)
    for model, photos in found.models.items():
        yield "model", model, "photos", photos
    yield from _recorded(found.recorded)


def _arrivals(found: Report) -> Iterator[Figure]:
    for source, outcomes in found.sources.items():
        yield from _outcomes("source", source, outcomes)
    yield from _outcomes("hour", "before", found.before)
    for hour in found.hours:
        yield from _outcomes("hour", hour.begins, hour.outcomes)


def _review(found: Review) -> Iterator[Figure]:
    yield "review", "", "backlog_before", found.backlog_before
    yield "review", "", "backlog", found.backlog
    for name, share in (("judged", found.judged), ("judged_usual", found.judged_usual)):
        yield "review", name, "right", share.hits
        yield "review", name, "of", share.of
    for move in found.moves:
        yield "moved", f"{move.origin} > {move.category}", "photos", move.photos


def _speed(found: Report) -> Iterator[Figure]:
    for stage, quantiles in found.latency.items():
        for quantile, value in quantiles.items():
            yield "latency", stage, quantile, value
    for figure, photos in asdict(found.pace).items():
        yield "pace", "", figure, photos


def _recorded(found: Recorded) -> Iterator[Figure]:
    for room in found.disk:
        yield "disk", room.folder, "free", room.free
        yield "disk", room.folder, "total", room.total
    for shift in found.drift.shifts if found.drift else ():
        yield "drift", shift.what, "psi", shift.psi
        yield "drift", shift.what, "verdict", shift.verdict


def _outcomes(of: str, name: str, outcomes: Outcomes) -> Iterator[Figure]:
    for figure, photos in asdict(outcomes).items():
        yield of, name, figure, photos
