"""What pages are made of that stand alone: no script, no network, every name escaped, legible in the dark."""

from collections.abc import Iterable, Sequence
from html import escape

from refundsorter.core.text import printable

# What a page may load: pictures that stand in it, and its own style.
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
"""


def document(title: str, body: Iterable[str], *, style: str = "") -> str:
    """A whole page.

    Args:
        title: In its head; escaped already.
        body: What stands in it, likewise.
        style: Its own, beside `STYLE`.
    """
    return "".join(
        [
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}"/>',
            '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
            f"<title>{title}</title><style>{STYLE}{style}</style></head>\n<body>",
            *body,
            "</body></html>\n",
        ]
    )


def table(headings: Iterable[str], rows: Iterable[Sequence[str]], *, names: int = 1) -> str:
    """A table whose cells are escaped already; the first columns hold names, and the others numbers."""
    head = "".join(_cell("th", index >= names, words) for index, words in enumerate(headings))
    body = ("".join(_cell("td", index >= names, words) for index, words in enumerate(row)) for row in rows)
    lines = "".join(f"<tr>{row}</tr>" for row in body)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'


def picture(base64: str, *, width: int | None = None, height: int | None = None) -> str:
    """A JPEG that stands in the page.

    Args:
        base64: Its bytes, so encoded.
        width: Pixels at which it is shown; None: its own.
        height: Likewise.
    """
    size = f' width="{width}" height="{height}"' if width and height else ""
    return f'<img src="data:image/jpeg;base64,{escape(base64)}"{size} alt=""/>'


def safe(name: str) -> str:
    """A name as text in HTML; what cannot be shown stands as an escape."""
    return escape(printable(name))


def _cell(tag: str, is_number: bool, words: str) -> str:  # noqa: FBT001
    kind = ' class="number"' if is_number else ""
    return f"<{tag}{kind}>{words}</{tag}>"
