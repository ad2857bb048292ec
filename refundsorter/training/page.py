"""An evaluation as one page: no script, no network, every name escaped, the worst mistakes to look at."""

import base64
import os
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path

from refundsorter.core.fault import ItemFault, RefundsorterError
from refundsorter.core.share import Estimate, Share
from refundsorter.core.text import printable
from refundsorter.edges.thumbnail import thumbnail
from refundsorter.training.charts import charts
from refundsorter.training.dataset import LIMITS
from refundsorter.training.evaluate import TOP, Measure
from refundsorter.training.trial import Evaluation, Mistake

SIDE = 200  # pixels of the square that a picture on the contact sheet fits into
# What the page may load: pictures that stand in it, and its own style.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLE = """
:root { color-scheme: light dark;
  --ink: #1f2328; --soft: #59636e; --rule: #d8dee4; --paper: #ffffff; --bad: #bc4c00; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9198a1; --rule: #2f3742; --paper: #0d1117; --bad: #db6d28; }
}
body { margin: 2.5rem auto; max-width: 72rem; padding: 0 1.5rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .6rem; }
p, .soft { color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th { text-align: left; font-weight: 600; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--rule); white-space: nowrap; }
td.number, th.number { text-align: right; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
.charts svg { max-width: 100%; height: auto; }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 1.6rem 1.2rem; }
figure { margin: 0; }
figure .frame { height: 200px; display: flex; align-items: center; justify-content: center;
  border: 1px solid var(--rule); border-radius: 6px; background: #ffffff; overflow: hidden; }
figcaption { font-size: .84rem; margin-top: .4rem; overflow-wrap: anywhere; }
.filed { color: var(--bad); font-weight: 600; }
"""


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
    title = f"{_safe(found.model)} on {found.photos} photos"
    return "".join(
        [
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}"/>',
            '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
            f"<title>{title}</title><style>{STYLE}</style></head>\n<body>",
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
            "</body></html>\n",
        ]
    )


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
    yield _table(("", "", "photos", "95 % interval"), rows)
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
    yield _table(
        (*heads, "threshold"),
        [
            (
                _safe(name),
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
    yield _table(
        (*heads, interval),
        [
            (_safe(name), *_cells(score.right), *_cells(score.filed), *_cells(score.filed_right))
            for name, score in found.sources.items()
        ],
    )


def _calibration(found: Measure) -> Iterator[str]:
    told = found.reliability
    yield f"<h2>Calibration</h2><p>Expected calibration error {told.error:.3f}. A perfectly calibrated model "
    yield f"would show {told.ideal:.3f} on as few photos, and up to {told.ideal_high:.3f} by chance.</p>"
    yield _table(
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
        yield f"{_safe(mistake.predicted)} {mistake.confidence:.0%} ({_safe(mistake.label)})<br/>"
        yield f"is {_safe(mistake.category)} {mistake.category_confidence:.0%}<br/>"
        yield f'<span class="soft">{_safe(mistake.path)}</span></figcaption></figure>'
    yield "</div>"


def _picture(path: str) -> str:
    try:
        made = thumbnail(Path(path).read_bytes(), side=SIDE, limits=LIMITS)
    except (OSError, ItemFault):
        return '<span class="soft">gone</span>'
    content = base64.b64encode(made.jpeg).decode()
    return f'<img src="data:image/jpeg;base64,{content}" width="{made.width}" height="{made.height}" alt=""/>'


def _left_out(found: Evaluation) -> Iterator[str]:
    if not found.unreadable:
        return
    yield f"<h2>Left out</h2><p>These {len(found.unreadable)} photos could not be read.</p>"
    yield _table(("file", "why"), [(_safe(photo.path), _safe(photo.why)) for photo in found.unreadable])


def _table(headings: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are safe already; the first column holds names."""
    head = "".join(_cell("th", index, words) for index, words in enumerate(headings))
    body = ("".join(_cell("td", index, words) for index, words in enumerate(row)) for row in rows)
    lines = "".join(f"<tr>{row}</tr>" for row in body)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'


def _cell(tag: str, index: int, words: str) -> str:
    kind = ' class="number"' if index else ""
    return f"<{tag}{kind}>{words}</{tag}>"


def _cells(figure: Share | Estimate) -> tuple[str, str, str]:
    """The figure, its counts, and its interval; a share of nothing is none."""
    if isinstance(figure, Estimate):
        return f"{figure.value:.3f}", "", f"{figure.low:.3f} to {figure.high:.3f}"
    if not figure.of:
        return "–", "0 of 0", ""
    low, high = figure.interval
    return f"{figure.value:.1%}", f"{figure.hits} of {figure.of}", f"{low:.0%} to {high:.0%}"


def _safe(name: str) -> str:
    """A name as text in HTML; what cannot be shown stands as an escape."""
    return escape(printable(name))
