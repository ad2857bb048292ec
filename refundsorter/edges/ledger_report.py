"""The ledger at a glance, read beside a running daemon without disturbing it."""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from refundsorter.core.correction import CorrectedPhoto, Shelved
from refundsorter.core.fault import LedgerRefused, PassingTrouble, translate
from refundsorter.core.image import Ranked
from refundsorter.core.port import Overview
from refundsorter.core.record import Checkpoint, Event, Key
from refundsorter.core.shadow import Pairing
from refundsorter.edges import ledger_counts
from refundsorter.edges.ledger_rows import identity_of
from refundsorter.edges.ledger_schema import MIGRATIONS
from refundsorter.edges.ledger_statements import LINES
from refundsorter.edges.ledger_trouble import REMEDY, damage

WITH_SHADOWS = 3  # the ledger's version from which it knows of candidates
TIP_SINCE = 5  # the ledger's version
LINES_SINCE = {Event.FILED: 1, Event.CORRECTED: 3, Event.PREDICTED: 5}  # the ledger's version
OWED = "SELECT count(*) FROM {} WHERE {} = 0 AND {} IS NOT NULL"
GIVEN = "SELECT count(*) FROM sqlite_sequence WHERE name = 'prediction' AND seq >= ?"
CORRECTED = """
SELECT images.id, destination, to_category, sha256, top_predictions
FROM images JOIN correction ON correction.id =
    (SELECT max(id) FROM correction WHERE image = images.id AND done_at IS NOT NULL)
WHERE images.id IN (SELECT image FROM correction WHERE done_at IS NOT NULL) AND state != 'undone'
    AND images.label IS NOT NULL AND sha256 IS NOT NULL AND substr(to_category, 1, 1) != '_'
    AND how != 'reclassified'
ORDER BY images.id
"""


class LedgerUnusable(LedgerRefused):
    """The ledger cannot be used as it is; what was found and what to do are also told apart."""

    def __init__(self, found: str, todo: str) -> None:
        super().__init__(f"{found}. {todo}")
        self.found = found
        self.todo = todo


class LedgerTooNew(LedgerUnusable):
    """It was written by a newer version."""


def is_readable(path: str) -> bool:
    """Whether the ledger at `path` knows of anything and can be read to its end, by this version or a newer.

    Raises:
        PassingTrouble: It cannot be told now.
    """
    try:
        overview = read_overview(path)
        if overview is not None:
            require_whole(path)
    except LedgerTooNew:
        return True
    except LedgerUnusable:
        return False
    return overview is not None and not overview.is_blank


def require_whole(path: str) -> None:
    """Read the ledger at `path` to its end: some seconds for a million photos.

    Raises:
        PassingTrouble: It cannot be read now.
        LedgerUnusable: Not every page of it is what it should be.
    """
    report = LedgerReport(path)
    try:
        if (found := report.flaw()) is not None:
            raise LedgerUnusable(damage(path, found), REMEDY)
    finally:
        report.close()


def read_overview(path: str) -> Overview | None:
    """The ledger at `path` at a glance; None when nothing was entered in it yet, or there is none.

    Raises:
        PassingTrouble: It cannot be read now, or not by this user.
        LedgerUnusable: It was written by a newer version, or is no ledger.
    """
    try:
        os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise translate(error, f"reading {path!r}") from error
    report = LedgerReport(path)
    try:
        return None if report.is_blank() else report.overview()
    finally:
        report.close()


