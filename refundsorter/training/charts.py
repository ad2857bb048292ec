"""The four pictures of an evaluation, drawn as SVG: they stand in its page and beside a model card."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from refundsorter.core import svg
from refundsorter.core.text import printable
from refundsorter.training.confusion import Confusion
from refundsorter.training.coverage import thinned
from refundsorter.training.evaluate import Measure
from refundsorter.training.reliability import Reliability

CHARTS = ("reliability", "precision-coverage", "confusion", "recall")
LETTER = 8.6  # pixels that a letter of 12 px text takes, capitals meant
DEEP = 0.7  # share of a row from which on a cell is so deep that its number must be light
FEET = (0.75, 0.5, 0.0)  # where an axis of precision may start: its five steps are then round
LONGEST = 34  # letters of a name that are shown


def charts(found: Measure) -> dict[str, str]:
    """Every picture of an evaluation, by its name in `CHARTS`."""
    drawn = (
        reliability_diagram(found.reliability),
        precision_coverage(found),
        confusion_matrix(found.confusion),
        recall_bars(found),
    )
    return dict(zip(CHARTS, drawn, strict=True))


def names(measure: str) -> tuple[str, ...]:
    """The files of a measure's pictures beside a model card."""
    return tuple(f"{measure.replace('_', '-')}-{chart}.svg" for chart in CHARTS)


def files(measures: Mapping[str, Measure]) -> dict[str, bytes]:
    """The pictures of measures as files beside a model card, under `names`."""
    return {
        file: content.encode()
        for measure, found in measures.items()
        for file, content in zip(names(measure), charts(found).values(), strict=True)
    }


@dataclass(frozen=True, slots=True)
class _Frame:
    """A square or oblong with two axes; values are mapped to pixels."""

    left: float
    top: float
    width: float
    height: float
    low: float = 0.0  # the value at the foot of the y axis
    high: float = 1.0  # the value at its head

    def x(self, value: float) -> float:
        """Pixels of a value from 0 to 1."""
        return self.left + value * self.width

    def y(self, value: float) -> float:
        """Pixels of a value from `low` to `high`."""
        return self.top + (self.high - value) / (self.high - self.low) * self.height

    def axes(self, across: str, up: str) -> Iterator[str]:
        """The grid, its percentages, and what they mean."""
        bottom, steps = self.top + self.height, 5
        for step in range(steps + 1):
            share, value = step / steps, self.low + step / steps * (self.high - self.low)
            yield svg.path([(self.x(share), self.top), (self.x(share), bottom)], "grid")
            yield svg.path([(self.left, self.y(value)), (self.x(1), self.y(value))], "grid")
            yield svg.text(self.x(share), bottom + 18, f"{share:.0%}", anchor="middle", kind="soft")
            yield svg.text(self.left - 8, self.y(value) + 4, f"{value:.0%}", anchor="end", kind="soft")
        yield svg.path([(self.left, self.top), (self.left, bottom), (self.x(1), bottom)], "axis")
        yield svg.text(self.x(0.5), bottom + 38, across, anchor="middle")
        middle = self.top + self.height / 2
        yield svg.text(self.left - 48, middle, up, anchor="middle", turn=-90)


def reliability_diagram(found: Reliability) -> str:
    """How often photos were right, by how sure the model was; below, how many photos there are of each."""
    frame = _Frame(left=64, top=44, width=400, height=300)
    most = max(one.right.of for one in found.bins)
    foot, tall = 452.0, 44.0  # of the histogram
    parts = [
        svg.text(frame.left, 26, f"Expected calibration error {found.error:.3f}"),
        *frame.axes("how sure the model was", "right"),
        svg.path([(frame.x(0), frame.y(0)), (frame.x(1), frame.y(1))], "aim"),
    ]
    for one in found.bins:
        low, high = one.right.interval
        x, bar = frame.x(one.confidence), one.right.of / most * tall
        parts.append(svg.path([(x, frame.y(low)), (x, frame.y(high))], "span"))
        parts.append(svg.dot(x, frame.y(one.right.value), "mark"))
        left, right = frame.x(one.low) + 2, frame.x(one.high) - 2
        parts.append(svg.rectangle(left, foot - bar, right - left, bar, "bar"))
        parts.append(svg.text((left + right) / 2, foot + 15, str(one.right.of), anchor="middle", kind="soft"))
    parts.append(svg.text(frame.left - 8, foot + 15, "photos", anchor="end", kind="soft"))
    legend = "Dashed: confidence is accuracy. Strokes: 95 % intervals."
    parts.append(svg.text(frame.left, foot + 40, legend, kind="soft"))
    return svg.document(500, 508, "Reliability diagram: accuracy by confidence", parts)


