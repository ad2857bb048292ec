"""The commands that install and remove the systemd service: thin."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # each command imports what it needs
    from refundsorter.service_steps import Step

OfUser = Annotated[
    bool, typer.Option("--user", help="A service of your own, which needs no root, instead of the system's.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("install-service")(install_service)
    app.command("uninstall-service")(uninstall_service)


def install_service(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", help="The settings to start from, where none are installed."
        ),
    ] = None,
    user: OfUser = False,
    inbox: Annotated[
        list[Path] | None, typer.Option(metavar="FOLDER", help="A folder to watch; can be given again.")
    ] = None,
    shelf: Annotated[
        Path | None, typer.Option("--sorted", metavar="FOLDER", help="The shelf for sorted photos.")
    ] = None,
    timer: Annotated[
        bool, typer.Option("--timer", help="Also a timer that sweeps every night, in place of the schedule.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; do nothing.")] = False,
) -> None:
    """Install the systemd service; start nothing."""
    from refundsorter import service

    if bool(inbox) != bool(shelf):
        raise typer.BadParameter("--inbox and --sorted are given together, or neither")
    folders: dict[str, object] = {}
    if inbox and shelf:
        folders = {"inbox": [os.path.abspath(one) for one in inbox], "sorted": os.path.abspath(shelf)}
    place = service.of_user(os.environ) if user else service.SYSTEM
    if not dry_run:
        service.refuse_where_it_cannot_be(place)
    is_new = not place.unit.exists()
    for step in service.installation(place, config, folders, os.environ, timer=timer):
        _go(step, dry_run=dry_run)
    if dry_run:
        typer.echo("\nNothing was done.")
        return
    start = "enable --now" if is_new else "restart"
    manager = " ".join(place.manager)
    typer.echo(
        f"\nNothing was started. Next:\n  {manager} {start} refundsorter\n  {manager} status refundsorter"
    )
    if timer:
        typer.echo(
            f"  {manager} enable --now refundsorter-sweep.timer\n"
            f"and write `sweep: {{schedule: null}}` into {place.settings}: the timer takes its place."
        )


def uninstall_service(user: OfUser = False) -> None:
    """Stop and remove the systemd service, and nothing else."""
    from refundsorter import service

    place = service.of_user(os.environ) if user else service.SYSTEM
    service.refuse_where_it_cannot_be(place)
    for step in service.removal(place):
        _go(step)
    typer.echo(
        f"\nLeft alone: all photos, the ledger in {place.state_dir}, {place.config} and {place.models}."
    )


def _go(step: "Step", *, dry_run: bool = False) -> None:
    """Take a step, or only say it."""
    from refundsorter import service_steps

    if not dry_run:
        service_steps.take(step)
    verdict = "is so" if step.take is None else "would" if dry_run else "done"
    typer.echo(f"{verdict:<6}{step.does}")
