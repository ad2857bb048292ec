"""What the commands on bundles print for people."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from refundsorter.core.text import printable
from refundsorter.show import ERR, OUT, STYLES, counts

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.activation import Released
    from refundsorter.core.shadow import Agreement
    from refundsorter.inventory import Listed, Shown
    from refundsorter.shadowing import ShadowRecord
    from refundsorter.verifying import Verified

MOST_NAMED = 10  # disagreements and sources of data that are shown; `--json` has them all
USES = {"active": "bold green", "previous": "", "shadow": "cyan"}


def listed(found: Sequence["Listed"]) -> None:
    """Every bundle, a line each."""
    if not found:
        OUT.print("There is no bundle; `refundsorter train` makes one.")
        return
    table = _table(
        "model", "created", "labels", "size", "accuracy", "", numbers=("labels", "size", "accuracy")
    )
    for one in found:
        accuracy = "" if one.accuracy is None else f"{one.accuracy:.1%} {_words(one.accuracy_of)}"
        table.add_row(
            Text(one.model, style=USES.get(one.use or "", "")),
            (one.created or "")[:10],
            "" if one.labels is None else str(one.labels),
            "" if one.bytes is None else _size(one.bytes),
            accuracy,
            Text(one.use or "", style=USES.get(one.use or "", "")),
        )
    OUT.print(table)
    for one in found:
        if one.problem:
            OUT.print(Text(f"\n{one.model} cannot be read: {printable(one.problem)}", style="red"))


def _words(metric: str | None) -> str:
    """What an accuracy was measured on, in words."""
    return (metric or "").removesuffix("accuracy").replace("_", " ").strip()


def shown(found: "Shown") -> None:
    """One bundle."""
    manifest = found.manifest
    use = f" ({found.use})" if found.use else ""
    OUT.print(Text(f"{manifest['name']}/{manifest['version']}{use}", style="bold"))
    side = manifest["input_size"]
    facts = {
        "created": manifest["created"],
        "input": f"{side} × {side} px",
        "labels": str(len(manifest["labels"])),
        "size": _size(found.bytes),
        "weights": f"sha256 {manifest['sha256']}",
        "began with": f"{manifest['base_weights']['name']} ({manifest['base_weights']['licence']})",
        "temperature": f"{manifest['temperature']:g}",
        "card": found.card,
    }
    OUT.print(_facts(facts))
    _numbers("Filed from this confidence on, unless the taxonomy says otherwise:", manifest["thresholds"])
    _numbers("Measured when it was made:", manifest["metrics"])
    sources = sorted(manifest["data"], key=lambda one: -one["photos"])
    photos = sum(one["photos"] for one in sources)
    OUT.print(f"\nTrained on {photos} photos of {len(sources)} sources:")
    told = {one["name"]: f"{one['photos']:>6}  {one['licence']}" for one in sources[:MOST_NAMED]}
    OUT.print(_facts(told))
    if (more := len(sources) - MOST_NAMED) > 0:
        OUT.print(f"  and {more} more; the card names them all")


def _facts(facts: Mapping[str, str]) -> Table:
    table = Table.grid(padding=(0, 3))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(Text(f"  {printable(name)}"), Text(printable(value)))
    return table


def _numbers(heading: str, numbers: Mapping[str, float]) -> None:
    if numbers:
        OUT.print(f"\n{heading}")
        OUT.print(_facts({name: f"{value:g}" for name, value in sorted(numbers.items())}))


def verified(found: Sequence["Verified"]) -> None:
    """How bundles stood the checks."""
    if not found:
        OUT.print("There is no bundle to verify.")
    for one in found:
        verdict = "ok" if one.ok else "failed"
        OUT.print(Text.assemble((f"{verdict:<10}", STYLES[verdict]), one.model))
        for line in (one.problem, *one.remarks):
            if line:
                OUT.print(Text(f"{'':<10}{printable(line)}"))


@contextmanager
def waiting(*, enabled: bool) -> Iterator[Callable[[int], None]]:
    """Say on a terminal that the daemon's answer is waited for."""
    if not (enabled and ERR.is_terminal):
        yield lambda _pid: None
        return
    with ERR.status("verifying") as line:
        yield lambda pid: line.update(f"waiting for the daemon (process {pid}) to load it")


