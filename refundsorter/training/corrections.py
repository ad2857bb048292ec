"""What people have put right, as photos to learn from and to measure on.

A correction is the only truth about the company's own photos. The latest one of a photo counts; one that
confirms the model, because somebody moved the photo from `_review/` to the category that the model had named,
counts as well.
"""

import os
from collections.abc import Callable
from pathlib import Path

from refundsorter.core.correction import CorrectedPhoto
from refundsorter.core.fault import PassingTrouble, Vanished
from refundsorter.core.taxonomy import Taxonomy
from refundsorter.edges.copying import hash_of
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.ledger_report import LedgerReport
from refundsorter.edges.ledger_schema import FILE
from refundsorter.edges.taxonomy import read_taxonomy
from refundsorter.settings import Settings
from refundsorter.training.dataset import Sample
from refundsorter.training.progress import Progress, Report

SOURCE = "corrections"
LICENCE = "the company's own photos"
STAGE = "corrections"
TOLD_EVERY = 100  # photos between two reports of progress


def read_corrections(settings: Settings, report: Report = lambda _progress: None) -> tuple[Sample, ...]:
    """The photos that people have put into a category, as they lie on the shelf now; none where nobody has.

    Needs no TensorFlow, and disturbs no daemon that runs.

    Args:
        settings: For ledger, shelf and taxonomy.
        report: Told how far the reading is, and of every photo that is left out: its file is gone, cannot be
            read, or holds other bytes than those that were sorted.

    Returns:
        One sample a photo, in the order of the photos' numbers; `source` is "corrections" and `group` is the
        content, so that copies stay on one side of a split.

    Raises:
        PassingTrouble: The ledger cannot be read now.
        LedgerRefused: It is damaged, or of a newer version.
        ConfigurationInvalid: The taxonomy is wrong.
    """
    taxonomy = read_taxonomy(settings.taxonomy)
    photos = _corrected(str(settings.state_dir / FILE))
    files = FileSystem()
    samples = []
    for done, photo in enumerate(photos, start=1):
        why = _why_not(files, photo)
        if not why:
            samples.append(_sample(photo, taxonomy))
        if why or done % TOLD_EVERY == 0 or done == len(photos):
            report(Progress(stage=STAGE, done=done, total=len(photos), note=why))
    return tuple(samples)


def _corrected(ledger: str) -> list[CorrectedPhoto]:
    if not os.path.exists(ledger):
        return []
    report = LedgerReport(ledger)
    try:
        return list(report.corrected())
    finally:
        report.close()


def _why_not(files: FileSystem, photo: CorrectedPhoto) -> str:
    """Why a photo cannot be learned from; nothing where it can."""
    try:
        if hash_of(files, photo.path) != photo.sha256:
            return f"photo {photo.image}, {photo.path}: left out, it is not the photo that was sorted"
    except Vanished:
        return f"photo {photo.image}, {photo.path}: left out, it is gone"
    except PassingTrouble as trouble:
        return f"photo {photo.image}, {photo.path}: left out, {trouble}"
    return ""


def _sample(photo: CorrectedPhoto, taxonomy: Taxonomy) -> Sample:
    return Sample(
        path=Path(photo.path),
        label=_label(photo, taxonomy.category_of.get),
        category=photo.category,
        source=SOURCE,
        group=f"{SOURCE}/{photo.sha256}",
        licence=LICENCE,
    )


def _label(photo: CorrectedPhoto, category_of: Callable[[str], str | None]) -> str:
    """The model's best label among those of the right category; the category itself where it named none."""
    labels = (one.label for one in photo.top_predictions)
    return next((label for label in labels if category_of(label) == photo.category), photo.category)
