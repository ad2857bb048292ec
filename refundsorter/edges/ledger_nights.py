"""The ledger's record of nights: the jobs that the schedule has asked for, each with its date as its key.

The unique index on keys is the promise that no date is run twice, whatever the clock and whoever asks. Every
query here is a range of that index.
"""

from datetime import date

from sqlalchemy import text

from refundsorter.core.job import Job, JobState, Kind, Scope
from refundsorter.core.schedule import BY, KEY, KEY_END, day_of_key, key_of
from refundsorter.edges.ledger_jobs import JobRows
from refundsorter.edges.ledger_places import Transaction

KNOWN = text("SELECT 1 FROM jobs WHERE key = :key")
LAST = text("SELECT max(key) FROM jobs WHERE key >= :first AND key < :end")
WAITING = text("SELECT 1 FROM jobs WHERE state = :state AND key >= :first AND key < :end LIMIT 1")


class NightRows:
    """The nights.

    Args:
        read: A transaction that reads; raises `PassingTrouble` where the disk does not allow it now.
        jobs: The ledger's jobs.
    """

    def __init__(self, read: Transaction, jobs: JobRows) -> None:
        self._read = read
        self._jobs = jobs

    def is_known(self, day: date) -> bool:
        """Whether the night of a date was asked for."""
        with self._read() as connection:
            return connection.execute(KNOWN, {"key": key_of(day)}).first() is not None

    def last_before(self, day: date) -> date | None:
        """The last date before `day` whose night was asked for."""
        with self._read() as connection:
            key = connection.scalar(LAST, {"first": KEY, "end": key_of(day)})
        return None if key is None else day_of_key(key)

    def is_waiting(self) -> bool:
        """Whether the job of a night waits for its turn."""
        of_nights = {"state": JobState.QUEUED.value, "first": KEY, "end": KEY_END}
        with self._read() as connection:
            return connection.execute(WAITING, of_nights).first() is not None

    def ask(self, day: date, scope: Scope, *, now: float) -> tuple[Job, bool]:
        """Ask for the job of a night, once: it, and whether it is a new one.

        Args:
            day: The night's date.
            scope: Which photos it is about.
            now: Unix seconds.

        Raises:
            KeyReused: It was asked for with another scope.
        """
        return self._jobs.ask(Kind.SWEEP, scope, by=BY, key=key_of(day), now=now)
