"""The ledger's jobs, read beside a running daemon without disturbing it."""

from types import SimpleNamespace
from typing import Any

from refundsorter.core.job import Job, JobState, NoSuchJob, Tally
from refundsorter.core.schedule import KEY, KEY_END
from refundsorter.edges.ledger_job_rows import job_of, tally_of
from refundsorter.edges.ledger_report import LedgerReport

JOBS_SINCE = 4  # the ledger's version
COLUMNS = (
    "id", "kind", "state", "request", "by_whom", "asked_at", "started_at", "scanned_at", "ended_at",
    "trouble",
)  # fmt: skip
SELECT = f"SELECT {', '.join(COLUMNS)} FROM jobs"  # noqa: S608 - constants
NIGHT = "SELECT key, id FROM jobs WHERE id = (SELECT max(id) FROM jobs WHERE key >= ? AND key < ?)"
MAX_ID = 2**63 - 1
TALLY = "SELECT outcome, detail, photos FROM job_tally WHERE job = ? AND photos != 0"


class JobsReport(LedgerReport):
    """Read-only queries on jobs in the ledger at `path`; to be closed.

    Raises:
        PassingTrouble: It cannot be read now; so may every method.
        LedgerUnusable: It was written by a newer version, or is no ledger.
    """

    @property
    def knows_jobs(self) -> bool:
        """Whether it is of a version that has a place for them."""
        return self._version >= JOBS_SINCE

    def job(self, number: int) -> tuple[Job, Tally]:
        """One job, and what became of its photos so far.

        Raises:
            NoSuchJob: There is none.
        """
        found = self._run(f"{SELECT} WHERE id = ?", (number,)) if self.knows_jobs else []
        if not found:
            raise NoSuchJob(f"there is no job {number}")
        return self._told(found[0])

    def jobs(
        self, *, limit: int, before: int | None = None, state: JobState | None = None
    ) -> list[tuple[Job, Tally]]:
        """Jobs, the newest first.

        Args:
            limit: How many at most.
            before: Only those with a lower number.
            state: Only those that stand so.
        """
        if not self.knows_jobs:
            return []
        query, parameters = f"{SELECT} WHERE id < ?", list[Any]([MAX_ID if before is None else before])
        if state is not None:
            query, parameters = f"{query} AND state = ?", [*parameters, state.value]
        found = self._run(f"{query} ORDER BY id DESC LIMIT ?", (*parameters, limit))
        return [self._told(row) for row in found]

    def last_night(self) -> tuple[str, Job, Tally] | None:
        """The night that was asked for last: its key, its job, and what became of the job's photos so far."""
        found = self._run(NIGHT, (KEY, KEY_END)) if self.knows_jobs else []
        if not found:
            return None
        key, number = found[0]
        return (key, *self.job(number))

    def _told(self, row: tuple[Any, ...]) -> tuple[Job, Tally]:
        job = job_of(SimpleNamespace(**dict(zip(COLUMNS, row, strict=True))))
        return job, tally_of(self._run(TALLY, (job.id,)))
