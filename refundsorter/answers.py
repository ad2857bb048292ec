"""What the HTTP face tells of the daemon: how its loops do, whether it is ready, and what serves."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from refundsorter import __version__, inventory, state
from refundsorter.api.ports import Check, Info, Ports
from refundsorter.assembly import Workshop
from refundsorter.core.fault import PassingTrouble
from refundsorter.core.text import printable
from refundsorter.core.token import KeysPort
from refundsorter.edges.ledger_answers import LedgerAnswers
from refundsorter.edges.ledger_events import LedgerEvents
from refundsorter.edges.ledger_images import LedgerImages
from refundsorter.edges.ledger_reading import Reader
from refundsorter.edges.night_book import NightBook
from refundsorter.jobs import JobDesk
from refundsorter.loops.intake import Intake
from refundsorter.loops.predictor import Predictor
from refundsorter.pictures import Pictures
from refundsorter.places import Place, Places
from refundsorter.policies import worker_count
from refundsorter.sending import Desk, Predictions, Sources, Uploads

SILENCE_S = 60.0  # a loop that has been silent for longer is not alive


class Answers:
    """Everything that the routes of one daemon ask; opens no file before it is asked."""

    def __init__(
        self,
        workshop: Workshop,
        intakes: Sequence[Intake],
        keys: KeysPort,
        *,
        is_leaving: Callable[[], bool],
    ) -> None:
        settings = workshop.settings
        places = Places(settings)
        self._reader = Reader(workshop.ledger_path)
        self._predictor = Predictor(
            crew=lambda: workshop.sorter.crew,
            history=LedgerAnswers(self._reader),
            threads=worker_count(settings),
            load=max(1, settings.batch.max_size // 2),
            room=settings.http.predict_queue,
        )
        self._uploads = Uploads(settings, workshop.ledger, workshop.sorter.wake)
        self.ports = Ports(
            log=workshop.log,
            keys=keys,
            metrics=workshop.metrics,
            about=About(workshop, intakes, places, is_leaving),
            predictor=self._predictor,
            predictions=Predictions(workshop.ledger, workshop.sorter.write_lines),
            sources=Sources(settings),
            uploads=self._uploads,
            desk=Desk(settings, workshop.ledger, workshop.sorter.wake),
            jobs=JobDesk(settings, workshop.ledger.jobs, on_change=workshop.jobs.wake),
            images=LedgerImages(self._reader),
            events=LedgerEvents(self._reader),
            night=lambda: next(reversed(NightBook(settings.state_dir).nights()), None),
            pictures=Pictures(settings, workshop.fence, list(places.shares.values())),
        )
        self._predictor.start()

    def clear(self) -> None:
        """Remove what an earlier daemon left half-sent; else the next photo that is sent has it done."""
        with suppress(PassingTrouble):
            self._uploads.clear()

    def close(self) -> None:
        """Answer nothing any more, and close the ledger's connections."""
        self._predictor.stop()
        self._reader.close()


class About:
    """What the daemon is and how it does; see `AboutPort`."""

    def __init__(
        self,
        workshop: Workshop,
        intakes: Sequence[Intake],
        places: Places,
        is_leaving: Callable[[], bool],
    ) -> None:
        self._is_leaving = is_leaving
        self._workshop = workshop
        self._intakes = intakes
        self._places = places
        self._started_at, self._began = time.time(), time.monotonic()

    def loops(self) -> list[Check]:
        """Whether every loop makes progress."""
        beats = {
            "sorter": self._workshop.sorter.beat,
            "nights": self._workshop.nights.beat,
            **{f"intake {printable(one.root.path)}": one.beat for one in self._intakes},
        }
        return [
            Check(
                name=name,
                is_well=(age_s := beat.age_s()) < SILENCE_S,
                detail=f"its last sign of life was {age_s:.1f} s ago",
            )
            for name, beat in beats.items()
        ]

    def readiness(self) -> list[Check]:
        """Whether photos that arrive now would be sorted."""
        workshop = self._workshop
        has_ledger, is_leaving = workshop.has_ledger(), self._is_leaving()
        model = workshop.sorter.crew.rules.model
        return [
            Check(
                name="daemon",
                is_well=not is_leaving,
                detail="it is stopping" if is_leaving else "it sorts",
            ),
            Check(name="bundle", is_well=True, detail=f"{model} is loaded and warm"),
            Check(
                name="ledger",
                is_well=has_ledger,
                detail="it is in its place" if has_ledger else "its file is gone",
            ),
            *(_checked(one) for one in self._places.look()),
        ]

    def info(self) -> Info:
        """What serves."""
        settings, crew = self._workshop.settings, self._workshop.sorter.crew
        return Info(
            version=__version__,
            pid=os.getpid(),
            started_at=self._started_at,
            uptime_s=time.monotonic() - self._began,
            model=crew.rules.model,
            shadow=crew.shadow.rules.model if crew.shadow else None,
            taxonomy=crew.rules.taxonomy,
            input_size=self._workshop.model.stored.manifest.input_size,
            workers=worker_count(settings),
            max_bytes=settings.image.max_bytes,
            max_pixels=settings.image.max_pixels,
            min_side=settings.image.min_side,
        )

    def status(self) -> dict[str, Any]:
        """How photos stand, by the names of `refundsorter status --json`."""
        plan = self._workshop.nights.schedule  # a reload may have brought another one
        return asdict(state.read(self._workshop.settings, plan, now=time.time()))

    def room(self) -> dict[str, int]:
        """The bytes that may still be written, of several inboxes those of the fullest disk."""
        return self._places.room()

    def models(self) -> list[dict[str, Any]]:
        """The bundles, by the names of `refundsorter models list --json`."""
        return [asdict(one) for one in inventory.listed(self._workshop.settings)]

    def classes(self) -> dict[str, Any]:
        """By what photos are judged now."""
        rules = self._workshop.sorter.crew.rules
        read = rules.interpretation
        labels_of: dict[str | None, list[str]] = {}
        for label, category in zip(read.labels, read.label_categories, strict=True):
            labels_of.setdefault(category, []).append(label)
        return {
            "model": rules.model,
            "taxonomy": rules.taxonomy,
            "categories": [
                {"category": name, "threshold": rules.thresholds.of(name), "labels": labels_of[name]}
                for name in read.categories
            ],
            "without_category": labels_of.get(None, []),
        }


def _checked(place: Place) -> Check:
    detail = f"{printable(str(place.folder))}: {printable(place.found)}"
    return Check(name=place.name, is_well=place.is_well, detail=detail)
