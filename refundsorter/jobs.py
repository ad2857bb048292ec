"""Asking for jobs, and how they stand: what the commands and the HTTP face have in common.

A request stands in the ledger, as one for a correction does: whoever asks needs no channel to the process
that sorts, and that process may be started later, or again.
"""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import PurePath

from refundsorter.core.fault import AlreadyRunning, ConfigurationInvalid, PassingTrouble, StartRefused
from refundsorter.core.job import (
    Job,
    JobRefused,
    JobReport,
    JobState,
    Kind,
    NoSuchJob,
    Scope,
    report,
)
from refundsorter.core.schedule import KEY as OF_NIGHTS
from refundsorter.core.text import shown
from refundsorter.edges.ledger import Ledger
from refundsorter.edges.ledger_jobs import JobRows
from refundsorter.edges.ledger_jobs_report import JobsReport
from refundsorter.edges.ledger_schema import FILE
from refundsorter.edges.taxonomy import read_taxonomy
from refundsorter.locks import sorter_pid
from refundsorter.policies import watched_inboxes
from refundsorter.settings import Settings


class NoLedger(StartRefused):
    """There is no ledger that a job could be written into."""


def scope_of(
    settings: Settings,
    *,
    classes: Sequence[str] = (),
    paths: Sequence[str] = (),
    glob: str | None = None,
    undone: bool = False,
) -> Scope:
    """Which photos a job is about, if it can be asked for.

    Args:
        settings: For the inboxes and the taxonomy.
        classes: Labels and categories.
        paths: Files and folders, absolute.
        glob: A pattern for the end of the path below the inbox.
        undone: Whether photos that were put back are wanted, too.

    Raises:
        JobRefused: It cannot; the message says why.
        ConfigurationInvalid: The taxonomy is wrong.
    """
    if classes:
        _require_classes(settings, classes)
    normal = tuple(_in_inbox(settings, path) for path in paths)
    if glob is not None:
        _require_glob(glob)
    return Scope.of(classes=tuple(classes), paths=normal, glob=glob, undone=undone)


def start(settings: Settings, scope: Scope, *, by: str | None, key: str | None) -> tuple[Job, bool]:
    """Ask for a sweep, of the process that sorts now or of the next one; it, and whether it is a new one.

    Raises:
        NoLedger: There is no ledger yet, or one of an older version.
        JobRefused: Such a key belongs to the schedule.
        KeyReused: The key is that of another request.
        AlreadyRunning: The process that sorts knows no jobs.
        PassingTrouble: The disk does not allow it now.
        LedgerRefused: The ledger is damaged, or of a newer version.
    """
    _require_free(key)
    with closing(_opened(settings)) as ledger:
        return ledger.jobs.ask(Kind.SWEEP, scope, by=by, key=key, now=time.time())


def cancel(settings: Settings, number: int) -> Job:
    """Ask for the end of a job; it, as it stands then.

    Raises:
        NoSuchJob: There is none.
        JobOver: It is over, or is a command's.
        NoLedger: There is no ledger, or one of an older version.
        AlreadyRunning: The process that sorts knows no jobs.
        PassingTrouble: The disk does not allow it now.
        LedgerRefused: The ledger is damaged, or of a newer version.
    """
    with closing(_opened(settings)) as ledger:
        return ledger.jobs.cancel(number, now=time.time())


class JobDesk:
    """Where the HTTP face asks for jobs; see `core.port_jobs.JobDeskPort`.

    Args:
        settings: Those of the daemon.
        rows: Its ledger's jobs.
        on_change: Told that something was asked for.
    """

    def __init__(self, settings: Settings, rows: JobRows, *, on_change: Callable[[], None]) -> None:
        self._settings = settings
        self._rows = rows
        self._on_change = on_change
        self._path = ledger_path(settings)

    def start(self, scope: Scope, *, by: str | None, key: str | None) -> JobReport:
        """Ask for a sweep."""
        try:
            scope = scope_of(self._settings, **asdict(scope))
        except ConfigurationInvalid as invalid:  # the daemon goes on with the one that it has read
            raise PassingTrouble(str(invalid)) from invalid
        _require_free(key)
        job, _ = self._rows.ask(Kind.SWEEP, scope, by=by, key=key, now=time.time())
        self._on_change()
        return self.one(job.id)

    def cancel(self, number: int) -> JobReport:
        """Ask for the end of a job."""
        self._rows.cancel(number, now=time.time())
        self._on_change()
        return self.one(number)

    def one(self, number: int) -> JobReport:
        """How a job stands."""
        return one(self._path, number)

    def listing(self, *, limit: int, before: int | None, state: JobState | None) -> list[JobReport]:
        """How jobs stand, the newest first."""
        return listing(self._path, limit=limit, before=before, state=state)


