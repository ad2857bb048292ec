"""What the commands ask, answered by the daemon that runs. See `core.port_inquiry`.

The lock of `state_dir` says which process that is, and `http.json` where it answers. Who may not look there,
as most users of a machine, asks where the settings say, and believes the user whose `state_dir` it is.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

from refundsorter.core import photo_fields
from refundsorter.core.fault import PassingTrouble, RefundsorterError, StartRefused
from refundsorter.core.job import JobOver, JobRefused, JobReport, JobState, NoSuchJob, Scope
from refundsorter.core.port_images import Wanted
from refundsorter.core.port_inquiry import NoSuchPhoto, OnProgress
from refundsorter.core.standing import Standing, nights_of
from refundsorter.edges import listening
from refundsorter.edges.client import UNIX, Client, Declined, Place, Unanswered
from refundsorter.locks import sorter_pid
from refundsorter.settings import Settings
from refundsorter.settings_source import TOKEN_VARIABLE

Refusals = Mapping[HTTPStatus, type[RefundsorterError]]  # by the status of the daemon's last word
PAGE = 200  # photos or jobs: as many as the daemon gives at once
Value = TypeVar("Value")


def reach(settings: Settings, *, token: str | None) -> "DaemonInquiry | None":
    """The daemon of these settings; None where none runs, or it serves no HTTP.

    Raises:
        Unanswered: One should answer, and does not, or it is somebody else who does.
    """
    place = _place(settings)
    if place is None:
        return None
    inquiry = DaemonInquiry(Client(place, token))
    inquiry.require_daemon()
    return inquiry


@dataclass(frozen=True, slots=True)
class DaemonInquiry:
    """Asks one daemon."""

    client: Client

    def require_daemon(self) -> None:
        """Make sure that it is the daemon that answers. Raises `Unanswered`."""
        found = self._ask("/v1/info")
        pid, place = _read(lambda: int(found["pid"])), self.client.place
        if place.pid not in (None, pid):
            raise Unanswered(f"{place.address} is answered by process {pid}, and the daemon is {place.pid}")

    def standing(self) -> Standing:
        """How the daemon and its photos stand."""
        found = self._ask("/v1/status")
        return _read(
            lambda: Standing(
                **{one.name: found[one.name] for one in fields(Standing)}
                | {"nights": nights_of(found["nights"])}
            )
        )

    def images(self, wanted: Wanted, *, limit: int, on_progress: OnProgress) -> list[dict[str, Any]]:
        """Photos, the newest first."""
        filters = {
            "state": wanted.state.value if wanted.state else None,
            "category": wanted.category,
            "label": wanted.label,
            "model": wanted.model,
            "name": wanted.name,
            "since": _instant(wanted.since),
            "until": _instant(wanted.until),
            "min_confidence": wanted.min_confidence,
        }
        return [_photo(one) for one in self._listed("images", filters, limit=limit, on_progress=on_progress)]

    def image(self, number: int) -> dict[str, Any]:
        """One photo, and its corrections besides."""
        found = self._ask(f"/v1/images/{number}", otherwise={HTTPStatus.NOT_FOUND: NoSuchPhoto})
        return _photo(found) | {"corrections": _read(lambda: list(found["corrections"]))}

    def jobs(self, *, limit: int, before: int | None, state: JobState | None) -> list[JobReport]:
        """How jobs stand, the newest first."""
        filters = {"state": state.value if state else None, "cursor": before}
        return [_job(one) for one in self._listed("jobs", filters, limit=limit)]

    def job(self, number: int) -> JobReport:
        """How a job stands."""
        return _job(self._ask(f"/v1/jobs/{number}", otherwise={HTTPStatus.NOT_FOUND: NoSuchJob}))

    def start(self, scope: Scope, *, by: str | None, key: str) -> JobReport:
        """Ask for a sweep."""
        asked = {"kind": "sweep", "by": by, **asdict(scope)}
        headers = {"Idempotency-Key": key}
        refusals: Refusals = {HTTPStatus.CONFLICT: JobRefused}
        return _job(self._ask("/v1/jobs", method="POST", body=asked, headers=headers, otherwise=refusals))

    def cancel(self, number: int) -> JobReport:
        """Ask for the end of a job."""
        refusals: Refusals = {HTTPStatus.NOT_FOUND: NoSuchJob, HTTPStatus.CONFLICT: JobOver}
        return _job(self._ask(f"/v1/jobs/{number}", method="DELETE", otherwise=refusals))

    def is_anybody_sorting(self) -> bool:
        """Whether a process takes up what is asked for: this one does, as long as it answers."""
        return True

    def _listed(
        self, name: str, filters: Mapping[str, object], *, limit: int, on_progress: OnProgress | None = None
    ) -> list[Any]:
        """A list to its end, or as much of it as is asked for, page by page."""
        found: list[Any] = []
        cursor = filters.get("cursor")
        while True:
            query = {**filters, "cursor": cursor, "limit": min(PAGE, limit - len(found))}
            page = self._ask(f"/v1/{name}", query=query)
            more, cursor = _read(partial(_page, page, name))
            found += more
            if cursor is None or len(found) >= limit:
                return found
            if on_progress is not None:
                on_progress(len(found), limit)

    def _ask(self, path: str, *, otherwise: Refusals | None = None, **request: Any) -> Any:
        """What is answered; a problem of another status than those of `otherwise` is no answer."""
        try:
            return self.client.ask(path, **request)
        except Declined as declined:
            for status, kind in (otherwise or {}).items():
                if status == declined.status:
                    raise kind(declined.detail) from declined
            raise self._unhelpful(declined) from declined

    def _unhelpful(self, declined: Declined) -> Unanswered:
        told = f"{self.client.place.address} answers {declined.status}: {declined.detail}"
        if declined.status == HTTPStatus.UNAUTHORIZED:
            told += f" A token is taken from {TOKEN_VARIABLE}; `refundsorter token add` makes one."
        return Unanswered(told)


def _place(settings: Settings) -> Place | None:
    """Where the daemon answers; None where none does."""
    certificate = settings.http.tls_certificate
    try:
        pid = sorter_pid(settings)
    except StartRefused:
        return None  # the ledger's side tells it
    except PassingTrouble:  # this user may not look
        address, user = _said_by_settings(settings), _owner(str(settings.state_dir))
        pid = None
    else:
        said = listening.read(settings.state_dir, pid=pid)
        address, user = said.address if said else None, _owner(f"/proc/{pid}")
    if address is None or user is None:
        return None
    return Place(address=address, user=user, pid=pid, certificate=certificate)


def _said_by_settings(settings: Settings) -> str | None:
    http = settings.http
    if not http.enabled:
        return None
    if http.unix_socket:
        return f"{UNIX}{http.unix_socket}"
    if not http.port:
        return None  # any free one, and nobody to say which
    host = f"[{http.host}]" if ":" in http.host else http.host
    return f"{'https' if http.tls_certificate else 'http'}://{host}:{http.port}"


def _owner(path: str) -> int | None:
    try:
        return os.stat(path).st_uid
    except OSError:
        return None


def _page(page: Any, name: str) -> tuple[list[Any], Any]:
    """What is on it, and where the next one goes on."""
    return list(page[name]), page["next"]


def _photo(found: Any) -> dict[str, Any]:
    return _read(lambda: {name: found[name] for name in photo_fields.NAMES})


def _job(found: Any) -> JobReport:
    told = _read(lambda: JobReport(**{one.name: found[one.name] for one in fields(JobReport)}))
    return _read(lambda: replace(told, classes=tuple(told.classes), paths=tuple(told.paths)))


def _instant(time: float | None) -> str | None:
    return None if time is None else datetime.fromtimestamp(time, UTC).isoformat()


def _read(read: Callable[[], Value]) -> Value:
    """What is read of an answer; one that lacks it is another version's."""
    try:
        return read()
    except (TypeError, ValueError, KeyError) as error:
        raise Unanswered("the daemon that runs is of another version; restart it") from error
