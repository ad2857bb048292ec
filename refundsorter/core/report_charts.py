"""The pictures of a day's report, as SVG."""

from collections.abc import Iterator, Sequence

from refundsorter.core import svg
from refundsorter.core.day_facts import OUTCOMES
from refundsorter.core.report import Category, Hour, Outcomes
from refundsorter.core.text import printable

KINDS = {"sorted": "hit", "review": "doubt", "rejected": "miss", "waiting": "rest"}
LETTER = 7.6  # pixels that a letter of 12 px text takes
LONGEST = 34  # letters of a name that are shown
STEPS = 4  # of an axis
LEADS = (10, 15, 20, 25, 30, 40, 50, 60, 80)  # with what a step of an axis begins
WIDE = 280.0  # pixels of bars: two pictures of categories have room beside each other
MOST_CATEGORIES = 24


def by_hour(hours: Sequence[Hour]) -> str:
    """What became of the photos that came in each hour."""
    left, top, tall, wide = 56.0, 44.0, 200.0, 20.0
    most = _round_up(max((one.outcomes.photos for one in hours), default=0))
    right, bottom = left + wide * len(hours), top + tall
    parts = [*_legend(left, 22)]
    for step in range(STEPS + 1):
        y, value = bottom - tall * step / STEPS, most * step // STEPS
        parts.append(svg.path([(left, y), (right, y)], "grid"))
        parts.append(svg.text(left - 8, y + 4, str(value), anchor="end", kind="soft"))
    for number, hour in enumerate(hours):
        x, y = left + wide * number, bottom
        for state, photos in _parts(hour.outcomes):
            height = tall * photos / most
            y -= height
            parts.append(svg.rectangle(x + 2, y, wide - 4, height, KINDS[state]))
        if number % 3 == 0:
            parts.append(svg.text(x + wide / 2, bottom + 18, hour.begins, anchor="middle", kind="soft"))
    parts.append(svg.path([(left, bottom), (right, bottom)], "axis"))
    return svg.document(right + 16, bottom + 32, "Photos by the hour in which they came", parts)


def by_category(categories: Sequence[Category]) -> str:
    """How many photos showed what, and how many usually do."""
    shown = categories[:MOST_CATEGORIES]
    names = [_short(one.category) for one in shown]
    margin, wide, tall, top = 24 + LETTER * max(map(len, names), default=0), WIDE, 26.0, 44.0
    most = _round_up(max((max(one.sorted + one.review, one.usual_photos or 0.0) for one in shown), default=0))
    bottom = top + tall * len(shown)
    parts = [*_legend(margin, 22, ("sorted", "review"), usual=True)]
    for step in range(STEPS + 1):
        x = margin + wide * step / STEPS
        parts.append(svg.path([(x, top), (x, bottom)], "grid"))
        parts.append(svg.text(x, bottom + 18, str(most * step // STEPS), anchor="middle", kind="soft"))
    for row, (name, one) in enumerate(zip(names, shown, strict=True)):
        y, sorted_wide = top + row * tall, wide * one.sorted / most
        parts.append(svg.text(margin - 8, y + tall / 2 + 4, name, anchor="end"))
        parts.append(svg.rectangle(margin, y + 5, sorted_wide, tall - 10, KINDS["sorted"]))
        parts.append(
            svg.rectangle(margin + sorted_wide, y + 5, wide * one.review / most, tall - 10, KINDS["review"])
        )
        if one.usual_photos is not None:
            usual = margin + wide * one.usual_photos / most
            parts.append(svg.path([(usual, y + 2), (usual, y + tall - 2)], "tick"))
    return svg.document(margin + wide + 24, bottom + 32, "Photos by what they show", parts)


def by_confidence(categories: Sequence[Category]) -> str:
    """How sure the model was, and how sure it usually is."""
    shown = [one for one in categories[:MOST_CATEGORIES] if one.confidence is not None]
    names = [_short(one.category) for one in shown]
    margin, wide, tall, top = 24 + LETTER * max(map(len, names), default=0), WIDE, 26.0, 44.0
    bottom = top + tall * len(shown)
    parts = [svg.dot(margin + 5, 18, "mark"), svg.text(margin + 16, 22, "this day", kind="soft")]
    parts += _usual_sign(margin + 86, 22)
    for step in range(6):
        x = margin + wide * step / 5
        parts.append(svg.path([(x, top), (x, bottom)], "grid"))
        parts.append(svg.text(x, bottom + 18, f"{step / 5:.0%}", anchor="middle", kind="soft"))
    for row, (name, one) in enumerate(zip(names, shown, strict=True)):
        y = top + row * tall
        parts.append(svg.text(margin - 8, y + tall / 2 + 4, name, anchor="end"))
        if one.usual_confidence is not None:
            x = margin + wide * one.usual_confidence
            parts.append(svg.path([(x, y + 4), (x, y + tall - 4)], "tick"))
        parts.append(svg.dot(margin + wide * (one.confidence or 0.0), y + tall / 2, "mark"))
    return svg.document(margin + wide + 24, bottom + 32, "Mean confidence by category", parts)


def _parts(outcomes: Outcomes) -> list[tuple[str, int]]:
    counts = {state: int(getattr(outcomes, state)) for state in OUTCOMES}
    return [(state, photos) for state, photos in counts.items() if photos]


def _legend(
    left: float, line: float, states: Sequence[str] = OUTCOMES, *, usual: bool = False
) -> Iterator[str]:
    x = left
    for state in states:
        yield svg.rectangle(x, line - 10, 11, 11, KINDS[state])
        yield svg.text(x + 16, line, state, kind="soft")
        x += 36 + LETTER * len(state)
    if usual:
        yield from _usual_sign(x, line)


def _usual_sign(x: float, line: float) -> list[str]:
    return [
        svg.path([(x + 2, line - 12), (x + 2, line + 2)], "tick"),
        svg.text(x + 10, line, "usually", kind="soft"),
    ]


def _round_up(count: float) -> int:
    """The end of an axis: a number whose quarters are whole and easily read."""
    power = 1
    while True:
        for lead in LEADS:
            quarter = lead * power / 10
            if quarter.is_integer() and STEPS * quarter >= count:
                return int(STEPS * quarter)
        power *= 10


def _short(name: str) -> str:
    """A name that fits beside a picture, with nothing in it that cannot be shown."""
    safe = printable(name) or "none"
    return safe if len(safe) <= LONGEST else safe[: LONGEST - 1] + "…"
