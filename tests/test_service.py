"""Installing the service, as far as it needs no systemd: the steps, the unit, and what is refused."""

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support import Shop
from typer.testing import CliRunner

from refundsorter import service, service_unit
from refundsorter.cli import app
from refundsorter.core.fault import StartRefused
from refundsorter.service_steps import Place, take
from refundsorter.settings import load

CONFIG = Path("/etc/refundsorter/refundsorter.yaml")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place below a folder of the test, with no user of its own and a manager that agrees to everything."""
    return Place(
        unit=tmp_path / "units" / service_unit.UNIT,
        config=tmp_path / "etc",
        models=tmp_path / "share" / "models",
        state_dir=tmp_path / "var",
        photos=tmp_path / "srv",
        owner="",
        manager=("true",),
    )


def install(place: Place, shop: Shop, **folders: object) -> list[str]:
    """Install, and say what was done."""
    steps = service.installation(place, shop.config, folders, {})
    for step in steps:
        take(step)
    return [step.does for step in steps if step.take]


def test_what_is_installed_can_be_loaded(place: Place, shop: Shop) -> None:
    """The installed settings name the place's folders, keep what was changed, and say no more than that."""
    install(place, shop)
    settings = load(place.settings, environment={})
    assert settings.inbox == (place.photos / "inbox",)
    assert (settings.models, settings.state_dir) == (place.models, place.state_dir)
    assert settings.batch.workers == 2
    assert "max_pixels" not in place.settings.read_text()
    assert (place.models / "active.yaml").exists()
    assert settings.taxonomy.exists()


def test_a_plan_changes_nothing(place: Place, shop: Shop, tmp_path: Path) -> None:
    """Before a step is taken nothing is there."""
    before = sorted(tmp_path.rglob("*"))
    assert service.installation(place, shop.config, {}, {})
    assert sorted(tmp_path.rglob("*")) == before


def test_a_second_time_there_is_nothing_to_do(place: Place, shop: Shop) -> None:
    """All is there already; only systemd is told."""
    install(place, shop)
    assert install(place, shop) == ["tell systemd of it (daemon-reload)"]


def test_what_is_there_is_kept(place: Place, shop: Shop) -> None:
    """A missing unit is written anew; settings that a person has changed stay."""
    install(place, shop)
    with place.settings.open("a") as file:
        file.write("stop_timeout_s: 5\n")
    place.unit.unlink()
    install(place, shop)
    assert load(place.settings, environment={}).stop_timeout_s == 5


def test_what_has_gone_is_copied_anew(place: Place, shop: Shop) -> None:
    """Taxonomy and models that went away are made again beside settings that are there."""
    install(place, shop)
    shutil.rmtree(place.models)
    (place.config / "taxonomy.yaml").unlink()
    install(place, shop)
    assert (place.models / "active.yaml").exists()
    assert load(place.settings, environment={}).taxonomy.exists()


def test_a_file_in_a_folders_place_is_refused(place: Place, shop: Shop, tmp_path: Path) -> None:
    """Before a step is taken."""
    (tmp_path / "phones").write_bytes(b"no folder")
    with pytest.raises(StartRefused, match="is no folder"):
        service.installation(place, shop.config, {"inbox": [str(tmp_path / "phones")]}, {})


def test_relative_xdg_directories_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their standard says so; a unit is never written below the folder that somebody happens to be in."""
    monkeypatch.setenv("HOME", str(tmp_path))
    place = service.of_user({"XDG_CONFIG_HOME": "here", "XDG_STATE_HOME": "/there"})
    assert place.unit.is_relative_to(tmp_path / ".config")
    assert place.state_dir.is_relative_to("/there")


def test_named_folders_are_made_and_watched(place: Place, shop: Shop, tmp_path: Path) -> None:
    """Several inboxes and a shelf elsewhere."""
    inboxes = [str(tmp_path / "phones"), str(tmp_path / "scans")]
    install(place, shop, inbox=inboxes, sorted=str(tmp_path / "shelf"))
    assert all(os.path.isdir(one) for one in inboxes)
    assert [str(one) for one in load(place.settings, environment={}).inbox] == inboxes


def test_other_folders_than_the_installed_ones_are_refused(place: Place, shop: Shop, tmp_path: Path) -> None:
    """The installed settings are a person's: flags do not change them."""
    install(place, shop)
    with pytest.raises(StartRefused, match="names other folders"):
        install(place, shop, inbox=[str(tmp_path / "else")], sorted=str(tmp_path / "shelf"))


