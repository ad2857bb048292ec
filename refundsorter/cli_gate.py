"""The command that decides whether a bundle may be released."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings
from refundsorter.exits import ExitCode

if TYPE_CHECKING:
    from refundsorter.settings import Settings
    from refundsorter.training.dataset import Sample
    from refundsorter.training.gate import Comparison, Outcome, Paired
    from refundsorter.training.progress import Report


def add_to(app: typer.Typer) -> None:
    """Add the command to those on models."""
    app.command()(gate)


def gate(
    candidate: Annotated[str, typer.Argument(help="The bundle, NAME/VERSION.", metavar="CANDIDATE")],
    config: ConfigFile = None,
    against: Annotated[
        str | None,
        typer.Option(help="The bundle to hold it against. [default: the active one]", metavar="NAME/VERSION"),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Photos whose category is known, as for train.", metavar="PHOTOS")
    ] = None,
    corrections: Annotated[
        bool,
        typer.Option("--corrections", help="Photos that people have put right. [default without --data]"),
    ] = False,
    allow_few: Annotated[
        bool, typer.Option("--allow-few", help="Pass also where too few photos could show a loss.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Refuse a bundle that is worse than the active one, on the same photos."""
    from refundsorter import show_gate, show_training
    from refundsorter.edges.bundle import BundleStore
    from refundsorter.policies import rules_of
    from refundsorter.training.gate import Contestant, compare

    settings = read_settings(config)
    store = BundleStore(settings.models)
    pair = [store.load(candidate), store.load(against) if against else store.active()]
    mine, other = (Contestant(stored=one, rules=rules_of(settings, one.manifest)) for one in pair)
    if mine.stored.manifest.reference == other.stored.manifest.reference:
        raise typer.BadParameter(f"{candidate} is the bundle it is held against", param_hint="CANDIDATE")
    with show_training.training() as report:
        samples = _samples(settings, data, corrections or data is None, report)
        found = compare(mine, other, samples, len(os.sched_getaffinity(0)), report)
    outcome = found.outcome(allow_few=allow_few)
    answer(_fields(found, outcome), as_json, lambda: show_gate.compared(found, outcome))
    raise typer.Exit(ExitCode.OK if outcome == "passed" else ExitCode.LEFT)


def _samples(
    settings: "Settings", data: Path | None, corrections: bool, report: "Report"
) -> "tuple[Sample, ...]":
    from refundsorter.training import dataset
    from refundsorter.training.corrections import read_corrections

    photos = dataset.listed(data) if data is not None else ()
    return (*photos, *read_corrections(settings, report)) if corrections else photos


def _fields(found: "Comparison", outcome: "Outcome") -> dict[str, Any]:
    """The comparison as JSON has it."""
    return {
        "candidate": found.candidate,
        "against": found.against,
        "photos": found.photos,
        "right": _pair(found.right),
        "filed_right": _pair(found.filed_right),
        "verdict": outcome.value,
        "reasons": list(found.reasons),
    }


def _pair(pair: "Paired") -> dict[str, Any]:
    shares = {"candidate": pair.candidate, "against": pair.against}
    return {
        **{
            name: {"hits": share.hits, "of": share.of, "share": share.value, "interval": list(share.interval)}
            for name, share in shares.items()
        },
        "only_candidate": pair.only_candidate,
        "only_against": pair.only_against,
        "p_value": pair.p_value,
    }