class LedgerReport:
    """Read-only queries on the ledger at `path`.

    Raises:
        PassingTrouble: It cannot be read now.
        LedgerUnusable: It was written by a newer version, or is no ledger; queries may find that too.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._connection = sqlite3.connect(f"file:{quote(os.fsencode(path))}?mode=ro", uri=True)
        except sqlite3.OperationalError as error:
            raise PassingTrouble(f"the ledger {path!r}: {error}") from error
        newest = 1 + len(MIGRATIONS)
        self._version = version = int(self._run("PRAGMA user_version", ())[0][0])
        self._has_shadows = version >= WITH_SHADOWS
        if version > newest:
            self.close()
            raise LedgerTooNew(
                f"{path}: written by a newer refundsorter "
                f"(ledger version {version}; this one knows {newest})",
                "Install that version.",
            )

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def is_blank(self) -> bool:
        """Whether its file holds no table at all: it was touched, or a first start cut short."""
        return bool(self._run("SELECT count(*) = 0 FROM sqlite_master", ())[0][0])

    def flaw(self) -> str | None:
        """What is wrong with the first page that is not what it should be; None when every one is."""
        found = str(self._run("PRAGMA quick_check(1)", ())[0][0])
        return None if found == "ok" else " ".join(found.split())

    def overview(self) -> Overview:
        """Counts over the whole history."""
        held = dict(sorted(self._run(ledger_counts.HELD, ())))
        by = ledger_counts.by(self._version)
        has_corrections = self._version >= LINES_SINCE[Event.CORRECTED]
        has_jobs = self._version >= ledger_counts.TALLY_SINCE
        return Overview(
            by_state=self._counts(by["state"]),
            by_category=self._counts(by["category"]),
            by_reason=self._counts(by["reason"]),
            trouble=self._counts(ledger_counts.TROUBLE),
            held=len(held),
            held_trouble=next(iter(held.values()), None),
            oldest_open=self._one(ledger_counts.OLDEST_OPEN),
            lines_owed=self.lines_owed(),
            corrections=int(self._one(ledger_counts.CORRECTIONS_DONE) or 0) if has_corrections else 0,
            jobs_running=int(self._one(ledger_counts.JOBS_RUNNING) or 0) if has_jobs else 0,
            last_finished=self._one(ledger_counts.LAST_FINISHED),
            has_predictions=self._version >= LINES_SINCE[Event.PREDICTED]
            and bool(self._run("SELECT EXISTS (SELECT 1 FROM prediction)", ())[0][0]),
        )

    def checkpoint(self) -> Checkpoint | None:
        """Up to where the journal is known to be whole."""
        tip = "tip" if self._version >= TIP_SINCE else "NULL"
        found = self._run(f"SELECT day, offset, {tip} FROM checkpoint", ())  # noqa: S608 - constants
        return Checkpoint(day=found[0][0], offset=found[0][1], tip=found[0][2]) if found else None

    def has_line(self, key: Key) -> bool:
        """Whether it is known what the line of this key tells."""
        if self._version < LINES_SINCE[key.event]:
            return False
        if key.event is Event.PREDICTED:  # a row that is old enough may be gone
            return bool(self._run(GIVEN, (key.number,))[0][0])
        time, _ = LINES[key.event]
        query = f"SELECT count(*) FROM {time.table.name} WHERE id = ? AND {time.name} IS NOT NULL"  # noqa: S608 - constants
        return bool(self._run(query, (key.number,))[0][0])

    def filed_before(self, image_id: int, count: int) -> list[tuple[int, str]]:
        """The ids and destinations of the last photos below an id that were sorted or given to a person.

        Args:
            image_id: Exclusive; the newest come first.
            count: How many at most. Copies of a photo that was seen before do not count.
        """
        query = (
            "SELECT id, destination FROM images WHERE id < ? AND state IN ('sorted', 'review') "
            "AND destination IS NOT NULL AND duplicate_of IS NULL ORDER BY id DESC LIMIT ?"
        )
        return [(found, os.fsdecode(path)) for found, path in self._run(query, (image_id, count))]

    def lines_owed(self) -> int:
        """What has no line in the journal yet, as far as is known: how many."""
        return sum(
            int(self._run(OWED.format(time.table.name, marked.name, time.name), ())[0][0])
            for event, (time, marked) in LINES.items()
            if self._version >= LINES_SINCE[event]
        )

    @property
    def is_current(self) -> bool:
        """Whether it is of this program's version."""
        return self._version == 1 + len(MIGRATIONS)

    def shelved(self, images: Iterable[int]) -> dict[int, Shelved]:
        """Filed photos, by their numbers, each where it lies as far as is known."""
        query = (
            "SELECT destination, identity, sha256, model FROM images WHERE id = ? AND finished_at IS NOT NULL"
        )
        return {
            image: Shelved(
                image=image,
                path=os.fsdecode(destination),
                identity=identity_of(identity),
                sha256=sha256,
                model=model,
            )
            for image in images
            for destination, identity, sha256, model in self._run(query, (image,))
        }

    def corrected(self) -> Iterator[CorrectedPhoto]:
        """The photos that lie in a category because a person put them there last, in the order of their ids.

        Those of which the model was never asked, because they were rejected, are left out, and so are those
        that were put back into the inbox.
        """
        if self._version < LINES_SINCE[Event.CORRECTED]:
            return
        for image, destination, category, sha256, ranking in self._run(CORRECTED, ()):
            yield CorrectedPhoto(
                image=image,
                path=os.fsdecode(destination),
                category=category,
                sha256=sha256,
                top_predictions=tuple(Ranked(**fields) for fields in json.loads(ranking)),
            )

    def job_states(self, job: int) -> dict[str, int]:
        """How many photos of a job are in each state; one that was put back is as it was filed."""
        was = "CASE state WHEN 'undone' THEN intended ELSE state END"
        return self._counts(f"SELECT {was}, count(*) FROM images WHERE job = ? GROUP BY 1", job)  # noqa: S608 - a constant

    def job_categories(self, job: int) -> dict[str, int]:
        """How many photos of a job were sorted into each category."""
        return self._counts(
            "SELECT category, count(*) FROM images WHERE job = ? AND state IN ('sorted', 'undone') "
            "AND intended = 'sorted' GROUP BY category ORDER BY category",
            job,
        )

    def stood_beside(self, candidate: str) -> dict[str, int]:
        """The bundles that decided the photos that a candidate answered too, the last first; and how many.

        Args:
            candidate: NAME/VERSION.
        """
        if not self._has_shadows:
            return {}
        return self._counts(
            "SELECT images.model, count(*) FROM shadow JOIN images ON images.id = shadow.image "
            "WHERE shadow.model = ? GROUP BY images.model ORDER BY max(images.id) DESC",
            candidate,
        )

    def pairings(self, candidate: str, active: str) -> list[Pairing]:
        """How often a candidate and the bundle that decided answered what."""
        if not self._has_shadows:
            return []
        found = self._run(
            "SELECT images.category, shadow.category, images.intended = 'sorted', shadow.filed, count(*) "
            "FROM shadow JOIN images ON images.id = shadow.image "
            "WHERE shadow.model = ? AND images.model = ? GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2",
            (candidate, active),
        )
        return [
            Pairing(
                active=of_active,
                candidate=of_candidate,
                active_filed=bool(filed),
                candidate_filed=bool(would_file),
                photos=photos,
            )
            for of_active, of_candidate, filed, would_file, photos in found
        ]

    def _counts(self, query: str, *parameters: object) -> dict[str, int]:
        return dict(self._run(query, parameters))

    def _one(self, query: str) -> float | None:
        value: float | None = self._run(query, ())[0][0]
        return value

    def _run(self, query: str, parameters: tuple[object, ...]) -> list[Any]:
        try:
            return self._connection.execute(query, parameters).fetchall()
        except sqlite3.OperationalError as error:
            raise PassingTrouble(f"the ledger {self._path!r}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise LedgerUnusable(damage(self._path, error), REMEDY) from error
