"""The systemd service: the steps that install and remove it.

Every step is a value that says what it does; a dry run says them, an installation takes them. What is there
already is kept, so installing again makes what is missing, and the unit anew.
"""

import os
import pwd
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from refundsorter import service_steps as steps
from refundsorter import service_timer, service_unit
from refundsorter import settings as configuration
from refundsorter.core.fault import StartRefused
from refundsorter.edges import plain_yaml
from refundsorter.edges.bundle import BundleStore
from refundsorter.edges.choice import ACTIVE
from refundsorter.edges.taxonomy import read_taxonomy
from refundsorter.service_steps import Place, Step
from refundsorter.settings import Settings
from refundsorter.settings_show import to_mapping

HIDDEN = tuple(map(Path, ("/dev", "/home", "/root", "/run/user", "/tmp", "/var/tmp")))  # noqa: S108 - by the sandbox
SYSTEM = Place(
    unit=Path("/etc/systemd/system", service_unit.UNIT),
    config=Path("/etc/refundsorter"),
    models=Path("/usr/local/share/refundsorter/models"),
    state_dir=Path("/var/lib/refundsorter"),
    photos=Path("/srv/refundsorter"),
    owner="refundsorter",
    manager=("systemctl",),
)


def of_user(environment: Mapping[str, str]) -> Place:
    """The place of a user's own service, by the XDG directories; relative ones count as unset."""
    home = Path(os.path.expanduser("~"))

    def base(variable: str, usual: str) -> Path:
        given = Path(environment.get(variable, ""))
        return given if given.is_absolute() else home / usual

    config = base("XDG_CONFIG_HOME", ".config")
    return Place(
        unit=config / "systemd" / "user" / service_unit.UNIT,
        config=config / "refundsorter",
        models=base("XDG_DATA_HOME", ".local/share") / "refundsorter" / "models",
        state_dir=base("XDG_STATE_HOME", ".local/state") / "refundsorter",
        photos=home / "refundsorter",
        owner="",
        manager=("systemctl", "--user"),
    )


def installation(
    place: Place,
    config: Path | None,
    folders: Mapping[str, object],
    environment: Mapping[str, str],
    *,
    timer: bool = False,
) -> list[Step]:
    """Plan an installation; nothing is changed.

    Args:
        place: Where to.
        config: The settings to start from, where the place has none yet; None: the usual ones.
        folders: `inbox` and `sorted`, where they are not the place's.
        environment: Variables that are settings.
        timer: Whether the timer is installed that sweeps every night.

    Raises:
        StartRefused: It cannot work like this; the message says what to do.
    """
    if place.settings.exists():
        settings = _settings_there(place, folders)
        is_whole = settings.taxonomy.exists() and (settings.models / ACTIVE).exists()
        given = settings if is_whole else configuration.load(config, environment=environment)
        settings_step = steps.kept(place.settings)
    else:
        given = configuration.load(config, environment=environment)
        settings = configuration.load(
            config, environment=environment, overrides={**_folders_of(place), **folders}
        )
        settings_step = steps.written(place.settings, plain_yaml.dump(_unusual(settings)))
    photos = (*settings.inbox, settings.sorted)
    if place.owner:
        _refuse_hidden(photos)
        unit = service_unit.of_system(place.settings, photos)
    else:
        unit = service_unit.of_user(place.settings)
    return [
        *_user(place),
        _copied(given.taxonomy, settings.taxonomy, read_taxonomy),
        _copied(given.models, settings.models, lambda models: BundleStore(models).active()),
        settings_step,
        *(
            steps.folder(folder, place.owner)
            for folder in dict.fromkeys((*service_unit.opened_for(photos), *photos))
        ),
        steps.written(place.unit, unit),
        *(service_timer.installation(place, photos) if timer else ()),
        steps.reload(place),
    ]


def removal(place: Place) -> list[Step]:
    """Plan the removal of the units; whatever else was installed or made stays."""
    timer = service_timer.removal(place)
    if not (timer or place.unit.exists()):
        return [Step(does=f"{place.unit} is not there")]
    return [*timer, *steps.unit_removal(place, place.unit), steps.reload(place)]


def refuse_where_it_cannot_be(place: Place) -> None:
    """See to it that the steps can be taken here and now.

    Raises:
        StartRefused: They cannot; the message says why.
    """
    if not os.path.isdir("/run/systemd/system"):
        raise StartRefused("systemd does not run here; start the daemon without it: refundsorter run")
    if place.owner and os.geteuid() != 0:
        raise StartRefused("a service of the system is root's to install: use sudo, or --user for your own")


def _settings_there(place: Place, folders: Mapping[str, object]) -> Settings:
    """The settings that the place has; they win over flags only if these say the same."""
    settings = configuration.load(place.settings, environment={})
    wanted = configuration.load(place.settings, environment={}, overrides=folders)
    if (settings.inbox, settings.sorted) != (wanted.inbox, wanted.sorted):
        raise StartRefused(f"{place.settings} names other folders: change them there, and install again")
    return settings


def _folders_of(place: Place) -> dict[str, object]:
    return {
        "inbox": [str(place.photos / "inbox")],
        "sorted": str(place.photos / "sorted"),
        "state_dir": str(place.state_dir),
        "models": str(place.models),
        "taxonomy": str(place.config / "taxonomy.yaml"),
    }


def _unusual(settings: Settings) -> dict[str, object]:
    """The settings that are no defaults, nested as in the file."""

    def differing(values: object, usual: object) -> object:
        assert isinstance(values, dict)
        assert isinstance(usual, dict)
        return {
            key: differing(value, usual[key]) if isinstance(usual[key], dict) and usual[key] else value
            for key, value in values.items()
            if value != usual[key]
        }

    found = differing(to_mapping(settings)["settings"], to_mapping(Settings())["settings"])
    assert isinstance(found, dict)
    return found


def _refuse_hidden(photos: Sequence[Path]) -> None:
    """The service's user sees neither homes nor /tmp: neither program nor photos can lie there."""
    program = map(Path, (sys.executable, os.path.realpath(sys.executable), sys.prefix, __file__))
    for path in program:
        if any(path.is_relative_to(hidden) for hidden in HIDDEN):
            raise StartRefused(
                f"{path} lies where a service of the system cannot see it: install the program elsewhere "
                "(python3 -m venv /opt/refundsorter), or use --user"
            )
    for path in photos:
        if any(path.is_relative_to(hidden) for hidden in HIDDEN):
            raise StartRefused(
                f"{path} lies where a service of the system cannot see it: name a folder elsewhere "
                f"({SYSTEM.photos}), or use --user"
            )


def _user(place: Place) -> Iterator[Step]:
    """The service's own user."""
    if not place.owner:
        return
    try:
        pwd.getpwnam(place.owner)
    except KeyError:
        home, shell = f"--home-dir={place.state_dir}", "--shell=/usr/sbin/nologin"
        add = partial(steps.call, "useradd", "--system", "--user-group", home, shell, place.owner)
        yield Step(does=f"make the user {place.owner}", take=add)
    else:
        yield Step(does=f"the user {place.owner} is there")


def _copied(source: Path, target: Path, judge: Callable[[Path], object]) -> Step:
    """A file or a folder that is copied where it is missing; a wrong one is refused first of all."""
    there = target / ACTIVE if source.is_dir() else target
    if there.exists():
        return steps.kept(target)
    judge(source)

    def copy() -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)
        for path in (target, *target.rglob("*")):  # the service's user reads what may have been private
            path.chmod(0o755 if path.is_dir() else 0o644)

    return Step(does=f"copy {source} to {target}", take=copy)
