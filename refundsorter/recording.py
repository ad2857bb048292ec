"""How things stand when a day is over: what its report keeps, because nobody could tell it later."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, nullcontext

from refundsorter import drift
from refundsorter.core.day_facts import Drifted, Group, Recorded, Refused, Room, Shifted, Waits
from refundsorter.core.drift import Shift
from refundsorter.core.fault import BundleRefused, ItemFault, PassingTrouble, Reason, Vanished
from refundsorter.core.local_day import LocalDay
from refundsorter.core.record import rfc3339
from refundsorter.core.text import printable
from refundsorter.edges import mounts
from refundsorter.edges.bundle import BundleStore
from refundsorter.edges.fence import Fence
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.ledger_images import LedgerImages
from refundsorter.edges.ledger_reading import Reader
from refundsorter.edges.patience import Share
from refundsorter.pictures import Pictures
from refundsorter.settings import Settings

LATE_S = 86_400.0  # after the end of a day: what stands so by then is no longer that day's
# Of the others there is nothing to see, or it would cost too much once more.
SEEN = frozenset({Reason.TRUNCATED, Reason.CORRUPT, Reason.TOO_SMALL})
SIDE = 160  # pixels of the square that a picture fits into


def record(
    settings: Settings,
    day: LocalDay,
    reader: Reader,
    *,
    now: float,
    waiting: Sequence[Group],
    oldest: Sequence[Waits],
    lines_owed: int,
    refused: Iterable[Refused],
    fence: Fence | None,
) -> Recorded:
    """Take down how things stand.

    Args:
        settings: The settings in force.
        day: The day.
        reader: The ledger.
        now: Unix seconds.
        waiting: What waited at the end of the day.
        oldest: What of that waits longest.
        lines_owed: Photos of the day without a line.
        refused: The rejected photos that are shown.
        fence: Where they are decoded; None: one of our own is made.
    """
    shares = [
        Share(str(folder))
        for folder in (*settings.inbox, settings.sorted)
        if mounts.why_polling(folder) is not None
    ]
    is_late = now >= day.until + LATE_S
    return Recorded(
        taken_at=rfc3339(now),
        waiting=tuple(waiting),
        oldest=None if is_late else tuple(oldest),
        lines_owed=None if is_late else lines_owed,
        disk=() if is_late else tuple(_rooms(settings, FileSystem(shares=shares))),
        bundle=None if is_late else _bundle(settings),
        drift=_drift(settings, min(now, day.until)),
        pictures=dict(_pictures(settings, reader, refused, shares, fence)),
    )


def _rooms(settings: Settings, files: FileSystem) -> Iterator[Room]:
    places = [("shelf", settings.sorted), ("state", settings.state_dir)]
    for place, folder in [*places, *(("inbox", root) for root in settings.inbox)]:
        try:
            free, total = files.room(str(folder))
        except (PassingTrouble, Vanished):
            continue
        yield Room(place=place, folder=printable(str(folder)), free=free, total=total)


def _bundle(settings: Settings) -> str | None:
    try:
        return BundleStore(settings.models).active().manifest.reference
    except BundleRefused:
        return None


def _drift(settings: Settings, at: float) -> Drifted | None:
    try:
        found = drift.measure(settings, now=at)
    except BundleRefused:
        return None
    shifts = {
        "categories": found.categories,
        "confidence": found.confidence,
        "confidence, when it was made": found.confidence_at_making,
    }
    return Drifted(
        model=found.model,
        since=found.since,
        reference_since=found.reference_since,
        shifts=tuple(_shifted(what, shift) for what, shift in shifts.items() if shift is not None),
        agreed=found.accuracy.now,
        agreed_before=found.accuracy.usual,
        accuracy=found.accuracy.verdict.value,
        shifted=found.shifted,
    )


def _shifted(what: str, shift: Shift) -> Shifted:
    return Shifted(
        what=what,
        photos=shift.photos,
        reference=shift.reference,
        psi=shift.psi.value if shift.psi else None,
        low=shift.psi.low if shift.psi else None,
        high=shift.psi.high if shift.psi else None,
        chance=shift.chance,
        verdict=shift.verdict.value,
        moved=tuple(map(printable, shift.moved)),
    )


def _pictures(
    settings: Settings,
    reader: Reader,
    refused: Iterable[Refused],
    shares: Sequence[Share],
    fence: Fence | None,
) -> Iterator[tuple[str, str]]:
    """What can be seen of rejected photos: a JPEG in base64 each, by number."""
    photos = [LedgerImages(reader).photo(one.id) for one in refused if one.reason in SEEN]
    if not photos:
        return
    with closing(Fence()) if fence is None else nullcontext(fence) as decoding:
        pictures = Pictures(settings, decoding, shares, side=SIDE, lenient=True)
        for photo in photos:
            if photo is None:
                continue
            try:
                jpeg = pictures.small(photo)
            except (ItemFault, Vanished, PassingTrouble):
                continue
            yield str(photo.id), base64.b64encode(jpeg).decode()