def test_a_home_is_refused_to_the_system(place: Place, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox shows no homes: a program or photos there are refused before anything is done."""
    monkeypatch.setattr(service, "HIDDEN", (Path("/home"), Path("/root")))
    monkeypatch.setattr("sys.executable", "/root/.venv/bin/python")
    with pytest.raises(StartRefused, match="install the program elsewhere"):
        install(replace(place, owner="nobody"), shop)


@pytest.mark.parametrize(
    ("has_systemd", "user", "told"),
    [(False, 0, "systemd does not run here"), (True, 1000, "root's to install")],
)
def test_what_it_cannot_do_here_is_refused(
    monkeypatch: pytest.MonkeyPatch, user: int, told: str, *, has_systemd: bool
) -> None:
    """Without systemd, or without root for the system's service, a sentence says what to do instead."""
    monkeypatch.setattr("os.path.isdir", lambda _: has_systemd)
    monkeypatch.setattr("os.geteuid", lambda: user)
    with pytest.raises(StartRefused, match=told):
        service.refuse_where_it_cannot_be(service.SYSTEM)


def test_the_folders_are_named_together() -> None:
    """An inbox without a shelf is a wrong command line: nobody could guess where photos would go."""
    answered = CliRunner().invoke(app, ["install-service", "--user", "--dry-run", "--inbox", "/srv/in"])
    assert (answered.exit_code, "are given together" in answered.output) == (2, True)


def test_a_dry_run_says_every_step_and_takes_none(shop: Shop, tmp_path: Path) -> None:
    """The command tells what it would do, needs neither root nor systemd, and leaves the home as it was."""
    home = tmp_path / "home"
    home.mkdir()
    answered = CliRunner().invoke(
        app,
        ["install-service", "--user", "--dry-run", "--config", str(shop.config)],
        env={"HOME": str(home), "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": "", "XDG_STATE_HOME": ""},
    )
    assert answered.exit_code == 0, answered.output
    assert f"would write {home}/.config/systemd/user/refundsorter.service" in answered.output
    assert answered.output.endswith("Nothing was done.\n")
    assert list(home.iterdir()) == []


def test_a_step_that_fails_is_named(place: Place, shop: Shop) -> None:
    """The message says which step it was, and why."""
    place.unit.parent.write_text("a file where the folder of units should be")
    with pytest.raises(StartRefused, match=rf"write {re.escape(str(place.unit))}: "):
        install(place, shop)


def test_removal_leaves_what_is_not_the_unit(place: Place, shop: Shop, tmp_path: Path) -> None:
    """The unit's file goes, and no other; a second time nothing is there to remove."""
    install(place, shop)
    before = set(tmp_path.rglob("*"))
    for step in service.removal(place):
        take(step)
    assert before - set(tmp_path.rglob("*")) == {place.unit}
    assert [step.take for step in service.removal(place)] == [None]


def test_the_timer_is_installed_with_its_service_and_removed(place: Place, shop: Shop) -> None:
    """Both units are written beside the daemon's, name the installed settings, and go with it."""
    for step in service.installation(place, shop.config, {}, {}, timer=True):
        take(step)
    units = {path.name: path.read_text() for path in place.unit.parent.iterdir()}
    assert set(units) == {service_unit.UNIT, service_unit.SWEEP, service_unit.TIMER}
    assert f"-m refundsorter sweep --config {place.settings}\n" in units[service_unit.SWEEP]
    assert re.findall("^(?:User|Protect).*", units[service_unit.SWEEP], re.MULTILINE) == []
    for step in service.removal(place):
        take(step)
    assert list(place.unit.parent.iterdir()) == []
    assert "ReadWritePaths=/srv/a\n" in service_unit.of_system(CONFIG, [Path("/srv/a")], sweep=True)


@pytest.mark.parametrize(
    ("folders", "opened"),
    [
        (["/srv/refundsorter/inbox", "/srv/refundsorter/sorted"], ["/srv/refundsorter"]),
        (["/srv/inbox", "/srv/sorted"], ["/srv/inbox", "/srv/sorted"]),
        (["/var/lib/a", "/var/lib/b"], ["/var/lib/a", "/var/lib/b"]),
        (["/srv/a/inbox", "/mnt/b"], ["/srv/a/inbox", "/mnt/b"]),
    ],
)
def test_one_path_is_opened_if_it_is_ours(folders: list[str], opened: list[str]) -> None:
    """A folder that holds all is opened, so photos are renamed; but never one that others use too."""
    assert [str(path) for path in service_unit.opened_for([Path(one) for one in folders])] == opened


def test_a_name_with_spaces_and_signs_is_written_for_systemd() -> None:
    """Quoted, and with what systemd would expand doubled."""
    unit = service_unit.of_system(CONFIG, [Path("/srv/a b/in 100%"), Path("/srv/a b/out")])
    assert 'ReadWritePaths="/srv/a b"' in unit
    unit = service_unit.of_system(CONFIG, [Path("/srv/100%"), Path("/mnt/b")])
    assert "ReadWritePaths=/srv/100%%\nReadWritePaths=/mnt/b\n" in unit
    with pytest.raises(StartRefused, match="a unit cannot hold such a name"):
        service_unit.of_system(CONFIG, [Path("/srv/a\nb/c")])


def test_a_users_unit_has_what_a_user_may_have() -> None:
    """No user, no state directory, no mounts; the filter of system calls and the limits stay."""
    unit = service_unit.of_user(CONFIG)
    assert re.findall("^(?:User|Protect|Private|StateDirectory|Capability).*", unit, re.MULTILINE) == []
    assert "SystemCallFilter=@system-service" in unit
    assert "WantedBy=default.target" in unit
    assert "see the whole system read-only" not in unit


@pytest.mark.parametrize(("version", "stepped"), [(252, False), (254, True), (0, False)])
def test_waits_grow_where_systemd_can(
    monkeypatch: pytest.MonkeyPatch, version: int, *, stepped: bool
) -> None:
    """`RestartSteps=` is there from systemd 254 on."""
    monkeypatch.setattr(service_unit, "systemd_version", lambda: version)
    assert ("\nRestartSteps=" in service_unit.of_user(CONFIG)) == stepped
