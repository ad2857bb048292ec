"""An evaluation as one page: no script, no network, every name escaped, the worst mistakes to look at."""

import base64
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from refundsorter.core.fault import ItemFault, RefundsorterError
from refundsorter.core.page import document, picture, safe, table
from refundsorter.core.share import Estimate, Share
from refundsorter.edges.thumbnail import thumbnail
from refundsorter.training.charts import charts
from refundsorter.training.dataset import LIMITS
from refundsorter.training.evaluate import TOP, Measure
from refundsorter.training.trial import Evaluation, Mistake

SIDE = 200  # pixels of the square that a picture on the contact sheet fits into
STYLE = ".filed { color: var(--bad); font-weight: 600; }\n"


class PageRefused(RefundsorterError):
    """The page cannot be written; the message says why."""


def refuse(path: Path) -> None:
    """Tell before the work what would keep the page from being written after it.

    Raises:
        PageRefused: Its folder is not there, or something that is no file has its name.
    """
    if not path.parent.is_dir():
        raise PageRefused(f"{path}: there is no folder {path.parent}; make it first")
    if path.exists() and not path.is_file():
        raise PageRefused(f"{path}: is no file; choose another name")


def write(path: Path, found: Evaluation) -> None:
    """Write the page; one that was there is replaced at once, or kept.

    Raises:
        PageRefused: The disk does not allow it.
    """
    content = render(found).encode()
    try:
        partial = path.with_name(f".{path.name[:60]}.{os.getpid()}")
        try:
            partial.write_bytes(content)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise PageRefused(f"{path}: cannot be written: {error.strerror}") from error


def render(found: Evaluation) -> str:
    """Return the whole page; photos that can still be read are shown small."""
    title = f"{safe(found.model)} on {found.photos} photos"
    body = [
        f"<h1>{title}</h1>",
        *_headline(found.measure, found.held_back),
        '<div class="charts">',
        *charts(found.measure).values(),
        "</div>",
        *_categories(found),
        *_sources(found),
        *_calibration(found.measure),
        *_mistakes(found.mistakes),
        *_left_out(found),
    ]
    return document(title, body, style=STYLE)


def _headline(found: Measure, held_back: Share) -> Iterator[str]:
    rows = [
        ("right category", *_cells(found.right)),
        (f"right among the {TOP} likeliest", *_cells(found.top3)),
        ("macro-F1", *_cells(found.macro_f1)),
        ("filed, at each category's own threshold", *_cells(found.filed)),
        ("&emsp;right, of those", *_cells(found.filed_right)),
    ]
    if found.chosen is not None:
        at = found.chosen.threshold
        rows.append((f"filed, at {at:.3f} for every category *", *_cells(found.chosen.filed)))
        rows.append(("&emsp;right, of those", *_cells(found.chosen.right)))
    if held_back.of:
        rows.append(("held back, of what is no product", *_cells(held_back)))
    yield table(("", "", "photos", "95 % interval"), rows)
    if found.chosen is None:
        yield f"<p>No threshold makes {found.promise:.0%} of the photos filed right.</p>"
    else:
        yield f"<p>* The lowest threshold that makes {found.promise:.0%} of the photos filed right. It was "
        yield "chosen on these very photos, so on others it promises less.</p>"


def _categories(found: Evaluation) -> Iterator[str]:
    yield "<h2>Categories</h2><p>Recall: of its photos, those found. Precision: of those said to be it, "
    yield "those that are.</p>"
    interval = "95 % interval"
    heads = ("category", "recall", "photos", interval, "precision", "photos", interval, "F1", "", interval)
    yield table(
        (*heads, "threshold"),
        [
            (
                safe(name),
                *_cells(score.recall),
                *_cells(score.precision),
                *(_cells(score.f1) if score.recall.of else ("–", "", "")),
                f"{found.thresholds[name]:.3f}",
            )
            for name, score in found.measure.categories.items()
        ],
    )


def _sources(found: Evaluation) -> Iterator[str]:
    if not found.sources:
        return
    yield "<h2>Sources</h2>"
    interval = "95 % interval"
    heads = ("source", "right", "photos", interval, "filed", "photos", interval, "right of those", "photos")
    yield table(
        (*heads, interval),
        [
            (safe(name), *_cells(score.right), *_cells(score.filed), *_cells(score.filed_right))
            for name, score in found.sources.items()
        ],
    )


def _calibration(found: Measure) -> Iterator[str]:
    told = found.reliability
    yield f"<h2>Calibration</h2><p>Expected calibration error {told.error:.3f}. A perfectly calibrated model "
    yield f"would show {told.ideal:.3f} on as few photos, and up to {told.ideal_high:.3f} by chance.</p>"
    yield table(
        ("the model is", "sure, on average", "right", "photos", "95 % interval"),
        [
            (f"{one.low:.0%} to {one.high:.0%}", f"{one.confidence:.1%}", *_cells(one.right))
            for one in told.bins
        ],
    )


def _mistakes(mistakes: Sequence[Mistake]) -> Iterator[str]:
    if not mistakes:
        return
    yield "<h2>The worst mistakes</h2><p>Wrong, and most sure of it. What was filed nobody would have looked "
    yield 'at.</p><div class="sheet">'
    for mistake in mistakes:
        told = "filed as" if mistake.filed else "said"
        yield f'<figure><div class="frame">{_picture(mistake.path)}</div><figcaption>'
        yield f'<span class="{"filed" if mistake.filed else "soft"}">{told}</span> '
        yield f"{safe(mistake.predicted)} {mistake.confidence:.0%} ({safe(mistake.label)})<br/>"
        yield f"is {safe(mistake.category)} {mistake.category_confidence:.0%}<br/>"
        yield f'<span class="soft">{safe(mistake.path)}</span></figcaption></figure>'
    yield "</div>"


def _picture(path: str) -> str:
    try:
        made = thumbnail(Path(path).read_bytes(), side=SIDE, limits=LIMITS)
    except (OSError, ItemFault):
        return '<span class="soft">gone</span>'
    return picture(base64.b64encode(made.jpeg).decode(), width=made.width, height=made.height)


def _left_out(found: Evaluation) -> Iterator[str]:
    if not found.unreadable:
        return
    yield f"<h2>Left out</h2><p>These {len(found.unreadable)} photos could not be read.</p>"
    yield table(("file", "why"), [(safe(photo.path), safe(photo.why)) for photo in found.unreadable])


def _cells(figure: Share | Estimate) -> tuple[str, str, str]:
    """The figure, its counts, and its interval; a share of nothing is none."""
    if isinstance(figure, Estimate):
        return f"{figure.value:.3f}", "", f"{figure.low:.3f} to {figure.high:.3f}"
    if not figure.of:
        return "–", "0 of 0", ""
    low, high = figure.interval
    return f"{figure.value:.1%}", f"{figure.hits} of {figure.of}", f"{low:.0%} to {high:.0%}"
