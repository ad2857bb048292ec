"""The few strokes that charts are made of, as text in SVG 1.1; every name is escaped.

Colours come from classes, so that one picture reads well on a light and on a dark page, inlined or as a file.
"""

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
.chart { font: 12px system-ui, sans-serif; }
.chart .paper { fill: #ffffff; }
.chart text { fill: #1f2328; }
.chart .soft { fill: #59636e; }
.chart .grid { stroke: #d8dee4; stroke-width: 1; fill: none; }
.chart .axis { stroke: #59636e; stroke-width: 1; fill: none; }
.chart .aim { stroke: #59636e; stroke-width: 1.5; stroke-dasharray: 5 4; fill: none; }
.chart .line { stroke: #0969da; stroke-width: 2; fill: none; stroke-linejoin: round; }
.chart .mark { fill: #0969da; stroke: #ffffff; stroke-width: 1.5; }
.chart .other { fill: #bc4c00; stroke: #ffffff; stroke-width: 1.5; }
.chart .bar { fill: #0969da; fill-opacity: .3; }
.chart .span { stroke: #0969da; stroke-width: 2; fill: none; }
.chart .hit { fill: #0969da; }
.chart .miss { fill: #bc4c00; }
.chart .doubt { fill: #d4a72c; }
.chart .rest { fill: #8c959f; }
.chart .tick { stroke: #1f2328; stroke-width: 2; fill: none; }
.chart .strong { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  .chart .paper { fill: #0d1117; }
  .chart text { fill: #e6edf3; }
  .chart .soft { fill: #9198a1; }
  .chart .grid { stroke: #2f3742; }
  .chart .axis, .chart .aim { stroke: #9198a1; }
  .chart .line, .chart .span { stroke: #4493f8; }
  .chart .mark { fill: #4493f8; stroke: #0d1117; }
  .chart .other { fill: #db6d28; stroke: #0d1117; }
  .chart .bar, .chart .hit { fill: #4493f8; }
  .chart .miss { fill: #db6d28; }
  .chart .doubt { fill: #e3b341; }
  .chart .rest { fill: #656c76; }
  .chart .tick { stroke: #e6edf3; }
  .chart .strong { fill: #0d1117; }
}
"""


def document(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """Put parts on paper.

    Args:
        width: Of the paper, in pixels; shown elsewhere, it is scaled as a whole.
        height: Likewise.
        title: What a reader who cannot see it is told.
        parts: As the functions below give them.
    """
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" width="{width:g}" '
        f'height="{height:g}" viewBox="0 0 {width:g} {height:g}"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style>{rectangle(0, 0, width, height, 'paper')}{''.join(parts)}</svg>\n"
    )


def rectangle(x: float, y: float, width: float, height: float, kind: str, *, opacity: float = 1) -> str:
    """A filled rectangle, x and y of its upper left corner."""
    faint = f' fill-opacity="{opacity:.3g}"' if opacity < 1 else ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="{kind}"{faint}/>'


def path(points: Sequence[tuple[float, float]], kind: str) -> str:
    """A line through points."""
    return f'<path d="M{" L".join(f"{x:.1f} {y:.1f}" for x, y in points)}" class="{kind}"/>'


def dot(x: float, y: float, kind: str) -> str:
    """A round mark."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="{kind}"/>'


def text(x: float, y: float, words: str, *, anchor: str = "start", kind: str = "", turn: float = 0) -> str:
    """A line of text.

    Args:
        x: Of its anchor.
        y: Of its base line.
        words: Escaped here.
        anchor: "start", "middle" or "end".
        kind: Its class, if it is not plain.
        turn: Degrees clockwise around the anchor.
    """
    turned = f' transform="rotate({turn:g} {x:.1f} {y:.1f})"' if turn else ""
    classed = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{classed}{turned}>{escape(words)}</text>'
