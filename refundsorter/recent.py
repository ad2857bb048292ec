"""The photos that were filed last and still lie on the shelf."""

import os
from pathlib import Path

from refundsorter.assembly import LEDGER_FILE
from refundsorter.core.fault import RefundsorterError
from refundsorter.edges.ledger_report import LedgerReport, read_overview
from refundsorter.settings import Settings

PAGE = 500  # rows read at a time
BEYOND = 2**63 - 1  # the largest id that SQLite can give


class NoPhotos(RefundsorterError):
    """The ledger knows no photo that lies on the shelf."""


def recent_photos(settings: Settings, count: int) -> tuple[Path, ...]:
    """The last photos that the ledger has as sorted or in review, the newest first.

    Args:
        settings: The settings in force.
        count: How many at most; what has been taken from the shelf since does not count.

    Raises:
        NoPhotos: There is not one.
        LedgerRefused: The ledger cannot be read by this version.
        PassingTrouble: It cannot be read now.
    """
    path = str(settings.state_dir / LEDGER_FILE)
    if read_overview(path) is None:
        raise NoPhotos(f"{path}: the ledger knows no photo yet; name a folder of photos instead")
    found: list[Path] = []
    report = LedgerReport(path)
    try:
        before = BEYOND
        while len(found) < count and (rows := report.filed_before(before, PAGE)):
            found += [Path(destination) for _, destination in rows if os.path.isfile(destination)]
            before = rows[-1][0]
    finally:
        report.close()
    if not found:
        raise NoPhotos(f"none of the photos in {path} lies on the shelf; name a folder of photos instead")
    return tuple(found[:count])
