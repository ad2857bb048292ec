"""What comes over HTTP: images that a request names, photos that it brings, and what is asked for one."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from refundsorter.core.correction import Stage, Verdict
from refundsorter.core.fault import ConfigurationInvalid, PassingTrouble
from refundsorter.core.fetching import FetchLimits, NotFetched, Why
from refundsorter.core.prediction import Prediction, SourceForbidden
from refundsorter.core.stability import Arrival, FileIdentity, Source
from refundsorter.core.upload import Delivered, DeliveryPort, safe_name
from refundsorter.correct import require_category
from refundsorter.edges import mounts
from refundsorter.edges.fetch import fetch
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.ledger import Ledger
from refundsorter.edges.patience import Share
from refundsorter.edges.readable import ReadableFiles
from refundsorter.edges.uploads import Delivery, remove_left
from refundsorter.policies import ignore_rules, watched_inboxes
from refundsorter.settings import Settings


class Sources:
    """Where images come from that a request only names; see `SourcesPort`.

    Args:
        settings: What may be read and fetched.
        get: Fetches one.
    """

    def __init__(self, settings: Settings, *, get: Callable[[str, FetchLimits], bytes] = fetch) -> None:
        self._get = get
        roots = settings.http.read_roots
        self._files = ReadableFiles(
            [str(root) for root in roots], _shares(roots), max_bytes=settings.image.max_bytes
        )
        limits = FetchLimits(max_bytes=settings.image.max_bytes, timeout_s=settings.http.fetch_timeout_s)
        self._fetching = limits if settings.http.fetch else None

    def file(self, path: str) -> bytes:
        """A file of this machine."""
        return self._files.read(path)

    def fetched(self, url: str, *, since: float) -> bytes:
        """What lies at an address."""
        if self._fetching is None:
            raise SourceForbidden("nothing is fetched by URL, unless `http.fetch` is true")
        left_s = since + self._fetching.timeout_s - time.monotonic()
        if left_s <= 0:
            raise NotFetched(Why.TOO_SLOW, "the time for all photos of the request is over")
        return self._get(url, replace(self._fetching, timeout_s=left_s))


class Uploads:
    """Puts photos that are sent into the first inbox; see `UploadsPort`.

    Args:
        settings: For the inbox and the limits.
        ledger: That they enter.
        on_admitted: Told that some have entered.
        files: The system calls; None: those of this machine.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        on_admitted: Callable[[], None],
        *,
        files: FileSystem | None = None,
    ) -> None:
        self._inbox = str(settings.inbox[0])
        self._is_watched = self._inbox in watched_inboxes(settings)
        self._is_ignored = ignore_rules(settings).matches
        self._min_free_bytes = settings.move.min_free_bytes
        self._files = files or FileSystem(shares=_shares(settings.inbox[:1]))
        self._ledger = ledger
        self._on_admitted = on_admitted
        self._beginning = threading.Lock()
        self._token: str | None = None  # of the ledger; known once what an earlier process left is removed

    def begin(self, name: str) -> Delivery:
        """Begin with a photo, by the name that the client gives it."""
        token = self.clear()
        free = self._files.free_bytes(self._inbox)
        if free < self._min_free_bytes:
            raise PassingTrouble(f"{self._inbox!r}: {free} bytes are free, {self._min_free_bytes} have to be")
        return Delivery(self._files, self._inbox, token=token, name=safe_name(name, self._is_ignored))

    def clear(self) -> str:
        """Remove what an earlier process left half-sent, unless that was done; the ledger's token.

        Raises:
            PassingTrouble: The ledger cannot be read now.
        """
        with self._beginning:
            if self._token is None:
                self._token = self._ledger.token()
                remove_left(self._files, self._inbox, token=self._token)
            return self._token

    def deliver(self, deliveries: Sequence[DeliveryPort]) -> list[Delivered]:
        """Put photos that are complete into the inbox, durably and never in another file's place."""
        sent = [one for one in deliveries if isinstance(one, Delivery)]
        for one in sent:
            one.complete()
        revealed = [one.reveal() for one in sent]
        self._files.fsync_folder(self._inbox)
        numbers = self._admitted(revealed)
        return [
            Delivered(id=number, path=path, size=one.size, sha256=one.sha256)
            for one, (path, _), number in zip(sent, revealed, numbers, strict=True)
        ]

    def _admitted(self, revealed: Sequence[tuple[str, FileIdentity]]) -> list[int | None]:
        """Enter the photos at once, for they are complete; their numbers. A scan or a job finds the rest."""
        if not self._is_watched:
            return [None] * len(revealed)
        arrivals = [
            Arrival(path=path, root=self._inbox, identity=identity, seen_at=time.time(), source=Source.UPLOAD)
            for path, identity in revealed
        ]
        try:
            numbers = [self._ledger.enter(one) for one in arrivals]
        except PassingTrouble:
            return [None] * len(revealed)
        self._on_admitted()
        return numbers


class Predictions:
    """Records predictions; see `PredictionsPort`.

    Args:
        ledger: Where they are kept.
        on_recorded: Told that the journal is owed their lines.
    """

    def __init__(self, ledger: Ledger, on_recorded: Callable[[], None]) -> None:
        self._ledger = ledger
        self._on_recorded = on_recorded

    def record(self, predictions: Sequence[Prediction]) -> list[Prediction]:
        """Keep them; the same, each with its number."""
        kept = self._ledger.predictions.record(predictions)
        self._on_recorded()
        return kept


class Desk:
    """Where something is asked for one photo; see `DeskPort`."""

    def __init__(self, settings: Settings, ledger: Ledger, on_change: Callable[[], None]) -> None:
        self._settings = settings
        self._ledger = ledger
        self._on_change = on_change

    def retry(self, image: int) -> bool:
        """Try a photo now that passing trouble holds back."""
        is_waiting = self._ledger.hasten(image)
        self._on_change()
        return is_waiting

    def correct(self, image: int, category: str, *, by: str | None, is_new: bool) -> int:
        """Ask for a photo to be put into a category."""
        try:
            require_category(self._settings, category, is_new=is_new)
        except ConfigurationInvalid as invalid:  # the daemon goes on with the taxonomy that it has read
            raise PassingTrouble(str(invalid)) from invalid
        (number,) = self._ledger.corrections.ask([image], category, by=by, now=time.time())
        self._on_change()
        return number

    def undo(self, image: int, *, by: str | None) -> int | None:
        """Ask for a photo to be put back where it came from."""
        asked = self._ledger.corrections.ask_back([image], by=by, now=time.time())
        self._on_change()
        return asked.get(image)

    def verdict(self, correction: int) -> Verdict:
        """What has become of it."""
        verdict = self._ledger.corrections.verdicts([correction])[correction]
        if verdict.stage is Stage.REFUSED:
            self._ledger.corrections.withdraw([correction])
        return verdict


def _shares(folders: Sequence[Path]) -> list[Share]:
    return [Share(str(folder)) for folder in folders if mounts.why_polling(folder) is not None]
