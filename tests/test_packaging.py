"""What is given away: the wheel holds the package and nothing else, and works where it is installed."""

import email
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from refundsorter import __version__

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built as a release is, with the pinned build backend."""
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT],
        check=True,
        capture_output=True,
    )
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel installed, without what it depends on."""
    target = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--target",
            target,
            wheel,
        ],
        check=True,
        capture_output=True,
    )
    return target


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """Every module, the typing marker, the units, and the metadata with the licence; nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    metadata = f"refundsorter-{__version__}.dist-info/"
    modules = {
        os.fspath(path.relative_to(ROOT))
        for path in (ROOT / "refundsorter").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    units = {f"refundsorter/{path.name}" for path in (ROOT / "systemd").iterdir()}
    assert {name for name in names if not name.startswith(metadata)} == modules | units
    assert len(units) == 3
    assert "refundsorter/py.typed" in names
    assert metadata + "licenses/LICENSE" in names


def test_the_metadata_names_command_and_extras(wheel: Path) -> None:
    """The command, the Python that is needed, and the extras that the README speaks of."""
    with zipfile.ZipFile(wheel) as archive:
        folder = f"refundsorter-{__version__}.dist-info"
        metadata = email.message_from_bytes(archive.read(f"{folder}/METADATA"))
        commands = archive.read(f"{folder}/entry_points.txt").decode()
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert set(metadata.get_all("Provides-Extra", [])) == {"train", "parquet", "test", "all"}
    assert "refundsorter = refundsorter.__main__:main" in commands


@pytest.mark.parametrize(
    ("option", "said"), [("--version", f"refundsorter {__version__}\n"), ("--help", "Usage:")]
)
def test_it_runs_where_it_is_installed(installed: Path, tmp_path: Path, option: str, said: str) -> None:
    """From another folder, with the dependencies of this environment: the installed code answers."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([os.fspath(installed), sysconfig.get_path("purelib")]),
    }
    run = [sys.executable, "-S", "-m", "refundsorter", option]  # -S: an editable install is not seen
    answered = subprocess.run(run, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment)
    assert answered.stdout.startswith(said)
    where = [sys.executable, "-S", "-c", "import refundsorter; print(refundsorter.__file__)"]
    found = subprocess.run(where, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment)
    assert Path(found.stdout.strip()).is_relative_to(installed)


def test_the_unit_is_found_where_it_is_installed(installed: Path, tmp_path: Path) -> None:
    """`install-service` fills in the text that the wheel has brought."""
    path = os.pathsep.join([os.fspath(installed), sysconfig.get_path("purelib")])
    asked = "from refundsorter.service_unit import template; print(template())"
    found = subprocess.run(
        [sys.executable, "-S", "-c", asked],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
    )
    unit = Path(found.stdout.strip())
    assert unit.is_relative_to(installed)
    assert unit.read_text() == (ROOT / "systemd" / "refundsorter.service").read_text()
