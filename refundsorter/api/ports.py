"""What the routes ask: one small value of ports, which the daemon fills and a test may fill otherwise."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from refundsorter.core.correction import Verdict
from refundsorter.core.metric import MetricsPort
from refundsorter.core.night_steps import NightRecord
from refundsorter.core.port import Log
from refundsorter.core.port_events import EventsPort
from refundsorter.core.port_images import ImagesPort, PicturesPort
from refundsorter.core.port_jobs import JobDeskPort
from refundsorter.core.prediction import Predicted, PredictionsPort
from refundsorter.core.token import KeysPort
from refundsorter.core.upload import UploadsPort


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str  # sorter, inbox, shelf, ledger, bundle, space …
    is_well: bool
    detail: str  # a sentence for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What serves."""

    version: str  # of refundsorter
    pid: int
    started_at: float  # unix seconds
    uptime_s: float
    model: str  # the bundle that decides, NAME/VERSION
    shadow: str | None  # the candidate beside it
    taxonomy: str  # its digest
    input_size: int  # pixels of each side of the model's input
    workers: int  # that decode and infer
    max_bytes: int  # of a photo
    max_pixels: int  # likewise
    min_side: int  # pixels


class AboutPort(Protocol):
    """What the daemon is and how it does."""

    def loops(self) -> Sequence[Check]:
        """Whether every loop makes progress."""

    def readiness(self) -> Sequence[Check]:
        """Whether photos that arrive now would be sorted; a share that hangs is waited for some seconds."""

    def info(self) -> Info:
        """What serves."""

    def status(self) -> Mapping[str, Any]:
        """How photos stand, by the names of `refundsorter status --json`; raises as `ImagesPort`."""

    def classes(self) -> Mapping[str, Any]:
        """By what photos are judged now: model, taxonomy, categories, without_category."""

    def room(self) -> Mapping[str, int]:
        """The bytes that may still be written in shelf, state, inbox; what cannot be told is missing."""

    def models(self) -> Sequence[Mapping[str, Any]]:
        """The bundles, by the names of `refundsorter models list --json`.

        Raises:
            BundleRefused: `active.yaml` cannot be read.
            PassingTrouble: The disk does not allow it now.
        """


class PredictorPort(Protocol):
    """Where images are asked about; from any thread."""

    def ask(self, contents: Sequence[bytes], *, top_k: int | None = None) -> list[Future[Predicted]]:
        """Have images looked at, beside the photos.

        Args:
            contents: Whole files.
            top_k: How many labels are told; None: as many as the journal tells.

        Raises:
            TooManyWait: There is no room for all of them; none was taken.
            PassingTrouble: The daemon stops.
        """


class SourcesPort(Protocol):
    """Where images come from that a request only names; both may take some seconds."""

    def file(self, path: str) -> bytes:
        """A file of this machine.

        Raises:
            SourceForbidden: It may not be read.
            Vanished: It is not there.
            ItemFault: It is too large, or no file.
            PassingTrouble: It cannot be read now.
        """

    def fetched(self, url: str, *, since: float) -> bytes:
        """What lies at an address.

        Args:
            url: The address.
            since: When the request began, in monotonic seconds: all its photos share one time.

        Raises:
            SourceForbidden: Nothing is fetched, as things are set.
            NotFetched: It is not to be had, or not to be asked for.
        """


class DeskPort(Protocol):
    """What a person, or another program, may ask for a photo. Each method raises `PassingTrouble`."""

    def retry(self, image: int) -> bool:
        """Try a photo now that passing trouble holds back; False where it does not wait."""

    def correct(self, image: int, category: str, *, by: str | None, is_new: bool) -> int:
        """Ask for a photo to be put into a category; the correction's number.

        Raises:
            CategoryRefused: It is no category, or, where a new one is meant, none that could be.
        """

    def undo(self, image: int, *, by: str | None) -> int | None:
        """Ask for a photo to be put back where it came from; the request's number, None where it was."""

    def verdict(self, correction: int) -> Verdict:
        """What has become of it; one that was refused is not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Where requests come from, and how much they may take."""

    host: str  # the address that is served
    is_local: bool  # whether only this machine is
    origins: tuple[str, ...]  # of the web pages that may read answers
    max_requests: int  # at once
    max_body_bytes: int
    timeout_s: float  # how long a client may keep it waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything that the routes ask; each port is safe to be called from several threads at once."""

    log: Log
    keys: KeysPort
    metrics: MetricsPort
    about: AboutPort
    images: ImagesPort
    events: EventsPort
    pictures: PicturesPort
    jobs: JobDeskPort
    predictor: PredictorPort
    predictions: PredictionsPort
    sources: SourcesPort
    uploads: UploadsPort
    desk: DeskPort
    night: Callable[[], NightRecord | None]  # the one that was kept last
