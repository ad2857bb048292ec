"""The ledger's tables, but for those of jobs, and the indices by which the daily work finds its rows.

Paths are stored as the bytes of `os.fsencode`, so that any name survives; times are unix seconds.
"""

import os

from sqlalchemy import (
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)

from refundsorter.core.correction import Stage
from refundsorter.core.image import OPEN, State

metadata = MetaData()


class Path(TypeDecorator[str]):
    """A path: text as `os.fsdecode` gives it in Python, its bytes in the database."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Encode."""
        return None if value is None else os.fsencode(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Decode."""
        return None if value is None else os.fsdecode(value)


images = Table(
    "images",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("path", Path, nullable=False),  # in the inbox
    Column("root", Path, nullable=False),  # the inbox
    Column("identity", Text, nullable=False),  # device:inode:size:mtime_ns
    Column("noticed_by", Text, nullable=False),  # event, scan, sweep or upload
    Column("seen_at", Float, nullable=False),
    Column("not_before", Float, nullable=False),  # not claimed before; 0 for one that met no trouble
    Column("attempts", Integer, nullable=False),  # times that passing trouble sent it back
    Column("trouble", Text),  # the last of them
    Column("job", Integer),
    Column("claimed_at", Float),
    # what was found and decided, from `classified` on
    Column("sha256", Text),
    Column("category", Text),
    Column("label", Text),
    Column("confidence", Float),
    Column("top_predictions", Text),  # JSON, as in the journal
    Column("width", Integer),
    Column("height", Integer),
    Column("duplicate_of", Integer),
    Column("decode_ms", Float),
    Column("infer_ms", Float),
    Column("model", Text),  # NAME/VERSION
    Column("taxonomy", Text),  # its digest
    Column("reason", Text),
    Column("detail", Text),  # what exactly was found in a rejected file
    Column("intended", Text),  # the terminal state that is meant
    Column("destination", Path),  # the path that is meant, and then the path that is
    # what was done, from the terminal states on
    Column("finished_at", Float),
    Column("move_ms", Float),
    Column("journaled", Integer, nullable=False, server_default="0"),  # 1: its line is durable
    Column("filed_as", Path),  # the destination that its line tells, once the photo lies elsewhere
    sqlite_autoincrement=True,  # an id is never given again: lines and duplicates name it for ever
)

correction = Table(
    "correction",  # what people put right: what is asked, what is being done, and what was
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image", Integer, nullable=False),
    Column("stage", Text, nullable=False),
    Column("how", Text, nullable=False),  # command, moved or undone
    Column("by_whom", Text),  # where it is known
    Column("asked_at", Float, nullable=False),
    Column("to_category", Text, nullable=False),  # a folder of the shelf; "" for the inbox
    # what is being done, from `intended` on
    Column("from_category", Text),  # likewise
    Column("from_destination", Path),
    Column("to_destination", Path),
    Column("identity", Text),  # the photo's file, as it was found
    Column("model", Text),  # whose answer it corrects
    Column("trouble", Text),  # what holds it back, or why it is refused
    # what was done
    Column("done_at", Float),
    Column("written", Integer, nullable=False, server_default="0"),  # 1: its line is durable
    sqlite_autoincrement=True,  # a line names the number for ever
)

checkpoint = Table(
    "checkpoint",  # up to where the journal is whole: one row
    metadata,
    Column("id", Integer, primary_key=True),
    Column("day", Text, nullable=False),
    Column("offset", Integer, nullable=False),
    Column("tip", Text),  # the hash of the line that was written last
)

token = Table(
    "token",  # what tells this ledger from every other one: one row
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token", Text, nullable=False),
)

shadow = Table(
    "shadow",  # what candidates said of photos that the active bundle decided
    metadata,
    Column("model", Text, primary_key=True),  # the candidate, NAME/VERSION
    Column("image", Integer, primary_key=True),  # the photo's id
    Column("category", Text),
    Column("label", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("filed", Integer, nullable=False),  # 1: it would have been filed
)

prediction = Table(
    "prediction",  # what was answered for images that were asked about and are not kept
    metadata,
    Column("id", Integer, primary_key=True),
    Column("answered_at", Float, nullable=False),
    Column("file", Text),  # its name, where it was told
    Column("by_whom", Text),
    Column("state", Text, nullable=False),  # what would become of a photo like it
    Column("category", Text),
    Column("label", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("top_predictions", Text, nullable=False),  # JSON, as in the journal
    Column("reason", Text),
    Column("model", Text, nullable=False),  # NAME/VERSION
    Column("taxonomy", Text, nullable=False),  # its digest
    Column("sha256", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("decode_ms", Float, nullable=False),
    Column("infer_ms", Float),
    Column("cached", Integer, nullable=False),
    Column("written", Integer, nullable=False, server_default="0"),  # 1: its line is durable
    sqlite_autoincrement=True,  # a line names the number for ever
)

# Literal text, not parameters: SQLite uses a partial index only where it can prove that the query implies it.
IS_OPEN = text("state IN ({})".format(", ".join(f"'{state}'" for state in sorted(OPEN))))
IS_WAITING = text(f"state = '{State.WAITING}'")
IS_UNJOURNALED = text("journaled = 0 AND finished_at IS NOT NULL")
WAS_INFERRED = text("infer_ms IS NOT NULL")
IS_OPEN_CORRECTION = text(f"stage IN ('{Stage.ASKED}', '{Stage.INTENDED}')")
IS_UNWRITTEN = text("written = 0 AND done_at IS NOT NULL")
IS_UNTOLD = text("written = 0")

# Partial indices: their size follows the work in hand, not the history, but for those by which a photo is
# found again: by content, by the place where it lies, and by its file.
ONE_OPEN_PER_PATH = Index("one_open_per_path", images.c.path, unique=True, sqlite_where=IS_OPEN)
Index("next_to_claim", images.c.not_before, images.c.id, sqlite_where=IS_WAITING)
Index("unjournaled", images.c.id, sqlite_where=IS_UNJOURNALED)
Index("contents", images.c.sha256, sqlite_where=text("sha256 IS NOT NULL"))
Index("by_job", images.c.job, images.c.state, sqlite_where=text("job IS NOT NULL"))
Index("by_destination", images.c.destination, sqlite_where=text("destination IS NOT NULL"))
Index("by_file", images.c.identity, sqlite_where=text("finished_at IS NOT NULL"))
Index("corrections_open", correction.c.id, sqlite_where=IS_OPEN_CORRECTION)
Index("corrections_unwritten", correction.c.id, sqlite_where=IS_UNWRITTEN)
Index("corrections_of", correction.c.image)
Index("predictions_untold", prediction.c.id, sqlite_where=IS_UNTOLD)
Index("predictions_by_time", prediction.c.answered_at)
Index("predicted_contents", prediction.c.sha256)
