"""Is everything as the daemon needs it? Each check says what it found and, if need be, what to do."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from refundsorter.assembly import LEDGER_FILE, load_model, worker_count
from refundsorter.core.fault import BundleRefused, ConfigurationInvalid, LedgerRefused, PassingTrouble
from refundsorter.edges import mounts
from refundsorter.edges.bundle import ACTIVE
from refundsorter.edges.classifier import Classifier
from refundsorter.edges.ledger_report import LedgerReport
from refundsorter.edges.lock import holder
from refundsorter.settings import Settings

LOW_SPACE_BYTES = 1 << 30  # below this a shelf fills within an afternoon of phone photos
FEW_WATCHES = 1024  # fewer inotify watches than this run out with a modest tree of folders
FEW_NAMES = 5  # of labels without a category that are named
INOTIFY_WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check."""

    name: str  # what was looked at
    verdict: Verdict  # how it is
    found: str  # what was found
    todo: str = ""  # what to do; empty when all is well


def examine(settings: Settings) -> Iterator[Check]:
    """Every check, in order; nothing is changed."""
    for inbox in settings.inbox:
        yield _folder("inbox", inbox, made_by_us=False)
        if inbox.is_dir():
            yield _watching(inbox, settings)
            yield _same_file_system(inbox, settings.sorted)
    yield _folder("sorted", settings.sorted, made_by_us=True)
    yield _folder("state_dir", settings.state_dir, made_by_us=True)
    yield _space(settings.sorted)
    yield _ledger(settings)
    yield from _model(settings)


def _folder(name: str, folder: Path, *, made_by_us: bool) -> Check:
    if not folder.is_dir():
        if made_by_us:
            return Check(name=name, verdict=Verdict.OK, found=f"{folder} is missing; it is made at start")
        return Check(
            name=name,
            verdict=Verdict.FAILED,
            found=f"{folder} is missing",
            todo="make it, or mount the share; a daemon that runs waits for it",
        )
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".refundsorter-"):
            pass
    except OSError as error:
        return Check(
            name=name,
            verdict=Verdict.FAILED,
            found=f"{folder} cannot be written to: {error.strerror}",
            todo=f"give user {os.geteuid()} the right to read, write and enter it",
        )
    return Check(name=name, verdict=Verdict.OK, found=str(folder))


def _watching(inbox: Path, settings: Settings) -> Check:
    mode = settings.watch.roots.get(inbox, settings.watch.mode)
    why = mounts.why_polling(inbox) if mode == "auto" else None
    if mode == "polling" or why:
        return Check(name="watching", verdict=Verdict.OK, found=f"by polling: {why or 'the settings say so'}")
    watches = _number(INOTIFY_WATCHES)
    if watches is not None and watches < FEW_WATCHES:
        return Check(
            name="watching",
            verdict=Verdict.WARNING,
            found=f"by inotify, with only {watches} watches",
            todo="sysctl fs.inotify.max_user_watches=65536",
        )
    return Check(name="watching", verdict=Verdict.OK, found=f"by inotify, {watches} watches allowed")


def _same_file_system(inbox: Path, shelf: Path) -> Check:
    name = "moving"
    if inbox.stat().st_dev == _existing(shelf).stat().st_dev:
        return Check(name=name, verdict=Verdict.OK, found="inbox and sorted share a file system: by rename")
    return Check(
        name=name,
        verdict=Verdict.WARNING,
        found="inbox and sorted lie on two file systems: by verified copy, which is slower",
        todo="put both on one file system if speed matters",
    )


def _space(shelf: Path) -> Check:
    free = shutil.disk_usage(_existing(shelf)).free
    found = f"{free / 2**30:.1f} GiB free on the shelf"
    if free < LOW_SPACE_BYTES:
        return Check(
            name="space",
            verdict=Verdict.WARNING,
            found=found,
            todo="make room, or put `sorted` on a larger disk",
        )
    return Check(name="space", verdict=Verdict.OK, found=found)


def _ledger(settings: Settings) -> Check:
    path = settings.state_dir / LEDGER_FILE
    if not path.exists():
        return Check(name="ledger", verdict=Verdict.OK, found="none yet; it is made at start")
    try:
        report = LedgerReport(str(path))
        try:
            photos = sum(report.overview().by_state.values())
        finally:
            report.close()
    except LedgerRefused as refused:
        found, todo = str(refused).split(". ", 1)
        return Check(name="ledger", verdict=Verdict.FAILED, found=found, todo=todo)
    except PassingTrouble as error:
        todo = f"give user {os.geteuid()} the right to read {settings.state_dir}"
        return Check(name="ledger", verdict=Verdict.FAILED, found=str(error), todo=todo)
    pid = holder(str(settings.state_dir))
    user = f"in use by pid {pid}" if pid else "not in use"
    return Check(name="ledger", verdict=Verdict.OK, found=f"{photos} photos, {user}")


def _model(settings: Settings) -> Iterator[Check]:
    try:
        model = load_model(settings)
        bundle = model.stored.manifest
        Classifier(model.stored.weights, labels=len(bundle.labels), input_size=bundle.input_size)
    except BundleRefused as refused:
        todo = f"name a bundle that is whole in {settings.models / ACTIVE}, or train one: refundsorter train"
        yield Check(name="model", verdict=Verdict.FAILED, found=str(refused), todo=todo)
        return
    except ConfigurationInvalid as invalid:
        yield Check(
            name="taxonomy", verdict=Verdict.FAILED, found=str(invalid), todo=f"mend {settings.taxonomy}"
        )
        return
    found = f"{bundle.reference}: {len(bundle.labels)} labels, {worker_count(settings)} workers"
    yield Check(name="model", verdict=Verdict.OK, found=found)
    interpretation = model.rules.interpretation
    homeless = [
        label
        for label, category in zip(interpretation.labels, interpretation.label_categories, strict=True)
        if category is None
    ]
    if homeless:
        yield Check(
            name="taxonomy",
            verdict=Verdict.WARNING,
            found=f"{len(homeless)} labels of the model have no category: {_some(homeless)}",
            todo=f"list them in {settings.taxonomy}; until then such photos go to _review/",
        )
    else:
        found = f"{len(interpretation.categories)} categories"
        yield Check(name="taxonomy", verdict=Verdict.OK, found=found)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:FEW_NAMES]) + (" …" if len(names) > FEW_NAMES else "")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(one for one in (folder, *folder.parents) if one.exists())


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
