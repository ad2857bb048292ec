"""What the routes ask: one small value of ports, which the daemon fills and a test may fill otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from refundsorter.core.port import Log
from refundsorter.core.port_images import ImagesPort, PicturesPort
from refundsorter.core.port_jobs import JobDeskPort


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

    def models(self) -> Sequence[Mapping[str, Any]]:
        """The bundles, by the names of `refundsorter models list --json`.

        Raises:
            BundleRefused: `active.yaml` cannot be read.
            PassingTrouble: The disk does not allow it now.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything that the routes ask; each port is safe to be called from several threads at once."""

    log: Log
    about: AboutPort
    images: ImagesPort
    pictures: PicturesPort
    jobs: JobDeskPort
