"""What the commands on photos print for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from refundsorter.core.text import printable
from refundsorter.show import OUT, STYLES, local

Fields = Mapping[str, Any]  # see `core.photo_fields`


def listed(found: Sequence[Fields], *, may_be_more: bool) -> None:
    """Photos, a line each."""
    if not found:
        OUT.print("No such photo was seen yet.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "state", "filed", "file", "category", "label"):
        table.add_column(heading)
    table.add_column("confidence", justify="right", no_wrap=True)
    for one in found:
        table.add_row(
            str(one["id"]),
            _state(one),
            _when(one["time"]),
            Text(printable(one["file"])),
            Text(printable(one["category"] or one["reason"] or "")),
            Text(printable(one["label"] or "")),
            _share(one["confidence"]),
        )
    OUT.print(table)
    if may_be_more:
        OUT.print("\nThere may be more: --limit says how many are listed.")


def photo(found: Fields) -> None:
    """All that is known of one."""
    why = f": {printable(found['reason'])}" if found["reason"] else ""
    OUT.print(Text.assemble(f"Photo {found['id']} ({printable(found['file'])}) is ", _state(found), why, "."))
    if found["trouble"]:
        again = f"; tried again at {local(found['not_before'])}" if found["not_before"] else ""
        OUT.print(
            Text(f"Held back {found['attempts']} ×: {printable(found['trouble'])}{again}", style="yellow")
        )
    OUT.print()
    _pairs([*_file(found), *_answer(found), *_times(found)])
    _ranking(found["top_predictions"])
    _corrections(found["corrections"])


def _file(found: Fields) -> list[tuple[str, str]]:
    size = f"{found['bytes']} bytes"
    if found["width"]:
        size += f", {found['width']} × {found['height']} pixels"
    lies = "lies at" if found["time"] else "is to lie at"
    rows = [("came as", found["source"]), (lies, found["destination"]), ("size", size)]
    rows += [("found", found["detail"]), ("sha256", found["sha256"])]
    copy = found["duplicate_of"]
    return [(name, value) for name, value in rows if value] + ([("copy of", f"photo {copy}")] if copy else [])


def _answer(found: Fields) -> list[tuple[str, str]]:
    if not found["label"]:
        return [("model", found["model"])] if found["model"] else []
    sure = f"{found['category'] or 'no category'} ({found['label']}), {_share(found['confidence'])}"
    return [("shows", sure), ("model", found["model"])]


def _times(found: Fields) -> list[tuple[str, str]]:
    job = f", for job {found['job']}" if found["job"] else ""
    rows = [("seen", f"{local(found['seen_at'])}, by {found['noticed_by']}{job}")]
    if found["claimed_at"]:
        rows.append(("claimed", f"{local(found['claimed_at'])}, after {found['queued_s']:.3g} s"))
    if found["time"]:
        rows.append(("filed", local(found["time"])))
    took = [("decoded", found["decode_ms"]), ("inferred", found["infer_ms"]), ("moved", found["move_ms"])]
    said = [f"{name} {value:.3g} ms" for name, value in took if value is not None]
    return rows + ([("took", ", ".join(said))] if said else [])


def _ranking(ranked: Sequence[Fields]) -> None:
    if not ranked:
        return
    table = Table("rank", "label", "category", box=None, pad_edge=False)
    table.add_column("confidence", justify="right", no_wrap=True)
    for one in ranked:
        shown = [Text(printable(one[name] or "")) for name in ("label", "category")]
        table.add_row(str(one["rank"]), *shown, _share(one["confidence"]))
    OUT.print()
    OUT.print(table)


def _corrections(corrections: Sequence[Fields]) -> None:
    if not corrections:
        return
    table = Table("correction", "state", "asked", "by", "from", "to", box=None, pad_edge=False)
    for one in corrections:
        by = printable(one["by"] or ("moved by hand" if one["how"] == "moved" else ""))
        target = "(the inbox)" if one["how"] == "undone" else printable(one["to_category"] or "")
        places = [Text(printable(one["from_category"] or "")), Text(target)]
        table.add_row(str(one["correction"]), one["state"], local(one["asked_at"]), Text(by), *places)
    OUT.print()
    OUT.print(table)
    for one in corrections:
        if one["trouble"]:
            said = f"correction {one['correction']}: {printable(one['trouble'])}"
            OUT.print(Text(said, style="yellow"))


def _pairs(rows: Sequence[tuple[str, str]]) -> None:
    table = Table.grid(padding=(0, 3))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(f"  {name}", Text(printable(value)))
    OUT.print(table)


def _state(found: Fields) -> Text:
    style = {"sorted": STYLES["ok"], "review": STYLES["warning"], "rejected": STYLES["failed"]}
    return Text(found["state"], style=style.get(found["state"], "cyan"))


def _when(time: str | None) -> str:
    return local(time) if time else ""


def _share(confidence: float | None) -> str:
    return "" if confidence is None else f"{confidence:.0%}"
