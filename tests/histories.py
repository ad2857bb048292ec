"""Days of photos in a real ledger, entered as the daemon enters them, at any times."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from stages import ANSWER, arrival, examined, intent, release
from support import Shop

from refundsorter import settings as configuration
from refundsorter.core.fault import Reason
from refundsorter.core.image import Filed, Rejection, State
from refundsorter.core.stability import Source
from refundsorter.edges.ledger import Ledger
from refundsorter.edges.ledger_schema import FILE
from refundsorter.report import Made, make

DAY_S = 86_400.0
FAR_S = 1e8  # seconds
FIRST = date(2026, 6, 1)
START = datetime(2026, 5, 31, 22, tzinfo=UTC).timestamp()  # when it begins in Berlin
ZONE = "sweep: {timezone: Europe/Berlin}\n"


@dataclass(frozen=True, slots=True)
class Past:
    """A photo's history."""

    seen_s: float  # after START
    took_s: float | None = 1.0  # until it was filed; None: it is not
    state: State = State.SORTED
    source: Source = Source.EVENT
    category: str = "TOYS"
    confidence: float = 0.9

    @property
    def filed_s(self) -> float | None:
        """When it was filed, after START."""
        return None if self.took_s is None else self.seen_s + self.took_s


@contextmanager
def ledger_of(shop: Shop) -> Iterator[Ledger]:
    """The shop's ledger; its shelf is one."""
    shop.state.mkdir(exist_ok=True)
    (shop.sorted / "_journal").mkdir(exist_ok=True)
    with closing(Ledger(str(shop.state / FILE), longest_wait_s=FAR_S)) as ledger:
        yield ledger


def enter(ledger: Ledger, photos: Sequence[Past], *, name: str = "photo") -> list[int]:
    """Enter photos and file those that were filed; their ids."""
    ledger.admit(
        [
            replace(
                arrival(f"/inbox/{name}-{number}.jpg", source=one.source, seen_at=START + one.seen_s),
            )
            for number, one in enumerate(photos)
        ]
    )
    claimed = {one.path: one for one in ledger.claim(limit=len(photos), now=START)} if photos else {}
    ids = [claimed[f"/inbox/{name}-{number}.jpg"] for number in range(len(photos))]
    intents = [
        intent(
            examined(
                replace(one, claimed_at=START + past.seen_s),
                outcome=Rejection(reason=Reason.TRUNCATED, detail="its end is missing")
                if past.state is State.REJECTED
                else replace(ANSWER, category=past.category, confidence=past.confidence),
            ),
            f"/sorted/{past.state}/{one.id}.jpg",
            state=past.state,
            reason="truncated" if past.state is State.REJECTED else None,
        )
        for one, past in zip(ids, photos, strict=True)
        if past.took_s is not None
    ]
    if intents:
        ledger.classify(intents)
    filed = [
        Filed(id=one.id, state=past.state, finished_at=START + past.filed_s, move_ms=1.5)
        for one, past in zip(ids, photos, strict=True)
        if past.filed_s is not None
    ]
    if filed:
        ledger.finish(filed)
    left = [
        release(one.id, not_before=START + FAR_S)
        for one, past in zip(ids, photos, strict=True)
        if past.took_s is None
    ]
    if left:
        ledger.release(left)
    return [one.id for one in ids]


def report(shop: Shop, day: date = FIRST, *, after_s: float = 1.1 * DAY_S) -> Made:
    """Make a report so long after START."""
    settings = configuration.load(shop.config, environment={}, overrides={})
    return make(settings, day, now=START + after_s)