def precision_coverage(found: Measure) -> str:
    """How many photos are filed, and how many of those rightly, as one threshold for all goes down."""
    least = min(point.right.value for point in found.curve)
    frame = _Frame(left=64, top=44, width=400, height=300, low=next(foot for foot in FEET if foot <= least))
    points = thinned(found.curve)
    parts = [
        svg.text(frame.left, 26, "Fewer filed, more of them right"),
        *frame.axes("filed, of all photos", "right, of those filed"),
        svg.path([(frame.x(0), frame.y(found.promise)), (frame.x(1), frame.y(found.promise))], "aim"),
        svg.path([(frame.x(point.filed.value), frame.y(point.right.value)) for point in points], "line"),
    ]
    legend = [("aim", f"{found.promise:.0%} right")]
    if found.chosen is not None:
        x, y = frame.x(found.chosen.filed.value), frame.y(found.chosen.right.value)
        parts.append(svg.dot(x, y, "mark"))
        legend.append(("mark", f"lowest threshold that keeps it, {found.chosen.threshold:.3f}"))
    if found.filed.hits:
        parts.append(svg.dot(frame.x(found.filed.value), frame.y(found.filed_right.value), "other"))
        legend.append(("other", "at each category's own threshold"))
    for row, (kind, words) in enumerate(legend):
        y = 412.0 + 20 * row
        sign = svg.path([(frame.left, y), (frame.left + 22, y)], kind) if kind == "aim" else ""
        parts.append(sign or svg.dot(frame.left + 11, y, kind))
        parts.append(svg.text(frame.left + 32, y + 4, words, kind="soft"))
    return svg.document(500, 476, "Precision-coverage curve", parts)


def confusion_matrix(found: Confusion) -> str:
    """A row a true category, a column a predicted one; the deeper the colour, the larger the row's share."""
    names = [_short(name) for name in found.categories]
    cell = max(24.0, min(44.0, 640 / len(names)))
    margin = 24 + LETTER * max(map(len, names))
    top = 30 + margin * 0.72  # the columns' names stand aslant
    side = cell * len(names)
    parts = [svg.text(margin - 8, top - 10, "is ↓  taken for →", anchor="end", kind="soft")]
    for row, (name, counts) in enumerate(zip(names, found.counts, strict=True)):
        y, total = top + row * cell, max(sum(counts), 1)
        parts.append(svg.text(margin - 8, y + cell / 2 + 4, name, anchor="end"))
        parts.append(svg.text(margin + (row + 0.5) * cell, top - 8, name, turn=-45))
        for column, count in enumerate(counts):
            x, share = margin + column * cell, count / total
            parts.append(svg.rectangle(x + 1, y + 1, cell - 2, cell - 2, "grid"))
            if not count:
                continue
            kind = "hit" if row == column else "miss"
            parts.append(svg.rectangle(x + 1, y + 1, cell - 2, cell - 2, kind, opacity=0.15 + 0.85 * share))
            ink = "strong" if share > DEEP else ""
            parts.append(svg.text(x + cell / 2, y + cell / 2 + 4, str(count), anchor="middle", kind=ink))
    width = margin + side + margin * 0.72
    return svg.document(
        width, top + side + 16, "Confusion matrix: photos by true and predicted category", parts
    )


def recall_bars(found: Measure) -> str:
    """How many photos of each category were found, with intervals."""
    scores = {name: score.recall for name, score in found.categories.items() if score.recall.of}
    margin, wide, tall = 24 + LETTER * max(len(_short(name)) for name in scores), 320.0, 28.0
    bottom = 40 + tall * len(scores)
    parts = [svg.text(margin, 24, "Found, of each category's photos")]
    for step in range(6):
        x = margin + wide * step / 5
        parts.append(svg.path([(x, 36), (x, bottom)], "grid"))
        parts.append(svg.text(x, bottom + 18, f"{step / 5:.0%}", anchor="middle", kind="soft"))
    for row, (name, share) in enumerate(scores.items()):
        y, (low, high) = 40 + row * tall, share.interval
        middle = y + tall / 2
        parts.append(svg.text(margin - 8, middle + 4, _short(name), anchor="end"))
        parts.append(svg.rectangle(margin, y + 5, wide * share.value, tall - 10, "bar"))
        parts.append(svg.path([(margin + wide * low, middle), (margin + wide * high, middle)], "span"))
        parts.append(svg.text(margin + wide + 14, middle + 4, f"{share.hits} of {share.of}", kind="soft"))
    legend = "Strokes: 95 % intervals."
    parts.append(svg.text(margin, bottom + 40, legend, kind="soft"))
    return svg.document(margin + wide + 110, bottom + 56, "Recall by category", parts)


def _short(name: str) -> str:
    """A name that fits beside a picture, with nothing in it that cannot be shown."""
    safe = printable(name)
    return safe if len(safe) <= LONGEST else safe[: LONGEST - 1] + "…"