def released(found: "Released") -> None:
    """What a change of the choice came to."""
    OUT.print(f"{found.active} is active{_by_whom(found)}")
    if found.shadow:
        OUT.print(f"{found.shadow} answers {found.share:.0%} of live photos in its shadow.")
    if found.previous:
        OUT.print(f"Before it was {found.previous}; `refundsorter models rollback` goes back.")
    for remark in found.remarks:
        ERR.print(Text(f"The taxonomy: {printable(remark)}.", style="yellow"))


def _by_whom(found: "Released") -> str:
    if found.pid is None:
        return "; no daemon runs, the next one begins with it."
    if found.served is None:
        return f"; process {found.pid} goes on with what it began with, the next one begins with it."
    if found.served:
        return f", and the daemon (process {found.pid}) sorts with it."
    return (
        f", but the daemon (process {found.pid}) has not said yet that it sorts with it: "
        "see `refundsorter status`."
    )


def pruned(gone: Mapping[str, int], *, dry_run: bool) -> None:
    """What a prune has removed."""
    if not gone:
        OUT.print("Nothing to remove: every bundle is in use, or among the newest.")
        return
    OUT.print("Nothing was removed. A prune now would remove:" if dry_run else "Removed:")
    OUT.print(_facts({reference: _size(size) for reference, size in gone.items()}))
    OUT.print(f"{_size(sum(gone.values()))} in all.")


def shadow(found: "ShadowRecord") -> None:
    """A candidate's record."""
    record = found.comparison
    now = f"is asked about {found.share:.0%} of live photos" if found.share else "is not tried now"
    OUT.print(f"{found.model} {now}.")
    if found.beside is None:
        OUT.print("It has not answered any photo yet.")
        return
    OUT.print(f"Beside {found.beside} it named the same category for {_agreement(record.overall)}.")
    if found.left_out:
        OUT.print(f"{found.left_out} photos that other bundles decided are left out.")
    table = _table("  category", "photos", "same", "95 % interval", numbers=("photos", "same"))
    for category, one in record.categories.items():
        table.add_row(
            Text(f"  {printable(category or '(none)')}"),
            str(one.photos),
            f"{one.share:.0%}",
            f"{one.low:.0%} to {one.high:.0%}",
        )
    OUT.print()
    OUT.print(table)
    counts(
        [
            ("  filed by both in one category", record.filed_by_both),
            ("  filed by both, but apart", record.filed_apart),
            (f"  filed by {found.beside} only", record.filed_by_active),
            (f"  filed by {found.model} only", record.filed_by_candidate),
            ("  left to a person by both", record.filed_by_none),
        ]
    )
    if record.disagreements:
        OUT.print("\nMost often apart:")
        apart = _table(f"  {found.beside}", found.model, "photos", numbers=("photos",))
        for pair in record.disagreements[:MOST_NAMED]:
            of_active, of_candidate = (printable(one or "(none)") for one in (pair.active, pair.candidate))
            apart.add_row(Text(f"  {of_active}"), Text(of_candidate), str(pair.photos))
        OUT.print(apart)


def _agreement(one: "Agreement") -> str:
    interval = f"95 % interval {one.low:.1%} to {one.high:.1%}"
    return f"{one.agreed} of {one.photos} photos ({one.share:.1%}; {interval})"


def _table(*headings: str, numbers: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(Text(heading), justify="right" if heading in numbers else "left", no_wrap=True)
    return table


def _size(count: int) -> str:
    """Bytes as a person says them."""
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"  # noqa: PLR2004
