"""The port of what the commands ask: how things stand, photos, jobs, and jobs to be done."""

from collections.abc import Callable
from typing import Any, Protocol

from refundsorter.core.fault import RefundsorterError
from refundsorter.core.job import JobReport, JobState, Scope
from refundsorter.core.port_images import Wanted
from refundsorter.core.standing import Standing

OnProgress = Callable[[int, int], None]  # takes how many are found, and how many are asked for at most


class NoSuchPhoto(RefundsorterError):
    """No photo has this number."""


class InquiryPort(Protocol):
    """What answers: the daemon that runs, or the ledger; both the same.

    Every method raises `PassingTrouble` where it cannot answer now, and `StartRefused` where that needs a
    person.
    """

    def standing(self) -> Standing:
        """How the daemon and its photos stand."""

    def images(self, wanted: Wanted, *, limit: int, on_progress: OnProgress) -> list[dict[str, Any]]:
        """Photos, the newest first, each with the fields of `core.photo_fields`."""

    def image(self, number: int) -> dict[str, Any]:
        """One photo, and its corrections besides, the first one first. Raises `NoSuchPhoto`."""

    def jobs(self, *, limit: int, before: int | None, state: JobState | None) -> list[JobReport]:
        """How jobs stand, the newest first."""

    def job(self, number: int) -> JobReport:
        """How a job stands. Raises `NoSuchJob`."""

    def start(self, scope: Scope, *, by: str | None, key: str) -> JobReport:
        """Ask for a sweep; by a key that was used before it is the same one.

        Raises:
            JobRefused: It cannot be asked for like this.
            KeyReused: The key is that of another request.
        """

    def cancel(self, number: int) -> JobReport:
        """Ask for the end of a job. Raises `NoSuchJob` and `JobOver`."""

    def is_anybody_sorting(self) -> bool:
        """Whether a process takes up what is asked for."""
