"""The numbers for a monitor: what the loops counted, and what the ledger holds, in Prometheus' formats."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import accumulate

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.responses import Response

from refundsorter.api.depends import PortsOf
from refundsorter.api.ports import Ports
from refundsorter.core import metric
from refundsorter.core.fault import PassingTrouble, StartRefused
from refundsorter.core.job import JobState
from refundsorter.core.night_steps import Outcome, Step

router = APIRouter(tags=["health"])
NO_CATEGORY = "none"
TEXT = {"text/plain": {"schema": {"type": "string"}}}
OPENMETRICS = {"application/openmetrics-text": {"schema": {"type": "string"}}}


@router.get(
    "/metrics",
    summary="How much of everything?",
    response_class=Response,
    responses={200: {"description": "Prometheus' text, or OpenMetrics.", "content": TEXT | OPENMETRICS}},
)
def metrics(ports: PortsOf, request: Request) -> Response:
    """In OpenMetrics where `Accept` names it. What is counted since the start begins at zero with it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(ports))
    ProcessCollector(registry=registry)
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(registry), headers={"Content-Type": media_type})


class _Numbers(Collector):
    """Everything at this moment."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def describe(self) -> list[Metric]:
        """Nothing ahead: what is there is known when it is collected."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Each family once."""
        yield from _counted(self._ports.metrics)
        yield from _measured(self._ports.metrics)
        yield _bundle(self._ports)
        yield _room(self._ports)
        yield from _night(self._ports)
        found: list[Metric] = []
        try:
            found = [*_photos(self._ports), *_sweep(self._ports)]
        except (PassingTrouble, StartRefused):
            found = []  # the other numbers tell of a ledger that cannot be read, too
        yield _gauge("ledger_up", "Whether the ledger can be read.", float(bool(found)))
        yield from found


def _counted(port: metric.MetricsPort) -> Iterator[Metric]:
    counts = port.counts()
    for one in metric.ALL:
        if one.buckets:
            continue
        family = CounterMetricFamily(metric.PREFIX + one.name, one.about, labels=one.labels)
        if not one.labels:
            family.add_metric((), counts.get((one, ()), 0))
        for (counted, labels), number in sorted(counts.items(), key=lambda item: item[0][1]):
            if counted is one and labels:
                family.add_metric(labels, number)
        yield family


def _measured(port: metric.MetricsPort) -> Iterator[Metric]:
    histograms = port.histograms()
    for one in metric.ALL:
        if not one.buckets:
            continue
        family = HistogramMetricFamily(metric.PREFIX + one.name, one.about, labels=one.labels)
        for (measured, labels), found in sorted(histograms.items(), key=lambda item: item[0][1]):
            if measured is one:
                bounds = [*map(str, one.buckets), "+Inf"]
                buckets = list(zip(bounds, map(float, accumulate(found.counts)), strict=True))
                family.add_metric(labels, buckets, found.total)
        yield family


def _photos(ports: Ports) -> Iterator[Metric]:
    outcomes, undone = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for one in ports.images.tallies():
        outcomes[one.state, one.category or NO_CATEGORY] += one.photos
        undone[one.state, one.category or NO_CATEGORY] += one.undone
    yield _by_outcome(
        "files",
        "Photos that were filed, over all time; the category is the best one, wherever they were filed.",
        outcomes,
    )
    yield _by_outcome("undone_files", "Photos of these that were put back into the inbox.", +undone)
    standing = ports.about.status()
    queue = GaugeMetricFamily(
        metric.PREFIX + "queue_files", "Photos that are not filed yet.", labels=("state",)
    )
    for state in ("waiting", "claimed", "classified"):
        queue.add_metric((state,), standing["photos"][state])
    yield queue
    yield _gauge(
        "oldest_waiting_age_seconds",
        "Since the oldest photo that is not filed was noticed; 0 where there is none.",
        standing["oldest_waiting_s"] or 0.0,
    )
    yield _gauge("journal_owed_lines", "Lines that the journal still lacks.", standing["lines_owed"])


def _by_outcome(name: str, about: str, photos: Counter[tuple[str, str]]) -> Metric:
    family = CounterMetricFamily(metric.PREFIX + name, about, labels=("outcome", "category"))
    for labels, number in sorted(photos.items()):
        family.add_metric(labels, number)
    return family


def _sweep(ports: Ports) -> Iterator[Metric]:
    done = ports.jobs.listing(limit=1, before=None, state=JobState.DONE)
    if not done or done[0].started is None or done[0].ended is None:
        return
    began, ended = (datetime.fromisoformat(time).timestamp() for time in (done[0].started, done[0].ended))
    yield _gauge("sweep_last_success_timestamp_seconds", "When the last sweep was done, unix time.", ended)
    yield _gauge("sweep_last_duration_seconds", "How long it took.", max(0.0, ended - began))


def _night(ports: Ports) -> Iterator[Metric]:
    """How the steps of the last night ended, and how much has shifted by it."""
    try:
        night = ports.night()
    except PassingTrouble:
        night = None
    steps = GaugeMetricFamily(
        metric.PREFIX + "night_step_success",
        "Whether a step of the last night was done: 1, or 0 where it failed or is not over.",
        labels=("step",),
    )
    shifts = GaugeMetricFamily(
        metric.PREFIX + "drift_psi",
        "The population stability index of the last night, of categories or confidence, against "
        "the weeks before or what was measured when the bundle was made.",
        labels=("of", "against"),
    )
    for one in night.steps if night else ():
        is_done = one.told is not None and one.told.outcome is not Outcome.FAILED
        steps.add_metric((one.step.value,), float(is_done))
        found = one.told.details.get("psi", {}) if one.told and one.step is Step.DRIFT else {}
        for what, indices in found.items():
            for against, index in indices.items():
                if index is not None:
                    shifts.add_metric((what, against), index)
    yield steps
    yield shifts


def _bundle(ports: Ports) -> Metric:
    info = ports.about.info()
    family = InfoMetricFamily(metric.PREFIX + "bundle", "What photos are decided by.")
    family.add_metric((), {"model": info.model, "taxonomy": info.taxonomy, "version": info.version})
    return family


def _room(ports: Ports) -> Metric:
    family = GaugeMetricFamily(
        metric.PREFIX + "free_bytes", "What may still be written, where it can be told.", labels=("place",)
    )
    for place, free in ports.about.room().items():
        family.add_metric((place,), free)
    return family


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(metric.PREFIX + name, about, value=value)
