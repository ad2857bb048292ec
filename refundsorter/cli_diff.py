"""The command that compares two models: thin."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings
from refundsorter.exits import ExitCode

if TYPE_CHECKING:  # each command imports what it needs: `--help` is instant
    from refundsorter.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("diff")(diff)


def diff(
    before: Annotated[str, typer.Argument(help="One bundle, NAME/VERSION.", metavar="A")],
    after: Annotated[str, typer.Argument(help="The other.", metavar="B")],
    folder: Annotated[
        Path | None, typer.Argument(help="Photos, in folders of any kind.", metavar="FOLDER")
    ] = None,
    last: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="The last N photos filed that still lie on the shelf."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Photos in work at a time. [default: the settings']")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say where two models disagree about the same photos."""
    from refundsorter import show, show_diff, show_evaluation
    from refundsorter.edges.bundle import BundleStore
    from refundsorter.policies import rules_of, worker_count
    from refundsorter.training import compare
    from refundsorter.training.plain import plain

    settings = read_settings(config)
    photos = _photos(settings, folder, last)
    store = BundleStore(settings.models)
    first, second = (
        compare.Side(stored=stored, rules=rules_of(settings, stored.manifest))
        for stored in (store.load(before), store.load(after))
    )
    with show.progress(enabled=not as_json, doing="comparing") as on_progress:
        found = compare.compare(
            first, second, photos, workers=workers or worker_count(settings), on_progress=on_progress
        )
    answer({"schema": compare.SCHEMA, **plain(found)}, as_json, lambda: show_diff.comparison(found))
    show_evaluation.left_out(found.unreadable)
    raise typer.Exit(ExitCode.LEFT if found.unreadable else ExitCode.OK)


def _photos(settings: "Settings", folder: Path | None, last: int | None) -> tuple[Path, ...]:
    """The photos to compare on: either of the two."""
    if folder is not None and last is None:
        from refundsorter.training.compare import photos_in

        return photos_in(folder)
    if last is not None and folder is None:
        from refundsorter.recent import recent_photos

        return recent_photos(settings, last)
    raise typer.BadParameter("name a folder of photos, or say --last N", param_hint="FOLDER")
