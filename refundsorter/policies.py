"""From the settings to the values that core, edges and loops work by."""

import os
from pathlib import Path

from refundsorter.core.batching import BatchPolicy
from refundsorter.core.bundle import Bundle
from refundsorter.core.decision import Interpretation, Rules, Thresholds
from refundsorter.core.ignore import IgnoreRules
from refundsorter.core.job import Scope
from refundsorter.core.pixels import ImageLimits
from refundsorter.core.retry import RetryPolicy
from refundsorter.core.schedule import Schedule
from refundsorter.edges.fence import DecodeLimits
from refundsorter.edges.taxonomy import read_taxonomy
from refundsorter.edges.zone import zone_of
from refundsorter.loops.root import Times
from refundsorter.settings import Settings
from refundsorter.settings_model import WatchMode


def rules_of(settings: Settings, bundle: Bundle) -> Rules:
    """Everything by which photos are judged, from settings, taxonomy and bundle."""
    taxonomy = read_taxonomy(settings.taxonomy)
    return Rules(
        model=bundle.reference,
        taxonomy=taxonomy.digest,
        interpretation=Interpretation.of(
            labels=bundle.labels,
            temperature=bundle.temperature,
            taxonomy=taxonomy,
            top_k=settings.decision.top_k,
        ),
        thresholds=Thresholds(
            taxonomy=taxonomy.thresholds,
            bundle=bundle.thresholds,
            default=settings.decision.default_threshold,
        ),
        shelve_duplicates=settings.decision.duplicates == "shelve",
    )


def worker_count(settings: Settings) -> int:
    """How many examiners work side by side: one a core unless the settings say otherwise."""
    workers = settings.batch.workers
    return len(os.sched_getaffinity(0)) if workers == "auto" else workers


def decode_limits(settings: Settings) -> DecodeLimits:
    """What a photo must keep to be decoded, and what that may cost."""
    image = settings.image
    return DecodeLimits(
        image=ImageLimits(max_bytes=image.max_bytes, max_pixels=image.max_pixels, min_side=image.min_side),
        cpu_s=image.timeout_s,
        memory_bytes=image.memory_bytes,
    )


def retry_policy(settings: Settings) -> RetryPolicy:
    """How long passing trouble is waited out."""
    return RetryPolicy(base_s=settings.retry.base_s, max_s=settings.retry.max_s)


def intake_times(settings: Settings) -> Times:
    """How long the intake waits for what."""
    watch = settings.watch
    return Times(
        stability_s=watch.stability_s, scan_interval_s=watch.scan_interval_s, retry=retry_policy(settings)
    )


def batch_policy(settings: Settings) -> BatchPolicy:
    """When a micro-batch is taken."""
    return BatchPolicy(max_size=settings.batch.max_size, max_delay_s=settings.batch.max_delay_ms / 1000)


def ignore_rules(settings: Settings) -> IgnoreRules:
    """Which names in an inbox are no photos', and never will be."""
    marker = settings.watch.marker
    return IgnoreRules((*settings.watch.ignore, *([marker] if marker else [])))


def watched_inboxes(settings: Settings) -> list[str]:
    """The inboxes whose photos are sorted as they come, without a job."""
    return [str(root) for root in settings.inbox if watch_mode(settings, root) != "jobs"]


def schedule(settings: Settings) -> Schedule | None:
    """When the nights are; None: never, for nobody has set a time, or no inbox is watched."""
    expression = settings.sweep.schedule
    if expression is None or not watched_inboxes(settings):
        return None
    return Schedule(expression, zone_of(settings.sweep.timezone))


def night_scope(settings: Settings) -> Scope:
    """What a night is about: inboxes that are watched. The others are left alone but for jobs."""
    watched = watched_inboxes(settings)
    return Scope() if len(watched) == len(settings.inbox) else Scope.of(paths=tuple(watched))


def watch_mode(settings: Settings, inbox: Path) -> WatchMode:
    """How changes in an inbox are noticed."""
    return settings.watch.roots.get(inbox, settings.watch.mode)