def one(path: str, number: int) -> JobReport:
    """How a job stands, by the ledger at `path`.

    Raises:
        NoSuchJob: There is none.
        PassingTrouble: The ledger cannot be read now.
        LedgerRefused: It is damaged, or of a newer version.
    """
    if not os.path.exists(path):
        raise NoSuchJob(f"there is no job {number}")
    with closing(JobsReport(path)) as ledger:
        job, tally = ledger.job(number)
    return report(job, tally, now=time.time())


def listing(
    path: str, *, limit: int, before: int | None = None, state: JobState | None = None
) -> list[JobReport]:
    """How jobs stand, by the ledger at `path`; the newest first.

    Args:
        path: Of the ledger.
        limit: How many at most.
        before: Only those with a lower number.
        state: Only those that stand so.

    Raises:
        PassingTrouble: The ledger cannot be read now.
        LedgerRefused: It is damaged, or of a newer version.
    """
    if not os.path.exists(path):
        return []
    with closing(JobsReport(path)) as ledger:
        found = ledger.jobs(limit=limit, before=before, state=state)
    now = time.time()
    return [report(job, tally, now=now) for job, tally in found]


def ledger_path(settings: Settings) -> str:
    """Where the ledger lies."""
    return str(settings.state_dir / FILE)


def _require_classes(settings: Settings, classes: Sequence[str]) -> None:
    taxonomy = read_taxonomy(settings.taxonomy)
    known = {*taxonomy.category_of, *taxonomy.category_of.values()}
    if unknown := [one for one in classes if one not in known]:
        raise JobRefused(
            f"classes: {', '.join(map(shown, unknown))}: no label and no category of the taxonomy "
            f"({settings.taxonomy}); its categories are {', '.join(taxonomy.categories)}"
        )
    if len(watched_inboxes(settings)) == len(settings.inbox):
        raise JobRefused(
            "classes: every inbox is watched, so every photo is sorted as it comes and none can be left; "
            "set `watch.mode: jobs`, or the mode of an inbox in `watch.roots`"
        )


def _require_free(key: str | None) -> None:
    """Leave the keys of nights to the schedule: whoever had one would take that night from it."""
    if key is not None and key.startswith(OF_NIGHTS):
        raise JobRefused(f"key: {shown(key)} begins with {OF_NIGHTS!r}; such keys are those of the schedule")


def _in_inbox(settings: Settings, path: str) -> str:
    normal = os.path.normpath(path)
    if not os.path.isabs(path) or "\0" in path:
        raise JobRefused(f"paths: {shown(path)} is no absolute path")
    if not any(PurePath(normal).is_relative_to(inbox) for inbox in settings.inbox):
        inboxes = ", ".join(map(str, settings.inbox))
        raise JobRefused(f"paths: {shown(path)} lies in no inbox; the inboxes are {inboxes}")
    return normal


def _require_glob(glob: str) -> None:
    if glob.startswith("/") or "\0" in glob or not PurePath(glob).parts:
        raise JobRefused(f"glob: {shown(glob)} is no pattern for a path below an inbox, such as '*.jpg'")


def _opened(settings: Settings) -> Ledger:
    path = ledger_path(settings)
    if not os.path.exists(path):
        raise NoLedger(f"{path}: there is no ledger; `refundsorter run` makes one. Is `state_dir` right?")
    with closing(JobsReport(path)) as found:
        knows_jobs = found.knows_jobs
    if knows_jobs:
        return Ledger(path, longest_wait_s=settings.retry.max_s)
    if sorter_pid(settings) is not None:
        raise AlreadyRunning(
            "the refundsorter that runs is older than this one and knows no jobs; restart it first"
        )
    raise older(path)


def older(path: str) -> NoLedger:
    """That the ledger at `path` has no place yet for what is asked."""
    return NoLedger(f"{path}: it is of an older version; `refundsorter run` brings it to this one's")
