"""What the commands ask, answered by the ledger. See `core.port_inquiry`."""

import os
import time
from contextlib import closing
from dataclasses import asdict
from typing import Any

from refundsorter import jobs, state
from refundsorter.core.fault import translate
from refundsorter.core.job import JobReport, JobState, Scope, shown
from refundsorter.core.photo_fields import change_fields, photo_fields
from refundsorter.core.port_images import Position, Wanted
from refundsorter.core.port_inquiry import NoSuchPhoto, OnProgress
from refundsorter.core.standing import Standing
from refundsorter.edges.ledger_images import LedgerImages
from refundsorter.edges.ledger_jobs_report import JobsReport
from refundsorter.edges.ledger_reading import Reader
from refundsorter.locks import sorter_pid
from refundsorter.policies import schedule
from refundsorter.settings import Settings


class LedgerInquiry:
    """Reads the ledger, and writes requests into it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._path = jobs.ledger_path(settings)

    def standing(self) -> Standing:
        """How the daemon and its photos stand."""
        return state.read(self._settings, schedule(self._settings), now=time.time())

    def images(self, wanted: Wanted, *, limit: int, on_progress: OnProgress) -> list[dict[str, Any]]:
        """Photos, the newest first."""
        if not self._has_photos():
            return []
        found: list[dict[str, Any]] = []
        after: Position | None = None
        with closing(Reader(self._path)) as reader:
            while True:
                page = LedgerImages(reader).page(wanted, after=after, limit=limit - len(found))
                found += map(photo_fields, page.photos)
                after = page.next
                if after is None or len(found) >= limit:
                    return found
                on_progress(len(found), limit)

    def image(self, number: int) -> dict[str, Any]:
        """One photo, and its corrections besides."""
        if self._has_photos():
            with closing(Reader(self._path)) as reader:
                images = LedgerImages(reader)
                changes = [change_fields(one) for one in images.changes(number)]
                if photo := images.photo(number):
                    return photo_fields(photo) | {"corrections": changes}
        raise NoSuchPhoto(f"There is no photo {number}.")

    def jobs(self, *, limit: int, before: int | None, state: JobState | None) -> list[JobReport]:
        """How jobs stand, the newest first."""
        self._is_there()
        return list(map(shown, jobs.listing(self._path, limit=limit, before=before, state=state)))

    def job(self, number: int) -> JobReport:
        """How a job stands."""
        self._is_there()
        return shown(jobs.one(self._path, number))

    def start(self, scope: Scope, *, by: str | None, key: str) -> JobReport:
        """Ask for a sweep."""
        self._is_there()
        settings = self._settings
        exact = jobs.scope_of(settings, **asdict(scope))
        job, _ = jobs.start(settings, exact, by=by, key=key)
        return self.job(job.id)

    def cancel(self, number: int) -> JobReport:
        """Ask for the end of a job."""
        self._is_there()
        jobs.cancel(self._settings, number)
        return self.job(number)

    def is_anybody_sorting(self) -> bool:
        """Whether a process takes up what is asked for."""
        return sorter_pid(self._settings) is not None

    def _has_photos(self) -> bool:
        """Whether there is a ledger that lists can be read from; raises where it is of an older version."""
        if not self._is_there():
            return False
        with closing(JobsReport(self._path)) as report:
            if report.is_blank():
                return False
            knows = report.knows_jobs
        if not knows:
            raise jobs.older(self._path)
        return True

    def _is_there(self) -> bool:
        """Whether there is a ledger; raises where this user may not look."""
        try:
            os.stat(self._path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise translate(error, f"reading {self._path!r}") from error
        return True
