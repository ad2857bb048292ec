"""The statements by which the ledger's rows change, apart from the transactions that run them."""

from collections.abc import Collection, Iterator

from sqlalchemy import ColumnElement, Update, bindparam, func, literal, or_, select, text, union_all, update
from sqlalchemy.dialects.sqlite import Insert, insert

from refundsorter.core.image import State, predecessors
from refundsorter.core.record import Event, Key
from refundsorter.core.stability import Source
from refundsorter.edges import ledger_rows as rows
from refundsorter.edges import ledger_tables as tables
from refundsorter.edges.ledger_tables import ONE_OPEN_PER_PATH, correction, images, prediction


def _step_to(*states: State) -> Update:
    """An update of one row, by `b_id`, that only a legal predecessor of every given state lets pass."""
    legal = frozenset[State].intersection(*(predecessors(state) for state in states))
    return update(images).where(
        images.c.id == bindparam("b_id"), or_(*(images.c.state == state.value for state in sorted(legal)))
    )


ADMIT = insert(images)
_IS_THIS_FILE = (images.c.path == bindparam("path")) & (images.c.identity == bindparam("identity"))
_IS_WAITING = images.c.state == State.WAITING.value


def _admit_or_renew(*, where: ColumnElement[bool]) -> Insert:
    return ADMIT.on_conflict_do_update(
        index_elements=[images.c.path],
        index_where=ONE_OPEN_PER_PATH.dialect_options["sqlite"]["where"],
        set_={
            "identity": ADMIT.excluded.identity,
            "seen_at": ADMIT.excluded.seen_at,
            "not_before": ADMIT.excluded.not_before,
            "job": func.coalesce(ADMIT.excluded.job, images.c.job),
            "attempts": 0,
            "trouble": None,
            "infer_ms": None,
        },
        where=_IS_WAITING & where,
    )


# Another content under a waiting name; a sweep tries what waits again now.
ADMIT_OR_RENEW = _admit_or_renew(
    where=(images.c.identity != ADMIT.excluded.identity) | (ADMIT.excluded.noticed_by == Source.SWEEP.value)
)
RENEW_OWN = _admit_or_renew(where=images.c.job == ADMIT.excluded.job)  # what waits for others is left to them
# A photo that is held back for longer than the longest wait was so by a clock that has been set back since.
DUE = (images.c.not_before <= bindparam("now")) | (images.c.not_before > bindparam("horizon"))
CLAIM = (
    update(images)
    .where(
        images.c.id.in_(
            select(images.c.id)
            .where(tables.IS_WAITING, DUE)
            .order_by(images.c.not_before, images.c.id)
            .limit(bindparam("limit"))
        )
    )
    .values(state=State.CLAIMED.value, claimed_at=bindparam("now"))
    .returning(*rows.CLAIM_COLUMNS)
)
CLASSIFY = _step_to(State.CLASSIFIED).values(
    state=State.CLASSIFIED.value,
    trouble=None,  # what held it back while it waited is over; from here on it is what holds its move
    **rows.CLASSIFIED_VALUES,
)
HOLD = update(images).where(
    images.c.id == bindparam("b_id"), images.c.state == State.CLASSIFIED.value, tables.IS_OPEN
)
FINISH = _step_to(State.SORTED, State.REVIEW, State.REJECTED).values(
    state=bindparam("b_state"), finished_at=bindparam("b_finished_at"), move_ms=bindparam("b_move_ms")
)
RELEASE = _step_to(State.WAITING).values(
    state=State.WAITING.value,
    not_before=bindparam("b_not_before"),
    attempts=bindparam("b_attempts"),
    trouble=bindparam("b_trouble"),
    infer_ms=None,  # what was found is void: it counts no longer as an answer for this content
)
RELEASE_CLAIMS = (
    update(images)
    .where(images.c.state == State.CLAIMED.value, tables.IS_OPEN)
    .values(state=State.WAITING.value)
)
ENTERED = union_all(
    select(images.c.id).where(_IS_THIS_FILE, tables.IS_OPEN),
    select(images.c.id).where(_IS_THIS_FILE, images.c.finished_at.is_not(None)),
)
HASTEN = (
    update(images)
    .where(images.c.id == bindparam("b_id"), tables.IS_WAITING)
    .values(not_before=0.0, attempts=0, trouble=None)
)
_CHECKPOINT = insert(tables.checkpoint)
KEEP_CHECKPOINT = _CHECKPOINT.on_conflict_do_update(
    set_={name: _CHECKPOINT.excluded[name] for name in ("day", "offset", "tip")}
)
# Of what each event's lines tell: when it was, and whether its line is durable.
LINES = {
    Event.FILED: (images.c.finished_at, images.c.journaled),
    Event.CORRECTED: (correction.c.done_at, correction.c.written),
    Event.PREDICTED: (prediction.c.answered_at, prediction.c.written),
}
MARKED_ABOUT = union_all(
    *(
        select(
            literal(event.value).label("event"), marked.table.c.id.label("number"), time.label("time")
        ).where(marked == 1, time.between(bindparam("since"), bindparam("until")))
        for event, (time, marked) in LINES.items()
    )
)
# Of a photo that was not filed after all, or was taken away, nothing is kept.
KEEP_SHADOW = text(
    "INSERT OR REPLACE INTO shadow (model, image, category, label, confidence, filed) "
    "SELECT :model, id, :category, :label, :confidence, :filed FROM images "
    "WHERE id = :image AND finished_at IS NOT NULL"
)
USED = union_all(select(images.c.id).where(images.c.destination.is_not(None)), select(prediction.c.id)).limit(
    1
)
MOST_KEYS = 10_000  # in one statement; SQLite takes three times as many


def mark(keys: Collection[Key], *, journaled: int) -> Iterator[Update]:
    """Say of lines, by their keys, whether they are durable."""
    for event, (_, marked) in LINES.items():
        ids = sorted(key.number for key in keys if key.event is event)
        for first in range(0, len(ids), MOST_KEYS):
            these = marked.table.c.id.in_(ids[first : first + MOST_KEYS])
            yield update(marked.table).where(these).values({marked: journaled})
